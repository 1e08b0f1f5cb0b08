//! One auction computed anew from its bids, in the order of their positions: price, leader, end, outcome.
//!
//! Written from the public rules, sharing no code with the engine: a second opinion is worth something only if it was
//! formed independently. It is as plain as can be: highest maximum, best competition, price.
//!
//! **The rules in words.** A bid is a secret maximum. The highest maximum leads, the earlier of equals. The price is what
//! the leader must pay to beat the best competing maximum by one step (the step that holds at that maximum), and never
//! more than their own maximum; with no competition it is the opening price. A maximum that reaches the reserve lifts the
//! price to the reserve. Raising one's own maximum calls for no higher price. The price never falls. Without proxy bidding
//! a bid is the price. A bid must be at least one step above the price (or the opening price), and a leader's above their
//! own maximum. **The end** moves only by soft close, and is computed apart from this, in [`end`].

use crate::terms::KnownTerms;
use gavel_core::{AccountId, Standing};

pub mod end;

/// The state of an auction as its bids make it. Amounts in minor units.
#[derive(Clone, Debug)]
pub struct Computed<'a> {
    terms: &'a KnownTerms,
    leader: Option<(AccountId, u64)>,
    price: Option<u64>,
    bids: u64,
}

/// What the oracle says of one bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The least amount that was acceptable from this bidder; the bid should not have been accepted below it.
    pub least: u64,
    /// How it stands right after.
    pub standing: Standing,
    /// The price after it.
    pub price: u64,
    /// The least next amount of anybody else.
    pub min_next: u64,
    /// True when it raised the price. The first bid does.
    pub raised_price: bool,
    /// True when it made a new leader.
    pub new_leader: bool,
}

/// How an auction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// To this bidder, at this price.
    Awarded(AccountId, u64),
    /// To nobody.
    Unsold,
}

impl<'a> Computed<'a> {
    /// An auction without bids.
    #[must_use]
    pub fn new(terms: &'a KnownTerms) -> Self {
        Self { terms, leader: None, price: None, bids: 0 }
    }

    /// The price; `None` without bids.
    #[must_use]
    pub fn price(&self) -> Option<u64> {
        self.price
    }

    /// The leader; `None` without bids.
    #[must_use]
    pub fn leader(&self) -> Option<AccountId> {
        self.leader.map(|(bidder, _)| bidder)
    }

    /// How many bids were taken in.
    #[must_use]
    pub fn bids(&self) -> u64 {
        self.bids
    }

    /// The least amount that anybody but the leader can bid next.
    #[must_use]
    pub fn min_next(&self) -> u64 {
        self.price.map_or(self.terms.opening_price, |price| self.one_step_above(price))
    }

    /// Takes the next bid in.
    pub fn bid(&mut self, bidder: AccountId, amount: u64) -> Judgement {
        let (least, before) = (self.least_from(bidder), (self.leader(), self.price));
        self.price = Some(if self.terms.proxy { self.take_maximum(bidder, amount) } else { amount });
        if !self.terms.proxy {
            self.leader = Some((bidder, amount));
        }
        self.lift_to_reserve();
        self.bids += 1;
        Judgement {
            least,
            standing: if self.leader() == Some(bidder) { Standing::Leading } else { Standing::Outbid },
            price: self.price.unwrap_or_default(),
            min_next: self.min_next(),
            raised_price: self.price > before.1,
            new_leader: self.leader() != before.0,
        }
    }

    /// How the auction ends if it ends now.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match (self.leader(), self.price) {
            (Some(leader), Some(price))
                if self.terms.reserve_price.is_none_or(|reserve| price >= reserve) =>
            {
                Outcome::Awarded(leader, price)
            }
            _ => Outcome::Unsold,
        }
    }

    fn least_from(&self, bidder: AccountId) -> u64 {
        match self.leader {
            Some((leader, maximum)) if self.terms.proxy && leader == bidder => maximum + 1,
            _ => self.min_next(),
        }
    }

    /// A maximum changes who leads, and the price that competition calls for: gives the price.
    fn take_maximum(&mut self, bidder: AccountId, amount: u64) -> u64 {
        let Some((leader, maximum)) = self.leader else {
            self.leader = Some((bidder, amount));
            return self.terms.opening_price;
        };
        let standing_price = self.price.unwrap_or(self.terms.opening_price);
        if leader == bidder {
            self.leader = Some((bidder, maximum.max(amount)));
            return standing_price;
        }
        let (winner, highest, beaten) =
            if amount > maximum { (bidder, amount, maximum) } else { (leader, maximum, amount) };
        self.leader = Some((winner, highest));
        self.one_step_above(beaten).min(highest).max(standing_price)
    }

    fn lift_to_reserve(&mut self) {
        if let (Some((_, maximum)), Some(reserve)) = (self.leader, self.terms.reserve_price)
            && maximum >= reserve
        {
            self.price = self.price.max(Some(reserve));
        }
    }

    fn one_step_above(&self, price: u64) -> u64 {
        (price + self.terms.steps.at(price)).min(gavel_core::limits::AMOUNT_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::TermsPlan;

    fn terms(proxy: bool, overlay: &str) -> KnownTerms {
        KnownTerms::parse(&TermsPlan::standard(proxy).overlaid(overlay).unwrap().json(0, 0)).unwrap()
    }

    /// Plays bids of (bidder, amount) and gives (leads, price) after each.
    fn play(terms: &KnownTerms, bids: &[(u64, u64)]) -> Vec<(bool, u64)> {
        let mut computed = Computed::new(terms);
        let mut judge = |&(bidder, amount): &(u64, u64)| {
            let judgement = computed.bid(AccountId::from_integer(bidder), amount);
            (judgement.standing == Standing::Leading, judgement.price)
        };
        bids.iter().map(&mut judge).collect()
    }

    #[test]
    fn the_price_rises_only_as_far_as_it_must() {
        let terms = terms(true, "{}");
        let bids = [(1, 5_000), (2, 1_100), (2, 3_000), (3, 6_000), (1, 5_500)];
        let expected = [(true, 1_000), (false, 1_200), (false, 3_100), (true, 5_100), (false, 5_600)];
        assert_eq!(play(&terms, &bids), expected);
    }

    #[test]
    fn the_earlier_of_equal_maxima_leads_and_a_maximum_below_the_next_step_counts_in_full() {
        let terms = terms(true, "{}");
        assert_eq!(play(&terms, &[(1, 2_000), (2, 2_000)]), [(true, 1_000), (false, 2_000)]);
        assert_eq!(play(&terms, &[(1, 2_000), (2, 2_050)]), [(true, 1_000), (true, 2_050)]);
        assert_eq!(play(&terms, &[(1, 2_000), (2, 1_950)]), [(true, 1_000), (false, 2_000)]);
    }

    #[test]
    fn raising_ones_own_maximum_moves_nothing_even_where_it_was_short_of_a_step() {
        let terms = terms(true, "{}");
        let bids = [(1, 1_150), (2, 1_100), (1, 9_000), (2, 1_300)];
        assert_eq!(play(&terms, &bids), [(true, 1_000), (false, 1_150), (true, 1_150), (false, 1_400)]);
    }

    #[test]
    fn the_step_is_that_of_the_beaten_maximum() {
        let terms = terms(true, r#"{"increments": [{"from": 0, "step": 10}, {"from": 2000, "step": 500}]}"#);
        assert_eq!(
            play(&terms, &[(1, 9_000), (2, 1_999), (3, 2_500)]),
            [(true, 1_000), (false, 2_009), (false, 3_000)]
        );
    }

    #[test]
    fn a_maximum_at_the_reserve_lifts_the_price_to_it_and_decides_the_outcome() {
        let terms = terms(true, r#"{"reserve_price": 4000}"#);
        assert_eq!(
            play(&terms, &[(1, 3_000), (2, 3_500), (1, 5_000)]),
            [(true, 1_000), (true, 3_100), (true, 4_000)]
        );
        let mut computed = Computed::new(&terms);
        assert_eq!(computed.outcome(), Outcome::Unsold);
        computed.bid(AccountId::from_integer(1), 3_999);
        assert_eq!(computed.outcome(), Outcome::Unsold);
        computed.bid(AccountId::from_integer(1), 4_000);
        assert_eq!(computed.outcome(), Outcome::Awarded(AccountId::from_integer(1), 4_000));
    }

    #[test]
    fn without_proxy_bidding_a_bid_is_the_price() {
        let terms = terms(false, "{}");
        assert_eq!(
            play(&terms, &[(1, 1_000), (2, 5_000), (1, 5_100)]),
            [(true, 1_000), (true, 5_000), (true, 5_100)]
        );
    }

    #[test]
    fn the_least_amount_is_one_step_up_and_for_a_leader_above_their_maximum() {
        let terms = terms(true, "{}");
        let mut computed = Computed::new(&terms);
        let [one, two] = [1, 2].map(AccountId::from_integer);
        assert_eq!(computed.bid(one, 2_000).least, 1_000);
        assert_eq!(computed.bid(one, 3_000).least, 2_001);
        let mut short = Computed::new(&terms);
        short.bid(one, 1_000);
        short.bid(two, 1_150);
        assert_eq!((short.min_next(), short.bid(two, 1_151).least), (1_200, 1_151), "short of a step");
        let second = computed.bid(two, 1_500);
        assert_eq!((second.least, second.price, second.min_next), (1_100, 1_600, 1_700));
        assert!(second.raised_price && !second.new_leader);
    }
}
