//! Goal: each kind of contestant can be driven, checked and ended by the comparison as it is run from the command line.
//!
//! Method: the real plan, with one entry of each kind and loads of a fraction of a second; the real servers. Where connections share an auction,
//! the check after the load also holds locks, scripts and batches to what an oracle computes. No figure is looked at but that there is one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "that is how a test fails")]

use gavel_benches::compare::{Entry, Plan, settings};
use gavel_benches::error::BenchError;
use gavel_benches::machine::Machine;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tempfile::TempDir;

/// The server, where the workspace build puts it: two folders above the running test.
fn gavel() -> PathBuf {
    let test = std::env::current_exe().expect("the running test has a path");
    let binary = test.ancestors().nth(2).expect("tests run from target/<profile>/deps").join("gavel");
    assert!(
        binary.is_file(),
        "{} is not built; run `cargo build --workspace --bins`, or ./test",
        binary.display()
    );
    binary
}

/// A plan, and the directory that all its data lies in.
fn plan(names: &[&str]) -> (Plan, TempDir) {
    let dir = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("a directory");
    // PostgreSQL runs as another user where the tests run as root, and has to get to its own directory inside.
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).expect("permissions");
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let plan = Plan {
        rounds: 1,
        time: Duration::from_millis(300),
        entries: Entry::named(&names).expect("names of entries"),
        server: gavel(),
        dir: dir.path().to_owned(),
        stop: Arc::default(),
    };
    (plan, dir)
}

/// What lies in the directory.
fn left_in(dir: &TempDir) -> Vec<PathBuf> {
    std::fs::read_dir(dir.path())
        .expect("the directory")
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

#[test]
fn every_kind_of_contestant_stores_what_it_acknowledges() {
    let names = [
        "hot/gavel-8x64",
        "uniform/redis-benchmark-50x1",
        "hot/redis-50x64",
        "zipf/postgres-8x1",
        "zipf/postgres-batch-8x1000",
        "disk-append-64",
        "disk-dsync-1",
    ];
    let (plan, dir) = plan(&names);
    let results = plan.run(|_| {}).expect("results");
    let lines = results.lines();
    assert_eq!(plan.entries.len(), names.len());
    assert_eq!(lines.len(), names.len());
    for line in &lines {
        assert!(line.rate.median > 0.0, "{line:?}");
    }
    assert_eq!(left_in(&dir), Vec::<PathBuf>::new());
    let (machine, out) = (Machine::look(dir.path()), dir.path().join("out"));
    results.write(&out, &machine, &settings(&plan).expect("settings")).expect("files");
    for file in ["compare.txt", "compare.md", "compare.json", "compare.svg"] {
        let content = std::fs::read_to_string(out.join(file)).expect(file);
        assert!(content.contains("postgres-batch-8x1000"), "{file}: {content}");
    }
}

#[test]
fn a_plan_that_is_stopped_ends_and_leaves_nothing() {
    let (mut plan, dir) = plan(&["uniform/postgres-1x1", "uniform/redis-64x1"]);
    plan.time = Duration::from_secs(3_600);
    let stop = Arc::clone(&plan.stop);
    // Before the first load begins: its servers are started all the same, and ended.
    let stopped = plan.run(|_| stop.store(true, Ordering::Relaxed));
    assert!(matches!(stopped, Err(BenchError::Stopped)), "{stopped:?}");
    assert_eq!(left_in(&dir), Vec::<PathBuf>::new());
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let (mut plan, _dir) = plan(&["hot/gavel-1x1"]);
    plan.server = PathBuf::from("/no/such/gavel");
    let error = plan.run(|_| {}).expect_err("no server").to_string();
    assert!(error.contains("hot/gavel-1x1") && error.contains("/no/such/gavel"), "{error}");
}
