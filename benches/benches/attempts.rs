//! What the journal of refused commands costs: bids decided a second in this process, on a log with its `fdatasync`, with the journal and
//! without, when none, half and nearly all of the bids are refused.
//!
//! Both are run in turn, round by round, so that what drifts on the machine drifts for both. Printed are the medians, and the median
//! of the rounds' ratios: 1.00 is a journal that costs nothing.

use gavel_benches::error::BenchError;
use gavel_benches::in_process::{Outcome, Refusals, run_refusing};
use gavel_benches::spread::Spread;
use std::io::Write as _;
use std::time::Duration;

const ROUNDS: usize = 7;
const SECONDS: u64 = 3;
const PERCENTS: [u64; 3] = [0, 50, 95];

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    say("refused  without /s    with /s   ratio  (least to greatest)   written of refused")?;
    for percent in PERCENTS {
        let mut rounds = Vec::new();
        for round in 0..ROUNDS {
            rounds.push(both(percent, round % 2 == 0)?);
        }
        say(&line(percent, &rounds).ok_or("nothing was measured")?)?;
    }
    Ok(())
}

/// One run without and one with the journal. Which is first changes, as the second finds a disk that is busier.
fn both(percent: u64, without_first: bool) -> Result<[Outcome; 2], BenchError> {
    let run = |journal| {
        let below = std::env::temp_dir();
        run_refusing(&below, Duration::from_secs(SECONDS), Refusals { percent, journal })
    };
    if without_first {
        Ok([run(false)?, run(true)?])
    } else {
        let with = run(true)?;
        Ok([run(false)?, with])
    }
}

fn line(percent: u64, rounds: &[[Outcome; 2]]) -> Option<String> {
    let rates = |which: usize| rounds.iter().map(|round| rate(&round[which])).collect::<Vec<_>>();
    let (without, with) = (rates(0), rates(1));
    let ratios: Vec<f64> = without.iter().zip(&with).map(|(without, with)| with / without).collect();
    let ratio = Spread::of(&ratios)?;
    let refused: u64 = rounds.iter().map(|round| round[1].refused).sum();
    let written: u64 = rounds.iter().map(|round| round[1].journaled).sum();
    Some(format!(
        "{percent:>5} %  {:>11.0} {:>10.0}   {:>5.3}  ({:.3} to {:.3})        {written} of {refused}",
        Spread::of(&without)?.median,
        Spread::of(&with)?.median,
        ratio.median,
        ratio.min,
        ratio.max,
    ))
}

/// Bids decided a second, refused ones included.
fn rate(outcome: &Outcome) -> f64 {
    (outcome.accepted + outcome.refused) as f64 / outcome.time.as_secs_f64()
}

fn say(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}")
}
