//! Bids and purchases.

use super::{BidVerdict, Judge, Phase};
use crate::auction::bids::Bid;
use crate::auction::standing::{Lead, NEWCOMER};
use crate::auction::{Auction, Receipt};
use crate::event::BidAccepted;
use crate::limits::BIDS_PER_AUCTION_MAX;
use crate::rejection::{InvalidReason, LimitReached, StateReason};
use crate::terms::{BuyNowPolicy, SoftCloseMode, SoftCloseTrigger};
use crate::{AccountId, Amount, BidId, EventKind, Rejection, Timestamp};

impl Judge<'_> {
    pub(super) fn bid(
        &self,
        bidder: AccountId,
        amount: Amount,
        id: Option<BidId>,
    ) -> Result<BidVerdict, Rejection> {
        let same = |bid: &Bid| !bid.is_purchase() && bid.amount() == amount;
        if let Some(receipt) = self.repeated(bidder, id, same)? {
            return Ok(BidVerdict::Repeat(receipt));
        }
        if amount == Amount::ZERO {
            return Err(Rejection::Invalid(InvalidReason::Amount));
        }
        self.may_bid(bidder)?;
        let Auction { lead, .. } = *self.auction;
        let number = self.number(bidder, lead);
        self.high_enough(amount, lead.filter(|lead| lead.bidder == number))?;
        self.room_for_bid()?;
        let next = self.auction.rules().after(lead, number, amount);
        Ok(BidVerdict::Fact(EventKind::BidAccepted(BidAccepted {
            id: self.id_for_new(id),
            bidder,
            amount,
            price: next.price,
            leading: next.bidder == number,
            extended_to: self.extended_to(lead, next),
        })))
    }

    pub(super) fn buy_now(&self, buyer: AccountId, id: Option<BidId>) -> Result<BidVerdict, Rejection> {
        if let Some(receipt) = self.repeated(buyer, id, Bid::is_purchase)? {
            return Ok(BidVerdict::Repeat(receipt));
        }
        self.may_bid(buyer)?;
        let price = self.auction.buy_now().or_else(|reason| self.state_error(reason))?;
        self.room_for_bid()?;
        let pay_by = self.at.saturating_add(self.auction.terms.payment_window);
        Ok(BidVerdict::Fact(EventKind::BoughtNow { id: self.id_for_new(id), buyer, price, pay_by }))
    }

    /// The first answer, when the id was used before for the same.
    fn repeated(
        &self,
        bidder: AccountId,
        id: Option<BidId>,
        same: impl Fn(&Bid) -> bool,
    ) -> Result<Option<Receipt>, Rejection> {
        let Some(id) = id else { return Ok(None) };
        let Auction { bids, bidders, .. } = self.auction;
        match bids.find(self.auction.id, id).and_then(|index| bids.get(index)) {
            Some(bid) if bidders.account(bid.bidder) == Some(bidder) && same(bid) => {
                Ok(Some(self.auction.receipt_of(id, bid)))
            }
            Some(_) => Err(Rejection::IdConflict),
            None if id.as_assigned().is_some() => Err(Rejection::Invalid(InvalidReason::AssignedId)),
            None => Ok(None),
        }
    }

    fn id_for_new(&self, id: Option<BidId>) -> BidId {
        id.unwrap_or(BidId::assigned(self.auction.id, self.auction.seq.next()))
    }

    /// Time, seller and bans.
    fn may_bid(&self, bidder: AccountId) -> Result<(), Rejection> {
        match self.phase() {
            Phase::Ahead => return Err(Rejection::NotStarted(self.auction.terms.starts_at)),
            Phase::Over | Phase::Ended => return Err(Rejection::Closed(self.auction.ends_at)),
            Phase::Bidding => {}
        }
        if bidder == self.auction.terms.seller {
            return Err(Rejection::SellerBid);
        }
        if self.is_banned(bidder) {
            return Err(Rejection::Banned);
        }
        Ok(())
    }

    /// The leader's number for the leader, as it is all that the rules ask for; nobody's for everybody else.
    fn number(&self, bidder: AccountId, lead: Option<Lead>) -> u32 {
        let leads = |lead: &Lead| self.auction.bidders.account(lead.bidder) == Some(bidder);
        lead.filter(leads).map_or(NEWCOMER, |lead| lead.bidder)
    }

    /// `own` is the lead where it is the bidder's own: they alone hear of their maximum.
    fn high_enough(&self, amount: Amount, own: Option<Lead>) -> Result<(), Rejection> {
        let least = match own {
            Some(own) if self.auction.terms.proxy => Amount::new(own.max.get() + 1),
            _ => self.auction.min_next(),
        };
        match least {
            Some(least) if amount >= least => Ok(()),
            Some(least) => Err(Rejection::TooLow(least)),
            None => Err(Rejection::TooLarge(LimitReached::Price)),
        }
    }

    fn room_for_bid(&self) -> Result<(), Rejection> {
        if self.auction.bids.len() < BIDS_PER_AUCTION_MAX as usize {
            Ok(())
        } else {
            Err(Rejection::TooLarge(LimitReached::Bids))
        }
    }

    /// Soft close: the new end, when the bid moves it.
    ///
    /// It is never beyond the hard end and the longest duration (or the present end, where time that was given back has
    /// moved that beyond both), and never before the bid itself, since an extension is at least a second.
    fn extended_to(&self, before: Option<Lead>, after: Lead) -> Option<Timestamp> {
        let Auction { terms, ends_at, .. } = self.auction;
        let soft = terms.soft_close?;
        let triggered = match soft.trigger {
            SoftCloseTrigger::Any => true,
            SoftCloseTrigger::Price => before.is_none_or(|before| after.price > before.price),
            SoftCloseTrigger::Leader => before.is_none_or(|before| after.bidder != before.bidder),
        };
        if !triggered || ends_at.since(self.at) > soft.window {
            return None;
        }
        let wanted = match soft.mode {
            SoftCloseMode::FromBid => self.at.saturating_add(soft.extension).max(*ends_at),
            SoftCloseMode::FromEnd => ends_at.saturating_add(soft.extension),
            SoftCloseMode::Reset => self.at.saturating_add(soft.extension),
        };
        let new_end = wanted.min(terms.latest_end().max(*ends_at));
        (new_end != *ends_at).then_some(new_end)
    }

    pub(super) fn is_banned(&self, bidder: AccountId) -> bool {
        self.context.bans.is_banned(bidder, self.auction.terms.seller) || self.auction.is_banned_here(bidder)
    }
}

impl Auction {
    /// The buy-now price, while bids do not stand in its way.
    pub(in crate::auction) fn buy_now(&self) -> Result<Amount, StateReason> {
        let buy_now = self.terms.buy_now.ok_or(StateReason::NoBuyNow)?;
        let available = match buy_now.policy {
            // For good: a retraction does not bring it back.
            BuyNowPolicy::UntilFirstBid => self.bids.len() == 0,
            BuyNowPolicy::Always => self.min_next().is_some_and(|least| least <= buy_now.price),
        };
        if available { Ok(buy_now.price) } else { Err(StateReason::BuyNowGone) }
    }
}
