//! Times of receipt that commands still carry on their way to a shard.
//!
//! A session stamps what it has read, and sends it a moment later; in between its thread may lose the processor for
//! milliseconds. A pulse must not overtake it, or a bid received before an end would be refused. So a stamp is known here until
//! its commands are in the shards' mailboxes, and a pulse reaches only up to the earliest one.
//!
//! Why that is exact: both sides read the clock and look at a slot under the slot's lock, the pulse the clock first. A stamp that the
//! pulse does not find is either gone, then its commands are in the mailbox before the pulse; or it is made after the look, then it
//! is not earlier than the pulse's own time.

use crate::clock::Clock;
use gavel_core::Timestamp;
use parking_lot::Mutex;
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Slots that threads spread over. More threads than slots share some; that costs waiting, never correctness.
const SLOTS: usize = 16;

thread_local! {
    /// The slot of this thread, once it has stamped anything.
    static SLOT: Cell<Option<usize>> = const { Cell::new(None) };
}

static NEXT_SLOT: AtomicUsize = AtomicUsize::new(0);

/// The stamps under way in one engine.
#[derive(Debug, Default)]
pub(crate) struct Stamps {
    /// Each holds at most one stamp for every session that its threads are decoding for at this moment.
    slots: [Mutex<Vec<Timestamp>>; SLOTS],
}

/// A stamp under way: where it is kept, and its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StampKey {
    slot: usize,
    at: Timestamp,
}

/// A time of receipt, for as long as commands may be sent that carry it.
#[derive(Debug)]
#[must_use = "pulses wait for it until it is dropped"]
pub struct Received<'a> {
    stamps: &'a Stamps,
    key: StampKey,
}

impl Stamps {
    /// Now, as the time of receipt of what was just read. Drop it when all commands that carry it were flushed.
    pub(crate) fn stamp(&self, clock: &Clock) -> Received<'_> {
        Received { stamps: self, key: self.enter(clock) }
    }

    /// As [`Stamps::stamp`], for a holder that lives longer than a borrow. Each must be followed by one [`Stamps::leave`].
    pub(crate) fn enter(&self, clock: &Clock) -> StampKey {
        let slot = SLOT.with(|slot| {
            slot.get().unwrap_or_else(|| {
                let next = NEXT_SLOT.fetch_add(1, Ordering::Relaxed) % SLOTS;
                slot.set(Some(next));
                next
            })
        });
        let mut under_way = self.slots[slot].lock();
        let at = clock.now();
        under_way.push(at);
        StampKey { slot, at }
    }

    /// All commands that carry the stamp were flushed.
    pub(crate) fn leave(&self, StampKey { slot, at }: StampKey) {
        let mut under_way = self.slots[slot].lock();
        if let Some(index) = under_way.iter().position(|known| *known == at) {
            under_way.swap_remove(index);
        }
    }

    /// The time up to which everything that was received is on its way: `now`, or the earliest stamp under way.
    pub(crate) fn settled_up_to(&self, now: Timestamp) -> Timestamp {
        self.slots
            .iter()
            .fold(now, |earliest, slot| slot.lock().iter().fold(earliest, |earliest, at| earliest.min(*at)))
    }
}

impl Received<'_> {
    /// The time of receipt.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.key.at
    }
}

impl StampKey {
    /// The time of receipt.
    pub(crate) fn at(self) -> Timestamp {
        self.at
    }
}

impl Drop for Received<'_> {
    fn drop(&mut self) {
        self.stamps.leave(self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pulse_reaches_only_up_to_the_earliest_stamp_under_way() {
        let (stamps, clock) = (Stamps::default(), Clock::system());
        let first = stamps.stamp(&clock);
        let other = std::thread::scope(|scope| scope.spawn(|| stamps.stamp(&clock)).join());
        let other = other.expect("the thread only stamps");
        assert!(other.at() >= first.at());
        let (earliest, later) = (first.at(), other.at());
        assert_eq!(stamps.settled_up_to(Timestamp::MAX), earliest);
        drop(first);
        assert_eq!(stamps.settled_up_to(Timestamp::MAX), later);
        assert_eq!(stamps.settled_up_to(Timestamp::default()), Timestamp::default(), "never beyond now");
        drop(other);
        assert_eq!(stamps.settled_up_to(Timestamp::MAX), Timestamp::MAX);
    }
}
