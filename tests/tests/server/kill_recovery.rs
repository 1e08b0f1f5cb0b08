//! Goal: a server that is killed again while it recovers still has everything that was acknowledged.
//!
//! Method: on one and the same directory, round after round: a storm on new auctions, SIGKILL in its midst, a start that is killed
//! before or soon after it takes connections, a start that may recover. Then every bid that any round's storm was
//! acknowledged is sent again with its id and must get its first answer again. The very first start is killed as well, at
//! many points, as nothing on the disk is whole then.

use gavel_tests::process::Process;
use gavel_tests::storm::{self, Placed};
use gavel_tests::{Item, Options, Server, Storm, rounds, server};
use rustix::process::Signal;
use std::net::SocketAddr;
use std::time::Duration;

const AUCTIONS: usize = 20;

#[test]
fn kills_in_storms_and_in_recoveries_lose_nothing() {
    let mut server = Server::start(Options::new());
    let mut placed: Vec<Placed> = Vec::new();
    for round in 0..rounds(5) {
        let auctions = Item::new().open_many(&mut server.connect(), AUCTIONS);
        let storm = Storm::start(&server, &auctions, 4);
        storm.wait_for_accepted(kill_after(round));
        server.kill9();
        placed.extend(storm.broken());
        server.restart_recovering();
        server.kill9();
        server.restart();
        storm::assert_all_there(&server, &placed);
    }
}

#[test]
fn a_kill_in_the_midst_of_the_first_start_leaves_a_directory_that_starts() {
    for round in 0..rounds(20) {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut command = server::command(&data, SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut first = Process::start(&mut command, &folder.path().join("first.log"));
        // Not to wait for anything: so that each round's kill hits another point of the start.
        std::thread::sleep(Duration::from_millis(u64::from(round * 4 % 80)));
        first.signal(Signal::KILL);
        first.wait();
        let server = Server::start(Options::new().data(&data));
        let auction = Item::new().open(&mut server.connect());
        server.connect().bid(auction, 1, 5_000);
    }
}

/// Different in every round, and the same in every run.
fn kill_after(round: u32) -> u64 {
    1_000 + u64::from(round).wrapping_mul(0x9e37_79b9) % 30_000
}
