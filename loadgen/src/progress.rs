//! How a run is going, and how that is shown: one line that is written over on a terminal, a line every few seconds elsewhere.

use crate::drive::{Plot, Stats};
use crate::latency::Quantiles;
use crate::options::Options;
use crate::report::Point;
use crate::series::Recorder;
use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Auctions are being opened: so many of so many.
    Opening {
        /// How many are.
        done: u64,
        /// How many there will be.
        of: u64,
    },
    /// Bids are being made that do not count.
    WarmingUp,
    /// Bids are being made.
    Bidding,
    /// The last answers are waited for.
    Draining,
    /// It is over.
    Done,
}

/// How a run is going.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Where it is.
    pub phase: Phase,
    /// Which run this is: `1 ..= repeats`.
    pub repeat: u32,
    /// How many runs there will be.
    pub repeats: u32,
    /// Since bidding began.
    pub elapsed: Duration,
    /// How long bidding is to last.
    pub duration: Duration,
    /// Bids accepted so far.
    pub accepted: u64,
    /// Bids refused so far.
    pub refused: u64,
    /// Bids accepted per second, over the last second or so.
    pub accepted_rate: f64,
    /// Latencies of the bids answered since the last time, in microseconds.
    pub latency_us: Quantiles,
    /// Connections that are up.
    pub connections_up: u32,
    /// Connections that there should be.
    pub connections: u32,
}

impl Progress {
    pub(crate) fn opening(done: u64, of: u64, options: &Options) -> Self {
        Self {
            phase: Phase::Opening { done, of },
            repeat: 1,
            repeats: 1,
            elapsed: Duration::ZERO,
            duration: options.bidding(),
            accepted: 0,
            refused: 0,
            accepted_rate: 0.0,
            latency_us: Quantiles::default(),
            connections_up: 0,
            connections: options.connections,
        }
    }
}

/// A rate is taken over at least this time: workers hand their counts over in portions, and a shorter time would see one
/// portion more or less.
const RATE_OVER_NS: u64 = 1_000_000_000;

/// Turns the workers' counts into progress.
pub(crate) struct Meter<'a> {
    plot: &'a Plot,
    recorder: Recorder,
    accepted_total: u64,
    refused_total: u64,
    /// When so many bids were accepted, from about [`RATE_OVER_NS`] ago on.
    accepted: VecDeque<(u64, u64)>,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(plot: &'a Plot) -> Self {
        Self {
            plot,
            recorder: Recorder::new(plot.grid),
            accepted_total: 0,
            refused_total: 0,
            accepted: VecDeque::from([(plot.clock.elapsed_ns(), 0)]),
        }
    }

    /// What has happened since the last reading.
    pub(crate) fn read(&mut self) -> Progress {
        let now_ns = self.plot.clock.elapsed_ns();
        let latest = self.recorder.take(&self.plot.shared, now_ns);
        self.accepted_total += latest.tally.accepted();
        self.refused_total += latest.tally.total() - latest.tally.accepted();
        let accepted = self.accepted_total;
        let accepted_rate = self.rate(now_ns, accepted);
        Progress {
            phase: match now_ns {
                _ if now_ns < self.plot.grid.measured_ns => Phase::WarmingUp,
                _ if now_ns < self.plot.end_ns => Phase::Bidding,
                _ => Phase::Draining,
            },
            repeat: 1,
            repeats: 1,
            elapsed: Duration::from_nanos(now_ns.saturating_sub(self.plot.begin_ns)),
            duration: self.plot.options.bidding(),
            accepted,
            refused: self.refused_total,
            accepted_rate,
            latency_us: latest.latencies.quantiles(),
            connections_up: self.plot.shared.up(),
            connections: self.plot.options.connections,
        }
    }

    /// Bids accepted per second over the last second or so.
    fn rate(&mut self, now_ns: u64, accepted: u64) -> f64 {
        self.accepted.push_back((now_ns, accepted));
        while self.accepted.get(1).is_some_and(|(at_ns, _)| now_ns - at_ns >= RATE_OVER_NS) {
            self.accepted.pop_front();
        }
        let (then_ns, before) = self.accepted.front().copied().unwrap_or((now_ns, accepted));
        (accepted - before) as f64 * 1e9 / (now_ns - then_ns).max(1) as f64
    }

    /// All that was counted, and the series up to this time.
    pub(crate) fn finish(mut self, ended_ns: u64) -> (Stats, Vec<Point>) {
        self.recorder.take(&self.plot.shared, ended_ns);
        self.recorder.finish(ended_ns)
    }
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.repeats > 1 {
            write!(f, "run {} of {} | ", self.repeat, self.repeats)?;
        }
        if let Phase::Opening { done, of } = self.phase {
            return write!(f, "opening auctions: {done} of {of}");
        }
        let Quantiles { p50, p99, .. } = self.latency_us;
        write!(
            f,
            "{:5.1} s of {} s | {:>9.0} bids/s | p50 {:.2} ms p99 {:.2} ms | accepted {} refused {}",
            self.elapsed.as_secs_f64(),
            self.duration.as_secs_f64(),
            self.accepted_rate,
            p50 / 1e3,
            p99 / 1e3,
            self.accepted,
            self.refused
        )?;
        match (self.connections_up, self.phase) {
            (up, Phase::Bidding | Phase::WarmingUp) if up < self.connections => {
                write!(f, " | {up} of {} connections", self.connections)
            }
            (_, Phase::WarmingUp) => f.write_str(" | warming up"),
            (_, Phase::Draining) => f.write_str(" | waiting for the last answers"),
            _ => Ok(()),
        }
    }
}

/// Shows progress on standard error.
#[derive(Debug)]
pub struct ProgressLine {
    is_terminal: bool,
    quiet: bool,
    shown: Option<Instant>,
}

/// Elsewhere than on a terminal, a line is written this often.
const PLAIN_EVERY: Duration = Duration::from_secs(2);

impl ProgressLine {
    /// A line that shows nothing when `quiet`.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        Self { is_terminal: std::io::stderr().is_terminal(), quiet, shown: None }
    }

    /// Shows it, if it is time to.
    pub fn show(&mut self, progress: &Progress) {
        let is_due = self.is_terminal || self.shown.is_none_or(|shown| shown.elapsed() >= PLAIN_EVERY);
        if self.quiet || (!is_due && progress.phase != Phase::Done) {
            return;
        }
        self.shown = Some(Instant::now());
        let mut stderr = std::io::stderr().lock();
        // Where nobody can be told, the run goes on all the same.
        let _told = match (self.is_terminal, progress.phase) {
            (true, Phase::Done) => writeln!(stderr, "\r\x1b[2K{progress}"),
            (true, _) => write!(stderr, "\r\x1b[2K{progress}").and_then(|()| stderr.flush()),
            (false, _) => writeln!(stderr, "{progress}"),
        };
    }
}
