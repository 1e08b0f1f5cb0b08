//! Rows of `bids` and `maxima`, and which bids are taken out again.

use gavel_core::event::BidAccepted;
use gavel_core::{AccountId, Amount, AuctionId, BidId, Event, EventKind, Position, Seq, Stamp, Timestamp};

/// An accepted bid, or a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bid {
    /// On what.
    pub auction: AuctionId,
    /// Its record's number in the auction.
    pub seq: Seq,
    /// Its record.
    pub position: Position,
    /// The auction's own time.
    pub at: Timestamp,
    /// When it was received and decided.
    pub stamp: Stamp,
    /// The bid.
    pub id: BidId,
    /// Who bid.
    pub bidder: AccountId,
    /// The price after it.
    pub price: Amount,
    /// How it came out.
    pub status: Status,
    /// The new end, where the bid moved it.
    pub extended_to: Option<Timestamp>,
    /// The secret maximum: for `maxima` alone.
    pub amount: Amount,
}

/// How a bid came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Its bidder led.
    Leading,
    /// Somebody else did.
    Outbid,
    /// It was a purchase.
    Sold,
}

impl Status {
    /// As all faces spell it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Leading => "leading",
            Self::Outbid => "outbid",
            Self::Sold => "sold",
        }
    }
}

impl Bid {
    pub(super) fn accepted(position: Position, event: &Event, accepted: &BidAccepted) -> Self {
        let BidAccepted { id, bidder, amount, price, leading, extended_to } = *accepted;
        let status = if leading { Status::Leading } else { Status::Outbid };
        Self { extended_to, amount, ..Self::new(position, event, id, bidder, price, status) }
    }

    pub(super) fn bought(
        position: Position,
        event: &Event,
        id: BidId,
        buyer: AccountId,
        price: Amount,
    ) -> Self {
        Self::new(position, event, id, buyer, price, Status::Sold)
    }

    fn new(
        position: Position,
        event: &Event,
        id: BidId,
        bidder: AccountId,
        price: Amount,
        status: Status,
    ) -> Self {
        let Event { auction, seq, stamp, at, origin: _, kind: _ } = *event;
        Self {
            auction,
            seq,
            position,
            at,
            stamp,
            id,
            bidder,
            price,
            status,
            extended_to: None,
            amount: price,
        }
    }
}

/// An event that takes bids out: all of a bidder's that stand before it, or one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// Where.
    pub auction: AuctionId,
    /// The event's number in the auction.
    pub seq: Seq,
    /// Whose.
    pub bidder: AccountId,
    /// Which one; `None` for all.
    pub bid: Option<BidId>,
}

impl Withdrawal {
    /// What the event takes out, if it takes bids out.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        let (bidder, bid) = match &event.kind {
            EventKind::BidRetracted(retracted) => (retracted.bidder, Some(retracted.id)),
            EventKind::BidsRemoved(removed) => (removed.bidder, None),
            EventKind::BidderBanned { bidder, removed: Some(_) } => (*bidder, None),
            _ => return None,
        };
        Some(Self { auction: event.auction, seq: event.seq, bidder, bid })
    }
}
