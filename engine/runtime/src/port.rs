//! A port: one connection's way into the engine. It takes credit, groups commands by shard, sends, and hears the answers.
//!
//! Invariants:
//! - Whatever was pushed and not refused is answered exactly once.
//! - A pushed command holds one credit of the process until it is answered and one of the port until the answer is taken, so the
//!   answer queue (as long as the port's credit) is never full.
//! - Nothing here waits but [`Port::answers`].

use crate::engine::{Phase, Shared};
use crate::limits::CREDIT_CHUNK;
use crate::message::{Answers, Batch, Submission, Task, Ticket};
use gavel_core::{ShardId, Timestamp};
use std::sync::Arc;
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
    pending: Vec<(ShardId, Vec<Submission>)>,
    /// Process credit taken and not yet used.
    reserve: usize,
    /// Commands pushed whose answers were not taken yet.
    under_way: usize,
    credit: usize,
    sender: mpsc::Sender<Answers>,
    receiver: mpsc::Receiver<Answers>,
}

impl Port {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let credit = shared.connection_credit;
        let (sender, receiver) = mpsc::channel(credit);
        Self { shared, pending: Vec::new(), reserve: 0, under_way: 0, credit, sender, receiver }
    }

    /// Takes a command on. It goes out with the next [`flush`](Self::flush).
    ///
    /// # Errors
    /// Refuses at once when there is no credit or the engine takes no commands now.
    pub fn push(
        &mut self,
        ticket: Ticket,
        shard: ShardId,
        received: Timestamp,
        task: Task,
    ) -> Result<(), Refusal> {
        self.take_credit()?;
        let submission = Submission { ticket, received, task };
        match self.pending.iter_mut().find(|(id, _)| *id == shard) {
            Some((_, submissions)) => submissions.push(submission),
            None => self.pending.push((shard, vec![submission])),
        }
        Ok(())
    }

    fn take_credit(&mut self) -> Result<(), Refusal> {
        if self.is_full() {
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
        let taken = self.shared.credit.take(CREDIT_CHUNK.min(self.credit - self.under_way));
        let refusal = match self.shared.phase() {
            Phase::Ready if taken > 0 => {
                self.reserve = taken;
                return Ok(());
            }
            Phase::Ready => Refusal::ProcessCredit(self.shared.credit.total()),
            Phase::Loading => Refusal::Loading,
            Phase::Closing => Refusal::Closing,
            Phase::Failed => Refusal::Failed,
        };
        self.shared.credit.give(taken);
        Err(refusal)
    }

    /// True when the connection has as many commands under way as it may.
    pub(crate) fn is_full(&self) -> bool {
        self.under_way == self.credit
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Sends what was pushed: one message for each shard.
    pub fn flush(&mut self) {
        for (shard, submissions) in &mut self.pending {
            if submissions.is_empty() {
                continue;
            }
            let room = submissions.len();
            let batch = Batch { submissions: std::mem::take(submissions), answer_to: self.sender.clone() };
            // A port that pipelines will do so again: the next batch is likely as long as this one.
            submissions.reserve(room.min(CREDIT_CHUNK));
            self.shared.send(*shard, batch);
        }
        self.shared.credit.give(std::mem::take(&mut self.reserve));
    }

    /// The next answers. `None` never happens while the port lives; `pending` is what a caller waits on.
    ///
    /// Cancel safe: nothing is lost when the future is dropped.
    pub async fn answers(&mut self) -> Option<Answers> {
        let answers = self.receiver.recv().await?;
        self.under_way -= answers.0.len();
        Some(answers)
    }

    /// Further answers that are there already.
    pub fn try_answers(&mut self) -> Option<Answers> {
        let answers = self.receiver.try_recv().ok()?;
        self.under_way -= answers.0.len();
        Some(answers)
    }

    /// Commands pushed whose answers were not taken yet.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.under_way
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // What was pushed and never flushed was never sent: its credit goes back with the reserve.
        let mut unsent = 0;
        for (shard, submissions) in &self.pending {
            unsent += submissions.len();
            for submission in submissions {
                if let Some(id) = submission.task.open_id() {
                    self.shared.routing.decided(id, *shard, false);
                }
            }
        }
        self.shared.credit.give(self.reserve + unsent);
    }
}
