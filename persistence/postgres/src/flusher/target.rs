//! A database as its lanes share it: how many may write at once, how it is, and the days that it has partitions for.

use super::report::DatabaseReport;
use crate::database::{Database, DatabaseError};
use crate::limits::RETRY_MAX;
use crate::write::{ensure_day, number};
use deadpool_postgres::Client;
use gavel_core::ShardId;
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
    trouble: Mutex<Trouble>,
    batches: AtomicU64,
    failures: AtomicU64,
}

/// What is wrong, until it has healed.
#[derive(Debug, Default)]
struct Trouble {
    /// What keeps each shard that is kept.
    shards: BTreeMap<ShardId, String>,
    since: Option<Instant>,
}

impl Trouble {
    fn first(&self) -> Option<&String> {
        self.shards.values().next()
    }
}

impl Target {
    pub(super) fn new(database: Database, parallel: usize) -> Self {
        Self {
            database,
            permits: Arc::new(Semaphore::new(parallel)),
            days: Mutex::default(),
            trouble: Mutex::default(),
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
            ensure_day(client, day).await?;
            self.days.lock().insert(day);
        }
        Ok(())
    }

    /// Trusts nothing about days any more: a partition may have been dropped.
    pub(super) fn forget_days(&self) {
        self.days.lock().clear();
    }

    /// Says what is wrong, once for as long as it lasts, however many shards it keeps.
    pub(super) fn failed(&self, shard: ShardId, problem: &str) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let mut trouble = self.trouble.lock();
        let (is_first, is_known) =
            (trouble.shards.is_empty(), trouble.shards.values().any(|known| known == problem));
        let (name, address) = (self.database.name(), self.database.address());
        if is_first {
            trouble.since = Some(Instant::now());
            tracing::warn!("database `{name}` ({address}): {problem}; bids go on, and it is tried again");
        } else if !is_known {
            tracing::warn!("database `{name}` ({address}): {problem}");
        }
        trouble.shards.insert(shard, problem.to_owned());
    }

    /// A batch of a shard is written.
    pub(super) fn wrote(&self, shard: ShardId) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.works(shard);
    }

    /// Nothing keeps this shard any more; said when it was the last.
    pub(super) fn works(&self, shard: ShardId) {
        let mut trouble = self.trouble.lock();
        if trouble.shards.remove(&shard).is_some() && trouble.shards.is_empty() {
            let seconds = trouble.since.take().map_or(0, |since| since.elapsed().as_secs());
            tracing::info!("database `{}` works again, after {seconds} s", self.database.name());
        }
    }

    /// How many records of each shard are parked; `None` while the database does not answer, which its lanes say.
    pub(super) async fn parked(&self) -> Option<BTreeMap<ShardId, u64>> {
        if self.trouble.lock().first().is_some() {
            return None;
        }
        let count = "SELECT shard, count(*) FROM parked GROUP BY shard";
        let counted =
            async { self.database.client().await?.query(count, &[]).await.map_err(DatabaseError::from) };
        let rows = self.database.within(RETRY_MAX, counted).await.ok()?;
        let pair = |row: &tokio_postgres::Row| {
            Some((ShardId(row.try_get::<_, i16>(0).ok()? as u8), number(row, 1).ok()?))
        };
        rows.iter().map(pair).collect()
    }

    pub(super) fn report(&self) -> DatabaseReport {
        DatabaseReport {
            name: self.database.name().to_owned(),
            address: self.database.address().to_string(),
            problem: self.trouble.lock().first().cloned(),
            batches: self.batches.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }
}
