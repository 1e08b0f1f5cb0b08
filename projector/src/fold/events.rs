//! A batch of records, read: what happened to auctions, and who is named.

use gavel_core::event::{AfterUnpaid, Outcome};
use gavel_core::{AccountId, Event, EventKind, Position, ShardEvent, ShardId};
use gavel_log::follow::{Records, Unreadable};
use gavel_log::record::{Record, decode};

/// Consecutive records of one shard, as far as they concern auctions.
#[derive(Clone, Debug)]
pub struct Events {
    cursor: Position,
    list: Vec<(Position, Event)>,
}

impl Events {
    /// Reads a batch.
    ///
    /// # Errors
    /// A record can't be read.
    pub fn read(records: &Records) -> Result<Self, Unreadable> {
        let cursor = records.last().unwrap_or_else(|| Position::start(records.shard()));
        let mut list = Vec::with_capacity(records.len());
        for (position, bytes) in records.iter() {
            match decode(bytes).map_err(|source| Unreadable { position, source })? {
                Record::Auction(event) => list.push((position, event)),
                // None of them says anything that a document does: what a ban removes comes as events of the auctions, and an auction that
                // has left memory is still there to be read.
                Record::Shard(
                    ShardEvent::EpochStarted { .. }
                    | ShardEvent::Banned { .. }
                    | ShardEvent::Unbanned { .. }
                    | ShardEvent::PlacementChanged { .. }
                    | ShardEvent::AuctionsRetired { .. },
                ) => {}
            }
        }
        Ok(Self { cursor, list })
    }

    /// The shard.
    #[must_use]
    pub const fn shard(&self) -> ShardId {
        self.cursor.shard
    }

    /// The position of the last record.
    #[must_use]
    pub const fn cursor(&self) -> Position {
        self.cursor
    }

    /// Events of auctions.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.list.len()
    }

    /// True when there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All events of auctions, in order.
    pub fn iter(&self) -> impl Iterator<Item = &(Position, Event)> {
        self.list.iter()
    }
}

/// The bidders whom an event names: whose documents it changes, or whose pseudonyms it takes.
pub(super) fn named(kind: &EventKind) -> impl Iterator<Item = AccountId> {
    let (first, second) = match kind {
        EventKind::BidAccepted(bid) => (Some(bid.bidder), None),
        EventKind::BoughtNow { buyer, .. } => (Some(*buyer), None),
        EventKind::BidRetracted(retracted) => (Some(retracted.bidder), retracted.left.leader),
        EventKind::BidsRemoved(removed) => (Some(removed.bidder), removed.left.leader),
        EventKind::BidderBanned { bidder, removed } => {
            (Some(*bidder), removed.as_ref().and_then(|left| left.leader))
        }
        EventKind::BidderUnbanned { bidder } => (Some(*bidder), None),
        EventKind::Ended { outcome: Outcome::Awarded { winner, .. }, early: _ } => (Some(*winner), None),
        EventKind::Unpaid { next: AfterUnpaid::Offered { to, .. }, .. }
        | EventKind::OfferEnded { next: AfterUnpaid::Offered { to, .. }, .. } => (Some(*to), None),
        EventKind::Opened(_)
        | EventKind::Started
        | EventKind::EndMoved { .. }
        | EventKind::Ended { outcome: Outcome::Unsold(_), early: _ }
        | EventKind::Cancelled { .. }
        | EventKind::DetailsEdited { .. }
        | EventKind::ReserveLowered { .. }
        | EventKind::Paid
        | EventKind::Unpaid { next: AfterUnpaid::Unsold, .. }
        | EventKind::OfferAccepted { .. }
        | EventKind::OfferEnded { next: AfterUnpaid::Unsold, .. } => (None, None),
    };
    first.into_iter().chain(second)
}

/// True for the events that a seller's document counts.
pub(super) const fn is_counted(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::Opened(_)
            | EventKind::BoughtNow { .. }
            | EventKind::Ended { .. }
            | EventKind::Cancelled { .. }
            | EventKind::Paid
            | EventKind::Unpaid { .. }
            | EventKind::OfferEnded { .. }
    )
}
