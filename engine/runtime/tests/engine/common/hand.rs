//! Clocks that are set by hand: the system's and the monotonic one, each by itself.

use super::{NOON_US, time};
use gavel_core::Timestamp;
use gavel_engine::{Clock, TimeSource};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// Both clocks stand still until they are set. Clones are the same clocks.
#[derive(Clone)]
pub(crate) struct Hand(Arc<Clocks>);

struct Clocks {
    wall_us: AtomicU64,
    monotonic_us: AtomicU64,
    /// How often shards may still read the clock before they are held; `None`: as often as they like.
    passes: Mutex<Option<u64>>,
    changed: Condvar,
    held: AtomicU64,
}

impl Hand {
    /// Both clocks at noon.
    pub(crate) fn at_noon() -> Self {
        Self(Arc::new(Clocks {
            wall_us: AtomicU64::new(NOON_US),
            monotonic_us: AtomicU64::new(NOON_US),
            passes: Mutex::new(None),
            changed: Condvar::new(),
            held: AtomicU64::new(0),
        }))
    }

    pub(crate) fn clock(&self) -> Clock {
        Clock::new(Arc::new(self.clone()))
    }

    /// Both clocks go on by so much.
    pub(crate) fn advance_us(&self, micros: u64) {
        self.0.wall_us.fetch_add(micros, Ordering::SeqCst);
        self.0.monotonic_us.fetch_add(micros, Ordering::SeqCst);
    }

    /// The system's clock alone is stepped.
    pub(crate) fn step_wall_us(&self, by: i64) {
        self.0
            .wall_us
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |us| us.checked_add_signed(by))
            .unwrap();
    }

    pub(crate) fn now(&self) -> Timestamp {
        time(self.0.monotonic_us.load(Ordering::SeqCst))
    }

    /// This long after now.
    pub(crate) fn after_us(&self, micros: u64) -> Timestamp {
        time(self.now().micros() + micros)
    }

    /// Shards may read the clock `passes` times more; then they stand still at it, until they are released.
    pub(crate) fn hold_shards_after(&self, passes: u64) {
        *self.0.passes.lock().unwrap() = Some(passes);
    }

    /// Waits until a shard stands at the clock.
    pub(crate) fn wait_for_shard(&self) {
        let passes = self.0.passes.lock().unwrap();
        drop(self.0.changed.wait_while(passes, |_| self.0.held.load(Ordering::SeqCst) == 0).unwrap());
    }

    /// Lets shards go on.
    pub(crate) fn release_shards(&self) {
        *self.0.passes.lock().unwrap() = None;
        self.0.changed.notify_all();
    }

    fn pass(&self) {
        let thread = std::thread::current();
        if !thread.name().is_some_and(|name| name.contains("arbiter")) {
            return;
        }
        let mut passes = self.0.passes.lock().unwrap();
        match &mut *passes {
            None => return,
            Some(0) => {}
            Some(left) => {
                *left -= 1;
                return;
            }
        }
        self.0.held.fetch_add(1, Ordering::SeqCst);
        self.0.changed.notify_all();
        drop(self.0.changed.wait_while(passes, |passes| passes.is_some()).unwrap());
        self.0.held.fetch_sub(1, Ordering::SeqCst);
    }
}

impl TimeSource for Hand {
    fn wall_us(&self) -> u64 {
        self.0.wall_us.load(Ordering::SeqCst)
    }

    fn monotonic_us(&self) -> u64 {
        self.pass();
        self.0.monotonic_us.load(Ordering::SeqCst)
    }
}
