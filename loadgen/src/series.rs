//! A run over time: counts and latencies of each interval, and what of them belongs to the warm-up.
//!
//! **Invariants.** Intervals are numbered from the end of the warm-up, so that none holds both: those of the warm-up are
//! negative. A bid belongs to the warm-up when it was due in it; if it is answered later, it counts in the warm-up's last
//! interval. So the intervals from 0 on add up to the run's totals, exactly. An interval in which nothing happened is there all the
//! same: a stall must be seen. Histograms of intervals that are over are kept packed, so that a long run stays small.

use crate::drive::{Shared, Stats};
use crate::latency::PackedLatencies;
use crate::report::{Point, PointPhase};
use std::collections::BTreeMap;

/// Workers hand their counts over well within this many intervals; later counts cost unpacking, and are counted all the same.
const OPEN_INTERVALS: i64 = 3;

/// When a run's parts begin and end, in nanoseconds of its clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    pub(crate) begin_ns: u64,
    /// The end of the warm-up; what is due from here on counts.
    pub(crate) measured_ns: u64,
    /// No more bids are made from here on.
    pub(crate) end_ns: u64,
    pub(crate) interval_ns: u64,
}

impl Grid {
    /// The number of the interval that holds this time.
    pub(crate) fn index(&self, now_ns: u64) -> i64 {
        let since = now_ns.max(self.begin_ns) as i64 - self.measured_ns as i64;
        since.div_euclid(self.interval_ns as i64)
    }

    fn start_ns(&self, index: i64) -> u64 {
        let start = self.measured_ns as i64 + index * self.interval_ns as i64;
        (start.max(0) as u64).max(self.begin_ns)
    }

    /// When the interval is over; the warm-up's last one ends where the measuring begins.
    fn stop_ns(&self, index: i64, ended_ns: u64) -> u64 {
        self.start_ns(index + 1).min(ended_ns).max(self.start_ns(index))
    }
}

/// Collects what the workers counted.
#[derive(Debug)]
pub(crate) struct Recorder {
    grid: Grid,
    /// What counts: the intervals from 0 on.
    total: Stats,
    open: BTreeMap<i64, Stats>,
    over: BTreeMap<i64, Piece>,
}

/// What is kept of an interval that is over.
#[derive(Debug, Default)]
struct Piece {
    offered: u64,
    accepted: u64,
    refused: u64,
    late: u64,
    latencies: PackedLatencies,
}

impl Recorder {
    pub(crate) fn new(grid: Grid) -> Self {
        Self { grid, total: Stats::default(), open: BTreeMap::new(), over: BTreeMap::new() }
    }

    /// Takes in what has been counted since the last time, and gives it.
    pub(crate) fn take(&mut self, shared: &Shared, now_ns: u64) -> Stats {
        let mut latest = Stats::default();
        for (index, stats) in shared.take() {
            latest.merge(&stats);
            if index >= 0 {
                self.total.merge(&stats);
            }
            self.open.entry(index).or_default().merge(&stats);
        }
        self.close_before(self.grid.index(now_ns) - OPEN_INTERVALS);
        latest
    }

    fn close_before(&mut self, index: i64) {
        let rest = self.open.split_off(&index);
        for (index, stats) in std::mem::replace(&mut self.open, rest) {
            self.over.entry(index).or_default().add(Piece::from(&stats));
        }
    }

    /// The totals, and the points of the series up to `ended_ns`.
    pub(crate) fn finish(mut self, ended_ns: u64) -> (Stats, Vec<Point>) {
        self.close_before(i64::MAX);
        let first = self.grid.index(self.grid.begin_ns);
        let last = self.last(ended_ns).max(first);
        let mut beyond = self.over.split_off(&(last + 1));
        for piece in std::mem::take(&mut beyond).into_values() {
            self.over.entry(last).or_default().add(piece);
        }
        let points = (first..=last).map(|index| self.point(index, index == last, ended_ns)).collect();
        (self.total, points)
    }

    /// The last interval. A short rest behind it is no interval of its own: its rates would be noise.
    fn last(&self, ended_ns: u64) -> i64 {
        let last = self.grid.index(ended_ns.saturating_sub(1));
        let rest_ns = ended_ns.saturating_sub(self.grid.start_ns(last));
        if last > 0 && rest_ns < self.grid.interval_ns / 2 { last - 1 } else { last }
    }

    fn point(&self, index: i64, is_last: bool, ended_ns: u64) -> Point {
        let (grid, none) = (&self.grid, Piece::default());
        let piece = self.over.get(&index).unwrap_or(&none);
        let start_ns = grid.start_ns(index);
        let stop_ns = if is_last { ended_ns.max(start_ns) } else { grid.stop_ns(index, ended_ns) };
        let phase = match index {
            ..0 => PointPhase::Warmup,
            _ if start_ns >= grid.end_ns => PointPhase::Draining,
            _ => PointPhase::Measured,
        };
        let at_s = (start_ns as f64 - grid.measured_ns as f64) / 1e9;
        let bidding_ns = stop_ns.min(grid.end_ns).saturating_sub(start_ns);
        let Piece { offered, accepted, refused, late, latencies } = piece;
        let mut point = Point {
            at_s,
            seconds: (stop_ns - start_ns) as f64 / 1e9,
            bidding_s: bidding_ns as f64 / 1e9,
            phase,
            offered: *offered,
            accepted: *accepted,
            refused: *refused,
            late: *late,
            ..Point::default()
        };
        point.measure(latencies.clone());
        point
    }
}

impl Piece {
    fn add(&mut self, other: Self) {
        let Self { offered, accepted, refused, late, latencies } = other;
        self.offered += offered;
        self.accepted += accepted;
        self.refused += refused;
        self.late += late;
        self.latencies = self.latencies.plus(&latencies);
    }
}

impl From<&Stats> for Piece {
    fn from(stats: &Stats) -> Self {
        let accepted = stats.tally.accepted();
        Self {
            offered: stats.made,
            accepted,
            refused: stats.tally.total() - accepted,
            late: stats.late,
            latencies: (&stats.latencies).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;
    use gavel_core::Standing;

    const SECOND: u64 = 1_000_000_000;

    fn grid() -> Grid {
        Grid { begin_ns: 5 * SECOND, measured_ns: 7 * SECOND, end_ns: 10 * SECOND, interval_ns: SECOND }
    }

    fn bids(count: u64) -> Stats {
        let mut stats = Stats { made: count, ..Stats::default() };
        (0..count).for_each(|_| {
            stats.tally.count(Outcome::Accepted(Standing::Leading));
            stats.latencies.record(1_000_000);
        });
        stats
    }

    #[test]
    fn the_measured_points_add_up_to_the_totals_and_the_warm_up_is_told_apart() {
        let (shared, mut recorder) = (Shared::default(), Recorder::new(grid()));
        for (now_s, made) in [(5, 1), (6, 2), (7, 10), (9, 30)] {
            let now_ns = now_s * SECOND;
            let is_warm = now_ns < grid().measured_ns;
            let (mut stats, mut warm) = (Stats::default(), Stats::default());
            *(if is_warm { &mut warm } else { &mut stats }) = bids(made);
            shared.add(grid().index(now_ns), &mut stats, Some(&mut warm));
            recorder.take(&shared, now_ns + 6 * SECOND);
        }
        shared.add(grid().index(9 * SECOND), &mut bids(5), None);
        recorder.take(&shared, 20 * SECOND);
        let (total, points) = recorder.finish(10 * SECOND + SECOND / 10);
        assert_eq!(total.made, 45);
        let told: Vec<(f64, u64, PointPhase)> =
            points.iter().map(|p| (p.at_s, p.accepted, p.phase)).collect();
        let (warm, measured) = (PointPhase::Warmup, PointPhase::Measured);
        let expected =
            [(-2.0, 1, warm), (-1.0, 2, warm), (0.0, 10, measured), (1.0, 0, measured), (2.0, 35, measured)];
        assert_eq!(told, expected, "an empty second is there, and a late hand-over counts");
        let counted: u64 = points[2..].iter().map(|p| p.histogram.unpack().unwrap().count()).sum();
        assert_eq!(counted, total.latencies.count());
        assert!((points[4].seconds - 1.1).abs() < 1e-9, "a short rest belongs to the last point");
        assert!((points[4].offered_rate - 35.0).abs() < 1e-9, "offered over the time in which bids are made");
    }

    #[test]
    fn what_was_due_in_the_warm_up_and_answered_later_stays_in_it() {
        let (shared, mut recorder) = (Shared::default(), Recorder::new(grid()));
        shared.add(grid().index(8 * SECOND), &mut bids(4), Some(&mut bids(3)));
        recorder.take(&shared, 9 * SECOND);
        let (total, points) = recorder.finish(14 * SECOND);
        assert_eq!((total.made, points[1].accepted, points[3].accepted), (4, 3, 4));
        assert_eq!(points.last().unwrap().phase, PointPhase::Draining);
        assert_eq!(points.len(), 9);
    }
}
