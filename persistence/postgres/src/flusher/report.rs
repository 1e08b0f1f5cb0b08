//! What the flusher says of itself.

use gavel_core::{Lsn, Position, ShardId, Timestamp};
use gavel_log::clock::now;
pub use gavel_log::follow::LaneState;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far the flusher is.
#[derive(Clone, Debug)]
pub struct Report {
    /// The write databases, in the order of the configuration.
    pub databases: Vec<DatabaseReport>,
    /// The shards, ascending.
    pub shards: Vec<ShardReport>,
}

/// One database.
#[derive(Clone, Debug)]
pub struct DatabaseReport {
    /// What the configuration calls it.
    pub name: String,
    /// Where it is.
    pub address: String,
    /// What is wrong with it; `None` while nothing is.
    pub problem: Option<String>,
    /// Batches written.
    pub batches: u64,
    /// Failures: what was tried again.
    pub failures: u64,
}

/// One shard.
#[derive(Clone, Debug)]
pub struct ShardReport {
    /// Which.
    pub shard: ShardId,
    /// The database it is written to; empty where it has none.
    pub database: String,
    /// What its lane is doing.
    pub state: LaneState,
    /// Why, where it does not follow.
    pub problem: Option<String>,
    /// The last record that was taken in.
    pub cursor: Position,
    /// The log's durable end.
    pub durable: Lsn,
    /// Since when it has been behind; `None` while it is not.
    pub behind_since: Option<Timestamp>,
    /// Records that were taken in since the start.
    pub records: u64,
    /// Batches written since the start.
    pub batches: u64,
    /// Records that are parked.
    pub parked: u64,
}

impl ShardReport {
    /// Records that are durable and not taken in.
    #[must_use]
    pub const fn lag_events(&self) -> u64 {
        self.durable.0.saturating_sub(self.cursor.lsn.0)
    }

    /// For how long the oldest of them has waited, in microseconds.
    #[must_use]
    pub fn lag_us(&self) -> u64 {
        self.behind_since.map_or(0, |since| now().since(since).micros())
    }
}

/// All lanes' reports.
#[derive(Debug, Default)]
pub(super) struct Board {
    lanes: Mutex<BTreeMap<ShardId, Arc<Mutex<ShardReport>>>>,
}

impl Board {
    /// A lane's place on it.
    pub(super) fn place(&self, shard: ShardId, database: &str) -> Arc<Mutex<ShardReport>> {
        let report = ShardReport {
            shard,
            database: database.to_owned(),
            state: LaneState::Starting,
            problem: None,
            cursor: Position::start(shard),
            durable: Lsn(0),
            behind_since: None,
            records: 0,
            batches: 0,
            parked: 0,
        };
        let place = Arc::new(Mutex::new(report));
        self.lanes.lock().insert(shard, Arc::clone(&place));
        place
    }

    /// How many lanes there are.
    pub(super) fn len(&self) -> usize {
        self.lanes.lock().len()
    }

    /// Takes in where a shard's log ends, which its lane can't see while its database is away.
    pub(super) fn durable(&self, shard: ShardId, durable: Lsn) {
        let place = self.lanes.lock().get(&shard).map(Arc::clone);
        if let Some(place) = place {
            let mut report = place.lock();
            report.durable = report.durable.max(durable);
            if report.lag_events() > 0 {
                report.behind_since.get_or_insert_with(now);
            }
        }
    }

    /// Takes in how many records of each shard of a database are parked, as the database counts them.
    pub(super) fn parked(&self, database: &str, counts: &BTreeMap<ShardId, u64>) {
        for (shard, place) in &*self.lanes.lock() {
            let mut report = place.lock();
            if report.database == database {
                report.parked = counts.get(shard).copied().unwrap_or(0);
            }
        }
    }

    pub(super) fn shards(&self) -> Vec<ShardReport> {
        self.lanes.lock().values().map(|place| place.lock().clone()).collect()
    }
}
