//! How an auction ends: by its time, or by command; and what a pulse finds due.

use super::{Judge, Phase, Verdict};
use crate::EventKind;
use crate::auction::{ReserveStatus, State};
use crate::event::{Outcome, UnsoldReason};

impl Judge<'_> {
    pub(super) fn end_early(&self) -> Verdict {
        match self.before_end()? {
            Phase::Bidding => Ok(Some(EventKind::Ended { outcome: self.outcome(), early: true })),
            _ => self.wrong_state(),
        }
    }

    /// What is due, one event per pulse: ask again until there is none.
    pub(super) fn pulse(&self) -> Option<EventKind> {
        let auction = self.auction;
        if auction.next_due().is_none_or(|due| self.at < due) {
            return None;
        }
        match auction.state {
            // Where the pulse comes later than the end, nobody has bid in between: it ends without having started.
            State::Scheduled if self.at < auction.ends_at => Some(EventKind::Started),
            State::Scheduled | State::Open => {
                Some(EventKind::Ended { outcome: self.outcome(), early: false })
            }
            State::Awarded => Some(EventKind::Unpaid { next: self.after_unpaid(), expired: true }),
            State::Offered => Some(EventKind::OfferEnded { next: self.after_unpaid(), expired: true }),
            State::Closed | State::Unsold | State::Cancelled => None,
        }
    }

    /// Whoever leads has won, if the reserve price is reached.
    fn outcome(&self) -> Outcome {
        let auction = self.auction;
        match auction.leader().zip(auction.price()) {
            None => Outcome::Unsold(UnsoldReason::NoBids),
            Some(_) if auction.reserve_status() == ReserveStatus::NotMet => {
                Outcome::Unsold(UnsoldReason::ReserveNotMet)
            }
            Some((winner, price)) => {
                let pay_by = self.at.saturating_add(auction.terms.payment_window);
                Outcome::Awarded { winner, price, pay_by }
            }
        }
    }
}
