//! The report: everything that is told of a run, in the form in which it is kept.

use super::{Ending, Point, Settings, Spread, Stage};
use crate::latency::{PackedLatencies, Quantiles};
use crate::ledger::Totals;
use crate::machine::{Load, Machine};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The version of the report's JSON. Within a version fields are only added; readers leave out what they do not know.
pub const FORMAT: u32 = 1;

/// How a run went. Rates are per second of the time in which bids were made; latencies in microseconds, from the planned
/// time in an open loop and from the first sending in a closed one. Of several repeats, the fields are those of the middle
/// run (by accepted rate, in an open loop by p99); `runs` has all of them, `spread` how far they were apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Report of a run of Gavel's load generator")]
pub struct Report {
    /// The version of this form: 1.
    pub format: u32,
    /// What was asked for.
    pub settings: Settings,
    /// The machines that made the load: one, or in a merged report one for each that is different.
    pub machines: Vec<Machine>,
    /// The load generator itself.
    pub generator: Generator,
    /// What the server said of itself; `null` when it did not.
    pub server: Option<ServerFacts>,
    /// How long bids were made that count, in seconds.
    pub bidding_s: f64,
    /// From then until the last answer, in seconds.
    pub total_s: f64,
    /// Bids made or planned per second.
    pub offered_rate: f64,
    /// Bids answered per second.
    pub achieved_rate: f64,
    /// Bids accepted per second.
    pub accepted_rate: f64,
    /// Bids made.
    pub made: u64,
    /// Bids accepted.
    pub accepted: u64,
    /// Bids answered.
    pub answered: u64,
    /// Answered bids by the first word of their last answer.
    pub outcomes: BTreeMap<String, u64>,
    /// Latency quantiles.
    pub latency_us: Quantiles,
    /// All latencies.
    pub histogram: PackedLatencies,
    /// Where the server spent the time, by its own clocks: `queue`, `decide`, `commit`, `reply`. Empty when it does not tell.
    pub stages: BTreeMap<String, Stage>,
    /// The run over time, the warm-up too.
    pub series: Vec<Point>,
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
    /// How auctions ended, where they were to end during the run.
    #[serde(default)]
    pub ending: Option<Ending>,
    /// What was written to the ledger.
    pub ledger: Option<LedgerReport>,
    /// What else the generator's machine did meanwhile.
    pub load: Load,
    /// What makes these figures doubtful, in words; empty when nothing does.
    pub warnings: Vec<String>,
    /// Each run in order, when there were several; empty otherwise. Their own `runs` are empty.
    #[serde(default)]
    pub runs: Vec<Report>,
    /// How far the runs were apart, by figure (`accepted_rate`, `p50` …); empty for one run.
    #[serde(default)]
    pub spread: BTreeMap<String, Spread>,
    /// The reports that were added up to this one; empty when it is of one process.
    #[serde(default)]
    pub parts: Vec<Part>,
}

/// The load generator itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Generator {
    /// Its version.
    pub version: String,
    /// The commit it was built from, with `+` when tracked files differed from it; `null` outside a repository.
    pub commit: Option<String>,
}

impl Generator {
    /// This one.
    #[must_use]
    pub fn this() -> Self {
        let commit = option_env!("GAVEL_COMMIT").filter(|commit| !commit.is_empty());
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), commit: commit.map(str::to_owned) }
    }
}

/// What the server said of itself at the beginning of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerFacts {
    /// Its version.
    pub version: Option<String>,
    /// The commit it was built from.
    pub commit: Option<String>,
    /// Its epoch: how often it was started with this log.
    pub epoch: Option<u64>,
    /// The kind of file system that its data lies on, where it is on this machine and says where.
    pub data_disk: Option<String>,
}

/// What was written to the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerReport {
    /// The file.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Bids acknowledged, those of the warm-up too.
    pub acked: u64,
    /// Bids of unknown fate, those of the warm-up too.
    pub unknown: u64,
}

impl LedgerReport {
    pub(crate) fn new(path: Option<&Path>, bytes: u64, totals: Totals) -> Self {
        let path = path.map_or_else(String::new, |path| path.display().to_string());
        Self { path, bytes, acked: totals.acked, unknown: totals.unknown }
    }
}

/// One of the reports that were added up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Its run.
    pub run: String,
    /// Its seed.
    pub seed: u64,
    /// When it began, RFC 3339.
    pub began_at: String,
    /// Its connections.
    pub connections: u32,
    /// Bids accepted.
    pub accepted: u64,
    /// Bids accepted per second.
    pub accepted_rate: f64,
    /// Its 99th percentile, in microseconds.
    pub p99_us: f64,
    /// Its ledger.
    pub ledger: Option<LedgerReport>,
}

impl Report {
    /// The report as one line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        // A struct of numbers and texts always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// True when something makes the figures doubtful.
    #[must_use]
    pub fn is_noisy(&self) -> bool {
        !self.warnings.is_empty()
    }
}
