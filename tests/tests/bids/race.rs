//! Goal: bidders who race on one auction get the price, the leader and the answers that the rules give to their bids in the
//! order of the log.
//!
//! Method: connections bid on one auction at once, pipelined. All accepted bids are put in the order of their positions
//! and computed again, independently; every single answer must be the computed one, and so must the auction afterwards.

use gavel_core::AuctionId;
use gavel_tests::fixtures::{OPENING_PRICE, STEP};
use gavel_tests::{Ascending, Client, Item, Options, Receipt, Server};
use std::net::SocketAddr;
use std::sync::Barrier;

const BIDS_EACH: u64 = 20_000;

struct Accepted {
    bidder: u64,
    amount: u64,
    receipt: Receipt,
}

#[test]
fn two_clients_racing_on_one_auction_agree_with_the_rules() {
    race(2);
}

#[test]
fn sixteen_clients_racing_on_one_auction_agree_with_the_rules() {
    race(16);
}

fn race(clients: u64) {
    let server = Server::start(Options::new());
    let auction = Item::new().open(&mut server.connect());
    let start = Barrier::new(clients as usize);
    let mut accepted: Vec<Accepted> = std::thread::scope(|scope| {
        let racers: Vec<_> = (1..=clients)
            .map(|bidder| {
                let (address, start) = (server.address(), &start);
                scope.spawn(move || bid_upwards(address, auction, bidder, BIDS_EACH / clients, start))
            })
            .collect();
        racers.into_iter().flat_map(|racer| racer.join().unwrap()).collect()
    });
    accepted.sort_by_key(|bid| bid.receipt.position);
    assert!(accepted.len() > clients as usize, "only {} bids were accepted", accepted.len());
    assert_as_computed(&mut server.connect(), auction, &accepted);
}

/// Bids higher and higher, without caring for what the others do: each amount is tried by every racer.
fn bid_upwards(
    address: SocketAddr,
    auction: AuctionId,
    bidder: u64,
    count: u64,
    start: &Barrier,
) -> Vec<Accepted> {
    let mut client = Client::connect(address);
    let amount = |round: u64| OPENING_PRICE + round * STEP;
    let lines: Vec<String> =
        (0..count).map(|round| format!("BID {auction} {bidder} {}", amount(round))).collect();
    start.wait();
    let replies = client.pipeline(&lines).unwrap();
    (0..count)
        .zip(&replies)
        .filter_map(|(round, reply)| match Receipt::accepted(reply) {
            Some(receipt) => Some(Accepted { bidder, amount: amount(round), receipt }),
            None => {
                assert_eq!(reply.code(), Some("TOOLOW"), "{reply:?}");
                None
            }
        })
        .collect()
}

fn assert_as_computed(client: &mut Client, auction: AuctionId, accepted: &[Accepted]) {
    let mut oracle = Ascending::new(OPENING_PRICE, STEP);
    for bid in accepted {
        let computed = oracle.bid(bid.bidder, bid.amount);
        assert_eq!((bid.receipt.standing, bid.receipt.price), computed, "at {}", bid.receipt.position);
    }
    let shown = client.auction(auction);
    assert_eq!(shown["price"].as_u64(), oracle.price());
    assert_eq!(shown["leader"].as_str().map(str::to_owned), oracle.leader().map(|leader| leader.to_string()));
    assert_eq!(
        shown["bid_count"].as_u64(),
        Some(accepted.len() as u64),
        "a bid was accepted that nobody was told of"
    );
}
