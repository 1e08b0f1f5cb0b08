//! What a run says of itself when it is over: as text for people, as JSON for programs.

use crate::drive::Stats;
use crate::latency::Quantiles;
use crate::ledger::Totals;
use crate::options::Options;
use crate::schedule::Arrivals;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result as FmtResult};
use std::path::Path;

/// The settings of a run, as reports and ledgers state them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of `Options`, which documents them")]
pub struct Settings {
    pub server: String,
    pub seed: u64,
    /// Tells this run's ids from those of every other: 16 hexadecimal digits.
    pub run: String,
    /// When bidding began, RFC 3339.
    pub began_at: String,
    pub auctions: u32,
    pub bidders: u32,
    pub duration_s: f64,
    pub connections: u32,
    pub pipeline: u32,
    pub threads: u32,
    pub distribution: String,
    pub arrivals: String,
    pub spread: u32,
    pub retry_ids: f64,
}

impl Settings {
    pub(crate) fn new(options: &Options, run: u64, began_us: u64) -> Self {
        Self {
            server: options.server.to_string(),
            seed: options.seed,
            run: format!("{run:016x}"),
            began_at: crate::units::time_text(began_us),
            auctions: options.auctions,
            bidders: options.bidders,
            duration_s: options.duration.as_secs_f64(),
            connections: options.connections,
            pipeline: options.pipeline,
            threads: options.threads,
            distribution: options.distribution.to_string(),
            arrivals: options.arrivals.to_string(),
            spread: options.spread,
            retry_ids: options.retry_ids,
        }
    }

    pub(crate) fn json(&self) -> String {
        // A struct of numbers and texts always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What was written to the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerReport {
    /// The file.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Bids acknowledged.
    pub acked: u64,
    /// Bids of unknown fate.
    pub unknown: u64,
}

impl LedgerReport {
    pub(crate) fn new(path: Option<&Path>, bytes: u64, totals: Totals) -> Self {
        let path = path.map_or_else(String::new, |path| path.display().to_string());
        Self { path, bytes, acked: totals.acked, unknown: totals.unknown }
    }
}

/// How a run went. Rates are per second of the time in which bids were made; latencies in microseconds, from the planned
/// time in an open loop and from the first sending in a closed one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What was asked for.
    pub settings: Settings,
    /// How long bids were made, in seconds.
    pub bidding_s: f64,
    /// Until the last answer, in seconds.
    pub total_s: f64,
    /// Bids made or planned per second.
    pub offered_rate: f64,
    /// Bids answered per second.
    pub achieved_rate: f64,
    /// Bids accepted per second.
    pub accepted_rate: f64,
    /// Bids accepted.
    pub accepted: u64,
    /// Bids answered.
    pub answered: u64,
    /// Answered bids by the first word of their last answer.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Latency quantiles.
    pub latency_us: Quantiles,
    /// Bids sent more than a millisecond after their planned time (open loop).
    pub late_sends: u64,
    /// Bids planned and never made (open loop).
    pub unsent: u64,
    /// Answers `BUSY`; the bid was sent again.
    pub busy: u64,
    /// Answers `LOADING`; the bid was sent again.
    pub loading: u64,
    /// Bids sent again.
    pub resent: u64,
    /// Connections lost.
    pub lost_connections: u64,
    /// Bids whose fate was never learned.
    pub unknown: u64,
    /// Bids given up after `BUSY` or `LOADING`.
    pub abandoned: u64,
    /// True when a connection could not be made again in time, and the run ended for it.
    pub server_gone: bool,
    /// What was written to the ledger.
    pub ledger: Option<LedgerReport>,
}

impl Report {
    pub(crate) fn new(
        settings: Settings,
        stats: &Stats,
        bidding_ns: u64,
        total_ns: u64,
        server_gone: bool,
        ledger: Option<LedgerReport>,
    ) -> Self {
        // Answers that came while the last ones were waited for belong to bids made before: a closed loop is measured
        // over all of its time, so that deep pipelines do not flatter the rate.
        let (bidding_s, total_s) = (bidding_ns as f64 / 1e9, total_ns as f64 / 1e9);
        let is_open = settings.arrivals != Arrivals::Closed.to_string();
        let answered_over = if is_open { bidding_s } else { total_s };
        let rate = |count: u64, seconds: f64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        Self {
            bidding_s,
            total_s,
            offered_rate: rate(stats.made + stats.unsent, bidding_s),
            achieved_rate: rate(stats.tally.total(), answered_over),
            accepted_rate: rate(stats.tally.accepted(), answered_over),
            accepted: stats.tally.accepted(),
            answered: stats.tally.total(),
            outcomes: stats.tally.by_word(),
            latency_us: stats.latencies.quantiles(),
            late_sends: stats.late,
            unsent: stats.unsent,
            busy: stats.busy,
            loading: stats.loading,
            resent: stats.resent,
            lost_connections: stats.lost_connections,
            unknown: stats.unknown,
            abandoned: stats.abandoned,
            server_gone,
            ledger,
            settings,
        }
    }

    /// The report as one line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        // A struct of numbers and texts always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let Self { settings, latency_us, .. } = self;
        writeln!(f, "workload   {}, {}, seed {}", settings.distribution, settings.arrivals, settings.seed)?;
        writeln!(
            f,
            "           {} auctions, {} connections x {} in flight, {} thread(s), {:.2} s",
            settings.auctions, settings.connections, settings.pipeline, settings.threads, self.bidding_s
        )?;
        writeln!(f, "offered    {:>12.0} bids/s", self.offered_rate)?;
        writeln!(f, "achieved   {:>12.0} bids/s ({} answered)", self.achieved_rate, self.answered)?;
        writeln!(f, "accepted   {:>12.0} bids/s ({} bids)", self.accepted_rate, self.accepted)?;
        for (word, count) in &self.outcomes {
            let share = 100.0 * *count as f64 / self.answered.max(1) as f64;
            writeln!(f, "           {count:>12} {word} ({share:.2} %)")?;
        }
        let Quantiles { p50, p90, p99, p99_9, p99_99, max, mean } = latency_us;
        let named = [
            ("p50", p50),
            ("p90", p90),
            ("p99", p99),
            ("p99.9", p99_9),
            ("p99.99", p99_99),
            ("max", max),
            ("mean", mean),
        ];
        for (index, (name, value)) in named.into_iter().enumerate() {
            let head = if index == 0 { "latency" } else { "" };
            writeln!(f, "{head:<10} {:>12.3} ms {name}", value / 1e3)?;
        }
        self.fmt_troubles(f)
    }
}

impl Report {
    /// What should be zero, where it is not; then the ledger.
    fn fmt_troubles(&self, f: &mut Formatter<'_>) -> FmtResult {
        let troubles = [
            (self.late_sends, "sent more than 1 ms late"),
            (self.unsent, "planned and never sent"),
            (self.busy, "answers BUSY"),
            (self.loading, "answers LOADING"),
            (self.resent, "bids sent again"),
            (self.lost_connections, "connections lost"),
            (self.unknown, "bids of unknown fate"),
            (self.abandoned, "bids given up after BUSY or LOADING"),
        ];
        for (count, what) in troubles.into_iter().filter(|(count, _)| *count > 0) {
            writeln!(f, "note       {count:>12} {what}")?;
        }
        if self.server_gone {
            writeln!(f, "the server went away and did not come back in time")?;
        }
        if let Some(LedgerReport { path, bytes, acked, unknown }) = &self.ledger {
            writeln!(f, "ledger     {path}: {acked} acknowledged, {unknown} unknown, {bytes} bytes")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;
    use gavel_core::Standing;
    use gavel_wire::Code;

    fn report() -> Report {
        let options = Options::new(([127, 0, 0, 1], 7400).into());
        let mut stats = Stats { made: 4, unsent: 6, busy: 2, ..Stats::default() };
        for (outcome, times) in
            [(Outcome::Accepted(Standing::Leading), 3), (Outcome::Refused(Code::TooLow), 1)]
        {
            (0..times).for_each(|_| stats.tally.count(outcome));
            stats.latencies.record(2_000_000);
        }
        Report::new(Settings::new(&options, 5, 0), &stats, 2_000_000_000, 4_000_000_000, false, None)
    }

    #[test]
    fn the_json_has_rates_outcomes_quantiles_and_settings() {
        let json: serde_json::Value = serde_json::from_str(&report().json()).unwrap();
        assert_eq!(
            (&json["offered_rate"], &json["achieved_rate"], &json["accepted_rate"]),
            (&5.0.into(), &1.0.into(), &0.75.into())
        );
        assert_eq!(json["outcomes"], serde_json::json!({"LEADING": 3, "TOOLOW": 1}));
        for quantile in ["p50", "p90", "p99", "p99.9", "p99.99", "max"] {
            let value = json["latency_us"][quantile].as_f64().unwrap();
            assert!((1_990.0..2_010.0).contains(&value), "{quantile}: {value}");
        }
        assert_eq!(
            (&json["settings"]["seed"], &json["settings"]["distribution"]),
            (&1.into(), &"uniform".into())
        );
        assert_eq!(
            (&json["unsent"], &json["busy"], &json["ledger"]),
            (&6.into(), &2.into(), &serde_json::Value::Null)
        );
    }

    #[test]
    fn the_text_names_each_outcome_and_only_the_troubles_there_were() {
        let text = report().to_string();
        for part in
            ["3 LEADING (75.00 %)", "1 TOOLOW", "2.0", "p99.99", "2 answers BUSY", "6 planned and never sent"]
        {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(!text.contains("LOADING"), "{text}");
    }
}
