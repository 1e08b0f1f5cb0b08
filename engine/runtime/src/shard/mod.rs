//! A shard: the actor that owns a set of auctions.
//!
//! The mailbox is the order of things: bids and pulses go through it alike, so a bid that was queued before a pulse is
//! decided before it. The actor never waits: it decides, applies, and hands on.

mod book;
mod due;

pub(crate) use book::{Book, Cursor, Slice, digest_of};
pub use book::{ReplayError, ReplayProblem};

use crate::attempts::{About, Attempt, Cause};
use crate::engine::{Phase, Shared};
use crate::limits::{AUCTIONS_PER_PULSE, OWN_MESSAGES_PER_SHARD};
use crate::message::{Batch, Decided, Reply, Submission, Ticket};
use crate::stages::{self, Stages};
use actix::{Actor, AsyncContext, Context, Handler, Message, SpawnHandle};
use crossbeam::channel::{Sender, TrySendError};
use gavel_core::Timestamp;
use gavel_core::ban::Ban;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// When a pulse tries again that has found the log thread behind, or the engine not ready.
const LOG_BEHIND_RETRY: Duration = Duration::from_millis(2);

/// Submissions whose auctions are touched before the first of them is decided: what they need together fits the nearest caches.
const TOUCHED_AT_ONCE: usize = 32;

/// The least time between two pulses, but for those of many auctions at once.
const PULSE_WAIT_MIN: Duration = Duration::from_millis(1);

/// The actor around a [`Book`].
pub(crate) struct ShardActor {
    book: Book,
    shared: Arc<Shared>,
    to_log: Sender<Decided>,
    /// The timer that will send the next pulse, and for when it is set.
    timer: Option<(SpawnHandle, Timestamp)>,
    /// True while a pulse is in the mailbox.
    pulse_under_way: bool,
    /// What of the batch under way was refused, for the journal of attempts.
    refused: Vec<Attempt>,
}

/// Time has passed: what was due by `up_to` is to be decided. That lies the grace before the moment the pulse was put into the
/// mailbox, however much later it is taken out: a bid stamped before an end by then is ahead of it, and one that comes
/// behind it must not find ended what the pulse's own waiting has made due.
#[derive(Message)]
#[rtype(result = "()")]
struct Pulse {
    up_to: Timestamp,
}

/// Asks a shard something about its whole state, between two batches.
#[derive(Message)]
#[rtype(result = "crate::ShardReport")]
pub(crate) struct Inspect;

/// Asks for the bans of wider scope than one auction.
#[derive(Message)]
#[rtype(result = "Vec<Ban>")]
pub(crate) struct ListBans;

/// Asks for the next slice of the shard's state. Answered into a channel, as a plain thread asks.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct NextSlice {
    pub(crate) cursor: Cursor,
    /// Room for the slice.
    pub(crate) buffer: Vec<u8>,
    pub(crate) answer_to: std::sync::mpsc::SyncSender<(Cursor, Slice)>,
}

impl ShardActor {
    pub(crate) fn new(book: Book, shared: Arc<Shared>, to_log: Sender<Decided>) -> Self {
        Self { book, shared, to_log, timer: None, pulse_under_way: false, refused: Vec::new() }
    }

    fn decide(&mut self, submission: Submission, now: Timestamp) -> (Ticket, Reply) {
        let open_id = submission.task.open_id();
        let about =
            self.shared.attempts.are_wanted().then(|| About::submission(self.book.shard(), &submission));
        let (ticket, reply) = self.book.handle(submission, now);
        if let (Some(Some(about)), Reply::Rejected(rejection)) = (about, &reply) {
            self.refused.push(about.refused(Cause::Rules(rejection.clone())));
        }
        if let Some(id) = open_id {
            let opened = matches!(reply, Reply::Opened(..));
            self.shared.routing.decided(id, self.book.shard(), opened);
        }
        (ticket, reply)
    }

    /// Hands on what was decided, if it is anything.
    fn hand_on(&mut self, decided: Decided) {
        let Decided { shard, records, views: _, opened: _, retired: _, changes: _, answers, .. } = &decided;
        if records.ends.is_empty() && answers.is_empty() {
            return;
        }
        let shard = *shard;
        self.shared.applied[usize::from(shard.0)].store(self.book.last().0, Ordering::Relaxed);
        match self.to_log.try_send(decided) {
            Ok(()) => {}
            // Credit makes this impossible; if it happens all the same, nothing may be acknowledged any more.
            Err(TrySendError::Full(_)) => {
                self.shared.defect(format!("shard {shard}: the channel to the log is full"))
            }
            Err(TrySendError::Disconnected(_)) => {
                self.shared.defect(format!("shard {shard}: the log thread is gone"))
            }
        }
    }

    /// Sees to it that a pulse comes a little after the next thing is due.
    fn set_timer(&mut self, context: &mut Context<Self>) {
        if self.pulse_under_way {
            return;
        }
        let Some(due) = self.book.next_due() else { return };
        match self.timer {
            Some((_, set_for)) if set_for <= due => return,
            Some((handle, _)) => {
                context.cancel_future(handle);
            }
            None => {}
        }
        let pulse_at = due.saturating_add(self.shared.pulse_grace);
        let wait = Duration::from_micros(pulse_at.since(self.shared.clock.now()).micros());
        // At least a little: what is due already may be waiting for a stamp under way.
        self.pulse_in(wait.max(PULSE_WAIT_MIN), due, context);
    }

    fn pulse_in(&mut self, wait: Duration, due: Timestamp, context: &mut Context<Self>) {
        let handle = context.run_later(wait, |actor, context| {
            actor.timer = None;
            actor.send_pulse(context);
        });
        self.timer = Some((handle, due));
    }

    /// True when as many of the shard's own messages wait for the log thread as may: they hold no credit, so this is what bounds
    /// them. The pulse tries again a little later.
    fn log_is_behind(&self) -> bool {
        self.own_in_log().load(Ordering::Acquire) >= OWN_MESSAGES_PER_SHARD
    }

    fn own_in_log(&self) -> &std::sync::atomic::AtomicUsize {
        &self.shared.own_in_log[usize::from(self.book.shard().0)]
    }

    /// Puts a pulse at the end of the mailbox, behind the bids that are waiting.
    fn send_pulse(&mut self, context: &Context<Self>) {
        use actix::ActorContext as _;
        if context.state().alive() {
            let now = self.shared.clock.now();
            let micros = now.micros().saturating_sub(self.shared.pulse_grace.micros());
            // The clock first, then the stamps under way: see there.
            let up_to = self.shared.stamps.settled_up_to(Timestamp::from_micros(micros).unwrap_or_default());
            match context.address().try_send(Pulse { up_to }) {
                Ok(()) => self.pulse_under_way = true,
                Err(error) => self.shared.defect(format!("shard {}: no pulse: {error}", self.book.shard())),
            }
        }
    }
}

impl Actor for ShardActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        self.set_timer(context);
    }
}

impl Handler<Batch> for ShardActor {
    type Result = ();

    fn handle(&mut self, batch: Batch, context: &mut Context<Self>) {
        let now = self.shared.clock.now();
        let Batch { submissions, answer_to } = batch;
        let (commands, received) =
            (submissions.len(), submissions.first().map_or(now, |first| first.received));
        let mut answers = Vec::with_capacity(commands);
        let mut rest = submissions.into_iter();
        while rest.len() > 0 {
            let together = rest.len().min(TOUCHED_AT_ONCE);
            self.book.touch(&rest.as_slice()[..together]);
            answers.extend(rest.by_ref().take(together).map(|submission| self.decide(submission, now)));
        }
        let mut decided = self.book.take(answers);
        decided.answer_to = Some(answer_to);
        decided.refused = std::mem::take(&mut self.refused);
        decided.decided_at = self.shared.clock.now();
        let Stages { queue, decide, .. } = &self.shared.stats.stages;
        stages::count(queue, received, now, commands);
        stages::count(decide, now, decided.decided_at, commands);
        self.hand_on(decided);
        self.set_timer(context);
    }
}

impl Handler<Pulse> for ShardActor {
    type Result = ();

    fn handle(&mut self, Pulse { up_to }: Pulse, context: &mut Context<Self>) {
        self.pulse_under_way = false;
        // Until the first records of all shards are on the disk, nothing else may be a sign of life in the log.
        if self.log_is_behind() || self.shared.phase() == Phase::Loading {
            return self.pulse_in(LOG_BEHIND_RETRY, Timestamp::default(), context);
        }
        let more = self.book.pulse(up_to, self.shared.clock.now(), AUCTIONS_PER_PULSE);
        let decided = self.book.take(Vec::new());
        if !decided.records.ends.is_empty() {
            self.own_in_log().fetch_add(1, Ordering::AcqRel);
        }
        self.hand_on(decided);
        if more {
            self.send_pulse(context);
        } else {
            self.set_timer(context);
        }
    }
}

impl Handler<Inspect> for ShardActor {
    type Result = actix::MessageResult<Inspect>;

    fn handle(&mut self, _: Inspect, _: &mut Context<Self>) -> Self::Result {
        actix::MessageResult(crate::ShardReport {
            shard: self.book.shard(),
            applied: self.book.last(),
            auctions: self.book.auction_count(),
            digest: self.book.digest(),
        })
    }
}

impl Handler<ListBans> for ShardActor {
    type Result = Vec<Ban>;

    fn handle(&mut self, _: ListBans, _: &mut Context<Self>) -> Self::Result {
        self.book.bans().iter().collect()
    }
}

impl Handler<NextSlice> for ShardActor {
    type Result = ();

    fn handle(&mut self, question: NextSlice, _: &mut Context<Self>) {
        let NextSlice { mut cursor, buffer, answer_to } = question;
        let began = Instant::now();
        let slice = self.book.slice(&mut cursor, buffer);
        self.shared.stats.slices.count(began.elapsed());
        // Whoever has asked waits with room for one answer, or has given up.
        drop(answer_to.try_send((cursor, slice)));
    }
}

impl Drop for ShardActor {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.defect(format!("shard {} has panicked", self.book.shard()));
        }
    }
}
