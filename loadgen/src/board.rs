//! What the generator knows of each auction's price, so that most of its bids are acceptable.
//!
//! A slot's *floor* is the least amount that is sure to be acceptable once all bids sent so far have been decided in the
//! order of their sending. While bids are in flight it is above every amount sent; when none is, it is what the latest
//! receipt said, which may be lower: then bids can land below a standing maximum and be accepted as outbid.
//!
//! Connections share the board without locks. With several of them on one auction the order of sending is not the order of
//! deciding, so some bids come too low: that is the race the workload is for.

use crate::distribution::{Chooser, below};
use crate::terms::{KnownTerms, Steps};
use gavel_core::Standing;
use gavel_core::limits::AMOUNT_MAX;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// One auction as the generator sees it.
#[derive(Debug)]
struct Slot {
    floor: AtomicU64,
    leader: AtomicU32,
    in_flight: AtomicU32,
}

/// All auctions of a run.
#[derive(Debug)]
pub struct Board {
    slots: Vec<Slot>,
    /// When each auction ends, by its latest receipt, in microseconds since 1970. Only where that moves and matters.
    ends: Vec<AtomicU64>,
    /// A run's auctions differ in seller and end only; one copy of the rest stays in the processor's cache.
    steps: Steps,
    proxy: bool,
    bidders: u32,
    spread: u32,
}

/// A bid to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Who bids: `1 ..= bidders`.
    pub bidder: u32,
    /// How much.
    pub amount: u64,
}

impl Board {
    /// A board of that many auctions under these terms, with that many bidders (at least 2), whose bids are up to `spread` steps
    /// above the least acceptable.
    #[must_use]
    pub fn new(auctions: usize, terms: &KnownTerms, bidders: u32, spread: u32) -> Self {
        let slot = |_| Slot {
            floor: AtomicU64::new(terms.opening_price),
            leader: AtomicU32::new(0),
            in_flight: AtomicU32::new(0),
        };
        let slots = (0..auctions).map(slot).collect();
        Self { slots, ends: Vec::new(), steps: terms.steps.clone(), proxy: terms.proxy, bidders, spread }
    }

    /// The same board, which also knows when auctions end.
    #[must_use]
    pub fn with_ends(self, ends_us: impl Iterator<Item = u64>) -> Self {
        Self { ends: ends_us.map(AtomicU64::new).collect(), ..self }
    }

    /// When an auction ends as far as is known, in microseconds since 1970; never, where that is not kept.
    #[must_use]
    pub fn end_us(&self, auction: u32) -> u64 {
        self.ends.get(auction as usize).map_or(u64::MAX, |end| end.load(Relaxed))
    }

    /// A receipt has told when an auction ends.
    pub fn ends(&self, auction: u32, ends_us: u64) {
        if let Some(end) = self.ends.get(auction as usize) {
            end.fetch_max(ends_us, Relaxed);
        }
    }

    /// Makes a bid on an auction. It is in flight until it is settled.
    pub fn offer(&self, auction: u32, chooser: &mut Chooser) -> Offer {
        let (slot, steps) = (&self.slots[auction as usize], &self.steps);
        let floor = slot.floor.load(Relaxed);
        let above = u64::from(below(chooser, self.spread + 1)) * steps.at(floor);
        let amount = floor.saturating_add(above).min(AMOUNT_MAX);
        slot.floor.fetch_max(self.above(amount), Relaxed);
        slot.in_flight.fetch_add(1, Relaxed);
        let bidder = 1 + below(chooser, self.bidders);
        // A leader would have to go above their own maximum, which may be above the floor.
        let is_leader = bidder == slot.leader.load(Relaxed);
        Offer { bidder: if is_leader { bidder % self.bidders + 1 } else { bidder }, amount }
    }

    /// The least amount that is surely acceptable after a bid of this amount. With proxy bidding that is two steps up: where
    /// the bid is outbid by a standing maximum, the price is already one step above it.
    fn above(&self, amount: u64) -> u64 {
        let one_up = amount + self.steps.at(amount);
        if self.proxy { one_up + self.steps.at(one_up) } else { one_up }
    }

    /// A bid was accepted.
    pub fn accepted(&self, auction: u32, bidder: u32, standing: Standing, min_next: u64) {
        let slot = &self.slots[auction as usize];
        if standing != Standing::Outbid {
            slot.leader.store(bidder, Relaxed);
        }
        if slot.in_flight.fetch_sub(1, Relaxed) == 1 {
            slot.floor.store(min_next, Relaxed);
        }
    }

    /// A bid was refused; `least` is the amount that would have done, where the answer said it.
    pub fn refused(&self, auction: u32, least: Option<u64>) {
        let slot = &self.slots[auction as usize];
        slot.in_flight.fetch_sub(1, Relaxed);
        if let Some(least) = least {
            slot.floor.fetch_max(least, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::TermsPlan;
    use rand::SeedableRng;

    fn board(bidders: u32, spread: u32) -> Board {
        let terms = KnownTerms::parse(&TermsPlan::standard(true).json(0, 0)).unwrap();
        Board::new(1, &terms, bidders, spread)
    }

    #[test]
    fn bids_in_flight_rise_by_at_least_two_steps_with_proxy_bidding() {
        let (board, mut chooser) = (board(10, 3), Chooser::seed_from_u64(1));
        let amounts: Vec<u64> = (0..100).map(|_| board.offer(0, &mut chooser).amount).collect();
        assert!((1_000..=1_300).contains(&amounts[0]));
        assert!(amounts.windows(2).all(|pair| pair[1] >= pair[0] + 200), "{amounts:?}");
        assert!(amounts.windows(2).any(|pair| pair[1] > pair[0] + 200), "the spread is used");
    }

    #[test]
    fn the_floor_follows_the_receipt_once_nothing_is_in_flight() {
        let (board, mut chooser) = (board(10, 0), Chooser::seed_from_u64(1));
        board.offer(0, &mut chooser);
        board.offer(0, &mut chooser);
        board.accepted(0, 1, Standing::Leading, 1_000);
        assert_eq!(board.offer(0, &mut chooser).amount, 1_400, "one is still in flight");
        board.accepted(0, 2, Standing::Outbid, 1_100);
        board.accepted(0, 3, Standing::Leading, 1_150);
        assert_eq!(board.offer(0, &mut chooser).amount, 1_150);
        board.refused(0, Some(9_000));
        assert_eq!(board.offer(0, &mut chooser).amount, 9_000);
    }

    #[test]
    fn the_known_leader_does_not_bid_against_themselves() {
        let (board, mut chooser) = (board(2, 0), Chooser::seed_from_u64(1));
        for _ in 0..50 {
            let offer = board.offer(0, &mut chooser);
            board.accepted(0, offer.bidder, Standing::Leading, offer.amount + 100);
            assert_ne!(board.offer(0, &mut chooser).bidder, offer.bidder);
            board.refused(0, None);
        }
    }

    #[test]
    fn amounts_stop_at_the_largest_there_is() {
        let (board, mut chooser) = (board(2, 1_000), Chooser::seed_from_u64(1));
        board.offer(0, &mut chooser);
        board.refused(0, Some(AMOUNT_MAX));
        assert!((0..10).all(|_| board.offer(0, &mut chooser).amount == AMOUNT_MAX));
    }
}
