//! `gavel log …`, run on a directory.

use crate::binaries;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// What a tool printed, and how it ended.
#[derive(Clone, Debug)]
pub struct Printed {
    /// Stdout.
    pub out: String,
    /// Stderr.
    pub err: String,
    /// The exit code.
    pub code: i32,
}

/// The command line of `gavel log` with these words, on a directory.
#[must_use]
pub fn command(data: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(binaries::gavel());
    command.arg("log").args(words).arg("--data").arg(data);
    command
}

/// Runs it.
#[must_use]
pub fn run(data: &Path, words: &[&str]) -> Printed {
    printed(&command(data, words).output().expect("gavel can be started"))
}

/// Runs `gavel log diff`, which names its directories itself.
#[must_use]
pub fn diff(a: &Path, b: &Path, more: &[&str]) -> Printed {
    let output = Command::new(binaries::gavel()).args(["log", "diff"]).args([a, b]).args(more).output();
    printed(&output.expect("gavel can be started"))
}

fn printed(output: &Output) -> Printed {
    Printed {
        out: String::from_utf8(output.stdout.clone()).expect("UTF-8"),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code().expect("it ends by itself"),
    }
}

/// Runs it; it must end with this exit code.
#[must_use]
pub fn expect(data: &Path, words: &[&str], code: i32) -> Printed {
    let printed = run(data, words);
    assert_eq!(printed.code, code, "{words:?}: {printed:?}");
    printed
}

/// Runs it with `--json`; it must end with this exit code.
#[must_use]
pub fn json(data: &Path, words: &[&str], code: i32) -> Value {
    let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
    let printed = expect(data, &words, code);
    serde_json::from_str(&printed.out).unwrap_or_else(|error| panic!("{words:?}: {error}: {printed:?}"))
}

/// The objects of an export.
#[must_use]
pub fn export(data: &Path, words: &[&str]) -> Vec<Value> {
    let words: Vec<&str> = std::iter::once("export").chain(words.iter().copied()).collect();
    let printed = expect(data, &words, 0);
    printed.out.lines().map(|line| serde_json::from_str(line).expect("one JSON object per line")).collect()
}
