//! What a server answered, and how it is read from a stream: RESP2 and RESP3, from their specification.

use std::fmt::{Debug, Formatter};
use std::io::{BufRead, Error, ErrorKind, Result};

/// One reply.
#[derive(Clone, PartialEq)]
pub enum Reply {
    /// `+text`
    Simple(String),
    /// `-CODE words`
    Error(String),
    /// `:integer`
    Integer(i64),
    /// `$length bytes`, or a RESP3 verbatim string without its type.
    Bulk(Vec<u8>),
    /// RESP2's `$-1` and `*-1`, RESP3's `_`
    Null,
    /// `*count …`, or a RESP3 set.
    Array(Vec<Self>),
    /// `>count …`
    Push(Vec<Self>),
    /// `%count …`
    Map(Vec<(Self, Self)>),
    /// `#t` or `#f`
    Boolean(bool),
    /// `,float`
    Double(f64),
}

impl Reply {
    /// Reads one reply.
    ///
    /// # Errors
    /// `UnexpectedEof` at the end of the stream, `InvalidData` for bytes that are no reply.
    pub fn read(stream: &mut impl BufRead) -> Result<Self> {
        let line = read_line(stream)?;
        let (kind, rest) = line.split_at_checked(1).ok_or_else(|| invalid("an empty line"))?;
        Ok(match kind {
            "+" => Self::Simple(rest.to_owned()),
            "-" => Self::Error(rest.to_owned()),
            ":" => Self::Integer(number(rest)?),
            "$" => read_bulk(stream, rest)?,
            "=" => match read_bulk(stream, rest)? {
                Self::Bulk(bytes) if bytes.get(3) == Some(&b':') => Self::Bulk(bytes[4..].to_vec()),
                _ => return Err(invalid(&line)),
            },
            "*" if rest == "-1" => Self::Null,
            "*" | "~" => Self::Array(read_many(stream, rest)?),
            ">" => Self::Push(read_many(stream, rest)?),
            "%" => Self::Map(read_pairs(stream, rest)?),
            "_" => Self::Null,
            "#" => Self::Boolean(rest == "t"),
            "," => Self::Double(rest.parse().map_err(|_| invalid(&line))?),
            _ => return Err(invalid(&line)),
        })
    }

    /// The text of a simple string, a bulk string or an error.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Simple(text) | Self::Error(text) => text,
            Self::Bulk(bytes) => std::str::from_utf8(bytes).expect("a reply in UTF-8"),
            other => panic!("expected a text, got {other:?}"),
        }
    }

    /// The number of an integer reply.
    #[must_use]
    pub fn integer(&self) -> i64 {
        match self {
            Self::Integer(value) => *value,
            other => panic!("expected an integer, got {other:?}"),
        }
    }

    /// The elements of an array or push.
    #[must_use]
    pub fn elements(&self) -> &[Self] {
        match self {
            Self::Array(elements) | Self::Push(elements) => elements,
            other => panic!("expected an array, got {other:?}"),
        }
    }

    /// The code of an error: its first word. `None` for anything but an error.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Error(text) => text.split(' ').next(),
            _ => None,
        }
    }

    /// The JSON document in a bulk string.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.text())
            .unwrap_or_else(|error| panic!("expected JSON ({error}), got {self:?}"))
    }
}

impl Debug for Reply {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Simple(text) => write!(f, "+{text}"),
            Self::Error(text) => write!(f, "-{text}"),
            Self::Integer(value) => write!(f, ":{value}"),
            Self::Bulk(bytes) => write!(f, "{:?}", String::from_utf8_lossy(bytes)),
            Self::Null => f.write_str("null"),
            Self::Array(elements) => elements.fmt(f),
            Self::Push(elements) => write!(f, ">{elements:?}"),
            Self::Map(pairs) => write!(f, "%{pairs:?}"),
            Self::Boolean(value) => write!(f, "#{value}"),
            Self::Double(value) => write!(f, ",{value}"),
        }
    }
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("no RESP reply: {what:?}"))
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| invalid(text))
}

/// A line without its CRLF.
fn read_line(stream: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    match line.strip_suffix("\r\n") {
        Some(text) => Ok(text.to_owned()),
        None => Err(invalid(&line)),
    }
}

fn read_bulk(stream: &mut impl BufRead, length: &str) -> Result<Reply> {
    if length == "-1" {
        return Ok(Reply::Null);
    }
    let mut bytes = vec![0; number::<usize>(length)? + 2];
    stream.read_exact(&mut bytes)?;
    if !bytes.ends_with(b"\r\n") {
        return Err(invalid("a bulk string without CRLF behind it"));
    }
    bytes.truncate(bytes.len() - 2);
    Ok(Reply::Bulk(bytes))
}

fn read_many(stream: &mut impl BufRead, count: &str) -> Result<Vec<Reply>> {
    (0..number::<usize>(count)?).map(|_| Reply::read(stream)).collect()
}

fn read_pairs(stream: &mut impl BufRead, count: &str) -> Result<Vec<(Reply, Reply)>> {
    (0..number::<usize>(count)?).map(|_| Ok((Reply::read(stream)?, Reply::read(stream)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Reply {
        Reply::read(&mut &bytes[..]).unwrap()
    }

    #[test]
    fn replies_of_both_versions_are_read() {
        assert_eq!(read(b"+OK\r\n"), Reply::Simple("OK".into()));
        assert_eq!(read(b"-TOOLOW bid at least 7\r\n").code(), Some("TOOLOW"));
        assert_eq!(read(b"$3\r\na\r\n\r\n"), Reply::Bulk(b"a\r\n".to_vec()));
        assert_eq!(read(b"*2\r\n:1\r\n$-1\r\n"), Reply::Array(vec![Reply::Integer(1), Reply::Null]));
        assert_eq!(
            read(b"%1\r\n+a\r\n#t\r\n"),
            Reply::Map(vec![(Reply::Simple("a".into()), Reply::Boolean(true))])
        );
        assert_eq!(read(b">1\r\n_\r\n"), Reply::Push(vec![Reply::Null]));
        assert_eq!(read(b"=7\r\ntxt:abc\r\n"), Reply::Bulk(b"abc".to_vec()));
    }

    #[test]
    fn what_is_no_reply_is_an_error() {
        for bytes in [&b"hello\r\n"[..], b"\r\n", b":x\r\n", b"$3\r\nabcd\r\n", b"+OK\n"] {
            assert_eq!(Reply::read(&mut &bytes[..]).unwrap_err().kind(), ErrorKind::InvalidData, "{bytes:?}");
        }
        assert_eq!(Reply::read(&mut &b"$3\r\na"[..]).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}
