//! The engine as one thing: what its threads share, how it starts, stops and fails.
//!
//! ```text
//! start ─▶ Loading ─▶ Ready ─▶ Closing ─▶ (gone)         Failed from anywhere, for good
//! ```

use crate::attempts::{About, Attempts, Cause, Writer};
use crate::clock::Clock;
use crate::committer::Committer;
use crate::consumers::{Consumers, ConsumersFileError, Saver};
use crate::credit::Credit;
use crate::follow::Feed;
use crate::hottest::Hottest;
use crate::keeper::{self, Keeper, SnapshotNow};
use crate::limits::{MAILBOX_MESSAGES, OPERATOR_CREDIT};
use crate::live::LiveView;
use crate::message::{Answers, Batch, Decided, Pool, Reply};
use crate::openings::Routing;
use crate::options::{EngineOptions, HistoryOptions, OptionsError};
use crate::recovery::{self, Progress};
use crate::router::Handle;
use crate::shard::{Book, ShardActor};
use crate::stamps::Stamps;
use crate::stats::Stats;
use crate::storage::StorageReport;
use actix::{Addr, ArbiterHandle, Context};
use crossbeam::channel::{Receiver, Sender};
use gavel_core::limits::SHARDS_MAX;
use gavel_core::rejection::Missing;
use gavel_core::{Duration, Epoch, LogId, Rejection, ShardId};
use gavel_log::Log;
use gavel_log::trim::Trim;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use tokio::sync::watch;

/// What the engine takes commands for. Ascending: no phase is ever followed by an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The log is being read; commands are refused with `LOADING`.
    Loading,
    /// Commands are taken.
    Ready,
    /// No new commands are taken; those under way are finished.
    Closing,
    /// The log has failed or could not be opened. Nothing is acknowledged any more.
    Failed,
}

/// Why the engine has failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The log is damaged or not Gavel's. Nothing in it was changed.
    #[error("the log was refused: {0}")]
    Refused(String),
    /// The log could not be opened, written or synced.
    #[error("the log has failed: {0}")]
    Log(String),
    /// Something that can't happen has happened.
    #[error("{0}; this is a defect")]
    Defect(String),
}

/// What all threads of the engine share.
pub(crate) struct Shared {
    phase: watch::Sender<Phase>,
    failure: Mutex<Option<Failure>>,
    pub(crate) clock: Clock,
    pub(crate) credit: Credit,
    pub(crate) operator_credit: Credit,
    pub(crate) stamps: Stamps,
    pub(crate) connection_credit: usize,
    pub(crate) pulse_grace: Duration,
    pub(crate) durable: Box<[AtomicU64]>,
    /// By shard: the last record decided, as of the latest batch.
    pub(crate) applied: Box<[AtomicU64]>,
    pub(crate) retire_after: Duration,
    /// By shard: messages without credit in the channel to the log thread.
    pub(crate) own_in_log: Box<[AtomicUsize]>,
    pub(crate) live: LiveView,
    pub(crate) stats: Stats,
    pub(crate) hottest: Hottest,
    pub(crate) attempts: Arc<Attempts>,
    pub(crate) shards: Box<[OnceLock<Addr<ShardActor>>]>,
    pub(crate) routing: Routing,
    pub(crate) progress: Progress,
    pub(crate) feed: Feed,
    pub(crate) epoch: OnceLock<Epoch>,
    pub(crate) log_id: OnceLock<LogId>,
    /// What the keeper tells of the disk.
    pub(crate) storage: Mutex<StorageReport>,
    /// Gone once the engine is closing or has failed, so that the keeper ends.
    to_keeper: Mutex<Option<Sender<SnapshotNow>>>,
    /// Gone once the engine is closing, so that the log thread ends when the last shard does.
    to_log: Mutex<Option<Sender<Decided>>>,
    arbiters: OnceLock<Vec<ArbiterHandle>>,
}

impl Shared {
    fn new(
        options: &EngineOptions,
        consumers: Arc<Consumers>,
        to_log: Sender<Decided>,
        to_keeper: Sender<SnapshotNow>,
    ) -> Self {
        Self {
            phase: watch::Sender::new(Phase::Loading),
            failure: Mutex::new(None),
            clock: options.clock.clone(),
            credit: Credit::new(options.credit),
            operator_credit: Credit::new(OPERATOR_CREDIT),
            stamps: Stamps::default(),
            connection_credit: options.connection_credit,
            pulse_grace: options.pulse_grace,
            durable: (0..SHARDS_MAX).map(|_| AtomicU64::new(0)).collect(),
            applied: (0..SHARDS_MAX).map(|_| AtomicU64::new(0)).collect(),
            retire_after: options.retire_after,
            own_in_log: (0..SHARDS_MAX).map(|_| AtomicUsize::new(0)).collect(),
            live: LiveView::new(),
            stats: Stats::default(),
            hottest: Hottest::default(),
            attempts: Arc::new(Attempts::new(options.attempts.is_some())),
            shards: (0..SHARDS_MAX).map(|_| OnceLock::new()).collect(),
            routing: Routing::default(),
            progress: Progress::default(),
            feed: Feed::new(consumers),
            epoch: OnceLock::new(),
            log_id: OnceLock::new(),
            storage: Mutex::default(),
            to_keeper: Mutex::new(Some(to_keeper)),
            to_log: Mutex::new(Some(to_log)),
            arbiters: OnceLock::new(),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    pub(crate) fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Goes on to a phase. One that has come too late (ready, when the engine is closing already) is left out.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let change = *now < phase;
            if change {
                *now = phase;
            }
            change
        });
        if phase > Phase::Ready {
            self.to_keeper.lock().take();
        }
    }

    /// The way to the keeper; `None` when the engine is closing, or keeps no snapshots.
    pub(crate) fn to_keeper(&self) -> Option<Sender<SnapshotNow>> {
        self.to_keeper.lock().clone()
    }

    /// Messages that wait for the log thread.
    pub(crate) fn log_queue(&self) -> usize {
        self.to_log.lock().as_ref().map_or(0, Sender::len)
    }

    /// The credit that a pool of commands shares.
    pub(crate) fn pool(&self, pool: Pool) -> &Credit {
        match pool {
            Pool::Bidders => &self.credit,
            Pool::Operators => &self.operator_credit,
        }
    }

    /// Ends all acknowledging, for good. The first reason is kept.
    pub(crate) fn fail(&self, failure: Failure) {
        tracing::error!(%failure, "nothing is acknowledged any more");
        self.failure.lock().get_or_insert(failure);
        self.enter(Phase::Failed);
    }

    /// As [`Shared::fail`], for what can't happen.
    pub(crate) fn defect(&self, what: String) {
        self.fail(Failure::Defect(what));
    }

    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure.lock().clone()
    }

    /// Sends a batch to its shard. One that does not exist owns no auctions, so all commands to it are answered so.
    pub(crate) fn send(&self, shard: ShardId, batch: Batch) {
        use actix::dev::SendError;
        let Some(address) = self.shards[usize::from(shard.0)].get() else {
            return self.answer_for_missing_shard(shard, batch);
        };
        let (credit, pool) = (batch.submissions.len(), batch.answer_to.pool);
        match address.try_send(batch) {
            Ok(()) => {}
            Err(SendError::Full(_)) => self.defect(format!("shard {shard}: the mailbox is full")),
            // The shard ends only when the engine does, which the connection is told otherwise.
            Err(SendError::Closed(_)) => self.pool(pool).give(credit),
        }
    }

    fn answer_for_missing_shard(&self, shard: ShardId, batch: Batch) {
        let credit = batch.submissions.len();
        for id in batch.submissions.iter().filter_map(|submission| submission.task.open_id()) {
            self.routing.decided(id, shard, false);
        }
        let missing = Rejection::NotFound(Missing::Auction);
        if self.attempts.are_wanted() {
            let about =
                batch.submissions.iter().filter_map(|submission| About::submission(shard, submission));
            self.attempts.note(about.map(|about| about.refused(Cause::Rules(missing.clone()))).collect());
        }
        let no_auction = |ticket| (ticket, Reply::Rejected(missing.clone()));
        let replies = batch.submissions.into_iter().map(|submission| no_auction(submission.ticket)).collect();
        self.pool(batch.answer_to.pool).give(credit);
        if let Err(error) = batch.answer_to.port.try_send(Answers { replies, given_at: self.clock.now() }) {
            tracing::debug!(%error, "the connection is gone");
        }
    }

    /// Hands a shard's first records to the log and starts its actor. `book` has decided nothing else yet.
    pub(crate) fn start_shard(self: &Arc<Self>, mut book: Book) -> Result<(), Closed> {
        let to_log = self.to_log.lock().clone().ok_or(Closed)?;
        let arbiters = self.arbiters.get().ok_or(Closed)?;
        let shard = book.shard();
        self.own_in_log[usize::from(shard.0)].fetch_add(1, Ordering::AcqRel);
        to_log.try_send(book.take(Vec::new())).map_err(|_| Closed)?;
        // The mailbox has its room before anybody knows the address: actix's own start would give it 16 places until the
        // arbiter comes round to the actor.
        let (sender, receiver) = actix::dev::channel::channel(MAILBOX_MESSAGES);
        let (shared, arbiter) = (Arc::clone(self), &arbiters[usize::from(shard.0) % arbiters.len()]);
        let started = arbiter.spawn_fn(move || {
            let actor = ShardActor::new(book, shared, to_log);
            actix::spawn(Context::with_receiver(receiver).into_future(actor));
        });
        if !started {
            return Err(Closed);
        }
        self.shards[usize::from(shard.0)].set(Addr::new(sender)).map_err(|_| Closed)
    }
}

/// The engine is shutting down.
#[derive(Debug, thiserror::Error)]
#[error("the engine is shutting down")]
pub(crate) struct Closed;

/// Opens the log; runs on the engine's own thread, as reading a log takes time.
pub type OpenLog<L> = Box<dyn FnOnce() -> Result<(L, LogState), Failure> + Send>;

/// What is known of a log when it is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogState {
    /// Which log it is; `None` for one that is kept nowhere.
    pub id: Option<LogId>,
    /// The last generation that wrote to it.
    pub epoch: Epoch,
    /// The last moment that generation is known to have been alive.
    pub alive_until: Option<gavel_core::Timestamp>,
    /// True when that generation was stopped in order.
    pub clean: bool,
}

/// The running engine. Dropped without [`Engine::stop`], it stops like a crash does: nothing is committed or answered from
/// then on, the log is not marked clean, and what was acknowledged is on disk. Its threads end soon after.
pub struct Engine {
    shared: Arc<Shared>,
    /// Gone once they are being joined.
    threads: Option<Threads>,
}

struct Threads {
    log_thread: JoinHandle<()>,
    system: actix::System,
    system_thread: JoinHandle<()>,
    consumers: Saver,
    attempts: Option<Writer>,
}

impl Engine {
    /// Starts the engine's threads and returns at once, in [`Phase::Loading`]. Whether it becomes ready is to be heard from
    /// [`Handle::phases`].
    ///
    /// # Errors
    /// Options out of bounds, or threads that the system refuses.
    pub fn start<L: Log + 'static>(options: EngineOptions, open: OpenLog<L>) -> Result<Self, StartError> {
        options.check()?;
        let (to_log, inbox) = crossbeam::channel::bounded(options.credit + crate::limits::LOG_CHANNEL_SLACK);
        let (to_keeper, requests) = keeper::channel();
        let consumers = Consumers::open(options.consumers.clone(), options.clock.clone())?;
        let shared = Arc::new(Shared::new(&options, consumers, to_log, to_keeper));
        let consumers = Saver::start(Arc::clone(&shared.feed.consumers)).map_err(StartError::Thread)?;
        let (system, system_thread) = start_system(&shared, options.threads)?;
        let attempts =
            options.attempts.clone().map(|options| Writer::start(Arc::clone(&shared.attempts), options));
        let attempts = attempts.transpose().map_err(StartError::Thread)?;
        let log_thread = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name("gavel-log".into()).spawn(move || {
                match recovery::open(&shared, &options, open) {
                    Ok(Some((log, epoch))) => {
                        let keeper = start_keeper(&shared, options.history, log.trimmer(), requests);
                        Committer::new(log, epoch, inbox, Arc::clone(&shared)).run(keeper);
                    }
                    Ok(None) => tracing::info!("stopped while the log was read; nothing was written"),
                    Err(failure) => shared.fail(failure),
                }
            })
        };
        let log_thread = log_thread.map_err(StartError::Thread)?;
        let threads = Threads { log_thread, system, system_thread, consumers, attempts };
        Ok(Self { shared, threads: Some(threads) })
    }

    /// What sessions use. Cloned freely.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.shared))
    }

    /// Refuses new commands, finishes those under way, marks the log's clean end and ends all threads.
    ///
    /// # Errors
    /// When the log fails on the way, or has failed before.
    pub async fn stop(mut self) -> Result<(), Failure> {
        self.shared.enter(Phase::Closing);
        self.wait_until_idle().await;
        self.shared.to_log.lock().take();
        let Some(threads) = self.threads.take() else { return Ok(()) };
        let Threads { log_thread, system, system_thread, consumers, attempts } = threads;
        // The shards go first: they hold no command any more. The log thread ends once the last of them is gone.
        let joined = tokio::task::spawn_blocking(move || {
            system.stop();
            consumers.stop();
            let engine = system_thread.join().and(log_thread.join());
            // Last: what the log thread has handed over is written, too.
            engine.and(attempts.map_or(Ok(()), |writer| writer.end().join()))
        });
        match joined.await {
            Ok(Ok(())) => {}
            _ => self.shared.defect("a thread of the engine has panicked".to_owned()),
        }
        self.shared.failure().map_or(Ok(()), Err)
    }

    /// Until no command holds credit: each has been answered, or the engine has failed.
    async fn wait_until_idle(&self) {
        let in_use = || self.shared.credit.in_use() + self.shared.operator_credit.in_use();
        while in_use() > 0 && self.shared.phase() != Phase::Failed {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Joins nothing: a thread that hangs in the disk must not hang whoever gives up waiting for it.
        if let Some(threads) = self.threads.take() {
            self.shared.enter(Phase::Failed);
            self.shared.to_log.lock().take();
            threads.system.stop();
            threads.attempts.map(Writer::end);
        }
    }
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An option is out of its bounds.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// Who follows the feed, and how far, can't be told.
    #[error(transparent)]
    Consumers(#[from] ConsumersFileError),
    /// The system refuses a thread.
    #[error("no thread could be started: {0}")]
    Thread(std::io::Error),
}

/// Starts the keeper, where history is kept. It ends before the log is closed.
fn start_keeper(
    shared: &Arc<Shared>,
    history: Option<HistoryOptions>,
    trimmer: Option<Arc<dyn Trim>>,
    requests: Receiver<SnapshotNow>,
) -> Option<JoinHandle<()>> {
    let keeper = Keeper::new(Arc::clone(shared), history?, trimmer, requests);
    match std::thread::Builder::new().name("gavel-keeper".into()).spawn(move || keeper.run()) {
        Ok(thread) => Some(thread),
        Err(error) => {
            tracing::error!(%error, "no thread could be started that takes snapshots; recovery will take longer");
            None
        }
    }
}

/// Starts actix's system with `threads` arbiters, which the shards share. No sockets live on them.
fn start_system(shared: &Arc<Shared>, threads: usize) -> Result<(actix::System, JoinHandle<()>), StartError> {
    let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
    let shared = Arc::clone(shared);
    let thread = std::thread::Builder::new().name("gavel-actix".into()).spawn(move || {
        let runner = actix::System::new();
        let arbiters: Vec<actix::Arbiter> =
            runner.block_on(async { (0..threads).map(|_| actix::Arbiter::new()).collect() });
        let handles = arbiters.iter().map(actix::Arbiter::handle).collect();
        let sent = shared.arbiters.set(handles).is_ok() && ready.send(actix::System::current()).is_ok();
        if sent && let Err(error) = runner.run() {
            shared.defect(format!("the actor system has failed: {error}"));
        }
        for arbiter in arbiters {
            arbiter.stop();
            if arbiter.join().is_err() {
                tracing::error!("an arbiter thread has panicked");
            }
        }
    });
    let thread = thread.map_err(StartError::Thread)?;
    let system = is_ready
        .recv()
        .map_err(|_| StartError::Thread(std::io::Error::other("the actor system did not start")))?;
    Ok((system, thread))
}
