//! After the end: payment and second chances.
//!
//! ## The price of a second chance
//!
//! It is the price that the runner-up would have paid, had nobody before them ever bid: the ordinary rules, over their own
//! bids and those of all who stand behind them. An offer at their own maximum would publish it, and would ask for more than
//! proxy bidding has promised them: no more than it takes to stay ahead of the others. As it is, an offer says as little of
//! a maximum as any other price does.
//!
//! "Before them" are those who had the award or the offer, with all their bids (a purchase may be lower than the maximum of
//! the runner-up), and those who were passed over because they are banned: were their bids left in, the price would
//! be the runner-up's whole maximum, and a ban would be all it takes to learn it. The standing bids of banned bidders behind
//! the runner-up count as they did before.

use super::{Judge, Verdict};
use crate::auction::bids::Bid;
use crate::auction::{Auction, State};
use crate::event::AfterUnpaid;
use crate::rejection::StateReason;
use crate::{AccountId, Amount, EventKind, Rejection};
use std::cmp::Reverse;

impl Judge<'_> {
    pub(super) fn paid(&self) -> Verdict {
        match self.auction.state {
            State::Awarded => Ok(Some(EventKind::Paid)),
            State::Closed => Ok(None),
            _ => self.wrong_state(),
        }
    }

    pub(super) fn unpaid(&self) -> Verdict {
        match self.auction.state {
            State::Awarded => Ok(Some(EventKind::Unpaid { next: self.after_unpaid(), expired: false })),
            _ => self.wrong_state(),
        }
    }

    pub(super) fn accept_offer(&self, bidder: AccountId) -> Verdict {
        if self.accepted_before(bidder) {
            return Ok(None);
        }
        self.is_offeree(bidder)?;
        if self.at >= self.auction.deadline {
            return Err(Rejection::Closed(self.auction.deadline));
        }
        if self.is_banned(bidder) {
            return Err(Rejection::Banned);
        }
        let pay_by = self.at.saturating_add(self.auction.terms.payment_window);
        Ok(Some(EventKind::OfferAccepted { pay_by }))
    }

    pub(super) fn decline_offer(&self, bidder: AccountId) -> Verdict {
        self.is_offeree(bidder)?;
        Ok(Some(EventKind::OfferEnded { next: self.after_unpaid(), expired: false }))
    }

    fn is_offeree(&self, bidder: AccountId) -> Result<(), Rejection> {
        match self.auction.state {
            State::Offered if self.auction.leader() == Some(bidder) => Ok(()),
            State::Offered => self.state_error(StateReason::NotOfferee),
            _ => self.wrong_state(),
        }
    }

    /// True when the bidder is the winner by an offer: only those come after somebody who was tried.
    fn accepted_before(&self, bidder: AccountId) -> bool {
        self.auction.state == State::Awarded
            && self.auction.leader() == Some(bidder)
            && self.auction.rare.as_ref().is_some_and(|rare| !rare.tried.is_empty())
    }

    /// Who comes next when a winner does not pay, or an offer comes to nothing, and at which price.
    pub(super) fn after_unpaid(&self) -> AfterUnpaid {
        match self.runner_up() {
            Some((to, price)) => AfterUnpaid::Offered {
                to,
                price,
                until: self.at.saturating_add(self.auction.terms.offer_window),
            },
            None => AfterUnpaid::Unsold,
        }
    }

    /// The highest standing bidder who was not tried, is not banned and reaches the reserve price; at the price that they
    /// would have paid had nobody before them ever bid. See the head of this file. Looks at every bid three times: some
    /// 15 ms for a million, where a removal takes 12.
    fn runner_up(&self) -> Option<(AccountId, Amount)> {
        let auction = self.auction;
        let mut out = self.tried();
        let next = self.next_in_line(&out)?;
        for bid in auction.bids.iter().filter(|bid| bid.stands() && is_before(bid, next)) {
            out.insert(bid.bidder);
        }
        let lead = auction.lead_without(|bid| !out.contains(bid.bidder))?;
        Some((auction.bidders.account(lead.bidder)?, lead.price))
    }

    /// Who had the award or the offer.
    fn tried(&self) -> Numbers {
        let Auction { bidders, rare, lead, .. } = self.auction;
        let mut tried = Numbers::none_of(bidders.len());
        rare.iter().flat_map(|rare| &rare.tried).for_each(|&bidder| tried.insert(bidder));
        lead.iter().for_each(|lead| tried.insert(lead.bidder));
        tried
    }

    /// The bid with which the runner-up stands before all others that could have it. Goes from the latest bid to the first:
    /// the latest are the highest as a rule, so that few bidders are looked up among the bans.
    fn next_in_line(&self, tried: &Numbers) -> Option<&Bid> {
        let Auction { bids, bidders, reserve, .. } = self.auction;
        let may_have_it = |bid: &Bid| {
            let account = bidders.account(bid.bidder);
            !tried.contains(bid.bidder) && account.is_some_and(|account| !self.is_banned(account))
        };
        let high_enough = bids.iter().rev().filter(|bid| bid.stands() && Some(bid.amount()) >= *reserve);
        high_enough.fold(None, |best, bid| match best {
            Some(best) if !is_before(bid, best) => Some(best),
            best => {
                if may_have_it(bid) {
                    Some(bid)
                } else {
                    best
                }
            }
        })
    }
}

/// The higher one comes before, and of equal ones the earlier.
fn is_before(bid: &Bid, other: &Bid) -> bool {
    (Reverse(bid.amount()), bid.seq) < (Reverse(other.amount()), other.seq)
}

/// A set of bidders, by their numbers.
struct Numbers(Box<[bool]>);

impl Numbers {
    /// Of so many bidders none.
    fn none_of(bidders: usize) -> Self {
        Self(vec![false; bidders].into())
    }

    fn insert(&mut self, bidder: u32) {
        if let Some(is_in) = self.0.get_mut(bidder as usize) {
            *is_in = true;
        }
    }

    fn contains(&self, bidder: u32) -> bool {
        self.0.get(bidder as usize).copied().unwrap_or(false)
    }
}
