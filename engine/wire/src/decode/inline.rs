//! Commands as a person types them: one line of words, `AUCTION OPEN '{"seller": "7"}'`.
//!
//! A word in single or double quotes may hold spaces. There are no escapes, so that a word is always a slice of the
//! line; programs send arrays.

use super::args::Builder;
use super::{Item, ProtocolError, Refusal, Step};
use crate::limits::{ARGS_MAX, INLINE_BYTES_MAX};

/// First words of HTTP requests and of their header lines. None is a command.
const HTTP: [&[u8]; 8] = [b"GET", b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS", b"PATCH", b"HOST:"];

/// Decodes a line.
pub(super) fn decode(buf: &[u8]) -> Result<Step<'_>, ProtocolError> {
    let window = &buf[..buf.len().min(INLINE_BYTES_MAX + 2)];
    let Some(newline) = window.iter().position(|&byte| byte == b'\n') else {
        return if window.len() == INLINE_BYTES_MAX + 2 {
            Err(ProtocolError::Inline)
        } else {
            Ok(Step::incomplete(0))
        };
    };
    let line = &buf[..newline];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > INLINE_BYTES_MAX {
        return Err(ProtocolError::Inline);
    }
    Ok(Step { consumed: newline + 1, item: words(line)? })
}

fn words(line: &[u8]) -> Result<Item<'_>, ProtocolError> {
    let mut args = Builder::new();
    let mut at = 0;
    loop {
        match next_word(&line[at..]) {
            Err(refusal) => return Ok(Item::Refused(refusal)),
            Ok(None) if args.count() == 0 => return Ok(Item::Blank),
            Ok(None) if args.count() > ARGS_MAX => {
                return Ok(Item::Refused(Refusal::Arguments(args.count() as u64)));
            }
            Ok(None) => return Ok(Item::Command(args.inline(line))),
            Ok(Some((word, after))) => {
                if args.count() == 0 && HTTP.iter().any(|method| word.eq_ignore_ascii_case(method)) {
                    return Err(ProtocolError::Http);
                }
                args.push(word, at);
                at += after;
            }
        }
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// The first word of the line, and where the rest begins. `None` when there are only spaces.
pub(super) fn next_word(line: &[u8]) -> Result<Option<(&[u8], usize)>, Refusal> {
    let Some(start) = line.iter().position(|&byte| !is_space(byte)) else { return Ok(None) };
    let quote = line[start];
    if quote != b'"' && quote != b'\'' {
        let size = line[start..].iter().position(|&byte| is_space(byte)).unwrap_or(line.len() - start);
        let word = &line[start..start + size];
        return if word.contains(&b'"') || word.contains(&b'\'') {
            Err(Refusal::Quotes)
        } else {
            Ok(Some((word, start + size)))
        };
    }
    let body = &line[start + 1..];
    let size = body.iter().position(|&byte| byte == quote).ok_or(Refusal::Quotes)?;
    if quote == b'"' && body[..size].contains(&b'\\') {
        return Err(Refusal::Escape);
    }
    match body.get(size + 1) {
        Some(&byte) if !is_space(byte) => Err(Refusal::Quotes),
        _ => Ok(Some((&body[..size], start + size + 2))),
    }
}
