//! A port: one connection's way into the engine. It takes credit, groups commands by shard, sends, and hears the answers.
//!
//! Invariants:
//! - Whatever was pushed and not refused is answered exactly once.
//! - A pushed command holds one credit of the process until it is answered and one of the port until the answer is taken, so the
//!   answer queue (as long as the port's credit) is never full.
//! - Nothing here waits but [`Port::answers`].
//!
//! Connections that bring one command at a time (HTTP) share a port, one for each of their threads: what they bring in one turn of
//! the thread goes to each shard as one message, as if one connection had brought it.

use crate::attempts::{About, Attempt, Cause};
use crate::credit::Credit;
use crate::engine::{Phase, Shared};
use crate::limits::{ATTEMPTS_PER_PORT, CREDIT_CHUNK, OPERATOR_CREDIT};
use crate::message::{AnswerTo, Answers, Batch, Pool, Submission, Task, Ticket};
use crate::stages;
use crate::stamps::StampKey;
use gavel_core::command::ShardKeyed;
use gavel_core::{ShardId, Timestamp};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;

/// Why a command was not taken. Nothing of it has happened; it can be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `BUSY`: this connection has as many commands under way as it may.
    #[error("this connection has {0} commands under way, which is its limit; read the answers first")]
    ConnectionCredit(usize),
    /// `BUSY`: the process has as many commands under way as it may.
    #[error("the engine has {0} commands under way, which is its limit; try again shortly")]
    ProcessCredit(usize),
    /// `LOADING`: the log is still being read.
    #[error("the engine is reading its log; try again shortly")]
    Loading,
    /// `BUSY`: the engine is shutting down.
    #[error("the engine is shutting down")]
    Closing,
    /// `BUSY`: the log has failed; nothing more is taken.
    #[error("the engine has stopped because its log failed")]
    Failed,
}

/// One connection's way into the engine.
pub struct Port {
    shared: Arc<Shared>,
    /// Commands pushed and not yet flushed, by shard.
    pending: Vec<Pending>,
    /// Process credit taken and not yet used.
    reserve: usize,
    /// The earliest time of receipt given out by [`Port::receive`] since the last flush; pulses wait for it.
    received: Option<StampKey>,
    /// Commands pushed whose answers were not taken yet.
    under_way: usize,
    credit: usize,
    answer_to: AnswerTo,
    receiver: mpsc::Receiver<Answers>,
    /// What was refused since the last flush, for the journal of attempts.
    refused: Vec<Attempt>,
}

/// What a port has for one shard.
struct Pending {
    shard: ShardId,
    submissions: Vec<Submission>,
    /// How many there were the last time: a port that pipelines will do so again.
    last: usize,
}

impl Port {
    /// A connection's port.
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let credit = shared.connection_credit;
        Self::with(shared, credit, Pool::Bidders)
    }

    /// A port that many connections share. It may have all credit of the process; each connection has its own bound.
    pub(crate) fn to_share(shared: Arc<Shared>) -> Self {
        let credit = shared.credit.total();
        Self::with(shared, credit, Pool::Bidders)
    }

    /// The port of a command to all shards, with credit of its own. One at a time.
    pub(crate) fn for_operators(shared: Arc<Shared>) -> Self {
        Self::with(shared, OPERATOR_CREDIT, Pool::Operators)
    }

    fn with(shared: Arc<Shared>, credit: usize, pool: Pool) -> Self {
        let (port, receiver) = mpsc::channel(credit);
        let answer_to = AnswerTo { port, pool };
        Self {
            shared,
            pending: Vec::new(),
            reserve: 0,
            received: None,
            under_way: 0,
            credit,
            answer_to,
            receiver,
            refused: Vec::new(),
        }
    }

    /// Now, as the time of receipt of what the caller has just read. It is held until the next [`flush`](Self::flush): pulses wait for
    /// the earliest that was given out since the last one.
    pub fn receive(&mut self) -> Timestamp {
        if self.received.is_some() {
            // Not earlier than the one that is held, so what holds pulses back for that one does so for this.
            return self.shared.clock.now();
        }
        let key = self.shared.stamps.enter(&self.shared.clock);
        self.received = Some(key);
        key.at()
    }

    /// Takes a command on. It goes out with the next [`flush`](Self::flush). What has no shard key does not compile here.
    ///
    /// # Errors
    /// Refuses at once when there is no credit or the engine takes no commands now.
    pub fn push<C: ShardKeyed + Into<Task>>(
        &mut self,
        ticket: Ticket,
        received: Timestamp,
        command: C,
    ) -> Result<(), Refusal> {
        let shard = command.shard();
        if let Err(refusal) = self.take_credit() {
            self.note(About::task(shard, received, &command.into()), Cause::Engine(refusal));
            return Err(refusal);
        }
        let submission = Submission { ticket, received, task: command.into() };
        let index = self.pending.iter().position(|pending| pending.shard == shard).unwrap_or_else(|| {
            self.pending.push(Pending { shard, submissions: Vec::new(), last: 0 });
            self.pending.len() - 1
        });
        let Pending { submissions, last, .. } = &mut self.pending[index];
        if submissions.is_empty() {
            submissions.reserve_exact((*last).clamp(1, CREDIT_CHUNK));
        }
        submissions.push(submission);
        Ok(())
    }

    /// Notes a refusal for the journal of attempts.
    pub(crate) fn note(&mut self, about: Option<About>, cause: Cause) {
        if !self.shared.attempts.are_wanted() {
            return;
        }
        self.refused.extend(about.map(|about| about.refused(cause)));
        if self.refused.len() >= ATTEMPTS_PER_PORT {
            self.shared.attempts.note(std::mem::take(&mut self.refused));
        }
    }

    fn take_credit(&mut self) -> Result<(), Refusal> {
        if self.under_way == self.credit {
            return Err(Refusal::ConnectionCredit(self.credit));
        }
        if self.reserve == 0 {
            self.fill_reserve()?;
        }
        self.reserve -= 1;
        self.under_way += 1;
        Ok(())
    }

    /// The phase is looked at once for a chunk, and after the credit was taken: an engine that is closing waits for all
    /// credit, so either it sees ours and finishes what we send, or we see that it is closing.
    fn fill_reserve(&mut self) -> Result<(), Refusal> {
        let taken = self.pool().take(CREDIT_CHUNK.min(self.credit - self.under_way));
        let refusal = match self.shared.phase() {
            Phase::Ready if taken > 0 => {
                self.reserve = taken;
                return Ok(());
            }
            Phase::Ready => Refusal::ProcessCredit(self.pool().total()),
            Phase::Loading => Refusal::Loading,
            Phase::Closing => Refusal::Closing,
            Phase::Failed => Refusal::Failed,
        };
        self.pool().give(taken);
        Err(refusal)
    }

    fn pool(&self) -> &Credit {
        self.shared.pool(self.answer_to.pool)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Sends what was pushed: one message for each shard.
    pub fn flush(&mut self) {
        for Pending { shard, submissions, last } in &mut self.pending {
            if submissions.is_empty() {
                continue;
            }
            *last = submissions.len();
            // Nothing is kept between two batches: an idle connection holds no buffers.
            let batch = Batch { submissions: std::mem::take(submissions), answer_to: self.answer_to.clone() };
            self.shared.send(*shard, batch);
        }
        let unused = std::mem::take(&mut self.reserve);
        self.pool().give(unused);
        // Only now: the commands that carry it are in the mailboxes.
        if let Some(received) = self.received.take() {
            self.shared.stamps.leave(received);
        }
        self.shared.attempts.note(std::mem::take(&mut self.refused));
    }

    /// The next answers. `None` never happens while the port lives.
    ///
    /// Cancel safe: nothing is lost when the future is dropped.
    pub async fn answers(&mut self) -> Option<Answers> {
        let answers = self.receiver.recv().await?;
        self.under_way -= answers.replies.len();
        Some(answers)
    }

    /// As [`answers`](Self::answers), for callers that can't hold the port across a wait.
    pub fn poll_answers(&mut self, context: &mut Context<'_>) -> Poll<Option<Answers>> {
        let answers = ready!(self.receiver.poll_recv(context));
        self.under_way -= answers.as_ref().map_or(0, |answers| answers.replies.len());
        Poll::Ready(answers)
    }

    /// Further answers that are there already.
    pub fn try_answers(&mut self) -> Option<Answers> {
        let answers = self.receiver.try_recv().ok()?;
        self.under_way -= answers.replies.len();
        Some(answers)
    }

    /// Counts so many answers, given then, as written now.
    pub fn delivered(&self, given_at: Timestamp, answers: usize) {
        stages::count(&self.shared.stats.stages.reply, given_at, self.shared.clock.now(), answers);
    }

    /// Commands that may be under way through this port.
    #[must_use]
    pub fn credit(&self) -> usize {
        self.credit
    }

    /// Commands pushed whose answers were not taken yet.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.under_way
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.shared.attempts.note(std::mem::take(&mut self.refused));
        // What was pushed and never flushed was never sent: its credit goes back with the reserve.
        let mut unsent = 0;
        for Pending { shard, submissions, .. } in &self.pending {
            unsent += submissions.len();
            for submission in submissions {
                if let Some(id) = submission.task.open_id() {
                    self.shared.routing.decided(id, *shard, false);
                }
            }
        }
        self.pool().give(self.reserve + unsent);
        if let Some(received) = self.received.take() {
            self.shared.stamps.leave(received);
        }
    }
}
