//! Replies in the order of the commands: answers come back from several shards in any order, and wait here for those before
//! them.
//!
//! Invariant: slot `n` belongs to the `n`-th command of the connection; its ticket is `n`.

use gavel_engine::{Reply, Ticket};
use std::collections::VecDeque;

/// The reply to one command.
pub(crate) enum Slot {
    /// Under way.
    Waiting,
    /// Decided by a shard, to be encoded when its turn comes.
    Reply(Reply),
    /// Encoded already: replies that no shard was asked for.
    Bytes(Box<[u8]>),
}

/// The replies that can't be sent yet.
#[derive(Default)]
pub(crate) struct Slots {
    /// The ticket of the front slot.
    first: u64,
    queue: VecDeque<Slot>,
}

impl Slots {
    /// The ticket that the next command gets.
    pub(crate) fn next(&self) -> Ticket {
        Ticket(self.first + self.queue.len() as u64)
    }

    /// Takes a command's place in the order.
    pub(crate) fn push(&mut self, slot: Slot) {
        self.queue.push_back(slot);
    }

    /// Takes the place of a command that was answered on the spot. Only while nothing waits.
    pub(crate) fn skip(&mut self) {
        assert!(self.queue.is_empty(), "a reply can't overtake those before it");
        self.first += 1;
    }

    /// Gives up on every reply that waits.
    pub(crate) fn clear(&mut self) {
        self.first += self.queue.len() as u64;
        self.queue.clear();
    }

    /// Fills a slot.
    pub(crate) fn fill(&mut self, ticket: Ticket, filled: Slot) {
        let index = ticket.0.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        let slot = index.and_then(|index| self.queue.get_mut(index));
        assert!(matches!(slot, Some(Slot::Waiting)), "an answer for a command that does not wait for one");
        if let Some(slot) = slot {
            *slot = filled;
        }
    }

    /// The next reply in order, when it is there.
    pub(crate) fn pop(&mut self) -> Option<Slot> {
        if matches!(self.queue.front()?, Slot::Waiting) {
            return None;
        }
        self.first += 1;
        self.queue.pop_front()
    }

    /// Commands whose replies were not sent yet.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// True when every command has been answered.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done() -> Slot {
        Slot::Reply(Reply::Done(None))
    }

    #[test]
    fn replies_wait_for_those_before_them() {
        let mut slots = Slots::default();
        let (first, second) = (slots.next(), Ticket(1));
        slots.push(Slot::Waiting);
        slots.push(Slot::Waiting);
        slots.push(Slot::Bytes(Box::from(*b"+PONG\r\n")));
        slots.fill(second, done());
        assert!(slots.pop().is_none(), "the first is not there yet");
        slots.fill(first, done());
        assert!(matches!(slots.pop(), Some(Slot::Reply(_))));
        assert!(matches!(slots.pop(), Some(Slot::Reply(_))));
        assert!(matches!(slots.pop(), Some(Slot::Bytes(_))));
        assert!(slots.is_empty() && slots.next() == Ticket(3));
    }

    #[test]
    #[should_panic(expected = "does not wait")]
    fn a_second_answer_is_a_defect() {
        let mut slots = Slots::default();
        slots.push(Slot::Waiting);
        slots.fill(Ticket(0), done());
        slots.fill(Ticket(0), done());
    }
}
