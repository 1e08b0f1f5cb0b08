//! What is asked besides bids, and the replies to all of it, as far as load and verification need them.

use gavel_core::{AuctionId, OpenId, Receipt};
use gavel_wire::{BidReply, Code, Value, encode, read_bid_reply};

/// One reply at the front of a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A bid was accepted.
    Receipt(Receipt),
    /// Something was refused: why, in one word and in words.
    Refused(Code, String),
    /// Any text.
    Text(String),
}

/// Bytes that are no reply to what is asked here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAReply;

impl Reply {
    /// The text, or what the server said instead.
    pub(crate) fn into_text(self) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Refused(code, words) => Err(format!("{code} {words}")),
            Self::Receipt(receipt) => Err(format!("a receipt, {receipt:?}")),
        }
    }
}

/// The reply at the front of `buf` and its length; `None` when it is not all there.
pub(crate) fn decode(buf: &[u8]) -> Result<Option<(Reply, usize)>, NotAReply> {
    if matches!(buf.first(), Some(b'*' | b'-')) {
        let found = read_bid_reply(buf).map_err(|_| NotAReply)?;
        return Ok(found.map(|(reply, length)| (bid_reply(reply), length)));
    }
    match Value::parse(buf).map_err(|_| NotAReply)? {
        None => Ok(None),
        Some((value, length)) => match value.as_str() {
            Some(text) => Ok(Some((Reply::Text(text.to_owned()), length))),
            None => Err(NotAReply),
        },
    }
}

fn bid_reply(reply: BidReply<'_>) -> Reply {
    match reply {
        BidReply::Accepted(receipt) => Reply::Receipt(receipt),
        BidReply::Refused { code, words } => {
            Reply::Refused(code, String::from_utf8_lossy(words).into_owned())
        }
    }
}

/// The amount that would have done, in the words of a `TOOLOW`: their first number.
pub(crate) fn least_amount(words: &[u8]) -> Option<u64> {
    let start = words.iter().position(u8::is_ascii_digit)?;
    let digits = words[start..].split(|byte| !byte.is_ascii_digit()).next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// `AUCTION OPEN terms ID id`
pub(crate) fn encode_open(out: &mut Vec<u8>, terms: &str, id: OpenId) {
    encode::command(out, &[b"AUCTION", b"OPEN", terms.as_bytes(), b"ID", id.to_string().as_bytes()]);
}

/// `AUCTION GET auction`
pub(crate) fn encode_get(out: &mut Vec<u8>, auction: AuctionId) {
    encode::command(out, &[b"AUCTION", b"GET", auction.to_string().as_bytes()]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_refusals_and_receipts_are_told_apart_and_read_only_whole() {
        let stream = b"$4\r\n{  }\r\n-TOOLOW bid at least 10600\r\n*6\r\n+LEADING\r\n$5\r\n3-1-4\r\n:12\r\n:13\r\n:14\r\n\
                       $36\r\n0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3\r\n";
        let (text, first) = decode(stream).unwrap().unwrap();
        assert_eq!(text, Reply::Text("{  }".into()));
        let (refused, second) = decode(&stream[first..]).unwrap().unwrap();
        assert_eq!(refused, Reply::Refused(Code::TooLow, "bid at least 10600".into()));
        let (receipt, third) = decode(&stream[first + second..]).unwrap().unwrap();
        assert!(matches!(receipt, Reply::Receipt(receipt) if receipt.price.get() == 12), "a receipt");
        assert_eq!(first + second + third, stream.len());
        assert!((0..third).all(|cut| decode(&stream[first + second..first + second + cut]) == Ok(None)));
    }

    #[test]
    fn the_amount_that_would_do_is_found_in_the_words() {
        assert_eq!(least_amount(b"bid at least 10600"), Some(10_600));
        assert_eq!(least_amount(b"too low"), None);
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for wrong in [&b"HTTP/1.1 400 Bad Request\r\n"[..], b"*2\r\n:1\r\n:2\r\n", b":1\r\n"] {
            assert_eq!(decode(wrong), Err(NotAReply), "{wrong:?}");
        }
    }
}
