//! Goal: a server that is killed again while it recovers still has everything that was acknowledged.
//!
//! Method: on one and the same directory, round after round: a storm on new auctions, SIGKILL in its midst, a start that is killed
//! before or soon after it takes connections, a start that may recover. Then every bid that any round's storm was
//! acknowledged is sent again with its id and must get its first answer again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

use gavel_tests::storm::{self, Placed};
use gavel_tests::{Item, Options, Server, Storm, rounds};

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

/// Different in every round, and the same in every run.
fn kill_after(round: u32) -> u64 {
    1_000 + u64::from(round).wrapping_mul(0x9e37_79b9) % 30_000
}
