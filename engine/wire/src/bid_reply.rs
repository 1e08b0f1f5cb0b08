//! The reply to a bid, read as fast as it is written: no allocation, and nothing that a bid is never answered with.

use crate::code::Code;
use crate::limits::ERROR_BYTES_MAX;
use gavel_core::{Amount, BidId, Position, Receipt, Standing, Timestamp};

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

/// The longest bulk in a receipt: a bid's id, or a position.
const BULK_BYTES_MAX: u64 = 36;
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

/// Goes through a receipt. `None`: the bytes end before it does.
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
    let standing = there!(reader.standing());
    let position = Position::parse(there!(reader.bulk())).ok_or(NoBidReply)?;
    let price = Amount::new(there!(reader.integer(b':'))).ok_or(NoBidReply)?;
    let min_next = Amount::new(there!(reader.integer(b':'))).ok_or(NoBidReply)?;
    let ends_at = Timestamp::from_micros(there!(reader.integer(b':'))).ok_or(NoBidReply)?;
    let bid = BidId::parse(there!(reader.bulk())).ok_or(NoBidReply)?;
    Ok(Some(Receipt { standing, price, min_next, ends_at, bid, position }))
}

/// How each receipt begins.
const HEADS: [(&[u8], Standing); 3] = [
    (b"*6\r\n+LEADING\r\n", Standing::Leading),
    (b"*6\r\n+OUTBID\r\n", Standing::Outbid),
    (b"*6\r\n+SOLD\r\n", Standing::Sold),
];

impl<'a> Reader<'a> {
    #[inline]
    fn standing(&mut self) -> Result<Option<Standing>, NoBidReply> {
        for (head, standing) in HEADS {
            if self.buf.starts_with(head) {
                self.at = head.len();
                return Ok(Some(standing));
            }
        }
        if HEADS.iter().any(|(head, _)| head.starts_with(self.buf)) { Ok(None) } else { Err(NoBidReply) }
    }

    /// A line of one kind with a decimal number.
    #[inline]
    fn integer(&mut self, kind: u8) -> Result<Option<u64>, NoBidReply> {
        let rest = &self.buf[self.at..];
        match rest.first() {
            None => return Ok(None),
            Some(&byte) if byte == kind => {}
            Some(_) => return Err(NoBidReply),
        }
        let mut value: u64 = 0;
        for (index, &byte) in rest.iter().enumerate().skip(1).take(DIGITS_MAX + 1) {
            match byte {
                // Cannot overflow: there are at most `DIGITS_MAX` of them.
                b'0'..=b'9' if index <= DIGITS_MAX => {
                    value = value.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'))
                }
                b'\r' if index > 1 => {
                    return match rest.get(index + 1) {
                        None => Ok(None),
                        Some(b'\n') => {
                            self.at += index + 2;
                            Ok(Some(value))
                        }
                        Some(_) => Err(NoBidReply),
                    };
                }
                _ => return Err(NoBidReply),
            }
        }
        Ok(None)
    }

    /// A bulk of at most [`BULK_BYTES_MAX`] bytes.
    #[inline]
    fn bulk(&mut self) -> Result<Option<&'a [u8]>, NoBidReply> {
        let size = there!(self.integer(b'$'));
        if size > BULK_BYTES_MAX {
            return Err(NoBidReply);
        }
        let end = self.at + size as usize;
        match self.buf.get(end..end + 2) {
            None => Ok(None),
            Some(b"\r\n") => {
                let text = &self.buf[self.at..end];
                self.at = end + 2;
                Ok(Some(text))
            }
            Some(_) => Err(NoBidReply),
        }
    }
}

/// Digits that always fit 64 bits. Amounts and times have fewer.
const DIGITS_MAX: usize = 19;
