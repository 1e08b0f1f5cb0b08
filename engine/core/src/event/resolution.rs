//! How an auction has come out, as its events say it.

use super::{AfterUnpaid, EventKind, Outcome, UnsoldReason};
use crate::Timestamp;

/// How an auction has come out, as far as it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Somebody has won.
    Awarded,
    /// The runner-up has an offer.
    Offered,
    /// Nobody has won, for this reason.
    Unsold(UnsoldReason),
    /// It was called off.
    Cancelled,
}

impl Resolution {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Awarded,
        Self::Offered,
        Self::Unsold(UnsoldReason::NoBids),
        Self::Unsold(UnsoldReason::ReserveNotMet),
        Self::Unsold(UnsoldReason::Unpaid),
        Self::Cancelled,
    ];

    /// Its one spelling, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Awarded => "awarded",
            Self::Offered => "offered",
            Self::Unsold(reason) => reason.name(),
            Self::Cancelled => "cancelled",
        }
    }
}

impl EventKind {
    /// How the auction has come out by this event; `None` where it changes nothing of that.
    #[must_use]
    pub const fn resolution(&self) -> Option<Resolution> {
        match self {
            Self::Ended { outcome: Outcome::Awarded { .. }, .. }
            | Self::BoughtNow { .. }
            | Self::OfferAccepted { .. } => Some(Resolution::Awarded),
            Self::Ended { outcome: Outcome::Unsold(reason), .. } => Some(Resolution::Unsold(*reason)),
            Self::Unpaid { next, .. } | Self::OfferEnded { next, .. } => match next {
                AfterUnpaid::Offered { .. } => Some(Resolution::Offered),
                AfterUnpaid::Unsold => Some(Resolution::Unsold(UnsoldReason::Unpaid)),
            },
            Self::Cancelled { .. } => Some(Resolution::Cancelled),
            Self::Opened(_)
            | Self::Started
            | Self::BidAccepted(_)
            | Self::BidRetracted(_)
            | Self::BidsRemoved(_)
            | Self::EndMoved { .. }
            | Self::DetailsEdited { .. }
            | Self::ReserveLowered { .. }
            | Self::Paid
            | Self::BidderBanned { .. }
            | Self::BidderUnbanned { .. } => None,
        }
    }

    /// Until when must be paid, or the offer taken, where the event has given somebody the auction.
    #[must_use]
    pub const fn deadline(&self) -> Option<Timestamp> {
        match self {
            Self::Ended { outcome: Outcome::Awarded { pay_by, .. }, .. }
            | Self::BoughtNow { pay_by, .. }
            | Self::OfferAccepted { pay_by } => Some(*pay_by),
            Self::Unpaid { next: AfterUnpaid::Offered { until, .. }, .. }
            | Self::OfferEnded { next: AfterUnpaid::Offered { until, .. }, .. } => Some(*until),
            _ => None,
        }
    }
}
