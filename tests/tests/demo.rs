//! Goal: the first thing a stranger runs works: `gavel demo` ends with its verdict.
//!
//! Method: the demo, in short, with its report in JSON; the killed engine, the recovery and the verdict must all be there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

use gavel_tests::binaries;
use std::process::Command;

#[test]
fn the_demo_kills_its_engine_recovers_and_ends_with_a_clean_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(binaries::gavel())
        .args(["demo", "--seconds", "3", "--data"])
        .arg(folder.path().join("data"))
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    for word in ["killed", "recovered", "nothing acknowledged is missing"] {
        assert!(said.contains(word), "{word:?} is missing in:\n{said}");
    }
}
