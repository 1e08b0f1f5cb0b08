//! Waiting for a condition: ask until it holds, and fail at the end of patience.

use std::time::{Duration, Instant};

/// How long anything may take before its test fails. Generous, as it decides nothing but how soon a hang is reported.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(5);

/// Asks until there is an answer.
///
/// # Panics
/// When there is none within [`PATIENCE`]; `what` says what was waited for.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let give_up_at = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < give_up_at, "waited {PATIENCE:?} in vain for {what}");
        std::thread::sleep(PAUSE);
    }
}
