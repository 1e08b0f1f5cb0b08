//! How the rate of an open loop goes over time: constant, rising (or falling), or in bursts.
//!
//! A shape answers one question: when is the n-th bid due? Whether bids are spaced evenly or at random is the plan's matter: it asks for
//! whole numbers or for random ones. **Invariant:** a greater number is never due earlier.

use std::fmt::{Display, Formatter, Result as FmtResult};
use std::str::FromStr;

/// The highest rate, in bids per second.
pub const RATE_MAX: u32 = 100_000_000;
/// The longest period of bursts, in seconds.
const PERIOD_S_MAX: f64 = 3_600.0;

/// The rate over time, in bids per second, each `1 ..=` [`RATE_MAX`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// The same all the time.
    Constant(u32),
    /// From one rate to another in a straight line over the run.
    Ramp {
        /// At the beginning.
        from: u32,
        /// At the end.
        to: u32,
    },
    /// A base that rises to a peak at the end of every period.
    Burst {
        /// Between bursts.
        base: u32,
        /// During them.
        peak: u32,
        /// From the beginning of one burst to the next, in seconds, up to an hour.
        every_s: f64,
        /// How long one lasts, in seconds; less than `every_s`.
        for_s: f64,
    },
}

/// A text that names no shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: {form}, rates 1 to {RATE_MAX} per second")]
pub struct ShapeError {
    text: String,
    what: &'static str,
    form: &'static str,
}

impl Shape {
    /// Reads `FROM:TO`.
    ///
    /// # Errors
    /// Says what is allowed.
    pub fn ramp(text: &str) -> Result<Self, ShapeError> {
        let wrong = || ShapeError { text: text.to_owned(), what: "ramp", form: "FROM:TO" };
        let (from, to) = text.split_once(':').ok_or_else(wrong)?;
        match (rate(from), rate(to)) {
            (Some(from), Some(to)) => Ok(Self::Ramp { from, to }),
            _ => Err(wrong()),
        }
    }

    /// Reads `BASE:PEAK`, `BASE:PEAK:EVERY` or `BASE:PEAK:EVERY:FOR`; a burst of 1 s every 5 s, where it is not said.
    ///
    /// # Errors
    /// Says what is allowed.
    pub fn burst(text: &str) -> Result<Self, ShapeError> {
        let form = "BASE:PEAK[:EVERY[:FOR]], EVERY up to 3600 seconds, FOR shorter than EVERY";
        let wrong = || ShapeError { text: text.to_owned(), what: "burst", form };
        let mut words = text.split(':');
        let mut next_rate = || rate(words.next()?);
        let (base, peak) = (next_rate().ok_or_else(wrong)?, next_rate().ok_or_else(wrong)?);
        let mut seconds = |default: f64| words.next().map_or(Ok(default), f64::from_str);
        let every_s = seconds(5.0).map_err(|_| wrong())?;
        let for_s = seconds(every_s / 5.0).map_err(|_| wrong())?;
        let is_fine = every_s <= PERIOD_S_MAX && 0.0 < for_s && for_s < every_s && words.next().is_none();
        if is_fine { Ok(Self::Burst { base, peak, every_s, for_s }) } else { Err(wrong()) }
    }

    /// The same shape with other rates.
    #[must_use]
    pub fn map(self, other: impl Fn(u32) -> u32) -> Self {
        match self {
            Self::Constant(rate) => Self::Constant(other(rate)),
            Self::Ramp { from, to } => Self::Ramp { from: other(from), to: other(to) },
            Self::Burst { base, peak, every_s, for_s } => {
                Self::Burst { base: other(base), peak: other(peak), every_s, for_s }
            }
        }
    }

    /// The lowest and the highest rate.
    #[must_use]
    pub fn bounds(&self) -> (u32, u32) {
        match *self {
            Self::Constant(rate) => (rate, rate),
            Self::Ramp { from, to } => (from.min(to), from.max(to)),
            Self::Burst { base, peak, .. } => (base.min(peak), base.max(peak)),
        }
    }

    /// When bid number `count` (from 0, not necessarily whole) is due, in seconds, where `share` of all bids are looked at and the run lasts
    /// `run_s` seconds.
    pub(super) fn due_s(&self, count: f64, share: f64, run_s: f64) -> f64 {
        let rate = |rate: u32| f64::from(rate) * share;
        match *self {
            Self::Constant(all) => count / rate(all),
            Self::Ramp { from, to } => ramp_s(count, rate(from), rate(to), run_s),
            Self::Burst { base, peak, every_s, for_s } => {
                let quiet_s = every_s - for_s;
                let (quiet, loud) = (rate(base) * quiet_s, rate(peak) * for_s);
                let periods = (count / (quiet + loud)).floor();
                let rest = count - periods * (quiet + loud);
                let within_s =
                    if rest < quiet { rest / rate(base) } else { quiet_s + (rest - quiet) / rate(peak) };
                periods * every_s + within_s
            }
        }
    }
}

/// Solves `count = from·t + (to - from)·t² / 2·run`; after the run the rate stays.
fn ramp_s(count: f64, from: f64, to: f64, run_s: f64) -> f64 {
    let in_all = (from + to) / 2.0 * run_s;
    if count >= in_all {
        return run_s + (count - in_all) / to;
    }
    // In the form that subtracts nothing nearly equal, and needs no other for a level ramp.
    let slope = (to - from) / run_s;
    2.0 * count / (from + (from * from + 2.0 * slope * count).sqrt())
}

fn rate(text: &str) -> Option<u32> {
    text.parse().ok().filter(|rate| (1..=RATE_MAX).contains(rate))
}

impl Display for Shape {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match self {
            Self::Constant(rate) => write!(f, "{rate}/s"),
            Self::Ramp { from, to } => write!(f, "{from}/s to {to}/s"),
            Self::Burst { base, peak, every_s, for_s } => {
                write!(f, "{base}/s, every {every_s} s for {for_s} s {peak}/s")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many are due in each second.
    fn per_second(shape: Shape, seconds: usize) -> Vec<u32> {
        let mut counts = vec![0; seconds];
        let due = |count: u32| shape.due_s(f64::from(count), 1.0, seconds as f64) as usize;
        (0..).map(due).take_while(|second| *second < seconds).for_each(|second| counts[second] += 1);
        counts
    }

    #[test]
    fn a_ramp_rises_and_falls_in_a_straight_line() {
        assert_eq!(per_second(Shape::Ramp { from: 1_000, to: 5_000 }, 4), [1_500, 2_500, 3_500, 4_500]);
        assert_eq!(per_second(Shape::Ramp { from: 5_000, to: 1_000 }, 4), [4_500, 3_500, 2_500, 1_500]);
        assert_eq!(per_second(Shape::Ramp { from: 700, to: 700 }, 2), per_second(Shape::Constant(700), 2));
        let ramp = Shape::Ramp { from: 1_000, to: 1 };
        assert!((ramp.due_s(1_001.0 + 5.0, 1.0, 2.0) - 7.0).abs() < 1e-9, "the last rate stays");
    }

    #[test]
    fn bursts_come_at_the_end_of_each_period() {
        let burst = Shape::burst("100:2000:3:1").unwrap();
        assert_eq!(per_second(burst, 7), [100, 100, 2_000, 100, 100, 2_000, 100]);
        assert_eq!(Shape::burst("1:2"), Ok(Shape::Burst { base: 1, peak: 2, every_s: 5.0, for_s: 1.0 }));
    }

    #[test]
    fn a_share_of_the_bids_is_due_over_the_same_time() {
        for shape in
            [Shape::Constant(400), Shape::ramp("100:700").unwrap(), Shape::burst("100:900:2").unwrap()]
        {
            for count in [0.0, 1.0, 55.5, 1_000.0] {
                let (all, half) = (shape.due_s(count, 1.0, 10.0), shape.due_s(count / 2.0, 0.5, 10.0));
                assert!((all - half).abs() < 1e-6, "{shape:?} {count}: {all} {half}");
            }
        }
    }

    #[test]
    fn nonsense_is_refused_with_what_is_allowed() {
        for wrong in ["", "5", "0:5", "5:100000001", "1:2:3", "a:b"] {
            assert!(Shape::ramp(wrong).unwrap_err().to_string().contains("FROM:TO"), "{wrong}");
        }
        for wrong in ["", "5", "0:5", "1:2:0", "1:2:3:3", "1:2:3601", "1:2:3:1:1", "1:2:NaN", "1:2:inf:1"] {
            assert!(Shape::burst(wrong).unwrap_err().to_string().contains("BASE:PEAK"), "{wrong}");
        }
    }
}
