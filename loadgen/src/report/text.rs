//! The report as text, for terminals: the figures first, then what makes them doubtful, then where they were measured.

use super::stage::in_order;
use super::{LedgerReport, Report, Spread};
use crate::latency::Quantiles;
use std::fmt::{Display, Formatter, Result as FmtResult};

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        self.fmt_workload(f)?;
        self.fmt_rates(f)?;
        self.fmt_latency(f)?;
        self.fmt_stages(f)?;
        self.ending.iter().try_for_each(|ending| ending.fmt(f))?;
        self.fmt_runs(f)?;
        self.fmt_troubles(f)?;
        self.fmt_surroundings(f)
    }
}

impl Report {
    fn fmt_workload(&self, f: &mut Formatter<'_>) -> FmtResult {
        let settings = &self.settings;
        writeln!(f, "workload   {}, {}, seed {}", settings.distribution, settings.arrivals, settings.seed)?;
        write!(
            f,
            "           {} auctions, {} connections x {} in flight, {} thread(s), {:.2} s",
            settings.auctions, settings.connections, settings.pipeline, settings.threads, self.bidding_s
        )?;
        if settings.warmup_s > 0.0 {
            write!(f, " after {} s of warm-up", settings.warmup_s)?;
        }
        match self.runs.len() {
            0 => writeln!(f),
            runs => writeln!(f, ", {runs} runs: the middle one follows"),
        }
    }

    fn fmt_rates(&self, f: &mut Formatter<'_>) -> FmtResult {
        writeln!(f, "offered    {:>12.0} bids/s", self.offered_rate)?;
        writeln!(f, "achieved   {:>12.0} bids/s ({} answered)", self.achieved_rate, self.answered)?;
        writeln!(f, "accepted   {:>12.0} bids/s ({} bids)", self.accepted_rate, self.accepted)?;
        for (word, count) in &self.outcomes {
            let share = 100.0 * *count as f64 / self.answered.max(1) as f64;
            writeln!(f, "           {count:>12} {word} ({share:.2} %)")?;
        }
        Ok(())
    }

    fn fmt_latency(&self, f: &mut Formatter<'_>) -> FmtResult {
        for (index, (name, value)) in named(&self.latency_us).into_iter().enumerate() {
            let head = if index == 0 { "latency" } else { "" };
            writeln!(f, "{head:<10} {:>12.3} ms {name}", value / 1e3)?;
        }
        Ok(())
    }

    fn fmt_stages(&self, f: &mut Formatter<'_>) -> FmtResult {
        if self.stages.is_empty() {
            return writeln!(f, "stages     the server does not tell them");
        }
        let millis = |value: Option<f64>| value.map_or("beyond".to_owned(), |us| format!("{:.3}", us / 1e3));
        writeln!(f, "stages     {:>12} {:>12} {:>12} {:>12}", "mean ms", "p50 <=", "p99 <=", "p99.9 <=")?;
        for (name, stage) in in_order(&self.stages) {
            let [p50, p99, p99_9] = [stage.p50, stage.p99, stage.p99_9].map(millis);
            writeln!(f, "           {:>12.3} {p50:>12} {p99:>12} {p99_9:>12} {name}", stage.mean / 1e3)?;
        }
        Ok(())
    }

    /// Each run and the spread, where there were several.
    fn fmt_runs(&self, f: &mut Formatter<'_>) -> FmtResult {
        if self.runs.is_empty() {
            return Ok(());
        }
        writeln!(f, "runs       {:>12} {:>12} {:>12} {:>12}", "accepted/s", "p50 ms", "p99 ms", "p99.9 ms")?;
        for (index, run) in self.runs.iter().enumerate() {
            let Quantiles { p50, p99, p99_9, .. } = run.latency_us;
            let doubt = if run.is_noisy() { "  doubtful" } else { "" };
            write!(f, "{:>10} {:>12.0}", index + 1, run.accepted_rate)?;
            writeln!(f, " {:>12.3} {:>12.3} {:>12.3}{doubt}", p50 / 1e3, p99 / 1e3, p99_9 / 1e3)?;
        }
        let spread = |name: &str| self.spread.get(name).copied().unwrap_or_default();
        let told = ["accepted_rate", "p50", "p99", "p99.9"].map(spread);
        let scaled = |value: fn(&Spread) -> f64| {
            let [rate, latencies @ ..] = told.each_ref().map(value);
            let [p50, p99, p99_9] = latencies.map(|us| us / 1e3);
            format!("{rate:>12.0} {p50:>12.3} {p99:>12.3} {p99_9:>12.3}")
        };
        writeln!(f, "    median {}", scaled(|spread| spread.median))?;
        let percent = |spread: Spread| format!("{:.1} %", 100.0 * spread.relative);
        let [rate, p50, p99, p99_9] = told.map(percent);
        writeln!(f, "    spread {rate:>12} {p50:>12} {p99:>12} {p99_9:>12}")
    }

    /// What should be zero, where it is not; what makes the figures doubtful; then the ledger.
    fn fmt_troubles(&self, f: &mut Formatter<'_>) -> FmtResult {
        for (count, what) in self.troubles().into_iter().filter(|(count, _)| *count > 0) {
            writeln!(f, "note       {count:>12} {what}")?;
        }
        self.warnings.iter().try_for_each(|warning| writeln!(f, "doubtful   {warning}"))?;
        if let Some(LedgerReport { path, bytes, acked, unknown }) = &self.ledger {
            writeln!(f, "ledger     {path}: {acked} acknowledged, {unknown} unknown, {bytes} bytes")?;
        }
        let parts = self.parts.iter().filter_map(|part| part.ledger.as_ref());
        parts.map(|ledger| &ledger.path).try_for_each(|path| writeln!(f, "ledger     {path}"))
    }

    /// What should not happen, and how often it did.
    pub(crate) fn troubles(&self) -> [(u64, &'static str); 8] {
        [
            (self.late_sends, "sent more than 1 ms late"),
            (self.unsent, "planned and never sent"),
            (self.busy, "answers BUSY"),
            (self.loading, "answers LOADING"),
            (self.resent, "bids sent again"),
            (self.lost_connections, "connections lost"),
            (self.unknown, "bids of unknown fate"),
            (self.abandoned, "bids given up after BUSY or LOADING"),
        ]
    }

    fn fmt_surroundings(&self, f: &mut Formatter<'_>) -> FmtResult {
        self.machines.iter().try_for_each(|machine| writeln!(f, "machine    {machine}"))?;
        writeln!(f, "           {}", self.load)?;
        writeln!(f, "loadgen    {}", self.generator)?;
        let server = self.server.as_ref().map_or("says nothing of itself".into(), ToString::to_string);
        writeln!(f, "server     {server} at {}", self.settings.server)
    }
}

/// The quantiles of a report with their names.
pub(crate) fn named(quantiles: &Quantiles) -> [(&'static str, f64); 7] {
    let Quantiles { p50, p90, p99, p99_9, p99_99, max, mean } = *quantiles;
    [
        ("p50", p50),
        ("p90", p90),
        ("p99", p99),
        ("p99.9", p99_9),
        ("p99.99", p99_99),
        ("max", max),
        ("mean", mean),
    ]
}

impl Display for super::Generator {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        write!(f, "{}", self.version)?;
        self.commit.as_ref().map_or(Ok(()), |commit| write!(f, ", commit {commit}"))
    }
}

impl Display for super::ServerFacts {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        write!(f, "{}", self.version.as_deref().unwrap_or("of unknown version"))?;
        self.commit.as_ref().map_or(Ok(()), |commit| write!(f, ", commit {commit}"))?;
        self.epoch.map_or(Ok(()), |epoch| write!(f, ", epoch {epoch}"))?;
        self.data_disk.as_ref().map_or(Ok(()), |disk| write!(f, ", data on {disk}"))
    }
}

impl Display for crate::machine::Load {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let percent =
            |value: Option<f64>| value.map_or("unknown".to_owned(), |value| format!("{value:.0} %"));
        write!(
            f,
            "processors: generator {}, server {}, others {}, taken by the host {}",
            percent(self.generator_percent),
            percent(self.server_percent),
            percent(self.other_percent),
            percent(self.steal_percent)
        )?;
        self.before.map_or(Ok(()), |before| write!(f, "; load {before:.1} before"))
    }
}
