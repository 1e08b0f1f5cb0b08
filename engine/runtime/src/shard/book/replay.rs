//! Recovery of one shard: the records of its log, applied in their order. Nothing is decided again.

use super::Book;
use crate::live::{LiveAuction, View, lookup_mut};
use gavel_core::event::ShardEvent;
use gavel_core::placement::PlacementChange;
use gavel_core::{AuctionId, Event, Lsn, Position};
use gavel_log::record::Record;
use std::sync::Arc;

impl Book {
    /// Takes a record of the log in, in its order. Returns a change of placement, which is not the shard's own business.
    ///
    /// # Errors
    /// When the record can't follow on what was replayed before: the log is not one that this engine wrote.
    pub(crate) fn replay(
        &mut self,
        record: Record,
        position: Position,
    ) -> Result<Option<PlacementChange>, ReplayError> {
        if position.lsn != self.journal.next {
            return Err(ReplayError {
                position,
                problem: ReplayProblem::Gap { expected: self.journal.next },
            });
        }
        self.journal.next = self.journal.next.next();
        self.journal.epoch = position.epoch;
        match record {
            Record::Auction(event) => self.replay_event(&event, position).map(|()| None),
            Record::Shard(event) => Ok(self.replay_shard_event(event)),
        }
    }

    fn replay_event(&mut self, event: &Event, position: Position) -> Result<(), ReplayError> {
        let err = |problem| ReplayError { position, problem };
        match lookup_mut(&mut self.auctions, event.auction) {
            Some(entry) if entry.auction.is_next(event) => {
                entry.auction.apply(event, position);
                self.due.follow(event.auction, entry.auction.next_due(), &mut entry.queued);
                Ok(())
            }
            Some(_) => Err(err(ReplayProblem::Seq { auction: event.auction })),
            None => self
                .add(event, position)
                .map(|_| ())
                .ok_or(err(ReplayProblem::Unopened { auction: event.auction })),
        }
    }

    fn replay_shard_event(&mut self, event: ShardEvent) -> Option<PlacementChange> {
        match event {
            ShardEvent::EpochStarted { .. } | ShardEvent::AuctionsRetired { .. } => None,
            ShardEvent::Banned { bidder, seller, .. } => {
                self.bans.ban(bidder, seller);
                None
            }
            ShardEvent::Unbanned { bidder, seller, .. } => {
                self.bans.unban(bidder, seller);
                None
            }
            ShardEvent::PlacementChanged { change, .. } => Some(change),
        }
    }

    /// After replay: brings the live view's copies up to date and hands all of them out.
    pub(crate) fn live_auctions(&self) -> impl Iterator<Item = (&Arc<LiveAuction>, View)> {
        let entries = self.auctions.iter().flat_map(|(_, day)| day.iter().flatten());
        entries.map(|entry| (&entry.live, entry.auction.view()))
    }
}

/// A record that can't follow on what was replayed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record at {position} can't be taken in: {problem}")]
pub struct ReplayError {
    /// Where.
    pub position: Position,
    /// Why.
    pub problem: ReplayProblem,
}

/// Why a record can't follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayProblem {
    /// Records are missing before it.
    #[error("record {} was expected here", expected.0)]
    Gap {
        /// What should have come.
        expected: Lsn,
    },
    /// It is not the next of its auction.
    #[error("it is not the next record of auction {auction}")]
    Seq {
        /// The auction.
        auction: AuctionId,
    },
    /// Its auction was never opened.
    #[error("auction {auction} was never opened")]
    Unopened {
        /// The auction.
        auction: AuctionId,
    },
}
