//! What happened to an auction, as version 1 writes it. The rare and large kinds are boxed, so that the small ones stay
//! small: an archived enum is as large as its largest variant.

mod from_record;

use super::terms::Terms;
use gavel_core::event::{
    AfterUnpaid, BidAccepted, BidRetracted, BidsRemoved, EndMovedCause, Leadership as CoreLeadership, Opened,
    Outcome as CoreOutcome, UnsoldReason,
};
use gavel_core::{AccountId, EventKind};

#[derive(rkyv::Archive, rkyv::Serialize)]
pub(super) enum Kind {
    Opened(Box<Opening>),
    Started,
    BidAccepted(Box<Bid>),
    BoughtNow { id: u128, buyer: u128, price: u64, pay_by_us: u64 },
    BidRetracted { id: u128, bidder: u128, reason: Box<str>, left: Leadership },
    BidsRemoved { bidder: u128, reason: Box<str>, count: u32, left: Leadership },
    EndMoved { ends_at_us: u64, given_back: bool },
    Ended { outcome: Outcome, early: bool },
    Cancelled { reason: Box<str> },
    DetailsEdited { details: Box<str>, appended: bool },
    ReserveLowered { reserve: Option<u64>, price: Option<u64> },
    Paid,
    Unpaid { next: Next, expired: bool },
    OfferAccepted { pay_by_us: u64 },
    OfferEnded { next: Next, expired: bool },
    BidderBanned { bidder: u128, removed: Option<Leadership> },
    BidderUnbanned { bidder: u128 },
}

#[derive(rkyv::Archive, rkyv::Serialize)]
pub(super) struct Opening {
    terms: Terms,
    details: Box<str>,
    id: Option<u128>,
    digest: u128,
}

#[derive(rkyv::Archive, rkyv::Serialize)]
pub(super) struct Bid {
    id: u128,
    bidder: u128,
    amount: u64,
    price: u64,
    leading: bool,
    extended_to_us: Option<u64>,
}

#[derive(rkyv::Archive, rkyv::Serialize)]
pub(super) struct Leadership {
    price: Option<u64>,
    leader: Option<u128>,
}

#[derive(rkyv::Archive, rkyv::Serialize)]
pub(super) enum Outcome {
    Awarded { winner: u128, price: u64, pay_by_us: u64 },
    NoBids,
    ReserveNotMet,
    Unpaid,
}

#[derive(rkyv::Archive, rkyv::Serialize)]
pub(super) enum Next {
    Offered { to: u128, price: u64, until_us: u64 },
    Unsold,
}

impl From<&EventKind> for Kind {
    fn from(kind: &EventKind) -> Self {
        match kind {
            EventKind::Opened(opened) => Self::Opened(Box::new((&**opened).into())),
            EventKind::Started => Self::Started,
            EventKind::BidAccepted(bid) => Self::BidAccepted(Box::new(bid.into())),
            EventKind::BoughtNow { id, buyer, price, pay_by } => Self::BoughtNow {
                id: id.to_bits(),
                buyer: buyer.to_bits(),
                price: price.get(),
                pay_by_us: pay_by.micros(),
            },
            EventKind::BidRetracted(retracted) => {
                let BidRetracted { id, bidder, reason, left } = &**retracted;
                let (id, bidder) = (id.to_bits(), bidder.to_bits());
                Self::BidRetracted { id, bidder, reason: reason.0.clone(), left: left.into() }
            }
            EventKind::BidsRemoved(removed) => {
                let BidsRemoved { bidder, reason, count, left } = &**removed;
                let (bidder, count) = (bidder.to_bits(), *count);
                Self::BidsRemoved { bidder, reason: reason.0.clone(), count, left: left.into() }
            }
            EventKind::EndMoved { ends_at, cause } => Self::EndMoved {
                ends_at_us: ends_at.micros(),
                given_back: match cause {
                    EndMovedCause::Command => false,
                    EndMovedCause::GivenBack => true,
                },
            },
            EventKind::Ended { outcome, early } => Self::Ended { outcome: outcome.into(), early: *early },
            EventKind::Cancelled { reason } => Self::Cancelled { reason: reason.0.clone() },
            EventKind::DetailsEdited { details, appended } => {
                Self::DetailsEdited { details: details.0.clone(), appended: *appended }
            }
            EventKind::ReserveLowered { reserve, price } => Self::ReserveLowered {
                reserve: reserve.map(|reserve| reserve.get()),
                price: price.map(|price| price.get()),
            },
            EventKind::Paid => Self::Paid,
            EventKind::Unpaid { next, expired } => Self::Unpaid { next: next.into(), expired: *expired },
            EventKind::OfferAccepted { pay_by } => Self::OfferAccepted { pay_by_us: pay_by.micros() },
            EventKind::OfferEnded { next, expired } => {
                Self::OfferEnded { next: next.into(), expired: *expired }
            }
            EventKind::BidderBanned { bidder, removed } => Self::BidderBanned {
                bidder: bidder.to_bits(),
                removed: removed.as_deref().map(Leadership::from),
            },
            EventKind::BidderUnbanned { bidder } => Self::BidderUnbanned { bidder: bidder.to_bits() },
        }
    }
}

impl From<&Opened> for Opening {
    fn from(opened: &Opened) -> Self {
        let Opened { terms, details, id, digest } = opened;
        Self { terms: terms.into(), details: details.0.clone(), id: id.map(|id| id.0), digest: *digest }
    }
}

impl From<&BidAccepted> for Bid {
    fn from(bid: &BidAccepted) -> Self {
        let BidAccepted { id, bidder, amount, price, leading, extended_to } = *bid;
        Self {
            id: id.to_bits(),
            bidder: bidder.to_bits(),
            amount: amount.get(),
            price: price.get(),
            leading,
            extended_to_us: extended_to.map(|time| time.micros()),
        }
    }
}

impl From<&CoreLeadership> for Leadership {
    fn from(left: &CoreLeadership) -> Self {
        let CoreLeadership { price, leader } = *left;
        Self { price: price.map(|price| price.get()), leader: leader.map(AccountId::to_bits) }
    }
}

impl From<&CoreOutcome> for Outcome {
    fn from(outcome: &CoreOutcome) -> Self {
        match *outcome {
            CoreOutcome::Awarded { winner, price, pay_by } => {
                Self::Awarded { winner: winner.to_bits(), price: price.get(), pay_by_us: pay_by.micros() }
            }
            CoreOutcome::Unsold(UnsoldReason::NoBids) => Self::NoBids,
            CoreOutcome::Unsold(UnsoldReason::ReserveNotMet) => Self::ReserveNotMet,
            CoreOutcome::Unsold(UnsoldReason::Unpaid) => Self::Unpaid,
        }
    }
}

impl From<&AfterUnpaid> for Next {
    fn from(next: &AfterUnpaid) -> Self {
        match *next {
            AfterUnpaid::Offered { to, price, until } => {
                Self::Offered { to: to.to_bits(), price: price.get(), until_us: until.micros() }
            }
            AfterUnpaid::Unsold => Self::Unsold,
        }
    }
}
