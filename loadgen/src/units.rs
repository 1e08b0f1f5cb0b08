//! Time as the generator reads it, and the text forms of durations and times.
//!
//! **Invariant:** wall-clock times come from one reading at the start, carried on by the monotonic clock, so that times
//! within a run never go back.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A clock that was set once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_us: u64,
}

impl Clock {
    /// A clock set by the system's, now.
    pub(crate) fn start() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), started_us: since_1970.as_micros() as u64 }
    }

    /// Nanoseconds since the clock was set.
    pub(crate) fn elapsed_ns(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    /// Microseconds since 1970 at so many nanoseconds after the clock was set.
    pub(crate) fn wall_us(&self, elapsed_ns: u64) -> u64 {
        self.started_us + elapsed_ns / 1_000
    }

    /// Microseconds since 1970, now.
    pub(crate) fn now_us(&self) -> u64 {
        self.wall_us(self.elapsed_ns())
    }
}

/// Reads a duration such as `30s`, `250ms`, `5m`, `2h`; a bare number counts seconds.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err(format!("`{text}` is no duration: write 250ms, 30s, 5m or 2h")),
    };
    match number.parse::<f64>().map(|number| Duration::try_from_secs_f64(number * scale)) {
        Ok(Ok(duration)) => Ok(duration),
        _ => Err(format!("`{text}` is no duration: write 250ms, 30s, 5m or 2h")),
    }
}

/// The RFC 3339 text of a time in microseconds since 1970.
pub(crate) fn time_text(at_us: u64) -> String {
    jiff::Timestamp::from_microsecond(at_us as i64)
        .map_or_else(|_| format!("{at_us} us"), |time| time.to_string())
}

/// Microseconds since 1970 of an RFC 3339 text; `None` when it is none, or before 1970.
pub(crate) fn parse_time(text: &str) -> Option<u64> {
    u64::try_from(text.parse::<jiff::Timestamp>().ok()?.as_microsecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        for (text, millis) in
            [("250ms", 250), ("30s", 30_000), ("1.5", 1_500), ("5m", 300_000), ("2h", 7_200_000)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for wrong in ["", "s", "5 s", "-1s", "1e9", "1d", "..s", "99999999999999999999h"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        let at_us = 1_795_392_000_123_456;
        assert_eq!(time_text(at_us), "2026-11-23T00:00:00.123456Z");
        assert_eq!(parse_time(&time_text(at_us)), Some(at_us));
        assert_eq!(parse_time("2026-11-23T09:00:00+09:00"), Some(1_795_392_000_000_000));
        assert_eq!(parse_time("yesterday"), None);
    }
}
