//! The oracle on ends, payment and second chances, and how it takes facts in.

use super::{ListedBid, Oracle, WideBans, not_now};
use gavel_core::auction::ReserveStatus;
use gavel_core::event::{AfterUnpaid, EventKind, Outcome, UnsoldReason};
use gavel_core::rejection::StateReason;
use gavel_core::{
    AccountId, Amount, BidId, Command, Position, Receipt, Rejection, Standing, State, Timestamp,
};

impl Oracle {
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        match self.state {
            State::Scheduled => Some(self.terms.starts_at),
            State::Open => Some(self.ends_at),
            _ => self.deadline,
        }
    }

    pub(super) fn due(&self, now: Timestamp, wide: &WideBans) -> Option<EventKind> {
        if self.next_due().is_none_or(|due| due > now) {
            return None;
        }
        Some(match self.state {
            State::Scheduled if now < self.ends_at => EventKind::Started,
            State::Scheduled | State::Open => EventKind::Ended { outcome: self.outcome(now), early: false },
            State::Awarded => EventKind::Unpaid { next: self.next_chance(now, wide), expired: true },
            State::Offered => EventKind::OfferEnded { next: self.next_chance(now, wide), expired: true },
            _ => return None,
        })
    }

    pub(super) fn outcome(&self, now: Timestamp) -> Outcome {
        let Some(standing) = self.standing() else { return Outcome::Unsold(UnsoldReason::NoBids) };
        if self.reserve_status() == ReserveStatus::NotMet {
            return Outcome::Unsold(UnsoldReason::ReserveNotMet);
        }
        let pay_by = now.saturating_add(self.terms.payment_window);
        Outcome::Awarded { winner: standing.leader, price: standing.price, pay_by }
    }

    pub(super) fn judge_sale(
        &self,
        command: &Command,
        now: Timestamp,
        wide: &WideBans,
    ) -> Result<Option<EventKind>, Rejection> {
        match (command, self.state) {
            (Command::Paid, State::Closed) => Ok(None),
            (Command::Paid, State::Awarded) => Ok(Some(EventKind::Paid)),
            (Command::Unpaid, State::Awarded) => {
                Ok(Some(EventKind::Unpaid { next: self.next_chance(now, wide), expired: false }))
            }
            (Command::AcceptOffer { bidder }, State::Awarded)
                if self.buyer.map(|it| it.0) == Some(*bidder) && !self.failed.is_empty() =>
            {
                Ok(None)
            }
            (Command::AcceptOffer { bidder } | Command::DeclineOffer { bidder }, State::Offered)
                if self.buyer.map(|it| it.0) != Some(*bidder) =>
            {
                Err(Rejection::State(State::Offered, StateReason::NotOfferee))
            }
            (Command::AcceptOffer { .. }, State::Offered) if self.deadline <= Some(now) => {
                Err(Rejection::Closed(self.deadline.unwrap()))
            }
            (Command::AcceptOffer { bidder }, State::Offered) if self.is_banned(*bidder, wide) => {
                Err(Rejection::Banned)
            }
            (Command::AcceptOffer { .. }, State::Offered) => {
                Ok(Some(EventKind::OfferAccepted { pay_by: now.saturating_add(self.terms.payment_window) }))
            }
            (Command::DeclineOffer { .. }, State::Offered) => {
                Ok(Some(EventKind::OfferEnded { next: self.next_chance(now, wide), expired: false }))
            }
            (_, state) => not_now(state),
        }
    }

    /// Strikes whoever leads off the list, all their bids at once, until it is somebody who can have it: at the price
    /// of the list that is left.
    fn next_chance(&self, now: Timestamp, wide: &WideBans) -> AfterUnpaid {
        let mut left = self.clone();
        left.failed.extend(self.buyer.map(|it| it.0));
        left.bids.retain(|bid| !bid.gone && !left.failed.contains(&bid.bidder));
        while let Some(now_leading) = left.standing() {
            if !self.is_banned(now_leading.leader, wide) {
                let until = now.saturating_add(self.terms.offer_window);
                let offered =
                    AfterUnpaid::Offered { to: now_leading.leader, price: now_leading.price, until };
                let enough = self.reserve.is_none_or(|reserve| now_leading.max >= reserve);
                return if enough { offered } else { AfterUnpaid::Unsold };
            }
            left.bids.retain(|bid| bid.bidder != now_leading.leader);
        }
        AfterUnpaid::Unsold
    }

    /// Takes a fact in.
    pub(crate) fn take(&mut self, kind: &EventKind, now: Timestamp, position: Position) {
        self.seq += 1;
        self.at = now;
        self.position = position;
        match kind.clone() {
            EventKind::Opened(_) => unreachable!(),
            EventKind::Started => self.state = State::Open,
            EventKind::BidAccepted(bid) => {
                self.state = State::Open;
                self.ends_at = bid.extended_to.unwrap_or(self.ends_at);
                let place = self.list(bid.id, bid.bidder, bid.amount, false);
                let (standing, price) = (self.bid_standing(bid.bidder), self.standing().unwrap().price);
                self.bids[place].receipt = self.receipt(bid.id, standing, price);
            }
            EventKind::BoughtNow { id, buyer, price, pay_by } => {
                self.ends_at = now;
                let place = self.list(id, buyer, price, true);
                self.bids[place].receipt = self.receipt(id, Standing::Sold, price);
                self.sell_to(buyer, price, State::Awarded, pay_by);
            }
            EventKind::BidRetracted(it) => self.withdraw(|bid| bid.id == it.id),
            EventKind::BidsRemoved(it) => self.withdraw(|bid| bid.bidder == it.bidder),
            EventKind::EndMoved { ends_at, .. } => self.ends_at = ends_at,
            EventKind::Ended { outcome, early } => {
                self.ends_at = if early { now } else { self.ends_at };
                match outcome {
                    Outcome::Awarded { winner, price, pay_by } => {
                        self.sell_to(winner, price, State::Awarded, pay_by)
                    }
                    Outcome::Unsold(_) => self.state = State::Unsold,
                }
            }
            EventKind::Cancelled { .. } => {
                self.ends_at = now;
                self.state = State::Cancelled;
            }
            EventKind::DetailsEdited { .. } => self.edits += 1,
            EventKind::ReserveLowered { reserve, .. } => self.reserve = reserve,
            EventKind::Paid => (self.state, self.deadline) = (State::Closed, None),
            EventKind::Unpaid { next, .. } | EventKind::OfferEnded { next, .. } => {
                self.failed.extend(self.buyer.map(|it| it.0));
                match next {
                    AfterUnpaid::Offered { to, price, until } => {
                        self.sell_to(to, price, State::Offered, until)
                    }
                    AfterUnpaid::Unsold => (self.state, self.deadline) = (State::Unsold, None),
                }
            }
            EventKind::OfferAccepted { pay_by } => {
                (self.state, self.deadline) = (State::Awarded, Some(pay_by));
            }
            EventKind::BidderBanned { bidder, removed } => {
                self.banned.push(bidder);
                if removed.is_some() {
                    self.withdraw(|bid| bid.bidder == bidder);
                }
            }
            EventKind::BidderUnbanned { bidder } => self.banned.retain(|other| *other != bidder),
        }
    }

    fn sell_to(&mut self, buyer: AccountId, price: Amount, state: State, deadline: Timestamp) {
        self.buyer = Some((buyer, price));
        self.state = state;
        self.deadline = Some(deadline);
    }

    fn withdraw(&mut self, which: impl Fn(&ListedBid) -> bool) {
        self.bids.iter_mut().filter(|bid| which(bid)).for_each(|bid| bid.gone = true);
    }

    /// Adds to the list; the receipt is filled in after it.
    fn list(&mut self, id: BidId, bidder: AccountId, amount: Amount, purchase: bool) -> usize {
        let receipt = self.receipt(id, Standing::Outbid, amount);
        self.bids.push(ListedBid { id, bidder, amount, purchase, gone: false, receipt });
        self.bids.len() - 1
    }

    fn receipt(&self, bid: BidId, standing: Standing, price: Amount) -> Receipt {
        let min_next = Amount::new(self.least_above(Some(price))).unwrap_or(Amount::MAX);
        Receipt { standing, price, min_next, ends_at: self.ends_at, bid, position: self.position }
    }
}
