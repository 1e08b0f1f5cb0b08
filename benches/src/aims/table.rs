//! The rows: what is aimed at, what was measured, and whether the aim was met.

use crate::machine::Machine;
use crate::spread::Spread;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What a row's median should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aim {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
    /// Whatever it is; to be known.
    Reported,
}

/// One thing that is measured.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name, for `--only`.
    pub name: &'static str,
    /// What the number is.
    pub unit: &'static str,
    /// What it should be.
    pub aim: Aim,
}

const fn row(name: &'static str, unit: &'static str, aim: Aim) -> Row {
    Row { name, unit, aim }
}

/// All rows, in the order of the table.
pub const ROWS: [Row; 18] = [
    row("uniform", "accepted bids/s over TCP, 10,000 auctions", Aim::AtLeast(1_000_000.0)),
    row("hot", "accepted bids/s over TCP, one auction", Aim::AtLeast(800_000.0)),
    row(
        "lanes",
        "accepted bids/s over TCP, 64 connections, one bid in flight on each",
        Aim::AtLeast(80_000.0),
    ),
    row("in-process", "accepted bids/s without TCP, 10,000 auctions", Aim::AtLeast(1_200_000.0)),
    row("one-by-one", "x raw append + fdatasync, p50 of one bid at a time", Aim::AtMost(2.0)),
    row("half", "x (3 raw p99 + 1 ms), p99 at half of capacity", Aim::AtMost(1.0)),
    row("end-late", "ms from an end to its message, p99 while idle", Aim::AtMost(20.0)),
    row("storm", "ms p99.9 from an end to its decision, 10,000 ends in 10 s, full load", Aim::AtMost(100.0)),
    row("http", "accepted bids/s over HTTP, one for each request", Aim::AtLeast(40_000.0)),
    row("watchers", "ms p99 from an event to each of 10,000 watchers", Aim::AtMost(250.0)),
    row("rules", "ns to decide and apply, 10,000 auctions", Aim::AtMost(200.0)),
    row("rules-hot", "ns to decide and apply, one auction", Aim::AtMost(200.0)),
    row("recovery", "records/s per core", Aim::AtLeast(2_000_000.0)),
    row("neighbour-alone", "ms p99 of 1,000 bids/s, nobody else", Aim::Reported),
    row("neighbour-same", "ms p99 beside a hot auction, same shard", Aim::Reported),
    row("neighbour-other", "ms p99 beside a hot auction, other shard", Aim::Reported),
    row("written", "bytes written to disk per bid", Aim::AtMost(320.0)),
    row("kept", "bytes on disk per bid", Aim::AtMost(160.0)),
];

/// What one round measured for a row, and what explains it: numbers by their unit and name (`ms p99`).
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) row: &'static str,
    pub(super) value: f64,
    details: Vec<(String, f64)>,
}

impl Sample {
    pub(super) fn new(row: &'static str, value: f64) -> Self {
        Self { row, value, details: Vec::new() }
    }

    pub(super) fn with(mut self, name: impl Into<String>, value: f64) -> Self {
        self.details.push((name.into(), value));
        self
    }
}

/// What all rounds have measured.
#[derive(Clone, Debug, Default)]
pub struct Results {
    rows: BTreeMap<&'static str, Measured>,
}

#[derive(Clone, Debug, Default)]
struct Measured {
    values: Vec<f64>,
    /// In the order in which they were first told.
    details: Vec<(String, Vec<f64>)>,
}

impl Results {
    /// Takes the samples of those rows that are wanted.
    pub(super) fn take(&mut self, wanted: &[&str], samples: Vec<Sample>) {
        for sample in samples.into_iter().filter(|sample| wanted.contains(&sample.row)) {
            let measured = self.rows.entry(sample.row).or_default();
            measured.values.push(sample.value);
            for (name, value) in sample.details {
                match measured.details.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, values)) => values.push(value),
                    None => measured.details.push((name, vec![value])),
                }
            }
        }
    }

    fn measured(&self) -> impl Iterator<Item = (&'static Row, Spread, &Measured)> {
        ROWS.iter().filter_map(|row| {
            let measured = self.rows.get(row.name)?;
            Some((row, Spread::of(&measured.values)?, measured))
        })
    }

    /// For people.
    #[must_use]
    pub fn text(&self, machine: &Machine) -> String {
        let mut out = format!(
            "{}, {} cores, Linux {}, {}; commit {}; load before: {}\n",
            machine.cpu,
            machine.cores,
            machine.kernel,
            machine.file_system,
            machine.commit,
            machine.load_before
        );
        out.push_str(if machine.is_shared() {
            "Others were at work on this machine: rates are lower and times longer than the engine's own.\n\n"
        } else {
            "\n"
        });
        let columns = ["row", "aim", "median", "min", "max", "met"];
        let [name, aim, median, min, max, met] = columns;
        let mut line = |text: std::fmt::Arguments<'_>| out.write_fmt(text).is_ok();
        line(format_args!("{name:<16} {aim:>12} {median:>12} {min:>12} {max:>12} {met:<4}\n"));
        for (row, spread, measured) in self.measured() {
            let Spread { median, min, max, .. } = spread;
            let [median, min, max] = [median, min, max].map(number);
            let (aim, met) = (row.aim.text(), row.aim.verdict(spread.median));
            let (name, unit) = (row.name, row.unit);
            line(format_args!("{name:<16} {aim:>12} {median:>12} {min:>12} {max:>12} {met:<4} {unit}\n"));
            let details = measured.details.iter().map(|(name, values)| {
                format!("{} {name}", number(Spread::of(values).map_or(f64::NAN, |spread| spread.median)))
            });
            let details = details.collect::<Vec<_>>().join(", ");
            if !details.is_empty() {
                line(format_args!("{:<16} {details}\n", ""));
            }
        }
        out
    }

    /// For programs.
    #[must_use]
    pub fn json(&self, machine: &Machine) -> Value {
        let rows = self.measured().map(|(row, spread, measured)| {
            let details =
                measured.details.iter().map(|(name, values)| (name.clone(), json!(Spread::of(values))));
            json!({
                "name": row.name, "unit": row.unit, "aim": row.aim.text(), "met": row.aim.met(spread.median),
                "measured": spread, "values": measured.values,
                "details": details.collect::<serde_json::Map<_, _>>(),
            })
        });
        json!({ "machine": machine, "rows": rows.collect::<Vec<_>>() })
    }
}

impl Aim {
    /// `None` where nothing is aimed at.
    #[must_use]
    pub fn met(self, value: f64) -> Option<bool> {
        match self {
            Self::AtLeast(least) => Some(value >= least),
            Self::AtMost(most) => Some(value <= most),
            Self::Reported => None,
        }
    }

    fn verdict(self, value: f64) -> &'static str {
        match self.met(value) {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "-",
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(least) => format!(">= {}", number(least)),
            Self::AtMost(most) => format!("<= {}", number(most)),
            Self::Reported => "reported".to_owned(),
        }
    }
}

/// A number with as many digits as are worth reading: thousands apart where it is large, two decimals where it is small.
pub(crate) fn number(value: f64) -> String {
    if value.abs() < 1_000.0 {
        let text = format!("{value:.2}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = format!("{value:.0}");
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |digits| ("-", digits));
    let mut out = String::from(sign);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(
            [0.0, 2.5, 199.994, 1_000.0, 1_234_567.8].map(number),
            ["0", "2.5", "199.99", "1,000", "1,234,568"]
        );
        assert_eq!(number(-12_345.0), "-12,345");
    }

    #[test]
    fn aims_are_met_at_their_bound_and_missed_behind_it() {
        assert_eq!([499.0, 500.0].map(|value| Aim::AtLeast(500.0).met(value)), [Some(false), Some(true)]);
        assert_eq!([3.0, 3.01].map(|value| Aim::AtMost(3.0).met(value)), [Some(true), Some(false)]);
        assert_eq!(Aim::Reported.met(7.0), None);
    }

    #[test]
    fn only_wanted_rows_are_kept_and_details_belong_to_their_row() {
        let mut results = Results::default();
        for value in [1.0, 3.0] {
            let samples =
                vec![Sample::new("hot", value).with("refused", value * 2.0), Sample::new("kept", 9.0)];
            results.take(&["hot"], samples);
        }
        let measured: Vec<_> = results.measured().map(|(row, spread, _)| (row.name, spread.median)).collect();
        assert_eq!(measured, [("hot", 2.0)]);
        assert_eq!(results.rows["hot"].details, [("refused".to_owned(), vec![2.0, 6.0])]);
    }
}
