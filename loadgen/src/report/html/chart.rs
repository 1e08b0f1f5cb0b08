//! Lines over an axis, labelled where they end instead of in a legend.

use super::page::escape;
use super::scale::Scale;
use std::fmt::Write as _;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 250.0;
/// Room for the values of the axis, the names of the lines, the places below, and above.
const LEFT: f64 = 58.0;
const RIGHT: f64 = 88.0;
const BELOW: f64 = 24.0;
const ABOVE: f64 = 8.0;
/// Between two names of lines.
const NAME_GAP: f64 = 15.0;

/// An axis: its scale, and the values named on it.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub(crate) scale: Scale,
    pub(crate) ticks: Vec<(f64, String)>,
}

impl Axis {
    pub(crate) fn new(scale: Scale, format: fn(f64) -> String) -> Self {
        Self { scale, ticks: scale.ticks().into_iter().map(|tick| (tick, format(tick))).collect() }
    }
}

/// One line; it is interrupted where a value is missing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// What stands at its end; empty: a line in the background.
    pub(crate) name: String,
    /// Its colour: the ending of the classes `s-…` and `f-…` of the style.
    pub(crate) colour: &'static str,
    pub(crate) is_dashed: bool,
    pub(crate) points: Vec<(f64, Option<f64>)>,
}

/// A plot of lines.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) lines: Vec<Line>,
    /// A part of the x axis in another shade, with its name.
    pub(crate) shaded: Option<(f64, f64, &'static str)>,
    /// What is shown when the pointer is over a part of the x axis: from, to, text.
    pub(crate) hover: Vec<(f64, f64, String)>,
    /// Twice as wide as high.
    pub(crate) is_wide: bool,
}

impl Chart {
    fn width(&self) -> f64 {
        if self.is_wide { 2.0 * WIDTH } else { WIDTH }
    }

    fn at_x(&self, value: f64) -> f64 {
        LEFT + self.x.scale.place(value) * (self.width() - LEFT - RIGHT)
    }

    fn at_y(&self, value: f64) -> f64 {
        HEIGHT - BELOW - self.y.scale.place(value) * (HEIGHT - BELOW - ABOVE)
    }

    /// The plot as SVG. `label` says to those who can't see it what it shows.
    pub(crate) fn svg(&self, label: &str) -> String {
        let mut out = format!(
            "<svg viewBox=\"0 0 {} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
            self.width(),
            escape(label)
        );
        self.put_shade(&mut out);
        self.put_axes(&mut out);
        self.lines.iter().for_each(|line| self.put_line(&mut out, line));
        self.put_names(&mut out);
        self.put_hover(&mut out);
        out.push_str("</svg>\n");
        out
    }

    fn put_shade(&self, out: &mut String) {
        let Some((from, to, name)) = self.shaded else { return };
        let (left, right) = (self.at_x(from), self.at_x(to));
        let (top, height) = (ABOVE, HEIGHT - BELOW - ABOVE);
        put(
            out,
            format_args!(
                "<rect class=\"shade\" x=\"{left:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{height}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\">{name}</text>\n",
                right - left,
                left + 4.0,
                top + 14.0
            ),
        );
    }

    fn put_axes(&self, out: &mut String) {
        let right = self.width() - RIGHT;
        for (tick, name) in &self.y.ticks {
            let y = self.at_y(*tick);
            put(
                out,
                format_args!(
                    "<path class=\"grid-line\" d=\"M{LEFT} {y:.1}H{right}\"/>\
                     <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>\n",
                    LEFT - 7.0,
                    y + 4.0
                ),
            );
        }
        let y = HEIGHT - 6.0;
        for (tick, name) in &self.x.ticks {
            let x = self.at_x(*tick);
            put(out, format_args!("<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{name}</text>\n"));
        }
    }

    fn put_line(&self, out: &mut String, line: &Line) {
        let (mut path, mut is_begun) = (String::new(), false);
        for (x, y) in &line.points {
            let Some(y) = y else {
                is_begun = false;
                continue;
            };
            let step = if is_begun { 'L' } else { 'M' };
            put(&mut path, format_args!("{step}{:.1} {:.1}", self.at_x(*x), self.at_y(*y)));
            is_begun = true;
        }
        let dashed = if line.is_dashed { " dashed" } else { "" };
        let class =
            if line.name.is_empty() { "faint".to_owned() } else { format!("line s-{}{dashed}", line.colour) };
        put(out, format_args!("<path class=\"{class}\" d=\"{path}\"/>\n"));
    }

    /// Names at the ends of the lines, moved apart where they would meet.
    fn put_names(&self, out: &mut String) {
        let end = |line: &Line| line.points.iter().rev().find_map(|(_, y)| y.map(|y| self.at_y(y)));
        let named = self.lines.iter().filter(|line| !line.name.is_empty());
        let mut names: Vec<(f64, &Line)> = named.filter_map(|line| Some((end(line)?, line))).collect();
        names.sort_by(|a, b| a.0.total_cmp(&b.0));
        spread_out(&mut names);
        let x = self.width() - RIGHT + 8.0;
        for (y, line) in names {
            let (colour, name) = (line.colour, escape(&line.name));
            put(
                out,
                format_args!("<text class=\"f-{colour}\" x=\"{x}\" y=\"{:.1}\">{name}</text>\n", y + 4.0),
            );
        }
    }

    fn put_hover(&self, out: &mut String) {
        let height = HEIGHT - BELOW - ABOVE;
        for (from, to, text) in &self.hover {
            let (left, right) = (self.at_x(*from), self.at_x(*to));
            let (width, text) = ((right - left).max(0.1), escape(text));
            put(
                out,
                format_args!(
                    "<rect class=\"hover\" x=\"{left:.1}\" y=\"{ABOVE}\" width=\"{width:.1}\" height=\"{height}\"><title>{text}</title></rect>\n"
                ),
            );
        }
    }
}

/// Moves names down where they are too close, then all of them up as far as they left the plot.
fn spread_out(names: &mut [(f64, &Line)]) {
    for index in 1..names.len() {
        names[index].0 = names[index].0.max(names[index - 1].0 + NAME_GAP);
    }
    let lowest = names.last().map_or(0.0, |name| name.0);
    let over = (lowest - (HEIGHT - BELOW)).max(0.0);
    names.iter_mut().for_each(|name| name.0 -= over);
}

/// Appends; a `String` takes everything.
pub(crate) fn put(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(arguments);
    debug_assert!(written.is_ok(), "a String takes everything");
}
