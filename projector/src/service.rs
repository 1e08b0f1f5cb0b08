//! The projector: follows every shard, folds what comes into documents, and writes them to the store.
//!
//! ```text
//! Service ── one lane for each shard
//!   lane:  attach (prepare the store, cursor) ─▶ follow ─▶ wait for more ─▶ permit ─▶ gather ─▶ load, fold ─▶ write ─▶ acknowledge ─┐
//!            ▲                                                └────────────────────────────────────────────────────────────────────┘
//!            └── backoff with jitter ◀── whatever fails: documents and records in memory are let go, and read again from the cursor on
//! ```
//!
//! Invariants:
//! - The cursor moves only behind acknowledged writes, and is what a lane goes on from; nothing else is remembered.
//! - A lane that has nothing to write, or can't, holds its follower and a bounded number of documents.
//! - It never asks the engine for anything but durable records, so a bid never waits for it.

mod lane;
mod progress;

pub use progress::{Progress, Waited};

use crate::Map;
use crate::limits::{PARALLEL_MAX, SHARDS_EVERY};
use crate::store::{Store, StoreError};
use gavel_core::ShardId;
use gavel_log::clock;
use gavel_log::follow::{LaneReport, Source, SourceError};
use lane::Lane;
use std::fmt::{Debug, Formatter};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// How the projector works.
#[derive(Clone)]
pub struct Options {
    /// Where documents go.
    pub store: Arc<dyn Store>,
    /// How many batches are written at once, 1 ..= [`PARALLEL_MAX`].
    pub parallel: usize,
    /// The least time between two batches of a shard that is not behind.
    pub every: Duration,
}

/// The projector, to be run.
#[derive(Debug)]
pub struct Service<S> {
    source: S,
    shared: Arc<Shared>,
    stopping: watch::Receiver<bool>,
}

/// What lanes have in common.
struct Shared {
    options: Options,
    permits: Semaphore,
    /// The store has what queries need.
    is_prepared: AtomicBool,
    preparing: tokio::sync::Mutex<()>,
    progress: Progress,
}

/// A handle on a running projector.
#[derive(Clone, Debug)]
pub struct Handle {
    shared: Arc<Shared>,
    stop: Arc<watch::Sender<bool>>,
}

impl Debug for Shared {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl Shared {
    /// Prepares the store, once for all lanes.
    async fn prepare(&self) -> Result<(), StoreError> {
        if self.is_prepared.load(Ordering::Acquire) {
            return Ok(());
        }
        let _one_at_a_time = self.preparing.lock().await;
        if !self.is_prepared.load(Ordering::Acquire) {
            self.options.store.prepare().await?;
            self.is_prepared.store(true, Ordering::Release);
        }
        Ok(())
    }
}

impl<S: Source> Service<S> {
    /// A projector and its handle. Asks the store nothing yet.
    #[must_use]
    pub fn new(options: Options, source: S) -> (Self, Handle) {
        let permits = Semaphore::new(options.parallel.clamp(1, PARALLEL_MAX));
        let shared = Arc::new(Shared {
            options,
            permits,
            is_prepared: AtomicBool::new(false),
            preparing: tokio::sync::Mutex::default(),
            progress: Progress::default(),
        });
        let (stop, stopping) = watch::channel(false);
        let handle = Handle { shared: Arc::clone(&shared), stop: Arc::new(stop) };
        (Self { source, shared, stopping }, handle)
    }

    /// Runs until it is stopped, or the log is closed. Batches that are being written are written. All of it is done by the thread that
    /// polls this, which should have nothing else to do.
    pub async fn run(self) {
        tokio::task::LocalSet::new().run_until(self.run_lanes()).await;
    }

    async fn run_lanes(mut self) {
        let mut lanes = JoinSet::new();
        let mut known = Map::default();
        loop {
            match self.source.shards().await {
                Ok(shards) => shards.into_iter().for_each(|(shard, durable)| {
                    self.begin(shard, &mut known, &mut lanes);
                    self.shared.progress.change(shard, |report| report.knows(durable, None, clock::now()));
                }),
                Err(SourceError::Stopped) => break,
                // Each lane says what is wrong with the log; the shards that are known go on.
                Err(SourceError::Unavailable(reason) | SourceError::Unfit(reason)) => {
                    self.shared.progress.cut_off(Some(reason));
                    if self.pause().await { break } else { continue }
                }
            }
            self.shared.progress.cut_off(None);
            if self.pause().await {
                break;
            }
        }
        while lanes.join_next().await.is_some() {}
    }

    /// Waits for the next look at the shards. True when it is told to stop meanwhile.
    async fn pause(&mut self) -> bool {
        tokio::select! {
            _ = self.stopping.wait_for(|stop| *stop) => true,
            () = tokio::time::sleep(SHARDS_EVERY) => false,
        }
    }

    /// A lane for a shard that is new.
    fn begin(&self, shard: ShardId, known: &mut Map<ShardId, ()>, lanes: &mut JoinSet<()>) {
        if known.insert(shard, ()).is_none() {
            let lane = Lane::new(shard, self.source.clone(), Arc::clone(&self.shared), self.stopping.clone());
            lanes.spawn_local(lane.run());
        }
    }
}

impl Handle {
    /// How far each shard is, ascending.
    #[must_use]
    pub fn shards(&self) -> Vec<LaneReport> {
        self.shared.progress.shards()
    }

    /// How far it is, to wait for.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.shared.progress
    }

    /// The documents, to ask.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.shared.options.store)
    }

    /// Stops it after the batches that are being written.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}
