//! The part of the command line that says what is measured, where reports go, and what is done with them.

use crate::units::parse_duration;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// What is measured, how often, and where the report goes.
#[derive(Clone, Debug, Args)]
pub struct MeasuringArgs {
    /// How long bids are made before the measuring; they go to the ledger and do not count. Up to 1h
    #[arg(long, default_value = "0s", value_parser = parse_duration)]
    pub warmup: Duration,
    /// Do the same run so often, with new auctions each time, and tell the spread: 1 to 100
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub repeats: u32,
    /// Length of an interval of the time series, 100ms to 1h [default: 1s; finer in short runs, coarser in very long ones]
    #[arg(long, value_parser = parse_duration)]
    pub interval: Option<Duration>,
    /// Write the report to this directory too: report.json, report.txt, report.hlog, report.html
    #[arg(long, visible_alias = "report", value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// The arguments of `compare`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Figures of several repeats are compared by their medians, and marked only where the runs of one lie wholly \
beside those of the other. Of single runs the spread is not known: there, differences under 15 % are not marked."
)]
pub struct CompareArgs {
    /// The report to compare with: report.json, or the directory that holds it
    #[arg(value_name = "A")]
    pub before: PathBuf,
    /// The report to be compared
    #[arg(value_name = "B")]
    pub after: PathBuf,
    /// Write the comparison as one HTML page, too
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Exit with 1 when accepted rate, p50 or p99 of B is worse by more than so many percent, 0 to 1000, and by more than chance
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub fail_if_worse: Option<f64>,
}

/// The arguments of `merge`.
#[derive(Clone, Debug, Args)]
pub struct MergeArgs {
    /// The reports: report.json files, or the directories that hold them; at least two
    #[arg(required = true, num_args = 2.., value_name = "REPORT")]
    pub reports: Vec<PathBuf>,
    /// Write the merged report to this directory too
    #[arg(long, visible_alias = "report", value_name = "DIR")]
    pub out: Option<PathBuf>,
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').parse::<f64>().ok();
    number
        .filter(|percent| (0.0..=1_000.0).contains(percent))
        .ok_or_else(|| format!("`{text}` is no percentage: allowed is 0 to 1000"))
}
