//! Goal: the load generator's two commands agree with each other and with their exit codes: what `run` writes down, `verify`
//! finds, and what is not there it does not find.
//!
//! Method: the real binary, in short runs of every distribution, each verified; then a ledger against a server that never saw
//! its run, which must fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

use gavel_tests::{Options, Server, binaries};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

#[test]
fn runs_of_every_distribution_are_verified() {
    let server = Server::start(Options::new());
    let folder = tempfile::tempdir().unwrap();
    for distribution in ["uniform", "zipf", "hot", "sniping:1"] {
        let ledger = folder.path().join(distribution);
        let report = run(&server, &ledger, &["--distribution", distribution]);
        assert!(report["accepted"].as_u64() > Some(0), "{distribution}: {report}");
        let output = loadgen("verify", &server, &ledger, &["--wait-for-ends", "10s"]);
        let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{distribution}: {verdict}");
        assert_eq!(verdict["acked"], report["accepted"], "{distribution}: {verdict}");
    }
}

#[test]
fn bids_over_http_are_verified() {
    let server = Server::start(Options::new());
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("http");
    let http = server.http().to_string();
    for flags in [&["--distribution", "hot"][..], &["--pipeline", "4", "--rate", "2000"]] {
        let report = run(&server, &ledger, &[&["--http", &http], flags].concat());
        assert!(report["accepted"].as_u64() > Some(0) && report["lost_connections"] == 0, "{report}");
        let output = loadgen("verify", &server, &ledger, &[]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn an_open_loop_is_verified() {
    let server = Server::start(Options::new());
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("open");
    let report = run(&server, &ledger, &["--rate", "5000", "--poisson"]);
    assert!(report["accepted"].as_u64() > Some(0), "{report}");
    assert_eq!(loadgen("verify", &server, &ledger, &[]).status.code(), Some(0));
}

#[test]
fn a_server_that_never_saw_the_run_fails_the_verification() {
    let server = Server::start(Options::new());
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger");
    run(&server, &ledger, &[]);
    let stranger = Server::start(Options::new());
    let output = loadgen("verify", &stranger, &ledger, &[]);
    assert_eq!(output.status.code(), Some(1));
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(verdict["differences"]["missing"], verdict["acked"], "{verdict}");
}

/// Rule: a run that comes to nothing costs no earlier ledger; and a ledger without a promise proves nothing.
#[test]
fn a_run_that_never_began_leaves_the_ledger_before_it() {
    let server = Server::start(Options::new());
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger");
    run(&server, &ledger, &[]);
    let before = std::fs::read(&ledger).unwrap();
    let nobody = gavel_tests::server::unused_address().to_string();
    let flags = ["run", "--quiet", "--server", &nobody, "--reconnect-for", "100ms", "--ledger"];
    let failed = Command::new(binaries::loadgen()).args(flags).arg(&ledger).output().unwrap();
    assert_eq!(failed.status.code(), Some(1), "{}", String::from_utf8_lossy(&failed.stderr));
    assert!(std::fs::read(&ledger).unwrap() == before, "the ledger before it was changed");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "something is left");
    std::fs::write(&ledger, &before[..8]).unwrap();
    let output = loadgen("verify", &server, &ledger, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing to verify"), "{output:?}");
}

fn run(server: &Server, ledger: &Path, flags: &[&str]) -> Value {
    let workload = ["--duration", "1s", "--auctions", "100", "--retry-ids", "0.5"];
    let output = loadgen("run", server, ledger, &[&workload, flags].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn loadgen(command: &str, server: &Server, ledger: &Path, flags: &[&str]) -> Output {
    Command::new(binaries::loadgen())
        .args([command, "--json", "--quiet", "--server", &server.address().to_string()])
        .arg("--ledger")
        .arg(ledger)
        .args(flags)
        .output()
        .unwrap()
}
