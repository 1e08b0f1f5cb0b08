//! Where new auctions go, and where requests to open them went.

use crate::attempts::{About, Cause};
use crate::engine::Phase;
use crate::message::LoggedChange;
use crate::message::{Opening, ShardWork, Ticket, Work};
use crate::port::{Port, Refusal};
use gavel_core::placement::{Placement, PlacementKey};
use gavel_core::{Lsn, Open, OpenId, Rejection, ShardId, Timestamp};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What routing needs to know. Bidding needs none of it: an auction's shard is in its id.
#[derive(Default)]
pub(crate) struct Routing {
    pub(crate) placement: RwLock<Arc<Placement>>,
    /// The latest record that the placement knows of. Written with the placement locked.
    placement_as_of: AtomicU64,
    /// Auctions placed on a day: the running number of the `sequence` policy.
    pub(crate) running: Mutex<(u64, u64)>,
    pub(crate) openings: Mutex<Openings>,
    /// Held by whoever changes something in all shards.
    pub(crate) admin: tokio::sync::Mutex<()>,
    /// Held by whoever inspects the shards.
    pub(crate) inspecting: tokio::sync::Mutex<()>,
}

/// Where requests to open were sent, so that a retry meets its first try, whatever the placement says by then.
///
/// Bounded: under way by credit, opened by the number of auctions in memory.
#[derive(Default)]
pub(crate) struct Openings {
    pub(crate) opened: HashMap<OpenId, ShardId, foldhash::fast::RandomState>,
    /// With how many requests of this id are under way.
    under_way: HashMap<OpenId, (ShardId, usize), foldhash::fast::RandomState>,
}

impl Routing {
    /// The shard that a request to open goes to. Each call must be followed by one of [`Routing::decided`].
    ///
    /// `None`: the terms are not valid, and no request of this id is known that would have an answer all the same.
    fn place(&self, opening: &Opening, now: Timestamp) -> Option<ShardId> {
        let Some(id) = opening.id else {
            return opening.judged.as_ref().ok().map(|open| self.place_anew(open, now));
        };
        let mut openings = self.openings.lock();
        if let Some(shard) = openings.opened.get(&id) {
            return Some(*shard);
        }
        if let Some((shard, requests)) = openings.under_way.get_mut(&id) {
            *requests += 1;
            return Some(*shard);
        }
        let shard = self.place_anew(opening.judged.as_ref().ok()?, now);
        openings.under_way.insert(id, (shard, 1));
        Some(shard)
    }

    fn place_anew(&self, open: &Open, now: Timestamp) -> ShardId {
        let placement = Arc::clone(&self.placement.read());
        placement.place(&PlacementKey::of(&open.terms), now, self.next_number(now.day()))
    }

    fn next_number(&self, today: u64) -> u64 {
        let (day, count) = &mut *self.running.lock();
        // Around midnight a command stamped before it may come after one stamped behind it.
        if *day < today {
            (*day, *count) = (today, 0);
        }
        *count += 1;
        *count - 1
    }

    /// Puts the recovered placement in force, which knows all records up to this one of shard 0.
    pub(crate) fn set_placement(&self, placement: Placement, as_of: Lsn) {
        let mut current = self.placement.write();
        *current = Arc::new(placement);
        self.placement_as_of.store(as_of.0, Ordering::Relaxed);
    }

    /// Takes a change in that is durable.
    pub(crate) fn change(&self, LoggedChange { change, at, lsn }: &LoggedChange) {
        let mut placement = self.placement.write();
        Arc::make_mut(&mut placement).apply(change, *at);
        self.placement_as_of.store(lsn.0, Ordering::Relaxed);
    }

    /// The placement in force, and the latest record of shard 0 that it knows of.
    pub(crate) fn placement_as_of(&self) -> (Arc<Placement>, Lsn) {
        let placement = self.placement.read();
        (Arc::clone(&placement), Lsn(self.placement_as_of.load(Ordering::Relaxed)))
    }

    /// An auction has left memory: the request that opened it can't be asked for again.
    pub(crate) fn forget(&self, id: OpenId) {
        self.openings.lock().opened.remove(&id);
    }

    /// A shard has decided a request to open (or it was never sent).
    pub(crate) fn decided(&self, id: OpenId, shard: ShardId, opened: bool) {
        let mut openings = self.openings.lock();
        if opened {
            openings.opened.insert(id, shard);
        }
        if let Some((_, requests)) = openings.under_way.get_mut(&id) {
            *requests -= 1;
            if *requests == 0 {
                openings.under_way.remove(&id);
            }
        }
    }
}

/// What became of a request to open that a port was given.
#[derive(Debug)]
pub enum PushedOpening {
    /// It is on its way.
    Taken,
    /// The rules refuse its terms, and its id is not known: there is nobody to ask.
    Rejected(Rejection),
}

impl Port {
    /// Takes a request to open an auction on: places it, then as [`Port::push`].
    ///
    /// # Errors
    /// As [`Port::push`].
    pub fn push_open(
        &mut self,
        ticket: Ticket,
        received: Timestamp,
        opening: Box<Opening>,
    ) -> Result<PushedOpening, Refusal> {
        let shared = Arc::clone(self.shared());
        if shared.phase() == Phase::Loading {
            self.note(Some(About::opening(received)), Cause::Engine(Refusal::Loading));
            return Err(Refusal::Loading);
        }
        let id = opening.id;
        let Some(shard) = shared.routing.place(&opening, received) else {
            return Ok(match opening.judged {
                Ok(_) => PushedOpening::Taken,
                Err(rejection) => {
                    self.note(Some(About::opening(received)), Cause::Rules(rejection.clone()));
                    PushedOpening::Rejected(rejection)
                }
            });
        };
        let pushed = self.push(ticket, received, ShardWork { shard, work: Work::Open(opening) });
        if pushed.is_err()
            && let Some(id) = id
        {
            shared.routing.decided(id, shard, false);
        }
        pushed.map(|()| PushedOpening::Taken)
    }
}
