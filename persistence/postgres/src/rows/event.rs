//! Rows of `events` and `shard_events`.

use super::json::for_jsonb;
use crate::Spelling;
use gavel_core::event::Origin;
use gavel_core::{AuctionId, Event, Position, Seq, ShardEvent, Stamp, Timestamp};
use gavel_log::record::Record;

/// Something that happened to an auction and is not a bid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuctionEvent {
    /// To what.
    pub auction: AuctionId,
    /// Its number in the auction.
    pub seq: Seq,
    /// Its record.
    pub position: Position,
    /// The auction's own time.
    pub at: Timestamp,
    /// When its command was received and decided.
    pub stamp: Stamp,
    /// Who caused it.
    pub origin: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// What it says, as JSON that `jsonb` takes.
    pub data: Box<str>,
}

impl AuctionEvent {
    pub(super) fn new(position: Position, event: &Event, spelling: &Spelling) -> Self {
        let Event { auction, seq, stamp, at, origin, ref kind } = *event;
        let origin = match origin {
            Origin::Client => "client",
            Origin::Engine => "engine",
        };
        let data = text(|out| (spelling.event)(out, kind));
        Self { auction, seq, position, at, stamp, origin, name: (spelling.event_type)(kind), data }
    }
}

/// Something that happened to a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardFact {
    /// Its record.
    pub position: Position,
    /// When.
    pub at: Timestamp,
    /// What it is called.
    pub name: &'static str,
    /// What it says, as JSON that `jsonb` takes.
    pub data: Box<str>,
}

impl ShardFact {
    pub(crate) fn new(position: Position, event: &ShardEvent, spelling: &Spelling) -> Self {
        let data = text(|out| (spelling.shard_event)(out, position, event));
        // The time is where a record has it, whatever its kind.
        let at = Record::Shard(event.clone()).at();
        Self { position, at, name: (spelling.shard_event_type)(event), data }
    }
}

/// What was written, as `jsonb` takes it.
pub(crate) fn text(write: impl FnOnce(&mut Vec<u8>)) -> Box<str> {
    let mut out = Vec::new();
    write(&mut out);
    for_jsonb(&String::from_utf8_lossy(&out)).into()
}
