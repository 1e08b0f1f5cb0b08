//! Tables for the README: what matters first, everything below it.

use super::{machine_line, of_work, or_dash, percent, rate, short_name, times};
use crate::compare::results::Line;
use crate::compare::settings::Setting;
use crate::compare::work::Work;
use crate::machine::Machine;
use std::fmt::Write as _;

/// Above every table, with how its columns are aligned.
const HEAD: &str = "| work | contestant | bids/s (median) | least to greatest | refused | p50 ms | p99 ms | Gavel, same load | Gavel, best |\n\
                    |---|---|--:|--:|--:|--:|--:|--:|--:|\n";

pub(super) fn render(lines: &[Line], machine: &Machine, settings: &[Setting]) -> String {
    let mut out = table(lines, |line| line.is_highlight);
    let mut write = |text: std::fmt::Arguments<'_>| out.write_fmt(text).is_ok();
    write(format_args!("\n{}\n\n", machine_line(machine)));
    for Setting { name, value } in settings {
        write(format_args!("- **{name}**: {value}\n"));
    }
    write(format_args!(
        "\n<details><summary>All loads</summary>\n\n{}\n</details>\n",
        table(lines, |_| true)
    ));
    out
}

fn table(lines: &[Line], which: impl Fn(&Line) -> bool) -> String {
    let rows = Work::ALL.into_iter().flat_map(|work| of_work(lines, work));
    rows.filter(|line| which(line)).map(row).fold(HEAD.to_owned(), |table, row| table + &row)
}

fn row(line: &Line) -> String {
    let noisy = if line.is_noisy { " (noisy)" } else { "" };
    let times = |ratio| match times(ratio) {
        none if none == "-" => none,
        times => times + " x",
    };
    format!(
        "| {} | {} | {} | {} to {}{noisy} | {} % | {} | {} | {} | {} |\n",
        line.work.name(),
        short_name(line),
        rate(line.rate.median),
        rate(line.rate.min),
        rate(line.rate.max),
        percent(line.refused),
        or_dash(line.p50_ms),
        or_dash(line.p99_ms),
        times(line.gavel_same),
        times(line.gavel_best)
    )
}
