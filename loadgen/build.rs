//! Tells the crate which commit it is built from, where it is built in a git checkout: `GAVEL_COMMIT`, with `+` when tracked
//! files of the load generator differ from it. Outside a checkout, or without git, nothing is told.

use std::process::Command;

fn main() {
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).map(|head| {
        let is_changed = git(&["status", "--porcelain", "--untracked-files=no", "--", "."]);
        if is_changed.is_none_or(|changed| changed.is_empty()) { head } else { format!("{head}+") }
    });
    put(&format!("cargo::rustc-env=GAVEL_COMMIT={}", commit.unwrap_or_default()));
    put("cargo::rerun-if-changed=src");
    put("cargo::rerun-if-changed=Cargo.toml");
    // Every commit and every checkout is written to this file.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        put(&format!("cargo::rerun-if-changed={log}"));
    }
}

fn put(line: &str) {
    println!("{line}");
}

fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
