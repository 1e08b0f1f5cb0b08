//! The keeper: the thread that keeps recovery short and the log small. Takes snapshots of one shard at a time, lets the log hand on to
//! the archive what snapshots and consumers no longer need, and removes from the archive what is too old.
//!
//! Invariants:
//! - **Bidding never waits for it.** It asks shards for slices that hold them for a moment each, and does everything else by itself.
//! - **What it fails at is tried again, with a warning.** A disk that has no room for a snapshot costs recovery time, no bid. The one
//!   exception is the log's own storage: where that fails nothing can be trusted, and the engine ends.
//! - A snapshot gets its name only once everything that it knows of is durable.

mod snapshot;
mod trim;

use crate::engine::{Phase, Shared};
use crate::options::HistoryOptions;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use gavel_core::limits::SHARDS_MAX;
use gavel_core::{Lsn, ShardId, Timestamp};
use gavel_log::snapshot::Reader;
use gavel_log::trim::Trim;
use gavel_log::{Tip, snapshot as files};
use std::sync::Arc;
use std::time::Duration;
use trim::Space;

/// How often the keeper looks whether there is something to do.
const TICK: Duration = Duration::from_millis(100);

/// The least time between two tries of what has failed.
const RETRY: gavel_core::Duration = gavel_core::Duration::from_secs(10);

/// From this share of the log's stated size on, snapshots are taken before their time.
const SNAPSHOT_FROM_PERCENT: u64 = 40;
/// But no sooner than this after the one before.
const EARLY: gavel_core::Duration = gavel_core::Duration::from_secs(2);

/// Asks for a snapshot of every shard now. Answered when all are there, or with the first reason why not.
pub(crate) struct SnapshotNow(pub(crate) tokio::sync::oneshot::Sender<Result<(), String>>);

/// The keeper's state.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    options: HistoryOptions,
    /// Ends when the engine is closing or has failed.
    requests: Receiver<SnapshotNow>,
    /// By shard: what its newest snapshot was taken after, and when.
    newest: Vec<(Lsn, Timestamp)>,
    /// `None` for logs that only grow.
    trimmer: Option<Arc<dyn Trim>>,
    /// By shard: up to where frames were handed to the archive since the start.
    archived: Vec<Lsn>,
    space: Space,
    /// By shard: no snapshot is tried again before.
    retry_at: Vec<Timestamp>,
    /// Room for slices, used again and again.
    buffer: Vec<u8>,
}

/// The way to the keeper, as long as the engine runs.
pub(crate) fn channel() -> (Sender<SnapshotNow>, Receiver<SnapshotNow>) {
    bounded(1)
}

/// Why a snapshot was not taken.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("the engine is stopping")]
    Stopping,
    #[error("the file could not be written: {0}")]
    Io(#[from] std::io::Error),
    #[error("what was written does not read back: {0}; this is a defect")]
    State(#[from] gavel_log::state::StateError),
}

impl Keeper {
    pub(crate) fn new(
        shared: Arc<Shared>,
        options: HistoryOptions,
        trimmer: Option<Arc<dyn Trim>>,
        requests: Receiver<SnapshotNow>,
    ) -> Self {
        let newest = vec![(Lsn(0), shared.clock.now()); SHARDS_MAX];
        let retry_at = vec![Timestamp::default(); SHARDS_MAX];
        let (archived, space) = (vec![Lsn(0); SHARDS_MAX], Space::default());
        Self { shared, options, requests, newest, trimmer, archived, space, retry_at, buffer: Vec::new() }
    }

    /// Runs until the engine is closing or has failed.
    pub(crate) fn run(mut self) {
        self.find_newest();
        loop {
            match self.requests.recv_timeout(TICK) {
                Ok(SnapshotNow(answer_to)) => drop(answer_to.send(self.snapshot_all())),
                Err(RecvTimeoutError::Timeout) => self.tick(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// True when the keeper is to end.
    fn is_stopping(&self) -> bool {
        self.shared.phase() > Phase::Ready
    }

    fn find_newest(&mut self) {
        let newest = files::list_all(&self.options.dir).unwrap_or_else(|error| {
            tracing::warn!(%error, "the snapshots can't be listed; new ones are taken of all shards");
            Default::default()
        });
        for (shard, paths) in newest {
            // One that recovery could not use was put aside. Where the head can't be read now, a new snapshot is due.
            let head = paths.first().and_then(|path| Reader::open(path).ok()).map(|reader| *reader.head());
            if let Some(head) = head.filter(|head| head.from.lsn <= self.tip(shard).lsn) {
                self.newest[usize::from(shard.0)] = (head.from.lsn, head.at);
                self.shared.storage.lock().newest.insert(shard, head.at);
            }
        }
    }

    fn tip(&self, shard: ShardId) -> Tip {
        self.shared.feed.rings.tip(shard)
    }

    /// The shards that run.
    fn shards(&self) -> Vec<ShardId> {
        let runs = |shard: &ShardId| self.shared.shards[usize::from(shard.0)].get().is_some();
        (0..=u8::MAX).map(ShardId).filter(runs).collect()
    }

    /// Does what is due. What fails in one shard holds up no other, nor what makes room on the disk; and between the snapshots of two
    /// shards, which may take long, the log is trimmed.
    fn tick(&mut self) {
        for shard in self.shards() {
            if self.shared.phase() != Phase::Ready {
                return;
            }
            let now = self.shared.clock.now();
            if now >= self.retry_at[usize::from(shard.0)] && self.is_due(shard, now) {
                self.try_snapshot(shard);
                self.trim(self.shared.clock.now());
            }
        }
        if self.shared.phase() == Phase::Ready {
            self.trim(self.shared.clock.now());
        }
    }

    fn is_due(&self, shard: ShardId, now: Timestamp) -> bool {
        let (from, at) = self.newest[usize::from(shard.0)];
        let records = self.tip(shard).lsn.0.saturating_sub(from.0);
        let early = self.used_percent() >= SNAPSHOT_FROM_PERCENT && now.since(at) >= EARLY;
        records >= self.options.snapshot_every_records
            || records > 0 && (early || now.since(at) >= self.options.snapshot_every)
    }

    /// Where it can't be taken, that is said, and is tried again later.
    fn try_snapshot(&mut self, shard: ShardId) {
        match self.snapshot(shard) {
            Ok(()) | Err(NotTaken::Stopping) => {}
            Err(error) => {
                self.shared.storage.lock().failures += 1;
                tracing::warn!(%shard, %error, retry_s = RETRY.micros() / 1_000_000, "no snapshot could be taken; bids go on");
                self.retry_at[usize::from(shard.0)] = self.shared.clock.now().saturating_add(RETRY);
            }
        }
    }

    fn snapshot_all(&mut self) -> Result<(), String> {
        self.shards()
            .into_iter()
            .try_for_each(|shard| self.snapshot(shard).map_err(|error| error.to_string()))
    }
}
