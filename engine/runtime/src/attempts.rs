//! Refused commands on their way to the journal of attempts, off the way of acknowledgements.
//!
//! ```text
//! shard ──with what it decided──▶ log thread ─┐
//! port (BUSY, LOADING) ───────────────────────┴─▶ queue of batches ──▶ a thread of its own ──▶ attempts/
//! ```
//!
//! Invariants:
//! - Nobody waits for the journal, and nobody wakes its thread: it looks by itself, [`ATTEMPTS_LOOK_MS`] apart. What the queue has no
//!   room for is dropped and counted.
//! - What the rules refused is queued only once the commit is durable that it may have been refused because of.
//! - A journal that can't be written is said once, counted, and changes nothing else.

use crate::limits::{ATTEMPT_BATCHES_MAX, ATTEMPTS_LOOK_MS, ATTEMPTS_WAITING_MAX};
use crate::message::{Submission, Task, Work};
use crate::port::Refusal;
use crossbeam::queue::ArrayQueue;
use gavel_core::{AccountId, Amount, AuctionId, BidId, Command, Rejection, ShardId, Timestamp};
use gavel_log::attempts::Journal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Where refused commands are written down.
#[derive(Clone, Debug)]
pub struct AttemptsOptions {
    /// The data directory.
    pub data_dir: PathBuf,
    /// What the journal may take of the disk, in bytes; at least [`gavel_log::attempts::BYTES_MIN`].
    pub bytes_max: u64,
    /// The code of a refusal as every face spells it.
    pub code: fn(&Cause) -> &'static str,
}

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// By the rules.
    Rules(Rejection),
    /// For want of credit, or because the engine takes nothing now.
    Engine(Refusal),
}

/// What became of the refused commands since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptCounts {
    /// Written to the journal.
    pub written: u64,
    /// Not taken by the queue, which was full.
    pub dropped: u64,
    /// Lost because the journal could not be written.
    pub failed: u64,
    /// On their way to the journal now.
    pub waiting: u64,
}

/// A refused command: what of it the journal keeps.
#[derive(Debug)]
pub(crate) struct Attempt {
    about: About,
    cause: Cause,
}

/// What a command was about; taken before it is handed to whoever may refuse it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    at: Timestamp,
    shard: ShardId,
    auction: Option<AuctionId>,
    command: &'static str,
    bidder: Option<AccountId>,
    amount: Option<Amount>,
    bid: Option<BidId>,
}

/// The queue to the journal.
pub(crate) struct Attempts {
    /// `None` when there is no journal.
    queue: Option<ArrayQueue<Vec<Attempt>>>,
    waiting: AtomicUsize,
    written: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
    ending: AtomicBool,
}

impl About {
    /// `None` for what belongs to no auction: commands of operators, which hear the answer themselves.
    pub(crate) fn task(shard: ShardId, at: Timestamp, task: &Task) -> Option<Self> {
        let bare = Self { at, shard, auction: None, command: "", bidder: None, amount: None, bid: None };
        match &task.0 {
            Work::Auction(auction, command) => Some(Self { auction: Some(*auction), ..bare.with(command) }),
            Work::Open(_) => Some(bare.open()),
            Work::Ban(_) | Work::Placement(_) => None,
        }
    }

    pub(crate) fn submission(shard: ShardId, submission: &Submission) -> Option<Self> {
        Self::task(shard, submission.received, &submission.task)
    }

    /// A request to open that was refused before a shard was asked.
    pub(crate) fn opening(at: Timestamp) -> Self {
        let shard = ShardId(0);
        Self { at, shard, auction: None, command: "", bidder: None, amount: None, bid: None }.open()
    }

    const fn open(self) -> Self {
        Self { command: "AUCTION OPEN", ..self }
    }

    fn with(self, command: &Command) -> Self {
        let named = Self { command: name(command), ..self };
        match *command {
            Command::Bid { bidder, amount, id } => {
                Self { bidder: Some(bidder), amount: Some(amount), bid: id, ..named }
            }
            Command::BuyNow { bidder, id } => Self { bidder: Some(bidder), bid: id, ..named },
            Command::Retract { bid, .. } => Self { bid: Some(bid), ..named },
            Command::Remove { bidder, .. }
            | Command::AcceptOffer { bidder }
            | Command::DeclineOffer { bidder }
            | Command::Ban { bidder, .. }
            | Command::Unban { bidder } => Self { bidder: Some(bidder), ..named },
            Command::LowerReserve { .. }
            | Command::Extend { .. }
            | Command::End
            | Command::Cancel { .. }
            | Command::Edit { .. }
            | Command::Paid
            | Command::Unpaid
            | Command::Pulse
            | Command::GiveBack { .. } => named,
        }
    }

    pub(crate) fn refused(self, cause: Cause) -> Attempt {
        Attempt { about: self, cause }
    }
}

/// A command's name, as over RESP. A new reserve is secret, so it is no amount of the journal.
const fn name(command: &Command) -> &'static str {
    match command {
        Command::Bid { .. } => "BID",
        Command::BuyNow { .. } => "BUYNOW",
        Command::Retract { .. } => "RETRACT",
        Command::Remove { .. } => "REMOVE",
        Command::Extend { .. } => "AUCTION EXTEND",
        Command::End => "AUCTION END",
        Command::Cancel { .. } => "AUCTION CANCEL",
        Command::Edit { .. } => "AUCTION EDIT",
        Command::LowerReserve { .. } => "AUCTION LOWER-RESERVE",
        Command::Paid => "AUCTION PAID",
        Command::Unpaid => "AUCTION UNPAID",
        Command::AcceptOffer { .. } => "AUCTION OFFER ACCEPT",
        Command::DeclineOffer { .. } => "AUCTION OFFER DECLINE",
        Command::Ban { .. } => "BAN",
        Command::Unban { .. } => "UNBAN",
        // The engine's own, which nobody sends.
        Command::Pulse => "PULSE",
        Command::GiveBack { .. } => "GIVE-BACK",
    }
}

impl Attempts {
    pub(crate) fn new(journal: bool) -> Self {
        Self {
            queue: journal.then(|| ArrayQueue::new(ATTEMPT_BATCHES_MAX)),
            waiting: AtomicUsize::new(0),
            written: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            ending: AtomicBool::new(false),
        }
    }

    /// True when refused commands are to be noted at all.
    pub(crate) fn are_wanted(&self) -> bool {
        self.queue.is_some()
    }

    /// Hands refused commands over, as many as there is room for. Never waits.
    pub(crate) fn note(&self, mut batch: Vec<Attempt>) {
        let Some(queue) = &self.queue else { return };
        if batch.is_empty() {
            return;
        }
        let offered = batch.len();
        let before = self.waiting.fetch_add(offered, Ordering::AcqRel);
        batch.truncate(ATTEMPTS_WAITING_MAX.saturating_sub(before));
        let kept = batch.len();
        let queued = kept > 0 && queue.push(batch).is_ok();
        let dropped = if queued { offered - kept } else { offered };
        if dropped > 0 {
            self.waiting.fetch_sub(dropped, Ordering::AcqRel);
            self.dropped.fetch_add(dropped as u64, Ordering::Relaxed);
        }
    }

    pub(crate) fn counts(&self) -> AttemptCounts {
        AttemptCounts {
            written: self.written.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed) as u64,
        }
    }
}

/// The thread that writes the journal.
pub(crate) struct Writer {
    attempts: Arc<Attempts>,
    thread: JoinHandle<()>,
}

impl Writer {
    pub(crate) fn start(attempts: Arc<Attempts>, options: AttemptsOptions) -> std::io::Result<Self> {
        let pen = Pen {
            attempts: Arc::clone(&attempts),
            journal: Journal::new(&options.data_dir, options.bytes_max),
            code: options.code,
            failing: false,
        };
        let thread = std::thread::Builder::new().name("gavel-attempts".into()).spawn(move || pen.run())?;
        Ok(Self { attempts, thread })
    }

    /// Lets the thread write what is queued, and end.
    pub(crate) fn end(self) -> JoinHandle<()> {
        self.attempts.ending.store(true, Ordering::Release);
        self.thread.thread().unpark();
        self.thread
    }
}

/// What the thread holds.
struct Pen {
    attempts: Arc<Attempts>,
    journal: Journal,
    code: fn(&Cause) -> &'static str,
    /// The last write has failed, and that was said.
    failing: bool,
}

impl Pen {
    fn run(mut self) {
        loop {
            // Looked at before the queue: what was queued before the end is written.
            let ending = self.attempts.ending.load(Ordering::Acquire);
            self.take_all();
            if ending {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(ATTEMPTS_LOOK_MS));
        }
    }

    /// Takes what waits now. What comes meanwhile has its turn at the next look, so that a storm of refusals can't keep this
    /// thread on a processor that bids need.
    fn take_all(&mut self) {
        let mut left = self.attempts.waiting.load(Ordering::Acquire);
        while left > 0
            && let Some(batch) = self.attempts.queue.as_ref().and_then(ArrayQueue::pop)
        {
            self.attempts.waiting.fetch_sub(batch.len(), Ordering::AcqRel);
            left = left.saturating_sub(batch.len());
            for attempt in &batch {
                if self.append(attempt) {
                    self.write();
                }
            }
        }
        self.write();
    }

    fn append(&mut self, Attempt { about, cause }: &Attempt) -> bool {
        let About { at, shard, auction, command, bidder, amount, bid } = *about;
        let words = match cause {
            Cause::Rules(rejection) => rejection.to_string(),
            Cause::Engine(refusal) => refusal.to_string(),
        };
        let (command, code) = (command.into(), (self.code)(cause).into());
        self.journal.append(&gavel_log::attempts::Attempt {
            at,
            shard,
            auction,
            bidder,
            amount,
            bid,
            command,
            code,
            words: words.into(),
        })
    }

    fn write(&mut self) {
        match self.journal.write() {
            Ok(0) => {}
            Ok(lines) => {
                self.attempts.written.fetch_add(lines, Ordering::Relaxed);
                if std::mem::take(&mut self.failing) {
                    tracing::info!("the journal of attempts can be written again");
                }
            }
            Err(error) => {
                self.attempts.failed.fetch_add(error.lost, Ordering::Relaxed);
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(%error, "refused commands are not written down; bids are taken as before");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(count: usize) -> Vec<Attempt> {
        let busy = || About::opening(Timestamp::default()).refused(Cause::Engine(Refusal::Closing));
        (0..count).map(|_| busy()).collect()
    }

    #[test]
    fn what_there_is_no_room_for_is_dropped_and_counted() {
        let queue = Attempts::new(true);
        queue.note(attempts(ATTEMPTS_WAITING_MAX - 1));
        queue.note(attempts(3));
        queue.note(attempts(2));
        let AttemptCounts { dropped, waiting, .. } = queue.counts();
        assert_eq!((dropped, waiting), (4, ATTEMPTS_WAITING_MAX as u64));
    }

    #[test]
    fn batches_are_bounded_as_attempts_are() {
        let queue = Attempts::new(true);
        (0..ATTEMPT_BATCHES_MAX + 5).for_each(|_| queue.note(attempts(1)));
        let AttemptCounts { dropped, waiting, .. } = queue.counts();
        assert_eq!((dropped, waiting), (5, ATTEMPT_BATCHES_MAX as u64));
    }

    #[test]
    fn without_a_journal_nothing_is_kept_or_counted() {
        let queue = Attempts::new(false);
        queue.note(attempts(3));
        assert_eq!(queue.counts(), AttemptCounts::default());
    }
}
