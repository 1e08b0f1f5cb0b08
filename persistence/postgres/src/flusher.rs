//! The flusher: follows every shard and writes what comes to the shard's database.
//!
//! ```text
//! Service ── one lane for each shard ──▶ target (a database): permits, health, the days it has partitions for
//!   lane:  attach (schema, assignment, cursor) ─▶ follow ─▶ wait for more ─▶ permit ─▶ gather ─▶ write ─▶ acknowledge ─┐
//!            ▲                                                └───────────────────────────────────────────────────────┘
//!            └── backoff with jitter ◀── whatever fails: everything in memory is let go, and read again from the cursor on
//! ```
//!
//! Invariants:
//! - A lane that has nothing to write, or can't, holds nothing but its follower: memory is bounded by the permits of each database, times a
//!   batch, for as long as an outage lasts.
//! - Lanes of different databases share nothing, so that one that is slow or dead holds none of the others back.
//! - A record is taken in, parked with its reason, or still to come. The cursor passes it in no other case.

mod batch;
mod lane;
mod report;
mod target;

pub use report::{DatabaseReport, LaneState, Report, ShardReport};

use crate::assign::{AssignFileError, Assignments};
use crate::limits::{PARKED_EVERY, SHARDS_EVERY, STOP_MAX};
use crate::routes::Routes;
use crate::source::{Source, SourceError};
use crate::{Map, Spelling};
use gavel_core::ShardId;
use lane::Lane;
use report::Board;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use target::Target;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How the flusher works.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where each shard goes.
    pub routes: Routes,
    /// How many batches of one database are written at once, each on a connection of its own.
    pub parallel: usize,
    /// The least time between two batches of a shard that is not behind.
    pub every: Duration,
    /// How events are written as JSON.
    pub spelling: Spelling,
    /// Where it is remembered which database each shard goes to; `None`: by the databases alone.
    pub assignments: Option<PathBuf>,
}

/// Why there is no flusher.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What is remembered can't be read.
    #[error(transparent)]
    Assignments(#[from] AssignFileError),
}

/// The flusher, to be run.
#[derive(Debug)]
pub struct Service<S> {
    source: S,
    shared: Arc<Shared>,
    stopping: watch::Receiver<bool>,
}

/// What lanes have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    options: Options,
    assignments: Assignments,
    targets: Vec<Arc<Target>>,
    board: Board,
}

/// A handle on a running flusher.
#[derive(Clone, Debug)]
pub struct Handle {
    shared: Arc<Shared>,
    stop: Arc<watch::Sender<bool>>,
}

impl<S: Source> Service<S> {
    /// A flusher and its handle. Connects to nothing yet.
    ///
    /// # Errors
    /// What is remembered of assignments can't be read.
    pub fn new(options: Options, source: S) -> Result<(Self, Handle), Error> {
        let assignments = Assignments::open(options.assignments.clone())?;
        let targets = options.routes.databases().iter();
        let targets =
            targets.map(|database| Arc::new(Target::new(database.clone(), options.parallel))).collect();
        let shared = Arc::new(Shared { options, assignments, targets, board: Board::default() });
        let (stop, stopping) = watch::channel(false);
        let handle = Handle { shared: Arc::clone(&shared), stop: Arc::new(stop) };
        Ok((Self { source, shared, stopping }, handle))
    }

    /// Runs until it is stopped, or the log is closed. Batches that are being written are written, unless that takes longer than
    /// [`STOP_MAX`]. All of it is done by the thread that polls this, which should have nothing else to do.
    pub async fn run(self) {
        tokio::task::LocalSet::new().run_until(self.run_lanes()).await;
    }

    async fn run_lanes(mut self) {
        let mut lanes = JoinSet::new();
        let (mut known, mut unheard) = (Map::default(), Unheard::default());
        for target in &self.shared.targets {
            lanes.spawn_local(count_parked(
                Arc::clone(target),
                Arc::clone(&self.shared),
                self.stopping.clone(),
            ));
        }
        loop {
            let mut stopping = self.stopping.clone();
            let asked = tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => break,
                asked = self.source.shards() => asked,
            };
            match asked {
                Ok(shards) => {
                    unheard.heard();
                    shards.into_iter().for_each(|(shard, durable)| {
                        self.begin(shard, &mut known, &mut lanes);
                        self.shared.board.durable(shard, durable);
                    });
                }
                Err(SourceError::Stopped) => break,
                // The shards that are known go on, and their lanes say what is wrong with them.
                Err(SourceError::Unavailable(why) | SourceError::Unfit(why)) => unheard.say(&why),
            }
            tokio::select! {
                _ = self.stopping.wait_for(|stop| *stop) => break,
                () = tokio::time::sleep(SHARDS_EVERY) => {}
            }
        }
        let ended = async { while lanes.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_MAX, ended).await.is_err() {
            tracing::warn!(
                "PostgreSQL has not taken the last batches in time; they are written after the next start"
            );
            lanes.shutdown().await;
        }
        self.shared.targets.iter().for_each(|target| target.database.close());
    }

    /// A lane for a shard that is new.
    fn begin(&self, shard: ShardId, known: &mut Map<ShardId, ()>, lanes: &mut JoinSet<()>) {
        if known.insert(shard, ()).is_none() {
            let lane = Lane::new(shard, self.source.clone(), Arc::clone(&self.shared), self.stopping.clone());
            lanes.spawn_local(lane.run());
        }
    }
}

/// Whether the log could be asked for its shards last; said once when it can't, and once when it can again.
#[derive(Debug, Default)]
struct Unheard(bool);

impl Unheard {
    fn say(&mut self, why: &str) {
        if !std::mem::replace(&mut self.0, true) {
            tracing::warn!("the log can't be asked for its shards: {why}; it is tried again");
        }
    }

    fn heard(&mut self) {
        if std::mem::take(&mut self.0) {
            tracing::info!("the log can be asked for its shards again");
        }
    }
}

/// Keeps the count of what is parked: a retry, which is another process's, takes from it.
async fn count_parked(target: Arc<Target>, shared: Arc<Shared>, mut stopping: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(PARKED_EVERY) => {}
        }
        let counts = tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            counts = target.parked() => counts,
        };
        if let Some(counts) = counts {
            shared.board.parked(target.database.name(), &counts);
        }
    }
}

impl Handle {
    /// How far each shard is.
    #[must_use]
    pub fn report(&self) -> Report {
        let databases = self.shared.targets.iter().map(|target| target.report()).collect();
        Report { databases, shards: self.shared.board.shards() }
    }

    /// Stops it after the batches that are being written.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}
