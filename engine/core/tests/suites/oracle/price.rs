//! Leader and price from the whole list of bids, by sorting everybody's maxima.

use super::{ListedBid, Oracle};
use gavel_core::auction::ReserveStatus;
use gavel_core::event::Leadership;
use gavel_core::{AccountId, Amount, Standing};

/// Who leads, up to what, at which price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Now {
    pub leader: AccountId,
    pub max: Amount,
    pub price: Amount,
}

impl Oracle {
    /// The step at a price: the last row that is not above it.
    fn step(&self, price: u64) -> u64 {
        self.terms.increments.rows().iter().rfind(|row| row.from.get() <= price).unwrap().step.get()
    }

    /// The least that a bid above this price must be; may be more than any amount.
    pub(crate) fn least_above(&self, price: Option<Amount>) -> u64 {
        price.map_or(self.terms.opening_price.get(), |price| price.get() + self.step(price.get()))
    }

    pub(crate) fn least_next(&self) -> u64 {
        self.least_above(self.standing().map(|now| now.price))
    }

    fn pairs(&self, keeps: impl Fn(&ListedBid) -> bool) -> Vec<(AccountId, u64)> {
        self.bids
            .iter()
            .filter(|bid| !bid.gone && keeps(bid))
            .map(|bid| (bid.bidder, bid.amount.get()))
            .collect()
    }

    pub(crate) fn standing(&self) -> Option<Now> {
        self.standing_of(&self.pairs(|_| true))
    }

    pub(crate) fn standing_with(&self, bidder: AccountId, amount: Amount) -> Now {
        let mut pairs = self.pairs(|_| true);
        pairs.push((bidder, amount.get()));
        self.standing_of(&pairs).unwrap()
    }

    pub(crate) fn leadership_where(&self, keeps: impl Fn(&ListedBid) -> bool) -> Leadership {
        let now = self.standing_of(&self.pairs(keeps));
        Leadership { price: now.map(|now| now.price), leader: now.map(|now| now.leader) }
    }

    /// Ranks everybody by their highest amount, the earlier first among equals, after each of the bids in turn.
    fn standing_of(&self, bids: &[(AccountId, u64)]) -> Option<Now> {
        let mut price = self.terms.opening_price.get();
        let mut leader = None;
        for count in 1..=bids.len() {
            let ranks = ranking(&bids[..count]);
            let (first, max) = ranks[0];
            let (bidder, amount) = bids[count - 1];
            if !self.terms.proxy {
                price = max;
            } else if leader.is_some() && leader != Some(bidder) {
                let second = ranks[1].1;
                price = price.max(max.min(second + self.step(second)));
            }
            if let Some(reserve) = self.reserve.filter(|reserve| reserve.get() <= max) {
                price = price.max(reserve.get());
            }
            assert!(amount <= max);
            leader = Some(first);
        }
        let (leader, max) = *ranking(bids).first()?;
        Some(Now { leader, max: Amount::new(max).unwrap(), price: Amount::new(price).unwrap() })
    }

    /// While bids are taken from the list; later what was agreed.
    pub(crate) fn leader_and_price(&self) -> (Option<AccountId>, Option<Amount>) {
        match self.buyer {
            Some((buyer, price)) => (Some(buyer), Some(price)),
            None => (self.standing().map(|now| now.leader), self.standing().map(|now| now.price)),
        }
    }

    pub(crate) fn reserve_status(&self) -> ReserveStatus {
        match (self.reserve, self.leader_and_price().1) {
            (None, _) => ReserveStatus::None,
            (Some(reserve), Some(price)) if reserve <= price => ReserveStatus::Met,
            _ => ReserveStatus::NotMet,
        }
    }

    pub(crate) fn bid_standing(&self, bidder: AccountId) -> Standing {
        let leads = self.standing().is_some_and(|now| now.leader == bidder);
        if leads { Standing::Leading } else { Standing::Outbid }
    }
}

/// Everybody's highest amount: the highest first, and of equal ones the one that was reached first.
fn ranking(bids: &[(AccountId, u64)]) -> Vec<(AccountId, u64)> {
    let mut best: Vec<(AccountId, u64, usize)> = vec![];
    for (when, &(bidder, amount)) in bids.iter().enumerate() {
        match best.iter_mut().find(|entry| entry.0 == bidder) {
            Some(entry) if entry.1 < amount => *entry = (bidder, amount, when),
            Some(_) => {}
            None => best.push((bidder, amount, when)),
        }
    }
    best.sort_by_key(|&(_, amount, when)| (std::cmp::Reverse(amount), when));
    best.into_iter().map(|(bidder, amount, _)| (bidder, amount)).collect()
}
