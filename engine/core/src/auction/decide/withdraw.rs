//! Bids that are taken out again: retracted, removed, or removed with a ban.

use super::{Judge, Phase, Verdict, check_reason};
use crate::auction::Auction;
use crate::auction::bids::Bid;
use crate::command::{Reason, StandingBids};
use crate::event::{BidRetracted, BidsRemoved};
use crate::limits::AUCTION_BANS_MAX;
use crate::rejection::{LimitReached, Missing, StateReason};
use crate::terms::Retraction;
use crate::{AccountId, BidId, EventKind, Rejection};

impl Judge<'_> {
    pub(super) fn retract(&self, id: BidId, reason: &Reason) -> Verdict {
        check_reason(reason)?;
        let phase = self.before_end()?;
        let bids = &self.auction.bids;
        let place = bids.find(self.auction.id, id).and_then(|index| Some((index, bids.get(index)?)));
        let (_, bid) = place.filter(|(_, bid)| bid.stands()).ok_or(Rejection::NotFound(Missing::Bid))?;
        if phase == Phase::Bidding && !self.retraction_allowed() {
            return self.state_error(StateReason::NoRetraction);
        }
        let bidder = self.auction.bidders.account(bid.bidder).ok_or(Rejection::NotFound(Missing::Bid))?;
        let seq = bid.seq;
        let left = self.auction.leadership(self.auction.lead_without(|bid| bid.seq != seq));
        let retracted = BidRetracted { id, bidder, reason: reason.clone(), left };
        Ok(Some(EventKind::BidRetracted(Box::new(retracted))))
    }

    fn retraction_allowed(&self) -> bool {
        match self.auction.terms.retraction {
            Retraction::Never => false,
            Retraction::Until(before_end) => self.auction.ends_at.since(self.at) > before_end,
        }
    }

    pub(super) fn remove(&self, bidder: AccountId, reason: &Reason) -> Verdict {
        check_reason(reason)?;
        self.before_end()?;
        let Auction { bidders, bids, .. } = self.auction;
        let number = bidders.find(bidder).filter(|&number| bidders.stands(number));
        let number = number.ok_or(Rejection::NotFound(Missing::Bidder))?;
        let left = self.auction.leadership(self.auction.lead_without(|bid| bid.bidder != number));
        let count = bids.standing_of(number);
        let removed = BidsRemoved { bidder, reason: reason.clone(), count, left };
        Ok(Some(EventKind::BidsRemoved(Box::new(removed))))
    }

    pub(super) fn ban(&self, bidder: AccountId, standing: StandingBids) -> Verdict {
        let phase = self.banning_phase()?;
        if self.auction.is_banned_here(bidder) {
            return self.state_error(StateReason::AlreadyBanned);
        }
        if self.auction.rare.as_ref().is_some_and(|rare| rare.banned.len() >= AUCTION_BANS_MAX) {
            return Err(Rejection::TooLarge(LimitReached::Bans));
        }
        let remove = standing == StandingBids::Remove && phase != Phase::Ended;
        let removed = if remove { self.auction.bidders.find(bidder) } else { None };
        let removed = removed.filter(|&number| self.auction.bidders.stands(number)).map(|number| {
            let keeps = |bid: &Bid| bid.bidder != number;
            Box::new(self.auction.leadership(self.auction.lead_without(keeps)))
        });
        Ok(Some(EventKind::BidderBanned { bidder, removed }))
    }

    pub(super) fn unban(&self, bidder: AccountId) -> Verdict {
        self.banning_phase()?;
        if !self.auction.is_banned_here(bidder) {
            return Err(Rejection::NotFound(Missing::Ban));
        }
        Ok(Some(EventKind::BidderUnbanned { bidder }))
    }

    /// Bans come and go as long as anything can happen.
    fn banning_phase(&self) -> Result<Phase, Rejection> {
        match self.phase() {
            Phase::Ended if !self.auction.state.is_final() => Ok(Phase::Ended),
            _ => self.before_end(),
        }
    }
}
