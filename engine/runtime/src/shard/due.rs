//! When something happens to an auction by time alone: a queue ordered by time.
//!
//! Ends move all the time (every bid of a soft close), so an entry is not moved with them: it is looked at when its time
//! comes, and put back if the auction's time is later by now. An auction is in the queue at least as early as it is due, and a
//! time that came nearer adds an entry. Of an auction's entries only the earliest counts: the others are stale, and dropped when
//! they come up.

use gavel_core::{AuctionId, Timestamp};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A queue of auctions by the time they are due.
#[derive(Debug, Default)]
pub(crate) struct DueQueue(BinaryHeap<Reverse<(Timestamp, AuctionId)>>);

impl DueQueue {
    /// Makes sure that the auction comes up by `due`. `queued` is the earliest time it is in the queue for, kept by the auction.
    pub(crate) fn follow(&mut self, id: AuctionId, due: Timestamp, queued: &mut Option<Timestamp>) {
        if queued.is_none_or(|queued| due < queued) {
            self.0.push(Reverse((due, id)));
            *queued = Some(due);
        }
    }

    /// The next auction whose time in the queue is at or before `now`, and that time. It may turn out to be due later; and
    /// where the time is not the earliest that the auction is queued for, the entry is stale.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<(Timestamp, AuctionId)> {
        let Reverse((due, _)) = self.0.peek()?;
        if *due > now {
            return None;
        }
        self.0.pop().map(|Reverse(entry)| entry)
    }

    /// The earliest time in the queue.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.0.peek().map(|Reverse((due, _))| *due)
    }
}
