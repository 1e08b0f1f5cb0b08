//! The engine's settings, with meaning, unit, default and bounds of each.

use crate::clock::Clock;
use crate::limits::{
    CONNECTION_CREDIT_DEFAULT, CONNECTION_CREDIT_MAX, CREDIT_DEFAULT, CREDIT_MAX, PULSE_GRACE_MS_DEFAULT,
    PULSE_GRACE_MS_MAX, THREADS_MAX,
};
use gavel_core::Duration;
use gavel_core::limits::SHARDS_MAX;
use std::path::PathBuf;

/// The engine's settings.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Shards of a new data directory, 1 ..= 256. One that exists keeps its own. Default: the cores, at least 2.
    pub shards: usize,
    /// Threads that the shards share, 1 ..= 64. Default: half the cores, at least 1: the log thread, the sessions and whoever
    /// asks need the rest.
    pub threads: usize,
    /// Commands that may be under way in the process, 1 ..= 262,144.
    pub credit: usize,
    /// Commands of one connection that may be under way, 1 ..= 65,536 and at most `credit`.
    pub connection_credit: usize,
    /// How long after an auction's time it is decided, so that bids stamped before it can still arrive. At most 1 s.
    pub pulse_grace: Duration,
    /// What is done for auctions that an outage has cost time.
    pub outage: OutagePolicy,
    /// Auctions that would have ended up to this long after the outage are given time, too. Default: 300 s.
    pub outage_window: Duration,
    /// The file that the feed's named consumers are kept in. Default: none; they are known until the engine stops.
    pub consumers: Option<PathBuf>,
    /// The engine's clock.
    pub clock: Clock,
}

/// What is done for auctions that would have ended during an outage or shortly after it. Decided before any pulse, logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutagePolicy {
    /// Each gets as much time as the outage took.
    GiveBack,
    /// Each ends this long after the start, at the earliest.
    Fixed(Duration),
    /// Nothing.
    Off,
}

impl Default for EngineOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            shards: cores.clamp(2, SHARDS_MAX),
            threads: (cores / 2).clamp(1, THREADS_MAX),
            credit: CREDIT_DEFAULT,
            connection_credit: CONNECTION_CREDIT_DEFAULT,
            pulse_grace: Duration::from_micros(PULSE_GRACE_MS_DEFAULT * 1_000),
            outage: OutagePolicy::GiveBack,
            outage_window: Duration::from_secs(300),
            consumers: None,
            clock: Clock::system(),
        }
    }
}

/// A setting out of its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be {min} ..= {max}, not {value}")]
pub struct OptionsError {
    /// The setting.
    pub name: &'static str,
    /// What it was.
    pub value: u64,
    /// The least allowed.
    pub min: u64,
    /// The most allowed.
    pub max: u64,
}

impl EngineOptions {
    /// # Errors
    /// The first setting out of its bounds.
    pub fn check(&self) -> Result<(), OptionsError> {
        let within = |name, value: usize, max: usize| check(name, value as u64, 1, max as u64);
        within("shards", self.shards, SHARDS_MAX)?;
        within("threads", self.threads, THREADS_MAX)?;
        within("credit", self.credit, CREDIT_MAX)?;
        within("connection credit", self.connection_credit, CONNECTION_CREDIT_MAX.min(self.credit))?;
        check("pulse grace in ms", self.pulse_grace.micros() / 1_000, 0, PULSE_GRACE_MS_MAX)
    }
}

fn check(name: &'static str, value: u64, min: u64, max: u64) -> Result<(), OptionsError> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(OptionsError { name, value, min, max }) }
}
