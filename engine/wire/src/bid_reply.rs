//! The reply to a bid, read as fast as it is written: no allocation, and nothing that a bid is never answered with.

use crate::code::Code;
use crate::limits::ERROR_BYTES_MAX;
use gavel_core::{Amount, BidId, Epoch, Lsn, Position, Receipt, ShardId, Standing, Timestamp};

/// What became of a bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BidReply<'a> {
    /// It is accepted, and on disk.
    Accepted(Receipt),
    /// It is refused.
    Refused {
        /// Why, in one word.
        code: Code,
        /// Why, in words.
        words: &'a [u8],
    },
}

/// What came is no reply to a bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server's answer is no reply to a bid")]
pub struct NoBidReply;

/// The longest line of a receipt without its line end: a bid's id.
const LINE_BYTES_MAX: usize = 36;
/// The longest error line: code, words, and what belongs to them.
const REFUSAL_BYTES_MAX: usize = ERROR_BYTES_MAX + 16;

/// Reads the reply at the front of the buffer, and how many bytes it has. `None` when it is not all there.
///
/// # Errors
/// It is something else; the stream can't be followed from here by this function.
#[inline]
pub fn read_bid_reply(buf: &[u8]) -> Result<Option<(BidReply<'_>, usize)>, NoBidReply> {
    match buf.first() {
        None => Ok(None),
        Some(b'*') => {
            let mut reader = Reader { buf, at: 0 };
            let receipt = receipt(&mut reader)?;
            Ok(receipt.map(|receipt| (BidReply::Accepted(receipt), reader.at)))
        }
        Some(b'-') => refused(buf),
        Some(_) => Err(NoBidReply),
    }
}

fn refused(buf: &[u8]) -> Result<Option<(BidReply<'_>, usize)>, NoBidReply> {
    let window = &buf[1..buf.len().min(REFUSAL_BYTES_MAX)];
    let Some(end) = window.iter().position(|&byte| byte == b'\r') else {
        return if buf.len() >= REFUSAL_BYTES_MAX { Err(NoBidReply) } else { Ok(None) };
    };
    let line = &window[..end];
    let (word, words) = match line.iter().position(|&byte| byte == b' ') {
        Some(space) => (&line[..space], &line[space + 1..]),
        None => (line, &line[end..]),
    };
    let code = Code::parse(word).ok_or(NoBidReply)?;
    match buf.get(end + 2) {
        None => Ok(None),
        Some(b'\n') => Ok(Some((BidReply::Refused { code, words }, end + 3))),
        Some(_) => Err(NoBidReply),
    }
}

/// Goes through the lines of a receipt. `None`: the bytes end before the line does.
struct Reader<'a> {
    buf: &'a [u8],
    at: usize,
}

/// Leaves the enclosing function with `Ok(None)` where bytes are missing.
macro_rules! there {
    ($read:expr) => {
        match $read? {
            Some(value) => value,
            None => return Ok(None),
        }
    };
}

#[inline]
fn receipt(reader: &mut Reader<'_>) -> Result<Option<Receipt>, NoBidReply> {
    there!(reader.expect(b"*6"));
    let standing = match there!(reader.line()) {
        b"+LEADING" => Standing::Leading,
        b"+OUTBID" => Standing::Outbid,
        b"+SOLD" => Standing::Sold,
        _ => return Err(NoBidReply),
    };
    let position = position(there!(reader.bulk())).ok_or(NoBidReply)?;
    let price = Amount::new(there!(reader.integer())).ok_or(NoBidReply)?;
    let min_next = Amount::new(there!(reader.integer())).ok_or(NoBidReply)?;
    let ends_at = Timestamp::from_micros(there!(reader.integer())).ok_or(NoBidReply)?;
    let bid = BidId::parse(there!(reader.bulk())).ok_or(NoBidReply)?;
    Ok(Some(Receipt { standing, price, min_next, ends_at, bid, position }))
}

impl<'a> Reader<'a> {
    /// The next line without its end.
    #[inline]
    fn line(&mut self) -> Result<Option<&'a [u8]>, NoBidReply> {
        let rest = &self.buf[self.at..];
        let window = &rest[..rest.len().min(LINE_BYTES_MAX + 2)];
        let Some(end) = window.iter().position(|&byte| byte == b'\r') else {
            return if window.len() == LINE_BYTES_MAX + 2 { Err(NoBidReply) } else { Ok(None) };
        };
        match rest.get(end + 1) {
            None => Ok(None),
            Some(b'\n') => {
                self.at += end + 2;
                Ok(Some(&rest[..end]))
            }
            Some(_) => Err(NoBidReply),
        }
    }

    #[inline]
    fn expect(&mut self, wanted: &[u8]) -> Result<Option<()>, NoBidReply> {
        match self.line()? {
            None => Ok(None),
            Some(line) if line == wanted => Ok(Some(())),
            Some(_) => Err(NoBidReply),
        }
    }

    /// The text of a bulk without line ends in it.
    #[inline]
    fn bulk(&mut self) -> Result<Option<&'a [u8]>, NoBidReply> {
        let size = match there!(self.line()) {
            [b'$', digits @ ..] => number(digits).ok_or(NoBidReply)?,
            _ => return Err(NoBidReply),
        };
        let text = there!(self.line());
        if text.len() as u64 == size { Ok(Some(text)) } else { Err(NoBidReply) }
    }

    #[inline]
    fn integer(&mut self) -> Result<Option<u64>, NoBidReply> {
        match self.line()? {
            None => Ok(None),
            Some([b':', digits @ ..]) => number(digits).map(Some).ok_or(NoBidReply),
            Some(_) => Err(NoBidReply),
        }
    }
}

/// `3-1-42`
#[inline]
pub(crate) fn position(text: &[u8]) -> Option<Position> {
    let first = text.iter().position(|&byte| byte == b'-')?;
    let second = first + 1 + text[first + 1..].iter().position(|&byte| byte == b'-')?;
    Some(Position {
        shard: ShardId(u8::try_from(number(&text[..first])?).ok()?),
        epoch: Epoch(u32::try_from(number(&text[first + 1..second])?).ok()?),
        lsn: Lsn(number(&text[second + 1..])?),
    })
}

/// Decimal digits, at most what 64 bits hold.
#[inline]
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}
