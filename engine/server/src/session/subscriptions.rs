//! The auctions that a connection has subscribed to.
//!
//! Every subscription is a small task that waits for its auction to change and says so through one short queue. While the queue is
//! full (a slow reader), the tasks wait, and each auction's next message is its latest state: changes coalesce, and
//! nothing piles up.

use super::limits::{ALL_SUBSCRIPTIONS_MAX, CHANGES_WAITING};
use gavel_core::AuctionId;
use gavel_engine::LiveAuction;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// A connection's subscriptions.
pub(crate) struct Subscriptions {
    tasks: HashMap<AuctionId, AbortHandle>,
    /// Subscriptions of all connections.
    all: Arc<AtomicUsize>,
    sender: mpsc::Sender<Arc<LiveAuction>>,
    receiver: mpsc::Receiver<Arc<LiveAuction>>,
}

impl Subscriptions {
    /// None yet; `all` counts those of all connections.
    pub(crate) fn new(all: Arc<AtomicUsize>) -> Self {
        let (sender, receiver) = mpsc::channel(CHANGES_WAITING);
        Self { tasks: HashMap::new(), all, sender, receiver }
    }

    /// Subscribes; again is the same as once. False when there are too many in the process.
    pub(crate) fn add(&mut self, auction: &Arc<LiveAuction>) -> bool {
        let id = auction.id();
        if self.tasks.contains_key(&id) {
            return true;
        }
        if self.all.fetch_add(1, Ordering::Relaxed) >= ALL_SUBSCRIPTIONS_MAX {
            self.all.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        let (mut changes, changed) = (auction.subscribe(), self.sender.clone());
        let auction = Arc::clone(auction);
        let task = tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                if changed.send(Arc::clone(&auction)).await.is_err() {
                    break;
                }
            }
        });
        self.tasks.insert(id, task.abort_handle());
        true
    }

    /// Ends a subscription. A change that is under way may still come; [`Self::has`] tells.
    pub(crate) fn remove(&mut self, id: AuctionId) {
        if let Some(task) = self.tasks.remove(&id) {
            task.abort();
            self.all.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The next auction that has changed. Cancel safe.
    pub(crate) async fn changed(&mut self) -> Option<Arc<LiveAuction>> {
        self.receiver.recv().await
    }

    /// True while subscribed to the auction.
    pub(crate) fn has(&self, id: AuctionId) -> bool {
        self.tasks.contains_key(&id)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// All of them.
    pub(crate) fn ids(&self) -> Vec<AuctionId> {
        self.tasks.keys().copied().collect()
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        for task in self.tasks.values() {
            task.abort();
        }
        self.all.fetch_sub(self.tasks.len(), Ordering::Relaxed);
    }
}
