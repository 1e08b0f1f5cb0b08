//! Numbers for people: three digits, with the unit that fits.

/// A count or a rate: `950`, `12.3 k`, `1.23 M`.
pub(crate) fn count(value: f64) -> String {
    match value.abs() {
        size if size >= 999_500_000.0 => format!("{} G", three(value / 1e9)),
        size if size >= 999_500.0 => format!("{} M", three(value / 1e6)),
        size if size >= 9_999.5 => format!("{} k", three(value / 1e3)),
        size if size >= 1_000.0 => format!("{value:.0}"),
        _ => three(value),
    }
}

/// A time in microseconds: `870 µs`, `1.23 ms`, `2.5 s`.
pub(crate) fn micros(value: f64) -> String {
    match value.abs() {
        size if size >= 999_500.0 => format!("{} s", three(value / 1e6)),
        size if size >= 999.5 => format!("{} ms", three(value / 1e3)),
        _ => format!("{} µs", three(value)),
    }
}

/// Seconds on an axis.
pub(crate) fn seconds(value: f64) -> String {
    format!("{} s", three(value))
}

/// Three digits, without zeros that say nothing.
pub(crate) fn three(value: f64) -> String {
    let text = match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_a_unit_that_fits() {
        for (value, text) in
            [(0.0, "0"), (950.0, "950"), (1_234.0, "1234"), (12_345.0, "12.3 k"), (999_600.0, "1 M")]
        {
            assert_eq!(count(value), text);
        }
        for (value, text) in
            [(0.5, "0.5 µs"), (870.4, "870 µs"), (1_234.0, "1.23 ms"), (2_500_000.0, "2.5 s")]
        {
            assert_eq!(micros(value), text);
        }
        assert_eq!(seconds(-1.25), "-1.25 s");
    }
}
