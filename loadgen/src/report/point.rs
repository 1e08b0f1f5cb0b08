//! One interval of a run's series.

use crate::latency::{PackedLatencies, Quantiles};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which part of a run a point belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PointPhase {
    /// Bids were made that do not count.
    Warmup,
    /// Bids were made that count.
    #[default]
    Measured,
    /// No more bids were made; the last answers were waited for.
    Draining,
}

/// What happened in one interval. The points of the phases `measured` and `draining` add up to the report's totals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// When it began, in seconds from the end of the warm-up: negative in the warm-up.
    pub at_s: f64,
    /// How long it was, in seconds.
    pub seconds: f64,
    /// For how much of it bids were made, in seconds.
    pub bidding_s: f64,
    /// Which part of the run it belongs to.
    pub phase: PointPhase,
    /// Bids made (sent for the first time).
    pub offered: u64,
    /// Bids accepted.
    pub accepted: u64,
    /// Bids refused.
    pub refused: u64,
    /// Bids sent more than a millisecond after their planned time.
    pub late: u64,
    /// Bids made per second.
    pub offered_rate: f64,
    /// Bids accepted per second.
    pub accepted_rate: f64,
    /// Bids refused per second.
    pub refused_rate: f64,
    /// Latencies of the bids that were answered in it; zeros where there was none.
    pub latency_us: PointLatency,
    /// All of those latencies.
    pub histogram: PackedLatencies,
}

/// The quantiles of a point, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PointLatency {
    /// Half of all bids took at most this long.
    pub p50: f64,
    /// 99 in 100.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Point {
    /// Sets the histogram, and all that follows from it and the counts.
    pub(crate) fn measure(&mut self, histogram: PackedLatencies) {
        let rate = |count: u64, seconds: f64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        self.offered_rate = rate(self.offered, self.bidding_s);
        self.accepted_rate = rate(self.accepted, self.seconds);
        self.refused_rate = rate(self.refused, self.seconds);
        let Quantiles { p50, p99, max, .. } = histogram.unpack().unwrap_or_default().quantiles();
        self.latency_us = PointLatency { p50, p99, max };
        self.histogram = histogram;
    }

    /// Adds what another generator did in the same interval.
    pub(crate) fn add(&mut self, other: &Self) {
        let Self { seconds, bidding_s, offered, accepted, refused, late, histogram, .. } = other;
        self.seconds = self.seconds.max(*seconds);
        self.bidding_s = self.bidding_s.max(*bidding_s);
        self.offered += offered;
        self.accepted += accepted;
        self.refused += refused;
        self.late += late;
        let sum = self.histogram.plus(histogram);
        self.measure(sum);
    }

    /// True for what counts.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.phase != PointPhase::Warmup
    }
}
