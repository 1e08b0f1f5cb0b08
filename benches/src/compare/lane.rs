//! The bids of those that the load generator does not drive itself, one lane for each connection.
//!
//! They are the load generator's own: the same choice of auctions and bidders, and the same board, which keeps bids acceptable while
//! others are in flight. So nobody is given easier bids than Gavel.

use super::work::{BIDDERS, Bid, STEP, Verdict, Work, terms};
use gavel_core::Standing;
use gavel_loadgen::board::Board;
use gavel_loadgen::distribution::{Chooser, Ends, Picker};
use gavel_loadgen::latency::Latencies;
use gavel_loadgen::terms::TermsError;
use rand::SeedableRng;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Bids are up to so many steps above the least acceptable, as the load generator's are.
const SPREAD: u32 = 4;

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
        let auction = self.picker.pick(&mut self.chooser, 0, |_| 0);
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
    use crate::compare::work::OPENING_PRICE;

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
