//! How long bids took: an HDR histogram of nanoseconds with three significant digits, and its quantiles.
//!
//! Closed loop: from the first sending to the answer. Open loop: from the planned time to the answer. A bid that was sent
//! again counts once, from its beginning.

mod packed;

pub use packed::{PackedError, PackedLatencies};

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Below this, times are not told apart: one microsecond.
const LOW_NS: u64 = 1_000;
/// Above this, times count as this: one hour.
const HIGH_NS: u64 = 3_600_000_000_000;

/// A histogram of latencies.
#[derive(Clone, Debug, PartialEq)]
pub struct Latencies(Histogram<u64>);

/// The quantiles of a report, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quantiles {
    /// Half of all bids took at most this long.
    pub p50: f64,
    /// 90 in 100.
    pub p90: f64,
    /// 99 in 100.
    pub p99: f64,
    /// 999 in 1,000.
    #[serde(rename = "p99.9")]
    pub p99_9: f64,
    /// 9,999 in 10,000.
    #[serde(rename = "p99.99")]
    pub p99_99: f64,
    /// The longest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
}

impl Default for Latencies {
    #[expect(clippy::expect_used, reason = "the bounds are constants that the histogram allows")]
    fn default() -> Self {
        Self(Histogram::new_with_bounds(LOW_NS, HIGH_NS, 3).expect("the bounds are valid"))
    }
}

impl Latencies {
    /// Counts one bid.
    pub fn record(&mut self, nanoseconds: u64) {
        self.0.saturating_record(nanoseconds);
    }

    /// Adds all that another histogram counted.
    pub fn merge(&mut self, other: &Self) {
        // The bounds of all are the same, which is all that adding asks for.
        let _added = self.0.add(&other.0);
    }

    pub(crate) const fn as_histogram(&self) -> &Histogram<u64> {
        &self.0
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// At which latency, in microseconds, this share of all bids (`0 ..= 1`) had been answered; 0 where nothing was counted.
    #[must_use]
    pub fn quantile_us(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64 / 1e3
    }

    /// The quantiles; zeros where nothing was counted.
    #[must_use]
    pub fn quantiles(&self) -> Quantiles {
        if self.0.is_empty() {
            return Quantiles::default();
        }
        let at = |quantile| self.0.value_at_quantile(quantile) as f64 / 1e3;
        Quantiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            p99_99: at(0.9999),
            max: self.0.max() as f64 / 1e3,
            mean: self.0.mean() / 1e3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_what_was_recorded_over_all_histograms() {
        let (mut low, mut high) = (Latencies::default(), Latencies::default());
        (1..=9_000).for_each(|_| low.record(200_000));
        (1..=1_000).for_each(|_| high.record(50_000_000));
        low.merge(&high);
        let quantiles = low.quantiles();
        assert_eq!(low.count(), 10_000);
        for (value, expected) in [
            (quantiles.p50, 200.0),
            (quantiles.p90, 200.0),
            (quantiles.p99, 50_000.0),
            (quantiles.max, 50_000.0),
        ] {
            assert!((value / expected - 1.0).abs() < 0.001, "{quantiles:?}");
        }
    }

    #[test]
    fn nothing_recorded_is_zero_and_ages_are_an_hour() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantiles(), Quantiles::default());
        latencies.record(u64::MAX);
        assert!(latencies.quantiles().max >= 3_600_000_000.0);
        latencies.clear();
        assert_eq!(latencies.count(), 0);
    }
}
