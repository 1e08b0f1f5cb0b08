//! Goal: who watches an auction over HTTP sees its state first, then its changes up to the last; who comes back with the id of the last
//! event misses nothing, also over a kill of the server; and is told where that can't be.
//!
//! Method: watchers beside a bidder; a watcher that reads nothing while thousands of bids pass; a Python client that comes back by
//! itself over a kill, whose changes must be all there are, in order.

use gavel_core::AuctionId;
use gavel_tests::fixtures::{OPENING_PRICE, STEP};
use gavel_tests::http::{Event, Events};
use gavel_tests::{Client, Http, Item, Options, Server, binaries, wait};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

fn path(auction: AuctionId) -> String {
    format!("/v1/auctions/{auction}/events")
}

fn bid(client: &mut Client, auction: AuctionId, round: u64) {
    client.bid(auction, round % 2, OPENING_PRICE + round * 2 * STEP);
}

/// Reads until a state shows so many bids.
fn until_bids(events: &mut Events, count: u64) -> Event {
    loop {
        let event = events.expect();
        if event.name == "state" && event.json()["bid_count"].as_u64() >= Some(count) {
            return event;
        }
    }
}

#[test]
fn the_state_comes_first_and_then_every_change_that_is_waited_for() {
    let server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    bid(&mut client, auction, 1);
    let mut events = Events::watch(server.http(), &path(auction), None);
    let first = events.expect();
    assert_eq!((&*first.name, first.json()), ("state", client.auction(auction)));
    assert_eq!(first.id.as_deref(), first.json()["position"].as_str());
    for round in 2..=50 {
        bid(&mut client, auction, round);
        let event = events.expect();
        assert_eq!(event.json()["bid_count"], round, "one state for each bid that is waited for");
        assert_eq!(event.json(), client.auction(auction));
    }
    client.line(&format!("AUCTION END {auction}"));
    assert_eq!(events.expect().json()["state"], "awarded");
}

#[test]
fn a_slow_reader_skips_states_but_never_the_last() {
    let server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    let mut slow = Events::watch(server.http(), &path(auction), None);
    let lines: Vec<String> = (1..=20_000)
        .map(|round| format!("BID {auction} {} {}", round % 2, OPENING_PRICE + round * 2 * STEP))
        .collect();
    client.pipeline(&lines).unwrap();
    let (mut states, mut last) = (0, 0);
    while last < 20_001 {
        let seq = slow.expect().json()["seq"].as_u64().unwrap();
        assert!(seq > last, "{seq} came after {last}");
        (states, last) = (states + 1, seq);
    }
    assert!(states < 20_000, "{states} states are not coalesced");
}

#[test]
fn who_comes_back_is_told_what_was_missed() {
    let mut server = Server::start(Options::new());
    let mut client = server.connect();
    // On the same shard as others, whose events are not told.
    let auctions = Item::new().open_many(&mut client, 5);
    let auction = auctions[2];
    let mut events = Events::watch(server.http(), &path(auction), None);
    bid(&mut client, auction, 1);
    let seen = until_bids(&mut events, 1).id.unwrap();
    for round in 2..=10 {
        auctions.iter().for_each(|auction| bid(&mut client, *auction, round));
    }
    client.line(&format!("BAN 7 AUCTION {auction}"));
    for is_restarted in [false, true] {
        if is_restarted {
            server.kill9();
            server.restart();
        }
        let mut events = Events::watch(server.http(), &path(auction), Some(&seen));
        for round in 2..=10_u64 {
            let change = events.expect();
            let json = change.json();
            assert_eq!((&*change.name, &json["type"]), ("change", &json!("bid_accepted")), "{change:?}");
            assert_eq!(json["auction"], auction.to_string());
            assert_eq!(json["bidder"], (round % 2).to_string());
            assert_eq!(change.id.as_deref(), json["position"].as_str());
            assert!(json.get("amount").is_none(), "maxima are secret: {json}");
        }
        assert_eq!(events.expect().json()["type"], "bidder_banned");
        let state = events.expect();
        assert_eq!((&*state.name, &state.json()["bid_count"]), ("state", &json!(10)));
        // With nothing missed, the state comes at once.
        let id = state.id.unwrap();
        assert_eq!(
            Events::watch(server.http(), &path(auction), Some(&id)).expect(),
            Event { id: Some(id), ..state }
        );
    }
}

/// All watchers of a famous auction come back at the same moment, and bids go on.
#[test]
fn many_who_come_back_at_once_miss_nothing() {
    const WATCHERS: usize = 300;
    let mut server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    let mut seen = Vec::new();
    for round in 1..=5 {
        bid(&mut client, auction, round);
        seen.push(Events::watch(server.http(), &path(auction), None).expect().id.unwrap());
    }
    (6..=40).for_each(|round| bid(&mut client, auction, round));
    server.kill9();
    server.restart();
    let mut client = server.connect();
    let mut watchers = Vec::new();
    for n in 0..WATCHERS {
        let last = n % seen.len();
        watchers.push((last, Events::watch(server.http(), &path(auction), Some(&seen[last]))));
        if n % 10 == 0 {
            bid(&mut client, auction, 41 + n as u64 / 10);
        }
    }
    for (last, mut events) in watchers {
        let mut next = last as u64 + 2;
        let state = loop {
            let event = events.expect();
            if event.name == "state" {
                break event;
            }
            assert_eq!(event.name, "change", "{event:?}");
            assert_eq!(event.json()["seq"], next + 1, "{event:?}");
            next += 1;
        };
        assert!(state.json()["bid_count"].as_u64().unwrap() + 1 >= next, "{state:?} behind change {next}");
    }
}

#[test]
fn what_cannot_be_told_is_said_so() {
    let server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    bid(&mut client, auction, 1);
    let shard = auction.shard().0;
    let far = format!("{shard}-1-999999");
    let other_epoch = format!("{shard}-9-1");
    let other_shard = format!("{}-1-1", 200);
    for last in [&far, &other_epoch, &other_shard] {
        let mut events = Events::watch(server.http(), &path(auction), Some(last));
        let gap = events.expect();
        assert_eq!((&*gap.name, &gap.json()["since"]), ("gap", &json!(last)), "{gap:?}");
        assert_eq!(events.expect().name, "state");
    }
    // More changes than are told.
    let mut watched = Events::watch(server.http(), &path(auction), None);
    let seen = watched.expect().id.unwrap();
    let lines: Vec<String> = (2..=1_500)
        .map(|round| format!("BID {auction} {} {}", round % 2, OPENING_PRICE + round * 2 * STEP))
        .collect();
    client.pipeline(&lines).unwrap();
    let mut events = Events::watch(server.http(), &path(auction), Some(&seen));
    let gap = events.expect();
    assert!(gap.name == "gap" && gap.json()["detail"].as_str().unwrap().contains("1000 changes"), "{gap:?}");
    assert_eq!(events.expect().json()["bid_count"], 1_500);
}

#[test]
fn a_stop_in_order_ends_the_streams() {
    let mut server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    let mut events = Events::watch(server.http(), &path(auction), None);
    bid(&mut client, auction, 1);
    until_bids(&mut events, 1);
    server.terminate();
    assert_eq!(events.next_event(), None);
}

#[test]
fn a_python_client_follows_an_auction_through_a_kill() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut server = Server::start(Options::new().http_at(free));
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    let driver = binaries::workspace().join("tests/clients/http_sse.py");
    let mut python = Command::new("python3")
        .env("PYTHONPATH", binaries::python_modules())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(driver)
        .args([format!("http://{free}{}", path(auction)), "60".to_owned()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(python.stdout.take().unwrap()).lines();
    assert_eq!(told.next().unwrap().unwrap(), "watching");
    (1..=20).for_each(|round| bid(&mut client, auction, round));
    server.kill9();
    server.restart();
    let mut client = server.connect();
    wait_for_http(free);
    (21..=60).for_each(|round| bid(&mut client, auction, round));
    let said: Vec<String> = told.map(Result::unwrap).collect();
    assert!(python.wait().unwrap().success(), "{said:?}");
    assert_eq!(said.last().map(String::as_str), Some("60 bids, nothing missed"), "{said:?}");
}

fn wait_for_http(address: SocketAddr) {
    wait::until("HTTP after the kill", || std::net::TcpStream::connect(address).ok());
    assert_eq!(Http::connect(address).get("/health/ready").status, 200);
}
