//! One auction with all that belongs to it: which of its documents a record changes, and in which order.

use super::bidders::{Bidders, Offer, Stood, Withdrawal};
use super::documents::{Held, upsert};
use super::events::named;
use super::{FoldError, Output, Scope, sweeps};
use crate::Upsert;
use crate::documents::{
    Auction, Bid, BidderStatus, LatestBid, Money, OwnBid, Reserve, Text, Unwritable, auction_id, bid_uuid,
    time,
};
use bson::Uuid;
use gavel_core::event::{AfterUnpaid, BidAccepted, Leadership, Opened, Outcome};
use gavel_core::{AccountId, Amount, BidId, Event, EventKind, Position};

/// How bidders stand while bids are taken, unless all of theirs are out.
const STANDING: &[BidderStatus] = &[BidderStatus::Leading, BidderStatus::Outbid];

/// An auction's documents, as far as they were needed.
#[derive(Debug)]
pub(super) struct Group {
    auction: Slot<Auction>,
    reserve: Slot<Reserve>,
    pub(super) bidders: Bidders,
    /// The present batch has records of it.
    is_touched: bool,
    /// These are bids and nothing else.
    has_only_bids: bool,
    /// Whoever leads is in memory, so nobody else can be displaced.
    leader_is_known: bool,
}

/// A document that may not have been asked for yet.
#[derive(Debug, Default)]
enum Slot<T> {
    #[default]
    Unknown,
    Absent,
    Held(Held<T>),
}

/// The pseudonyms of those whom an event names, and how many bids and bidders more stand after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// Of whom it names first: who bid, whose bids were taken out, who has won, to whom it is offered.
    pub(super) actor: Option<i64>,
    /// Of whoever leads after it, where it took bids out.
    pub(super) left_leader: Option<i64>,
    pub(super) stood: Stood,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            auction: Slot::Unknown,
            reserve: Slot::Unknown,
            bidders: Bidders::default(),
            is_touched: false,
            has_only_bids: true,
            leader_is_known: false,
        }
    }
}

impl<T> Slot<T> {
    fn set(&mut self, document: Option<T>) {
        *self = document.map_or(Self::Absent, |document| Self::Held(Held::stored(document)));
    }

    const fn get(&self) -> Option<&Held<T>> {
        match self {
            Self::Held(held) => Some(held),
            Self::Unknown | Self::Absent => None,
        }
    }

    const fn get_mut(&mut self) -> Option<&mut Held<T>> {
        match self {
            Self::Held(held) => Some(held),
            Self::Unknown | Self::Absent => None,
        }
    }

    const fn is_known(&self) -> bool {
        !matches!(self, Self::Unknown)
    }
}

impl Group {
    pub(super) const fn knows_auction(&self) -> bool {
        self.auction.is_known()
    }

    pub(super) const fn knows_reserve(&self) -> bool {
        self.reserve.is_known()
    }

    pub(super) fn set_auction(&mut self, document: Option<Auction>) {
        self.auction.set(document);
    }

    pub(super) fn set_reserve(&mut self, document: Option<Reserve>) {
        self.reserve.set(document);
    }

    /// The auction's document, if there is one.
    pub(super) fn auction(&self) -> Option<&Auction> {
        self.auction.get().map(|held| &held.document)
    }

    pub(super) fn len(&self) -> usize {
        2 + self.bidders.len()
    }

    /// Takes down that the batch has records of it. False when it was known.
    pub(super) const fn touch(&mut self) -> bool {
        !std::mem::replace(&mut self.is_touched, true)
    }

    /// Takes the next event in.
    pub(super) fn take(
        &mut self,
        position: Position,
        event: &Event,
        output: &mut Output,
    ) -> Result<(), FoldError> {
        self.has_only_bids &= matches!(event.kind, EventKind::BidAccepted(_));
        if let EventKind::Opened(opened) = &event.kind {
            self.open(position, event, opened);
            return Ok(());
        }
        let is_next = self.is_next(position, event)?;
        let stood = self.take_bidders(event, is_next, output);
        let (actor, left_leader) = self.pseudonyms(position, event)?;
        if let Some(actor) = actor {
            self.take_bid_document(event, actor, output)?;
        }
        if let EventKind::ReserveLowered { reserve, price: _ } = event.kind {
            self.set_reserve_price(event, reserve);
        }
        if is_next && let Some(held) = self.auction.get_mut() {
            let stood = stood.ok_or(FoldError::Stale { auction: event.auction })?;
            held.document.take(position, event, Told { actor, left_leader, stood });
            held.touch();
        }
        Ok(())
    }

    fn open(&mut self, position: Position, event: &Event, opened: &Opened) {
        if self.auction().is_none() {
            let mut held = Held::new(Auction::opened(position, event, opened));
            held.touch();
            self.auction = Slot::Held(held);
        }
        if opened.terms.reserve_price.is_some() {
            self.set_reserve_price(event, opened.terms.reserve_price);
        }
    }

    /// Whether the event is the next one for the auction's document. Where it is not, the document knows of it already.
    fn is_next(&self, position: Position, event: &Event) -> Result<bool, FoldError> {
        let auction = event.auction;
        let known = self.auction().ok_or(FoldError::Unopened { auction, position })?.version;
        let found = i64::from(event.seq.0);
        if found > known + 1 {
            return Err(FoldError::Gap { auction, position, known, found });
        }
        Ok(found == known + 1)
    }

    /// Changes the bidders' documents, and says how many bids and bidders more stand. `None` where a document that counts knows of the
    /// event already, so that this can't be said.
    fn take_bidders(&mut self, event: &Event, is_next: bool, output: &mut Output) -> Option<Stood> {
        use BidderStatus::{Cancelled, Declined, Expired, Leading, Lost, Offered, Outbid, Paid, Unpaid, Won};
        let seq = i64::from(event.seq.0);
        match &event.kind {
            EventKind::BidAccepted(bid) => {
                let BidAccepted { id, bidder, amount, price: _, leading, extended_to: _ } = *bid;
                let status = if leading { Leading } else { Outbid };
                let stood = self.bidders.bid(&offer(event, id, bidder, amount, status));
                if leading {
                    self.lead(event, Some(bidder), is_next, output);
                }
                return stood;
            }
            EventKind::BoughtNow { id, buyer, price, pay_by: _ } => {
                let stood = self.bidders.bid(&offer(event, *id, *buyer, *price, Won));
                self.sweep(event, STANDING, Lost, output);
                return stood;
            }
            EventKind::BidRetracted(retracted) => {
                let out =
                    Withdrawal { bid: Some(bid_uuid(retracted.id)), ..Withdrawal::all(retracted.bidder) };
                return self.withdraw(event, out, retracted.left, is_next, output);
            }
            EventKind::BidsRemoved(removed) => {
                return self.withdraw(event, Withdrawal::all(removed.bidder), removed.left, is_next, output);
            }
            EventKind::BidderBanned { bidder, removed: Some(left) } => {
                let out = Withdrawal { bans: true, ..Withdrawal::all(*bidder) };
                return self.withdraw(event, out, **left, is_next, output);
            }
            EventKind::BidderBanned { bidder, removed: None } => self.bidders.ban(*bidder, seq, true),
            EventKind::BidderUnbanned { bidder } => self.bidders.ban(*bidder, seq, false),
            EventKind::Ended { outcome, early: _ } => {
                if let Outcome::Awarded { winner, price: _, pay_by: _ } = outcome {
                    self.bidders.name(*winner, seq, Won);
                }
                self.sweep(event, STANDING, Lost, output);
            }
            EventKind::Cancelled { reason: _ } => self.sweep(event, STANDING, Cancelled, output),
            EventKind::Paid => self.sweep(event, &[Won], Paid, output),
            EventKind::Unpaid { next, expired: _ } => {
                self.sweep(event, &[Won], Unpaid, output);
                self.offer(seq, *next);
            }
            EventKind::OfferEnded { next, expired } => {
                self.sweep(event, &[Offered], if *expired { Expired } else { Declined }, output);
                self.offer(seq, *next);
            }
            EventKind::OfferAccepted { pay_by: _ } => self.sweep(event, &[Offered], Won, output),
            // The first is taken in before; the others concern no bidder.
            EventKind::Opened(_)
            | EventKind::Started
            | EventKind::EndMoved { .. }
            | EventKind::DetailsEdited { .. }
            | EventKind::ReserveLowered { .. } => {}
        }
        Some(Stood::default())
    }

    fn offer(&mut self, seq: i64, next: AfterUnpaid) {
        if let AfterUnpaid::Offered { to, price: _, until: _ } = next {
            self.bidders.name(to, seq, BidderStatus::Offered);
        }
    }

    fn withdraw(
        &mut self,
        event: &Event,
        withdrawal: Withdrawal,
        left: Leadership,
        is_next: bool,
        output: &mut Output,
    ) -> Option<Stood> {
        let seq = i64::from(event.seq.0);
        let leads = left.leader == Some(withdrawal.bidder);
        let stood = self.bidders.withdraw(seq, withdrawal, leads);
        self.lead(event, left.leader, is_next, output);
        if let Some(leader) = left.leader.filter(|_| !leads) {
            self.bidders.name(leader, seq, BidderStatus::Leading);
        }
        stood
    }

    /// From this event on, nobody leads but this bidder.
    fn lead(&mut self, event: &Event, leader: Option<AccountId>, is_next: bool, output: &mut Output) {
        let seq = i64::from(event.seq.0);
        if !self.leader_is_known {
            let before = self.auction().and_then(|auction| auction.leader);
            let is_here = before.is_none_or(|before| self.bidders.has_leader(before));
            // A document that knows of the event already does not say who led before it.
            if !(is_next && is_here) {
                let displaced = [BidderStatus::Leading];
                output.sweeps.push(sweeps::bidders(event.auction, seq, &displaced, BidderStatus::Outbid));
            }
            self.leader_is_known = true;
        }
        self.bidders.lead(seq, leader);
    }

    /// From this event on, all that stand in one of these ways stand in that way.
    fn sweep(&mut self, event: &Event, from: &[BidderStatus], to: BidderStatus, output: &mut Output) {
        let seq = i64::from(event.seq.0);
        self.bidders.sweep(seq, from, to);
        if self.auction().is_some_and(|auction| auction.bids_accepted > 0) {
            output.sweeps.push(sweeps::bidders(event.auction, seq, from, to));
        }
    }

    /// The pseudonyms of those whom the event names. A ban that took nothing out may be of somebody who never bid.
    fn pseudonyms(&self, position: Position, event: &Event) -> Result<(Option<i64>, Option<i64>), FoldError> {
        if let EventKind::BidderBanned { removed: None, .. } | EventKind::BidderUnbanned { .. } = event.kind {
            return Ok((None, None));
        }
        let pseudonym = |bidder| {
            let stranger = FoldError::Stranger { auction: event.auction, bidder, position };
            self.bidders.pseudonym(bidder).ok_or(stranger)
        };
        let mut named = named(&event.kind);
        Ok((named.next().map(pseudonym).transpose()?, named.next().map(pseudonym).transpose()?))
    }

    /// What the event does to documents of bids.
    fn take_bid_document(&self, event: &Event, bidder: i64, output: &mut Output) -> Result<(), Unwritable> {
        if output.scope == Scope::WithoutBids {
            return Ok(());
        }
        if let Some(latest) = LatestBid::of(event, bidder) {
            let document = Bid::new(event.auction, event.seq, latest);
            // A bid is written once, so one that is there already is no older.
            output.bids.push(upsert(&document, document.id.clone(), document.version, true, &[])?);
        } else if let Some(bid) = withdrawn(&event.kind) {
            output.sweeps.push(sweeps::bids(event.auction, i64::from(event.seq.0), bidder, bid));
        }
        Ok(())
    }

    fn set_reserve_price(&mut self, event: &Event, price: Option<Amount>) {
        let version = i64::from(event.seq.0);
        let Some(seller) = self.auction().map(|auction| auction.seller) else { return };
        let document = Reserve { id: Text(event.auction), version, seller, price: price.map(Money) };
        match &mut self.reserve {
            Slot::Held(held) if held.document.version >= version => {}
            Slot::Held(held) => {
                held.document = document;
                held.touch();
            }
            slot => {
                let mut held = Held::new(document);
                held.touch();
                *slot = Slot::Held(held);
            }
        }
    }

    /// What must be written: the auction's document, and into `others` the rest. The batch is over.
    pub(super) fn write(&mut self, others: &mut Vec<Upsert>) -> Result<Option<Upsert>, Unwritable> {
        self.is_touched = false;
        let has_only_bids = std::mem::replace(&mut self.has_only_bids, true);
        self.bidders.write(others)?;
        let reserve = self.reserve.get_mut();
        if let Some(held) = reserve
            && held.is_changed()
        {
            let is_new = held.written();
            let Reserve { id, version, .. } = &held.document;
            others.push(upsert(&held.document, auction_id(id.0), *version, is_new, &["seller"])?);
        }
        let reserve = self.reserve.get().and_then(|held| held.document.price);
        let Some(held) = self.auction.get_mut().filter(|held| held.is_changed()) else { return Ok(None) };
        held.document.finish(reserve);
        let is_new = held.written();
        let unchanged = if has_only_bids { Auction::FIXED_BY_BIDS } else { Auction::FIXED };
        let Auction { id, version, .. } = &held.document;
        upsert(&held.document, auction_id(id.0), *version, is_new, unchanged).map(Some)
    }
}

fn offer(event: &Event, id: BidId, bidder: AccountId, amount: Amount, status: BidderStatus) -> Offer {
    let own =
        OwnBid { seq: event.seq.0.into(), bid_id: bid_uuid(id), amount: Money(amount), at: time(event.at) };
    Offer { auction: event.auction, bidder, own, status }
}

/// Which bid the event takes out; `Some(None)`: all of the bidder's.
fn withdrawn(kind: &EventKind) -> Option<Option<Uuid>> {
    match kind {
        EventKind::BidRetracted(retracted) => Some(Some(bid_uuid(retracted.id))),
        EventKind::BidsRemoved(_) | EventKind::BidderBanned { removed: Some(_), .. } => Some(None),
        _ => None,
    }
}
