//! Bytes to commands.
//!
//! The decoder looks at the front of a buffer and says how many bytes it is done with. A command is given out only
//! whole, as slices of that buffer, so the buffer must be able to hold one
//! ([`READ_BUFFER_BYTES`](crate::limits::READ_BUFFER_BYTES)). What is larger than that but can still be followed is read
//! past piece by piece and then refused; that is the decoder's only state. However the stream is cut into pieces, the
//! same commands and refusals come out.

mod args;
mod inline;
mod length;

pub use args::{Args, ArgsIter};

use crate::code::Code;
use crate::limits::{ARGS_HARD_MAX, ARGS_MAX, BULK_BYTES_HARD_MAX, BULK_BYTES_MAX, COMMAND_BYTES_MAX};
use args::Builder;
use length::length;

/// Follows one connection's stream of commands.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    skip: Option<Skip>,
}

/// A command that is being read past.
#[derive(Clone, Copy, Debug)]
struct Skip {
    /// Bytes of the present argument that are still to come, its line end included.
    bytes_left: u64,
    /// Arguments after it.
    args_left: u64,
    refusal: Refusal,
}

/// What the decoder made of the front of the buffer.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Bytes at the front of the buffer that are done with, whatever the item is.
    pub consumed: usize,
    /// What they were.
    pub item: Item<'a>,
}

/// One thing that a stream of commands brings.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// A command with at least one argument: its name.
    Command(Args<'a>),
    /// A command that can't be taken. It gets an error reply; the stream goes on behind it.
    Refused(Refusal),
    /// An empty line or an empty array: nothing, and no reply.
    Blank,
    /// The next command is not all there. Drop what is consumed, read more, ask again.
    Incomplete,
}

/// A command that was followed to its end but is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An argument above [`BULK_BYTES_MAX`].
    #[error("an argument has {0} bytes, at most {BULK_BYTES_MAX} are allowed")]
    Argument(u64),
    /// Arguments above [`ARGS_MAX`].
    #[error("a command has {0} arguments, at most {ARGS_MAX} are allowed")]
    Arguments(u64),
    /// A command above [`COMMAND_BYTES_MAX`].
    #[error("a command has more than {COMMAND_BYTES_MAX} bytes, which is the most that is allowed")]
    Command,
    /// An inline command whose quotes don't pair up.
    #[error("quotes don't pair up: a quoted word ends with the same quote, followed by a space")]
    Quotes,
    /// An inline command with a backslash between double quotes.
    #[error("escapes are not supported in inline commands: use single quotes, or send an array")]
    Escape,
}

impl Refusal {
    /// The code of the error reply.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::Argument(_) | Self::Arguments(_) | Self::Command => Code::TooLarge,
            Self::Quotes | Self::Escape => Code::Invalid,
        }
    }
}

/// A stream that can't be followed any more: answer this, then close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// A command must begin with `*` or a letter.
    #[error("Protocol error: expected '*' or a command word, got {}", Byte(*.0))]
    Start(u8),
    /// The number after `*` is none, negative or above [`ARGS_HARD_MAX`].
    #[error("Protocol error: invalid multibulk length")]
    MultibulkLength,
    /// An argument must begin with `$`.
    #[error("Protocol error: expected '$', got {}", Byte(*.0))]
    Bulk(u8),
    /// The number after `$` is none, negative or above [`BULK_BYTES_HARD_MAX`].
    #[error("Protocol error: invalid bulk length")]
    BulkLength,
    /// An argument does not end where its length says.
    #[error("Protocol error: expected CRLF after an argument")]
    BulkEnd,
    /// A line above [`INLINE_BYTES_MAX`](crate::limits::INLINE_BYTES_MAX).
    #[error("Protocol error: too big inline request")]
    Inline,
    /// The other side speaks HTTP. Going on would carry out commands hidden in the body of a web page's request.
    #[error("Protocol error: this port speaks RESP, not HTTP")]
    Http,
}

/// Shows a byte as a character where it is a printable one.
struct Byte(u8);

impl std::fmt::Display for Byte {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_ascii_graphic() {
            write!(f, "'{}'", char::from(self.0))
        } else {
            write!(f, "0x{:02x}", self.0)
        }
    }
}

impl ProtocolError {
    /// The code of the error reply.
    pub const CODE: Code = Code::Invalid;
}

impl<'a> Step<'a> {
    const fn incomplete(consumed: usize) -> Self {
        Self { consumed, item: Item::Incomplete }
    }
}

impl Decoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self { skip: None }
    }

    /// Decodes the front of `buf`, which holds the stream from the first byte that is not yet consumed.
    ///
    /// # Errors
    /// The stream can't be followed: answer the error and close. The decoder must not be asked again.
    #[inline]
    pub fn decode<'a>(&mut self, buf: &'a [u8]) -> Result<Step<'a>, ProtocolError> {
        if let Some(skip) = self.skip {
            return self.read_past(skip, 0, buf);
        }
        match buf.first() {
            None => Ok(Step::incomplete(0)),
            Some(b'*') => self.multibulk(buf),
            Some(b'\r' | b'\n' | b' ' | b'\t') => inline::decode(buf),
            Some(byte) if byte.is_ascii_alphabetic() => inline::decode(buf),
            Some(&byte) => Err(ProtocolError::Start(byte)),
        }
    }

    /// `*2\r\n$4\r\nPING\r\n$2\r\nhi\r\n`
    #[inline]
    fn multibulk<'a>(&mut self, buf: &'a [u8]) -> Result<Step<'a>, ProtocolError> {
        let Some((count, mut at)) =
            length(buf, 1, ARGS_HARD_MAX).map_err(|_| ProtocolError::MultibulkLength)?
        else {
            return Ok(Step::incomplete(0));
        };
        if count == 0 {
            return Ok(Step { consumed: at, item: Item::Blank });
        }
        if count > ARGS_MAX as u64 {
            let skip = Skip { bytes_left: 0, args_left: count, refusal: Refusal::Arguments(count) };
            return self.read_past(skip, at, buf);
        }
        let mut args = Builder::new();
        for index in 0..count {
            let Some((size, body)) = bulk_header(buf, at)? else { return Ok(Step::incomplete(0)) };
            let refusal = match () {
                () if size > BULK_BYTES_MAX as u64 => Some(Refusal::Argument(size)),
                () if body as u64 + size > COMMAND_BYTES_MAX as u64 - 2 => Some(Refusal::Command),
                () => None,
            };
            if let Some(refusal) = refusal {
                let skip = Skip { bytes_left: size + 2, args_left: count - index - 1, refusal };
                return self.read_past(skip, body, buf);
            }
            let end = body + size as usize;
            match buf.get(end..end + 2) {
                None => return Ok(Step::incomplete(0)),
                Some(b"\r\n") => args.push(&buf[body..end], at),
                Some(_) => return Err(ProtocolError::BulkEnd),
            }
            at = end + 2;
        }
        Ok(Step { consumed: at, item: Item::Command(args.multibulk(&buf[..at])) })
    }

    /// Goes on reading past a command, from `at`.
    fn read_past<'a>(
        &mut self,
        mut skip: Skip,
        mut at: usize,
        buf: &'a [u8],
    ) -> Result<Step<'a>, ProtocolError> {
        loop {
            let taken = skip.bytes_left.min((buf.len() - at) as u64);
            skip.bytes_left -= taken;
            at += taken as usize;
            if skip.bytes_left == 0 {
                if skip.args_left == 0 {
                    self.skip = None;
                    return Ok(Step { consumed: at, item: Item::Refused(skip.refusal) });
                }
                if let Some((size, body)) = bulk_header(buf, at)? {
                    skip.args_left -= 1;
                    skip.bytes_left = size + 2;
                    at = body;
                    continue;
                }
            }
            self.skip = Some(skip);
            return Ok(Step::incomplete(at));
        }
    }
}

/// The size of the argument whose header is at `at`, and where its body begins. `None` when it is not all there.
#[inline]
fn bulk_header(buf: &[u8], at: usize) -> Result<Option<(u64, usize)>, ProtocolError> {
    match buf.get(at) {
        None => Ok(None),
        Some(b'$') => length(buf, at + 1, BULK_BYTES_HARD_MAX).map_err(|_| ProtocolError::BulkLength),
        Some(&byte) => Err(ProtocolError::Bulk(byte)),
    }
}
