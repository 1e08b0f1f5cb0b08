//! What sessions use of the engine: ports for commands, the live view for reads, and how the engine is.

use crate::attempts::AttemptCounts;
use crate::consumers::Consumers;
use crate::engine::{Failure, Phase, Shared};
use crate::keeper::SnapshotNow;
use crate::live::{LiveAuction, LiveCounts};
use crate::port::Port;
use crate::recovery::Progress;
use crate::stamps::Received;
use crate::stats::Stats;
use crate::storage::StorageReport;
use gavel_core::digest::Digest;
use gavel_core::placement::Placement;
use gavel_core::{AuctionId, Epoch, LogId, Lsn, ShardId, Timestamp};
use gavel_log::Tip;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::watch;

/// What sessions use of the engine. Cloned freely.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

/// A shard's whole state in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardReport {
    /// The shard.
    pub shard: ShardId,
    /// The last record decided (it may not be durable yet).
    pub applied: Lsn,
    /// Auctions in memory.
    pub auctions: usize,
    /// The sum of their digests, and of the bans'.
    pub digest: Digest,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// A new connection's way in.
    #[must_use]
    pub fn port(&self) -> Port {
        Port::new(Arc::clone(&self.shared))
    }

    /// A way in that many connections share, each with one command at a time. It may use all credit of the process, so its owner bounds
    /// what each connection has under way.
    #[must_use]
    pub fn shared_port(&self) -> Port {
        Port::to_share(Arc::clone(&self.shared))
    }

    /// The time of receipt of what was just read. To be held until the commands that carry it are flushed: pulses wait for it.
    pub fn received(&self) -> Received<'_> {
        self.shared.stamps.stamp(&self.shared.clock)
    }

    /// The engine's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// By how much the system's clock has parted from the engine's, in microseconds.
    #[must_use]
    pub fn clock_drift_us(&self) -> i64 {
        self.shared.clock.drift_us()
    }

    /// One auction as everybody may see it.
    #[must_use]
    pub fn live(&self, id: AuctionId) -> Option<Arc<LiveAuction>> {
        self.shared.live.get(id)
    }

    /// How many auctions of a shard are in the live view.
    #[must_use]
    pub fn live_counts(&self, shard: ShardId) -> LiveCounts {
        self.shared.live.counts(shard)
    }

    /// Wakes subscribers of the live view; to be run by one task for as long as the process serves.
    pub async fn run_hub(&self) {
        self.shared.live.run_hub().await;
    }

    /// What the engine takes commands for now.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.shared.phase()
    }

    /// The phase, to wait for its changes.
    #[must_use]
    pub fn phases(&self) -> watch::Receiver<Phase> {
        self.shared.phases()
    }

    /// Why the engine has failed, if it has.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        self.shared.failure()
    }

    /// How far the reading of the log has got.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.shared.progress
    }

    /// Counters.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// What became of refused commands on their way to the journal of attempts.
    #[must_use]
    pub fn attempts(&self) -> AttemptCounts {
        self.shared.attempts.counts()
    }

    /// Counts commands refused for want of credit.
    pub fn count_busy(&self, commands: u64) {
        self.shared.stats.busy.fetch_add(commands, Ordering::Relaxed);
    }

    /// Commands under way, and how many may be.
    #[must_use]
    pub fn credit(&self) -> (usize, usize) {
        (self.shared.credit.in_use(), self.shared.credit.total())
    }

    /// Which log it is; `None` until it is open, and for one that is kept nowhere.
    #[must_use]
    pub fn log_id(&self) -> Option<LogId> {
        self.shared.log_id.get().copied()
    }

    /// The generation; `None` while loading.
    #[must_use]
    pub fn epoch(&self) -> Option<Epoch> {
        self.shared.epoch.get().copied()
    }

    /// Messages that wait for the log thread, each with the records of one batch.
    #[must_use]
    pub fn log_queue(&self) -> usize {
        self.shared.log_queue()
    }

    /// The auctions that most happens to, hottest first and at most `most` (64 are known), each with an estimate of its events per
    /// second over the last seconds.
    #[must_use]
    pub fn hottest(&self, most: usize) -> Vec<(AuctionId, f64)> {
        self.shared.hottest.list(self.now(), most)
    }

    /// The last record that a shard has decided, as of its latest batch; it may not be durable yet.
    #[must_use]
    pub fn applied(&self, shard: ShardId) -> Lsn {
        let decided = Lsn(self.shared.applied[usize::from(shard.0)].load(Ordering::Relaxed));
        // Before its first batch of this generation, a shard has decided what it has recovered.
        decided.max(self.durable(shard))
    }

    /// How far a shard is durable.
    #[must_use]
    pub fn durable(&self, shard: ShardId) -> Lsn {
        crate::committer::durable_of(&self.shared, shard)
    }

    /// The feed's named consumers.
    #[must_use]
    pub fn consumers(&self) -> &Consumers {
        &self.shared.feed.consumers
    }

    /// The durable end of a shard's log, up to which everything is shown as well.
    #[must_use]
    pub fn durable_tip(&self, shard: ShardId) -> Tip {
        self.shared.feed.rings.tip(shard)
    }

    /// What the disk holds.
    #[must_use]
    pub fn storage(&self) -> StorageReport {
        self.shared.storage.lock().clone()
    }

    /// Takes a snapshot of every shard that has records since its last one; returns when all are there.
    ///
    /// # Errors
    /// Why not, in words: the engine keeps no snapshots or is stopping, or the disk refuses.
    pub async fn snapshot(&self) -> Result<(), String> {
        let none = || "the engine keeps no snapshots, or is stopping".to_owned();
        let to_keeper = self.shared.to_keeper().ok_or_else(none)?;
        let (answer_to, answer) = tokio::sync::oneshot::channel();
        to_keeper
            .try_send(SnapshotNow(answer_to))
            .map_err(|_| "another snapshot was asked for, or none are kept".to_owned())?;
        drop(to_keeper);
        answer.await.map_err(|_| none())?
    }

    /// Shards, policies and directory.
    #[must_use]
    pub fn placement(&self) -> Arc<Placement> {
        Arc::clone(&self.shared.routing.placement.read())
    }
}
