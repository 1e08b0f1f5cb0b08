//! Any reply, as the client holds it. Bounded in bytes, elements and depth, whatever the other side sends.

use crate::code::Code;
use crate::limits::{REPLY_BYTES_MAX, REPLY_DEPTH_MAX, REPLY_ELEMENTS_MAX};

/// A reply of RESP2 or RESP3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `+`: a short text.
    Simple(Box<str>),
    /// `-`: a refusal.
    Error(ServerError),
    /// `:`: an integer.
    Integer(i64),
    /// `$`: bytes.
    Bulk(Box<[u8]>),
    /// `_`, or `$-1` and `*-1`: nothing.
    Null,
    /// `#`: true or false.
    Boolean(bool),
    /// `*` or `~`: a list.
    Array(Vec<Self>),
    /// `%`: pairs in order.
    Map(Vec<(Self, Self)>),
    /// `>`: not a reply, but a message.
    Push(Vec<Self>),
}

/// A refusal as the server said it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {message}")]
pub struct ServerError {
    /// Why, in one word.
    pub code: Code,
    /// Why, in words.
    pub message: Box<str>,
}

/// Bytes that are no reply, or one that is larger than the client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReply {
    /// Not RESP, or a kind that Gavel does not speak.
    #[error("the server's answer is not RESP")]
    Malformed,
    /// An error without one of Gavel's codes.
    #[error("the server's error has an unknown code")]
    Code,
    /// Above one of the bounds in [`limits`](crate::limits).
    #[error("the server's answer is too large")]
    TooLarge,
}

impl Value {
    /// Reads the reply at the front of the buffer, and how many bytes it has. `None` when it is not all there.
    ///
    /// # Errors
    /// It is no reply that this client takes; the stream can't be followed any more.
    pub fn parse(buf: &[u8]) -> Result<Option<(Self, usize)>, BadReply> {
        let mut parser = Parser { buf, at: 0 };
        match parser.value(REPLY_DEPTH_MAX)? {
            Some(value) => Ok(Some((value, parser.at))),
            None if buf.len() > REPLY_BYTES_MAX => Err(BadReply::TooLarge),
            None => Ok(None),
        }
    }

    /// The bytes of a simple text or a bulk.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Simple(text) => Some(text.as_bytes()),
            Self::Bulk(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The same as text, where it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    /// An integer that is not negative.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Integer(value) => u64::try_from(*value).ok(),
            _ => None,
        }
    }
}

struct Parser<'a> {
    buf: &'a [u8],
    at: usize,
}

type Parsed<T> = Result<Option<T>, BadReply>;

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Parsed<Value> {
        let Some(line) = self.line()? else { return Ok(None) };
        let Some((&kind, rest)) = line.split_first() else { return Err(BadReply::Malformed) };
        match kind {
            b'+' => Ok(Some(Value::Simple(text(rest)?))),
            b'-' => error(rest).map(|error| Some(Value::Error(error))),
            b':' => integer(rest).map(|value| Some(Value::Integer(value))),
            b'_' if rest.is_empty() => Ok(Some(Value::Null)),
            b'#' if rest == b"t" || rest == b"f" => Ok(Some(Value::Boolean(rest == b"t"))),
            b'$' | b'*' if rest == b"-1" => Ok(Some(Value::Null)),
            b'$' => self.bulk(size(rest, REPLY_BYTES_MAX as u64)?),
            b'*' | b'~' => Ok(self.list(rest, 1, depth)?.map(Value::Array)),
            b'>' => Ok(self.list(rest, 1, depth)?.map(Value::Push)),
            b'%' => Ok(self.list(rest, 2, depth)?.map(|list| Value::Map(pairs(list)))),
            _ => Err(BadReply::Malformed),
        }
    }

    /// The next line without its end, none when it is not all there.
    fn line(&mut self) -> Parsed<&'a [u8]> {
        let rest = &self.buf[self.at..];
        let Some(end) = rest.iter().position(|&byte| byte == b'\r') else { return Ok(None) };
        match rest.get(end + 1) {
            None => Ok(None),
            Some(b'\n') => {
                self.at += end + 2;
                Ok(Some(&rest[..end]))
            }
            Some(_) => Err(BadReply::Malformed),
        }
    }

    fn bulk(&mut self, size: usize) -> Parsed<Value> {
        let end = self.at + size;
        match self.buf.get(end..end + 2) {
            None => Ok(None),
            Some(b"\r\n") => {
                let bytes = Box::from(&self.buf[self.at..end]);
                self.at = end + 2;
                Ok(Some(Value::Bulk(bytes)))
            }
            Some(_) => Err(BadReply::Malformed),
        }
    }

    /// As many values as the line says, times `each`. Grows with what is there, not with what is promised.
    fn list(&mut self, line: &[u8], each: usize, depth: usize) -> Parsed<Vec<Value>> {
        let count = size(line, REPLY_ELEMENTS_MAX)? * each;
        let depth = depth.checked_sub(1).ok_or(BadReply::TooLarge)?;
        let mut list = Vec::new();
        for _ in 0..count {
            match self.value(depth)? {
                Some(value) => list.push(value),
                None => return Ok(None),
            }
        }
        Ok(Some(list))
    }
}

fn pairs(list: Vec<Value>) -> Vec<(Value, Value)> {
    let mut list = list.into_iter();
    std::iter::from_fn(|| Some((list.next()?, list.next()?))).collect()
}

fn text(bytes: &[u8]) -> Result<Box<str>, BadReply> {
    std::str::from_utf8(bytes).map(Box::from).map_err(|_| BadReply::Malformed)
}

fn integer(bytes: &[u8]) -> Result<i64, BadReply> {
    std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).ok_or(BadReply::Malformed)
}

fn size(bytes: &[u8], max: u64) -> Result<usize, BadReply> {
    let size = u64::try_from(integer(bytes)?).map_err(|_| BadReply::Malformed)?;
    if size > max {
        return Err(BadReply::TooLarge);
    }
    usize::try_from(size).map_err(|_| BadReply::TooLarge)
}

fn error(line: &[u8]) -> Result<ServerError, BadReply> {
    let line = text(line)?;
    let (word, message) = line.split_once(' ').unwrap_or((&line, ""));
    let code = Code::parse(word.as_bytes()).ok_or(BadReply::Code)?;
    Ok(ServerError { code, message: message.into() })
}
