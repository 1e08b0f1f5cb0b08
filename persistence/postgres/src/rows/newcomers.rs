//! Who has surely never bid in an auction before, told without asking PostgreSQL.
//!
//! Whether a bidder had a standing bid is a question for each bidder and auction of a batch, and most answers are no. A filter remembers
//! the pairs that were written since an auction was opened: one that it does not know is new for certain, and one that it seems to know
//! is asked for. So it spares questions and can't make an answer wrong, not after a failed transaction either.
//!
//! It knows everything of the auctions that it has seen the opening of, and nothing of others. When it is full, or when others may have
//! written rows that it has not seen, it begins anew, and the auctions until then are asked for from then on.

use super::standing::Pair;
use crate::Set;
use crate::limits::NEWCOMERS_AUCTIONS_MAX;
use foldhash::fast::RandomState;
use gavel_core::AuctionId;
use std::hash::BuildHasher as _;

/// Bits for each pair: about one in a hundred is asked for in vain.
const BITS_PER_PAIR: usize = 10;
/// Bits that a pair sets.
const BITS_SET: u64 = 4;

/// A filter of one shard, for as long as nobody else writes the shard.
#[derive(Debug)]
pub struct Newcomers {
    /// The auctions that were opened since it began.
    opened: Set<AuctionId>,
    bits: Box<[u64]>,
    pairs: usize,
    hasher: RandomState,
}

impl Newcomers {
    /// Knows nothing yet. Takes so many bytes, about.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let words = (bytes / 8).max(1);
        Self { opened: Set::default(), bits: vec![0; words].into(), pairs: 0, hasher: RandomState::default() }
    }

    /// An auction was opened, so that everything is known of it.
    pub(crate) fn opened(&mut self, auction: AuctionId) {
        let is_full = self.pairs * BITS_PER_PAIR > self.bits.len() * 64;
        if is_full || self.opened.len() >= NEWCOMERS_AUCTIONS_MAX {
            self.forget();
        }
        self.opened.insert(auction);
    }

    /// Begins anew: rows may have been written that it has not seen.
    pub(crate) fn forget(&mut self) {
        self.bits.fill(0);
        self.pairs = 0;
        self.opened.clear();
    }

    /// True when the bidder has never bid in the auction; takes note that they have now.
    pub(crate) fn is_new(&mut self, pair: Pair) -> bool {
        if !self.opened.contains(&pair.0) {
            return false;
        }
        let (hash, bits) = (self.hasher.hash_one(pair), self.bits.len() as u64 * 64);
        // An odd step, so that the places differ.
        let (mut place, step) = (hash, hash.rotate_left(32) | 1);
        let mut is_known = true;
        for _ in 0..BITS_SET {
            let bit = place % bits;
            let word = &mut self.bits[(bit / 64) as usize];
            is_known &= *word >> (bit % 64) & 1 == 1;
            *word |= 1 << (bit % 64);
            place = place.wrapping_add(step);
        }
        self.pairs += usize::from(!is_known);
        !is_known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_core::{AccountId, ShardId};

    fn pair(auction: u64, bidder: u64) -> Pair {
        (AuctionId::new(20_000, ShardId(3), auction).unwrap(), AccountId::from_integer(bidder))
    }

    #[test]
    fn nobody_who_has_bid_is_taken_for_new() {
        let mut newcomers = Newcomers::new(8_192);
        assert!(!newcomers.is_new(pair(5, 1)), "nothing is known before an opening");
        newcomers.opened(pair(7, 0).0);
        let mut asked_in_vain = 0;
        for bidder in 0..5_000 {
            asked_in_vain += u32::from(!newcomers.is_new(pair(7, bidder)));
            assert!(!newcomers.is_new(pair(7, bidder)), "{bidder} has bid");
            assert!(!newcomers.is_new(pair(5, bidder)), "nothing is known of auction 5");
        }
        assert!(asked_in_vain < 250, "{asked_in_vain} of 5,000");
    }

    #[test]
    fn when_it_is_full_it_knows_nothing_of_earlier_auctions() {
        let mut newcomers = Newcomers::new(64);
        newcomers.opened(pair(1, 0).0);
        assert!((0..200).filter(|bidder| newcomers.is_new(pair(1, *bidder))).count() > 20);
        newcomers.opened(pair(2, 0).0);
        assert!(!newcomers.is_new(pair(1, 1_000)), "auction 1 is from before now");
        assert!(newcomers.is_new(pair(2, 1)));
    }
}
