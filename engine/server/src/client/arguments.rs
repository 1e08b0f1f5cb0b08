//! Values as people write them: durations, times, amounts, tables of increments, JSON inline or from a file.

use gavel_core::limits::AMOUNT_MAX;
use gavel_core::{Amount, Currency, Timestamp};
use gavel_wire::time_text::{TIME_MUST, parse_time};
use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde_json::{Value, json};
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

/// The longest time that can be given: 366 days.
const DURATION_MAX_S: i64 = 366 * 86_400;

/// `10m`, `2h30m`, `7d`: whole seconds, at most 366 days.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "a time such as 90s, 10m, 2h30m or 7d, in whole seconds, at most 366 days".to_owned();
    let span: Span = text.parse().map_err(|_| wrong())?;
    let length: SignedDuration =
        span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    let whole = length.subsec_nanos() == 0 && (0..=DURATION_MAX_S).contains(&length.as_secs());
    if whole { length.try_into().map_err(|_| wrong()) } else { Err(wrong()) }
}

/// RFC 3339, or `+10m`: so much from now on, by this machine's clock.
pub(super) fn when(text: &str) -> Result<Timestamp, String> {
    match text.strip_prefix('+') {
        Some(length) => Ok(from_now(seconds(length)?)),
        None => parse_time(text).ok_or_else(|| format!("a time from now such as +10m; or it {TIME_MUST}")),
    }
}

/// So much later than now, by this machine's clock.
fn from_now(length: Duration) -> Timestamp {
    later(now(), length)
}

/// So much later.
pub(super) fn later(time: Timestamp, length: Duration) -> Timestamp {
    time.saturating_add(gavel_core::Duration::from_secs(length.as_secs()))
}

/// Now, by this machine's clock.
pub(super) fn now() -> Timestamp {
    let micros = u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap_or(0);
    Timestamp::from_micros(micros).unwrap_or(Timestamp::MAX)
}

/// What somebody pays: at least 1.
pub(super) fn amount(text: &str) -> Result<Amount, String> {
    let amount = text.parse().ok().and_then(Amount::new).filter(|amount| *amount > Amount::ZERO);
    amount.ok_or_else(|| {
        format!("an integer of the currency's minor unit (cents, not euros), 1 ..= {AMOUNT_MAX}")
    })
}

/// Three letters, in either case.
pub(super) fn currency(text: &str) -> Result<Currency, String> {
    let code = <[u8; 3]>::try_from(text.to_ascii_uppercase().as_bytes()).ok().and_then(Currency::new);
    code.ok_or_else(|| "three letters of ISO 4217 such as KRW".to_owned())
}

/// `0:100,10000:500`: from which price on which step.
pub(super) fn increments(text: &str) -> Result<Value, String> {
    let wrong = || "a table FROM:STEP,FROM:STEP,… such as 0:100,10000:500, ascending from 0".to_owned();
    let row = |row: &str| {
        let (from, step) = row.split_once(':')?;
        Some(json!({ "from": from.parse::<u64>().ok()?, "step": step.parse::<u64>().ok()? }))
    };
    let rows: Option<Vec<Value>> = text.split(',').map(row).collect();
    rows.map(Value::Array).ok_or_else(wrong)
}

/// A JSON object.
pub(super) fn object(text: &str) -> Result<Box<serde_json::value::RawValue>, String> {
    let is_object = matches!(serde_json::from_str(text), Ok(Value::Object(_)));
    let raw = if is_object { serde_json::from_str(text).ok() } else { None };
    raw.ok_or_else(|| r#"a JSON object such as {"title": "A vase"}"#.to_owned())
}

/// The JSON object in a file; `-` is stdin.
///
/// # Errors
/// In words, with the file's name.
pub(super) fn object_in(file: &Path) -> Result<Box<serde_json::value::RawValue>, String> {
    let name = file.display();
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().take(READ_BYTES_MAX).read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::File::open(file).and_then(|file| {
            let mut text = String::new();
            file.take(READ_BYTES_MAX).read_to_string(&mut text).map(|_| text)
        })
    };
    let text = text.map_err(|problem| format!("{name} can't be read: {problem}"))?;
    object(text.trim()).map_err(|must| format!("{name} must hold {must}"))
}

/// More than any details may have; the server says what is too much.
const READ_BYTES_MAX: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, expected) in [
            ("0s", 0),
            ("90s", 90),
            ("10m", 600),
            ("2h30m", 9_000),
            ("1h 30m", 5_400),
            ("7d", 604_800),
            ("1 week", 604_800),
            ("PT10M", 600),
            ("366d", 366 * 86_400),
        ] {
            assert_eq!(seconds(text), Ok(Duration::from_secs(expected)), "{text}");
        }
        for wrong in ["", "10", "m", "-5m", "1.5s", "500ms", "367d", "1mo", "soon"] {
            assert!(seconds(wrong).unwrap_err().starts_with("a time such as 90s"), "{wrong}");
        }
    }

    #[test]
    fn times_are_absolute_or_from_now() {
        assert_eq!(when("2026-11-22T19:00:00+09:00").unwrap().to_string(), "2026-11-22T10:00:00Z");
        let (before, read, after) = (now(), when("+10m").unwrap(), now());
        let ahead = |time| later(time, Duration::from_secs(600));
        assert!(ahead(before) <= read && read <= ahead(after));
        for wrong in ["10m", "2026-11-22", "+", "+1x", ""] {
            assert!(when(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn amounts_are_integers_of_the_minor_unit() {
        assert_eq!(amount("10600").unwrap().get(), 10_600);
        assert_eq!(amount("9007199254740991").unwrap(), Amount::MAX);
        for wrong in ["0", "-1", "106.00", "9007199254740992", "x", ""] {
            assert!(amount(wrong).unwrap_err().contains("cents, not euros"), "{wrong}");
        }
    }

    #[test]
    fn tables_and_objects_are_read() {
        let table = increments("0:100,10000:500").unwrap();
        assert_eq!(table.to_string(), r#"[{"from":0,"step":100},{"from":10000,"step":500}]"#);
        for wrong in ["", "100", "0:100,", "0:x", "0:1;2:3"] {
            assert!(increments(wrong).is_err(), "{wrong}");
        }
        assert_eq!(object(r#"{"b": 1, "a": 1.50}"#).unwrap().get(), r#"{"b": 1, "a": 1.50}"#);
        for wrong in ["", "[]", "5", "{"] {
            assert!(object(wrong).is_err(), "{wrong}");
        }
        assert_eq!(currency("krw").unwrap().to_string(), "KRW");
        assert!(currency("KR").is_err() && currency("WONS").is_err());
    }
}
