//! Goal: a data directory belongs to one process.
//!
//! Method: a second server on the directory of a running one ends with its own exit code and says who holds it; the first
//! goes on undisturbed. After the first was killed, the directory is free again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

use gavel_tests::process::Process;
use gavel_tests::{Item, Options, Server, server};
use std::net::SocketAddr;

/// The documented exit code: the data directory is held by another process.
const EXIT_HELD: i32 = 4;

#[test]
fn a_second_server_on_the_same_directory_is_told_who_holds_it() {
    let mut server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    let logs = tempfile::tempdir().unwrap();
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut command = server::command(server.data(), anywhere);
    let mut second = Process::start(&mut command, &logs.path().join("second.log"));
    assert_eq!(second.wait().code(), Some(EXIT_HELD), "{}", second.output());
    let said = second.output();
    for fact in [server.id().to_string(), server.address().to_string(), server.data().display().to_string()] {
        assert!(said.contains(&fact), "{fact:?} is missing in: {said}");
    }
    client.bid(auction, 1, 5_000);
    server.kill9();
    server.restart();
    assert_eq!(server.connect().auction(auction)["bid_count"], 1);
}
