//! One event of the log as JSON: what the changes of an auction are sent as, and what an export of the log is made of.
//!
//! ```text
//! {"position":"3-1-42","auction":"20261122-003-00000042","seq":2,"type":"bid_accepted","at":"2026-11-22T09:00:01Z",
//!  "received":"2026-11-22T09:00:01Z","decided":"2026-11-22T09:00:01.000180Z","origin":"client",
//!  "bid_id":"00000002-4756-8…","bidder":"8","price":3100,"status":"leading","extended_to":null}
//! ```
//!
//! Times are RFC 3339 in UTC, amounts integers in the currency's minor unit, ids, accounts and positions texts. A field that has
//! no value is `null`; a field that is withheld is not there. An event's fields never change their meaning; new ones may come.
//!
//! | withheld in the public form | because |
//! |---|---|
//! | `amount` of a bid | it is the bidder's secret maximum (or, without proxy bidding, the price that is shown anyway) |
//! | `reserve_price` | it is the seller's secret; `reserve_status` says all that others may know |
//! | `placement_key`, `open_id`, keys of the directory and of ranges | they are the caller's own |
//! | `reason` of a removal | it is the operator's word about a person; bidders' and sellers' own reasons are shown |
//! | `bidder` of a ban | it is between the market and the bidder, unless their bids went with it, which everybody sees |
//!
//! **Invariant.** Every event is destructured whole, so that a new field does not compile until it is shown or withheld.

mod shard;

pub use shard::{shard_event, shard_type_name};

use crate::reply::uuid_text;
use crate::view_json::{Fields, object, public_terms};
use gavel_core::auction::ReserveStatus;
use gavel_core::event::{
    AfterUnpaid, BidAccepted, BidRetracted, BidsRemoved, EndMovedCause, Leadership, Opened, Origin, Outcome,
    UnsoldReason,
};
use gavel_core::{AccountId, Amount, Event, EventKind, Position, State};

/// Who may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// What everybody may see.
    Public,
    /// Everything that the log holds: for operators, and for what they keep to themselves.
    Secret,
}

/// Appends one event of an auction as one object, without a line's end.
pub fn event(out: &mut Vec<u8>, position: Position, event: &Event, form: Form) {
    let Event { auction, seq, stamp, at, origin, kind } = event;
    object(out, |fields| {
        fields.text("position", position);
        fields.ascii("auction", &auction.to_text());
        fields.integer("seq", u64::from(seq.0));
        fields.text("type", type_name(kind));
        fields.time("at", Some(*at));
        fields.time("received", Some(stamp.received));
        fields.time("decided", Some(stamp.decided));
        fields.text("origin", origin_word(*origin));
        fields.kind(kind, form);
    });
}

/// Appends what happened alone, as one object: the fields that differ from kind to kind.
pub fn kind(out: &mut Vec<u8>, kind: &EventKind, form: Form) {
    object(out, |fields| fields.kind(kind, form));
}

/// What the event is called: the value of `type`, in every form and on every face.
#[must_use]
pub const fn type_name(kind: &EventKind) -> &'static str {
    kind.name()
}

const fn origin_word(origin: Origin) -> &'static str {
    match origin {
        Origin::Client => "client",
        Origin::Engine => "engine",
    }
}

/// What is told of a reserve price and the price beside it. The same rule as in the rules: the price rises to a reserve that
/// a maximum reaches, so a price below it means that none does.
fn reserve_status(reserve: Option<Amount>, price: Option<Amount>) -> ReserveStatus {
    match reserve {
        None => ReserveStatus::None,
        Some(reserve) if price.is_some_and(|price| price >= reserve) => ReserveStatus::Met,
        Some(_) => ReserveStatus::NotMet,
    }
}

impl Fields<'_> {
    fn kind(&mut self, kind: &EventKind, form: Form) {
        match kind {
            EventKind::Opened(opened) => self.opened(opened, form),
            EventKind::Started | EventKind::Paid => {}
            EventKind::BidAccepted(bid) => self.bid_accepted(bid, form),
            EventKind::BoughtNow { id, buyer, price, pay_by } => {
                self.ascii("bid_id", &uuid_text(id.to_bits()));
                self.account("bidder", Some(*buyer));
                self.amount("price", Some(*price));
                self.text("status", "sold");
                self.time("pay_by", Some(*pay_by));
            }
            EventKind::BidRetracted(retracted) => self.bid_retracted(retracted),
            EventKind::BidsRemoved(removed) => self.bids_removed(removed, form),
            EventKind::EndMoved { ends_at, cause } => {
                self.time("ends_at", Some(*ends_at));
                self.text("cause", cause_word(*cause));
            }
            EventKind::Ended { outcome, early } => {
                self.outcome(outcome);
                self.boolean("early", *early);
            }
            EventKind::Cancelled { reason } => self.string("reason", &reason.0),
            EventKind::DetailsEdited { details, appended } => {
                self.raw("details", &details.0);
                self.boolean("appended", *appended);
            }
            EventKind::ReserveLowered { reserve, price } => self.reserve_lowered(*reserve, *price, form),
            EventKind::Unpaid { next, expired } | EventKind::OfferEnded { next, expired } => {
                self.after_unpaid(*next);
                self.boolean("expired", *expired);
            }
            EventKind::OfferAccepted { pay_by } => self.time("pay_by", Some(*pay_by)),
            EventKind::BidderBanned { bidder, removed } => {
                self.bidder_banned(*bidder, removed.as_deref(), form)
            }
            EventKind::BidderUnbanned { bidder } => self.secret_account("bidder", *bidder, form),
        }
    }

    fn opened(&mut self, opened: &Opened, form: Form) {
        // The digest only tells a retry from a conflict; it says nothing to a reader.
        let Opened { terms, details, id, digest: _ } = opened;
        self.time("starts_at", Some(terms.starts_at));
        self.time("ends_at", Some(terms.ends_at));
        self.text("reserve_status", reserve_status(terms.reserve_price, None).name());
        public_terms(self, terms, terms.buy_now.map(|buy_now| buy_now.price));
        if form == Form::Secret {
            self.amount("reserve_price", terms.reserve_price);
            match &terms.placement_key {
                Some(key) => self.string("placement_key", key),
                None => self.raw("placement_key", "null"),
            }
            match id {
                Some(id) => self.text("open_id", id),
                None => self.raw("open_id", "null"),
            }
        }
        self.raw("details", &details.0);
    }

    fn bid_accepted(&mut self, bid: &BidAccepted, form: Form) {
        let BidAccepted { id, bidder, amount, price, leading, extended_to } = *bid;
        self.ascii("bid_id", &uuid_text(id.to_bits()));
        self.account("bidder", Some(bidder));
        if form == Form::Secret {
            self.amount("amount", Some(amount));
        }
        self.amount("price", Some(price));
        self.text("status", if leading { "leading" } else { "outbid" });
        self.time("extended_to", extended_to);
    }

    fn bid_retracted(&mut self, retracted: &BidRetracted) {
        let BidRetracted { id, bidder, reason, left } = retracted;
        self.ascii("bid_id", &uuid_text(id.to_bits()));
        self.account("bidder", Some(*bidder));
        self.string("reason", &reason.0);
        self.left(left);
    }

    fn bids_removed(&mut self, removed: &BidsRemoved, form: Form) {
        let BidsRemoved { bidder, reason, count, left } = removed;
        self.account("bidder", Some(*bidder));
        if form == Form::Secret {
            self.string("reason", &reason.0);
        }
        self.integer("bids", u64::from(*count));
        self.left(left);
    }

    fn bidder_banned(&mut self, bidder: AccountId, removed: Option<&Leadership>, form: Form) {
        self.boolean("bids_removed", removed.is_some());
        match removed {
            Some(left) => {
                self.account("bidder", Some(bidder));
                self.left(left);
            }
            None => self.secret_account("bidder", bidder, form),
        }
    }

    /// Price and leader after bids were taken away.
    fn left(&mut self, left: &Leadership) {
        let Leadership { price, leader } = *left;
        self.amount("price", price);
        self.account("leader", leader);
    }

    fn reserve_lowered(&mut self, reserve: Option<Amount>, price: Option<Amount>, form: Form) {
        self.text("reserve_status", reserve_status(reserve, price).name());
        if form == Form::Secret {
            self.amount("reserve_price", reserve);
        }
        self.amount("price", price);
    }

    fn outcome(&mut self, outcome: &Outcome) {
        match *outcome {
            Outcome::Awarded { winner, price, pay_by } => {
                self.text("state", State::Awarded);
                self.account("winner", Some(winner));
                self.amount("price", Some(price));
                self.time("pay_by", Some(pay_by));
            }
            Outcome::Unsold(reason) => self.unsold(reason),
        }
    }

    fn after_unpaid(&mut self, next: AfterUnpaid) {
        match next {
            AfterUnpaid::Offered { to, price, until } => {
                self.text("state", State::Offered);
                self.account("offered_to", Some(to));
                self.amount("price", Some(price));
                self.time("until", Some(until));
            }
            AfterUnpaid::Unsold => self.unsold(UnsoldReason::Unpaid),
        }
    }

    fn unsold(&mut self, reason: UnsoldReason) {
        self.text("state", State::Unsold);
        self.text("unsold_reason", reason.name());
    }

    fn secret_account(&mut self, name: &str, account: AccountId, form: Form) {
        if form == Form::Secret {
            self.account(name, Some(account));
        }
    }

    /// A text that holds nothing to be escaped, as bytes.
    fn ascii(&mut self, name: &str, text: &[u8]) {
        self.name(name);
        self.out.push(b'"');
        self.out.extend_from_slice(text);
        self.out.push(b'"');
    }

    fn boolean(&mut self, name: &str, value: bool) {
        self.raw(name, if value { "true" } else { "false" });
    }

    /// Any text, escaped.
    fn string(&mut self, name: &str, text: &str) {
        self.name(name);
        let written = serde_json::to_writer(&mut *self.out, text);
        debug_assert!(written.is_ok(), "a Vec takes everything, and every text is a JSON string");
    }
}

const fn cause_word(cause: EndMovedCause) -> &'static str {
    match cause {
        EndMovedCause::Command => "command",
        EndMovedCause::GivenBack => "given_back",
    }
}

#[cfg(test)]
mod tests;
