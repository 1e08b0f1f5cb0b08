//! Two reports side by side: what changed by more than chance, and what else differs that could be the reason.
//!
//! Of repeated runs the medians are compared. **Invariant:** a difference is marked only where the runs of one report lie wholly beside
//! those of the other; where one of them is a single run, its spread is unknown, and [`SPREAD_MAX`] is taken for it.

mod page;
mod text;

use super::spread::FIGURES;
use super::stage::in_order;
use super::{Report, SPREAD_MAX, Spread};
use crate::machine::Machine;
use serde::Serialize;
use serde_json::json;

/// Two reports side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What is compared with.
    pub before: Report,
    /// What is compared.
    pub after: Report,
    /// The figures, in the order in which they are shown.
    pub rows: Vec<Row>,
    /// What else differs, in words.
    pub differences: Vec<String>,
}

/// One figure of both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: Unit,
    /// In the first; a median where there were several runs.
    pub before: Spread,
    /// In the second.
    pub after: Spread,
    /// How the second is against the first.
    pub change: Change,
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Bids per second: more is better.
    Rate,
    /// Microseconds: less is better.
    Micros,
}

/// How a figure changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// By more than chance, for the better.
    Better,
    /// By more than chance, for the worse.
    Worse,
    /// Not by more than chance.
    Within,
}

/// The figures that `--fail-if-worse` looks at: those that repeat well enough to be held to.
const HELD: [&str; 3] = ["accepted_rate", "p50", "p99"];

impl Comparison {
    /// Puts two reports side by side.
    #[must_use]
    pub fn new(before: Report, after: Report) -> Self {
        let figures = FIGURES.into_iter().map(|name| {
            let unit = if name.ends_with("_rate") { Unit::Rate } else { Unit::Micros };
            Row::new(name.to_owned(), unit, spread(&before, name), spread(&after, name))
        });
        let rows = figures.chain(stage_rows(&before, &after)).collect();
        let differences = differences(&before, &after);
        Self { before, after, rows, differences }
    }

    /// What got worse by more than `percent` and by more than chance, in words: accepted rate, p50 and p99.
    #[must_use]
    pub fn worse_by(&self, percent: f64) -> Vec<String> {
        let held = self.rows.iter().filter(|row| HELD.contains(&row.name.as_str()));
        let worse = held.filter(|row| row.change == Change::Worse && row.worse_percent() > percent);
        worse.map(|row| format!("{} is worse by {:.1} %", row.name, row.worse_percent())).collect()
    }

    /// The figures and the differences as one line of JSON; not the reports themselves.
    #[must_use]
    pub fn json(&self) -> String {
        json!({"format": super::FORMAT, "rows": self.rows, "differences": self.differences}).to_string()
    }

    /// True when one of the two is a single run.
    #[must_use]
    pub fn is_of_single_runs(&self) -> bool {
        self.before.runs.is_empty() || self.after.runs.is_empty()
    }
}

impl Row {
    fn new(name: String, unit: Unit, before: Spread, after: Spread) -> Self {
        let (is_above, is_below) = (after.least > before.greatest, after.greatest < before.least);
        let change = match (unit, is_above, is_below) {
            (_, false, false) => Change::Within,
            (Unit::Rate, true, _) | (Unit::Micros, _, true) => Change::Better,
            _ => Change::Worse,
        };
        Self { name, unit, before, after, change }
    }

    /// The second over the first; `None` where the first is zero.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        (self.before.median > 0.0).then(|| self.after.median / self.before.median)
    }

    /// By how many percent of the first the second is worse; negative: better.
    fn worse_percent(&self) -> f64 {
        let change = 100.0 * (self.ratio().unwrap_or(1.0) - 1.0);
        if self.unit == Unit::Rate { -change } else { change }
    }
}

/// The figure's spread over the runs; of a single run, as far around it as is taken for chance.
fn spread(report: &Report, name: &str) -> Spread {
    report.spread.get(name).copied().unwrap_or_else(|| around(report.figure(name)))
}

fn around(value: f64) -> Spread {
    let reach = value * SPREAD_MAX / 2.0;
    Spread { median: value, least: value - reach, greatest: value + reach, ..Spread::default() }
}

/// The stages that both tell of. They are counted in buckets, so that less than a bucket is never marked.
fn stage_rows(before: &Report, after: &Report) -> Vec<Row> {
    let both = in_order(&before.stages).into_iter().filter_map(|(name, stage)| {
        let (then, now) = (stage.mean, after.stages.get(name)?.mean);
        Some(Row::new(format!("stage {name}, mean"), Unit::Micros, around(then), around(now)))
    });
    both.collect()
}

fn differences(before: &Report, after: &Report) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".into());
    // A run without a ledger tells no disk: that is no other disk.
    let has_disks = |report: &Report| report.machines.iter().all(|machine| machine.disk.is_some());
    let tells_disks = has_disks(before) && has_disks(after);
    let name = |machine: &Machine| {
        if tells_disks { machine.to_string() } else { machine.without_disk().to_string() }
    };
    let machine = |report: &Report| report.machines.iter().map(name).collect::<Vec<_>>().join("; ");
    let server = |report: &Report| report.server.clone().unwrap_or_default();
    let mut pairs = vec![
        ("machine", machine(before), machine(after)),
        ("server version", text(&server(before).version), text(&server(after).version)),
        ("server commit", text(&server(before).commit), text(&server(after).commit)),
        ("loadgen", before.generator.to_string(), after.generator.to_string()),
        ("seed", before.settings.seed.to_string(), after.settings.seed.to_string()),
        ("processes", before.parts.len().max(1).to_string(), after.parts.len().max(1).to_string()),
    ];
    let settings = before.settings.workload().into_iter().zip(after.settings.workload());
    pairs.extend(settings.map(|((name, then), (_, now))| (name, then, now)));
    let differing = pairs.into_iter().filter(|(_, then, now)| then != now);
    differing.map(|(name, then, now)| format!("{name}: {then} / {now}")).collect()
}

#[cfg(test)]
mod tests;
