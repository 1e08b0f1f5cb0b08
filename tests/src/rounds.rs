//! How often a suite repeats itself.

/// `base` rounds, times the environment's `GAVEL_TEST_ROUNDS` where it is set (`./test --long` sets it to 10).
#[must_use]
pub fn rounds(base: u32) -> u32 {
    let factor = match std::env::var("GAVEL_TEST_ROUNDS") {
        Ok(text) => text.parse().expect("GAVEL_TEST_ROUNDS is a whole number"),
        Err(_) => 1,
    };
    base * factor
}
