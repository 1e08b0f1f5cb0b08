//! Bids and purchases: who leads, and at which price.

use super::super::stand::Facts;
use super::{Telling, Told, shown};
use gavel_core::event::BidAccepted;
use gavel_core::terms::BuyNowPolicy;
use gavel_core::{AccountId, Amount, Timestamp};

impl Telling<'_> {
    pub(super) fn bid(&self, bid: &BidAccepted, at: Timestamp) -> Told {
        let title = match (self.terms().proxy, self.secret) {
            (true, true) => format!("bid by {}, up to {}", bid.bidder, shown(bid.amount)),
            (true, false) => format!("bid by {}", bid.bidder),
            (false, _) => format!("bid by {} of {}", bid.bidder, shown(bid.amount)),
        };
        let mut lines = vec![if bid.leading { self.leads(bid) } else { self.outbid(bid) }];
        lines.extend(self.reserve_status());
        lines.extend(self.buy_now_gone());
        lines.extend(self.soft_close(bid, at));
        (title, lines)
    }

    fn leads(&self, bid: &BidAccepted) -> String {
        let before = self.before();
        let (terms, price) = (self.terms(), shown(bid.price));
        let lead = before.view.leader.zip(before.maximum);
        match lead {
            _ if !terms.proxy => {
                format!("accepted: leads at {price}; without secret maxima a bid is the price")
            }
            Some((leader, _)) if leader == bid.bidder => self.raises_own(bid, &before),
            None if bid.price == terms.opening_price => {
                format!("accepted: leads at {price}, the opening price, as no other bid stands")
            }
            None => self.lifted_to_reserve(bid),
            Some((leader, maximum)) => self.takes_the_lead(bid, leader, maximum),
        }
    }

    fn raises_own(&self, bid: &BidAccepted, before: &Facts) -> String {
        if Some(bid.price) == before.view.price {
            return format!(
                "accepted: leads as before, at {}; to raise one's own maximum does not move the price",
                shown(bid.price)
            );
        }
        format!(
            "accepted: leads as before; the higher maximum reaches the reserve price, so that the price rises to it at once: {}",
            shown(bid.price)
        )
    }

    /// A new leader pays one step more than the leader before would have, or all they offer when that is less; and no less than
    /// a reserve price that their maximum reaches.
    fn takes_the_lead(&self, bid: &BidAccepted, other: AccountId, maximum: Amount) -> String {
        let increments = &self.terms().increments;
        let step = shown(increments.step_at(maximum));
        let above = increments.above(maximum).unwrap_or(Amount::MAX);
        let second = self.second_highest(other, maximum);
        let price = shown(bid.price);
        if bid.price > above.min(bid.amount) {
            self.lifted_to_reserve(bid)
        } else if bid.price == above {
            format!(
                "accepted: leads at {price}, one step of {step} above the second-highest maximum, {second}"
            )
        } else {
            format!(
                "accepted: leads at {price}, all that was bid: it is above the second-highest maximum, {second}, by less than \
                 the step of {step}"
            )
        }
    }

    fn second_highest(&self, bidder: AccountId, maximum: Amount) -> String {
        if self.secret {
            format!("{}, which is {bidder}'s", shown(maximum))
        } else {
            "which is another bidder's".to_owned()
        }
    }

    fn lifted_to_reserve(&self, bid: &BidAccepted) -> String {
        format!(
            "accepted: leads at {}, the reserve price: a maximum that reaches it lifts the price to it at once",
            shown(bid.price)
        )
    }

    fn outbid(&self, bid: &BidAccepted) -> String {
        let increments = &self.terms().increments;
        let maximum = self.before().maximum.unwrap_or(bid.price);
        let price = shown(bid.price);
        let theirs = if self.secret { format!(", {},", shown(maximum)) } else { String::new() };
        if bid.amount == maximum {
            format!(
                "accepted and outbid at once: another bidder's maximum{theirs} is equal, and of equal maxima the earlier leads; the \
                 price rises to {price}"
            )
        } else if increments.above(bid.amount) == Some(bid.price) {
            let step = shown(increments.step_at(bid.amount));
            format!(
                "accepted and outbid at once: another bidder's maximum{theirs} is higher; the price rises to {price}, one step of {step} \
                 above this bid"
            )
        } else {
            format!(
                "accepted and outbid at once: another bidder's maximum{theirs} is higher, by less than a step; the price rises to it, \
                 {price}"
            )
        }
    }

    fn buy_now_gone(&self) -> Option<String> {
        let had = self.before().view.buy_now?;
        let policy = self.terms().buy_now?.policy;
        if self.after.view.buy_now.is_some() {
            return None;
        }
        let why = match policy {
            BuyNowPolicy::UntilFirstBid => "the first bid removes it",
            BuyNowPolicy::Always => "the next bid would have to be higher",
        };
        Some(format!("the buy-now price of {} is gone: {why}", shown(had)))
    }

    pub(super) fn bought_now(&self, buyer: AccountId, price: Amount, pay_by: Timestamp) -> Told {
        let why = match self.terms().buy_now.map(|buy_now| buy_now.policy) {
            Some(BuyNowPolicy::UntilFirstBid) => ", which could be had as there was no bid yet",
            Some(BuyNowPolicy::Always) => ", which could be had as the next bid could still be no higher",
            None => "",
        };
        let lines = vec![
            format!("sold at {}, the buy-now price{why}; the auction is over with it", shown(price)),
            format!("to be paid until {pay_by}"),
        ];
        (format!("bought by {buyer}"), lines)
    }
}
