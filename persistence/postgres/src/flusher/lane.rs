//! One shard's way into its database.

use super::Shared;
use super::batch::{FlushError, Progress, flush};
use super::report::{LaneState, ShardReport};
use super::target::Target;
use crate::Records;
use crate::assign::{AssignError, AssignFileError};
use crate::cursor::{Cursor, OtherLog, note_log};
use crate::database::DatabaseError;
use crate::limits::{
    ATTACH_MAX, BATCH_AIM, BATCH_BYTES_MAX, BATCH_RECORDS_MAX, BATCH_RECORDS_MIN, HELD_MAX, NEWCOMERS_BYTES,
    NEWCOMERS_BYTES_MIN, RETRY_MAX, RETRY_MIN, SAY_AGAIN,
};
use crate::rows::{LeftOut, Newcomers};
use crate::source::{Follow, Source, SourceError, gather};
use crate::value::auction_of;
use crate::write::WriteError;
use deadpool_postgres::Client;
use gavel_core::{Lsn, Position, ShardId, Timestamp};
use gavel_log::clock::now;
use gavel_log::record::decode;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A shard's flusher.
pub(super) struct Lane<S> {
    shard: ShardId,
    source: S,
    shared: Arc<Shared>,
    stopping: watch::Receiver<bool>,
    report: Arc<Mutex<ShardReport>>,
    target: Option<Arc<Target>>,
    /// How many records a batch may have, by how long the latest took.
    limit: usize,
    /// Tries that failed since the latest success.
    failures: u32,
    /// What was said last of what is not the database's fault, and when.
    said: Option<(String, Instant)>,
}

/// Why a lane does not follow just now.
#[derive(Debug, thiserror::Error)]
enum LaneError {
    #[error("stopped")]
    Stopped,
    #[error(transparent)]
    Assign(#[from] AssignError),
    #[error(transparent)]
    Remember(#[from] AssignFileError),
    #[error(transparent)]
    OtherLog(#[from] OtherLog),
    #[error(transparent)]
    Source(SourceError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Flush(#[from] FlushError),
}

impl From<SourceError> for LaneError {
    fn from(error: SourceError) -> Self {
        if error == SourceError::Stopped { Self::Stopped } else { Self::Source(error) }
    }
}

impl LaneError {
    /// True when nothing changes until somebody does something about it.
    fn is_refusal(&self) -> bool {
        match self {
            Self::Assign(_) | Self::Remember(_) | Self::OtherLog(_) | Self::Source(SourceError::Unfit(_)) => {
                true
            }
            Self::Database(DatabaseError::Schema(error)) => !error.is_passing(),
            Self::Flush(error) => match error {
                FlushError::Unreadable(_) | FlushError::TooManyHeld(_) => true,
                FlushError::Write(error) => {
                    matches!(
                        error,
                        WriteError::Unassigned(_) | WriteError::Released(_) | WriteError::OtherLog(_)
                    )
                }
                FlushError::Database(_) | FlushError::Silent => false,
            },
            Self::Stopped | Self::Source(_) | Self::Database(_) => false,
        }
    }

    /// True when it is the database's fault, which concerns all of its lanes.
    const fn is_of_database(&self) -> bool {
        matches!(
            self,
            Self::Database(_)
                | Self::Flush(
                    FlushError::Database(_) | FlushError::Silent | FlushError::Write(WriteError::Postgres(_))
                )
        )
    }

    /// True when the cursor only has to be read again.
    const fn is_moved_cursor(&self) -> bool {
        matches!(self, Self::Flush(FlushError::Write(WriteError::Moved(_))))
    }
}

impl<S: Source> Lane<S> {
    pub(super) fn new(
        shard: ShardId,
        source: S,
        shared: Arc<Shared>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let target = shared.options.routes.place(shard).map(|place| Arc::clone(&shared.targets[place]));
        let name = target.as_ref().map_or("", |target| target.database.name());
        let report = shared.board.place(shard, name);
        Self {
            shard,
            source,
            shared,
            stopping,
            report,
            target,
            limit: BATCH_RECORDS_MIN,
            failures: 0,
            said: None,
        }
    }

    /// Flushes until it is stopped.
    pub(super) async fn run(mut self) {
        loop {
            let Err(error) = self.follow().await;
            if matches!(error, LaneError::Stopped) || *self.stopping.borrow() {
                return;
            }
            self.tell(&error);
            let pause = if error.is_moved_cursor() {
                RETRY_MIN
            } else {
                // It may have been too much.
                let is_slow = matches!(error, LaneError::Flush(FlushError::Silent));
                self.shrink(if is_slow { 1 } else { BATCH_RECORDS_MIN });
                self.backoff()
            };
            tokio::select! {
                _ = self.stopping.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// The time to the next try: doubled with each failure up to a bound, and random in its upper half, so that lanes do not all come
    /// at once.
    fn backoff(&mut self) -> Duration {
        let longest = RETRY_MIN.saturating_mul(1 << self.failures.min(16)).min(RETRY_MAX);
        self.failures += 1;
        longest.mul_f64(rand::random_range(0.5..=1.0))
    }

    /// Says what is wrong, once: also where it comes and goes, as where two flushers take one consumer's name from each other.
    fn tell(&mut self, error: &LaneError) {
        if error.is_moved_cursor() {
            tracing::debug!("shard {}: {error}; going on from there", self.shard);
            return;
        }
        let text = error.to_string();
        if let (true, Some(target)) = (error.is_of_database(), &self.target) {
            target.failed(self.shard, &text);
        }
        let is_said = |(said, at): &(String, Instant)| *said == text && at.elapsed() < SAY_AGAIN;
        if !error.is_of_database() && !self.said.as_ref().is_some_and(is_said) {
            tracing::warn!("shard {} is not written to PostgreSQL: {text}", self.shard);
            self.said = Some((text.clone(), Instant::now()));
        }
        let mut report = self.report.lock();
        report.state = if error.is_refusal() { LaneState::Refused } else { LaneState::Retrying };
        report.problem = Some(text);
    }

    /// Attaches to the database, follows the log from there, and writes what comes. Ends with what goes wrong.
    async fn follow(&mut self) -> Result<std::convert::Infallible, LaneError> {
        let target = self.target.clone().ok_or(AssignError::NoDatabase(self.shard))?;
        let stopping = self.stopping.clone();
        let attach_max = ATTACH_MAX + target.database.address().connect_max();
        let attached = target.database.within(attach_max, self.attach(&target));
        let (cursor, mut progress) = or_stop(&stopping, attached).await??;
        progress.log = or_stop(&stopping, self.source.log()).await??;
        cursor.demand(progress.log)?;
        let mut follow = or_stop(&stopping, self.source.follow(cursor.position, progress.log)).await??;
        if let (None, Some(log)) = (cursor.log, progress.log) {
            // The log goes on from the cursor.
            let noted =
                async { Ok(note_log(&**target.database.client().await?, cursor.position, log).await?) };
            or_stop(&stopping, target.database.within::<_, DatabaseError>(attach_max, noted)).await??;
        }
        // A follower that has heard nothing yet knows of no more than it was asked for.
        let durable = follow.durable().max(self.report.lock().durable);
        if durable <= progress.cursor.lsn {
            // Where there is something to write, writing it tells.
            target.works(self.shard);
        }
        loop {
            self.note(&mut progress, follow.durable(), None);
            or_stop(&stopping, follow.ready()).await??;
            self.note(&mut progress, follow.durable(), None);
            // A batch is only held in turn, so that memory is bounded for all lanes of a database together.
            let _permit = or_stop(&stopping, target.permit()).await?;
            let (mut records, began) = (Records::new(self.shard), Instant::now());
            or_stop(
                &stopping,
                gather(&mut follow, &mut records, progress.cursor, (self.limit, BATCH_BYTES_MAX)),
            )
            .await??;
            let (count, latest) = (records.len(), latest(&records));
            // Not given up when it is told to stop: what is being written is written.
            let spelling = &self.shared.options.spelling;
            flush(&target, &mut None, &mut progress, &mut records, self.limit, spelling).await?;
            follow.acknowledge(progress.cursor);
            self.failures = 0;
            self.wrote(&mut progress, follow.durable(), latest, count);
            let is_full = count >= self.limit;
            self.adapt(is_full, began.elapsed());
            if !is_full {
                let rest = self.shared.options.every.saturating_sub(began.elapsed());
                or_stop(&stopping, tokio::time::sleep(rest)).await?;
            }
        }
    }

    /// Batches grow and shrink with how long they take.
    fn adapt(&mut self, is_full: bool, took: Duration) {
        if is_full && took < BATCH_AIM / 2 {
            self.limit = (self.limit * 2).min(BATCH_RECORDS_MAX);
        } else if took > BATCH_AIM * 2 {
            self.shrink(BATCH_RECORDS_MIN);
        }
    }

    /// Halves what a batch may have, down to no less than this. A transaction that is silent for too long gets as small as one record,
    /// so that it goes through at last.
    fn shrink(&mut self, least: usize) {
        self.limit = (self.limit / 2).max(least.min(self.limit));
    }

    /// Brings the report up to date. What was wrong stays in it until something is written, or nothing is left to write.
    fn note(&self, progress: &mut Progress, durable: Lsn, latest: Option<Timestamp>) {
        let mut report = self.report.lock();
        (report.cursor, report.parked) =
            (progress.cursor, report.parked + std::mem::take(&mut progress.parked));
        report.durable = report.durable.max(durable);
        report.behind_since = match report.lag_events() {
            0 => None,
            // What comes next is no older than what came last.
            _ => latest.or(report.behind_since).or_else(|| Some(now())),
        };
        if report.lag_events() == 0 || report.problem.is_none() {
            (report.state, report.problem) = (LaneState::Following, None);
        }
    }

    fn wrote(&self, progress: &mut Progress, durable: Lsn, latest: Option<Timestamp>, records: usize) {
        self.report.lock().problem = None;
        self.note(progress, durable, latest);
        let mut report = self.report.lock();
        report.batches += 1;
        report.records += records as u64;
    }

    /// Where the shard stands in its database, which must be the right one and have the right schema.
    async fn attach(&self, target: &Target) -> Result<(Cursor, Progress), LaneError> {
        if target.database.ensure_schema().await? {
            tracing::info!("made the schema in database `{}`, which was empty", target.database.name());
        }
        let id = target.database.id().await?;
        let name = target.database.name();
        self.shared.assignments.reload()?;
        self.shared.assignments.check(self.shard, id, name)?;
        let client = target.database.client().await?;
        let cursor = match Cursor::of(&**client, self.shard).await.map_err(DatabaseError::from)? {
            Some(Cursor { is_released: true, .. }) => {
                return Err(AssignError::Released { shard: self.shard, now: name.to_owned() }.into());
            }
            Some(cursor) => cursor,
            None => {
                self.demand_unheld(target).await?;
                let insert =
                    "INSERT INTO cursors (shard, epoch, lsn) VALUES ($1, 0, 0) ON CONFLICT DO NOTHING";
                client.execute(insert, &[&i16::from(self.shard.0)]).await.map_err(DatabaseError::from)?;
                Cursor { position: Position::start(self.shard), log: None, is_released: false }
            }
        };
        self.shared.assignments.set(self.shard, id, name)?;
        let left_out = held(&client, self.shard).await?;
        if left_out.held.len() > HELD_MAX {
            return Err(FlushError::TooManyHeld(self.shard).into());
        }
        let shards = self.shared.board.len().max(1);
        let newcomers = Newcomers::new((NEWCOMERS_BYTES / shards).max(NEWCOMERS_BYTES_MIN));
        Ok((cursor, Progress { cursor: cursor.position, log: None, left_out, newcomers, parked: 0 }))
    }

    /// Demands that no other database of the configuration has the shard. One that does not answer can't say; what this side remembers
    /// then has to do.
    async fn demand_unheld(&self, target: &Target) -> Result<(), LaneError> {
        let (shard, now) = (self.shard, target.database.name());
        let others = self.shared.targets.iter().map(|target| target.database.clone());
        let mut asked = JoinSet::new();
        // All at once, so that several that do not answer take no longer than one.
        for other in others.filter(|other| other.name() != now) {
            asked.spawn(async move {
                let found = async { Ok(Cursor::of(&**other.client().await?, shard).await?) };
                (other.name().to_owned(), other.within::<_, DatabaseError>(RETRY_MAX, found).await)
            });
        }
        while let Some(answer) = asked.join_next().await {
            if let Ok((holder, Ok(Some(Cursor { is_released: false, .. })))) = answer {
                return Err(AssignError::Held { shard, holder, now: now.to_owned() }.into());
            }
        }
        Ok(())
    }
}

/// Waits for something, or until it is told to stop.
async fn or_stop<T>(stopping: &watch::Receiver<bool>, what: impl Future<Output = T>) -> Result<T, LaneError> {
    let mut stopping = stopping.clone();
    tokio::select! {
        biased;
        _ = stopping.wait_for(|stop| *stop) => Err(LaneError::Stopped),
        done = what => Ok(done),
    }
}

/// The time of the last record.
fn latest(records: &Records) -> Option<Timestamp> {
    let (_, bytes) = records.iter().next_back()?;
    decode(bytes).ok().map(|record| record.at())
}

/// The auctions that are held.
async fn held(client: &Client, shard: ShardId) -> Result<LeftOut, DatabaseError> {
    let held = "SELECT DISTINCT auction FROM parked WHERE shard = $1 AND auction IS NOT NULL LIMIT $2";
    let mut left_out = LeftOut::default();
    for row in client.query(held, &[&i16::from(shard.0), &(HELD_MAX as i64 + 1)]).await? {
        left_out.held.extend(auction_of(row.try_get(0)?));
    }
    Ok(left_out)
}
