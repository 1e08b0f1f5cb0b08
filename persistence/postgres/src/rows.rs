//! The rows that records come to. Pure: no database, no clock.
//!
//! ## What a row follows from
//!
//! A row must say exactly what the engine says, and a record says nearly all of it: prices, leaders, ends and outcomes are in the events,
//! because an event carries its results. So an auction's row after a batch is its row before, changed field by field by what the
//! batch's records say: a [`Change`]. Three things are not in a record and not in the row:
//!
//! | what | where it comes from |
//! |---|---|
//! | whether a bidder had a standing bid before (`bidder_count`) | the auction's rows in `bids`: see [`standing`] |
//! | how many bids a ban removed (`bid_count`) | likewise |
//! | the winning bid and the runner-up's | `bids` and `maxima`, looked up when the auction is awarded or offered |
//!
//! All of it is therefore told by the records and by the rows that are written already, and is read in the transaction that writes.
//! The other way, folding whole auctions here as the engine does, would keep every open auction in memory a second time, or
//! build auctions anew from log and archive whenever a bounded cache has lost them; and after a failed transaction it would have to go
//! back. As it is, the flusher knows nothing between two batches but its cursor. (And a filter that spares it questions: [`newcomers`].)

mod auction;
mod bid;
mod event;
mod json;
pub mod newcomers;
pub mod standing;

pub use auction::{Change, Opening, Tried};
pub use bid::{Bid, Status, Withdrawal};
pub(crate) use event::text;
pub use event::{AuctionEvent, ShardFact};
pub use gavel_log::follow::Unreadable;
pub use newcomers::Newcomers;
pub use standing::Standing;

use crate::{Map, Records, Set, Spelling};
use gavel_core::event::Leadership;
use gavel_core::{AuctionId, Event, EventKind, Lsn, Position, Seq, Timestamp};
use gavel_log::record::{Record, decode};

/// Auctions of which nothing is taken in, because an earlier record of theirs is parked.
pub type Held = Set<AuctionId>;

/// What a batch leaves out.
#[derive(Clone, Debug, Default)]
pub struct LeftOut {
    /// Auctions whose records are parked instead.
    pub held: Held,
    /// Events of the shard that are parked.
    pub refused: Set<Lsn>,
    /// Auctions whose rows know of the records up to this one already.
    pub known: Map<AuctionId, Seq>,
}

/// A record of an auction that is held, or one that is parked itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRecord {
    /// Where it is.
    pub position: Position,
    /// Of which auction, and its number there; `None` for a shard's event.
    pub auction: Option<(AuctionId, Seq)>,
    /// When it was.
    pub at: Timestamp,
    /// Its bytes.
    pub record: Box<[u8]>,
}

/// What one batch of records writes.
#[derive(Debug, Default)]
pub struct Rows {
    /// Accepted bids.
    pub bids: Vec<Bid>,
    /// Bids that were taken out again, of this batch or of earlier ones.
    pub withdrawals: Vec<Withdrawal>,
    /// Everything of auctions that is not a bid.
    pub events: Vec<AuctionEvent>,
    /// Everything of shards.
    pub shard_events: Vec<ShardFact>,
    /// New auctions, as of their opening.
    pub openings: Vec<Opening>,
    /// How many bids stand of whom.
    pub standing: Standing,
    /// Records that are parked.
    pub held: Vec<HeldRecord>,
    changes: Map<AuctionId, Change>,
    /// The auction's own time of the latest record.
    at: Option<Timestamp>,
}

impl Rows {
    /// The rows of the first records of a batch, without those that are left out.
    ///
    /// # Errors
    /// A record can't be read.
    pub fn of(
        records: &Records,
        first: usize,
        left_out: &LeftOut,
        spelling: &Spelling,
    ) -> Result<Self, Unreadable> {
        let mut rows = Self::default();
        for (position, bytes) in records.iter().take(first) {
            let record = decode(bytes).map_err(|source| Unreadable { position, source })?;
            rows.at = rows.at.max(Some(record.at()));
            match record {
                Record::Auction(event) if left_out.held.contains(&event.auction) => {
                    rows.held.push(HeldRecord::new(position, &Record::Auction(event), bytes));
                }
                Record::Auction(event) => {
                    if left_out.known.get(&event.auction).is_none_or(|known| *known < event.seq) {
                        rows.auction(position, &event, spelling);
                    }
                }
                Record::Shard(event) if left_out.refused.contains(&position.lsn) => {
                    rows.held.push(HeldRecord::new(position, &Record::Shard(event), bytes));
                }
                Record::Shard(event) => {
                    rows.shard_events.push(ShardFact::new(position, &event, spelling));
                }
            }
        }
        rows.bids.sort_unstable_by_key(|bid| (bid.auction, bid.seq));
        Ok(rows)
    }

    /// The latest time of a record in it.
    #[must_use]
    pub const fn at(&self) -> Option<Timestamp> {
        self.at
    }

    /// How auctions that there are already change, by their ids.
    #[must_use]
    pub fn changes(&self) -> Vec<&Change> {
        let mut changes: Vec<_> = self.changes.values().collect();
        changes.sort_unstable_by_key(|change| change.auction);
        changes
    }

    /// The first record of an auction that is taken in: its number and position.
    #[must_use]
    pub fn first_of(&self, auction: AuctionId) -> Option<(Seq, Position)> {
        let opening = self.openings.iter().find(|opening| opening.auction == auction);
        let opened = opening.map(|opening| (opening.seq, opening.position));
        opened.or_else(|| self.changes.get(&auction).map(|change| (change.first, change.from)))
    }

    /// The days whose partitions are written to, in days since 1970.
    #[must_use]
    pub fn days(&self) -> Vec<u16> {
        let bids = self.bids.iter().map(|bid| bid.auction.day());
        let mut days: Vec<u16> = bids.chain(self.events.iter().map(|event| event.auction.day())).collect();
        days.sort_unstable();
        days.dedup();
        days
    }

    /// Takes an event of an auction in.
    pub(crate) fn auction(&mut self, position: Position, event: &Event, spelling: &Spelling) {
        match &event.kind {
            EventKind::BidAccepted(accepted) => {
                self.standing.accepted((event.auction, accepted.bidder));
                self.bids.push(Bid::accepted(position, event, accepted));
            }
            EventKind::BoughtNow { id, buyer, price, .. } => {
                self.standing.accepted((event.auction, *buyer));
                self.bids.push(Bid::bought(position, event, *id, *buyer, *price));
            }
            _ => {
                self.withdraw(event);
                self.events.push(AuctionEvent::new(position, event, spelling));
            }
        }
        match &event.kind {
            EventKind::Opened(opened) => {
                // Nothing allocates here but the texts; the event's row, pushed just now, has the same JSON.
                let terms = self.events.last().map(|event| event.data.clone()).unwrap_or_default();
                self.openings.push(Opening::new(position, event, opened, terms));
            }
            kind => {
                let change =
                    self.changes.entry(event.auction).or_insert_with(|| Change::new(position, event));
                change.take(position, event, kind);
            }
        }
    }

    /// Takes in what another auction's records have come to, but for its bids and events.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.openings.extend(other.openings);
        self.changes.extend(other.changes);
        self.standing.extend(other.standing);
    }

    /// Bids that an event takes out.
    fn withdraw(&mut self, event: &Event) {
        let Some(withdrawal) = Withdrawal::of(event) else { return };
        let pair = (event.auction, withdrawal.bidder);
        if withdrawal.bid.is_some() {
            self.standing.retracted(pair)
        } else {
            self.standing.removed(pair)
        }
        self.withdrawals.push(withdrawal);
    }
}

impl HeldRecord {
    /// A record, to be parked.
    #[must_use]
    pub fn new(position: Position, record: &Record, bytes: &[u8]) -> Self {
        let auction = match record {
            Record::Auction(event) => Some((event.auction, event.seq)),
            Record::Shard(_) => None,
        };
        Self { position, auction, at: record.at(), record: bytes.into() }
    }
}

/// Price and leader after an event that took bids away.
fn left_by(kind: &EventKind) -> Option<Leadership> {
    match kind {
        EventKind::BidRetracted(retracted) => Some(retracted.left),
        EventKind::BidsRemoved(removed) => Some(removed.left),
        EventKind::BidderBanned { removed: Some(left), .. } => Some(**left),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
