//! Whether a follower may go on where it says it is: the log must be the one that it has read so far.

use crate::engine::{Phase, Shared};
use crate::ring::Look;
use gavel_core::{Epoch, Lsn, Position, ShardId};
use gavel_log::{Chain, ChainError, Frame, LogReader, ReadCause, ReadError, Tip};
use std::sync::Arc;

/// Why a shard can't be followed (any further).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// The log is still being read.
    #[error("the engine is reading its log; try again shortly")]
    Loading,
    /// The engine is stopping, or its log has failed.
    #[error("the engine has stopped; follow again from the last position when it is back")]
    Stopped,
    /// There is no such shard.
    #[error("there is no shard {0}; SHARDS lists them")]
    NoShard(ShardId),
    /// The follower has records that this log does not have.
    #[error(
        "{has} is ahead of this log, which ends at {end}: what was followed is not this log's history; \
         build anew from START, or from a backup of this log"
    )]
    Ahead {
        /// Where the follower is.
        has: Position,
        /// Where the log ends.
        end: Position,
    },
    /// The follower has another record at its position than this log.
    #[error(
        "{has} is not in this log, whose record {} was written in epoch {}: what was followed is not this log's history; \
         build anew from START, or from a backup of this log",
        has.lsn.0, found.0
    )]
    Diverged {
        /// Where the follower is.
        has: Position,
        /// The generation that wrote this log's record of that number.
        found: Epoch,
    },
    /// What comes next is older than the archive.
    #[error(
        "the records after {has} are gone: log and archive of shard {} begin with Lsn {}; \
         restore a backup, or build anew and follow from Lsn {} on",
        has.shard, oldest.0, oldest.0.saturating_sub(1)
    )]
    Gone {
        /// Where the follower is.
        has: Position,
        /// The first record that there still is.
        oldest: Lsn,
    },
    /// The log can't be read there.
    #[error("the log can't be read: {0}")]
    Read(ReadError),
    /// What was read is no continuation. A defect.
    #[error("the log is broken: {0}; this is a defect")]
    Broken(ChainError),
}

impl FollowError {
    /// What a failed read means for a follower that is here.
    pub(super) fn read(has: Position, error: ReadError) -> Self {
        match error.cause {
            ReadCause::Gone { oldest } => Self::Gone { has, oldest },
            _ => Self::Read(error),
        }
    }
}

/// Checks a follower's position. Gives the chain to go on with, where the position is a frame's end.
pub(super) async fn check(shared: &Arc<Shared>, after: Position) -> Result<Option<Chain>, FollowError> {
    match shared.phase() {
        Phase::Loading => return Err(FollowError::Loading),
        Phase::Closing | Phase::Failed => return Err(FollowError::Stopped),
        Phase::Ready => {}
    }
    let tip = shared.feed.rings.tip(after.shard);
    if tip.lsn == Lsn(0) {
        return Err(FollowError::NoShard(after.shard));
    }
    if after.lsn > tip.lsn {
        let end = Position { shard: after.shard, epoch: tip.epoch, lsn: tip.lsn };
        return Err(FollowError::Ahead { has: after, end });
    }
    if after.lsn == tip.lsn {
        return continues(after, tip);
    }
    // Whoever begins at the start holds nothing that could differ; but what comes next must be there.
    let holds = if after.lsn == Lsn(0) { Lsn(1) } else { after.lsn };
    let frame = match frame_holding(shared, after, holds).await {
        // What it has is gone, but all that it needs is there. Nothing is left to compare it with.
        Err(FollowError::Gone { oldest, .. }) if oldest == after.lsn.next() => return Ok(None),
        frame => frame?,
    };
    if after.lsn == Lsn(0) {
        return Ok(Some(Chain::new(after.shard, Tip::default())));
    }
    if frame.last() == after.lsn {
        return continues(after, Tip::of(&frame));
    }
    same_epoch(after, frame.epoch()).map(|()| None)
}

fn continues(after: Position, tip: Tip) -> Result<Option<Chain>, FollowError> {
    same_epoch(after, tip.epoch).map(|()| Some(Chain::new(after.shard, tip)))
}

fn same_epoch(has: Position, found: Epoch) -> Result<(), FollowError> {
    if has.epoch == found { Ok(()) } else { Err(FollowError::Diverged { has, found }) }
}

/// The frame that holds a durable record.
async fn frame_holding(shared: &Arc<Shared>, has: Position, lsn: Lsn) -> Result<Frame, FollowError> {
    let before = Lsn(lsn.0 - 1);
    if let Look::Frames(frames) = shared.feed.rings.after(has.shard, before, 1)
        && let Some(frame) = frames.into_iter().next()
    {
        return Ok(frame);
    }
    let reader = shared.feed.reader().ok_or(FollowError::Stopped)?;
    let _permit = shared.feed.reading.acquire().await;
    let read = tokio::task::spawn_blocking(move || first(&*reader, has.shard, lsn)).await;
    read.map_err(|_| FollowError::Stopped)?.map_err(|error| FollowError::read(has, error))
}

fn first(reader: &dyn LogReader, shard: ShardId, lsn: Lsn) -> Result<Frame, ReadError> {
    let missing =
        || ReadError { shard, at: lsn, cause: ReadCause::Missing { durable: reader.durable(shard) } };
    reader.read_from(shard, lsn).next().unwrap_or_else(|| Err(missing()))
}
