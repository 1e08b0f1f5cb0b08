//! A database as its lanes share it: how many may write at once, how it is, and the days that it has partitions for.

use super::report::DatabaseReport;
use crate::database::{Database, DatabaseError};
use crate::limits::RETRY_MAX;
use crate::value::auction_number;
use crate::write::number;
use deadpool_postgres::Client;
use gavel_core::{AuctionId, ShardId};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A database, shared by its lanes.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) database: Database,
    permits: Arc<Semaphore>,
    days: Mutex<BTreeSet<u16>>,
    problem: Mutex<Option<Problem>>,
    batches: AtomicU64,
    failures: AtomicU64,
}

/// What is wrong, until it has healed.
#[derive(Debug)]
struct Problem {
    text: String,
    since: Instant,
}

impl Target {
    pub(super) fn new(database: Database, parallel: usize) -> Self {
        Self {
            database,
            permits: Arc::new(Semaphore::new(parallel)),
            days: Mutex::default(),
            problem: Mutex::default(),
            batches: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// Waits for one's turn to hold a batch. `None` never: the semaphore is not closed.
    pub(super) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }

    /// Makes the partitions of days that are not known to have them.
    pub(super) async fn ensure_days(&self, client: &Client, days: &[u16]) -> Result<(), DatabaseError> {
        for &day in days {
            if self.days.lock().contains(&day) {
                continue;
            }
            // Any auction of that day says it.
            let Some(auction) = AuctionId::new(day, ShardId(0), 1) else { continue };
            let ensure = "SELECT ensure_day(auction_day($1))";
            client.query_one(ensure, &[&auction_number(auction)]).await?;
            self.days.lock().insert(day);
        }
        Ok(())
    }

    /// Trusts nothing about days any more: a partition may have been dropped.
    pub(super) fn forget_days(&self) {
        self.days.lock().clear();
    }

    /// Says what is wrong, once for as long as it lasts.
    pub(super) fn failed(&self, problem: &str) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let mut present = self.problem.lock();
        let since = present.as_ref().map(|present| present.since);
        if present.as_ref().is_none_or(|present| present.text != problem) {
            let (name, address) = (self.database.name(), self.database.address());
            if since.is_none() {
                tracing::warn!("database `{name}` ({address}): {problem}; bids go on, and it is tried again");
            } else {
                tracing::warn!("database `{name}` ({address}): now {problem}");
            }
            *present = Some(Problem { text: problem.to_owned(), since: since.unwrap_or_else(Instant::now) });
        }
    }

    /// Says that it is well again.
    pub(super) fn wrote(&self) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.works();
    }

    /// Says that it is well again, where it was not.
    pub(super) fn works(&self) {
        if let Some(problem) = self.problem.lock().take() {
            let seconds = problem.since.elapsed().as_secs();
            tracing::info!("database `{}` works again, after {seconds} s", self.database.name());
        }
    }

    /// How many records of each shard are parked; `None` while the database does not answer, which its lanes say.
    pub(super) async fn parked(&self) -> Option<BTreeMap<ShardId, u64>> {
        if self.problem.lock().is_some() {
            return None;
        }
        let count = "SELECT shard, count(*) FROM parked GROUP BY shard";
        let counted =
            async { self.database.client().await?.query(count, &[]).await.map_err(DatabaseError::from) };
        let rows = tokio::time::timeout(RETRY_MAX, counted).await.ok()?.ok()?;
        let pair = |row: &tokio_postgres::Row| {
            Some((ShardId(row.try_get::<_, i16>(0).ok()? as u8), number(row, 1).ok()?))
        };
        rows.iter().map(pair).collect()
    }

    pub(super) fn report(&self) -> DatabaseReport {
        DatabaseReport {
            name: self.database.name().to_owned(),
            address: self.database.address().to_string(),
            problem: self.problem.lock().as_ref().map(|problem| problem.text.clone()),
            batches: self.batches.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }
}
