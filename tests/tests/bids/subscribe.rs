//! Goal: who subscribes to an auction hears its durable changes, in order, up to the last; who reads slowly hears less often but
//! misses nothing that still is so, and holds nobody up.
//!
//! Method: subscribers in both protocol versions beside a bidder; a subscriber that reads nothing while a hundred thousand bids
//! pass; a kill right after a message, whose content must still be there.

use gavel_core::AuctionId;
use gavel_tests::client::{encode, words};
use gavel_tests::fixtures::{OPENING_PRICE, STEP};
use gavel_tests::{Client, Item, Options, Receipt, Reply, Server};
use serde_json::Value;

const MANY: u64 = 100_000;

#[test]
fn subscribers_of_both_versions_hear_every_state_in_order() {
    for version in [2, 3] {
        let server = Server::start(Options::new());
        let mut bidder = server.connect();
        let auction = Item::new().open(&mut bidder);
        let mut subscriber = subscribe(&server, auction, version);
        for round in 1..=50 {
            let receipt = bidder.bid(auction, round % 2, OPENING_PRICE + round * 2 * STEP);
            let message = message_with_bids(&mut subscriber, auction, version, round);
            assert_eq!(message["price"].as_u64(), Some(receipt.price));
            assert_eq!(message["position"].as_str(), Some(receipt.position.to_string().as_str()));
        }
    }
}

#[test]
fn the_message_is_what_get_shows() {
    let server = Server::start(Options::new());
    let mut bidder = server.connect();
    let auction = Item::new().open(&mut bidder);
    let mut subscriber = subscribe(&server, auction, 2);
    bidder.bid(auction, 1, 5_000);
    assert_eq!(message_with_bids(&mut subscriber, auction, 2, 1), bidder.auction(auction));
}

#[test]
fn a_slow_reader_hears_the_last_state_and_holds_nobody_up() {
    let server = Server::start(Options::new());
    let mut bidder = server.connect();
    let auction = Item::new().open(&mut bidder);
    let mut slow = subscribe(&server, auction, 3);
    let lines: Vec<String> = (1..=MANY)
        .map(|round| format!("BID {auction} {} {}", round % 2, OPENING_PRICE + round * 2 * STEP))
        .collect();
    let replies = bidder.pipeline(&lines).unwrap();
    assert!(replies.iter().all(|reply| reply.code().is_none()), "all bids are high enough");
    let (mut messages, mut last_seq) = (0, 0);
    loop {
        let message = next_message(&mut slow, auction, 3);
        let seq = message["seq"].as_u64().unwrap();
        assert!(seq > last_seq, "{seq} came after {last_seq}");
        (messages, last_seq) = (messages + 1, seq);
        if message["bid_count"] == MANY {
            break;
        }
    }
    assert!(messages < MANY, "one message for each of {MANY} bids is not coalesced");
}

#[test]
fn what_a_subscriber_heard_survives_a_kill() {
    for _ in 0..3 {
        let mut server = Server::start(Options::new());
        let mut bidder = server.connect();
        let auction = Item::new().open(&mut bidder);
        let mut subscriber = subscribe(&server, auction, 2);
        let bid = |round: u64| format!("BID {auction} {} {}", round % 2, OPENING_PRICE + round * 2 * STEP);
        let bids: Vec<u8> = (1..=5_000).flat_map(|round| encode(&words(&bid(round)))).collect();
        bidder.send_raw(&bids).unwrap();
        let heard = message_with_bids(&mut subscriber, auction, 2, 100);
        server.kill9();
        server.restart();
        let shown = server.connect().auction(auction);
        assert!(
            shown["seq"].as_u64() >= heard["seq"].as_u64(),
            "heard {heard}, and then there was only {shown}"
        );
    }
}

#[test]
fn unsubscribing_ends_the_messages_and_other_commands_work_again() {
    let server = Server::start(Options::new());
    let mut bidder = server.connect();
    let auction = Item::new().open(&mut bidder);
    let mut subscriber = subscribe(&server, auction, 2);
    assert!(
        subscriber.line(&format!("BID {auction} 1 5000")).code().is_some(),
        "RESP2 subscribers only listen"
    );
    let reply = subscriber.line("UNSUBSCRIBE");
    assert_eq!(reply.elements()[0].text(), "unsubscribe");
    assert_eq!(reply.elements()[2].integer(), 0);
    bidder.bid(auction, 1, 5_000);
    subscriber.bid(auction, 2, 9_000);
}

#[test]
fn a_resp3_subscriber_can_bid_on_the_same_connection() {
    let server = Server::start(Options::new());
    let mut bidder = server.connect();
    let auction = Item::new().open(&mut bidder);
    let mut subscriber = subscribe(&server, auction, 3);
    let mut line = subscriber.line(&format!("BID {auction} 1 5000"));
    while matches!(line, Reply::Push(_)) {
        line = subscriber.read();
    }
    assert_eq!(Receipt::expect(&line).price, OPENING_PRICE);
}

#[test]
fn messages_come_behind_the_answers_to_what_was_asked_before() {
    let server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    let mut lines: Vec<String> = (1..=200)
        .map(|round| format!("BID {auction} {} {}", round % 2, OPENING_PRICE + round * 2 * STEP))
        .collect();
    lines.push(format!("SUBSCRIBE auction:{auction}"));
    let bytes: Vec<u8> = lines.iter().flat_map(|line| encode(&words(line))).collect();
    client.send_raw(&bytes).unwrap();
    for line in &lines[..200] {
        let reply = client.read();
        assert!(Receipt::accepted(&reply).is_some(), "{line} was answered {reply:?}");
    }
    assert_eq!(client.read().elements()[0].text(), "subscribe");
    server.connect().bid(auction, 3, 1_000_000);
    assert_eq!(message_with_bids(&mut client, auction, 2, 201)["leader"], "3");
}

#[test]
fn an_auction_that_is_not_there_cannot_be_subscribed() {
    let server = Server::start(Options::new());
    let reply = server.connect().line("SUBSCRIBE auction:19700101-000-00000001");
    assert_eq!(reply.code(), Some("NOTFOUND"), "{reply:?}");
    let reply = server.connect().line("SUBSCRIBE news");
    assert_eq!(reply.code(), Some("INVALID"), "{reply:?}");
}

fn subscribe(server: &Server, auction: AuctionId, version: u8) -> Client {
    let mut client = server.connect();
    if version == 3 {
        assert!(matches!(client.line("HELLO 3"), Reply::Map(_)));
    }
    let confirmation = client.line(&format!("SUBSCRIBE auction:{auction}"));
    assert_eq!(matches!(confirmation, Reply::Push(_)), version == 3, "{confirmation:?}");
    let [kind, channel, count] = confirmation.elements() else { panic!("{confirmation:?}") };
    assert_eq!(
        (kind.text(), channel.text(), count.integer()),
        ("subscribe", &*format!("auction:{auction}"), 1)
    );
    client
}

fn next_message(client: &mut Client, auction: AuctionId, version: u8) -> Value {
    let reply = client.read();
    assert_eq!(matches!(reply, Reply::Push(_)), version == 3, "{reply:?}");
    let [kind, channel, message] = reply.elements() else { panic!("{reply:?}") };
    assert_eq!((kind.text(), channel.text()), ("message", &*format!("auction:{auction}")));
    message.json()
}

/// The first message that shows at least so many bids.
fn message_with_bids(client: &mut Client, auction: AuctionId, version: u8, count: u64) -> Value {
    loop {
        let message = next_message(client, auction, version);
        if message["bid_count"].as_u64() >= Some(count) {
            return message;
        }
    }
}
