//! The engine's clock: the wall clock read once at the start, carried on by the monotonic clock.
//!
//! A step of the system clock therefore closes no auction and reopens none. How far the two have parted is reported, never
//! followed.

use gavel_core::Timestamp;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where time comes from. The engine reads the machine's; tests step their own.
pub trait TimeSource: Send + Sync + 'static {
    /// Microseconds since 1970-01-01T00:00:00Z by the system's clock, which may be stepped.
    fn wall_us(&self) -> u64;
    /// Microseconds since some fixed moment; never goes back.
    fn monotonic_us(&self) -> u64;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemTimeSource(Instant);

impl Default for SystemTimeSource {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl TimeSource for SystemTimeSource {
    fn wall_us(&self) -> u64 {
        // A system clock before 1970 reads as 1970.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| u64::try_from(d.as_micros()).unwrap_or(u64::MAX))
    }

    fn monotonic_us(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// The engine's clock. Cloned freely; all clones tell the same time.
#[derive(Clone)]
pub struct Clock {
    source: Arc<dyn TimeSource>,
    /// What is added to the monotonic clock, in microseconds.
    offset_us: u64,
}

impl Clock {
    /// A clock that starts at the source's wall time.
    #[must_use]
    pub fn new(source: Arc<dyn TimeSource>) -> Self {
        let offset_us = source.wall_us().saturating_sub(source.monotonic_us());
        Self { source, offset_us }
    }

    /// The machine's time.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Arc::new(SystemTimeSource::default()))
    }

    /// Now. Never goes back.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let micros = self.source.monotonic_us().saturating_add(self.offset_us);
        Timestamp::from_micros(micros).unwrap_or(Timestamp::MAX)
    }

    /// By how much the system's clock is ahead of (positive) or behind this one, in microseconds.
    #[must_use]
    pub fn drift_us(&self) -> i64 {
        let (wall, own) = (self.source.wall_us(), self.now().micros());
        let apart = i64::try_from(wall.abs_diff(own)).unwrap_or(i64::MAX);
        if wall >= own { apart } else { -apart }
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock").field("now", &self.now()).finish_non_exhaustive()
    }
}
