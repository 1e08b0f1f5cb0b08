//! How far the projector is, shard by shard, and waiting until it is far enough.

use gavel_core::{Lsn, Position, ShardId};
use gavel_log::follow::LaneReport;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;

/// All lanes' reports.
#[derive(Debug)]
pub struct Progress {
    lanes: Mutex<BTreeMap<ShardId, LaneReport>>,
    /// Why shards can't be asked for.
    cut_off: Mutex<Option<String>>,
    /// Counts changes, so that whoever waits looks again.
    changes: watch::Sender<u64>,
}

/// How waiting has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The documents have it.
    There,
    /// They do not have it yet.
    Behind {
        /// The last record of the shard that they have.
        known: Position,
    },
    /// There is no such shard here (yet).
    NoShard,
}

impl Default for Progress {
    fn default() -> Self {
        Self { lanes: Mutex::default(), cut_off: Mutex::default(), changes: watch::Sender::new(0) }
    }
}

impl Progress {
    /// All lanes, ascending.
    #[must_use]
    pub fn shards(&self) -> Vec<LaneReport> {
        self.lanes.lock().values().cloned().collect()
    }

    /// How many lanes there are.
    pub(super) fn len(&self) -> usize {
        self.lanes.lock().len()
    }

    /// Why it can't be asked which shards there are; `None` where it can.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.cut_off.lock().clone()
    }

    /// Takes in whether the log can be asked for its shards. Said when that changes.
    pub(super) fn cut_off(&self, reason: Option<String>) {
        let before = std::mem::replace(&mut *self.cut_off.lock(), reason.clone());
        match (before, reason) {
            (None, Some(reason)) => tracing::warn!("the log can't be followed: {reason}; it is tried again"),
            (Some(_), None) => tracing::info!("the log can be followed again"),
            _ => {}
        }
    }

    /// Changes a lane's report, which is made where there is none.
    pub(super) fn change(&self, shard: ShardId, change: impl FnOnce(&mut LaneReport)) {
        change(self.lanes.lock().entry(shard).or_insert_with(|| LaneReport::new(shard)));
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Waits until the documents have this record, for at most so long.
    pub async fn wait_for(&self, position: Position, at_most: Duration) -> Waited {
        let mut changes = self.changes.subscribe();
        let there = changes.wait_for(|_| self.has(position) == Waited::There);
        drop(tokio::time::timeout(at_most, there).await);
        self.has(position)
    }

    /// Whether the documents have this record.
    #[must_use]
    pub fn has(&self, position: Position) -> Waited {
        let lanes = self.lanes.lock();
        let Some(lane) = lanes.get(&position.shard) else { return Waited::NoShard };
        let known = lane.cursor;
        // A record that came after a crash has a higher epoch and, it may be, a number that was given before.
        let is_there = known.lsn > Lsn(0) && known.epoch >= position.epoch && known.lsn >= position.lsn;
        if is_there { Waited::There } else { Waited::Behind { known } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_core::{Epoch, Timestamp};
    use std::sync::Arc;

    const SHARD: ShardId = ShardId(3);

    fn at(epoch: u32, lsn: u64) -> Position {
        Position { shard: SHARD, epoch: Epoch(epoch), lsn: Lsn(lsn) }
    }

    fn take_in(progress: &Progress, cursor: Position) {
        let now = Timestamp::from_micros(1).unwrap();
        progress.change(SHARD, |report| report.follows(cursor, cursor.lsn, None, now));
    }

    #[test]
    fn a_record_is_there_once_its_shard_has_come_to_it_in_its_epoch() {
        let progress = Progress::default();
        assert_eq!(progress.has(at(1, 1)), Waited::NoShard);
        take_in(&progress, at(1, 7));
        assert_eq!(progress.has(at(1, 7)), Waited::There);
        assert_eq!(progress.has(at(1, 8)), Waited::Behind { known: at(1, 7) });
        assert_eq!(
            progress.has(at(2, 7)),
            Waited::Behind { known: at(1, 7) },
            "another record of that number"
        );
        take_in(&progress, at(2, 9));
        assert_eq!(progress.has(at(2, 7)), Waited::There);
        assert_eq!(progress.has(at(1, 7)), Waited::There);
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_the_record_and_told_how_far_it_is_otherwise() {
        let progress = Arc::new(Progress::default());
        take_in(&progress, at(1, 1));
        let waiting = Arc::clone(&progress);
        let waited = tokio::spawn(async move { waiting.wait_for(at(1, 2), Duration::from_secs(60)).await });
        take_in(&progress, at(1, 2));
        assert_eq!(waited.await.unwrap(), Waited::There);
        let behind = progress.wait_for(at(1, 3), Duration::ZERO).await;
        assert_eq!(behind, Waited::Behind { known: at(1, 2) });
    }
}
