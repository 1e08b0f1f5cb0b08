//! A bar chart as SVG: one group of bars for each work, on one logarithmic scale, so that a bar twice as long is not twice as fast. Thin
//! lines reach from the least to the greatest round.
//!
//! Written by hand: a chart of one kind is shorter than what a library needs to be told.

use super::{machine_line, of_work, rate, short_name};
use crate::aims::number;
use crate::compare::results::Line;
use crate::compare::work::Work;
use crate::machine::Machine;
use std::fmt::Write as _;

/// In pixels.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 200.0;
const RIGHT: f64 = 110.0;
const TOP: f64 = 76.0;
const ROW: f64 = 22.0;
const BAR: f64 = 14.0;
const TITLE: f64 = 34.0;
const BOTTOM: f64 = 34.0;

/// From which to which rate the scale goes: powers of ten around all rounds.
#[derive(Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn around(lines: &[&Line]) -> Self {
        let rates =
            || lines.iter().flat_map(|line| [line.rate.min, line.rate.max]).filter(|rate| *rate > 0.0);
        let low = rates().fold(f64::INFINITY, f64::min).log10().floor();
        let high = rates().fold(1.0, f64::max).log10().ceil();
        if low.is_finite() && low < high { Self { low, high } } else { Self { low: high - 1.0, high } }
    }

    fn x(self, rate: f64) -> f64 {
        let place = (rate.max(f64::MIN_POSITIVE).log10() - self.low) / (self.high - self.low);
        LEFT + place.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn powers(self) -> impl Iterator<Item = f64> {
        (self.low as i32..=self.high as i32).map(|power| 10_f64.powi(power))
    }
}

fn colour(family: &str) -> &'static str {
    match family {
        "gavel" => "#1f6feb",
        "redis-benchmark" => "#79b8ff",
        "redis" => "#d1495b",
        "postgres" => "#336b57",
        "postgres-batch" => "#7fb69f",
        _ => "#9aa0a6",
    }
}

pub(super) fn render(lines: &[Line], machine: &Machine) -> String {
    let shown: Vec<&Line> = lines.iter().filter(|line| line.is_highlight).collect();
    let scale = Scale::around(&shown);
    let (body, bottom) = bars(lines, scale);
    let height = bottom + BOTTOM;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n\
         <title>Durably accepted bids per second</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    out += &label(
        20.0,
        30.0,
        "start",
        "font-size=\"18\" font-weight=\"600\"",
        "Durably accepted bids per second",
    );
    let note = "logarithmic scale; medians, thin lines from the least to the greatest round";
    out += &label(20.0, 48.0, "start", "fill=\"#555\"", note);
    out += &label(20.0, 64.0, "start", "fill=\"#555\" font-size=\"10\"", &machine_line(machine));
    for power in scale.powers() {
        out += &line(scale.x(power), TOP, scale.x(power), bottom, "#e3e5e8", 1.0);
        out += &label(scale.x(power), bottom + 16.0, "middle", "fill=\"#555\"", &number(power));
    }
    out + &body + "</svg>\n"
}

/// All bars, and where they end.
fn bars(lines: &[Line], scale: Scale) -> (String, f64) {
    let (mut out, mut y) = (String::new(), TOP);
    for work in Work::ALL {
        let lines: Vec<_> = of_work(lines, work).into_iter().filter(|line| line.is_highlight).collect();
        if lines.is_empty() {
            continue;
        }
        out += &label(20.0, y + 22.0, "start", "font-weight=\"600\"", work.title());
        y += TITLE;
        for line in lines {
            out += &bar(line, scale, y);
            y += ROW;
        }
    }
    (out, y)
}

fn bar(of: &Line, scale: Scale, y: f64) -> String {
    let (from, to, middle) = (scale.x(0.0), scale.x(of.rate.median), y + ROW / 2.0);
    let mut out = String::new();
    // Writing to a string does not fail.
    let _written = writeln!(
        out,
        "<rect x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{BAR}\" rx=\"2\" fill=\"{}\"/>",
        middle - BAR / 2.0,
        to - from,
        colour(of.family)
    );
    out += &line(scale.x(of.rate.min), middle, scale.x(of.rate.max), middle, "#111", 1.5);
    out += &label(LEFT - 8.0, middle + 4.0, "end", "", short_name(of));
    let noisy = if of.is_noisy { " noisy" } else { "" };
    out + &label(scale.x(of.rate.max) + 8.0, middle + 4.0, "start", "", &(rate(of.rate.median) + noisy))
}

fn line(x1: f64, y1: f64, x2: f64, y2: f64, colour: &str, width: f64) -> String {
    format!(
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>\n"
    )
}

fn label(x: f64, y: f64, anchor: &str, attributes: &str, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {attributes}>{text}</text>\n")
}
