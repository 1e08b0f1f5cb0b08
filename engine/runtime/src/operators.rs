//! What concerns all shards at once: bans of wider scope, and placement. Done one at a time, with credit of its own.

use crate::engine::Phase;
use crate::message::{Reply, ShardWork, Ticket, WideBan, Work};
use crate::port::{Port, Refusal};
use crate::router::{Handle, ShardReport};
use crate::shard::{Book, Inspect, ListBans};
use gavel_core::placement::{Placement, PlacementChange, PlacementError};
use gavel_core::rejection::Missing;
use gavel_core::{Position, Rejection, ShardId, Timestamp};
use std::sync::{Arc, OnceLock};

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
    /// Each running shard in a few words, one inspection at a time. A shard decides nothing while it computes its digest, which
    /// takes about 0.2 s for a million bids: for operators and tests, not for pages.
    pub async fn inspect(&self) -> Vec<ShardReport> {
        let _alone = self.shared().routing.inspecting.lock().await;
        let mut reports = Vec::new();
        for address in self.shared().shards.iter().filter_map(OnceLock::get) {
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
        let _alone = self.shared().routing.admin.lock().await;
        // No shard runs yet that could be asked: the answer of none would look like a refusal by the rules.
        if self.phase() == Phase::Loading {
            return Err(Refusal::Loading);
        }
        let shards = (0..=u8::MAX).map(ShardId);
        let running = shards.filter(|shard| self.shared().shards[usize::from(shard.0)].get().is_some());
        let replies =
            self.ask(running.map(|shard| ShardWork { shard, work: Work::Ban(ban) }).collect()).await?;
        Ok(agree(&replies))
    }

    /// Changes shards or policy. When it returns, it is logged and in force.
    ///
    /// # Errors
    /// The change does not fit, or it could not be logged.
    pub async fn change_placement(&self, change: PlacementChange) -> Result<Position, ChangeError> {
        let _alone = self.shared().routing.admin.lock().await;
        self.change_alone(change).await
    }

    /// Takes the drain of a shard back: new auctions are placed there again. When it returns, it is logged and in force.
    ///
    /// # Errors
    /// The shard is not being drained, or it could not be logged.
    pub async fn undrain(&self, shard: ShardId) -> Result<Position, ChangeError> {
        // Judged under the lock, so that a drain that was answered before is seen, and none can come in between.
        let _alone = self.shared().routing.admin.lock().await;
        let change = self.known_placement()?.undrain(shard)?;
        self.change_alone(change).await
    }

    /// The placement to judge a change by: what stands there before the log is read knows no shards but the first.
    fn known_placement(&self) -> Result<Arc<Placement>, Refusal> {
        if self.phase() == Phase::Loading { Err(Refusal::Loading) } else { Ok(self.placement()) }
    }

    /// Changes shards or policy; the caller holds the lock.
    async fn change_alone(&self, change: PlacementChange) -> Result<Position, ChangeError> {
        let now = self.shared().clock.now();
        self.known_placement()?.validate(&change, now)?;
        if let PlacementChange::ShardAdded(shard) = &change {
            self.start_shard(*shard, now).await?;
        }
        // The log thread puts it in force, so that it is whether or not anybody waits here for the answer.
        let work = Work::Placement(Box::new(change));
        match self.ask(vec![ShardWork { shard: ShardId(0), work }]).await?.into_iter().next() {
            Some(Reply::Done(Some(position))) => Ok(position),
            Some(Reply::Rejected(rejection)) => Err(ChangeError::Rejected(rejection)),
            _ => Err(ChangeError::Refused(Refusal::Failed)),
        }
    }

    /// Starts a shard that does not run yet, with the bans that are in force everywhere.
    async fn start_shard(&self, shard: ShardId, now: Timestamp) -> Result<(), Refusal> {
        if self.shared().shards[usize::from(shard.0)].get().is_some() {
            return Ok(());
        }
        let epoch = self.epoch().ok_or(Refusal::Loading)?;
        let first = self.shared().shards[0].get().ok_or(Refusal::Loading)?;
        let bans = first.send(ListBans).await.map_err(|_| Refusal::Closing)?;
        let mut book = Book::new(shard, self.shared().retire_after);
        book.start_epoch(epoch, now, None);
        book.take_bans_over(&bans, now);
        self.shared().start_shard(book).map_err(|_| Refusal::Closing)
    }

    /// Asks shards, and waits until all answers are durable. In the order asked; each shard at most once.
    async fn ask(&self, questions: Vec<ShardWork>) -> Result<Vec<Reply>, Refusal> {
        let mut port = Port::for_operators(Arc::clone(self.shared()));
        let mut replies: Vec<Option<Reply>> = questions.iter().map(|_| None).collect();
        for (index, question) in questions.into_iter().enumerate() {
            port.push(Ticket(index as u64), self.now(), question)?;
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
            for (ticket, reply) in answers.ok_or(Refusal::Failed)?.replies {
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
