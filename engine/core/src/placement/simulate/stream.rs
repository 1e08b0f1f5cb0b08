//! The made-up stream of auctions: who sells, how long for, and how many bids come when.
//!
//! Made to be as uneven as the real thing where unevenness matters to placement: a few sellers open a large part of all
//! auctions, most auctions get a bid or two and one in a hundred gets a hundred, and half of an auction's bids come on its last day.

use super::super::{PlacementKey, place::mix};
use super::{ShardLoad, SimulationOptions};

/// The longest that a simulated auction runs, in days.
pub(super) const DAYS_MAX: u32 = 10;
/// The most bids on one simulated auction: 2 to the power of this.
const BIDS_MAX_LOG2: u32 = 7;

/// Auctions, one after the other, from a seed.
pub(super) struct Stream {
    state: u64,
    sellers: u32,
}

/// One of them.
pub(super) struct Auction {
    key: String,
    days: u64,
    bids: u64,
}

impl Stream {
    pub(super) const fn new(options: &SimulationOptions) -> Self {
        Self { state: options.seed, sellers: options.sellers }
    }

    /// splitmix64.
    const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number below `bound` (which fits into 32 bits), by the upper half, which a multiplication spreads evenly.
    const fn below(&mut self, bound: u64) -> u64 {
        ((self.next() >> 32) * bound) >> 32
    }

    /// A draw below a draw: busier sellers first, the first tenth of them with about a third of all auctions.
    const fn seller(&mut self) -> u64 {
        let bound = self.below(self.sellers as u64) + 1;
        self.below(bound) + 1
    }

    pub(super) fn next_auction(&mut self) -> Auction {
        let seller = self.seller();
        let days = self.below(u64::from(DAYS_MAX)) + 1;
        let bids = 1 << self.next().trailing_zeros().min(BIDS_MAX_LOG2);
        Auction { key: format!("seller:{seller:07}"), days, bids }
    }
}

impl Auction {
    pub(super) fn key(&self) -> PlacementKey<'_> {
        PlacementKey::text(&self.key)
    }

    /// Adds what this auction means for its shard to the days from its opening on, as far as they are simulated.
    pub(super) fn load(&self, days: &mut [Vec<ShardLoad>], shard: usize) {
        let last = self.days - 1;
        let early = if last == 0 { 0 } else { self.bids / 2 };
        for (day, loads) in (0..self.days).zip(days) {
            let load = &mut loads[shard];
            load.opened += u64::from(day == 0);
            load.live += 1;
            // Spread so that the parts add up: what is due by the end of this day less what was due before.
            load.bids +=
                if day == last { self.bids - early } else { early * (day + 1) / last - early * day / last };
        }
    }
}
