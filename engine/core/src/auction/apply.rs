//! Takes decided facts in. Total: it looks nothing up that could be missing without going on, and asks no rule whether the
//! fact was right. What an event says is taken from it; what it leaves out (the leader's maximum) comes from the bids.

use super::bids::{Bid, Kind};
use super::{Auction, Lead, State};
use crate::event::{AfterUnpaid, BidAccepted, Outcome};
use crate::{AccountId, Amount, BidId, Event, EventKind, Position, Timestamp};

impl Auction {
    /// Takes a decided fact in. Total; an event of another auction, and one that the auction already has, changes nothing.
    pub fn apply(&mut self, event: &Event, position: Position) {
        if event.auction != self.id || event.seq <= self.seq {
            return;
        }
        self.set_epoch(position.epoch, event.seq);
        self.lsn = position.lsn;
        self.seq = event.seq;
        self.at = event.at;
        match &event.kind {
            EventKind::BidAccepted(bid) => self.take_bid(bid),
            kind => self.take(kind),
        }
    }

    fn take(&mut self, kind: &EventKind) {
        match kind {
            EventKind::Opened(_) | EventKind::BidAccepted(_) => {}
            EventKind::Started => self.state = State::Open,
            EventKind::BoughtNow { id, buyer, price, pay_by } => {
                self.take_purchase(*id, *buyer, *price, *pay_by)
            }
            EventKind::BidRetracted(retracted) => self.take_retraction(retracted.id),
            EventKind::BidsRemoved(removed) => self.remove_bids_of(removed.bidder),
            EventKind::EndMoved { ends_at, .. } => self.set_end(*ends_at, self.seq),
            EventKind::Ended { outcome, early } => self.take_end(outcome, *early),
            EventKind::Cancelled { .. } => {
                self.state = State::Cancelled;
                self.set_end(self.at, self.seq);
            }
            EventKind::DetailsEdited { .. } => self.rare_mut().edits += 1,
            EventKind::ReserveLowered { reserve, price } => self.take_reserve(*reserve, *price),
            EventKind::Paid => self.state = State::Closed,
            EventKind::Unpaid { next, .. } | EventKind::OfferEnded { next, .. } => self.take_unpaid(*next),
            EventKind::OfferAccepted { pay_by } => self.await_by(State::Awarded, *pay_by),
            EventKind::BidderBanned { bidder, removed } => self.take_ban(*bidder, removed.is_some()),
            EventKind::BidderUnbanned { bidder } => self.rare_mut().banned.retain(|banned| banned != bidder),
        }
    }

    fn take_bid(&mut self, accepted: &BidAccepted) {
        let BidAccepted { id, bidder, amount, price, leading, extended_to } = *accepted;
        let kind = if leading { Kind::Leading } else { Kind::Outbid };
        let number = self.record(id, bidder, amount, price, kind);
        // A leader's maximum never falls: without proxy bidding, and when they raise it, the new amount is the higher one.
        match &mut self.lead {
            Some(lead) if !leading => lead.price = price,
            lead => *lead = Some(Lead { max: amount, price, bidder: number }),
        }
        if let Some(ends_at) = extended_to {
            self.set_end(ends_at, self.seq);
        }
        self.state = State::Open;
    }

    fn take_purchase(&mut self, id: BidId, buyer: AccountId, price: Amount, pay_by: Timestamp) {
        let bidder = self.record(id, buyer, price, price, Kind::Purchase);
        self.lead = Some(Lead { max: price, price, bidder });
        self.set_end(self.at, self.seq);
        self.await_by(State::Awarded, pay_by);
    }

    fn record(&mut self, id: BidId, bidder: AccountId, amount: Amount, price: Amount, kind: Kind) -> u32 {
        let number = self.bidders.number_for_bid(bidder);
        self.bids.push(self.id, id, Bid::new(self.seq, self.lsn, number, amount, price, kind));
        number
    }

    fn take_retraction(&mut self, id: BidId) {
        let Some(index) = self.bids.find(self.id, id) else { return };
        let Some(bid) = self.bids.get(index).filter(|bid| bid.stands()) else { return };
        let bidder = bid.bidder;
        self.bids.withdraw(index);
        if self.bids.standing_of(bidder) == 0 {
            self.bidders.set_out(bidder);
        }
        self.lead = self.lead_without(|_| true);
    }

    fn remove_bids_of(&mut self, bidder: AccountId) {
        let Some(number) = self.bidders.find(bidder) else { return };
        self.bids.withdraw_all(|bid| bid.bidder == number);
        self.bidders.set_out(number);
        self.lead = self.lead_without(|_| true);
    }

    fn take_end(&mut self, outcome: &Outcome, early: bool) {
        if early {
            self.set_end(self.at, self.seq);
        }
        match outcome {
            Outcome::Awarded { pay_by, .. } => self.await_by(State::Awarded, *pay_by),
            Outcome::Unsold(_) => self.state = State::Unsold,
        }
    }

    fn await_by(&mut self, state: State, deadline: Timestamp) {
        self.state = state;
        self.deadline = deadline;
    }

    fn take_reserve(&mut self, reserve: Option<Amount>, price: Option<Amount>) {
        self.reserve = reserve;
        if let (Some(lead), Some(price)) = (&mut self.lead, price) {
            lead.price = price;
        }
    }

    fn take_unpaid(&mut self, next: AfterUnpaid) {
        if let Some(lead) = self.lead {
            self.rare_mut().tried.push(lead.bidder);
        }
        match next {
            // Nobody bids any more, so that the offeree's real maximum is of no use here.
            AfterUnpaid::Offered { to, price, until } => {
                self.lead = self.bidders.find(to).map(|bidder| Lead { max: price, price, bidder });
                self.await_by(State::Offered, until);
            }
            AfterUnpaid::Unsold => self.state = State::Unsold,
        }
    }

    fn take_ban(&mut self, bidder: AccountId, remove: bool) {
        let banned = &mut self.rare_mut().banned;
        if let Err(place) = banned.binary_search(&bidder) {
            banned.insert(place, bidder);
        }
        if remove {
            self.remove_bids_of(bidder);
        }
    }
}
