//! What the disk holds, as operators and the server's faces are told.

use gavel_core::{Lsn, ShardId, Timestamp};
use gavel_log::trim::Usage;
use std::collections::BTreeMap;

/// Log, archive and snapshots in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageReport {
    /// The newest snapshot of each shard that was taken since the start.
    pub snapshots: BTreeMap<ShardId, SnapshotReport>,
    /// When the newest snapshot of each shard was begun, those that were there at the start included.
    pub newest: BTreeMap<ShardId, Timestamp>,
    /// Snapshots taken since the start.
    pub snapshots_taken: u64,
    /// Tries of a snapshot, a truncation or an expiry that came to nothing, since the start. Each is in the log of messages.
    pub failures: u64,
    /// What took how much space about a second ago; nothing for logs in memory.
    pub usage: Usage,
}

/// One snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotReport {
    /// Replay goes on after this record.
    pub from: Lsn,
    /// When it was begun.
    pub at: Timestamp,
    /// The auctions in it.
    pub auctions: u64,
    /// Its size.
    pub bytes: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl StorageReport {
    pub(crate) fn took_snapshot(&mut self, shard: ShardId, snapshot: SnapshotReport) {
        self.snapshots.insert(shard, snapshot);
        self.newest.insert(shard, snapshot.at);
        self.snapshots_taken += 1;
    }
}
