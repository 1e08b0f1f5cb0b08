//! Credit: the right to have a command under way. Taken before anything is sent, given back when it is answered.
//!
//! Credit bounds every queue behind the sessions (see [`limits`](crate::limits)); without it a command is refused at once.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The credit of the whole process.
#[derive(Debug)]
pub(crate) struct Credit {
    total: usize,
    free: AtomicUsize,
}

impl Credit {
    /// All of `total` is free.
    pub(crate) fn new(total: usize) -> Self {
        Self { total, free: AtomicUsize::new(total) }
    }

    /// Takes up to `wanted`; says how much was to be had.
    pub(crate) fn take(&self, wanted: usize) -> usize {
        let mut free = self.free.load(Ordering::Relaxed);
        loop {
            let taken = free.min(wanted);
            if taken == 0 {
                return 0;
            }
            match self.free.compare_exchange_weak(free, free - taken, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return taken,
                Err(now) => free = now,
            }
        }
    }

    /// Gives back what was taken.
    pub(crate) fn give(&self, amount: usize) {
        let before = self.free.fetch_add(amount, Ordering::AcqRel);
        assert!(before + amount <= self.total, "more credit given back than was taken");
    }

    /// Commands under way now.
    pub(crate) fn in_use(&self) -> usize {
        self.total - self.free.load(Ordering::Acquire)
    }

    /// Commands that may be under way at once.
    pub(crate) fn total(&self) -> usize {
        self.total
    }
}
