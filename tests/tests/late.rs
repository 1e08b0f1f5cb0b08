//! Goal: what counts is when a bid came, not when its turn came. A bid stamped before an auction's end is judged by the rules even
//! where a busy shard takes it up after the end; one stamped at or after the end is refused, however late the pulse.
//!
//! Method: auctions end one by one in the midst of a flood on one shard; half of them move their end as bids come. Nothing
//! is said about times measured here: afterwards the log is read, and its stamps must tell the same story as the answers.
//! The flood must have produced bids that were decided after an end they were stamped before, or the suite fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

use gavel_core::event::Outcome;
use gavel_core::{AuctionId, BidId, Event, EventKind, Timestamp};
use gavel_tests::fixtures::{OPENING_PRICE, STEP, now_us};
use gavel_tests::{Ascending, Client, Item, Options, Receipt, Server, records, wait};
use serde_json::json;
use std::collections::HashSet;
use std::net::SocketAddr;

const AUCTIONS: u64 = 200;
const CONNECTIONS: u64 = 32;
/// From the opening to the first end.
const LEAD_US: u64 = 2_000_000;
/// Between two ends.
const APART_US: u64 = 5_000;
/// The end cannot move beyond this.
const SOFT_CLOSE_US: u64 = 1_500_000;

#[test]
fn bids_stamped_before_an_end_count_and_those_after_it_do_not() {
    let mut server = Server::start(Options::new().with("--shards 1"));
    let auctions = open_staggered(&mut server.connect());
    let acknowledged = flood(server.address(), &auctions);
    wait_for_ends(&mut server.connect(), &auctions);
    server.terminate();
    let mut late = 0;
    let mut logged = HashSet::new();
    for (auction, events) in records::by_auction(server.data()) {
        assert!(auctions.contains(&auction));
        late += check_story(&events);
        logged.extend(events.iter().filter_map(accepted_bid));
    }
    assert_eq!(logged, acknowledged, "the log holds the acknowledged bids, and no other");
    assert!(late > 0, "the flood was too weak: no bid was decided after an end that it was stamped before");
}

fn open_staggered(client: &mut Client) -> Vec<AuctionId> {
    let first_end = now_us() + LEAD_US;
    let open = |number: u64| {
        let end = first_end + number * APART_US;
        let hard_end =
            jiff::Timestamp::from_microsecond((end + SOFT_CLOSE_US).cast_signed()).unwrap().to_string();
        let item = Item::new().ends_at_us(end);
        match number % 2 {
            0 => item.open(client),
            _ => item.with("soft_close", json!({"mode": "from_bid", "trigger": "any", "window_s": 1, "extension_s": 1, "hard_end": hard_end})).open(client),
        }
    };
    (0..AUCTIONS).map(open).collect()
}

/// Bids on all auctions from many connections until every one of them has heard CLOSED from every auction.
fn flood(address: SocketAddr, auctions: &[AuctionId]) -> HashSet<BidId> {
    std::thread::scope(|scope| {
        let bidders: Vec<_> = (1..=CONNECTIONS)
            .map(|bidder| scope.spawn(move || bid_until_closed(Client::connect(address), bidder, auctions)))
            .collect();
        bidders.into_iter().flat_map(|bidder| bidder.join().unwrap()).collect()
    })
}

fn bid_until_closed(mut client: Client, bidder: u64, auctions: &[AuctionId]) -> Vec<BidId> {
    let (mut accepted, mut closed) = (Vec::new(), HashSet::new());
    let mut round = 0;
    while closed.len() < auctions.len() {
        round += 1;
        let amount = OPENING_PRICE + (round * CONNECTIONS + bidder) * 2 * STEP;
        let lines: Vec<String> =
            auctions.iter().map(|auction| format!("BID {auction} {bidder} {amount}")).collect();
        for (auction, reply) in auctions.iter().zip(client.pipeline(&lines).unwrap()) {
            match (reply.code(), closed.contains(auction)) {
                (None, false) => accepted.push(Receipt::expect(&reply).bid),
                (Some("CLOSED"), _) => drop(closed.insert(*auction)),
                (Some("TOOLOW" | "BUSY"), false) => {}
                _ => panic!("{auction}, closed before: {}, now: {reply:?}", closed.contains(auction)),
            }
        }
    }
    accepted
}

fn wait_for_ends(client: &mut Client, auctions: &[AuctionId]) {
    for &auction in auctions {
        wait::until("the end of an auction", || {
            (client.auction(auction)["state"] == "awarded").then_some(())
        });
    }
}

/// Checks one auction's events against each other; how many of its bids were decided after the end they were stamped before.
fn check_story(events: &[Event]) -> u32 {
    let mut end = Timestamp::default();
    let mut last_at = Timestamp::default();
    let mut oracle = Ascending::new(OPENING_PRICE, STEP);
    let mut late = 0;
    for event in events {
        assert!(event.at >= last_at && event.at >= event.stamp.received, "time goes back in {event:?}");
        last_at = event.at;
        match &event.kind {
            EventKind::Opened(opened) => end = opened.terms.ends_at,
            EventKind::Started => {}
            EventKind::BidAccepted(bid) => {
                assert!(event.stamp.received < end, "stamped at or after the end {end:?}: {event:?}");
                late += u32::from(event.stamp.decided >= end);
                let bidder = u64::try_from(bid.bidder.to_bits()).unwrap();
                oracle.bid(bidder, bid.amount.get());
                end = bid.extended_to.unwrap_or(end);
            }
            EventKind::Ended { outcome: Outcome::Awarded { winner, price, .. }, early: false } => {
                assert!(event.at >= end, "ended before its end {end:?}: {event:?}");
                assert_eq!(Some(price.get()), oracle.price());
                assert_eq!(Some(winner.to_string()), oracle.leader().map(|leader| leader.to_string()));
            }
            other => panic!("what nobody asked for: {other:?}"),
        }
    }
    assert!(matches!(events.last().map(|event| &event.kind), Some(EventKind::Ended { .. })));
    late
}

fn accepted_bid(event: &Event) -> Option<BidId> {
    match &event.kind {
        EventKind::BidAccepted(bid) => Some(bid.id),
        _ => None,
    }
}
