//! Rows of `auctions`: as of an opening, and how one changes.

use super::left_by;
use gavel_core::event::{AfterUnpaid, BidAccepted, Opened, Outcome as Ended, Resolution, UnsoldReason};
use gavel_core::{
    AccountId, Amount, AuctionId, Event, EventKind, OpenId, Position, Seq, State, Terms, Timestamp,
};

/// An auction as of its first event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Which.
    pub auction: AuctionId,
    /// Its number in the auction.
    pub seq: Seq,
    /// Its record.
    pub position: Position,
    /// When.
    pub at: Timestamp,
    /// Scheduled, or open at once.
    pub state: State,
    /// The fixed terms.
    pub terms: Terms,
    /// What the client called its request.
    pub id: Option<OpenId>,
    /// The event as JSON, which has the terms that are kept as JSON, and the details.
    pub json: Box<str>,
}

impl Opening {
    pub(super) fn new(position: Position, event: &Event, opened: &Opened, json: Box<str>) -> Self {
        let Event { auction, seq, at, .. } = *event;
        // The details are in the JSON; the digest tells a retry from a conflict, which is the engine's business.
        let Opened { terms, details: _, id, digest: _ } = opened;
        let state = if at < terms.starts_at { State::Scheduled } else { State::Open };
        Self { auction, seq, position, at, state, terms: terms.clone(), id: *id, json }
    }
}

/// Winners and offerees with whom it came to nothing, in the order in which that happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// The first of them is the leader that the row has.
    pub row_leader: bool,
    /// Those after it.
    pub accounts: Vec<AccountId>,
}

/// How an auction's row changes: `None` leaves a field as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub auction: AuctionId,
    /// The first event taken in: the row must be as of the one before.
    pub first: Seq,
    /// Its record.
    pub from: Position,
    /// The last one.
    pub seq: Seq,
    /// Its record.
    pub position: Position,
    /// When it was.
    pub at: Timestamp,
    /// Where the auction is in its life.
    pub state: Option<State>,
    /// The price.
    pub price: Option<Option<Amount>>,
    /// Who leads, has won or has the offer.
    pub leader: Option<Option<AccountId>>,
    /// The reserve price in force.
    pub reserve: Option<Option<Amount>>,
    /// The end in force.
    pub ends_at: Option<Timestamp>,
    /// Until when it must be paid, or the offer taken.
    pub deadline: Option<Option<Timestamp>>,
    /// How it has come out.
    pub outcome: Option<Resolution>,
    /// When it has ended.
    pub ended_at: Option<Timestamp>,
    /// When nothing could happen any more.
    pub final_at: Option<Timestamp>,
    /// Details in place of the earlier ones.
    pub details: Option<Box<str>>,
    /// Details on top of the earlier ones, in order.
    pub details_added: Vec<Box<str>>,
    /// With whom it came to nothing.
    pub tried: Tried,
    /// Who has won, or has the offer, is another: their bid and the runner-up's are looked up, or are no longer there.
    pub award: bool,
}

impl Change {
    /// None yet; this event will be the first.
    pub(super) fn new(position: Position, event: &Event) -> Self {
        Self {
            auction: event.auction,
            first: event.seq,
            from: position,
            seq: event.seq,
            position,
            at: event.at,
            state: None,
            price: None,
            leader: None,
            reserve: None,
            ends_at: None,
            deadline: None,
            outcome: None,
            ended_at: None,
            final_at: None,
            details: None,
            details_added: Vec::new(),
            tried: Tried::default(),
            award: false,
        }
    }

    /// Takes the auction's next event in.
    pub(super) fn take(&mut self, position: Position, event: &Event, kind: &EventKind) {
        (self.seq, self.position, self.at) = (event.seq, position, event.at);
        match kind {
            // Neither concerns the row; the first is an `Opening`.
            EventKind::Opened(_) | EventKind::BidderUnbanned { .. } => {}
            EventKind::Started => self.state = Some(State::Open),
            EventKind::BidAccepted(bid) => self.take_bid(bid),
            EventKind::BoughtNow { buyer, price, pay_by, .. } => {
                (self.leader, self.price) = (Some(Some(*buyer)), Some(Some(*price)));
                self.end_now();
                self.award(State::Awarded, *pay_by);
            }
            EventKind::BidRetracted(_) | EventKind::BidsRemoved(_) | EventKind::BidderBanned { .. } => {
                if let Some(left) = left_by(kind) {
                    (self.price, self.leader) = (Some(left.price), Some(left.leader));
                }
            }
            EventKind::EndMoved { ends_at, cause: _ } => self.ends_at = Some(*ends_at),
            EventKind::Ended { outcome, early } => self.take_end(*outcome, *early),
            EventKind::Cancelled { reason: _ } => {
                self.end_now();
                self.settle(State::Cancelled, Resolution::Cancelled);
            }
            EventKind::DetailsEdited { details, appended: false } => {
                self.details = Some(super::json::for_jsonb(&details.0).into());
            }
            EventKind::DetailsEdited { details, appended: true } => {
                self.details_added.push(super::json::for_jsonb(&details.0).into());
            }
            EventKind::ReserveLowered { reserve, price } => {
                self.reserve = Some(*reserve);
                self.price = price.map(Some).or(self.price);
            }
            EventKind::Paid => self.finish(State::Closed),
            EventKind::Unpaid { next, .. } | EventKind::OfferEnded { next, .. } => self.take_unpaid(*next),
            EventKind::OfferAccepted { pay_by } => self.award(State::Awarded, *pay_by),
        }
    }

    fn take_bid(&mut self, bid: &BidAccepted) {
        // A bid at or after the start opens the auction, whether or not a pulse has said so.
        self.state = Some(State::Open);
        self.price = Some(Some(bid.price));
        if bid.leading {
            self.leader = Some(Some(bid.bidder));
        }
        self.ends_at = bid.extended_to.or(self.ends_at);
    }

    fn take_end(&mut self, outcome: Ended, early: bool) {
        if early {
            self.ends_at = Some(self.at);
        }
        self.ended_at = Some(self.at);
        match outcome {
            Ended::Awarded { winner, price, pay_by } => {
                (self.leader, self.price) = (Some(Some(winner)), Some(Some(price)));
                self.award(State::Awarded, pay_by);
            }
            Ended::Unsold(reason) => self.settle(State::Unsold, Resolution::Unsold(reason)),
        }
    }

    fn take_unpaid(&mut self, next: AfterUnpaid) {
        match self.leader {
            Some(leader) => self.tried.accounts.extend(leader),
            None => self.tried.row_leader = true,
        }
        match next {
            AfterUnpaid::Offered { to, price, until } => {
                (self.leader, self.price) = (Some(Some(to)), Some(Some(price)));
                self.award(State::Offered, until);
            }
            AfterUnpaid::Unsold => self.settle(State::Unsold, Resolution::Unsold(UnsoldReason::Unpaid)),
        }
    }

    /// It ends before its time.
    fn end_now(&mut self) {
        (self.ends_at, self.ended_at) = (Some(self.at), Some(self.at));
    }

    /// The present leader has won, or has the offer.
    fn award(&mut self, state: State, deadline: Timestamp) {
        self.state = Some(state);
        self.outcome = Some(if state == State::Offered { Resolution::Offered } else { Resolution::Awarded });
        self.deadline = Some(Some(deadline));
        self.award = true;
    }

    /// Nobody has won.
    fn settle(&mut self, state: State, outcome: Resolution) {
        self.outcome = Some(outcome);
        self.leader = Some(None);
        self.award = true;
        self.finish(state);
    }

    fn finish(&mut self, state: State) {
        self.state = Some(state);
        self.deadline = Some(None);
        self.final_at = Some(self.at);
    }
}
