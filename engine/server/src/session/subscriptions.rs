//! The auctions that a connection has subscribed to.
//!
//! Every subscription is a small task that waits for its auction to change and says so through one short queue. While the queue is
//! full (a slow reader), the tasks wait, and each auction's next message is its latest state: changes coalesce, and
//! nothing piles up.

use super::limits::CHANGES_WAITING;
use gavel_core::AuctionId;
use gavel_engine::LiveAuction;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// A connection's subscriptions.
pub(crate) struct Subscriptions {
    tasks: HashMap<AuctionId, AbortHandle>,
    sender: mpsc::Sender<Arc<LiveAuction>>,
    receiver: mpsc::Receiver<Arc<LiveAuction>>,
}

impl Subscriptions {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(CHANGES_WAITING);
        Self { tasks: HashMap::new(), sender, receiver }
    }

    /// Subscribes; again is the same as once.
    pub(crate) fn add(&mut self, auction: Arc<LiveAuction>) {
        let id = auction.id();
        if self.tasks.contains_key(&id) {
            return;
        }
        let (mut changes, changed) = (auction.subscribe(), self.sender.clone());
        let task = tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                if changed.send(Arc::clone(&auction)).await.is_err() {
                    break;
                }
            }
        });
        self.tasks.insert(id, task.abort_handle());
    }

    /// Ends a subscription. A change that is under way may still come; [`Self::has`] tells.
    pub(crate) fn remove(&mut self, id: AuctionId) {
        if let Some(task) = self.tasks.remove(&id) {
            task.abort();
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
    }
}
