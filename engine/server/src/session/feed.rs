//! The shards that a connection follows.
//!
//! Each is a small task that waits until its shard has more, then for room in one short queue of the connection, and only then
//! reads. So a follower that does not read holds a few frames in all, and the shards that it follows wait for it one
//! by one; nobody else does.

use super::limits::{FOLLOWERS_MAX, FRAMES_WAITING, HEARTBEAT_MS};
use gavel_core::{ConsumerName, Position, ShardId};
use gavel_engine::{Attached, Follow, FollowError, Handle, TakenOver, Ticket, TooManyConsumers};
use gavel_log::Frame;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Interval, MissedTickBehavior};

/// A connection's followed shards.
pub(crate) struct Feed {
    followed: BTreeMap<ShardId, Followed>,
    sender: mpsc::Sender<FeedEvent>,
    receiver: mpsc::Receiver<FeedEvent>,
    heartbeat: Interval,
    _place: Place,
}

struct Followed {
    task: AbortHandle,
    /// There once the start was answered, for a consumer with a name.
    attached: Option<Attached>,
    /// The last record that was sent; where it began, before any was. `None` until the start was answered.
    sent: Option<Position>,
}

/// What happens to a followed shard.
pub(crate) enum FeedEvent {
    /// It is followed now, or can't be. The answer to the command with this ticket.
    Started(Ticket, ShardId, Result<Started, StartError>),
    /// The next frames.
    Frames(ShardId, Vec<Frame>),
    /// Nothing more of it comes.
    Ended(ShardId, FollowError),
    /// It is time for a sign of life.
    Heartbeat,
}

/// A shard that is followed from here on.
pub(crate) struct Started {
    after: Position,
    attached: Option<Attached>,
}

/// Why a shard is not followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The engine can't.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// One more name is too many.
    #[error(transparent)]
    Name(#[from] TooManyConsumers),
}

/// Why a cursor was not moved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AckError {
    /// Not followed at all.
    #[error("shard {0} is not followed on this connection: FOLLOW it first")]
    NotFollowed(ShardId),
    /// Followed by nobody in particular.
    #[error("shard {0} is followed without a name, so there is no cursor to move: FOLLOW with NAME")]
    NoName(ShardId),
    /// Acknowledged before it was sent.
    #[error("{position} was not sent yet: the last record that was is {sent}")]
    NotSent {
        /// What was acknowledged.
        position: Position,
        /// What was sent.
        sent: Position,
    },
    /// It is another connection's now.
    #[error(transparent)]
    TakenOver(#[from] TakenOver),
}

/// One of the connections that may follow; counted until dropped.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Feed {
    /// Nothing is followed yet. `None` when too many connections follow; `all` counts them.
    pub(crate) fn new(all: &Arc<AtomicUsize>) -> Option<Self> {
        let place = Place(Arc::clone(all));
        if all.fetch_add(1, Ordering::AcqRel) >= FOLLOWERS_MAX {
            return None;
        }
        let (sender, receiver) = mpsc::channel(FRAMES_WAITING);
        let mut heartbeat = tokio::time::interval(Duration::from_millis(HEARTBEAT_MS));
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Some(Self { followed: BTreeMap::new(), sender, receiver, heartbeat, _place: place })
    }

    /// True while the shard is followed, or about to be.
    pub(crate) fn has(&self, shard: ShardId) -> bool {
        self.followed.contains_key(&shard)
    }

    /// True when nothing is followed.
    pub(crate) fn is_empty(&self) -> bool {
        self.followed.is_empty()
    }

    /// Begins to follow a shard. The first event of it answers the command with this ticket.
    pub(crate) fn follow(
        &mut self,
        engine: Handle,
        ticket: Ticket,
        after: Position,
        name: Option<ConsumerName>,
    ) {
        let task = tokio::spawn(run(engine, ticket, after, name, self.sender.clone())).abort_handle();
        self.followed.insert(after.shard, Followed { task, attached: None, sent: None });
    }

    /// The next event. Cancel safe.
    pub(crate) async fn next(&mut self) -> FeedEvent {
        tokio::select! {
            // The feed holds a sender itself, so there is always another event to wait for.
            Some(event) = self.receiver.recv() => event,
            _ = self.heartbeat.tick() => FeedEvent::Heartbeat,
        }
    }

    /// Takes note of what became of a start.
    pub(crate) fn started(&mut self, shard: ShardId, started: Started) {
        if let Some(followed) = self.followed.get_mut(&shard) {
            let Started { after, attached } = started;
            (followed.sent, followed.attached) = (Some(after), attached);
        }
    }

    /// Takes note of what is being sent.
    pub(crate) fn sent(&mut self, shard: ShardId, frame: &Frame) {
        if let Some(followed) = self.followed.get_mut(&shard) {
            followed.sent = Some(Position { shard, epoch: frame.epoch(), lsn: frame.last() });
        }
    }

    /// Follows the shard no longer. What is under way of it may still come; [`Self::has`] tells.
    pub(crate) fn end(&mut self, shard: ShardId) {
        self.followed.remove(&shard);
    }

    /// The shards that are being sent.
    pub(crate) fn shards(&self) -> Vec<ShardId> {
        self.followed
            .iter()
            .filter(|(_, followed)| followed.sent.is_some())
            .map(|(shard, _)| *shard)
            .collect()
    }

    /// True when another connection has taken the consumer's cursor in this shard over.
    pub(crate) fn is_taken_over(&self, shard: ShardId) -> bool {
        let attached = self.followed.get(&shard).and_then(|followed| followed.attached.as_ref());
        attached.is_some_and(|attached| !attached.is_current())
    }

    /// Moves the consumer's cursor.
    pub(crate) fn acknowledge(&self, position: Position) -> Result<(), AckError> {
        let shard = position.shard;
        let followed = self.followed.get(&shard);
        let (followed, sent) = followed
            .and_then(|followed| Some((followed, followed.sent?)))
            .ok_or(AckError::NotFollowed(shard))?;
        let attached = followed.attached.as_ref().ok_or(AckError::NoName(shard))?;
        if position.lsn > sent.lsn {
            return Err(AckError::NotSent { position, sent });
        }
        Ok(attached.acknowledge(position.into())?)
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Follows one shard until the connection does not want it any more, or nothing more can come.
async fn run(
    engine: Handle,
    ticket: Ticket,
    after: Position,
    name: Option<ConsumerName>,
    events: mpsc::Sender<FeedEvent>,
) {
    let shard = after.shard;
    let (mut follow, started) = match start(&engine, after, name).await {
        Ok((follow, started)) => (Some(follow), Ok(started)),
        Err(error) => (None, Err(error)),
    };
    // A connection that is gone takes no events; then there is nobody to follow for.
    if events.send(FeedEvent::Started(ticket, shard, started)).await.is_err() {
        return;
    }
    while let Some(following) = &mut follow {
        let ready = following.ready().await;
        let Ok(room) = events.reserve().await else { return };
        let next = match ready {
            Ok(()) => following.next().await,
            Err(error) => Err(error),
        };
        room.send(match next {
            Ok(frames) => FeedEvent::Frames(shard, frames),
            Err(error) => {
                follow = None;
                FeedEvent::Ended(shard, error)
            }
        });
    }
}

async fn start(
    engine: &Handle,
    after: Position,
    name: Option<ConsumerName>,
) -> Result<(Follow, Started), StartError> {
    let follow = engine.follow(after).await?;
    let attached = name.map(|name| engine.attach(name, after)).transpose()?;
    Ok((follow, Started { after, attached }))
}
