//! Goal: what counts is when a bid came, not when its turn came. A bid stamped before an auction's end is judged by the rules even
//! where a busy shard takes it up after the end; one stamped at or after the end is refused, however late the pulse.
//!
//! Method: auctions end one by one in the midst of a flood on one shard; half of them move their end as bids come. Nothing
//! is said about times measured here: afterwards the log is read, and its stamps must tell the same story as the answers.
//! A refused bid leaves no stamp; but a connection's stamps never go back, so it was stamped no later than the next bid that
//! was accepted on its connection, and that one must be stamped at or after the end. The flood must have produced bids that
//! were decided after an end they were stamped before, or the suite fails.

use gavel_core::event::Outcome;
use gavel_core::{AuctionId, BidId, Event, EventKind, Timestamp};
use gavel_tests::client::{encode, words};
use gavel_tests::fixtures::{OPENING_PRICE, STEP, now_us};
use gavel_tests::{Ascending, Client, Item, Options, Receipt, Server, records, wait};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

const AUCTIONS: u64 = 200;
const CONNECTIONS: u64 = 32;
/// Bids on every auction that a connection sends in one go.
const ROUNDS_PER_BURST: usize = 10;
/// No grace at all: that a thread loses the processor between stamping bids and handing them on must not matter.
const GRACE: &str = "--pulse-grace-ms 0";
/// From the opening to the first end.
const LEAD_US: u64 = 2_000_000;
/// Between two ends.
const APART_US: u64 = 5_000;
/// The end cannot move beyond this.
const SOFT_CLOSE_US: u64 = 1_500_000;

/// What a connection was told, in order.
enum Told {
    Accepted(BidId),
    /// For the first time of this auction.
    Closed(AuctionId),
}

#[test]
fn bids_stamped_before_an_end_count_and_those_after_it_do_not() {
    let mut server = Server::start(Options::new().with("--shards 1").with(GRACE));
    let auctions = open_staggered(&mut server.connect());
    let connections = flood(server.address(), &auctions);
    wait_for_ends(&mut server.connect(), &auctions);
    server.terminate();
    let mut story = Story::default();
    for (auction, events) in records::by_auction(server.data()) {
        assert!(auctions.contains(&auction));
        story.read(auction, &events);
    }
    let acknowledged: HashSet<BidId> = connections.iter().flatten().filter_map(Told::accepted).collect();
    let logged: HashSet<BidId> = story.stamps.keys().copied().collect();
    assert_eq!(logged, acknowledged, "the log holds the acknowledged bids, and no other");
    connections.iter().for_each(|told| story.check_refusals(told));
    assert!(
        story.late > 0,
        "the flood was too weak: no bid was decided after an end that it was stamped before"
    );
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
fn flood(address: SocketAddr, auctions: &[AuctionId]) -> Vec<Vec<Told>> {
    std::thread::scope(|scope| {
        let bidders: Vec<_> = (1..=CONNECTIONS)
            .map(|bidder| scope.spawn(move || bid_until_closed(Client::connect(address), bidder, auctions)))
            .collect();
        bidders.into_iter().map(|bidder| bidder.join().unwrap()).collect()
    })
}

/// Sends many bids before it reads the answers, so that a shard always has more waiting than it has decided.
fn bid_until_closed(mut client: Client, bidder: u64, auctions: &[AuctionId]) -> Vec<Told> {
    let (mut told, mut closed) = (Vec::new(), HashSet::new());
    let mut rounds = 0..;
    while closed.len() < auctions.len() {
        let burst: Vec<(AuctionId, u64)> = rounds
            .by_ref()
            .take(ROUNDS_PER_BURST)
            .map(|round: u64| OPENING_PRICE + (round * CONNECTIONS + bidder) * 2 * STEP)
            .flat_map(|amount| auctions.iter().map(move |auction| (*auction, amount)))
            .collect();
        let bid = |(auction, amount): &(AuctionId, u64)| {
            encode(&words(&format!("BID {auction} {bidder} {amount}")))
        };
        client.send_raw(&burst.iter().flat_map(bid).collect::<Vec<u8>>()).unwrap();
        for (auction, _) in burst {
            let reply = client.read();
            match (reply.code(), closed.contains(&auction)) {
                (None, false) => told.push(Told::Accepted(Receipt::expect(&reply).bid)),
                (Some("CLOSED"), true) => {}
                (Some("CLOSED"), false) => {
                    closed.insert(auction);
                    told.push(Told::Closed(auction));
                }
                (Some("TOOLOW" | "BUSY"), false) => {}
                (_, was_closed) => panic!("{auction}, closed before: {was_closed}, now: {reply:?}"),
            }
        }
    }
    told
}

fn wait_for_ends(client: &mut Client, auctions: &[AuctionId]) {
    for &auction in auctions {
        wait::until("the end of an auction", || {
            (client.auction(auction)["state"] == "awarded").then_some(())
        });
    }
}

impl Told {
    fn accepted(&self) -> Option<BidId> {
        match self {
            Self::Accepted(bid) => Some(*bid),
            Self::Closed(_) => None,
        }
    }
}

/// What the log tells.
#[derive(Default)]
struct Story {
    /// When each accepted bid was received.
    stamps: HashMap<BidId, Timestamp>,
    /// When each auction ended.
    ends: HashMap<AuctionId, Timestamp>,
    /// Bids that were decided after the end they were stamped before.
    late: u32,
}

impl Story {
    /// Takes one auction's events in, and checks them against each other.
    fn read(&mut self, auction: AuctionId, events: &[Event]) {
        let (mut end, mut last_at) = (Timestamp::default(), Timestamp::default());
        let mut oracle = Ascending::new(OPENING_PRICE, STEP);
        for event in events {
            assert!(event.at >= last_at && event.at >= event.stamp.received, "time goes back in {event:?}");
            last_at = event.at;
            match &event.kind {
                EventKind::Opened(opened) => end = opened.terms.ends_at,
                EventKind::Started => {}
                EventKind::BidAccepted(bid) => {
                    assert!(event.stamp.received < end, "stamped at or after the end {end:?}: {event:?}");
                    self.late += u32::from(event.stamp.decided >= end);
                    self.stamps.insert(bid.id, event.stamp.received);
                    oracle.bid(u64::try_from(bid.bidder.to_bits()).unwrap(), bid.amount.get());
                    end = bid.extended_to.unwrap_or(end);
                }
                EventKind::Ended { outcome: Outcome::Awarded { winner, price, .. }, early: false } => {
                    assert!(event.at >= end, "ended before its end {end:?}: {event:?}");
                    assert_eq!(Some(price.get()), oracle.price());
                    assert_eq!(Some(winner.to_string()), oracle.leader().map(|leader| leader.to_string()));
                    self.ends.insert(auction, end);
                }
                other => panic!("what nobody asked for: {other:?}"),
            }
        }
        assert!(self.ends.contains_key(&auction), "{auction} has not ended");
    }

    /// What was refused as too late must have come at or after the end.
    fn check_refusals(&self, told: &[Told]) {
        let mut stamped_no_later_than = Timestamp::MAX;
        for told in told.iter().rev() {
            match told {
                Told::Accepted(bid) => stamped_no_later_than = self.stamps[bid],
                Told::Closed(auction) => {
                    let end = self.ends[auction];
                    assert!(
                        stamped_no_later_than >= end,
                        "{auction}: refused at {stamped_no_later_than:?}, before {end:?}"
                    );
                }
            }
        }
    }
}
