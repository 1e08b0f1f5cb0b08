//! How an auction's document changes. Prices, leaders, ends and outcomes are in the events, because an event carries its results.

use super::group::Told;
use super::{details, terms};
use crate::documents::{Auction, LatestBid, Moment, Money, Text, Word, bid_uuid, time};
use crate::limits::{LATEST_BIDS_MAX, TIMELINE_MAX};
use gavel_core::auction::{ReserveStatus, State};
use gavel_core::event::{AfterUnpaid, BidAccepted, Opened, Outcome};
use gavel_core::terms::BuyNowPolicy;
use gavel_core::{Event, EventKind, Position};
use std::collections::VecDeque;

impl Auction {
    /// Fields that no event changes.
    pub(super) const FIXED: &[&str] = &["seller", "opened_at", "starts_at", "terms"];
    /// Fields that no bid changes.
    pub(super) const FIXED_BY_BIDS: &[&str] = &[
        "seller",
        "title",
        "description",
        "category",
        "images",
        "details",
        "details_added",
        "details_omitted",
        "opened_at",
        "starts_at",
        "ended_at",
        "deadline",
        "final_at",
        "timeline",
        "timeline_omitted",
        "outcome",
        "terms",
    ];

    /// As of its first event.
    pub(super) fn opened(position: Position, event: &Event, opened: &Opened) -> Self {
        // The client's id for the request and its digest tell a retry from a conflict, which is the engine's business.
        let Opened { terms, details, id: _, digest: _ } = opened;
        let state = if event.at < terms.starts_at { State::Scheduled } else { State::Open };
        let mut auction = Self {
            id: Text(event.auction),
            version: event.seq.0.into(),
            position: Text(position),
            state: Word(state),
            seller: Text(terms.seller),
            title: None,
            description: None,
            category: None,
            images: Vec::new(),
            details: String::new(),
            details_added: Vec::new(),
            details_omitted: 0,
            opened_at: time(event.at),
            starts_at: time(terms.starts_at),
            ends_at: time(terms.ends_at),
            at: time(event.at),
            ended_at: None,
            deadline: None,
            final_at: None,
            price: None,
            current_price: Money(terms.opening_price),
            min_next: None,
            buy_now: None,
            leader: None,
            reserve_status: Word(ReserveStatus::None),
            bid_count: 0,
            bidder_count: 0,
            bids_accepted: 0,
            extensions: 0,
            bids: VecDeque::new(),
            timeline: Vec::new(),
            timeline_omitted: 0,
            outcome: None,
            terms: terms::shown(terms),
        };
        details::replace(&mut auction, &details.0);
        auction.show(event, None);
        auction
    }

    /// Takes its next event in.
    pub(super) fn take(&mut self, position: Position, event: &Event, told: Told) {
        self.version = event.seq.0.into();
        self.position = Text(position);
        self.at = time(event.at);
        self.bid_count += told.stood.bids;
        self.bidder_count += told.stood.bidders;
        match &event.kind {
            EventKind::BidAccepted(bid) => self.take_bid(event, bid, told),
            kind => {
                self.take_other(event, kind, told);
                self.outcome = kind.resolution().map(Word).or(self.outcome);
                self.deadline = kind.deadline().map(time).or(self.deadline);
                if self.state.0.is_final() {
                    (self.deadline, self.final_at) = (None, Some(self.at));
                }
                self.show(event, told.actor);
            }
        }
    }

    fn take_bid(&mut self, event: &Event, bid: &BidAccepted, told: Told) {
        // The bid's id is in the list; the amount is its bidder's secret.
        let BidAccepted { id: _, bidder: _, amount: _, price, leading, extended_to } = *bid;
        // A bid at or after the start opens the auction, whether or not a pulse has said so.
        self.state = Word(State::Open);
        self.price = Some(Money(price));
        if leading {
            self.leader = told.actor;
        }
        if let Some(ends_at) = extended_to {
            self.ends_at = time(ends_at);
            self.extensions += 1;
        }
        self.list_bid(event, told);
    }

    fn list_bid(&mut self, event: &Event, told: Told) {
        self.bids_accepted += 1;
        if let Some(bid) = told.actor.and_then(|bidder| LatestBid::of(event, bidder)) {
            self.bids.truncate(LATEST_BIDS_MAX - 1);
            self.bids.push_front(bid);
        }
    }

    fn take_other(&mut self, event: &Event, kind: &EventKind, told: Told) {
        match kind {
            // They are taken in elsewhere, or concern nobody but the bidder.
            EventKind::Opened(_)
            | EventKind::BidAccepted(_)
            | EventKind::BidderBanned { removed: None, .. }
            | EventKind::BidderUnbanned { .. } => {}
            EventKind::Started => self.state = Word(State::Open),
            EventKind::BoughtNow { id: _, buyer: _, price, pay_by: _ } => {
                self.list_bid(event, told);
                self.end_now();
                self.award(State::Awarded, told, Money(*price));
            }
            EventKind::BidRetracted(retracted) => {
                let id = bid_uuid(retracted.id);
                self.withdraw(told, retracted.left.price.map(Money), |bid| bid.bid_id == id);
            }
            EventKind::BidsRemoved(removed) => {
                self.withdraw(told, removed.left.price.map(Money), |bid| Some(bid.bidder) == told.actor);
            }
            EventKind::BidderBanned { bidder: _, removed: Some(left) } => {
                self.withdraw(told, left.price.map(Money), |bid| Some(bid.bidder) == told.actor);
            }
            EventKind::EndMoved { ends_at, cause: _ } => self.ends_at = time(*ends_at),
            EventKind::Ended { outcome, early } => self.take_end(outcome, *early, told),
            EventKind::Cancelled { reason: _ } => {
                self.end_now();
                self.settle(State::Cancelled);
            }
            EventKind::DetailsEdited { details, appended: false } => details::replace(self, &details.0),
            EventKind::DetailsEdited { details, appended: true } => details::append(self, &details.0),
            EventKind::ReserveLowered { reserve: _, price } => {
                self.price = price.map(Money).or(self.price);
            }
            EventKind::Paid => self.state = Word(State::Closed),
            EventKind::Unpaid { next, expired: _ } | EventKind::OfferEnded { next, expired: _ } => match next
            {
                AfterUnpaid::Offered { to: _, price, until: _ } => {
                    self.award(State::Offered, told, Money(*price));
                }
                AfterUnpaid::Unsold => self.settle(State::Unsold),
            },
            EventKind::OfferAccepted { pay_by: _ } => self.state = Word(State::Awarded),
        }
    }

    /// Takes bids out, with what is left after it.
    fn withdraw(&mut self, told: Told, price: Option<Money>, which: impl Fn(&LatestBid) -> bool) {
        (self.price, self.leader) = (price, told.left_leader);
        let standing = self.bids.iter_mut().filter(|bid| bid.withdrawn_by.is_none() && which(bid));
        standing.for_each(|bid| bid.withdrawn_by = Some(self.version));
    }

    fn take_end(&mut self, outcome: &Outcome, early: bool, told: Told) {
        if early {
            self.ends_at = self.at;
        }
        self.ended_at = Some(self.at);
        match outcome {
            Outcome::Awarded { winner: _, price, pay_by: _ } => {
                self.award(State::Awarded, told, Money(*price));
            }
            Outcome::Unsold(_) => self.settle(State::Unsold),
        }
    }

    /// It ends before its time.
    fn end_now(&mut self) {
        (self.ends_at, self.ended_at) = (self.at, Some(self.at));
    }

    /// Whom the event names has won, or has the offer.
    fn award(&mut self, state: State, told: Told, price: Money) {
        self.state = Word(state);
        (self.leader, self.price) = (told.actor, Some(price));
    }

    /// Nobody has won.
    fn settle(&mut self, state: State) {
        self.state = Word(state);
        self.leader = None;
    }

    /// Puts an event other than a bid on the timeline.
    fn show(&mut self, event: &Event, actor: Option<i64>) {
        let Some(moment) = Moment::of(event, actor, self.leader) else { return };
        match self.timeline.last_mut() {
            Some(last) if self.timeline_omitted > 0 => {
                *last = moment;
                self.timeline_omitted += 1;
            }
            _ => self.timeline.push(moment),
        }
        if self.timeline.len() > TIMELINE_MAX {
            // From now on the last place is for the latest.
            self.timeline.swap_remove(TIMELINE_MAX - 1);
            self.timeline_omitted += 1;
        }
    }

    /// What follows from the rest, once a batch is folded in.
    pub(super) fn finish(&mut self, reserve: Option<Money>) {
        self.current_price = self.price.unwrap_or(self.terms.opening_price);
        let least = match self.price {
            None => Some(self.terms.opening_price.0),
            Some(price) => self.terms.increments.above(price.0),
        };
        self.min_next = least.map(Money);
        self.reserve_status = Word(match reserve {
            None => ReserveStatus::None,
            Some(reserve) if self.price.is_some_and(|price| price >= reserve) => ReserveStatus::Met,
            Some(_) => ReserveStatus::NotMet,
        });
        let takes_bids = matches!(self.state.0, State::Scheduled | State::Open);
        self.buy_now = self.terms.buy_now.filter(|_| takes_bids).and_then(|buy_now| {
            let can_be_had = match buy_now.policy.0 {
                BuyNowPolicy::UntilFirstBid => self.bids_accepted == 0,
                BuyNowPolicy::Always => self.min_next.is_some_and(|least| least <= buy_now.price),
            };
            can_be_had.then_some(buy_now.price)
        });
    }
}
