//! How events are written as JSON. Gavel has one spelling for all its faces; it lives with them, and comes in here as an argument.

use gavel_core::{EventKind, Position, ShardEvent};

/// The writers of JSON, and the names of types beside it.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    /// Appends what happened to an auction, as one object with everything that the log holds of it.
    pub event: fn(&mut Vec<u8>, &EventKind),
    /// What that event is called.
    pub event_type: fn(&EventKind) -> &'static str,
    /// Appends what happened to a shard, as one object.
    pub shard_event: fn(&mut Vec<u8>, Position, &ShardEvent),
    /// What that event is called.
    pub shard_event_type: fn(&ShardEvent) -> &'static str,
}
