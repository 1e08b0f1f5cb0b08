//! The feed's messages: pushes in RESP3, arrays in RESP2. What reads them is [`crate::feed`].

use super::{Protocol, bulk, error, integer, push, text};
use crate::code::Code;
use gavel_core::{Position, ShardId, Timestamp};
use std::fmt::Display;

/// `[frame, position of its first record, count of records, header, records]`; header and records together are the frame as
/// it lies in the log.
pub fn followed_frame(
    out: &mut Vec<u8>,
    first: Position,
    count: u32,
    (header, records): (&[u8], &[u8]),
    protocol: Protocol,
) {
    push(out, 5, protocol);
    bulk(out, b"frame");
    position(out, first);
    integer(out, i64::from(count));
    bulk(out, header);
    bulk(out, records);
}

/// `[heartbeat, position of the last durable record, the server's time in microseconds]`.
pub fn heartbeat(out: &mut Vec<u8>, durable: Position, now: Timestamp, protocol: Protocol) {
    push(out, 3, protocol);
    bulk(out, b"heartbeat");
    position(out, durable);
    integer(out, i64::try_from(now.micros()).unwrap_or(i64::MAX));
}

/// `[unfollowed, shard, why]`: nothing more of the shard comes. Why is said as an error would say it.
pub fn unfollowed(out: &mut Vec<u8>, shard: ShardId, code: Code, words: impl Display, protocol: Protocol) {
    push(out, 3, protocol);
    bulk(out, b"unfollowed");
    integer(out, i64::from(shard.0));
    let mut why = Vec::new();
    error(&mut why, code, words);
    bulk(out, why.trim_ascii().get(1..).unwrap_or_default());
}

fn position(out: &mut Vec<u8>, position: Position) {
    let mut line = Vec::with_capacity(40);
    text(&mut line, format_args!("{position}"));
    bulk(out, &line);
}
