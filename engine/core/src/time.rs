//! Time, as an argument. Nothing in this crate reads a clock.

use crate::limits::TIMESTAMP_MAX_US;
use std::num::NonZeroU64;

/// A point in time: microseconds since 1970-01-01T00:00:00Z, at most [`TIMESTAMP_MAX_US`]. One more than that inside, so that one
/// that may be absent takes no more room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(NonZeroU64);

const _: () = assert!(size_of::<Option<Timestamp>>() == 8);

/// A length of time in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u64);

impl Timestamp {
    /// The end of time: [`TIMESTAMP_MAX_US`].
    pub const MAX: Self = match Self::from_micros(TIMESTAMP_MAX_US) {
        Some(end) => end,
        None => Self(NonZeroU64::MIN),
    };

    /// `None` beyond [`TIMESTAMP_MAX_US`].
    #[must_use]
    pub const fn from_micros(micros: u64) -> Option<Self> {
        if micros > TIMESTAMP_MAX_US {
            return None;
        }
        match NonZeroU64::new(micros + 1) {
            Some(inside) => Some(Self(inside)),
            None => None,
        }
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0.get() - 1
    }

    /// This point later by `duration`, at most [`Timestamp::MAX`].
    #[must_use]
    pub const fn saturating_add(self, duration: Duration) -> Self {
        match Self::from_micros(self.micros().saturating_add(duration.0)) {
            Some(sum) => sum,
            None => Self::MAX,
        }
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// Whole days since 1970-01-01, UTC.
    #[must_use]
    pub const fn day(self) -> u64 {
        self.micros() / 86_400_000_000
    }
}

/// 1970-01-01T00:00:00Z.
impl Default for Timestamp {
    fn default() -> Self {
        Self(NonZeroU64::MIN)
    }
}

impl std::fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Timestamp({})", self.micros())
    }
}

/// RFC 3339 in UTC: `2026-11-22T10:00:00Z`, with six decimals where the second is not a whole one.
impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (seconds, micros) = (self.micros() / 1_000_000, self.micros() % 1_000_000);
        let (year, month, day) = crate::id::text::civil_from_days(self.day());
        let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if micros == 0 { f.write_str("Z") } else { write!(f, ".{micros:06}Z") }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_written_as_rfc_3339() {
        let text = |micros| Timestamp::from_micros(micros).unwrap().to_string();
        assert_eq!(text(0), "1970-01-01T00:00:00Z");
        assert_eq!(text(1_795_341_600_000_000), "2026-11-22T10:00:00Z");
        assert_eq!(text(1_795_341_600_000_042), "2026-11-22T10:00:00.000042Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T00:00:00Z");
    }
}
