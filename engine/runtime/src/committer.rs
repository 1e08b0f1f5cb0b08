//! The log thread: takes all that the shards have decided, commits it as one, publishes it, answers.
//!
//! Invariants:
//! - Nothing is published or answered before the commit that holds it has returned.
//! - A failed commit is the end: why is said once, nothing after it is answered, no sync is tried again.
//! - Group commit adapts by itself: while one commit is at the disk, the next one gathers.

use crate::engine::{Failure, Phase, Shared};
use crate::limits::{COMMIT_BYTES_MAX, MARK_INTERVAL_US};
use crate::message::{Answers, Decided};
use crate::stages;
use crossbeam::channel::{Receiver, RecvTimeoutError};
use gavel_core::limits::SHARDS_MAX;
use gavel_core::{Epoch, Lsn, ShardId, Timestamp};
use gavel_log::limits::FRAMES_PER_COMMIT_MAX;
use gavel_log::{Frame, FrameBuilder, Log, LogError, PushError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The log thread's state.
pub(crate) struct Committer<L> {
    log: L,
    inbox: Receiver<Decided>,
    shared: Arc<Shared>,
    builders: Vec<Option<FrameBuilder>>,
    epoch: Epoch,
    /// Decided and not yet committed; empty between two rounds.
    round: Vec<Decided>,
    frames: Vec<Frame>,
    marked_at: Timestamp,
}

impl<L: Log> Committer<L> {
    pub(crate) fn new(log: L, epoch: Epoch, inbox: Receiver<Decided>, shared: Arc<Shared>) -> Self {
        let builders = (0..SHARDS_MAX).map(|_| None).collect();
        let marked_at = shared.clock.now();
        shared.feed.begin(&log);
        Self { log, inbox, shared, builders, epoch, round: Vec::new(), frames: Vec::new(), marked_at }
    }

    /// Runs until every shard is gone, then marks a clean end. Every error goes to [`Shared::fail`]. An engine that has failed
    /// for another reason commits and answers nothing more. Before the log is closed, the keeper ends.
    pub(crate) fn run(mut self, keeper: Option<JoinHandle<()>>) {
        let shared = Arc::clone(&self.shared);
        let _guard = OnEnd(Arc::clone(&shared));
        let run = self.start().and_then(|()| self.rounds());
        if let Err(error) = &run {
            shared.fail(Failure::Log(error.to_string()));
        }
        if keeper.is_some_and(|keeper| keeper.join().is_err()) {
            shared.defect("the keeper has panicked".to_owned());
        }
        if let Err(error) = run.and_then(|()| self.close()) {
            shared.fail(Failure::Log(error.to_string()));
        }
    }

    /// Commits the first records of all shards, which recovery has put into the channel, then marks that they are there, and
    /// only then lets commands in. A later start can so tell a start that was completed from one that was cut short.
    fn start(&mut self) -> Result<(), LogError> {
        while let Ok(decided) = self.inbox.try_recv() {
            self.take(decided);
        }
        self.finish_round()?;
        self.marked_at = self.shared.clock.now();
        if !self.has_failed() {
            self.log.mark(self.marked_at)?;
            self.shared.enter(Phase::Ready);
        }
        Ok(())
    }

    fn close(self) -> Result<(), LogError> {
        self.shared.feed.end();
        if self.has_failed() { Ok(()) } else { Box::new(self.log).close(self.shared.clock.now()) }
    }

    fn has_failed(&self) -> bool {
        self.shared.phase() == Phase::Failed
    }

    fn rounds(&mut self) -> Result<(), LogError> {
        let idle = Duration::from_micros(MARK_INTERVAL_US);
        loop {
            match self.inbox.recv_timeout(idle) {
                Ok(first) => {
                    self.gather(first);
                    self.finish_round()?;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            if self.has_failed() {
                return Ok(());
            }
            self.mark()?;
        }
    }

    /// Commits what was taken, shows it, answers.
    fn finish_round(&mut self) -> Result<(), LogError> {
        for builder in self.builders.iter_mut().flatten() {
            self.frames.extend(builder.finish());
        }
        if !self.has_failed() {
            self.commit()?;
        }
        if !self.has_failed() {
            self.publish();
            // Behind what is shown, so that whoever sees a tip finds everything up to it.
            self.shared.feed.rings.publish(&mut self.frames);
            self.answer();
        }
        Ok(())
    }

    /// Takes all that waits, up to the size of one commit, and puts the records into frames.
    fn gather(&mut self, first: Decided) {
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(decided) = next {
            bytes += decided.records.bytes.len();
            self.take(decided);
            next = if bytes < COMMIT_BYTES_MAX { self.inbox.try_recv().ok() } else { None };
        }
    }

    fn take(&mut self, decided: Decided) {
        if decided.answer_to.is_none() {
            self.shared.own_in_log[usize::from(decided.shard.0)].fetch_sub(1, Ordering::AcqRel);
        }
        self.frame(&decided);
        self.round.push(decided);
    }

    fn frame(&mut self, decided: &Decided) {
        let shard = decided.shard;
        let builder = self.builders[usize::from(shard.0)]
            .get_or_insert_with(|| FrameBuilder::new(shard, self.epoch, self.log.tip(shard)));
        let mut expected = decided.records.first;
        for record in decided.records.iter() {
            assert_eq!(
                builder.next_lsn(),
                expected,
                "shard {shard}: records reach the log in the order of their Lsns"
            );
            let mut pushed = builder.push(record);
            if pushed == Err(PushError::Full) {
                self.frames.extend(builder.finish());
                pushed = builder.push(record);
            }
            assert_eq!(pushed, Ok(expected), "shard {shard}: an empty frame has room for every record");
            expected = expected.next();
        }
    }

    fn commit(&mut self) -> Result<(), LogError> {
        if self.frames.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        for frames in self.frames.chunks(FRAMES_PER_COMMIT_MAX) {
            self.log.commit(frames)?;
        }
        let stats = &self.shared.stats;
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        stats.commits.fetch_add(1, Ordering::Relaxed);
        stats.commit_us.fetch_add(micros, Ordering::Relaxed);
        stats.commit_us_max.fetch_max(micros, Ordering::Relaxed);
        stats.commit_times_us.record(micros);
        stats.commit_records.record(self.frames.iter().map(|frame| u64::from(frame.count())).sum());
        for frame in &self.frames {
            stats.frames.fetch_add(1, Ordering::Relaxed);
            stats.frame_bytes.fetch_add(frame.bytes().len() as u64, Ordering::Relaxed);
            self.shared.durable[usize::from(frame.shard().0)].store(frame.last().0, Ordering::Release);
        }
        Ok(())
    }

    /// Shows everybody what is durable now.
    fn publish(&mut self) {
        let views = self.round.iter().flat_map(|decided| &decided.views);
        let changes = views.map(|(live, view)| (live.id(), view.seq.0.saturating_sub(live.view().seq.0)));
        self.shared.hottest.count(self.shared.clock.now(), changes);
        for decided in &mut self.round {
            for live in decided.opened.drain(..) {
                self.shared.live.insert(live);
            }
            for change in decided.changes.drain(..) {
                self.shared.routing.change(&change);
            }
            for (live, view) in decided.views.drain(..) {
                self.shared.live.publish(&live, view);
            }
            for (auction, open_id) in decided.retired.drain(..) {
                self.shared.live.remove(auction);
                open_id.into_iter().for_each(|id| self.shared.routing.forget(id));
            }
        }
    }

    fn answer(&mut self) {
        let given_at = self.shared.clock.now();
        for Decided { answers, refused, answer_to, decided_at, .. } in self.round.drain(..) {
            self.shared.stats.count(&answers);
            stages::count(&self.shared.stats.stages.commit, decided_at, given_at, answers.len());
            self.shared.attempts.note(refused);
            if let Some(answer_to) = answer_to {
                // First, so that whoever has heard the answer finds the credit free.
                self.shared.pool(answer_to.pool).give(answers.len());
                // A port that is gone (its connection closed) wants no answer. A full one can't be: its credit bounds it.
                let sent = answer_to.port.try_send(Answers { replies: answers, given_at });
                assert!(
                    !matches!(sent, Err(tokio::sync::mpsc::error::TrySendError::Full(_))),
                    "a port has room for as many answers as it has credit"
                );
            }
        }
    }

    /// About once a second, writes down how far the log is durable.
    fn mark(&mut self) -> Result<(), LogError> {
        let now = self.shared.clock.now();
        if now.since(self.marked_at).micros() >= MARK_INTERVAL_US {
            self.log.mark(now)?;
            self.marked_at = now;
        }
        Ok(())
    }
}

/// Durable Lsns, as everybody may read them.
pub(crate) fn durable_of(shared: &Shared, shard: ShardId) -> Lsn {
    Lsn(shared.durable[usize::from(shard.0)].load(Ordering::Acquire))
}

/// Lets go of the log when its thread ends. When it panics, ends the engine too: whoever waits for it must not wait for ever.
struct OnEnd(Arc<Shared>);

impl Drop for OnEnd {
    fn drop(&mut self) {
        self.0.feed.end();
        if std::thread::panicking() {
            self.0.defect("the log thread has panicked".to_owned());
        }
    }
}
