//! When bids are made.
//!
//! Closed loop: each connection keeps a fixed number of bids in flight; the next is made when one is answered. It finds
//! the highest rate, and hides waiting: a slow server is asked less.
//!
//! Open loop: bids have planned times that do not depend on answers. Latency counts from the planned time, so a stall is
//! felt by all bids that should have been sent during it (no "coordinated omission"). **Invariant:** the plan never skips:
//! what could not be sent in time is sent late, and counted as late.

mod shape;

pub use shape::{RATE_MAX, Shape, ShapeError};

use crate::distribution::Chooser;
use rand::Rng;
use std::fmt::{Display, Formatter, Result as FmtResult};
use std::time::Duration;

/// When bids are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// As soon as an earlier one is answered.
    Closed,
    /// At planned times.
    Open {
        /// Bids per second over all connections, as they go over time.
        shape: Shape,
        /// How they are spaced.
        spacing: Spacing,
    },
}

/// How planned times are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    /// Evenly.
    Even,
    /// At random, as independent bidders would (a Poisson process).
    Poisson,
}

impl Display for Arrivals {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match self {
            Self::Closed => f.write_str("closed loop"),
            Self::Open { shape, spacing: Spacing::Even } => write!(f, "open loop, {shape}, evenly spaced"),
            Self::Open { shape, spacing: Spacing::Poisson } => {
                write!(f, "open loop, {shape}, at random (Poisson)")
            }
        }
    }
}

/// The planned times of one thread, in nanoseconds since the run's start.
#[derive(Clone, Debug)]
pub struct Plan {
    shape: Shape,
    /// This thread's share of all bids.
    share: f64,
    run_s: f64,
    spacing: Spacing,
    taken: u64,
    /// The next bid's place in the shape: its number, or at random as many as would have come by then.
    next_count: f64,
    next_ns: f64,
}

impl Plan {
    /// A plan for `share` (above 0, at most 1) of the bids of that shape in a run that lasts so long.
    #[must_use]
    pub fn new(shape: Shape, share: f64, run: Duration, spacing: Spacing) -> Self {
        Self { shape, share, run_s: run.as_secs_f64(), spacing, taken: 0, next_count: 0.0, next_ns: 0.0 }
    }

    /// When the next bid is due.
    #[must_use]
    pub fn next_ns(&self) -> u64 {
        self.next_ns as u64
    }

    /// How many have been planned and taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes the next bid when it is due at `now_ns`: its planned time.
    pub fn take_due(&mut self, now_ns: u64, chooser: &mut impl Rng) -> Option<u64> {
        let due = self.next_ns();
        if due > now_ns {
            return None;
        }
        self.taken += 1;
        self.next_count = match self.spacing {
            // From the count, not from the last time: rounding never adds up.
            Spacing::Even => self.taken as f64,
            // Independent arrivals of any rate are those of rate one, seen through the shape.
            Spacing::Poisson => self.next_count + crate::distribution::exponential(chooser, 1.0),
        };
        self.next_ns = self.shape.due_s(self.next_count, self.share, self.run_s) * 1e9;
        Some(due)
    }

    /// How many bids are due until `end_ns` that were not taken; the plan is used up after it.
    pub fn count_left(&mut self, end_ns: u64, chooser: &mut Chooser) -> u64 {
        let before = self.taken;
        while self.take_due(end_ns.saturating_sub(1), chooser).is_some() {}
        self.taken - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn plan(rate: u32, spacing: Spacing) -> Plan {
        Plan::new(Shape::Constant(rate), 1.0, Duration::from_secs(1), spacing)
    }

    #[test]
    fn even_plans_are_exact_over_any_length() {
        let (mut plan, mut chooser) = (plan(3, Spacing::Even), Chooser::seed_from_u64(1));
        let times: Vec<u64> = (0..4).map(|_| plan.take_due(u64::MAX, &mut chooser).unwrap()).collect();
        assert_eq!(times, [0, 333_333_333, 666_666_666, 1_000_000_000]);
        assert_eq!(plan.count_left(1_000_000_000_000, &mut chooser), 3_000 - 4);
    }

    #[test]
    fn nothing_is_taken_before_it_is_due_and_nothing_is_skipped_after_a_stall() {
        let (mut plan, mut chooser) = (plan(1_000, Spacing::Even), Chooser::seed_from_u64(1));
        assert_eq!(plan.take_due(0, &mut chooser), Some(0));
        assert_eq!(plan.take_due(999_999, &mut chooser), None);
        let late: Vec<u64> = std::iter::from_fn(|| plan.take_due(5_000_000, &mut chooser)).collect();
        assert_eq!(late, [1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000]);
    }

    #[test]
    fn poisson_plans_have_the_rate_and_the_spread_of_independent_arrivals() {
        let (mut plan, mut chooser) = (plan(1_000, Spacing::Poisson), Chooser::seed_from_u64(2));
        let times: Vec<u64> = (0..100_000).map(|_| plan.take_due(u64::MAX, &mut chooser).unwrap()).collect();
        let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((980_000.0..1_020_000.0).contains(&mean), "{mean}");
        assert!(
            (0.97..1.03).contains(&(variance.sqrt() / mean)),
            "deviation over mean is 1 for exponential gaps"
        );
    }

    #[test]
    fn poisson_plans_follow_the_shape() {
        let ramp = Shape::ramp("1000:9000").unwrap();
        let mut plan = Plan::new(ramp, 1.0, Duration::from_secs(10), Spacing::Poisson);
        let mut chooser = Chooser::seed_from_u64(2);
        let first_half = plan.count_left(5_000_000_000, &mut chooser);
        let second_half = plan.count_left(10_000_000_000, &mut chooser);
        assert!((14_500..15_500).contains(&first_half), "{first_half}");
        assert!((34_000..36_000).contains(&second_half), "{second_half}");
    }
}
