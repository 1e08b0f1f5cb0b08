//! What `HELLO` answers.

use super::{Protocol, array, bulk, integer, map, null};
use gavel_core::LogId;

/// What a client is told about the server.
#[derive(Clone, Copy, Debug)]
pub struct ServerInfo<'a> {
    /// The version of Gavel.
    pub version: &'a str,
    /// The connection's number.
    pub connection: u64,
    /// Which log it keeps; `None` while it is not open yet.
    pub log: Option<LogId>,
}

/// The map that Redis answers to `HELLO`, in the protocol that is in force after it, and which log is behind it.
pub fn hello(out: &mut Vec<u8>, info: ServerInfo<'_>, protocol: Protocol) {
    let number = match protocol {
        Protocol::Resp2 => 2,
        Protocol::Resp3 => 3,
    };
    map(out, 8, protocol);
    bulk(out, b"server");
    bulk(out, b"gavel");
    bulk(out, b"version");
    bulk(out, info.version.as_bytes());
    bulk(out, b"proto");
    integer(out, number);
    bulk(out, b"id");
    integer(out, i64::try_from(info.connection).unwrap_or(i64::MAX));
    bulk(out, b"mode");
    bulk(out, b"standalone");
    bulk(out, b"role");
    bulk(out, b"master");
    bulk(out, b"modules");
    array(out, 0);
    bulk(out, b"log");
    match info.log {
        Some(log) => bulk(out, log.to_string().as_bytes()),
        None => null(out, protocol),
    }
}
