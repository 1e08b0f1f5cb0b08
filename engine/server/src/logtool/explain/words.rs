//! The rules in words: why an event is as it is, so that a support person could read it to a bidder.
//!
//! Everything is told from three things: the terms, how the auction stood before the event, and how it stands after it. Amounts
//! are in the currency's minor unit. Unless secrets are wanted, no sentence holds anybody's maximum or the reserve price for its
//! own sake; where the price itself has gone to one, the rules have made it public.

mod bid;
mod close;
mod sale;
mod shard;

pub(super) use shard::shard_words;

use super::stand::{Facts, Stand};
use crate::output::grouped;
use gavel_core::auction::ReserveStatus;
use gavel_core::event::{BidRetracted, BidsRemoved, EndMovedCause, Leadership, Origin};
use gavel_core::terms::Retraction;
use gavel_core::{AccountId, Amount, Duration, Event, EventKind, Reason, Terms, Timestamp};

/// What one event is told in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// What happened, in a few words.
    pub(super) title: String,
    /// What followed and by which rule, one sentence each. At least one.
    pub(super) lines: Vec<String>,
}

/// What is told.
pub(super) struct Telling<'a> {
    /// The auction after the event.
    pub(super) stand: &'a Stand,
    /// How it stood before it; `None` for the first.
    pub(super) before: Option<Facts>,
    /// How it stands after it.
    pub(super) after: Facts,
    /// Time without an engine, from the last sign of life to the start, when it is the latest thing that happened to the shard.
    pub(super) outage: Option<(Timestamp, Timestamp)>,
    /// Whether maxima and the reserve price are told.
    pub(super) secret: bool,
}

/// The words for an event.
pub(super) fn words(event: &Event, telling: &Telling<'_>) -> Words {
    let (title, lines) = telling.event(event);
    Words { title, lines }
}

type Told = (String, Vec<String>);

impl Telling<'_> {
    fn terms(&self) -> &Terms {
        self.stand.terms()
    }

    /// How it stood before. An event that has none is the first, and is told without it.
    fn before(&self) -> Facts {
        self.before.unwrap_or(self.after)
    }

    fn event(&self, event: &Event) -> Told {
        match &event.kind {
            EventKind::Opened(_) => self.opened(),
            EventKind::Started => {
                ("started".to_owned(), vec!["open: its start has come, and bids are taken".to_owned()])
            }
            EventKind::BidAccepted(bid) => self.bid(bid, event.at),
            EventKind::BoughtNow { id: _, buyer, price, pay_by } => self.bought_now(*buyer, *price, *pay_by),
            EventKind::BidRetracted(retracted) => self.retracted(retracted),
            EventKind::BidsRemoved(removed) => self.removed(removed, event.origin),
            EventKind::EndMoved { ends_at, cause } => self.end_moved(*ends_at, *cause),
            EventKind::Ended { outcome, early } => self.ended(outcome, *early),
            EventKind::Cancelled { reason } => (
                "cancelled".to_owned(),
                vec![format!("called off before its end, so that nobody wins; reason: {}", quoted(reason))],
            ),
            EventKind::DetailsEdited { details: _, appended } => {
                ("details edited".to_owned(), vec![edited(*appended)])
            }
            EventKind::ReserveLowered { reserve, price } => self.reserve_lowered(*reserve, *price),
            EventKind::Paid => (
                "paid".to_owned(),
                vec!["closed: the winner has paid, and nothing changes any more".to_owned()],
            ),
            EventKind::Unpaid { next, expired } => self.unpaid(*next, *expired),
            EventKind::OfferAccepted { pay_by } => self.offer_accepted(*pay_by),
            EventKind::OfferEnded { next, expired } => self.offer_ended(*next, *expired),
            EventKind::BidderBanned { bidder, removed } => self.banned(*bidder, removed.as_deref()),
            EventKind::BidderUnbanned { bidder } => (
                format!("{bidder} no longer banned"),
                vec![format!(
                    "the ban of {bidder} from this auction is lifted; bids that went with it do not come back"
                )],
            ),
        }
    }

    fn opened(&self) -> Told {
        let terms = self.terms();
        let scheduled = self.after.view.state == gavel_core::State::Scheduled;
        let mut lines = vec![match scheduled {
            true => format!("scheduled: bids are taken from {} to {}", terms.starts_at, terms.ends_at),
            false => format!("open at once: its start had come; bids are taken to {}", terms.ends_at),
        }];
        if let Some(reserve) = terms.reserve_price {
            lines.push(format!("it is not sold below a reserve price{}", self.secretly(reserve)));
        }
        (format!("opened by seller {}", terms.seller), lines)
    }

    fn retracted(&self, retracted: &BidRetracted) -> Told {
        let BidRetracted { id, bidder, reason, left } = retracted;
        let which = match self.stand.bid(*id) {
            Some(bid) => format!("record {} of this auction{}", bid.seq.0, self.secretly(bid.amount)),
            None => id.to_string(),
        };
        let allowed = match self.terms().retraction {
            Retraction::Never => String::new(),
            Retraction::Until(Duration::ZERO) => "; the terms allow it up to the end".to_owned(),
            Retraction::Until(before_end) => {
                format!("; the terms allow it as long as more than {} is left", span(before_end))
            }
        };
        let lines = vec![
            format!("their bid, {which}, is taken back{allowed}; reason: {}", quoted(reason)),
            left_words(left, "that bid"),
        ];
        (format!("bid of {bidder} retracted"), lines)
    }

    fn removed(&self, removed: &BidsRemoved, origin: Origin) -> Told {
        let BidsRemoved { bidder, reason, count, left } = removed;
        let bids = if *count == 1 {
            "1 bid is".to_owned()
        } else {
            format!("{} bids are", grouped((*count).into()))
        };
        let by = match origin {
            Origin::Client => format!("removed by an operator; reason: {}", quoted(reason)),
            Origin::Engine => "removed with a ban of wider scope than this auction".to_owned(),
        };
        (format!("bids of {bidder} removed"), vec![format!("{bids} {by}"), left_words(left, "those bids")])
    }

    fn banned(&self, bidder: AccountId, removed: Option<&Leadership>) -> Told {
        let mut lines = vec![match removed {
            Some(_) => format!("{bidder} may not bid here any more, and their bids go with the ban"),
            None => format!("{bidder} may not bid here any more; their standing bids, if any, stay"),
        }];
        lines.extend(removed.map(|left| left_words(left, "those bids")));
        (format!("{bidder} banned"), lines)
    }

    fn end_moved(&self, ends_at: Timestamp, cause: EndMovedCause) -> Told {
        let moved = format!("the end moves from {} to {ends_at}", self.before().view.ends_at);
        match (cause, self.outage) {
            (EndMovedCause::Command, _) => {
                ("extended".to_owned(), vec![format!("{moved}, by command of the seller or an operator")])
            }
            (EndMovedCause::GivenBack, Some((from, to))) => (
                "time given back".to_owned(),
                vec![format!(
                    "{moved}: the auction gets back time of an outage, from {from} (the last sign of life) to {to}"
                )],
            ),
            (EndMovedCause::GivenBack, None) => (
                "time given back".to_owned(),
                vec![format!("{moved}: the auction gets back time of an outage")],
            ),
        }
    }

    fn reserve_lowered(&self, reserve: Option<Amount>, price: Option<Amount>) -> Told {
        let before = self.before();
        let from = before
            .reserve
            .filter(|_| self.secret)
            .map_or_else(String::new, |from| format!(" from {}", shown(from)));
        let mut lines = vec![match reserve {
            Some(to) if self.secret => format!("the reserve price is lowered{from} to {}", shown(to)),
            Some(_) => "the reserve price is lowered".to_owned(),
            None => format!("the reserve price{from} is dropped: the highest bid wins, whatever it is"),
        }];
        if let Some(price) = price.filter(|price| Some(*price) != before.view.price) {
            lines.push(format!(
                "the leader's maximum reaches it, so that the price rises to it at once: {}",
                shown(price)
            ));
        }
        lines.extend(self.reserve_status());
        ("reserve price lowered".to_owned(), lines)
    }

    /// What has become of the reserve price by this event, or that it is still not reached.
    fn reserve_status(&self) -> Option<String> {
        let before = self.before.map(|before| before.view.reserve);
        match (before, self.after.view.reserve) {
            (Some(ReserveStatus::NotMet), ReserveStatus::Met) => {
                Some("the reserve price is reached".to_owned())
            }
            (_, ReserveStatus::NotMet) => {
                Some(format!("the reserve price{} is not reached yet", self.reserve_secretly()))
            }
            _ => None,
        }
    }

    fn reserve_secretly(&self) -> String {
        self.after.reserve.map_or_else(String::new, |reserve| self.secretly(reserve))
    }

    /// ` of 3,000`, where secrets are told.
    fn secretly(&self, amount: Amount) -> String {
        if self.secret { format!(" of {}", shown(amount)) } else { String::new() }
    }
}

fn edited(appended: bool) -> String {
    match appended {
        true => "appended to the details: once there was a bid, what bidders have relied on stays",
        false => "the details are replaced: there was no bid yet",
    }
    .to_owned()
}

/// Who leads after bids were taken away.
fn left_words(left: &Leadership, which: &str) -> String {
    let rule = format!("leader and price are computed anew, as if {which} had never been");
    match (left.leader, left.price) {
        (Some(leader), Some(price)) => format!("{rule}: {leader} leads at {}", shown(price)),
        _ => format!("{rule}: no bid stands"),
    }
}

/// An amount with commas between its thousands.
pub(super) fn shown(amount: Amount) -> String {
    grouped(amount.get())
}

fn quoted(reason: &Reason) -> String {
    format!("“{}”", reason.0)
}

/// A length of time as people say it: its two largest units.
pub(super) fn span(duration: Duration) -> String {
    const UNITS: [(u64, &str); 5] =
        [(86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "min"), (1_000_000, "s"), (1_000, "ms")];
    let (mut left, mut parts) = (duration.micros(), Vec::new());
    for (size, unit) in UNITS {
        if left >= size && parts.len() < 2 {
            parts.push(format!("{} {unit}", left / size));
            left %= size;
        }
    }
    if parts.is_empty() { format!("{} µs", duration.micros()) } else { parts.join(" ") }
}

#[cfg(test)]
mod tests;
