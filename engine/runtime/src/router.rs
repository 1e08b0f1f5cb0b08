//! The way to the shards: ports for commands, the live view for reads, and what concerns all shards at once (bans of wider
//! scope, placement), which is done one at a time.

use crate::engine::{Failure, Phase, Shared};
use crate::live::LiveAuction;
use crate::message::{Opening, Reply, Task, Ticket, WideBan};
use crate::port::{Port, Refusal};
use crate::recovery::Progress;
use crate::shard::{Book, Inspect, ListBans};
use crate::stats::Stats;
use gavel_core::digest::Digest;
use gavel_core::placement::{Placement, PlacementChange, PlacementError, PlacementKey};
use gavel_core::rejection::Missing;
use gavel_core::{AuctionId, Epoch, Lsn, Open, OpenId, Position, Rejection, ShardId, Timestamp};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use tokio::sync::watch;

/// What routing needs to know. Bidding needs none of it: an auction's shard is in its id.
#[derive(Default)]
pub(crate) struct Routing {
    pub(crate) placement: RwLock<Arc<Placement>>,
    /// Auctions placed on a day: the running number of the `sequence` policy.
    pub(crate) running: Mutex<(u64, u64)>,
    pub(crate) openings: Mutex<Openings>,
    /// Held by whoever changes something in all shards.
    admin: tokio::sync::Mutex<()>,
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

    /// Takes a change in that is durable.
    pub(crate) fn change(&self, change: &PlacementChange, at: Timestamp) {
        let mut placement = self.placement.write();
        Arc::make_mut(&mut placement).apply(change, at);
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

/// What sessions use of the engine. Cloned freely.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

/// A shard's whole state in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardReport {
    /// The shard.
    pub shard: ShardId,
    /// The last record decided (it may not be durable yet).
    pub applied: Lsn,
    /// Auctions in memory.
    pub auctions: usize,
    /// The sum of their digests, and of the bans'.
    pub digest: Digest,
}

/// Why shards or policy were not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The change does not fit what is there.
    #[error(transparent)]
    Placement(#[from] PlacementError),
    /// It was not taken.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A shard refused it.
    #[error("{0}")]
    Rejected(Rejection),
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// A new connection's way in.
    #[must_use]
    pub fn port(&self) -> Port {
        Port::new(Arc::clone(&self.shared))
    }

    /// The engine's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// By how much the system's clock has parted from the engine's, in microseconds.
    #[must_use]
    pub fn clock_drift_us(&self) -> i64 {
        self.shared.clock.drift_us()
    }

    /// One auction as everybody may see it.
    #[must_use]
    pub fn live(&self, id: AuctionId) -> Option<Arc<LiveAuction>> {
        self.shared.live.get(id)
    }

    /// Auctions of a shard in the live view.
    #[must_use]
    pub fn live_of_shard(&self, shard: ShardId) -> Vec<Arc<LiveAuction>> {
        self.shared.live.of_shard(shard)
    }

    /// Wakes subscribers of the live view; to be run by one task for as long as the process serves.
    pub async fn run_hub(&self) {
        self.shared.live.run_hub().await;
    }

    /// What the engine takes commands for now.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.shared.phase()
    }

    /// The phase, to wait for its changes.
    #[must_use]
    pub fn phases(&self) -> watch::Receiver<Phase> {
        self.shared.phases()
    }

    /// Why the engine has failed, if it has.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        self.shared.failure()
    }

    /// How far the reading of the log has got.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.shared.progress
    }

    /// Counters.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// Counts commands refused for want of credit.
    pub fn count_busy(&self, commands: u64) {
        self.shared.count_busy(commands);
    }

    /// Commands under way, and how many may be.
    #[must_use]
    pub fn credit(&self) -> (usize, usize) {
        (self.shared.credit.in_use(), self.shared.credit.total())
    }

    /// The generation; `None` while loading.
    #[must_use]
    pub fn epoch(&self) -> Option<Epoch> {
        self.shared.epoch.get().copied()
    }

    /// How far a shard is durable.
    #[must_use]
    pub fn durable(&self, shard: ShardId) -> Lsn {
        crate::committer::durable_of(&self.shared, shard)
    }

    /// Shards, policies and directory.
    #[must_use]
    pub fn placement(&self) -> Arc<Placement> {
        Arc::clone(&self.shared.routing.placement.read())
    }

    /// Each running shard in a few words. Goes through the mailboxes, so it is for operators and tests, not for pages.
    pub async fn inspect(&self) -> Vec<ShardReport> {
        let mut reports = Vec::new();
        for address in self.shared.shards.iter().filter_map(OnceLock::get) {
            // A shard that is gone has nothing to report.
            if let Ok(report) = address.send(Inspect).await {
                reports.push(report);
            }
        }
        reports
    }

    /// Bans or unbans in all auctions, or in all of one seller's. When it returns, it is in force and on disk in every shard.
    ///
    /// # Errors
    /// Refused for want of credit, or by the rules. It may then be in force in some shards; it can be sent again.
    pub async fn ban(&self, ban: WideBan) -> Result<Reply, Refusal> {
        let _alone = self.shared.routing.admin.lock().await;
        let shards = (0..=u8::MAX).map(ShardId);
        let running = shards.filter(|shard| self.shared.shards[usize::from(shard.0)].get().is_some());
        let replies = self.ask(running.map(|shard| (shard, Task::Ban(ban))).collect()).await?;
        Ok(agree(&replies))
    }

    /// Changes shards or policy. When it returns, it is logged and in force.
    ///
    /// # Errors
    /// The change does not fit, or it could not be logged.
    pub async fn change_placement(&self, change: PlacementChange) -> Result<Position, ChangeError> {
        let _alone = self.shared.routing.admin.lock().await;
        let now = self.shared.clock.now();
        self.placement().validate(&change, now)?;
        if let PlacementChange::ShardAdded(shard) = &change {
            self.start_shard(*shard, now).await?;
        }
        // The log thread puts it in force, so that it is whether or not anybody waits here for the answer.
        let task = Task::Placement(Box::new(change));
        match self.ask(vec![(ShardId(0), task)]).await?.into_iter().next() {
            Some(Reply::Done(Some(position))) => Ok(position),
            Some(Reply::Rejected(rejection)) => Err(ChangeError::Rejected(rejection)),
            _ => Err(ChangeError::Refused(Refusal::Failed)),
        }
    }

    /// Starts a shard that does not run yet, with the bans that are in force everywhere.
    async fn start_shard(&self, shard: ShardId, now: Timestamp) -> Result<(), Refusal> {
        if self.shared.shards[usize::from(shard.0)].get().is_some() {
            return Ok(());
        }
        let epoch = self.epoch().ok_or(Refusal::Loading)?;
        let first = self.shared.shards[0].get().ok_or(Refusal::Loading)?;
        let bans = first.send(ListBans).await.map_err(|_| Refusal::Closing)?;
        let mut book = Book::new(shard);
        book.start_epoch(epoch, now, None);
        book.take_bans_over(&bans, now);
        self.shared.start_shard(book).map_err(|_| Refusal::Closing)
    }

    /// Asks shards, and waits until all answers are durable. In the order asked.
    async fn ask(&self, tasks: Vec<(ShardId, Task)>) -> Result<Vec<Reply>, Refusal> {
        let mut port = self.port();
        let mut replies: Vec<Option<Reply>> = tasks.iter().map(|_| None).collect();
        for (index, (shard, task)) in tasks.into_iter().enumerate() {
            // Settings may give a connection less credit than there are shards.
            if port.is_full() {
                self.collect(&mut port, &mut replies).await?;
            }
            port.push(Ticket(index as u64), shard, self.now(), task)?;
        }
        self.collect(&mut port, &mut replies).await?;
        replies.into_iter().collect::<Option<Vec<_>>>().ok_or(Refusal::Failed)
    }

    /// Sends what was pushed, and waits for all answers.
    async fn collect(&self, port: &mut Port, replies: &mut [Option<Reply>]) -> Result<(), Refusal> {
        port.flush();
        let mut phases = self.phases();
        while port.under_way() > 0 {
            let answers = tokio::select! {
                answers = port.answers() => answers,
                _ = phases.wait_for(|phase| *phase == Phase::Failed) => None,
            };
            for (ticket, reply) in answers.ok_or(Refusal::Failed)?.0 {
                if let Some(slot) = usize::try_from(ticket.0).ok().and_then(|index| replies.get_mut(index)) {
                    *slot = Some(reply);
                }
            }
        }
        Ok(())
    }
}

/// One answer for a command that every shard has answered: carried out if any shard did, and refused only as all did.
fn agree(replies: &[Reply]) -> Reply {
    let done = replies.iter().find(|reply| matches!(reply, Reply::Done(_)));
    let worst = replies.iter().find(|reply| matches!(reply, Reply::Rejected(Rejection::TooLarge(_))));
    let none = Reply::Rejected(Rejection::NotFound(Missing::Ban));
    worst.or(done).or(replies.first()).cloned().unwrap_or(none)
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
            return Err(Refusal::Loading);
        }
        let id = opening.id;
        let Some(shard) = shared.routing.place(&opening, received) else {
            return Ok(opening.judged.map_or_else(PushedOpening::Rejected, |_| PushedOpening::Taken));
        };
        let pushed = self.push(ticket, shard, received, Task::Open(opening));
        if pushed.is_err()
            && let Some(id) = id
        {
            shared.routing.decided(id, shard, false);
        }
        pushed.map(|()| PushedOpening::Taken)
    }
}
