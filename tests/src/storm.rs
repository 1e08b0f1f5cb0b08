//! Many connections that bid on the same auctions as fast as they are answered, and remember every answer.
//!
//! Every bid carries an id of its own. Sent again with the same id, a bid that is there gets its first answer again, and
//! one that is not gets another; so a storm can be asked, after whatever happened to the server, whether all that was
//! acknowledged is still there.

use crate::fixtures::{OPENING_PRICE, STEP, bid_id};
use crate::{Client, Receipt, Server, wait};
use gavel_core::AuctionId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// Bids that one write carries.
const PIPELINE: usize = 64;

/// A running storm.
#[derive(Debug)]
pub struct Storm {
    shared: Arc<Shared>,
    connections: Vec<JoinHandle<Vec<Placed>>>,
}

/// A bid and its acknowledgement.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    /// On what.
    pub auction: AuctionId,
    /// Who bid.
    pub bidder: u64,
    /// The secret maximum.
    pub amount: u64,
    /// The number that its id was made from.
    pub number: u64,
    /// The acknowledgement.
    pub receipt: Receipt,
}

#[derive(Debug)]
struct Shared {
    auctions: Vec<AuctionId>,
    /// The bids of all connections are numbered, so that amounts rise and ids differ.
    next_number: AtomicU64,
    accepted: AtomicU64,
    stop: AtomicBool,
}

impl Storm {
    /// Starts one with so many connections.
    #[must_use]
    pub fn start(server: &Server, auctions: &[AuctionId], connections: usize) -> Self {
        let shared = Arc::new(Shared {
            auctions: auctions.to_vec(),
            next_number: AtomicU64::new(1),
            accepted: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        });
        let address = server.address();
        let connections = (0..connections)
            .map(|_| {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.bid_until_stopped(Client::connect(address)))
            })
            .collect();
        Self { shared, connections }
    }

    /// Waits until so many bids have been acknowledged in all.
    pub fn wait_for_accepted(&self, count: u64) {
        wait::until("the storm's acknowledgements", || {
            (self.shared.accepted.load(Ordering::Relaxed) >= count).then_some(())
        });
    }

    /// Ends the storm (its connections may have broken long ago) and gives all that was acknowledged.
    #[must_use]
    pub fn end(self) -> Vec<Placed> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.connections
            .into_iter()
            .flat_map(|connection| connection.join().expect("a storm's connection"))
            .collect()
    }

    /// Waits until all connections have broken, and gives all that was acknowledged.
    #[must_use]
    pub fn broken(self) -> Vec<Placed> {
        self.connections
            .into_iter()
            .flat_map(|connection| connection.join().expect("a storm's connection"))
            .collect()
    }
}

impl Shared {
    fn bid_until_stopped(&self, mut client: Client) -> Vec<Placed> {
        let mut placed = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let first = self.next_number.fetch_add(PIPELINE as u64, Ordering::Relaxed);
            let lines: Vec<String> = (first..).take(PIPELINE).map(|number| self.line(number)).collect();
            let mut replies = Vec::with_capacity(PIPELINE);
            let outcome = client.pipeline_into(&lines, &mut replies);
            let before = placed.len();
            placed.extend((first..).zip(&replies).filter_map(|(number, reply)| {
                Receipt::accepted(reply).map(|receipt| self.placed(number, receipt))
            }));
            self.accepted.fetch_add((placed.len() - before) as u64, Ordering::Relaxed);
            if outcome.is_err() {
                break;
            }
        }
        placed
    }

    fn line(&self, number: u64) -> String {
        let (auction, bidder, amount) = self.bid(number);
        line(auction, bidder, amount, number)
    }

    fn placed(&self, number: u64, receipt: Receipt) -> Placed {
        let (auction, bidder, amount) = self.bid(number);
        Placed { auction, bidder, amount, number, receipt }
    }

    /// The bid of this number: the auctions take turns, and each bid is enough to lead over the one before.
    fn bid(&self, number: u64) -> (AuctionId, u64, u64) {
        let count = self.auctions.len() as u64;
        let (auction, round) = (self.auctions[(number % count) as usize], number / count);
        (auction, 100 + number % 997, OPENING_PRICE + round * 2 * STEP)
    }
}

fn line(auction: AuctionId, bidder: u64, amount: u64, number: u64) -> String {
    format!("BID {auction} {bidder} {amount} ID {}", bid_id(number))
}

/// Asks for every acknowledged bid again.
///
/// # Panics
/// When one gets another answer than it got at first.
pub fn assert_all_there(server: &Server, placed: &[Placed]) {
    let lines: Vec<String> =
        placed.iter().map(|bid| line(bid.auction, bid.bidder, bid.amount, bid.number)).collect();
    let replies = server.connect().pipeline(&lines).expect("answers to all repeated bids");
    for ((bid, reply), line) in placed.iter().zip(&replies).zip(&lines) {
        assert_eq!(
            Receipt::accepted(reply),
            Some(bid.receipt),
            "{line} was acknowledged, and now gets {reply:?}"
        );
    }
}
