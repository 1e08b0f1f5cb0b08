//! After the end: payment and second chances.

use super::{Judge, Verdict};
use crate::auction::{Auction, State};
use crate::event::AfterUnpaid;
use crate::rejection::StateReason;
use crate::{AccountId, Amount, EventKind, Rejection};

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

    /// Who comes next when a winner does not pay, or an offer comes to nothing: the highest standing bidder who was not tried,
    /// is not banned and reaches the reserve price, at their own maximum.
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

    /// The earlier of two equal ones. Looks at every bid.
    fn runner_up(&self) -> Option<(AccountId, Amount)> {
        let Auction { bids, bidders, rare, lead, reserve, .. } = self.auction;
        let present = lead.map(|lead| lead.bidder);
        let was_tried = |bidder: u32| {
            Some(bidder) == present || rare.as_ref().is_some_and(|rare| rare.tried.contains(&bidder))
        };
        let mut best: Option<(AccountId, Amount)> = None;
        for bid in bids.iter().filter(|bid| bid.stands()) {
            let amount = bid.amount();
            if best.is_some_and(|(_, best)| amount <= best)
                || Some(amount) < *reserve
                || was_tried(bid.bidder)
            {
                continue;
            }
            if let Some(account) = bidders.account(bid.bidder).filter(|&account| !self.is_banned(account)) {
                best = Some((account, amount));
            }
        }
        best
    }
}
