//! The plots of a report: rates and latencies over time, and latency by percentile.

use super::chart::{Axis, Chart, Line};
use super::number::{count, micros, seconds};
use super::scale::Scale;
use crate::latency::Latencies;
use crate::report::{Point, PointPhase, Report};

/// More points than a screen has columns say nothing more.
const POINTS_SHOWN: usize = 400;
/// Percentile curves end at one in so many.
const ONE_IN_MOST: f64 = 1e7;

/// The series with at most [`POINTS_SHOWN`] points: neighbours are put together, with their counts and histograms.
pub(crate) fn thinned(series: &[Point]) -> Vec<Point> {
    let group = series.len().div_ceil(POINTS_SHOWN).max(1);
    let parts = series.chunk_by(|a, b| a.phase == b.phase).flat_map(|part| part.chunks(group));
    parts.filter_map(together).collect()
}

fn together(points: &[Point]) -> Option<Point> {
    let mut sum = points.first()?.clone();
    for point in &points[1..] {
        let (seconds, bidding_s) = (sum.seconds + point.seconds, sum.bidding_s + point.bidding_s);
        sum.add(point);
        (sum.seconds, sum.bidding_s) = (seconds, bidding_s);
    }
    let histogram = sum.histogram.clone();
    sum.measure(histogram);
    Some(sum)
}

/// Bids offered, accepted and refused per second, over time.
pub(crate) fn rates(series: &[Point]) -> String {
    let greatest = series.iter().map(|p| p.offered_rate.max(p.accepted_rate).max(p.refused_rate));
    let line = |name: &str, colour, value: fn(&Point) -> f64| Line {
        name: name.into(),
        colour,
        is_dashed: colour == "offered",
        points: series.iter().map(|point| (middle(point), Some(value(point)))).collect(),
    };
    let mut lines = vec![
        line("offered", "offered", |point| point.offered_rate),
        line("accepted", "accepted", |point| point.accepted_rate),
    ];
    if series.iter().any(|point| point.refused > 0) {
        lines.push(line("refused", "refused", |point| point.refused_rate));
    }
    let text = |point: &Point| {
        let [offered, accepted, refused] =
            [point.offered_rate, point.accepted_rate, point.refused_rate].map(count);
        format!(
            "{} to {}: offered {offered}/s, accepted {accepted}/s, refused {refused}/s",
            seconds(point.at_s),
            seconds(end(point))
        )
    };
    let y = Axis::new(Scale::from_zero(greatest.fold(0.0, f64::max)), count);
    over_time(series, y, lines, text).svg("Bids per second over time")
}

/// Median, 99th percentile and maximum of latency, over time.
pub(crate) fn latencies(series: &[Point]) -> String {
    let positive = |value: f64| (value > 0.0).then_some(value);
    let line = |name: &str, colour, value: fn(&Point) -> f64| Line {
        name: name.into(),
        colour,
        is_dashed: false,
        points: series.iter().map(|point| (middle(point), positive(value(point)))).collect(),
    };
    let least =
        series.iter().filter_map(|point| positive(point.latency_us.p50)).fold(f64::INFINITY, f64::min);
    let greatest = series.iter().map(|point| point.latency_us.max).fold(0.0, f64::max);
    let lines = vec![
        line("max", "max", |point| point.latency_us.max),
        line("p99", "p99", |point| point.latency_us.p99),
        line("p50", "p50", |point| point.latency_us.p50),
    ];
    let text = |point: &Point| {
        let [p50, p99, max] = [point.latency_us.p50, point.latency_us.p99, point.latency_us.max].map(micros);
        format!("{} to {}: p50 {p50}, p99 {p99}, max {max}", seconds(point.at_s), seconds(end(point)))
    };
    let y = Axis::new(Scale::decades(if least.is_finite() { least } else { 1.0 }, greatest), micros);
    over_time(series, y, lines, text).svg("Latency over time, on a logarithmic scale")
}

fn over_time(series: &[Point], y: Axis, lines: Vec<Line>, text: impl Fn(&Point) -> String) -> Chart {
    let from = series.first().map_or(0.0, |point| point.at_s);
    let to = series.last().map_or(1.0, end).max(from + 1e-3);
    let warm = series.iter().filter(|point| point.phase == PointPhase::Warmup).map(end).next_back();
    Chart {
        x: Axis::new(Scale::Linear { from, to }, seconds),
        y,
        lines,
        shaded: warm.map(|end| (from, end, "warm-up")),
        hover: series.iter().map(|point| (point.at_s, end(point), text(point))).collect(),
        is_wide: false,
    }
}

fn end(point: &Point) -> f64 {
    point.at_s + point.seconds
}

fn middle(point: &Point) -> f64 {
    point.at_s + point.seconds / 2.0
}

/// Latency by percentile: how long one bid in so many takes. `named` curves are drawn over those in the background.
pub(crate) fn percentiles(named: &[(&str, &'static str, &Report)], background: &[&Report]) -> String {
    let unpacked = |report: &Report| report.histogram.unpack().unwrap_or_default();
    let curves: Vec<(&str, &'static str, Latencies)> = background
        .iter()
        .map(|report| ("", "offered", unpacked(report)))
        .chain(named.iter().map(|(name, colour, report)| (*name, *colour, unpacked(report))))
        .collect();
    let counted = curves.iter().map(|curve| curve.2.count()).max().unwrap_or_default();
    let one_in = (counted as f64).clamp(100.0, ONE_IN_MOST);
    let least = curves.iter().map(|curve| curve.2.quantile_us(0.0)).filter(|us| *us > 0.0);
    let greatest = curves.iter().map(|curve| curve.2.quantile_us(1.0)).fold(1.0, f64::max);
    let y = Axis::new(Scale::decades(least.fold(greatest, f64::min), greatest), micros);
    let x = Axis { scale: Scale::Log { from: 1.0, to: one_in }, ticks: percent_ticks(one_in) };
    let hover = hover_percentiles(&curves, one_in);
    let lines = curves.into_iter().map(|(name, colour, latencies)| Line {
        name: name.into(),
        colour,
        is_dashed: false,
        points: curve(&latencies, one_in),
    });
    Chart { x, y, lines: lines.collect(), shaded: None, hover, is_wide: true }
        .svg("Latency by percentile, both on logarithmic scales")
}

const STEPS_PER_DECADE: u32 = 40;

/// One in how many, at each step.
fn steps(one_in: f64) -> impl Iterator<Item = f64> {
    let steps = (one_in.log10() * f64::from(STEPS_PER_DECADE)).floor() as u32;
    (0..=steps).map(|step| 10_f64.powf(f64::from(step) / f64::from(STEPS_PER_DECADE)))
}

fn curve(latencies: &Latencies, one_in: f64) -> Vec<(f64, Option<f64>)> {
    // Beyond its own count a curve would only repeat its maximum.
    let most = one_in.min(latencies.count() as f64);
    steps(most.max(1.0)).map(|one_in| (one_in, Some(latencies.quantile_us(1.0 - 1.0 / one_in)))).collect()
}

fn percent_ticks(one_in: f64) -> Vec<(f64, String)> {
    let all = [
        (1.0, "0 %"),
        (2.0, "50 %"),
        (10.0, "90 %"),
        (100.0, "99 %"),
        (1e3, "99.9 %"),
        (1e4, "99.99 %"),
        (1e5, "99.999 %"),
        (1e6, "99.9999 %"),
        (1e7, "99.99999 %"),
    ];
    all.into_iter().filter(|(at, _)| *at <= one_in).map(|(at, name)| (at, name.to_owned())).collect()
}

fn hover_percentiles(curves: &[(&str, &'static str, Latencies)], one_in: f64) -> Vec<(f64, f64, String)> {
    let width = 10_f64.powf(0.5 / f64::from(STEPS_PER_DECADE));
    let text = |one_in: f64| {
        let share = 1.0 - 1.0 / one_in;
        let named = curves.iter().filter(|curve| !curve.0.is_empty());
        let values: Vec<String> = named
            .map(|(name, _, latencies)| format!("{name} {}", micros(latencies.quantile_us(share))))
            .collect();
        format!("{:.4} %: {}", 100.0 * share, values.join(", "))
    };
    steps(one_in).map(|one_in| (one_in / width, one_in * width, text(one_in))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_series_is_put_together_without_losing_a_bid_or_mixing_phases() {
        let point = |index: u32| Point {
            at_s: f64::from(index),
            seconds: 1.0,
            bidding_s: 1.0,
            offered: 3,
            accepted: 2,
            phase: if index < 7 { PointPhase::Warmup } else { PointPhase::Measured },
            ..Point::default()
        };
        let series: Vec<Point> = (0..3_600).map(point).collect();
        let thin = thinned(&series);
        assert!(thin.len() <= POINTS_SHOWN + 2, "{}", thin.len());
        assert_eq!(thin.iter().map(|point| point.offered).sum::<u64>(), 10_800);
        assert!(thin.iter().all(|point| (point.offered_rate - 3.0).abs() < 1e-9));
        assert_eq!(
            thin.iter().filter(|point| point.phase == PointPhase::Warmup).map(|p| p.seconds).sum::<f64>(),
            7.0
        );
    }
}
