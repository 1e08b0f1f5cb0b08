//! How often values fell between fixed bounds. Written and read by any thread.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bounds of the records of one commit.
const RECORDS: &[u64] = &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000];
/// Bounds of the time of one commit, in microseconds.
const MICROS: &[u64] = &[
    100, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000, 20_000, 50_000, 100_000,
    500_000, 1_000_000,
];

/// Bounds of the time that a command takes in one stage, in microseconds.
const STAGE_MICROS: &[u64] = &[
    5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1_000, 1_500, 2_000, 3_000, 4_000, 5_000,
    7_500, 10_000, 15_000, 20_000, 30_000, 50_000, 75_000, 100_000, 200_000, 500_000, 1_000_000, 5_000_000,
];

/// Counts of values by fixed upper bounds, and their sum.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One more than there are bounds: the last counts what lies above all of them.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    fn new(bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// For numbers of records.
    pub(crate) fn of_records() -> Self {
        Self::new(RECORDS)
    }

    /// For times in microseconds.
    pub(crate) fn of_micros() -> Self {
        Self::new(MICROS)
    }

    /// For times of stages in microseconds.
    pub(crate) fn of_stages() -> Self {
        Self::new(STAGE_MICROS)
    }

    pub(crate) fn record(&self, value: u64) {
        self.record_many(value, 1);
    }

    /// Counts a value that many have in common.
    pub(crate) fn record_many(&self, value: u64, count: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        self.counts[place].fetch_add(count, Ordering::Relaxed);
        self.sum.fetch_add(value.saturating_mul(count), Ordering::Relaxed);
    }

    /// Each upper bound (`None`: none) with how many values lie at or below it and above the one before.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        bounds.zip(self.counts.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// The sum of all values.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_at_the_first_bound_that_is_not_below_it() {
        let histogram = Histogram::new(&[10, 20]);
        [0, 10, 11, 20, 21].into_iter().for_each(|value| histogram.record(value));
        assert_eq!(histogram.buckets().collect::<Vec<_>>(), [(Some(10), 2), (Some(20), 2), (None, 1)]);
        assert_eq!(histogram.sum(), 62);
        histogram.record_many(15, 3);
        assert_eq!(histogram.buckets().nth(1), Some((Some(20), 5)));
        assert_eq!(histogram.sum(), 62 + 45);
    }
}
