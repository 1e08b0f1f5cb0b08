//! Who leads, and at which price.
//!
//! One function says how a bid changes both; the state is its fold over the bids that stand, in order. So what remains after
//! a retraction is what would be, had that bid never been; and a second chance has the price that would be, had those
//! who come before it never bid.

use super::Auction;
use super::bids::Bid;
use crate::event::Leadership;
use crate::{Amount, Increments};

/// The leader, their maximum, and the price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lead {
    /// The highest standing maximum; the price itself after a purchase or an offer, when nobody bids any more.
    pub max: Amount,
    /// The price: never above `max`.
    pub price: Amount,
    /// Whose it is: a place in the list of the auction's bidders.
    pub bidder: u32,
}

/// A bidder who has no number here yet, in a decision about their first bid.
pub(super) const NEWCOMER: u32 = u32::MAX;

/// What the price depends on beside the bids.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    increments: &'a Increments,
    opening_price: Amount,
    reserve: Option<Amount>,
    proxy: bool,
}

impl Rules<'_> {
    /// Leader and price after one more bid.
    pub(super) fn after(self, lead: Option<Lead>, bidder: u32, amount: Amount) -> Lead {
        let next = match lead {
            _ if !self.proxy => self.open_outcry(lead, bidder, amount),
            None => Lead { max: amount, price: self.opening_price, bidder },
            // Raising one's own maximum moves nothing.
            Some(lead) if lead.bidder == bidder => Lead { max: lead.max.max(amount), ..lead },
            // A new leader pays one step more than the old one would have, or all they offer when that is less.
            Some(lead) if amount > lead.max => {
                Lead { max: amount, price: self.one_above(lead.max).min(amount).max(lead.price), bidder }
            }
            // The leader stays, also on an equal maximum, for theirs came first.
            Some(lead) => Lead { price: self.one_above(amount).min(lead.max).max(lead.price), ..lead },
        };
        self.up_to_reserve(next)
    }

    /// Without secret maxima a bid is the price.
    fn open_outcry(self, lead: Option<Lead>, bidder: u32, amount: Amount) -> Lead {
        match lead {
            Some(lead) if amount <= lead.price => lead,
            _ => Lead { max: amount, price: amount, bidder },
        }
    }

    /// A maximum that reaches the reserve price lifts the price to it at once.
    pub(super) fn up_to_reserve(self, lead: Lead) -> Lead {
        match self.reserve {
            Some(reserve) if lead.max >= reserve => Lead { price: lead.price.max(reserve), ..lead },
            _ => lead,
        }
    }

    fn one_above(self, amount: Amount) -> Amount {
        self.increments.above(amount).unwrap_or(Amount::MAX)
    }
}

impl Auction {
    pub(super) fn rules(&self) -> Rules<'_> {
        self.rules_with(self.reserve)
    }

    /// The rules with another reserve price.
    pub(super) fn rules_with(&self, reserve: Option<Amount>) -> Rules<'_> {
        let terms = &self.terms;
        Rules {
            increments: &terms.increments,
            opening_price: terms.opening_price,
            reserve,
            proxy: terms.proxy,
        }
    }

    /// Leader and price from the standing bids that `keeps` keeps. Looks at every bid: some milliseconds for a million.
    pub(super) fn lead_without(&self, keeps: impl Fn(&Bid) -> bool) -> Option<Lead> {
        let rules = self.rules();
        let kept = self.bids.iter().filter(|bid| bid.stands() && keeps(bid));
        kept.fold(None, |lead, bid| Some(rules.after(lead, bid.bidder, bid.amount())))
    }

    /// As events say it.
    pub(super) fn leadership(&self, lead: Option<Lead>) -> Leadership {
        Leadership {
            price: lead.map(|lead| lead.price),
            leader: lead.and_then(|lead| self.bidders.account(lead.bidder)),
        }
    }
}
