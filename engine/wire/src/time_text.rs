//! Times as clients write them: RFC 3339 with any offset. (Written they are by their `Display`, in UTC.)

use gavel_core::Timestamp;

/// What a text that is no time is told.
pub const TIME_MUST: &str =
    "must be a time as RFC 3339 has it, such as 2026-11-22T09:00:00Z, not before 1970";

/// The time that the text spells, with any offset. What is finer than a microsecond is cut off. `None` when it is not one.
#[must_use]
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Timestamp::from_micros(u64::try_from(time.as_microsecond()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_any_offset_and_cut_to_microseconds() {
        for (text, written) in [
            ("2026-11-22T09:00:00Z", "2026-11-22T09:00:00Z"),
            ("2026-11-22T18:00:00+09:00", "2026-11-22T09:00:00Z"),
            ("2026-11-22T09:00:00.5Z", "2026-11-22T09:00:00.500000Z"),
            ("2026-11-22T09:00:00.123456789Z", "2026-11-22T09:00:00.123456Z"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(parse_time(text).unwrap().to_string(), written);
        }
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
