//! Decided facts. An event says what happened with its results, so that a reader needs no rules to follow along.

mod resolution;

pub use resolution::Resolution;

use crate::command::{Reason, StandingBids};
use crate::placement::PlacementChange;
use crate::{AccountId, Amount, AuctionId, BidId, Details, Epoch, OpenId, Seq, Stamp, Terms, Timestamp};

/// One decided fact about one auction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The auction.
    pub auction: AuctionId,
    /// The record's number in the auction, from 1.
    pub seq: Seq,
    /// When the command came in and was decided.
    pub stamp: Stamp,
    /// The auction's own time, which never goes back: the later of `stamp.received` and the event before.
    pub at: Timestamp,
    /// Who caused it.
    pub origin: Origin,
    /// What happened.
    pub kind: EventKind,
}

/// Who caused an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client's command.
    Client,
    /// The engine itself: a pulse, time given back, a ban of wider scope carried out.
    Engine,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The auction exists.
    Opened(Box<Opened>),
    /// Its start has come. (A bid at or after the start may come first, or the end; then this event never does.)
    Started,
    /// A bid was accepted.
    BidAccepted(BidAccepted),
    /// The auction was bought at its buy-now price.
    BoughtNow {
        /// The purchase's bid id.
        id: BidId,
        /// Who bought.
        buyer: AccountId,
        /// At which price.
        price: Amount,
        /// Until when it must be paid.
        pay_by: Timestamp,
    },
    /// One bid was taken back.
    BidRetracted(Box<BidRetracted>),
    /// All bids of one bidder were removed.
    BidsRemoved(Box<BidsRemoved>),
    /// The end was moved by command.
    EndMoved {
        /// The new end.
        ends_at: Timestamp,
        /// What moved it.
        cause: EndMovedCause,
    },
    /// The auction has ended: by its time, or early.
    Ended {
        /// Awarded or unsold.
        outcome: Outcome,
        /// True when it was ended by command before its time.
        early: bool,
    },
    /// The auction was called off.
    Cancelled {
        /// Why.
        reason: Reason,
    },
    /// Details were replaced (before the first bid) or appended (after it).
    DetailsEdited {
        /// The new or further details.
        details: Details,
        /// True when they come on top of the earlier ones.
        appended: bool,
    },
    /// The reserve price is lower, or gone.
    ReserveLowered {
        /// The new reserve; `None` when dropped.
        reserve: Option<Amount>,
        /// The price after it (a lower reserve may be reached at once by the standing maximum).
        price: Option<Amount>,
    },
    /// Paid: the auction is closed for good.
    Paid,
    /// The winner did not pay (said so, or the deadline passed).
    Unpaid {
        /// Offered to the runner-up, or unsold.
        next: AfterUnpaid,
        /// True when the deadline decided it.
        expired: bool,
    },
    /// The runner-up has accepted: awarded.
    OfferAccepted {
        /// Until when it must be paid.
        pay_by: Timestamp,
    },
    /// The runner-up has declined or let the offer expire.
    OfferEnded {
        /// Offered to the next, or unsold.
        next: AfterUnpaid,
        /// True when the deadline decided it.
        expired: bool,
    },
    /// A bidder is banned from this auction.
    BidderBanned {
        /// Who.
        bidder: AccountId,
        /// What is left after it, when their bids were removed by the ban.
        removed: Option<Box<Leadership>>,
    },
    /// A ban is lifted.
    BidderUnbanned {
        /// Who.
        bidder: AccountId,
    },
}

impl EventKind {
    /// Its one spelling: the value of `type`, in every form and on every face.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Opened(_) => "opened",
            Self::Started => "started",
            Self::BidAccepted(_) => "bid_accepted",
            Self::BoughtNow { .. } => "bought_now",
            Self::BidRetracted(_) => "bid_retracted",
            Self::BidsRemoved(_) => "bids_removed",
            Self::EndMoved { .. } => "end_moved",
            Self::Ended { .. } => "ended",
            Self::Cancelled { .. } => "cancelled",
            Self::DetailsEdited { .. } => "details_edited",
            Self::ReserveLowered { .. } => "reserve_lowered",
            Self::Paid => "paid",
            Self::Unpaid { .. } => "unpaid",
            Self::OfferAccepted { .. } => "offer_accepted",
            Self::OfferEnded { .. } => "offer_ended",
            Self::BidderBanned { .. } => "bidder_banned",
            Self::BidderUnbanned { .. } => "bidder_unbanned",
        }
    }
}

/// The first event of an auction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The terms, for good.
    pub terms: Terms,
    /// What readers are shown.
    pub details: Details,
    /// The client's id for the request.
    pub id: Option<OpenId>,
    /// Digest of the request's content, to tell a retry from a conflict.
    pub digest: u128,
}

/// An accepted bid, with its results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BidAccepted {
    /// The bid.
    pub id: BidId,
    /// Who bid.
    pub bidder: AccountId,
    /// The secret maximum (or the price itself, without proxy bidding). Shown to nobody but its owner.
    pub amount: Amount,
    /// The price after the bid.
    pub price: Amount,
    /// True when the bidder leads after it.
    pub leading: bool,
    /// The new end, when the bid has moved it (soft close).
    pub extended_to: Option<Timestamp>,
}

/// Price and leader after bids were taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// The price, `None` when no bid stands.
    pub price: Option<Amount>,
    /// The leader, `None` when no bid stands.
    pub leader: Option<AccountId>,
}

/// One bid was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BidRetracted {
    /// The bid.
    pub id: BidId,
    /// Whose it was.
    pub bidder: AccountId,
    /// Why.
    pub reason: Reason,
    /// What is left after it.
    pub left: Leadership,
}

/// All bids of one bidder were removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BidsRemoved {
    /// Whose they were.
    pub bidder: AccountId,
    /// Why.
    pub reason: Reason,
    /// How many stood.
    pub count: u32,
    /// What is left after it.
    pub left: Leadership,
}

/// What moved an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndMovedCause {
    /// A command.
    Command,
    /// Time given back after an outage.
    GivenBack,
}

/// How an auction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody has won.
    Awarded {
        /// Who.
        winner: AccountId,
        /// At which price.
        price: Amount,
        /// Until when it must be paid.
        pay_by: Timestamp,
    },
    /// Nobody has.
    Unsold(UnsoldReason),
}

/// Why nobody has won.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsoldReason {
    /// No bid stands.
    NoBids,
    /// The reserve price was not reached.
    ReserveNotMet,
    /// It was not paid, and there is nobody (left) to offer it to.
    Unpaid,
}

impl UnsoldReason {
    /// Its one spelling, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoBids => "no_bids",
            Self::ReserveNotMet => "reserve_not_met",
            Self::Unpaid => "unpaid",
        }
    }
}

/// What follows when the winner does not pay or an offer comes to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterUnpaid {
    /// A second chance for the next bidder.
    Offered {
        /// To whom.
        to: AccountId,
        /// At which price: what they would have paid, had nobody before them (winner, earlier offers, banned bidders) ever bid.
        /// So it tells nobody their maximum, unless the bids behind them take the price there.
        price: Amount,
        /// Until when they can take it.
        until: Timestamp,
    },
    /// Nobody is left.
    Unsold,
}

/// A decided fact about a whole shard, or about all of them (kept by shard 0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShardEvent {
    /// The shard's first record of a generation.
    EpochStarted {
        /// The generation.
        epoch: Epoch,
        /// By the engine's clock.
        at: Timestamp,
        /// The last moment the generation before is known to have been alive; `None` for the first.
        alive_until: Option<Timestamp>,
    },
    /// A bidder is banned from all auctions, or from all of one seller's.
    Banned {
        /// Who.
        bidder: AccountId,
        /// Whose auctions; `None` for all.
        seller: Option<AccountId>,
        /// What happens to their bids; the removals follow as events of the auctions.
        standing: StandingBids,
        /// When.
        at: Timestamp,
    },
    /// A ban is lifted.
    Unbanned {
        /// Who.
        bidder: AccountId,
        /// Whose auctions; `None` for all.
        seller: Option<AccountId>,
        /// When.
        at: Timestamp,
    },
    /// Shards or the placement policy have changed. Only in shard 0.
    PlacementChanged {
        /// What.
        change: PlacementChange,
        /// When.
        at: Timestamp,
    },
    /// Final auctions have left memory: nothing can happen to them any more, and nobody asks this engine about them again. Their
    /// ids are never given anew.
    AuctionsRetired {
        /// Which, 1 ..= [`RETIRED_PER_EVENT_MAX`](crate::limits::RETIRED_PER_EVENT_MAX) of them.
        auctions: Box<[AuctionId]>,
        /// When.
        at: Timestamp,
    },
}
