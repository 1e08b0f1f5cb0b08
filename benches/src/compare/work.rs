//! The work that all contestants are given: which auctions are bid on, by whom, and how high.
//!
//! It is the load generator's own, also for those that it does not drive itself: the same choice of auctions and bidders, and the same board,
//! which keeps bids acceptable while others are in flight. So nobody is given easier bids than Gavel.

use gavel_core::Standing;
use gavel_loadgen::board::Board;
use gavel_loadgen::distribution::{Chooser, Distribution, Ends, Picker};
use gavel_loadgen::latency::Latencies;
use gavel_loadgen::terms::{FIRST_SELLER, KnownTerms, TermsError, TermsPlan};
use rand::SeedableRng;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Auctions of the spread loads.
pub const AUCTIONS: u32 = 10_000;
/// Bidders.
pub const BIDDERS: u32 = 100_000;
/// The exponent of the skewed load: the first auction gets about a sixth of all bids.
pub const ZIPF: f64 = 1.1;
/// The first price of every auction, and the step between prices.
pub const OPENING_PRICE: u64 = 1_000;
/// See [`OPENING_PRICE`].
pub const STEP: u64 = 100;
/// Bids are up to so many steps above the least acceptable.
const SPREAD: u32 = 4;
/// Bids of one statement, where bids are made in batches.
pub const BATCH: usize = 1_000;

/// How bids are spread over auctions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// Evenly over 10,000; each connection has auctions of its own.
    Uniform,
    /// By rank over 10,000; connections share them.
    Zipf,
    /// All on one.
    Hot,
    /// The disk alone: no auctions, only the bytes.
    Disk,
}

impl Work {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 4] = [Self::Uniform, Self::Zipf, Self::Hot, Self::Disk];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Zipf => "zipf",
            Self::Hot => "hot",
            Self::Disk => "disk",
        }
    }

    /// What it is, in words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Uniform => "uniform over 10,000 auctions",
            Self::Zipf => "zipf (exponent 1.1) over 10,000 auctions",
            Self::Hot => "all on one auction",
            Self::Disk => "the disk alone, the same bytes",
        }
    }

    /// How many auctions there are.
    #[must_use]
    pub fn auctions(self) -> u32 {
        match self {
            Self::Uniform | Self::Zipf => AUCTIONS,
            Self::Hot => 1,
            Self::Disk => 0,
        }
    }

    /// As the load generator calls it.
    #[must_use]
    pub fn distribution(self) -> Distribution {
        match self {
            Self::Uniform | Self::Disk => Distribution::Uniform,
            Self::Zipf => Distribution::Zipf(ZIPF),
            Self::Hot => Distribution::Hot(1.0),
        }
    }
}

/// Connections, and what is in flight on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Load {
    /// Connections.
    pub connections: u32,
    /// Bids that are sent and not answered, on each.
    pub in_flight: u32,
}

/// The terms of every auction, as the load generator and its oracle know them.
///
/// # Errors
/// A defect: the standard terms are not readable.
pub fn terms() -> Result<KnownTerms, TermsError> {
    KnownTerms::parse(&TermsPlan::standard(true).json(0, 0))
}

/// The seller of an auction.
#[must_use]
pub fn seller(auction: u32) -> u64 {
    FIRST_SELLER + u64::from(auction)
}

/// A bid to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bid {
    /// The auction's number, from 0 on.
    pub auction: u32,
    /// Who bids.
    pub bidder: u64,
    /// How much at most.
    pub amount: u64,
}

/// What a bid was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Accepted.
    Accepted {
        /// Whether the bidder leads after it.
        leading: bool,
        /// The price after it.
        price: u64,
    },
    /// Refused: below this.
    TooLow(u64),
    /// Refused: the auction takes no bids any more.
    Closed,
    /// Refused: no such auction.
    Missing,
    /// Refused: the seller's own.
    SellerBid,
}

impl Verdict {
    /// As the peers' functions answer: see `schema.sql`. `None` for what is none of their answers.
    #[must_use]
    pub fn read(verdict: i64, price: Option<i64>, enough: Option<i64>) -> Option<Self> {
        let unsigned = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
        Some(match verdict {
            0 | 1 => Self::Accepted { leading: verdict == 1, price: unsigned(price)? },
            -1 => Self::TooLow(unsigned(enough)?),
            -2 => Self::Closed,
            -3 => Self::Missing,
            -4 => Self::SellerBid,
            _ => return None,
        })
    }
}

/// When a load ends: at its time, or when it is told to.
#[derive(Clone, Debug)]
pub struct Until {
    at: Instant,
    stop: Arc<AtomicBool>,
}

impl Until {
    /// In `time`, or when `stop` is set.
    #[must_use]
    pub fn after(time: Duration, stop: &Arc<AtomicBool>) -> Self {
        Self { at: Instant::now() + time, stop: Arc::clone(stop) }
    }

    /// True when no further bid is to be made.
    #[must_use]
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.at || self.stop.load(Ordering::Relaxed)
    }
}

/// What a load counted.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Bids accepted.
    pub accepted: u64,
    /// Bids refused.
    pub refused: u64,
    /// From sending to answer: of bids, or of batches.
    pub latencies: Latencies,
}

impl Tally {
    /// Adds another one.
    pub fn merge(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.latencies.merge(&other.latencies);
    }
}

/// The bids of one connection.
#[derive(Debug)]
pub struct Lane {
    board: Arc<Board>,
    picker: Picker,
    chooser: Chooser,
    /// What was counted.
    pub tally: Tally,
}

impl Lane {
    /// One lane for each connection, over a board that they share.
    ///
    /// # Errors
    /// As [`terms`].
    pub fn all(work: Work, connections: u32) -> Result<Vec<Self>, TermsError> {
        let board = Arc::new(Board::new(work.auctions() as usize, &terms()?, BIDDERS, SPREAD));
        let ends = Ends { first_us: 0, spacing_us: 0.0 };
        let pickers = work.distribution().pickers(work.auctions(), connections, ends);
        let lane = |(stream, picker)| {
            let mut chooser = Chooser::seed_from_u64(1);
            chooser.set_stream(stream);
            Self { board: Arc::clone(&board), picker, chooser, tally: Tally::default() }
        };
        Ok((0..).zip(pickers).map(lane).collect())
    }

    /// The next bid. It is in flight until it is settled.
    pub fn next_bid(&mut self) -> Bid {
        let auction = self.picker.pick(&mut self.chooser, 0);
        let offer = self.board.offer(auction, &mut self.chooser);
        Bid { auction, bidder: u64::from(offer.bidder), amount: offer.amount }
    }

    /// Takes down what a bid was answered.
    pub fn settle(&mut self, bid: Bid, verdict: Verdict) {
        if let Verdict::Accepted { leading, price } = verdict {
            let standing = if leading { Standing::Leading } else { Standing::Outbid };
            self.board.accepted(bid.auction, bid.bidder as u32, standing, price + STEP);
            self.tally.accepted += 1;
        } else {
            let least = if let Verdict::TooLow(least) = verdict { Some(least) } else { None };
            self.board.refused(bid.auction, least);
            self.tally.refused += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peers_answers_are_read_and_nonsense_is_not() {
        assert_eq!(
            Verdict::read(1, Some(1_000), None),
            Some(Verdict::Accepted { leading: true, price: 1_000 })
        );
        assert_eq!(Verdict::read(-1, Some(1_000), Some(1_100)), Some(Verdict::TooLow(1_100)));
        assert_eq!(Verdict::read(0, None, None), None);
        assert_eq!(Verdict::read(7, Some(1), Some(1)), None);
    }

    #[test]
    fn lanes_of_the_uniform_work_share_no_auction_and_all_count() {
        let mut lanes = Lane::all(Work::Uniform, 4).unwrap();
        for (number, lane) in (0_u32..).zip(&mut lanes) {
            let bid = lane.next_bid();
            assert_eq!(bid.auction % 4, number);
            lane.settle(bid, Verdict::Accepted { leading: true, price: OPENING_PRICE });
            let again = lane.next_bid();
            lane.settle(again, Verdict::TooLow(9_000));
        }
        let mut all = Tally::default();
        lanes.iter().for_each(|lane| all.merge(&lane.tally));
        assert_eq!((all.accepted, all.refused), (4, 4));
    }
}
