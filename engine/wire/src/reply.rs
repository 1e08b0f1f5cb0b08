//! Replies to bytes, at the end of a buffer that the caller empties into the socket.
//!
//! What both protocols write alike takes no [`Protocol`]. Texts of simple replies and errors can't break out of their line:
//! control characters become spaces.

mod catalogue;
mod error;
mod feed;
mod receipt;
mod service;
mod subscription;

pub use catalogue::catalogue;
pub use error::{error, protocol_error, refusal, rejection, request_error};
pub use feed::{followed_frame, heartbeat, unfollowed};
pub(crate) use receipt::uuid_text;
pub use receipt::{RECEIPT_BYTES_MAX, receipt};
pub use service::{ServerInfo, hello};
pub use subscription::{message, pong_subscribed, subscribed, unsubscribed};

use gavel_core::AuctionId;

/// The version of RESP that one connection speaks. Every connection begins with 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// RESP2.
    #[default]
    Resp2,
    /// RESP3: maps, nulls and pushes are told apart.
    Resp3,
}

/// `+OK`
pub fn ok(out: &mut Vec<u8>) {
    out.extend_from_slice(b"+OK\r\n");
}

/// A short text without structure.
pub fn simple(out: &mut Vec<u8>, text: &str) {
    out.push(b'+');
    out.extend(text.bytes().map(|byte| if byte < b' ' { b' ' } else { byte }));
    out.extend_from_slice(b"\r\n");
}

/// A signed integer.
pub fn integer(out: &mut Vec<u8>, value: i64) {
    header(out, b':', value);
}

/// Bytes of any kind.
pub fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    length(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Nothing.
pub fn null(out: &mut Vec<u8>, protocol: Protocol) {
    out.extend_from_slice(match protocol {
        Protocol::Resp2 => b"$-1\r\n",
        Protocol::Resp3 => b"_\r\n",
    });
}

/// The head of an array; as many replies follow.
pub fn array(out: &mut Vec<u8>, elements: usize) {
    length(out, b'*', elements);
}

/// The head of a map; as many pairs of replies follow. RESP2 has no maps: there it is an array of keys and values.
pub fn map(out: &mut Vec<u8>, pairs: usize, protocol: Protocol) {
    match protocol {
        Protocol::Resp2 => length(out, b'*', pairs * 2),
        Protocol::Resp3 => length(out, b'%', pairs),
    }
}

/// The head of a push, which is no reply to any command; as many replies follow. RESP2 has none: there it is an array.
pub fn push(out: &mut Vec<u8>, elements: usize, protocol: Protocol) {
    match protocol {
        Protocol::Resp2 => length(out, b'*', elements),
        Protocol::Resp3 => length(out, b'>', elements),
    }
}

/// What `AUCTION OPEN` answers.
pub fn auction_id(out: &mut Vec<u8>, id: AuctionId) {
    bulk(out, &id.to_text());
}

fn header(out: &mut Vec<u8>, kind: u8, value: i64) {
    out.push(kind);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn length(out: &mut Vec<u8>, kind: u8, count: usize) {
    out.push(kind);
    out.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends formatted text.
pub(crate) fn text(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    let written = std::io::Write::write_fmt(out, arguments);
    debug_assert!(written.is_ok(), "a Vec takes everything");
}
