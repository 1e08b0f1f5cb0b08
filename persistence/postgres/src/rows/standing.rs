//! How many bids of a bidder stand in an auction, over a batch: enough to say how the auction's counts change.
//!
//! A record says that a bid was accepted, retracted, or that all bids of somebody were removed; it says neither whether it was their
//! first, nor (with a ban) how many were removed. So the change of a count depends on how many stood before the batch, which is what
//! the rows of `bids` say. Whatever happens within the batch folds into two facts for each bidder and auction.

use crate::Map;
use gavel_core::{AccountId, AuctionId};
use std::collections::hash_map::Entry;

/// A bidder in an auction.
pub type Pair = (AuctionId, AccountId);

/// What became of a bidder's standing bids in an auction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All that stood before were removed; `net` counts from then on.
    pub all_removed: bool,
    /// Bids accepted less bids retracted.
    pub net: i64,
}

/// How an auction's counts change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bids that stand.
    pub bids: i64,
    /// Bidders whose bids stand.
    pub bidders: i64,
}

impl Tally {
    /// How many bids have to be counted at most to know what this tally changes: one where it only matters whether there is any.
    #[must_use]
    pub const fn count_up_to(self) -> i64 {
        if !self.all_removed && self.net > 0 { 1 } else { i64::MAX }
    }

    /// What it changes, given how many stood before. Where [`count_up_to`](Self::count_up_to) is 1, any number from 1 on will do.
    #[must_use]
    pub fn change(self, before: i64) -> Counts {
        let left = if self.all_removed { 0 } else { before };
        let after = left + self.net;
        Counts { bids: after - before, bidders: i64::from(after > 0) - i64::from(before > 0) }
    }
}

/// All bidders of a batch.
#[derive(Debug, Default)]
pub struct Standing {
    tallies: Map<Pair, Tally>,
}

impl Standing {
    pub(super) fn accepted(&mut self, pair: Pair) {
        self.tallies.entry(pair).or_default().net += 1;
    }

    pub(super) fn retracted(&mut self, pair: Pair) {
        self.tallies.entry(pair).or_default().net -= 1;
    }

    pub(super) fn removed(&mut self, pair: Pair) {
        match self.tallies.entry(pair) {
            Entry::Occupied(mut tally) => *tally.get_mut() = Tally { all_removed: true, net: 0 },
            Entry::Vacant(none) => drop(none.insert(Tally { all_removed: true, net: 0 })),
        }
    }

    /// Takes in those of other auctions.
    pub(super) fn extend(&mut self, others: Self) {
        self.tallies.extend(others.tallies);
    }

    /// Every bidder whose bids changed.
    pub fn iter(&self) -> impl Iterator<Item = (Pair, Tally)> {
        self.tallies.iter().map(|(pair, tally)| (*pair, *tally))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tallies.len()
    }

    /// True when nobody's bids changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tallies.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_change_as_if_every_bid_were_counted_anew() {
        let tally = |all_removed, net| Tally { all_removed, net };
        let counts = |bids, bidders| Counts { bids, bidders };
        for (tally, before, wanted) in [
            (tally(false, 3), 0, counts(3, 1)),
            (tally(false, 3), 5, counts(3, 0)),
            (tally(false, 0), 0, counts(0, 0)),
            (tally(false, -1), 1, counts(-1, -1)),
            (tally(false, -1), 2, counts(-1, 0)),
            (tally(true, 0), 4, counts(-4, -1)),
            (tally(true, 0), 0, counts(0, 0)),
            (tally(true, 2), 4, counts(-2, 0)),
            (tally(true, 2), 0, counts(2, 1)),
        ] {
            assert_eq!(tally.change(before), wanted, "{tally:?} after {before}");
        }
    }

    #[test]
    fn one_is_enough_to_count_where_more_would_say_the_same() {
        let simple = Tally { all_removed: false, net: 2 };
        assert_eq!(simple.count_up_to(), 1);
        assert_eq!(simple.change(1), simple.change(9));
        assert_eq!(Tally { all_removed: true, net: 2 }.count_up_to(), i64::MAX);
        assert_eq!(Tally { all_removed: false, net: -1 }.count_up_to(), i64::MAX);
        assert_eq!(Tally { all_removed: false, net: 0 }.count_up_to(), i64::MAX);
    }
}
