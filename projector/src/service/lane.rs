//! One shard's way into the store.

use super::Shared;
use crate::documents::Unfit;
use crate::fold::{Documents, Events, FoldError, Scope, Wanted, fold};
use crate::limits::{
    BATCH_AIM, BATCH_BYTES_MAX, BATCH_RECORDS_MAX, BATCH_RECORDS_MIN, DOCUMENTS_MAX, DOCUMENTS_MIN,
    RETRY_MAX, RETRY_MIN,
};
use crate::store::StoreError;
use crate::{Batch, Collection};
use bson::RawDocumentBuf;
use gavel_core::{Position, ShardId, Timestamp};
use gavel_log::clock::now;
use gavel_log::follow::{Follow, LaneState, Records, Source, SourceError, Unreadable, gather};
use gavel_log::record::decode;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A shard's projector.
pub(super) struct Lane<S> {
    shard: ShardId,
    source: S,
    shared: Arc<Shared>,
    stopping: watch::Receiver<bool>,
    /// As they are in the store; empty after whatever failed.
    documents: Documents,
    /// How many records a batch may have, by how long the latest took.
    limit: usize,
    /// Tries that failed since the latest success.
    failures: u32,
    /// When it began to fail.
    failing_since: Option<Instant>,
}

/// Why a lane does not follow just now.
#[derive(Debug, thiserror::Error)]
enum LaneError {
    #[error("stopped")]
    Stopped,
    #[error(transparent)]
    Source(SourceError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error(transparent)]
    Fold(#[from] FoldError),
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
            Self::Source(SourceError::Unfit(_)) | Self::Unreadable(_) | Self::Unfit(_) => true,
            Self::Store(error) => !error.passes(),
            Self::Fold(error) => !matches!(error, FoldError::Stale { .. }),
            Self::Stopped | Self::Source(_) => false,
        }
    }
}

impl<S: Source> Lane<S> {
    pub(super) fn new(
        shard: ShardId,
        source: S,
        shared: Arc<Shared>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            shard,
            source,
            shared,
            stopping,
            documents: Documents::new(shard),
            limit: BATCH_RECORDS_MIN,
            failures: 0,
            failing_since: None,
        }
    }

    /// Projects until it is stopped.
    pub(super) async fn run(mut self) {
        loop {
            let Err(error) = self.follow().await;
            // Whatever was folded and not written must not be gone on from.
            self.documents = Documents::new(self.shard);
            if matches!(error, LaneError::Stopped) || *self.stopping.borrow() {
                return;
            }
            self.tell(&error);
            let pause = self.backoff();
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

    /// Says what is wrong, once.
    fn tell(&mut self, error: &LaneError) {
        let text = error.to_string();
        self.failing_since.get_or_insert_with(Instant::now);
        let mut is_news = false;
        self.shared.progress.change(self.shard, |report| {
            is_news = report.problem.as_ref() != Some(&text);
            report.state = if error.is_refusal() { LaneState::Refused } else { LaneState::Retrying };
            report.problem = Some(text.clone());
        });
        if is_news {
            tracing::warn!("documents of shard {} stay behind: {text}", self.shard);
        }
    }

    /// It works.
    fn works(&mut self) {
        self.failures = 0;
        if let Some(since) = self.failing_since.take() {
            tracing::info!("documents of shard {} go on, after {} s", self.shard, since.elapsed().as_secs());
        }
    }

    /// Attaches to the store, follows the log from there, and writes what comes. Ends with what goes wrong.
    async fn follow(&mut self) -> Result<Infallible, LaneError> {
        let (shared, stopping) = (Arc::clone(&self.shared), self.stopping.clone());
        or_stop(&stopping, shared.prepare()).await??;
        let log = or_stop(&stopping, self.source.log()).await??;
        if let Some(log) = log {
            or_stop(&stopping, shared.options.store.claim(log)).await??;
        }
        let mut cursor = or_stop(&stopping, shared.options.store.cursor(self.shard)).await??;
        let mut follow = or_stop(&stopping, self.source.follow(cursor, log)).await??;
        if follow.durable() <= cursor.lsn {
            // Where there is something to write, writing it tells.
            self.works();
        }
        let (shard, progress) = (self.shard, &shared.progress);
        let note = |cursor, durable, latest| {
            progress.change(shard, |report| report.follows(cursor, durable, latest, now()));
        };
        loop {
            note(cursor, follow.durable(), None);
            or_stop(&stopping, follow.ready()).await??;
            note(cursor, follow.durable(), None);
            // A batch is only held in turn, so that memory is bounded for all lanes together.
            let Ok(_permit) = or_stop(&stopping, shared.permits.acquire()).await? else {
                return Err(LaneError::Stopped);
            };
            let (mut records, began) = (Records::new(self.shard), Instant::now());
            let bounds = (self.limit, BATCH_BYTES_MAX);
            or_stop(&stopping, gather(&mut follow, &mut records, cursor, bounds)).await??;
            let (count, latest) = (records.len(), latest(&records));
            if count > 0 {
                let batch = or_stop(&stopping, self.fold(&records)).await??;
                drop(records);
                // Not given up when it is told to stop: what is being written is written.
                shared.options.store.write(&batch).await?;
                cursor = batch.cursor;
            }
            follow.acknowledge(cursor);
            self.works();
            note(cursor, follow.durable(), latest);
            shared.progress.change(self.shard, |report| {
                report.batches += 1;
                report.records += count as u64;
            });
            let is_full = count >= self.limit;
            self.adapt(is_full, began.elapsed());
            if !is_full {
                let rest = shared.options.every.saturating_sub(began.elapsed());
                or_stop(&stopping, tokio::time::sleep(rest)).await?;
            }
        }
    }

    /// Folds records into the documents in memory, and into those that they need and that are loaded first.
    async fn fold(&mut self, records: &Records) -> Result<Batch, LaneError> {
        let events = Events::read(records)?;
        let most = (DOCUMENTS_MAX / self.shared.progress.len().max(1)).max(DOCUMENTS_MIN);
        self.documents.shrink(most);
        loop {
            let wanted = self.documents.wanted(&events);
            if wanted.is_empty() {
                return Ok(fold(&events, &mut self.documents, Scope::Whole)?);
            }
            let found = self.load(&wanted).await?;
            self.documents.take(&wanted, &found)?;
        }
    }

    async fn load(&self, wanted: &Wanted) -> Result<Vec<(Collection, RawDocumentBuf)>, StoreError> {
        let mut found = Vec::new();
        for (collection, ids) in wanted.ids(self.shard) {
            let documents = self.shared.options.store.load(collection, &ids).await?;
            found.extend(documents.into_iter().map(|document| (collection, document)));
        }
        Ok(found)
    }

    /// Batches grow and shrink with how long they take.
    fn adapt(&mut self, is_full: bool, took: Duration) {
        if is_full && took < BATCH_AIM / 2 {
            self.limit = (self.limit * 2).min(BATCH_RECORDS_MAX);
        } else if took > BATCH_AIM * 2 {
            self.limit = (self.limit / 2).max(BATCH_RECORDS_MIN);
        }
    }
}

/// When the last record was.
fn latest(records: &Records) -> Option<Timestamp> {
    let (_, bytes): (Position, &[u8]) = records.iter().next_back()?;
    decode(bytes).ok().map(|record| record.at())
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
