//! From values to places on a plot, and the round values that its axes name.

/// How values are laid along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scale {
    /// Evenly.
    Linear {
        /// At the beginning of the axis.
        from: f64,
        /// At its end; above `from`.
        to: f64,
    },
    /// By their logarithm.
    Log {
        /// At the beginning of the axis; positive.
        from: f64,
        /// At its end; above `from`.
        to: f64,
    },
}

impl Scale {
    /// From zero to a round value at or above the greatest.
    pub(crate) fn from_zero(greatest: f64) -> Self {
        let step = step(greatest.max(1e-9), 4.0);
        Self::Linear { from: 0.0, to: step * (greatest.max(1e-9) / step).ceil() }
    }

    /// Whole decades (or halves of them: 1, 3, 10 …) around positive values.
    pub(crate) fn decades(least: f64, greatest: f64) -> Self {
        let least = if least > 0.0 { least } else { 1.0 };
        let (from, to) = (floor_mark(least), ceil_mark(greatest.max(least * 1.01)));
        Self::Log { from, to }
    }

    /// Where a value lies: 0 at the beginning, 1 at the end; values beyond them stay at them.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let place = match *self {
            Self::Linear { from, to } => (value - from) / (to - from),
            Self::Log { from, to } => (value.max(from) / from).ln() / (to / from).ln(),
        };
        place.clamp(0.0, 1.0)
    }

    /// The values to be named, in order.
    pub(crate) fn ticks(&self) -> Vec<f64> {
        match *self {
            Self::Linear { from, to } => {
                let step = step(to - from, 5.0);
                let (first, last) = ((from / step).ceil() as i64, (to / step + 1e-9).floor() as i64);
                (first..=last).map(|index| index as f64 * step).collect()
            }
            Self::Log { from, to } => {
                let decades = (to / from).log10();
                let marks: &[f64] = if decades > 3.1 { &[1.0] } else { &[1.0, 3.0] };
                let exponents = from.log10().floor() as i32..=to.log10().ceil() as i32;
                let all =
                    exponents.flat_map(|exponent| marks.iter().map(move |mark| mark * 10_f64.powi(exponent)));
                all.filter(|tick| (from * 0.999..=to * 1.001).contains(tick)).collect()
            }
        }
    }
}

/// A round step (1, 2 or 5 times a power of ten) of which about `count` fit.
fn step(range: f64, count: f64) -> f64 {
    let rough = range / count;
    let power = 10_f64.powf(rough.log10().floor());
    let round = [1.0, 2.0, 5.0, 10.0].into_iter().find(|round| round * power >= rough * 0.999);
    round.unwrap_or(10.0) * power
}

fn floor_mark(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    if value >= 3.0 * power { 3.0 * power } else { power }
}

fn ceil_mark(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 3.0, 10.0].into_iter().map(|mark| mark * power).find(|&mark| mark >= value * 0.999).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_and_are_named_at_round_values() {
        assert_eq!(Scale::from_zero(873_000.0), Scale::Linear { from: 0.0, to: 1_000_000.0 });
        assert_eq!(Scale::from_zero(1_000.0).ticks(), [0.0, 200.0, 400.0, 600.0, 800.0, 1_000.0]);
        assert_eq!(Scale::decades(240.0, 9_100.0), Scale::Log { from: 100.0, to: 10_000.0 });
        assert_eq!(Scale::decades(240.0, 9_100.0).ticks(), [100.0, 300.0, 1_000.0, 3_000.0, 10_000.0]);
    }

    #[test]
    fn places_are_within_the_axis_whatever_the_value() {
        let log = Scale::Log { from: 10.0, to: 1_000.0 };
        assert_eq!([1.0, 10.0, 100.0, 9_999.0].map(|value| log.place(value)), [0.0, 0.0, 0.5, 1.0]);
        assert!(Scale::from_zero(0.0).place(0.0).is_finite() && !Scale::from_zero(0.0).ticks().is_empty());
        assert!(Scale::decades(0.0, 0.0).place(5.0).is_finite());
    }
}
