//! Rejections in words a person understands, with the number that would do. The code is not part of them: every face puts it
//! where it belongs there.

use super::{InvalidReason, LimitReached, Missing, Rejection, StateReason};
use crate::auction::State;
use crate::limits::{
    AMOUNT_MAX, AUCTION_BANS_MAX, AUCTIONS_PER_SHARD_MAX, BANS_MAX, BIDS_PER_AUCTION_MAX, DETAILS_BYTES_MAX,
    EDITS_PER_AUCTION_MAX, EVENTS_PER_AUCTION_MAX, REASON_BYTES_MAX, SEQUENCE_MAX,
};
use std::fmt::{Display, Formatter, Result as FmtResult};

impl Display for Rejection {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match self {
            Self::NotFound(missing) => missing.fmt(f),
            Self::NotStarted(at) => write!(f, "bids are taken from {at} on"),
            Self::Closed(at) => write!(f, "closed at {at}"),
            Self::TooLow(least) => write!(f, "bid at least {least}"),
            Self::SellerBid => f.write_str("a seller cannot bid on their own auction"),
            Self::Banned => f.write_str("this bidder may not bid here"),
            Self::IdConflict => f.write_str("this id was used before for something else"),
            Self::State(state, StateReason::WrongState) => write!(f, "not while the auction is {state}"),
            Self::State(_, reason) => reason.fmt(f),
            Self::Invalid(reason) => reason.fmt(f),
            Self::InvalidTerms(errors) => {
                for (index, error) in errors.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "; " };
                    write!(f, "{separator}{} {}", error.field, error.problem)?;
                }
                Ok(())
            }
            Self::TooLarge(limit) => limit.fmt(f),
        }
    }
}

impl std::error::Error for Rejection {}

impl Display for State {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.pad(self.name())
    }
}

impl State {
    /// Its one spelling, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Open => "open",
            Self::Awarded => "awarded",
            Self::Offered => "offered",
            Self::Closed => "closed",
            Self::Unsold => "unsold",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Display for Missing {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str(match self {
            Self::Auction => "there is no auction with this id",
            Self::Bid => "no bid with this id stands in the auction",
            Self::Bidder => "no bid of this bidder stands in the auction",
            Self::Ban => "there is no such ban",
        })
    }
}

impl Display for StateReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str(match self {
            Self::WrongState => "not in this state",
            Self::NoBuyNow => "the auction has no buy-now price",
            Self::BuyNowGone => "the bidding has passed the buy-now price or removed it",
            Self::NoRetraction => "the terms do not allow a retraction (any more)",
            Self::NoReserve => "the auction has no reserve price",
            Self::ReserveMet => "the reserve price is already reached",
            Self::NotOfferee => "the offer stands to somebody else",
            Self::EndNotLater => "the new end must be later than the present one",
            Self::BeyondHardEnd => "the new end must not be later than the hard end",
            Self::AlreadyBanned => "the bidder is banned already",
        })
    }
}

impl Display for InvalidReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match self {
            Self::Amount => write!(f, "an amount is 1 to {AMOUNT_MAX}"),
            Self::AssignedId => f.write_str("an id of this form is given by the engine and cannot be chosen"),
            Self::Reason => write!(f, "a reason is 1 to {REASON_BYTES_MAX} bytes"),
            Self::ReserveNotLower => f.write_str("the new reserve price must be lower than the present one"),
            Self::End => f.write_str("the end must lie in the future and at most 366 days after the start"),
        }
    }
}

impl Display for LimitReached {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match self {
            Self::Bids => write!(f, "an auction takes at most {BIDS_PER_AUCTION_MAX} bids"),
            Self::Edits => write!(f, "details can be changed at most {EDITS_PER_AUCTION_MAX} times"),
            Self::Bans => {
                write!(f, "at most {AUCTION_BANS_MAX} bans in one auction, {BANS_MAX} beyond auctions")
            }
            Self::Auctions => write!(
                f,
                "a shard holds at most {AUCTIONS_PER_SHARD_MAX} auctions; place new ones on another"
            ),
            Self::Sequence => write!(f, "a shard opens at most {SEQUENCE_MAX} auctions a day"),
            Self::Details => write!(f, "details are at most {DETAILS_BYTES_MAX} bytes"),
            Self::Events => write!(f, "an auction takes at most {EVENTS_PER_AUCTION_MAX} commands"),
            Self::Price => write!(f, "no higher amount is left: amounts are at most {AMOUNT_MAX}"),
        }
    }
}
