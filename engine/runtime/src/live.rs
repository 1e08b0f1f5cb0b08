//! The live view: the durable state of auctions, which everybody may read without asking a shard.
//!
//! Invariants:
//! - Only the log thread publishes, and only what is durable; so what a reader sees is never lost.
//! - A reader takes two short locks, of the shard's table and of the auction, never a mailbox: who looks cannot delay who bids.
//! - The log thread does a constant amount of work for an auction, however many subscribe to it: it marks the auction
//!   dirty, and the hub (a task of its own) wakes the subscribers.

mod stored;

use crate::by_day::ByDay;
use gavel_core::{AuctionId, ShardId, Terms};
use parking_lot::{Mutex, RwLock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use stored::Stored;
use tokio::sync::{Notify, watch};

pub use gavel_core::auction::View;

/// One auction as everybody may see it.
#[derive(Debug)]
pub struct LiveAuction {
    id: AuctionId,
    terms: Terms,
    view: Mutex<Stored>,
    /// True between a change and the hub's wake-up, and only while somebody has subscribed.
    dirty: AtomicBool,
    watched: AtomicBool,
    changed: Mutex<Option<watch::Sender<u32>>>,
}

impl LiveAuction {
    /// An auction that nobody sees yet.
    #[must_use]
    pub fn new(id: AuctionId, terms: Terms, view: View) -> Arc<Self> {
        Arc::new(Self {
            id,
            terms,
            view: Mutex::new(Stored::of(&view)),
            dirty: AtomicBool::new(false),
            watched: AtomicBool::new(false),
            changed: Mutex::new(None),
        })
    }

    /// The auction.
    #[must_use]
    pub fn id(&self) -> AuctionId {
        self.id
    }

    /// Its terms.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Its durable state.
    #[must_use]
    pub fn view(&self) -> View {
        self.view.lock().view(self.id, &self.terms)
    }

    /// A receiver that is woken after every change. It holds the latest seq only, so a slow reader misses what lay between
    /// and nothing piles up.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u32> {
        let mut changed = self.changed.lock();
        // Before the view is read: a change that the read misses finds the auction watched.
        self.watched.store(true, Ordering::Release);
        let sender = changed.get_or_insert_with(|| watch::Sender::new(self.view().seq.0));
        sender.subscribe()
    }

    /// Wakes the subscribers; forgets the channel when none are left.
    fn wake(&self) {
        self.dirty.store(false, Ordering::Release);
        let seq = self.view().seq.0;
        let mut changed = self.changed.lock();
        if changed.as_ref().is_some_and(|sender| sender.receiver_count() == 0) {
            self.watched.store(false, Ordering::Release);
            *changed = None;
        } else if let Some(sender) = changed.as_ref() {
            // A change that came between the mark and the look was seen already.
            sender.send_if_modified(|now| std::mem::replace(now, seq) != seq);
        }
    }
}

/// How many auctions of one shard there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveCounts {
    /// In a state that something can follow.
    pub unfinished: u64,
    /// In a final state.
    pub finished: u64,
}

#[derive(Debug, Default)]
struct Counters {
    all: AtomicU64,
    finished: AtomicU64,
}

/// The live view of all shards.
pub struct LiveView {
    shards: Box<[RwLock<ByDay<Arc<LiveAuction>>>]>,
    counters: Box<[Counters]>,
    hub: Arc<Hub>,
}

// One of these for each auction.
const _: () = assert!(size_of::<LiveAuction>() <= 112);

/// Auctions that have changed and are watched, until their subscribers are woken. Holds each at most once, so it is bounded by
/// the number of watched auctions.
#[derive(Default)]
struct Hub {
    dirty: Mutex<Vec<Arc<LiveAuction>>>,
    wake: Notify,
}

impl LiveView {
    /// Without auctions.
    #[must_use]
    pub fn new() -> Self {
        let shards = (0..gavel_core::limits::SHARDS_MAX).map(|_| RwLock::default()).collect();
        let counters = (0..gavel_core::limits::SHARDS_MAX).map(|_| Counters::default()).collect();
        Self { shards, counters, hub: Arc::default() }
    }

    /// One auction; `None` when there is none with this id (or its opening is not durable yet).
    #[must_use]
    pub fn get(&self, id: AuctionId) -> Option<Arc<LiveAuction>> {
        self.shards[usize::from(id.shard().0)].read().get(id).cloned()
    }

    /// How many auctions of a shard there are.
    #[must_use]
    pub fn counts(&self, shard: ShardId) -> LiveCounts {
        let Counters { all, finished } = &self.counters[usize::from(shard.0)];
        let finished = finished.load(Ordering::Relaxed);
        LiveCounts { unfinished: all.load(Ordering::Relaxed).saturating_sub(finished), finished }
    }

    /// Makes an auction visible.
    pub(crate) fn insert(&self, auction: Arc<LiveAuction>) {
        let (id, state) = (auction.id, auction.view().state);
        let shard = usize::from(id.shard().0);
        self.counters[shard].all.fetch_add(1, Ordering::Relaxed);
        self.counters[shard].finished.fetch_add(u64::from(state.is_final()), Ordering::Relaxed);
        self.shards[shard].write().insert(id, auction);
    }

    /// Makes the auctions of a recovered shard visible, as they stand.
    pub(crate) fn insert_all<'a>(
        &self,
        shard: ShardId,
        auctions: impl Iterator<Item = (&'a Arc<LiveAuction>, View)>,
    ) {
        let shard = usize::from(shard.0);
        let mut table = self.shards[shard].write();
        let (mut all, mut finished) = (0, 0);
        for (auction, view) in auctions {
            *auction.view.lock() = Stored::of(&view);
            all += 1;
            finished += u64::from(view.state.is_final());
            table.insert(auction.id, Arc::clone(auction));
        }
        self.counters[shard].all.fetch_add(all, Ordering::Relaxed);
        self.counters[shard].finished.fetch_add(finished, Ordering::Relaxed);
    }

    /// Forgets an auction that has left memory. Who holds it or has subscribed to it keeps what they have.
    pub(crate) fn remove(&self, id: AuctionId) {
        let shard = usize::from(id.shard().0);
        let Some(auction) = self.shards[shard].write().remove(id) else { return };
        self.counters[shard].all.fetch_sub(1, Ordering::Relaxed);
        self.counters[shard]
            .finished
            .fetch_sub(u64::from(auction.view().state.is_final()), Ordering::Relaxed);
    }

    /// Publishes a durable state. Called by the log thread, in the order of the records.
    pub(crate) fn publish(&self, auction: &Arc<LiveAuction>, view: View) {
        let before = std::mem::replace(&mut *auction.view.lock(), Stored::of(&view));
        if view.state.is_final() && !before.state.is_final() {
            self.counters[usize::from(auction.id.shard().0)].finished.fetch_add(1, Ordering::Relaxed);
        }
        if auction.watched.load(Ordering::Acquire) && !auction.dirty.swap(true, Ordering::AcqRel) {
            self.hub.dirty.lock().push(Arc::clone(auction));
            self.hub.wake.notify_one();
        }
    }

    /// Wakes subscribers for as long as it is polled. Run by one task of the process.
    pub async fn run_hub(&self) {
        loop {
            self.hub.wake.notified().await;
            let dirty = std::mem::take(&mut *self.hub.dirty.lock());
            for auction in dirty {
                auction.wake();
                tokio::task::coop::consume_budget().await;
            }
        }
    }
}

impl Default for LiveView {
    fn default() -> Self {
        Self::new()
    }
}
