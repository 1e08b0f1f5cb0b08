//! Goal: a stop in order loses nothing, says so, and is told from a crash at the next start.
//!
//! Method: SIGTERM, then SIGINT, in the middle of a storm of bids; the exit code; a second start, which must find a clean mark;
//! every acknowledged bid sent again with its id must get its first answer again.

use gavel_tests::{Client, Item, Options, Server, Storm, storm};
use rustix::process::Signal;
use std::sync::Barrier;

const AUCTIONS: usize = 40;
const ENOUGH_BIDS: u64 = 20_000;

#[test]
fn sigterm_in_a_storm_loses_nothing() {
    stop_in_a_storm(Signal::TERM);
}

#[test]
fn sigint_in_a_storm_loses_nothing() {
    stop_in_a_storm(Signal::INT);
}

fn stop_in_a_storm(signal: Signal) {
    let mut server = Server::start(Options::new());
    let auctions = Item::new().open_many(&mut server.connect(), AUCTIONS);
    let storm = Storm::start(&server, &auctions, 4);
    storm.wait_for_accepted(ENOUGH_BIDS);
    server.stop(signal);
    let placed = storm.broken();
    server.restart();
    assert_eq!(last_stop(&server), "clean");
    storm::assert_all_there(&server, &placed);
}

/// Rule: a client learns of a stop by `BUSY`, and may count on an answer to whatever it sent before it heard that.
#[test]
fn whoever_goes_on_asking_during_a_stop_hears_busy_to_the_last_command() {
    let mut server = Server::start(Options::new());
    let auction = Item::new().open(&mut server.connect());
    let clients: Vec<Client> = (0..8).map(|_| server.connect()).collect();
    let begun = Barrier::new(clients.len() + 1);
    std::thread::scope(|scope| {
        for mut client in clients {
            let code = move |client: &mut Client, amount: &str| {
                client.call(&["BID", &auction.to_string(), "1", amount]).code().map(str::to_owned)
            };
            let begun = &begun;
            scope.spawn(move || {
                drop(code(&mut client, "5000"));
                begun.wait();
                while code(&mut client, "1").as_deref() != Some("BUSY") {}
                assert_eq!(
                    code(&mut client, "2").as_deref(),
                    Some("BUSY"),
                    "who asks once more is told once more"
                );
                assert!(client.read_to_end().is_empty(), "and who is silent is let go");
            });
        }
        begun.wait();
        server.terminate();
    });
}

#[test]
fn a_stop_before_the_log_was_read_leaves_a_clean_log_clean() {
    let mut server = Server::start(Options::new());
    let auctions = Item::new().open_many(&mut server.connect(), AUCTIONS);
    let storm = Storm::start(&server, &auctions, 4);
    storm.wait_for_accepted(ENOUGH_BIDS);
    server.terminate();
    let placed = storm.broken();
    server.restart_recovering();
    server.terminate();
    server.restart();
    assert_eq!(last_stop(&server), "clean");
    storm::assert_all_there(&server, &placed);
}

#[test]
fn a_kill_is_not_taken_for_a_stop_in_order() {
    let mut server = Server::start(Options::new());
    let auction = Item::new().open(&mut server.connect());
    server.connect().bid(auction, 1, 5_000);
    server.kill9();
    server.restart();
    assert_eq!(last_stop(&server), "crash");
}

/// How the process before ended, as the server tells it.
fn last_stop(server: &Server) -> String {
    server.connect().info("persistence", "last_stop")
}
