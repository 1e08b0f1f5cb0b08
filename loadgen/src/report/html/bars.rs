//! Horizontal bars with their values beside them, and runs as dots beside each other.

use super::chart::put;
use super::number::{count, micros};
use super::page::escape;
use crate::report::Report;
use crate::report::stage::in_order;

const WIDTH: f64 = 560.0;
const ROW: f64 = 26.0;
/// Room for names.
const LEFT: f64 = 104.0;
/// Room for values.
const RIGHT: f64 = 190.0;

/// One bar.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) text: String,
    pub(crate) colour: &'static str,
}

/// Bars from zero, as long as their values; the longest takes all the room.
pub(crate) fn bars(rows: &[Bar], label: &str) -> String {
    let greatest = rows.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
    let mut out = open(rows.len(), label);
    for (index, Bar { name, value, text, colour }) in rows.iter().enumerate() {
        let (y, room) = (index as f64 * ROW, WIDTH - LEFT - RIGHT);
        let width = (value / greatest * room).max(1.0);
        let (middle, name, text) = (y + ROW / 2.0 + 4.0, escape(name), escape(text));
        put(
            &mut out,
            format_args!(
                "<text class=\"name\" x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{name}</text>\
                 <rect class=\"f-{colour}\" x=\"{LEFT}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" rx=\"1.5\"><title>{name}: {text}</title></rect>\
                 <text x=\"{:.1}\" y=\"{middle:.1}\">{text}</text>\n",
                LEFT - 9.0,
                y + 6.0,
                ROW - 12.0,
                LEFT + width + 8.0
            ),
        );
    }
    out.push_str("</svg>\n");
    out
}

fn open(rows: usize, label: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">\n",
        rows.max(1) as f64 * ROW,
        escape(label)
    )
}

/// What bids were answered with, the most frequent first.
pub(crate) fn outcomes(report: &Report) -> String {
    let accepted = ["LEADING", "OUTBID", "SOLD"];
    let mut rows: Vec<Bar> = report
        .outcomes
        .iter()
        .map(|(word, &times)| Bar {
            name: word.clone(),
            value: times as f64,
            text: format!(
                "{} · {:.2} %",
                count(times as f64),
                100.0 * times as f64 / report.answered.max(1) as f64
            ),
            colour: if accepted.contains(&word.as_str()) { "accepted" } else { "refused" },
        })
        .collect();
    rows.sort_by(|a, b| b.value.total_cmp(&a.value));
    bars(&rows, "Answers by outcome")
}

/// The mean time in each stage, in the order in which a bid passes them.
pub(crate) fn stages(report: &Report) -> String {
    let bound = |value: Option<f64>| value.map_or("beyond".to_owned(), micros);
    let rows: Vec<Bar> = in_order(&report.stages)
        .into_iter()
        .map(|(name, stage)| Bar {
            name: name.to_owned(),
            value: stage.mean,
            text: format!("{} · p99 ≤ {}", micros(stage.mean), bound(stage.p99)),
            colour: "p99",
        })
        .collect();
    bars(&rows, "Mean time in each stage of the server")
}

/// Each run as a dot, by its distance from the median of its figure.
pub(crate) fn runs(report: &Report) -> String {
    let figures = ["accepted_rate", "p50", "p99", "p99.9", "max"];
    let reach = figures.iter().filter_map(|figure| report.spread.get(*figure)).map(|spread| {
        let median = spread.median.max(f64::MIN_POSITIVE);
        (spread.greatest / median - 1.0).max(1.0 - spread.least / median)
    });
    let reach = reach.fold(0.05, f64::max).min(1.0);
    let mut out = open(figures.len(), "Spread of the runs");
    let centre = LEFT + (WIDTH - LEFT - RIGHT) / 2.0;
    put(
        &mut out,
        format_args!("<path class=\"grid-line\" d=\"M{centre} 0V{:.1}\"/>\n", figures.len() as f64 * ROW),
    );
    for (index, figure) in figures.into_iter().enumerate() {
        put_run_row(&mut out, report, figure, index as f64 * ROW + ROW / 2.0, reach);
    }
    out.push_str("</svg>\n");
    out
}

fn put_run_row(out: &mut String, report: &Report, figure: &str, y: f64, reach: f64) {
    let Some(spread) = report.spread.get(figure) else { return };
    let half = (WIDTH - LEFT - RIGHT) / 2.0;
    let at = |value: f64| {
        let off = value / spread.median.max(f64::MIN_POSITIVE) - 1.0;
        LEFT + half + half * (off / reach).clamp(-1.0, 1.0)
    };
    let format = if figure.ends_with("_rate") { count } else { micros };
    let (name, colour) =
        (figure.trim_end_matches("_rate"), if spread.is_noisy { "warn" } else { "accepted" });
    put(
        out,
        format_args!(
            "<text class=\"name\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>\
             <path class=\"grid-line\" d=\"M{:.1} {y}H{:.1}\"/>\n",
            LEFT - 9.0,
            y + 4.0,
            at(spread.least),
            at(spread.greatest)
        ),
    );
    for (index, run) in report.runs.iter().enumerate() {
        let (value, number) = (run.figure(figure), index + 1);
        put(
            out,
            format_args!(
                "<circle class=\"f-{colour}\" cx=\"{:.1}\" cy=\"{y}\" r=\"4\" opacity=\".75\"><title>run {number}: {}</title></circle>\n",
                at(value),
                format(value)
            ),
        );
    }
    let noisy = if spread.is_noisy { " · noisy" } else { "" };
    put(
        out,
        format_args!(
            "<text x=\"{:.1}\" y=\"{:.1}\">{} · spread {:.1} %{noisy}</text>\n",
            WIDTH - RIGHT + 12.0,
            y + 4.0,
            format(spread.median),
            100.0 * spread.relative
        ),
    );
}
