//! What all rounds have measured, and what it means beside Gavel.

use super::work::{Load, Work};
use super::{Contestant, Entry, Sample};
use crate::spread::Spread;
use serde::Serialize;

/// A measurement is noisy when its rounds lie further apart than this share of their median.
pub(super) const NOISY_FROM: f64 = 0.2;

/// The samples of all rounds, by entry.
#[derive(Clone, Debug)]
pub struct Results {
    measured: Vec<(Entry, Vec<Sample>)>,
}

/// One row of a table.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// `zipf/gavel-8x64`.
    pub name: String,
    /// How bids are spread.
    pub work: Work,
    /// The program.
    pub family: &'static str,
    /// Connections and bids in flight on each.
    pub load: Load,
    /// Accepted bids per second of every round.
    pub values: Vec<f64>,
    /// Their median, least and greatest.
    pub rate: Spread,
    /// True when they lie far apart.
    pub is_noisy: bool,
    /// The share of bids that was refused, `0 ..= 1`; the median of the rounds, as what follows.
    pub refused: f64,
    /// From sending to answer, in milliseconds; where it is known.
    pub p50_ms: Option<f64>,
    /// See `p50_ms`.
    pub p99_ms: Option<f64>,
    /// Gavel's best rate at this work, over this one.
    pub gavel_best: Option<f64>,
    /// Gavel's rate with the same connections and bids in flight, over this one.
    pub gavel_same: Option<f64>,
    /// The best of its program at this work, or the one of the most connections with one bid in flight on each.
    pub is_highlight: bool,
}

impl Results {
    pub(super) fn new(entries: &[Entry]) -> Self {
        Self { measured: entries.iter().map(|entry| (*entry, Vec::new())).collect() }
    }

    pub(super) fn take(&mut self, place: usize, sample: Sample) {
        self.measured[place].1.push(sample);
    }

    /// The rows, in the order of measuring.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.measured.iter().filter_map(|(entry, samples)| self.line(entry, samples)).collect()
    }

    fn line(&self, entry: &Entry, samples: &[Sample]) -> Option<Line> {
        let values: Vec<f64> = samples.iter().map(|sample| sample.rate).collect();
        let rate = Spread::of(&values)?;
        let median = |of: &dyn Fn(&Sample) -> Option<f64>| {
            let values: Vec<f64> = samples.iter().filter_map(of).collect();
            Spread::of(&values).map(|spread| spread.median)
        };
        let share =
            |sample: &Sample| sample.refused as f64 / (sample.refused + sample.accepted).max(1) as f64;
        Some(Line {
            name: entry.name(),
            work: entry.work,
            family: entry.contestant.family(),
            load: entry.contestant.load(),
            rate,
            is_noisy: rate.max - rate.min > NOISY_FROM * rate.median,
            refused: median(&|sample| Some(share(sample))).unwrap_or_default(),
            p50_ms: median(&|sample| sample.p50_us.map(|us| us / 1e3)),
            p99_ms: median(&|sample| sample.p99_us.map(|us| us / 1e3)),
            gavel_best: self.gavel(entry, |_| true).map(|gavel| gavel / rate.median),
            gavel_same: self
                .gavel(entry, |load| load == entry.contestant.load())
                .map(|gavel| gavel / rate.median),
            is_highlight: self.is_highlight(entry, rate.median),
            values,
        })
    }

    /// The best of Gavel's medians with these loads at this entry's work. The bare disk is held against the uniform work.
    fn gavel(&self, beside: &Entry, which: impl Fn(Load) -> bool) -> Option<f64> {
        let work = if beside.work == Work::Disk { Work::Uniform } else { beside.work };
        let of = self.medians().filter(|(entry, _)| match entry.contestant {
            Contestant::Gavel(load) => entry.work == work && which(load),
            _ => false,
        });
        of.map(|(_, median)| median).max_by(f64::total_cmp)
    }

    fn medians(&self) -> impl Iterator<Item = (&Entry, f64)> {
        self.measured.iter().filter_map(|(entry, samples)| {
            let values: Vec<f64> = samples.iter().map(|sample| sample.rate).collect();
            Some((entry, Spread::of(&values)?.median))
        })
    }

    fn is_highlight(&self, entry: &Entry, median: f64) -> bool {
        let family = entry.contestant.family();
        let mut same =
            self.medians().filter(|(of, _)| of.work == entry.work && of.contestant.family() == family);
        let Load { connections, in_flight } = entry.contestant.load();
        entry.work == Work::Disk
            || same.all(|(of, rate)| rate <= median || of == entry)
            || in_flight == 1 && !self.alone(entry.work, family).any(|more| more > connections)
    }

    /// The connections of the entries with one bid in flight on each.
    fn alone(&self, work: Work, family: &'static str) -> impl Iterator<Item = u32> {
        let of = self.measured.iter().map(|(entry, _)| entry);
        let of = of.filter(move |entry| entry.work == work && entry.contestant.family() == family);
        of.map(|entry| entry.contestant.load())
            .filter(|load| load.in_flight == 1)
            .map(|load| load.connections)
    }
}

#[cfg(test)]
impl Results {
    /// Results of these entries with these rates, for tests of this module and of the tables.
    pub(super) fn with_rates(rates: &[(&str, &[f64])]) -> Self {
        let all = Entry::all();
        let find = |name: &str| *all.iter().find(|entry| entry.name() == name).unwrap();
        let entries: Vec<Entry> = rates.iter().map(|(name, _)| find(name)).collect();
        let mut results = Self::new(&entries);
        for (place, (_, rates)) in rates.iter().enumerate() {
            for &rate in *rates {
                let sample = Sample { accepted: 9, refused: 1, rate, p50_us: Some(2_000.0), p99_us: None };
                results.take(place, sample);
            }
        }
        results
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_held_against_gavel_at_the_same_work() {
        let results = Results::with_rates(&[
            ("uniform/gavel-64x1", &[100.0, 120.0, 110.0]),
            ("uniform/gavel-64x256", &[900.0, 1_000.0, 1_300.0]),
            ("uniform/postgres-64x1", &[10.0, 10.0, 11.0]),
            ("hot/postgres-64x1", &[5.0]),
            ("disk/disk-append-1", &[50.0]),
        ]);
        let lines = results.lines();
        let ratios: Vec<_> = lines.iter().map(|line| (line.gavel_same, line.gavel_best)).collect();
        assert_eq!(ratios[2], (Some(11.0), Some(100.0)));
        assert_eq!(ratios[3], (None, None), "Gavel was not measured there");
        assert_eq!(ratios[4], (None, Some(20.0)), "the disk is held against the uniform work");
        assert_eq!(lines[2].refused, 0.1);
        assert_eq!((lines[2].p50_ms, lines[2].p99_ms), (Some(2.0), None));
    }

    #[test]
    fn rounds_that_lie_far_apart_are_noisy() {
        let results = Results::with_rates(&[
            ("uniform/gavel-1x1", &[100.0, 119.0]),
            ("uniform/gavel-8x1", &[100.0, 130.0]),
        ]);
        let noisy: Vec<_> = results.lines().iter().map(|line| line.is_noisy).collect();
        assert_eq!(noisy, [false, true]);
    }

    #[test]
    fn the_best_and_the_widest_without_pipelining_are_highlights() {
        let results = Results::with_rates(&[
            ("zipf/redis-50x1", &[10.0]),
            ("zipf/redis-50x64", &[30.0]),
            ("zipf/redis-64x1", &[12.0]),
            ("zipf/gavel-1x64", &[20.0]),
        ]);
        let highlights: Vec<_> = results.lines().iter().map(|line| line.is_highlight).collect();
        assert_eq!(highlights, [false, true, true, true]);
    }
}
