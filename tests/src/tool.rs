//! `gavel …` with any words, run to its end.

use crate::binaries;
use crate::log_tool::Printed;
use serde_json::Value;
use std::process::{Command, Stdio};

/// The command line of `gavel` with these words, separated by spaces.
#[must_use]
pub fn command(words: &str) -> Command {
    let mut command = Command::new(binaries::gavel());
    command.args(words.split_ascii_whitespace()).stdin(Stdio::null());
    command
}

/// Runs it.
#[must_use]
pub fn run(words: &str) -> Printed {
    let output = command(words).output().expect("gavel can be started");
    Printed {
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
        code: output.status.code().expect("an exit code"),
    }
}

/// Runs it and demands an exit code.
///
/// # Panics
/// When it ends with another.
#[must_use]
pub fn expect(words: &str, code: i32) -> Printed {
    let printed = run(words);
    assert_eq!(printed.code, code, "gavel {words}: {printed:?}");
    printed
}

/// Runs it with `--json`, demands an exit code, and reads each line.
#[must_use]
pub fn json(words: &str, code: i32) -> Vec<Value> {
    let printed = expect(&format!("{words} --json"), code);
    printed.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}
