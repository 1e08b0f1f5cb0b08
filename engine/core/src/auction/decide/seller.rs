//! What the seller does with an auction that has not ended, and time given back to it.

use super::{Judge, Verdict, check_reason};
use crate::auction::{ReserveStatus, State};
use crate::command::Reason;
use crate::event::EndMovedCause;
use crate::limits::{AUCTION_DURATION_MAX_S, DETAILS_BYTES_MAX, EDITS_PER_AUCTION_MAX};
use crate::rejection::{InvalidReason, LimitReached, StateReason};
use crate::{Amount, Details, Duration, EventKind, Rejection, Timestamp};

impl Judge<'_> {
    /// Later only, and not beyond the hard end or the longest duration.
    pub(super) fn extend(&self, ends_at: Timestamp) -> Verdict {
        self.before_end()?;
        if ends_at <= self.auction.ends_at {
            return self.state_error(StateReason::EndNotLater);
        }
        let terms = &self.auction.terms;
        if ends_at.since(terms.starts_at) > Duration::from_secs(AUCTION_DURATION_MAX_S) {
            return Err(Rejection::Invalid(InvalidReason::End));
        }
        if ends_at > terms.latest_end() {
            return self.state_error(StateReason::BeyondHardEnd);
        }
        Ok(Some(EventKind::EndMoved { ends_at, cause: EndMovedCause::Command }))
    }

    /// The engine's own: also past the end, and beyond hard end and longest duration, which the outage has passed by as well.
    pub(super) fn give_back(&self, ends_at: Timestamp) -> Verdict {
        if !matches!(self.auction.state, State::Scheduled | State::Open) {
            return self.wrong_state();
        }
        if ends_at <= self.auction.ends_at {
            return Ok(None);
        }
        if ends_at <= self.at {
            return Err(Rejection::Invalid(InvalidReason::End));
        }
        Ok(Some(EventKind::EndMoved { ends_at, cause: EndMovedCause::GivenBack }))
    }

    pub(super) fn cancel(&self, reason: &Reason) -> Verdict {
        check_reason(reason)?;
        if self.auction.state == State::Cancelled {
            return Ok(None);
        }
        self.before_end()?;
        Ok(Some(EventKind::Cancelled { reason: reason.clone() }))
    }

    /// Replaces the details before the first bid, appends to them after it (for good: also when that bid is retracted).
    pub(super) fn edit(&self, details: &Details) -> Verdict {
        self.before_end()?;
        if details.0.len() > DETAILS_BYTES_MAX {
            return Err(Rejection::TooLarge(LimitReached::Details));
        }
        if self.auction.rare.as_ref().is_some_and(|rare| rare.edits >= EDITS_PER_AUCTION_MAX) {
            return Err(Rejection::TooLarge(LimitReached::Edits));
        }
        let appended = self.auction.bids.len() > 0;
        Ok(Some(EventKind::DetailsEdited { details: details.clone(), appended }))
    }

    pub(super) fn lower_reserve(&self, reserve: Option<Amount>) -> Verdict {
        self.before_end()?;
        let Some(present) = self.auction.reserve else { return self.state_error(StateReason::NoReserve) };
        if self.auction.reserve_status() == ReserveStatus::Met {
            return self.state_error(StateReason::ReserveMet);
        }
        match reserve {
            Some(Amount::ZERO) => return Err(Rejection::Invalid(InvalidReason::Amount)),
            Some(reserve) if reserve >= present => {
                return Err(Rejection::Invalid(InvalidReason::ReserveNotLower));
            }
            _ => {}
        }
        let rules = self.auction.rules_with(reserve);
        let price = self.auction.lead.map(|lead| rules.up_to_reserve(lead).price);
        Ok(Some(EventKind::ReserveLowered { reserve, price }))
    }
}
