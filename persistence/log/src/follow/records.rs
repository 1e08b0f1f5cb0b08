//! A batch of one shard's records as they are in the log: what a consumer takes in at a time, whole or in parts.
//!
//! They are kept as bytes because a batch may have to be taken apart again: where PostgreSQL refuses a record, the rows are made
//! anew without it.

use crate::record::RecordError;
use gavel_core::{Lsn, Position, ShardId};

/// A record that this version can't read. Nothing may follow it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the record at {position} can't be read: {source}; is this gavel older than the server that wrote it?"
)]
pub struct Unreadable {
    /// Where.
    pub position: Position,
    /// Why.
    pub source: RecordError,
}

/// Consecutive records of one shard.
#[derive(Clone, Debug)]
pub struct Records {
    shard: ShardId,
    bytes: Vec<u8>,
    /// Position and end of each.
    index: Vec<(Position, usize)>,
}

impl Records {
    /// None yet.
    #[must_use]
    pub const fn new(shard: ShardId) -> Self {
        Self { shard, bytes: Vec::new(), index: Vec::new() }
    }

    /// Appends the next one.
    pub fn push(&mut self, position: Position, record: &[u8]) {
        debug_assert_eq!(position.shard, self.shard, "a batch is of one shard");
        debug_assert!(self.last().is_none_or(|last| last.lsn < position.lsn), "records come in their order");
        self.bytes.extend_from_slice(record);
        self.index.push((position, self.bytes.len()));
    }

    /// The shard.
    #[must_use]
    pub const fn shard(&self) -> ShardId {
        self.shard
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Bytes of all records.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The first one's position.
    #[must_use]
    pub fn first(&self) -> Option<Position> {
        self.index.first().map(|(position, _)| *position)
    }

    /// The last one's position.
    #[must_use]
    pub fn last(&self) -> Option<Position> {
        self.index.last().map(|(position, _)| *position)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Position, &[u8])> + ExactSizeIterator {
        self.index.iter().enumerate().map(|(number, &(position, end))| {
            let start = number.checked_sub(1).map_or(0, |before| self.index[before].1);
            (position, &self.bytes[start..end])
        })
    }

    /// Leaves out those up to this one, which are known already.
    pub fn skip_to(&mut self, known: Lsn) {
        if self.first().is_some_and(|first| first.lsn <= known) {
            let mut rest = Self::new(self.shard);
            self.iter().filter(|(at, _)| at.lsn > known).for_each(|(at, record)| rest.push(at, record));
            *self = rest;
        }
    }

    /// Makes room for the next batch. Memory is kept.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.index.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_core::Epoch;

    fn at(lsn: u64) -> Position {
        Position { shard: ShardId(3), epoch: Epoch(1), lsn: Lsn(lsn) }
    }

    #[test]
    fn records_come_out_as_they_went_in_and_known_ones_are_left_out() {
        let mut records = Records::new(ShardId(3));
        assert!(records.is_empty() && records.first().is_none());
        for (lsn, record) in [(7, b"seven".as_slice()), (8, b""), (9, b"nine")] {
            records.push(at(lsn), record);
        }
        assert_eq!((records.len(), records.bytes()), (3, 9));
        records.skip_to(Lsn(6));
        assert_eq!(records.len(), 3);
        records.skip_to(Lsn(7));
        let rest: Vec<_> = records.iter().collect();
        assert_eq!(rest, [(at(8), b"".as_slice()), (at(9), b"nine")]);
        assert_eq!((records.first(), records.last()), (Some(at(8)), Some(at(9))));
    }
}
