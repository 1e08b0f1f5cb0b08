//! The aims of the engine, measured end to end: `cargo bench -p gavel-benches --bench aims`.
//!
//! Everything is measured once in each round, and rounds are repeated: what drifts on the machine (a neighbour, heat, a
//! fuller disk) drifts for all rows alike. Rows that compare with the raw disk measure it right before and after the load, on
//! the same file system. A missed aim is printed as missed; it never fails the bench.

mod ends;
mod latency;
mod neighbour;
mod storm;
mod table;
mod web;

pub(crate) use table::number;
pub use table::{Aim, ROWS, Results, Row};

use crate::error::BenchError;
use crate::{in_process, rules};
use std::path::PathBuf;
use std::time::Duration;
use table::Sample;

/// Bids that the rules are timed with.
const RULES_BIDS: u64 = 2_000_000;

/// What to measure, and how long.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Rounds; the median of them is what counts.
    pub rounds: u32,
    /// How long each load lasts.
    pub time: Duration,
    /// The rows asked for.
    pub rows: Vec<&'static str>,
    /// The server's binary.
    pub server: PathBuf,
    /// Where data directories are made; its disk is what is measured.
    pub dir: PathBuf,
}

impl Plan {
    fn wants(&self, rows: &[&str]) -> bool {
        rows.iter().any(|row| self.rows.contains(row))
    }

    /// Measures all rounds. `tell` hears what is being measured.
    ///
    /// # Errors
    /// Something could not be measured at all.
    pub fn run(&self, tell: impl Fn(&str)) -> Result<Results, BenchError> {
        let mut results = Results::default();
        for round in 1..=self.rounds {
            self.round(&mut results, |what| tell(&format!("round {round} of {}: {what}", self.rounds)))?;
        }
        Ok(results)
    }

    fn round(&self, results: &mut Results, tell: impl Fn(&str)) -> Result<(), BenchError> {
        let mut capacity = None;
        if self.wants(&["uniform", "written", "kept", "recovery", "half"]) {
            tell("uniform load, then recovery");
            let samples = storm::uniform(self)?;
            capacity = samples.iter().find(|sample| sample.row == "uniform").map(|sample| sample.value);
            results.take(&self.rows, samples);
        }
        if self.wants(&["hot"]) {
            tell("one hot auction");
            results.take(&self.rows, vec![storm::hot(self)?]);
        }
        if self.wants(&["lanes"]) {
            tell("one bid in flight on each of 64 connections");
            results.take(&self.rows, vec![storm::lanes(self)?]);
        }
        if self.wants(&["in-process"]) {
            tell("in process");
            results.take(&self.rows, vec![engine(self)?]);
        }
        if self.wants(&["one-by-one"]) {
            tell("one bid at a time");
            results.take(&self.rows, vec![latency::one_by_one(self)?]);
        }
        if let Some(capacity) = capacity.filter(|_| self.wants(&["half"])) {
            tell("open loop at half of capacity");
            results.take(&self.rows, vec![latency::half(self, capacity)?]);
        }
        if self.wants(&["end-late"]) {
            tell("ends while nobody bids");
            results.take(&self.rows, vec![ends::late(self)?]);
        }
        if self.wants(&["storm"]) {
            tell("ten thousand ends under full load");
            results.take(&self.rows, vec![ends::storm(self)?]);
        }
        if self.wants(&["http"]) {
            tell("one bid for each request over HTTP");
            results.take(&self.rows, vec![web::bids(self)?]);
        }
        if self.wants(&["watchers"]) {
            tell("ten thousand who watch one auction");
            results.take(&self.rows, vec![web::watchers(self)?]);
        }
        if self.wants(&["rules", "rules-hot"]) {
            tell("the rules alone");
            results.take(&self.rows, rules_alone()?);
        }
        if self.wants(&["neighbour-alone", "neighbour-same", "neighbour-other"]) {
            tell("a neighbour of a hot auction");
            results.take(&self.rows, neighbour::all(self)?);
        }
        Ok(())
    }
}

fn engine(plan: &Plan) -> Result<Sample, BenchError> {
    let outcome = in_process::run(&plan.dir, plan.time)?;
    let rate = outcome.accepted as f64 / outcome.time.as_secs_f64();
    Ok(Sample::new("in-process", rate).with("refused", outcome.refused as f64))
}

fn rules_alone() -> Result<Vec<Sample>, BenchError> {
    let time = |row, auctions| {
        let time = rules::decide_and_apply_ns(RULES_BIDS, auctions);
        time.map(|ns| Sample::new(row, ns))
            .ok_or_else(|| BenchError::Engine("the rules refused a bid of the bench".to_owned()))
    };
    Ok(vec![time("rules", rules::AUCTIONS)?, time("rules-hot", 1)?])
}
