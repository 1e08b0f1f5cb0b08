//! Finds the highest rate that a server sustains: open loops, step by step.
//!
//! Each step is a run of its own, with auctions of its own. The rate grows by a factor until a step is not sustained; then the gap between the
//! highest that was and the lowest that was not is halved, until both are close. **Invariant:** the lowest rate that was not sustained is
//! always above the highest that was.
//!
//! A step that the generator itself could not keep up with says nothing of the server: it ends the search, and that is said.

use crate::options::Options;
use crate::progress::Progress;
use crate::report::{LATE_SHARE_MAX, Report};
use crate::run::{RunError, run};
use crate::schedule::{Arrivals, RATE_MAX, Shape, Spacing};
use serde::Serialize;
use std::fmt::{Display, Formatter, Result as FmtResult};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Steps at most.
pub const STEPS_MAX: usize = 40;
/// Of what was planned, this share must be answered in the time of the step.
const ACHIEVED_SHARE: f64 = 0.98;
/// The search ends when the rates on both sides are as close as this.
const CLOSE: f64 = 1.05;

/// How to search.
#[derive(Clone, Debug)]
pub struct Search {
    /// Each step's run; its arrivals, repeats and ledger are not used.
    pub options: Options,
    /// The first rate, bids per second, `1 ..=` [`RATE_MAX`].
    pub from: u32,
    /// By what the rate grows until it is too high, `1.1 ..= 10`.
    pub factor: f64,
    /// A step is sustained only while 99 in 100 bids take no longer.
    pub p99_max: Duration,
}

/// Whether a step was sustained, and what spoke against it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "why")]
pub enum Verdict {
    /// The server kept up.
    Sustained,
    /// It did not.
    NotSustained(String),
    /// The generator did not keep up: what the server can do was not seen.
    GeneratorLate(String),
}

/// One step.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Bids per second that were planned.
    pub rate: u32,
    /// Bids answered per second.
    pub achieved: f64,
    /// Median latency in milliseconds.
    pub p50_ms: f64,
    /// What 99 in 100 bids did not exceed, in milliseconds.
    pub p99_ms: f64,
    /// How it went.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Saturation {
    /// The highest rate that was sustained; `null` when not even the first was.
    pub sustained: Option<u32>,
    /// The lowest rate that was not; `null` when the generator ended the search.
    pub not_sustained: Option<u32>,
    /// Every step, in the order in which they were run.
    pub steps: Vec<Step>,
}

/// Searches. `progress` is told of each run; `told` of each step when it is over.
///
/// # Errors
/// A run could not begin.
pub fn saturate(
    search: &Search,
    mut progress: impl FnMut(&Progress),
    mut told: impl FnMut(&Step),
) -> Result<Saturation, RunError> {
    let mut found = Saturation { sustained: None, not_sustained: None, steps: Vec::new() };
    while let Some(rate) = found.next(search) {
        let report = run(search.step(rate), &mut progress)?;
        let step = Step::new(rate, &report, search.p99_max);
        told(&step);
        let is_over = report.server_gone || search.options.stop.load(Relaxed);
        let goes_on = found.take(step);
        if is_over || !goes_on {
            break;
        }
    }
    Ok(found)
}

impl Search {
    fn step(&self, rate: u32) -> Options {
        let arrivals = Arrivals::Open { shape: Shape::Constant(rate), spacing: Spacing::Poisson };
        Options { arrivals, repeats: 1, ledger: None, ..self.options.clone() }
    }
}

impl Saturation {
    /// The rate of the next step; `None` when the search is over.
    fn next(&self, search: &Search) -> Option<u32> {
        if self.steps.len() >= STEPS_MAX {
            return None;
        }
        let rate = match (self.sustained, self.not_sustained) {
            (None, None) => f64::from(search.from),
            (Some(low), None) => f64::from(low) * search.factor,
            // Not even the first: down from there.
            (None, Some(high)) => f64::from(high) / search.factor,
            (Some(low), Some(high)) if f64::from(high) <= f64::from(low) * CLOSE => return None,
            (Some(low), Some(high)) => (f64::from(low) * f64::from(high)).sqrt(),
        };
        let rate = rate.round() as u32;
        let is_new = self.steps.iter().all(|step| step.rate != rate);
        (is_new && (1..=RATE_MAX).contains(&rate)).then_some(rate)
    }

    /// Takes a step in; false when the search ends with it.
    fn take(&mut self, step: Step) -> bool {
        let rate = step.rate;
        let goes_on = match step.verdict {
            Verdict::Sustained => {
                self.sustained = self.sustained.max(Some(rate));
                true
            }
            Verdict::NotSustained(_) => {
                self.not_sustained = Some(self.not_sustained.map_or(rate, |lowest| lowest.min(rate)));
                true
            }
            Verdict::GeneratorLate(_) => false,
        };
        self.steps.push(step);
        goes_on
    }

    /// What was found as one line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        // A struct of numbers and texts always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Step {
    fn new(rate: u32, report: &Report, p99_max: Duration) -> Self {
        let (p50_ms, p99_ms) = (report.latency_us.p50 / 1e3, report.latency_us.p99 / 1e3);
        let verdict = Verdict::of(report, p99_max);
        Self { rate, achieved: report.achieved_rate, p50_ms, p99_ms, verdict }
    }
}

impl Verdict {
    fn of(report: &Report, p99_max: Duration) -> Self {
        let late = report.late_sends as f64 / report.made.max(1) as f64;
        // Planned at random, as many are due as chance has it: what was due counts, not what the rate says.
        let achieved = report.achieved_rate / report.offered_rate.max(f64::MIN_POSITIVE);
        let p99_ms = report.latency_us.p99 / 1e3;
        let most_ms = p99_max.as_secs_f64() * 1e3;
        if report.server_gone {
            Self::NotSustained("the server went away".to_owned())
        } else if achieved < ACHIEVED_SHARE {
            Self::NotSustained(format!("{:.1} % of the planned bids were answered in time", 100.0 * achieved))
        } else if report.busy > 0 {
            Self::NotSustained(format!("{} answers BUSY", report.busy))
        } else if p99_ms > most_ms && late > LATE_SHARE_MAX {
            Self::GeneratorLate(format!("{:.1} % of the bids were sent late", 100.0 * late))
        } else if p99_ms > most_ms {
            Self::NotSustained(format!("p99 of {p99_ms:.1} ms, allowed are {most_ms} ms"))
        } else {
            Self::Sustained
        }
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let Self { rate, achieved, p50_ms, p99_ms, verdict } = self;
        let verdict = match verdict {
            Verdict::Sustained => "sustained".to_owned(),
            Verdict::NotSustained(why) => format!("not sustained: {why}"),
            Verdict::GeneratorLate(why) => format!("the generator did not keep up: {why}"),
        };
        write!(f, "{rate:>12} {achieved:>12.0} {p50_ms:>10.3} {p99_ms:>10.3}  {verdict}")
    }
}

impl Display for Saturation {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        writeln!(f, "{:>12} {:>12} {:>10} {:>10}", "planned/s", "answered/s", "p50 ms", "p99 ms")?;
        let mut steps: Vec<&Step> = self.steps.iter().collect();
        steps.sort_by_key(|step| step.rate);
        steps.into_iter().try_for_each(|step| writeln!(f, "{step}"))?;
        match (self.sustained, self.not_sustained) {
            (Some(low), Some(high)) => write!(f, "sustained: {low} bids/s; not any more: {high}"),
            (Some(low), None) => write!(f, "sustained: {low} bids/s at least: what is above was not seen"),
            (None, Some(high)) => write!(f, "not sustained: {high} bids/s, nor less as far as was tried"),
            (None, None) => write!(f, "nothing was found: the generator did not keep up"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search() -> Search {
        let options = Options::new(([127, 0, 0, 1], 7400).into());
        Search { options, from: 1_000, factor: 2.0, p99_max: Duration::from_millis(50) }
    }

    fn report(offered_rate: f64, achieved_rate: f64, p99_ms: f64, late_sends: u64) -> Report {
        let mut report = Report { offered_rate, achieved_rate, made: 1_000, late_sends, ..Report::default() };
        report.latency_us.p99 = p99_ms * 1e3;
        report
    }

    /// The rates of a search against a server that sustains `limit`.
    fn rates(limit: u32) -> (Vec<u32>, Saturation) {
        let mut found = Saturation { sustained: None, not_sustained: None, steps: Vec::new() };
        while let Some(rate) = found.next(&search()) {
            let report = report(f64::from(rate), f64::from(rate.min(limit)), 1.0, 0);
            if !found.take(Step::new(rate, &report, Duration::from_millis(50))) {
                break;
            }
        }
        (found.steps.iter().map(|step| step.rate).collect(), found)
    }

    #[test]
    fn the_limit_is_found_from_below_and_from_above() {
        for limit in [150, 1_000, 5_000, 77_777] {
            let (rates, found) = rates(limit);
            let (low, high) = (found.sustained.unwrap(), found.not_sustained.unwrap());
            // A server that answers nearly all that is asked counts as one that keeps up.
            let edge = f64::from(limit) / ACHIEVED_SHARE;
            assert!(f64::from(low) <= edge && edge <= f64::from(high) + 1.0, "{limit}: {low} {high}");
            assert!(f64::from(high) <= f64::from(low) * CLOSE + 1.0, "{limit}: {rates:?}");
            assert!(rates.len() < STEPS_MAX, "{rates:?}");
        }
        assert_eq!(rates(5_000).0[..4], [1_000, 2_000, 4_000, 8_000]);
    }

    #[test]
    fn what_speaks_against_a_step_is_said() {
        let verdict = |report: Report| Verdict::of(&report, Duration::from_millis(50));
        assert_eq!(verdict(report(1_000.0, 990.0, 50.0, 900)), Verdict::Sustained);
        let words = |report| format!("{:?}", verdict(report));
        assert!(words(report(1_000.0, 900.0, 1.0, 0)).contains("NotSustained(\"90.0 % of the planned bids"));
        assert!(
            words(report(1_000.0, 1_000.0, 51.0, 0))
                .contains("NotSustained(\"p99 of 51.0 ms, allowed are 50 ms")
        );
        assert!(words(report(1_000.0, 1_000.0, 51.0, 900)).contains("GeneratorLate(\"90.0 % of the bids"));
        assert!(words(Report { busy: 3, ..report(1_000.0, 1_000.0, 1.0, 0) }).contains("3 answers BUSY"));
        assert!(
            words(Report { server_gone: true, ..report(1_000.0, 1_000.0, 1.0, 0) }).contains("went away")
        );
    }

    #[test]
    fn a_generator_that_is_late_ends_the_search() {
        let mut found = Saturation { sustained: Some(500), not_sustained: None, steps: Vec::new() };
        let step = Step::new(1_000, &report(1_000.0, 1_000.0, 99.0, 999), Duration::from_millis(50));
        assert!(!found.take(step));
        assert!(found.to_string().contains("sustained: 500 bids/s at least"), "{found}");
        assert!(found.json().contains("\"verdict\":\"generator_late\""), "{}", found.json());
    }
}
