//! What the log says of auctions, folded by the engine's own rules. Pure.

use super::line::{BidLine, Line, Place, Short};
use super::{Question, VerifyError};
use crate::rows::text;
use crate::{Map, Set, Spelling};
use gavel_core::event::{Origin, Resolution};
use gavel_core::{AccountId, Amount, Auction, AuctionId, BidId, Event, EventKind, Position, Seq, Timestamp};
use gavel_log::record::Record;
use std::cmp::Reverse;

/// A shard's auctions that are not final yet.
#[derive(Debug, Default)]
pub(super) struct Fold {
    open: Map<AuctionId, Expected>,
    /// Those that were handed out.
    done: Set<AuctionId>,
    /// Those whose opening was not read.
    pub(super) headless: Set<AuctionId>,
    /// Events of the shard itself.
    pub(super) shard_events: u64,
}

/// One auction as its rows must have it.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) auction: Auction,
    pub(super) outcome: Option<Resolution>,
    pub(super) reserve: Option<Amount>,
    /// Until when it must be paid, or the offer taken.
    pub(super) deadline: Option<Timestamp>,
    pub(super) final_at: Option<Timestamp>,
    /// The bids of whoever has won or has the offer, and of the best behind them.
    pub(super) award: Award,
    /// Who leads, as of the latest event, and with whom it came to nothing.
    leader: Option<AccountId>,
    tried: Vec<AccountId>,
    /// When it was opened, and when bidding ended.
    pub(super) opened_at: Timestamp,
    pub(super) ended_at: Option<Timestamp>,
    /// Details in place of those that it was opened with, and on top of them: as `jsonb` takes them.
    pub(super) details: Option<Box<str>>,
    pub(super) details_added: Vec<Box<str>>,
    pub(super) bids: Vec<ExpectedBid>,
    pub(super) events: Vec<ExpectedEvent>,
}

/// What happened and is not a bid.
#[derive(Clone, Debug)]
pub(super) struct ExpectedEvent {
    pub(super) seq: Seq,
    pub(super) content: Short,
    /// What it says, as `jsonb` takes it.
    pub(super) data: Box<str>,
}

/// Numbers of bids.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Award {
    pub(super) winning: Option<Seq>,
    pub(super) runner_up: Option<Seq>,
}

/// One bid.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExpectedBid {
    pub(super) seq: Seq,
    /// The event that took it out, if one did.
    pub(super) withdrawn: Option<Seq>,
    pub(super) content: Short,
    pub(super) maximum: i64,
    is_sold: bool,
    id: BidId,
    bidder: AccountId,
}

impl Expected {
    const fn new(auction: Auction, opened_at: Timestamp) -> Self {
        Self {
            auction,
            outcome: None,
            reserve: None,
            deadline: None,
            final_at: None,
            award: Award { winning: None, runner_up: None },
            leader: None,
            tried: Vec::new(),
            opened_at,
            ended_at: None,
            details: None,
            details_added: Vec::new(),
            bids: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(super) fn id(&self) -> AuctionId {
        self.auction.id()
    }

    /// Its bids and events.
    pub(super) fn records(&self) -> usize {
        self.bids.len() + self.events.len()
    }

    /// What its opening says.
    pub(super) fn opened(&self) -> Option<&str> {
        self.events.first().filter(|event| event.seq == Seq(1)).map(|event| &*event.data)
    }

    /// Bytes of what its events say, and of its details.
    pub(super) fn said_bytes(&self) -> usize {
        let details = self.details.iter().chain(&self.details_added).map(|text| text.len());
        self.events.iter().map(|event| event.data.len()).chain(details).sum()
    }

    /// With whom it came to nothing, in that order.
    pub(super) fn tried(&self) -> String {
        self.tried.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    fn take(&mut self, position: Position, event: &Event, spelling: &Spelling) {
        let event_type = (spelling.event_type)(&event.kind);
        let place = Place::new(event.seq, position, event.at, event.stamp);
        match &event.kind {
            EventKind::BidAccepted(bid) => {
                let status = if bid.leading { "leading" } else { "outbid" };
                let extended_to = bid.extended_to.map(|time| time.micros().cast_signed());
                self.bid(place, event.seq, bid.id, bid.bidder, (bid.price, bid.amount), status, extended_to);
            }
            EventKind::BoughtNow { id, buyer, price, .. } => {
                self.bid(place, event.seq, *id, *buyer, (*price, *price), "sold", None);
            }
            kind => {
                let origin = match event.origin {
                    Origin::Client => "client",
                    Origin::Engine => "engine",
                };
                let data = text(|out| (spelling.event)(out, kind));
                let content = event_line(place, origin, event_type);
                self.events.push(ExpectedEvent { seq: event.seq, content, data });
                self.withdraw(event.seq, kind);
            }
        }
        self.outcome = event.kind.resolution().or(self.outcome);
        self.sell(event);
    }

    /// What an event does to the sale. The auction has taken it in already.
    fn sell(&mut self, event: &Event) {
        let leader = self.auction.view().leader;
        match &event.kind {
            EventKind::Opened(opened) => self.reserve = opened.terms.reserve_price,
            EventKind::ReserveLowered { reserve, .. } => self.reserve = *reserve,
            EventKind::Unpaid { .. } | EventKind::OfferEnded { .. } => self.tried.extend(self.leader),
            EventKind::DetailsEdited { details, appended } => {
                let details = text(|out| out.extend_from_slice(details.0.as_bytes()));
                if *appended {
                    self.details_added.push(details);
                } else {
                    self.details = Some(details);
                }
            }
            EventKind::Ended { .. } | EventKind::BoughtNow { .. } | EventKind::Cancelled { .. } => {
                self.ended_at = self.ended_at.or(Some(event.at));
            }
            _ => {}
        }
        self.leader = leader;
        if let Some(until) = event.kind.deadline() {
            self.deadline = Some(until);
            self.award = self.awarded();
        }
        if self.auction.state().is_final() {
            (self.deadline, self.final_at) = (None, self.final_at.or(Some(event.at)));
            // Of what is paid for, the bids stay as they are.
            if leader.is_none() {
                self.award = Award::default();
            }
        }
    }

    /// The leader's purchase or highest bid, and the highest of anybody else who was not tried; of equal ones the earlier.
    fn awarded(&self) -> Award {
        let Some(leader) = self.leader else { return Award::default() };
        let best = |of: &dyn Fn(&ExpectedBid) -> bool| {
            let standing = self.bids.iter().filter(|bid| bid.withdrawn.is_none() && of(bid));
            standing.max_by_key(|bid| (bid.maximum, Reverse(bid.seq))).map(|bid| bid.seq)
        };
        let bought = best(&|bid| bid.bidder == leader && bid.is_sold);
        Award {
            winning: bought.or_else(|| best(&|bid| bid.bidder == leader)),
            runner_up: best(&|bid| bid.bidder != leader && !self.tried.contains(&bid.bidder)),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a bid's columns")]
    fn bid(
        &mut self,
        place: Place,
        seq: Seq,
        id: BidId,
        bidder: AccountId,
        (price, amount): (Amount, Amount),
        status: &str,
        extended_to: Option<i64>,
    ) {
        let (price, maximum) = (price.get().cast_signed(), amount.get().cast_signed());
        let bidder_text = bidder.to_string();
        let line = BidLine { place, id: id.to_bits(), bidder: &bidder_text, price, status, extended_to };
        self.bids.push(ExpectedBid {
            seq,
            withdrawn: None,
            content: line.short(),
            maximum,
            is_sold: status == "sold",
            id,
            bidder,
        });
    }

    fn withdraw(&mut self, by: Seq, kind: &EventKind) {
        let (whose, which) = match kind {
            EventKind::BidRetracted(retracted) => (retracted.bidder, Some(retracted.id)),
            EventKind::BidsRemoved(removed) => (removed.bidder, None),
            EventKind::BidderBanned { bidder, removed: Some(_) } => (*bidder, None),
            _ => return,
        };
        let is_meant = |bid: &&mut ExpectedBid| {
            bid.withdrawn.is_none() && bid.bidder == whose && which.is_none_or(|which| bid.id == which)
        };
        self.bids.iter_mut().filter(is_meant).for_each(|bid| bid.withdrawn = Some(by));
    }
}

/// An event's content, without what it says.
pub(super) fn event_line(place: Place, origin: &str, event_type: &str) -> Short {
    let line: Line = place.line();
    line.text(origin).text(event_type).finish()
}

impl Fold {
    /// Takes the next record in, where it is of an auction that is wanted. Gives an auction that is final by it.
    pub(super) fn take(
        &mut self,
        position: Position,
        record: Record,
        question: &Question,
    ) -> Result<Option<Expected>, VerifyError> {
        let event = match record {
            Record::Auction(event) => event,
            Record::Shard(_) => {
                self.shard_events += 1;
                return Ok(None);
            }
        };
        let id = event.auction;
        let Question { auctions, spelling } = question;
        if !auctions.is_empty() && !auctions.contains(&id) {
            return Ok(None);
        }
        match self.open.get_mut(&id) {
            Some(expected) if expected.auction.is_next(&event) => expected.auction.apply(&event, position),
            Some(_) => return Err(VerifyError::Gap { position, auction: id }),
            None => {
                let Some(auction) = Auction::from_opened(&event, position) else {
                    self.headless.insert(id);
                    return Ok(None);
                };
                self.open.insert(id, Expected::new(auction, event.at));
            }
        }
        let Some(expected) = self.open.get_mut(&id) else { return Ok(None) };
        expected.take(position, &event, spelling);
        if !expected.auction.state().is_final() {
            return Ok(None);
        }
        self.done.insert(id);
        Ok(self.open.remove(&id))
    }

    /// All that are not final.
    pub(super) fn rest(&mut self) -> Vec<Expected> {
        self.done.extend(self.open.keys());
        std::mem::take(&mut self.open).into_values().collect()
    }

    /// True for an auction that there was a record of.
    pub(super) fn knows(&self, auction: AuctionId) -> bool {
        self.done.contains(&auction) || self.headless.contains(&auction)
    }
}
