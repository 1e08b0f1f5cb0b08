//! `gavel shards simulate`: how load evens out after adding shards, as numbers.

use crate::exit::Exit;
use crate::output::{self, grouped};
use clap::{Args, ValueEnum};
use gavel_core::ShardId;
use gavel_core::placement::{
    Day, KeyRange, Policy, Report, ShardLoad, SimulationError, SimulationOptions, simulate,
};
use serde_json::{Value, json};

/// What the numbers mean, in the help.
pub(crate) const HELP: &str = "\
The stream is made up, but placed by the real rules: a tenth of the sellers opens a third of all auctions; auctions run 1 to 10 days
and get 1 to 128 bids, half of them on the last day. The shards are added at the start of day 0; nothing is moved.

  live  auctions that take bids that day
  load  the shard's part of that day's bids, in percent
  kept  the shard's part of all bids that are kept, in percent

Examples:
  gavel shards simulate --add 2 --days 30
  gavel shards simulate --shards 8 --add 1 --days 60 --policy sequence
  gavel shards simulate --policy range      a table that looks even, and is not";

/// Up to so many shards have columns of their own; of more, the least and the most are shown.
const COLUMNS_MAX: usize = 6;

/// The flags. The defaults are those of [`SimulationOptions`].
#[derive(Clone, Debug, Args)]
pub(crate) struct SimulateFlags {
    /// Shards before
    #[arg(long, value_name = "N", default_value_t = SimulationOptions::default().shards)]
    shards: usize,
    /// Shards added on day 0
    #[arg(long, value_name = "N", default_value_t = SimulationOptions::default().add)]
    add: usize,
    /// Days to show, 1 to 366
    #[arg(long, value_name = "DAYS", default_value_t = SimulationOptions::default().days)]
    days: u32,
    /// Days that bids are kept, 1 to 366
    #[arg(long, value_name = "DAYS", default_value_t = SimulationOptions::default().retention_days)]
    retention_days: u32,
    /// Auctions opened a day, 1 to 100000
    #[arg(long, value_name = "N", default_value_t = SimulationOptions::default().auctions_per_day)]
    auctions_per_day: u32,
    /// Sellers they come from, 1 to 1000000
    #[arg(long, value_name = "N", default_value_t = SimulationOptions::default().sellers)]
    sellers: u32,
    /// How new auctions are placed
    #[arg(long, value_enum, default_value_t = SimulatedPolicy::Key)]
    policy: SimulatedPolicy,
    /// The same seed gives the same numbers
    #[arg(long, default_value_t = SimulationOptions::default().seed)]
    seed: u64,
}

/// The policies that can be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SimulatedPolicy {
    /// By a hash of the seller
    Key,
    /// In turn
    Sequence,
    /// By a table that gives each shard before day 0 as many sellers as any other
    Range,
}

/// Simulates and prints.
pub(super) fn run(flags: &SimulateFlags, json: bool) -> Exit {
    let options = flags.options();
    match simulate(&options) {
        Ok(report) if json => output::data(&to_json(&options, &report).to_string()),
        Ok(report) => output::data(&to_text(&options, &report)),
        Err(problem @ SimulationError::OutOfBounds { .. }) => output::failure(Exit::Usage, &problem),
        Err(problem @ SimulationError::Policy(_)) => output::failure(Exit::Failure, &problem),
    }
}

impl SimulateFlags {
    fn options(&self) -> SimulationOptions {
        let Self { shards, add, days, retention_days, auctions_per_day, sellers, policy, seed } = *self;
        let policy = match policy {
            SimulatedPolicy::Key => Policy::Key,
            SimulatedPolicy::Sequence => Policy::Sequence,
            SimulatedPolicy::Range => even_table(shards, sellers),
        };
        SimulationOptions { shards, add, days, retention_days, auctions_per_day, sellers, policy, seed }
    }
}

/// Equally many sellers for each shard: what one would write without knowing how busy they are.
fn even_table(shards: usize, sellers: u32) -> Policy {
    let range = |shard: u8| {
        let first = u64::from(shard) * u64::from(sellers) / shards.max(1) as u64 + 1;
        let from = if shard == 0 { String::new() } else { format!("seller:{first:07}") };
        KeyRange { from: from.into(), shard: ShardId(shard) }
    };
    Policy::Range((0..=u8::MAX).take(shards).map(range).collect())
}

fn to_json(options: &SimulationOptions, report: &Report) -> Value {
    let SimulationOptions { shards, add, days: _, retention_days, auctions_per_day, sellers, policy, seed } =
        options;
    json!({
        "options": {
            "shards": shards, "add": add, "retention_days": retention_days, "auctions_per_day": auctions_per_day,
            "sellers": sellers, "policy": policy.name(), "seed": seed,
        },
        "days": report.days.iter().map(day_json).collect::<Vec<_>>(),
        "old_gone_from_day": report.old_gone_from,
        "load_even_from_day": report.even_from(|load| load.bids),
        "kept_even_from_day": report.even_from(|load| load.kept),
    })
}

fn day_json(day: &Day) -> Value {
    let (load, kept) = (day.permille(|load| load.bids), day.permille(|load| load.kept));
    let shard = |(shard, numbers): (usize, &ShardLoad)| {
        let ShardLoad { opened, live, bids, kept: bids_kept } = numbers;
        json!({
            "shard": shard, "opened": opened, "live": live, "bids": bids, "bids_kept": bids_kept,
            "load_permille": load[shard], "kept_permille": kept[shard],
        })
    };
    json!({ "day": day.day, "shards": day.shards.iter().enumerate().map(shard).collect::<Vec<_>>() })
}

fn to_text(options: &SimulationOptions, report: &Report) -> String {
    let all = options.shards + options.add;
    let rows = report.days.iter().map(|day| row(day, all));
    let table = output::table(&std::iter::once(heading(all)).chain(rows).collect::<Vec<_>>());
    let title = format!(
        "{} shards, {} more from day 0 on; {} auctions a day by {}; bids are kept {} days",
        options.shards,
        options.add,
        grouped(u64::from(options.auctions_per_day)),
        options.policy.name(),
        options.retention_days
    );
    let load = even("load", report.even_from(|load| load.bids));
    let kept = even("kept", report.even_from(|load| load.kept));
    let old = format!("old auctions and their bids are gone from day {} on", report.old_gone_from);
    format!("{title}\n\n{table}\n\n{load}\n{kept}\n{old}")
}

fn even(what: &str, from: Option<i32>) -> String {
    match from {
        Some(day) => format!("{what}: each shard within a tenth of an equal part from day {day} on"),
        None => format!("{what}: not within a tenth of equal parts by the last day"),
    }
}

fn heading(shards: usize) -> Vec<String> {
    let columns = |name: &str| match shards {
        ..=COLUMNS_MAX => (0..shards).map(|shard| format!("{name} {shard}")).collect(),
        _ => vec![format!("{name} least"), format!("{name} most")],
    };
    std::iter::once("day".to_owned()).chain(["live", "load", "kept"].into_iter().flat_map(columns)).collect()
}

fn row(day: &Day, shards: usize) -> Vec<String> {
    let percent = |permille: u64| format!("{}.{}", permille / 10, permille % 10);
    let live = columns(day.shards.iter().map(|load| load.live).collect(), shards, grouped);
    let load = columns(day.permille(|load| load.bids), shards, percent);
    let kept = columns(day.permille(|load| load.kept), shards, percent);
    std::iter::once(day.day.to_string()).chain(live).chain(load).chain(kept).collect()
}

/// One cell for each shard, empty before it exists; or the least and the most.
fn columns(values: Vec<u64>, shards: usize, show: impl Fn(u64) -> String) -> Vec<String> {
    if shards > COLUMNS_MAX {
        let bounds = [values.iter().min(), values.iter().max()];
        return bounds.map(|bound| bound.copied().map_or_else(String::new, &show)).to_vec();
    }
    let mut cells: Vec<String> = values.into_iter().map(show).collect();
    cells.resize(shards, String::new());
    cells
}

#[cfg(test)]
mod tests;
