//! What a run counts. Workers count for themselves and add to a shared place a few times a second.

use crate::latency::Latencies;
use crate::outcome::Tally;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Counts of a run or a part of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stats {
    /// Bids by their last answer.
    pub(crate) tally: Tally,
    /// From due to answered.
    pub(crate) latencies: Latencies,
    /// Bids made.
    pub(crate) made: u64,
    /// Answers `BUSY`.
    pub(crate) busy: u64,
    /// Answers `LOADING`.
    pub(crate) loading: u64,
    /// Bids sent again, after `BUSY`, `LOADING` or a lost connection.
    pub(crate) resent: u64,
    /// Connections lost.
    pub(crate) lost_connections: u64,
    /// Bids sent more than [`LATE_NS`] after their planned time.
    pub(crate) late: u64,
    /// Bids planned and never made.
    pub(crate) unsent: u64,
    /// Bids whose fate was never learned.
    pub(crate) unknown: u64,
    /// Bids given up after `BUSY` or `LOADING`: surely not accepted.
    pub(crate) abandoned: u64,
}

/// A bid sent more than this after its planned time is late: 1 ms.
pub(crate) const LATE_NS: u64 = 1_000_000;

impl Stats {
    /// Adds another part's counts.
    pub(crate) fn merge(&mut self, other: &Self) {
        let Self {
            tally,
            latencies,
            made,
            busy,
            loading,
            resent,
            lost_connections,
            late,
            unsent,
            unknown,
            abandoned,
        } = other;
        self.tally += tally;
        self.latencies.merge(latencies);
        self.made += made;
        self.busy += busy;
        self.loading += loading;
        self.resent += resent;
        self.lost_connections += lost_connections;
        self.late += late;
        self.unsent += unsent;
        self.unknown += unknown;
        self.abandoned += abandoned;
    }

    /// Forgets everything, and keeps the histogram's memory.
    pub(crate) fn clear(&mut self) {
        let mut latencies = std::mem::take(&mut self.latencies);
        latencies.clear();
        *self = Self { latencies, ..Self::default() };
    }
}

/// Where workers put their counts: by the interval of the run's series in which they were counted.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    intervals: Mutex<BTreeMap<i64, Stats>>,
    up: AtomicU32,
}

impl Shared {
    /// Moves a worker's counts here: what counts, and what belongs to the warm-up, whose intervals are negative.
    pub(crate) fn add(&self, interval: i64, stats: &mut Stats, warm: Option<&mut Stats>) {
        let mut intervals = self.intervals.lock().unwrap_or_else(PoisonError::into_inner);
        intervals.entry(interval.max(0)).or_default().merge(stats);
        stats.clear();
        if let Some(warm) = warm {
            intervals.entry(interval.min(-1)).or_default().merge(warm);
            warm.clear();
        }
    }

    /// Takes out what has been added since the last time.
    pub(crate) fn take(&self) -> BTreeMap<i64, Stats> {
        std::mem::take(&mut self.intervals.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One connection more or less.
    pub(super) fn connected(&self, is_up: bool) {
        if is_up {
            self.up.fetch_add(1, Relaxed)
        } else {
            self.up.fetch_sub(1, Relaxed)
        };
    }

    /// Connections that are up.
    pub(crate) fn up(&self) -> u32 {
        self.up.load(Relaxed)
    }
}
