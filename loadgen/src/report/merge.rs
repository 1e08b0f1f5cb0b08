//! Reports of several processes or machines that drove one run together, added up.
//!
//! Counts and rates add; histograms are added exactly; points of the series are put together by the wall clock. The stages are the
//! server's own account of all bids: every process read the same one, so that the fullest is taken, not the sum. **Invariant:** what is
//! merged made the same kind of load at the same time; everything else is refused, and the refusal says in what they differ.

use super::{LedgerReport, Part, Point, PointPhase, Report, Settings};
use crate::latency::PackedError;
use crate::units::parse_time;
use std::collections::BTreeMap;

/// Why reports can't be added up.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MergeError {
    /// There is no report.
    #[error("there is nothing to merge")]
    Nothing,
    /// They are of different loads.
    #[error("the reports are of different loads: {setting} is {first} in the first and {other} in another")]
    Differ {
        /// What differs.
        setting: &'static str,
        /// What it is in the first.
        first: String,
        /// What it is in the other.
        other: String,
    },
    /// They did not run at the same time.
    #[error(
        "the runs were not at the same time: one began at {first}, another at {other}, after the first was over"
    )]
    Apart {
        /// When the first began.
        first: String,
        /// When the other did.
        other: String,
    },
    /// The same report twice.
    #[error("run {run} is given more than once")]
    Twice {
        /// Its name.
        run: String,
    },
    /// A histogram can't be read.
    #[error(transparent)]
    Histogram(#[from] PackedError),
}

impl Report {
    /// Adds up what several processes did in one run. Of repeated runs, the first of each are added up, then the second of
    /// each, and so on.
    ///
    /// # Errors
    /// When the reports are not of one run, or a histogram can't be read.
    pub fn merged(reports: Vec<Self>) -> Result<Self, MergeError> {
        let first = reports.first().ok_or(MergeError::Nothing)?;
        for (index, report) in reports.iter().enumerate() {
            first.settings.check_same_load(&report.settings)?;
            differ("the number of runs", first.runs.len(), report.runs.len())?;
            let run = &report.settings.run;
            if reports[..index].iter().any(|other| other.settings.run == *run) {
                return Err(MergeError::Twice { run: run.clone() });
            }
        }
        if first.runs.is_empty() {
            return merge_single(reports);
        }
        let runs = (0..first.runs.len())
            .map(|index| merge_single(reports.iter().map(|report| report.runs[index].clone()).collect()));
        Ok(Self::repeated(runs.collect::<Result<_, _>>()?))
    }
}

fn merge_single(mut reports: Vec<Report>) -> Result<Report, MergeError> {
    reports.sort_by_key(began_us);
    let (parts, others) = (reports.iter().map(Part::from).collect(), correct_other_load(&reports));
    let mut rest = reports.into_iter();
    let mut sum = rest.next().ok_or(MergeError::Nothing)?;
    let mut latencies = sum.histogram.unpack()?;
    for report in rest {
        check_overlap(&sum, &report)?;
        latencies.merge(&report.histogram.unpack()?);
        match (&mut sum.ending, &report.ending) {
            (Some(sum), Some(other)) => sum.add(other)?,
            (sum, other) => *sum = sum.take().or_else(|| other.clone()),
        }
        sum.add(report);
    }
    sum.latency_us = latencies.quantiles();
    sum.histogram = (&latencies).into();
    (sum.parts, sum.ledger, sum.load.other_percent) = (parts, None, others);
    Ok(sum.with_warnings())
}

impl Report {
    /// Adds everything but histogram and quantiles.
    fn add(&mut self, other: Self) {
        self.add_series(&other);
        self.settings.add(&other.settings);
        self.bidding_s = self.bidding_s.max(other.bidding_s);
        self.total_s = self.total_s.max(other.total_s);
        self.offered_rate += other.offered_rate;
        self.achieved_rate += other.achieved_rate;
        self.accepted_rate += other.accepted_rate;
        self.made += other.made;
        self.accepted += other.accepted;
        self.answered += other.answered;
        self.late_sends += other.late_sends;
        self.unsent += other.unsent;
        self.busy += other.busy;
        self.loading += other.loading;
        self.resent += other.resent;
        self.lost_connections += other.lost_connections;
        self.unknown += other.unknown;
        self.abandoned += other.abandoned;
        self.server_gone |= other.server_gone;
        other.outcomes.into_iter().for_each(|(word, count)| *self.outcomes.entry(word).or_default() += count);
        let passed =
            |report: &BTreeMap<_, super::Stage>| report.values().map(|stage| stage.count).sum::<u64>();
        if passed(&other.stages) > passed(&self.stages) {
            self.stages = other.stages;
        }
        self.load.add(&other.load, self.machines == other.machines);
        let new: Vec<_> =
            other.machines.into_iter().filter(|machine| !self.machines.contains(machine)).collect();
        self.machines.extend(new);
        self.server = self.server.take().or(other.server);
    }

    /// Puts the other's points to those of the same time, or between them.
    fn add_series(&mut self, other: &Self) {
        let (base_us, other_us) = (measured_us(self), measured_us(other));
        let shift_s = (other_us as f64 - base_us as f64) / 1e6;
        let interval_s = self.settings.interval_s.max(1e-3);
        let slot = |at_s: f64| (at_s / interval_s).round() as i64;
        let mut points: BTreeMap<(i64, PointPhase), Point> =
            self.series.drain(..).map(|point| ((slot(point.at_s), point.phase), point)).collect();
        for point in &other.series {
            // Time differs by less than an interval where two meet; where only the other has a point, its own time is told.
            let (at_s, phase) = (point.at_s + shift_s, point.phase);
            let moved = || Point { at_s, ..point.clone() };
            points.entry((slot(at_s), phase)).and_modify(|sum| sum.add(point)).or_insert_with(moved);
        }
        self.series = points.into_values().collect();
        self.series.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    }
}

impl Settings {
    fn check_same_load(&self, other: &Self) -> Result<(), MergeError> {
        let kind = |settings: &Self| match settings.rate {
            Some(rate) => settings.arrivals.replace(&format!("{rate}/s"), "planned"),
            None => settings.arrivals.clone(),
        };
        differ("duration in s", self.duration_s, other.duration_s)?;
        differ("warm-up in s", self.warmup_s, other.warmup_s)?;
        differ("the interval in s", self.interval_s, other.interval_s)?;
        differ("the protocol", &self.protocol, &other.protocol)?;
        differ("the distribution", &self.distribution, &other.distribution)?;
        differ("the loop", kind(self), kind(other))?;
        differ("pipeline", self.pipeline, other.pipeline)?;
        differ("bidders", self.bidders, other.bidders)?;
        differ("spread", self.spread, other.spread)?;
        differ("the share of bids with ids", self.retry_ids, other.retry_ids)?;
        differ("the terms", &self.terms, &other.terms)
    }

    fn add(&mut self, other: &Self) {
        self.auctions = self.auctions.saturating_add(other.auctions);
        self.connections = self.connections.saturating_add(other.connections);
        self.threads = self.threads.saturating_add(other.threads);
        if let (Some(rate), Some(more)) = (self.rate, other.rate) {
            let sum = rate + more;
            self.arrivals = self.arrivals.replace(&format!("{rate}/s"), &format!("{sum}/s"));
            self.rate = Some(sum);
        }
    }
}

fn differ<T: PartialEq + ToString>(setting: &'static str, first: T, other: T) -> Result<(), MergeError> {
    if first == other {
        return Ok(());
    }
    Err(MergeError::Differ { setting, first: first.to_string(), other: other.to_string() })
}

fn check_overlap(first: &Report, other: &Report) -> Result<(), MergeError> {
    let over_us = measured_us(first) + (first.total_s * 1e6) as u64;
    if measured_us(other) <= over_us {
        return Ok(());
    }
    let began = |report: &Report| report.settings.began_at.clone();
    Err(MergeError::Apart { first: began(first), other: began(other) })
}

fn began_us(report: &Report) -> u64 {
    parse_time(&report.settings.began_at).unwrap_or_default()
}

/// When the measuring began.
fn measured_us(report: &Report) -> u64 {
    began_us(report) + (report.settings.warmup_s * 1e6) as u64
}

/// For each process the others of the same machine were other programs: they are none for all together.
fn correct_other_load(reports: &[Report]) -> Option<f64> {
    let own: f64 = reports.iter().filter_map(|report| report.load.generator_percent).sum();
    let is_one_machine = reports.windows(2).all(|pair| pair[0].machines == pair[1].machines);
    let others = reports.iter().map(|report| {
        let siblings = own - report.load.generator_percent.unwrap_or_default();
        report
            .load
            .other_percent
            .map(|other| if is_one_machine { (other - siblings).max(0.0) } else { other })
    });
    others.flatten().reduce(f64::max)
}

impl From<&Report> for Part {
    fn from(report: &Report) -> Self {
        let (settings, ledger): (_, Option<LedgerReport>) = (&report.settings, report.ledger.clone());
        Self {
            run: settings.run.clone(),
            seed: settings.seed,
            began_at: settings.began_at.clone(),
            connections: settings.connections,
            accepted: report.accepted,
            accepted_rate: report.accepted_rate,
            p99_us: report.latency_us.p99,
            ledger,
        }
    }
}

#[cfg(test)]
mod tests;
