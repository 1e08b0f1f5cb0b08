//! Several runs as one report: the middle one stands for all, beside how far they were apart.

use super::{Report, SPREAD_MAX};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What several runs measured of one figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// The middle one; of an even number the mean of the middle two.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
    /// The distance between least and greatest, as a share of the median.
    pub relative: f64,
    /// True when that is above 0.15.
    pub is_noisy: bool,
}

impl Spread {
    /// The spread of these values; all zeros where there are none.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (Some(&least), Some(&greatest)) = (sorted.first(), sorted.last()) else { return Self::default() };
        let median = f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        let relative = if median > 0.0 { (greatest - least) / median } else { 0.0 };
        Self { median, least, greatest, relative, is_noisy: relative > SPREAD_MAX }
    }
}

/// The figures whose spread is told, in the order in which they are shown.
pub(crate) const FIGURES: [&str; 8] =
    ["accepted_rate", "achieved_rate", "p50", "p90", "p99", "p99.9", "p99.99", "max"];

impl Report {
    /// A figure by its name in [`FIGURES`]: rates per second, latencies in microseconds.
    pub(crate) fn figure(&self, name: &str) -> f64 {
        match name {
            "accepted_rate" => self.accepted_rate,
            "achieved_rate" => self.achieved_rate,
            "p50" => self.latency_us.p50,
            "p90" => self.latency_us.p90,
            "p99" => self.latency_us.p99,
            "p99.9" => self.latency_us.p99_9,
            "p99.99" => self.latency_us.p99_99,
            _ => self.latency_us.max,
        }
    }

    /// A figure by its name: of several runs their median.
    pub(crate) fn median(&self, name: &str) -> f64 {
        self.spread.get(name).map_or_else(|| self.figure(name), |spread| spread.median)
    }

    /// One report of several runs of the same settings: the middle run (of an even number, the worse of the
    /// two; by accepted rate, in an open loop by p99), all of the runs, and the spread of each figure. One run is itself; of none, the report is empty.
    #[must_use]
    pub fn repeated(mut runs: Vec<Self>) -> Self {
        if runs.len() <= 1 {
            return runs.pop().unwrap_or_default();
        }
        let mut order: Vec<usize> = (0..runs.len()).collect();
        // An open loop reaches its rate or not; what tells its runs apart is how long bids took.
        let goodness =
            |run: &Self| if run.settings.is_open_loop() { -run.latency_us.p99 } else { run.accepted_rate };
        order.sort_by(|&a, &b| goodness(&runs[a]).total_cmp(&goodness(&runs[b])));
        let middle = runs[order[(order.len() - 1) / 2]].clone();
        let spread = FIGURES.into_iter().map(|figure| {
            let values: Vec<f64> = runs.iter().map(|run| run.figure(figure)).collect();
            (figure.to_owned(), Spread::of(&values))
        });
        let server_gone = runs.iter().any(|run| run.server_gone);
        Self { spread: spread.collect(), runs, server_gone, ..middle }.with_warnings()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_in_any_order_and_far_is_noisy() {
        let spread = Spread::of(&[110.0, 100.0, 105.0]);
        assert_eq!((spread.median, spread.least, spread.greatest), (105.0, 100.0, 110.0));
        assert!(!spread.is_noisy && (spread.relative - 10.0 / 105.0).abs() < 1e-12);
        assert!(Spread::of(&[100.0, 120.0]).is_noisy);
        assert_eq!(Spread::of(&[]), Spread::default());
    }

    #[test]
    fn the_middle_run_stands_for_all_and_their_warnings_are_kept() {
        let run =
            |accepted_rate, unsent| Report { accepted_rate, unsent, ..Report::default() }.with_warnings();
        let report = Report::repeated(vec![run(130.0, 0), run(100.0, 3), run(104.0, 0)]);
        assert_eq!((report.accepted_rate, report.runs.len()), (104.0, 3));
        assert_eq!(report.spread["accepted_rate"].median, 104.0);
        assert!(report.warnings[0].starts_with("run 2: 3 planned"), "{:?}", report.warnings);
        assert_eq!(report.warnings[1], "the runs are more than 15 % apart: accepted rate by 29 %");
        let all = Report::repeated(vec![run(1.0, 3), run(1.0, 5), run(1.0, 0)]).warnings;
        assert!(all[0].starts_with("2 of 3 runs, such as run 1: 3 planned"), "{all:?}");
        assert_eq!(Report::repeated(vec![run(1.0, 0)]).runs.len(), 0);
    }
}
