//! Goal: `gavel watch` shows every auction as it stands and each change after it, once, through a crash of the server, until it is over.
//!
//! Method: the real binary in the background, its lines read while bids are placed, the server killed and started again at its address,
//! auctions ended. Nothing is timed: a line is waited for until it is there.

use gavel_core::AuctionId;
use gavel_tests::command_line::{Background, run};
use gavel_tests::{Item, Options, Server};
use rustix::process::Signal;
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};

fn watch(server: &Server, words: &[&str]) -> Background {
    Background::start(server.address(), &[&["watch"], words].concat())
}

fn text(auction: AuctionId) -> String {
    auction.to_string()
}

/// A server that is at the same address after it was started again.
fn server_at_one_address() -> Server {
    let free: SocketAddr =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
    Server::start(Options::new().at(free))
}

#[test]
fn it_shows_each_change_until_the_auction_is_final() {
    let server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    let mut watched = watch(&server, &[&text(auction)]);
    let first = watched.wait_for_line("the state at the start", |line| line.contains("#1  open"));
    assert!(
        first.contains(&text(auction)) && first.contains("no bid yet") && first.contains("ends in "),
        "{first}"
    );
    client.bid(auction, 8, 5_000);
    let led = watched.wait_for_line("the first bid", |line| line.contains("leader 8"));
    assert!(led.contains("  1 bid  "), "{led}");
    client.bid(auction, 9, 6_000);
    watched.wait_for_line("the next leader", |line| line.contains("leader 9"));
    assert_eq!(client.line(&format!("AUCTION END {auction}")).text(), "OK");
    watched.wait_for_line("the end", |line| line.contains("awarded"));
    assert_eq!(client.line(&format!("AUCTION PAID {auction}")).text(), "OK");
    assert_eq!(watched.wait().code(), Some(0));
    let lines = watched.lines();
    assert!(lines.last().unwrap().contains("closed"), "{lines:?}");
    let changes: Vec<u64> = lines.iter().map(|line| seq(line)).collect();
    assert!(changes.is_sorted_by(|before, after| before < after), "each once and in order: {lines:?}");
}

/// The number behind `#`.
fn seq(line: &str) -> u64 {
    line.split('#').nth(1).unwrap().split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn it_goes_on_after_a_crash_and_misses_nothing_that_stands() {
    let mut server = server_at_one_address();
    let auctions = Item::new().open_many(&mut server.connect(), 3);
    let ids: Vec<String> = auctions.iter().copied().map(text).collect();
    let words: Vec<&str> = ids.iter().map(String::as_str).chain(["--json"]).collect();
    let mut watched = watch(&server, &words);
    for id in &ids {
        watched.wait_for_line("all at the start", |line| line.contains(id.as_str()));
    }
    server.kill9();
    watched.wait_for_note("the connection is lost");
    server.restart();
    watched.wait_for_note("connected again");
    let mut client = server.connect();
    for (number, auction) in (0..).zip(&auctions) {
        client.bid(*auction, 8, 5_000 + number);
        assert_eq!(client.call(&["AUCTION", "CANCEL", &text(*auction), "enough"]).text(), "OK");
    }
    assert_eq!(watched.wait().code(), Some(0), "{}", watched.notes());
    let states: Vec<Value> = watched.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    for id in &ids {
        let of: Vec<&Value> = states.iter().filter(|state| state["id"] == id.as_str()).collect();
        assert_eq!(of.last().unwrap()["state"], "cancelled");
        let seqs: Vec<u64> = of.iter().map(|state| state["seq"].as_u64().unwrap()).collect();
        assert!(seqs.is_sorted_by(|before, after| before < after), "each once and in order: {seqs:?}");
    }
}

#[test]
fn a_crash_of_a_server_whose_auction_is_over_ends_it_when_it_is_back() {
    let mut server = server_at_one_address();
    let auction = Item::new().open(&mut server.connect());
    let mut watched = watch(&server, &[&text(auction), "--ended"]);
    watched.wait_for_line("the state at the start", |line| line.contains("open"));
    server.connect().bid(auction, 8, 5_000);
    watched.wait_for_line("the bid", |line| line.contains("leader 8"));
    server.kill9();
    watched.wait_for_note("the connection is lost");
    server.restart();
    assert_eq!(server.connect().line(&format!("AUCTION END {auction}")).text(), "OK");
    assert_eq!(watched.wait().code(), Some(0));
    assert!(watched.lines().last().unwrap().contains("awarded"), "--ended waits for no payment");
}

#[test]
fn a_move_of_the_end_is_told() {
    let server = Server::start(Options::new());
    let auction = Item::new().open(&mut server.connect());
    let watched = watch(&server, &[&text(auction)]);
    watched.wait_for_line("the state at the start", |line| line.contains("open"));
    assert_eq!(run(server.address(), &["extend", &text(auction), "--by", "10m"]).exit, 0);
    watched.wait_for_line("the new end", |line| line.contains("(now at 20"));
}

#[test]
fn forever_is_until_it_is_interrupted() {
    let server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    let mut watched = watch(&server, &[&text(auction), "--forever"]);
    watched.wait_for_line("the state at the start", |line| line.contains("open"));
    assert_eq!(client.call(&["AUCTION", "CANCEL", &text(auction), "enough"]).text(), "OK");
    watched.wait_for_line("the end", |line| line.contains("cancelled"));
    // A stop of the server is one more thing that it lives through.
    drop(server);
    watched.wait_for_note("the connection is lost");
    watched.signal(Signal::INT);
    assert_eq!(watched.wait().code(), Some(0), "Ctrl-C is how it is meant to end");
}

#[test]
fn an_auction_that_is_not_there_is_refused() {
    let server = Server::start(Options::new());
    let refused = run(server.address(), &["watch", "20261122-003-00000042"]);
    assert_eq!((refused.exit, refused.stdout.as_str()), (7, ""));
    assert!(refused.stderr.starts_with("refused: NOTFOUND "), "{refused:?}");
}
