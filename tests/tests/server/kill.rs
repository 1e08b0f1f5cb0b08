//! Goal: a server that is killed in the midst of a load run has, when it is back, everything that it acknowledged, and every
//! auction is what its bids make it.
//!
//! Method: the load generator with its ledger, SIGKILL at a different point in each round, a start on the same data, and the
//! generator's own verification: every acknowledged bid is asked for again, every auction computed anew from the
//! ledger. In the second test the run goes on over the kills, on its own, by sending bids of unknown fate again.

use gavel_loadgen::verify::Verdict;
use gavel_loadgen::{Report, VerifyOptions, verify};
use gavel_tests::server::unused_address;
use gavel_tests::{Client, Options, Server, rounds, wait};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

#[test]
fn a_kill_in_the_midst_of_load_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let ledgers: Vec<PathBuf> =
        (0..rounds(10)).map(|round| folder.path().join(format!("{round}.ledger"))).collect();
    let mut server = Server::start(Options::new());
    for (round, ledger) in (0..).zip(&ledgers) {
        let before = bids(&mut server.connect());
        let load = Load::start(server.address(), round, ledger, ONE_LIFE);
        wait_for_bids(&server, before + kill_after(round));
        server.kill9();
        let report = load.end();
        assert!(report.lost_connections > 0, "the kill must come in the midst of the run: {report}");
        server.restart();
        assert_kept(&server, std::slice::from_ref(ledger), report.accepted);
    }
    // Each start must have kept what those before it had recovered, too.
    assert_kept(&server, &ledgers, 0);
}

#[test]
fn a_run_that_goes_on_over_kills_by_itself_is_told_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("run.ledger");
    let mut server = Server::start(Options::new().at(unused_address()));
    let load = Load::start(server.address(), 99, &ledger, MANY_LIVES);
    for round in 0..rounds(3) {
        wait_for_bids(&server, kill_after(round));
        server.kill9();
        server.restart();
    }
    wait_for_bids(&server, 1_000);
    let report = load.end();
    assert!(!report.server_gone && report.lost_connections > 0 && report.resent > 0, "{report}");
    assert_kept(&server, &[ledger], report.accepted);
}

/// How a run takes the loss of its server.
struct Nerves {
    /// The share of bids with an id of their own: only these can be sent again.
    retry_ids: f64,
    /// How long answers are waited for at the end.
    drain_for: Duration,
}

/// The server does not come back during the run.
const ONE_LIFE: Nerves = Nerves { retry_ids: 0.5, drain_for: Duration::ZERO };
/// It comes back, and the run goes on.
const MANY_LIVES: Nerves = Nerves { retry_ids: 1.0, drain_for: wait::PATIENCE };

/// A run of the load generator in a thread of its own.
struct Load {
    stop: Arc<AtomicBool>,
    run: JoinHandle<Report>,
}

impl Load {
    fn start(server: SocketAddr, seed: u32, ledger: &Path, nerves: Nerves) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let options = gavel_loadgen::Options {
            seed: u64::from(seed),
            auctions: 200,
            connections: 4,
            duration: wait::PATIENCE,
            retry_ids: nerves.retry_ids,
            reconnect_for: wait::PATIENCE,
            drain_for: nerves.drain_for,
            ledger: Some(ledger.to_owned()),
            stop: Arc::clone(&stop),
            ..gavel_loadgen::Options::new(server)
        };
        let run = std::thread::spawn(move || gavel_loadgen::run(options, |_| {}).unwrap());
        Self { stop, run }
    }

    /// Ends the run, if it has not ended by itself.
    fn end(self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        self.run.join().unwrap()
    }
}

/// Waits until the server's process has answered so many bids with a receipt since it started.
fn wait_for_bids(server: &Server, count: u64) {
    let mut client = server.connect();
    wait::until("bids", || (bids(&mut client) >= count).then_some(()));
}

fn bids(client: &mut Client) -> u64 {
    let mut count = |field| client.info("stats", field).parse::<u64>().unwrap();
    count("bids_leading") + count("bids_outbid")
}

/// Different in every round, and the same in every run.
fn kill_after(round: u32) -> u64 {
    5_000 + u64::from(round.wrapping_mul(0x9e37_79b9) % 50_000)
}

fn assert_kept(server: &Server, ledgers: &[PathBuf], accepted_at_least: u64) {
    let options = VerifyOptions::new(server.address(), ledgers.to_vec());
    let verdict: Verdict = verify(&options, |_| {}).unwrap();
    assert!(verdict.ok, "{verdict}");
    assert!(
        verdict.acked >= accepted_at_least && verdict.acked > 0,
        "bids are missing in the ledger: {verdict}"
    );
}
