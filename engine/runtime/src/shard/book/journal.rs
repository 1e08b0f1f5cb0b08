//! Numbers and encodes what a shard decides, until it is handed on to the log thread.

use crate::message::Records;
use gavel_core::event::ShardEvent;
use gavel_core::{Epoch, Event, Lsn, Position, ShardId};
use gavel_log::record::{encode_event, encode_shard_event};

/// Bytes of records that are handed on in one go: what their ends have room for.
const RECORDS_BYTES_MAX: usize = u32::MAX as usize;

/// The end of a shard's log as the shard sees it: ahead of the disk by what was not committed yet.
pub(super) struct Journal {
    pub(super) shard: ShardId,
    pub(super) epoch: Epoch,
    /// The Lsn of the next record.
    pub(super) next: Lsn,
    /// Decided and not yet handed on.
    records: Records,
}

impl Journal {
    /// Before the shard's first record.
    pub(super) fn new(shard: ShardId) -> Self {
        Self { shard, epoch: Epoch(0), next: Lsn(1), records: Records::default() }
    }

    /// Where the next record will be.
    pub(super) fn next_position(&self) -> Position {
        Position { shard: self.shard, epoch: self.epoch, lsn: self.next }
    }

    /// Writes an auction's event down; says where.
    pub(super) fn event(&mut self, event: &Event) -> Position {
        encode_event(event, &mut self.records.bytes);
        self.end_record()
    }

    /// Writes an event of the shard itself down; says where.
    pub(super) fn shard_event(&mut self, event: &ShardEvent) -> Position {
        encode_shard_event(event, &mut self.records.bytes);
        self.end_record()
    }

    /// Numbers the record that was just encoded.
    fn end_record(&mut self) -> Position {
        let position = self.next_position();
        if self.records.ends.is_empty() {
            self.records.first = self.next;
        }
        let end = self.records.bytes.len();
        assert!(end <= RECORDS_BYTES_MAX, "more than 4 GiB were decided in one go");
        self.records.ends.push(end as u32);
        self.next = self.next.next();
        position
    }

    /// The records since the last call.
    pub(super) fn take(&mut self) -> Records {
        std::mem::take(&mut self.records)
    }
}
