//! What happens to auctions by time alone: starts, ends and deadlines, leaving memory, and time given back after an outage.

use super::Book;
use crate::limits::AUCTIONS_PER_PULSE;
use gavel_core::limits::RETIRED_PER_EVENT_MAX;
use gavel_core::{Command, Duration, Stamp, State, Timestamp};

impl Book {
    /// Decides what time alone has made due by `up_to`, for at most `auctions_max` auctions. True when more is due.
    pub(crate) fn pulse(&mut self, up_to: Timestamp, decided: Timestamp, auctions_max: usize) -> bool {
        let mut leaving = Vec::new();
        for _ in 0..auctions_max.min(RETIRED_PER_EVENT_MAX) {
            let Some((due, id)) = self.due.queue.pop(up_to) else { break };
            let Some(entry) = self.auctions.get_mut(id) else { continue };
            if entry.queued != Some(due) {
                continue;
            }
            entry.queued = None;
            // One event may make the next one due: an end, then a deadline that has passed as well.
            while self.carry_out(id, &Command::Pulse, Stamp { received: up_to, decided }) {}
            let Some(entry) = self.auctions.get_mut(id) else { continue };
            if entry.auction.state().is_final() && self.due.due(&entry.auction) <= up_to {
                leaving.push(id);
            } else {
                self.due.follow(entry);
            }
        }
        self.retire(leaving, up_to);
        self.next_due().is_some_and(|due| due <= up_to)
    }

    /// When the next thing is due by time alone.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.queue.next()
    }

    /// Moves the end of every auction that bids are taken in and that would end between `from` and `to`, as `new_end` says,
    /// which is told the end and how much time the auction has lost. Returns how many were moved.
    ///
    /// What an auction has lost begins when it could first lose something: bids are taken from its start on, and one with an event
    /// after `from` has got its time back for what was before (a start that a crash has cut short had come as far as it).
    pub(crate) fn give_back(
        &mut self,
        (from, to): (Timestamp, Timestamp),
        new_end: impl Fn(Timestamp, Duration) -> Timestamp,
        now: Timestamp,
    ) -> usize {
        let mut moved = 0;
        for id in self.ids() {
            let Some(entry) = self.auctions.get(id) else { continue };
            let view = entry.auction.view();
            let running = matches!(view.state, State::Open | State::Scheduled);
            let from = from.max(view.at).max(view.starts_at);
            if running && from < now && view.ends_at > from && view.ends_at <= to {
                let command = Command::GiveBack { ends_at: new_end(view.ends_at, now.since(from)) };
                moved += usize::from(self.carry_out(id, &command, Stamp::at(now)));
            }
        }
        moved
    }
}

const _: () = assert!(
    AUCTIONS_PER_PULSE <= RETIRED_PER_EVENT_MAX,
    "all that one pulse looks at can leave by one event"
);
