//! When something happens to an auction by time alone: a queue ordered by time.
//!
//! Ends move all the time (every bid of a soft close), so an entry is not moved with them: it is looked at when its time
//! comes, and put back if the auction's time is later by now. An auction is in the queue at least as early as it is due, and a
//! time that came nearer adds an entry; so there are few stale ones.

use gavel_core::{AuctionId, Timestamp};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A queue of auctions by the time they are due.
#[derive(Debug, Default)]
pub(crate) struct DueQueue(BinaryHeap<Reverse<(Timestamp, AuctionId)>>);

impl DueQueue {
    /// Makes sure that the auction comes up by `due`. `queued` is the earliest time it is in the queue for, kept by the auction.
    pub(crate) fn follow(&mut self, id: AuctionId, due: Option<Timestamp>, queued: &mut Option<Timestamp>) {
        let Some(due) = due else { return };
        if queued.is_none_or(|queued| due < queued) {
            self.0.push(Reverse((due, id)));
            *queued = Some(due);
        }
    }

    /// The next auction whose time in the queue is at or before `now`. It may turn out to be due later.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<AuctionId> {
        let Reverse((due, _)) = self.0.peek()?;
        if *due > now {
            return None;
        }
        self.0.pop().map(|Reverse((_, id))| id)
    }

    /// The earliest time in the queue.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.0.peek().map(|Reverse((due, _))| *due)
    }
}
