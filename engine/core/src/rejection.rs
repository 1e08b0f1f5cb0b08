//! Refusals by the rules. A rejection is an outcome, never an error: it takes the same way back as an acceptance.

use crate::auction::State;
use crate::{Amount, FieldError, Timestamp};

mod words;

/// Why the rules refused a command. Each has one code; `gavel-wire` spells it, once for every face.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// `NOTFOUND`: no such auction, bid or ban.
    NotFound(Missing),
    /// `NOTSTARTED`: bids are taken from this time on.
    NotStarted(Timestamp),
    /// `CLOSED`: the auction ended at this time.
    Closed(Timestamp),
    /// `TOOLOW`: the least amount that would do.
    TooLow(Amount),
    /// `SELLERBID`: a seller can't bid on their own auction.
    SellerBid,
    /// `BANNED`: this bidder may not bid here.
    Banned,
    /// `IDCONFLICT`: the id was used before with other content.
    IdConflict,
    /// `STATE`: the command has no meaning in this state; the word says what would be needed.
    State(State, StateReason),
    /// `INVALID`: something in the command is outside its bounds.
    Invalid(InvalidReason),
    /// `INVALID`: terms that do not hold together, one error per field.
    InvalidTerms(Box<[FieldError]>),
    /// `TOOLARGE`: a bound of [`limits`](crate::limits) is reached.
    TooLarge(LimitReached),
}

/// What was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// No auction has this id (or it has left memory).
    Auction,
    /// The auction has no standing bid with this id.
    Bid,
    /// This bidder has no standing bid in the auction.
    Bidder,
    /// There is no such ban.
    Ban,
}

/// Why a command has no meaning now, beyond the state itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateReason {
    /// The state alone says it.
    WrongState,
    /// The auction's terms have no buy-now price.
    NoBuyNow,
    /// A bid has removed the buy-now price.
    BuyNowGone,
    /// The terms allow no retraction (any more).
    NoRetraction,
    /// The auction has no reserve price.
    NoReserve,
    /// The reserve was already reached.
    ReserveMet,
    /// The offer stands to somebody else.
    NotOfferee,
    /// The new end must lie after the present one.
    EndNotLater,
    /// The new end lies beyond the hard end.
    BeyondHardEnd,
    /// The bidder is banned here already.
    AlreadyBanned,
}

/// What was outside its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidReason {
    /// Amounts are 1 ..= 2^53 - 1.
    Amount,
    /// An id of the form that the engine assigns can't be chosen for a new bid.
    AssignedId,
    /// A reason is 1 ..= 256 bytes of UTF-8.
    Reason,
    /// A new reserve must be lower than the present one.
    ReserveNotLower,
    /// The end must lie after the start, and at most the longest duration after it.
    End,
}

/// Which bound was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitReached {
    /// [`BIDS_PER_AUCTION_MAX`](crate::limits::BIDS_PER_AUCTION_MAX).
    Bids,
    /// [`EDITS_PER_AUCTION_MAX`](crate::limits::EDITS_PER_AUCTION_MAX).
    Edits,
    /// [`BANS_MAX`](crate::limits::BANS_MAX) or [`AUCTION_BANS_MAX`](crate::limits::AUCTION_BANS_MAX).
    Bans,
    /// [`SEQUENCE_MAX`](crate::limits::SEQUENCE_MAX): the shard has opened all it can today.
    Sequence,
    /// [`AUCTIONS_PER_SHARD_MAX`](crate::limits::AUCTIONS_PER_SHARD_MAX).
    Auctions,
    /// [`DETAILS_BYTES_MAX`](crate::limits::DETAILS_BYTES_MAX).
    Details,
    /// [`EVENTS_PER_AUCTION_MAX`](crate::limits::EVENTS_PER_AUCTION_MAX).
    Events,
    /// [`AMOUNT_MAX`](crate::limits::AMOUNT_MAX): one step above the price there is no amount any more.
    Price,
}
