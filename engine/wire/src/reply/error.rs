//! Error replies: `-CODE words`, on one line, cut to [`ERROR_BYTES_MAX`] bytes.

use crate::code::Code;
use crate::decode::{ProtocolError, Refusal};
use crate::limits::ERROR_BYTES_MAX;
use crate::request::RequestError;
use gavel_core::Rejection;
use std::fmt::{Display, Write};

/// Any refusal: the code, then words a person understands.
pub fn error(out: &mut Vec<u8>, code: Code, words: impl Display) {
    out.push(b'-');
    out.extend_from_slice(code.as_str().as_bytes());
    out.push(b' ');
    let mut line = Line { left: ERROR_BYTES_MAX, out };
    // A line that is full cuts the text short, which is what the bound is for.
    write!(line, "{words}").unwrap_or_default();
    out.extend_from_slice(b"\r\n");
}

/// A refusal by the rules.
pub fn rejection(out: &mut Vec<u8>, rejection: &Rejection) {
    error(out, Code::of(rejection), rejection);
}

/// A command that can't be understood.
pub fn request_error(out: &mut Vec<u8>, wrong: &RequestError) {
    error(out, wrong.code(), wrong);
}

/// A command that was read past.
pub fn refusal(out: &mut Vec<u8>, refused: Refusal) {
    error(out, refused.code(), refused);
}

/// The last reply before the connection is closed.
pub fn protocol_error(out: &mut Vec<u8>, wrong: ProtocolError) {
    error(out, ProtocolError::CODE, wrong);
}

/// Takes text without control characters, up to a bound.
struct Line<'a> {
    out: &'a mut Vec<u8>,
    left: usize,
}

impl Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = text.floor_char_boundary(self.left);
        self.left -= end;
        self.out.extend(text.as_bytes()[..end].iter().map(|&byte| if byte < b' ' { b' ' } else { byte }));
        if end == text.len() { Ok(()) } else { Err(std::fmt::Error) }
    }
}
