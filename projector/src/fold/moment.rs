//! What an auction's timeline says of an event.

use crate::documents::{Moment, Money, time};
use gavel_core::event::{AfterUnpaid, Outcome};
use gavel_core::{Amount, Event, EventKind, Timestamp};

/// What a moment says beside its event's type.
#[derive(Default)]
struct Said<'a> {
    bidder: Option<i64>,
    price: Option<Amount>,
    until: Option<Timestamp>,
    reason: Option<&'a str>,
}

impl Moment {
    /// The event as a moment, with the pseudonyms of whom it names and of who leads after it. `None` for what the timeline does not show: bids,
    /// and bans that took nothing out, which concern nobody but the bidder.
    pub(super) fn of(event: &Event, actor: Option<i64>, leader: Option<i64>) -> Option<Self> {
        let Said { bidder, price, until, reason } = said(&event.kind, actor, leader)?;
        Some(Self {
            seq: event.seq.0.into(),
            kind: event.kind.name().to_owned(),
            at: time(event.at),
            bidder,
            price: price.map(Money),
            until: until.map(time),
            reason: reason.map(str::to_owned),
        })
    }
}

fn said(kind: &EventKind, actor: Option<i64>, leader: Option<i64>) -> Option<Said<'_>> {
    let until = kind.deadline();
    Some(match kind {
        EventKind::BidAccepted(_)
        | EventKind::BidderBanned { bidder: _, removed: None }
        | EventKind::BidderUnbanned { bidder: _ } => return None,
        EventKind::Opened(opened) => Said { until: Some(opened.terms.ends_at), ..Said::default() },
        EventKind::Started | EventKind::DetailsEdited { details: _, appended: _ } => Said::default(),
        EventKind::BoughtNow { id: _, buyer: _, price, pay_by: _ } => {
            Said { bidder: actor, price: Some(*price), until, reason: None }
        }
        EventKind::BidRetracted(retracted) => Said {
            bidder: actor,
            price: retracted.left.price,
            until: None,
            reason: Some(&retracted.reason.0),
        },
        // The reason is the operator's word about a person.
        EventKind::BidsRemoved(removed) => {
            Said { bidder: actor, price: removed.left.price, ..Said::default() }
        }
        EventKind::BidderBanned { bidder: _, removed: Some(left) } => {
            Said { bidder: actor, price: left.price, ..Said::default() }
        }
        EventKind::EndMoved { ends_at, cause: _ } => Said { until: Some(*ends_at), ..Said::default() },
        EventKind::Ended { outcome: Outcome::Awarded { winner: _, price, pay_by: _ }, early: _ } => {
            Said { bidder: actor, price: Some(*price), until, reason: None }
        }
        EventKind::Ended { outcome: Outcome::Unsold(_), early: _ } => Said::default(),
        EventKind::Cancelled { reason } => Said { reason: Some(&reason.0), ..Said::default() },
        // The reserve price stays secret.
        EventKind::ReserveLowered { reserve: _, price } => Said { price: *price, ..Said::default() },
        EventKind::Paid => Said { bidder: leader, ..Said::default() },
        EventKind::OfferAccepted { pay_by: _ } => Said { bidder: leader, until, ..Said::default() },
        EventKind::Unpaid { next, expired: _ } | EventKind::OfferEnded { next, expired: _ } => match next {
            AfterUnpaid::Offered { to: _, price, until: _ } => {
                Said { bidder: actor, price: Some(*price), until, reason: None }
            }
            AfterUnpaid::Unsold => Said::default(),
        },
    })
}
