//! A report out of what one run counted.

use super::{Ending, FORMAT, Generator, LedgerReport, Point, Report, ServerFacts, Settings, Stage};
use crate::drive::Stats;
use crate::machine::{Load, Machine};
use std::collections::BTreeMap;

/// What one run left behind.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) settings: Settings,
    pub(crate) stats: Stats,
    pub(crate) series: Vec<Point>,
    /// How long bids were made that count.
    pub(crate) bidding_ns: u64,
    /// Until the last answer.
    pub(crate) total_ns: u64,
    pub(crate) server_gone: bool,
    pub(crate) ending: Option<Ending>,
    pub(crate) ledger: Option<LedgerReport>,
    pub(crate) machine: Machine,
    pub(crate) load: Load,
    pub(crate) server: Option<ServerFacts>,
    pub(crate) stages: BTreeMap<String, Stage>,
}

impl From<Measured> for Report {
    fn from(measured: Measured) -> Self {
        let Measured {
            settings,
            stats,
            series,
            bidding_ns,
            total_ns,
            server_gone,
            ending,
            ledger,
            machine,
            load,
            server,
            stages,
        } = measured;
        // Answers that came while the last ones were waited for belong to bids made before: a closed loop is measured
        // over all of its time, so that deep pipelines do not flatter the rate.
        let (bidding_s, total_s) = (bidding_ns as f64 / 1e9, total_ns as f64 / 1e9);
        let answered_over = if settings.is_open_loop() { bidding_s } else { total_s };
        let rate = |count: u64, seconds: f64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        let outcomes = stats.tally.by_word().into_iter().map(|(word, count)| (word.to_owned(), count));
        let report = Self {
            format: FORMAT,
            machines: vec![machine],
            generator: Generator::this(),
            server,
            bidding_s,
            total_s,
            offered_rate: rate(stats.made + stats.unsent, bidding_s),
            achieved_rate: rate(stats.tally.total(), answered_over),
            accepted_rate: rate(stats.tally.accepted(), answered_over),
            made: stats.made,
            accepted: stats.tally.accepted(),
            answered: stats.tally.total(),
            outcomes: outcomes.collect(),
            latency_us: stats.latencies.quantiles(),
            histogram: (&stats.latencies).into(),
            stages,
            series,
            late_sends: stats.late,
            unsent: stats.unsent,
            busy: stats.busy,
            loading: stats.loading,
            resent: stats.resent,
            lost_connections: stats.lost_connections,
            unknown: stats.unknown,
            abandoned: stats.abandoned,
            server_gone,
            ending,
            ledger,
            load,
            settings,
            ..Self::default()
        };
        report.with_warnings()
    }
}
