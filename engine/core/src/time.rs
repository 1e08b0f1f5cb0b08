//! Time, as an argument. Nothing in this crate reads a clock.

use crate::limits::TIMESTAMP_MAX_US;

/// A point in time: microseconds since 1970-01-01T00:00:00Z, at most [`TIMESTAMP_MAX_US`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

/// A length of time in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u64);

impl Timestamp {
    /// The end of time: [`TIMESTAMP_MAX_US`].
    pub const MAX: Self = Self(TIMESTAMP_MAX_US);

    /// `None` beyond [`TIMESTAMP_MAX_US`].
    #[must_use]
    pub const fn from_micros(micros: u64) -> Option<Self> {
        if micros <= TIMESTAMP_MAX_US { Some(Self(micros)) } else { None }
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// This point later by `duration`, at most [`Timestamp::MAX`].
    #[must_use]
    pub const fn saturating_add(self, duration: Duration) -> Self {
        let sum = self.0.saturating_add(duration.0);
        if sum <= TIMESTAMP_MAX_US { Self(sum) } else { Self::MAX }
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }

    /// Whole days since 1970-01-01, UTC.
    #[must_use]
    pub const fn day(self) -> u64 {
        self.0 / 86_400_000_000
    }
}

impl Duration {
    /// No time.
    pub const ZERO: Self = Self(0);

    /// A duration of so many microseconds.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// A duration of so many seconds; saturates at what 64 bits of microseconds hold.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// The count of microseconds.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }
}

/// When a command was received, and when the shard decided it. Both by the engine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When the session had read the whole command. This is the time the rules go by.
    pub received: Timestamp,
    /// When the shard took it up. For the record only; no rule looks at it.
    pub decided: Timestamp,
}

impl Stamp {
    /// A command received and decided at the same moment (the engine's own commands, tests).
    #[must_use]
    pub const fn at(now: Timestamp) -> Self {
        Self { received: now, decided: now }
    }
}
