//! Recovery of one shard: the records of its log, applied in their order. Nothing is decided again.
//!
//! ## After a snapshot
//!
//! A snapshot was taken while the shard went on: from after record T, up to record E. Each of its auctions is as it was at some record
//! in between, which it names. Replay goes on after T, and in `(T, E]`
//!
//! - skips the events that an auction has already (its own record is not before them), and applies those behind;
//! - takes in an auction that it does not know from its opening on: it was opened in `(T, E]` where the snapshot had passed by, or
//!   has left memory again by E, and will do so here;
//! - skips other events of an auction that it does not know: it had left memory by E, before the snapshot came to it;
//! - bans, lifts and forgets once more what was banned, lifted and forgotten: only the last time counts.
//!
//! So at E every auction has had exactly its events, and every ban its last change: the state is what the records alone say.
//! Beyond E whatever does not fit is an error.

use super::Book;
use crate::live::{LiveAuction, View};
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
            Record::Shard(event) => self.replay_shard_event(event, position),
        }
    }

    fn replay_event(&mut self, event: &Event, position: Position) -> Result<(), ReplayError> {
        let err = |problem| Err(ReplayError { position, problem });
        let (auction, fuzzy) = (event.auction, position.lsn <= self.fuzzy_until);
        let Some(entry) = self.auctions.get_mut(auction) else {
            let opened = self.add(event, position).is_some();
            return if opened || fuzzy { Ok(()) } else { err(ReplayProblem::Unopened { auction }) };
        };
        if fuzzy && position.lsn <= entry.auction.position().lsn {
            return Ok(());
        }
        if !entry.auction.is_next(event) {
            return err(ReplayProblem::Seq { auction });
        }
        entry.auction.apply(event, position);
        self.due.follow(entry);
        Ok(())
    }

    fn replay_shard_event(
        &mut self,
        event: ShardEvent,
        position: Position,
    ) -> Result<Option<PlacementChange>, ReplayError> {
        match event {
            ShardEvent::EpochStarted { at, .. } => self.started = Some(at),
            ShardEvent::Banned { bidder, seller, .. } => {
                self.bans.ban(bidder, seller);
            }
            ShardEvent::Unbanned { bidder, seller, .. } => {
                self.bans.unban(bidder, seller);
            }
            ShardEvent::PlacementChanged { change, .. } => return Ok(Some(change)),
            ShardEvent::AuctionsRetired { auctions, .. } => {
                for &auction in &auctions {
                    if !self.forget(auction) && position.lsn > self.fuzzy_until {
                        return Err(ReplayError { position, problem: ReplayProblem::Unopened { auction } });
                    }
                }
                // Nobody has seen them since the start, so there is nobody to tell.
                self.retired.clear();
            }
        }
        Ok(None)
    }

    /// After replay: brings the live view's copies up to date and hands all of them out.
    pub(crate) fn live_auctions(&self) -> impl Iterator<Item = (&Arc<LiveAuction>, View)> {
        self.auctions.iter().map(|entry| (&entry.live, entry.auction.view()))
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
    /// Its auction was never opened, or has left memory.
    #[error("auction {auction} is not known")]
    Unopened {
        /// The auction.
        auction: AuctionId,
    },
}
