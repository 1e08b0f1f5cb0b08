//! Watched auctions of one HTTP thread: each state is encoded once and written to all who watch.
//!
//! - **Nothing piles up.** A subscriber holds no queue: when its turn comes it is given the latest state that it has not seen.
//! - **Bidders keep the processor.** Between two states of an auction lies as much time as writing to its subscribers takes, so
//!   states that come faster are told as one.
//! - A subscriber that came after a state was durable is shown that state or a later one.

use super::limits::{HEARTBEAT_S, PACE_US_PER_SUBSCRIBER};
use actix_web::rt::task::JoinHandle;
use bytes::Bytes;
use foldhash::HashMap;
use gavel_core::AuctionId;
use gavel_engine::{Handle, LiveAuction, Phase};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// What a connection is sent when there is nothing else to say.
const HEARTBEAT: Bytes = Bytes::from_static(b": heartbeat\n\n");

/// The auctions that connections of this thread watch.
#[derive(Default)]
pub(super) struct Feeds(Rc<RefCell<HashMap<AuctionId, Weak<Feed>>>>);

/// One watched auction.
struct Feed {
    auction: Arc<LiveAuction>,
    all: Rc<RefCell<HashMap<AuctionId, Weak<Feed>>>>,
    /// The latest state, as it is written.
    state: RefCell<(u32, Bytes)>,
    heartbeats: Cell<u64>,
    has_ended: Cell<bool>,
    subscribers: Cell<usize>,
    /// Raised whenever everybody is woken.
    round: Cell<u64>,
    waiting: RefCell<Vec<Waker>>,
    task: RefCell<Option<JoinHandle<()>>>,
}

/// One connection's view of a watched auction.
pub(super) struct Subscription {
    feed: Rc<Feed>,
    first: Option<Bytes>,
    seen: u32,
    heartbeats_seen: u64,
    /// The round that this waits in, and its place there.
    waits: Option<(u64, usize)>,
}

/// A state as an event.
fn event(auction: &LiveAuction) -> (u32, Bytes) {
    let mut out = Vec::with_capacity(1_024);
    let view = auction.view();
    out.extend_from_slice(format!("event: state\nid: {}\ndata: ", view.position).as_bytes());
    gavel_wire::view_json::auction(&mut out, auction.id(), auction.terms(), &view);
    out.extend_from_slice(b"\n\n");
    (view.seq.0, out.into())
}

impl Feeds {
    /// Watches an auction. The first that comes is its present state.
    pub(super) fn subscribe(&self, auction: &Arc<LiveAuction>, engine: &Handle) -> Subscription {
        let known = self.0.borrow().get(&auction.id()).and_then(Weak::upgrade);
        let feed = known.filter(|feed| !feed.has_ended.get()).unwrap_or_else(|| self.start(auction, engine));
        feed.subscribers.set(feed.subscribers.get() + 1);
        let (seen, first) = event(auction);
        let heartbeats_seen = feed.heartbeats.get();
        Subscription { feed, first: Some(first), seen, heartbeats_seen, waits: None }
    }

    fn start(&self, auction: &Arc<LiveAuction>, engine: &Handle) -> Rc<Feed> {
        let changes = auction.subscribe();
        let feed = Rc::new(Feed {
            auction: Arc::clone(auction),
            all: Rc::clone(&self.0),
            // Behind the subscription to changes: none is missed.
            state: RefCell::new(event(auction)),
            heartbeats: Cell::new(0),
            has_ended: Cell::new(false),
            subscribers: Cell::new(0),
            round: Cell::new(0),
            waiting: RefCell::default(),
            task: RefCell::default(),
        });
        self.0.borrow_mut().insert(auction.id(), Rc::downgrade(&feed));
        let task = actix_web::rt::spawn(follow(Rc::downgrade(&feed), changes, engine.phases()));
        *feed.task.borrow_mut() = Some(task);
        feed
    }
}

/// Publishes an auction's states on this thread for as long as somebody watches.
async fn follow(
    feed: Weak<Feed>,
    mut changes: tokio::sync::watch::Receiver<u32>,
    mut phases: tokio::sync::watch::Receiver<Phase>,
) {
    loop {
        let heartbeat = tokio::time::sleep(Duration::from_secs(HEARTBEAT_S));
        let pace = tokio::select! {
            changed = changes.changed() => {
                let Some(feed) = feed.upgrade() else { return };
                if changed.is_err() {
                    return feed.end();
                }
                feed.publish();
                Duration::from_micros(PACE_US_PER_SUBSCRIBER.saturating_mul(feed.subscribers.get() as u64))
            }
            () = heartbeat => {
                let Some(feed) = feed.upgrade() else { return };
                feed.heartbeats.set(feed.heartbeats.get() + 1);
                feed.wake();
                Duration::ZERO
            }
            _ = phases.wait_for(|phase| *phase >= Phase::Closing) => {
                if let Some(feed) = feed.upgrade() {
                    feed.end();
                }
                return;
            }
        };
        if !pace.is_zero() {
            tokio::time::sleep(pace).await;
        }
    }
}

impl Feed {
    fn publish(&self) {
        let state = event(&self.auction);
        self.state.replace(state);
        self.wake();
    }

    fn end(&self) {
        self.publish();
        self.has_ended.set(true);
        self.wake();
    }

    fn wake(&self) {
        self.round.set(self.round.get() + 1);
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Subscription {
    /// The next thing to write; `None` when the server stops.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        let feed = &self.feed;
        let (seq, state) = &*feed.state.borrow();
        if *seq > self.seen {
            self.seen = *seq;
            self.heartbeats_seen = feed.heartbeats.get();
            return Poll::Ready(Some(state.clone()));
        }
        if feed.has_ended.get() {
            return Poll::Ready(None);
        }
        if feed.heartbeats.get() > self.heartbeats_seen {
            self.heartbeats_seen = feed.heartbeats.get();
            return Poll::Ready(Some(HEARTBEAT));
        }
        self.waits = Some(feed.wait(self.waits, context));
        Poll::Pending
    }
}

impl Feed {
    /// Remembers whom to wake, once in each round.
    fn wait(&self, before: Option<(u64, usize)>, context: &Context<'_>) -> (u64, usize) {
        let (round, mut waiting) = (self.round.get(), self.waiting.borrow_mut());
        if let Some((_, place)) = before.filter(|(waits, _)| *waits == round)
            && let Some(waker) = waiting.get_mut(place)
        {
            waker.clone_from(context.waker());
            return (round, place);
        }
        waiting.push(context.waker().clone());
        (round, waiting.len() - 1)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.feed.subscribers.set(self.feed.subscribers.get() - 1);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Some(task) = self.task.borrow_mut().take() {
            task.abort();
        }
        let mut all = self.all.borrow_mut();
        // A later feed of the same auction may have taken the place.
        if all.get(&self.auction.id()).is_some_and(|feed| feed.strong_count() == 0) {
            all.remove(&self.auction.id());
        }
    }
}
