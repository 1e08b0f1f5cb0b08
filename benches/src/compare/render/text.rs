//! Columns for the terminal.

use super::{machine_line, of_work, or_dash, percent, rate, short_name, times};
use crate::compare::results::{Line, NOISY_FROM};
use crate::compare::settings::Setting;
use crate::compare::work::Work;
use crate::machine::Machine;
use std::fmt::Write as _;

/// Above each table.
const COLUMNS: [&str; 9] = [
    "contestant",
    "bids/s",
    "least",
    "greatest",
    "refused %",
    "p50 ms",
    "p99 ms",
    "Gavel same",
    "Gavel best",
];

pub(super) fn render(lines: &[Line], machine: &Machine, settings: &[Setting]) -> String {
    let mut out = machine_line(machine) + "\n";
    let mut write = |text: std::fmt::Arguments<'_>| out.write_fmt(text).is_ok();
    for Setting { name, value } in settings {
        write(format_args!("{name}: {value}\n"));
    }
    for work in Work::ALL {
        let lines = of_work(lines, work);
        if lines.is_empty() {
            continue;
        }
        write(format_args!("\n{}\n{}\n", work.title(), columns(COLUMNS.map(str::to_owned))));
        for line in lines {
            let noisy = if line.is_noisy { " noisy" } else { "" };
            write(format_args!("{}{noisy}\n", columns(cells(line))));
        }
    }
    write(format_args!(
        "\nGavel same, Gavel best: how many times as much Gavel does with the same connections and bids in flight, and at its best.\n\
         noisy: the rounds lie more than {}% apart. Names: CONNECTIONSxBIDS IN FLIGHT on each; disk-HOW-BIDS of each commit.\n",
        percent(NOISY_FROM)
    ));
    out
}

fn cells(line: &Line) -> [String; 9] {
    [
        short_name(line).to_owned(),
        rate(line.rate.median),
        rate(line.rate.min),
        rate(line.rate.max),
        percent(line.refused),
        or_dash(line.p50_ms),
        or_dash(line.p99_ms),
        times(line.gavel_same),
        times(line.gavel_best),
    ]
}

fn columns([name, median, least, greatest, refused, p50, p99, same, best]: [String; 9]) -> String {
    format!(
        "{name:<24} {median:>11} {least:>11} {greatest:>11} {refused:>9} {p50:>8} {p99:>8} {same:>10} {best:>10}"
    )
}
