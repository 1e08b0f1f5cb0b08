//! Times as text: RFC 3339, written in UTC with as many digits of the second as are needed, at most six.

use gavel_core::Timestamp;
use std::fmt::{Display, Formatter, Result as FmtResult};

/// What a text that is no time is told.
pub const TIME_MUST: &str =
    "must be a time as RFC 3339 has it, such as 2026-11-22T09:00:00Z, not before 1970";

/// The time that the text spells, with any offset. What is finer than a microsecond is cut off. `None` when it is not one.
#[must_use]
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Timestamp::from_micros(u64::try_from(time.as_microsecond()).ok()?)
}

/// Writes a time.
#[derive(Clone, Copy, Debug)]
pub struct Rfc3339(pub Timestamp);

impl Display for Rfc3339 {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        // By the civil calendar, which reaches as far as `Timestamp::MAX`; jiff's own instants stop a day before it.
        let since_epoch =
            jiff::SignedDuration::from_micros(i64::try_from(self.0.micros()).unwrap_or(i64::MAX));
        let civil = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0).saturating_add(since_epoch);
        write!(f, "{civil}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc_with_the_digits_they_need() {
        for (text, written) in [
            ("2026-11-22T09:00:00Z", "2026-11-22T09:00:00Z"),
            ("2026-11-22T18:00:00+09:00", "2026-11-22T09:00:00Z"),
            ("2026-11-22T09:00:00.5Z", "2026-11-22T09:00:00.5Z"),
            ("2026-11-22T09:00:00.123456789Z", "2026-11-22T09:00:00.123456Z"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(Rfc3339(parse_time(text).unwrap()).to_string(), written);
        }
        assert_eq!(Rfc3339(Timestamp::MAX).to_string(), "9999-12-31T00:00:00Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for wrong in [
            "",
            "now",
            "60s",
            "2026-11-22",
            "2026-11-22T09:00:00",
            "1969-12-31T23:59:59Z",
            "2026-13-01T00:00:00Z",
        ] {
            assert_eq!(parse_time(wrong), None, "{wrong}");
        }
    }
}
