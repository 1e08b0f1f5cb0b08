//! Where a consumer's records come from: a shard's durable frames, in order, from any position on.
//!
//! Two kinds of source serve: following the engine in its process, and the feed. Both hand out what lies in memory where the consumer is
//! close, and read log and archive where it is behind; so a consumer that is behind keeps nothing itself.

mod records;

pub use records::{Records, Unreadable};

use gavel_core::{Lsn, Position, ShardId};
use std::future::Future;

/// All shards of a log. Its futures stay on the consumer's thread.
pub trait Source: Clone + 'static {
    /// One shard, being followed.
    type Follow: Follow;

    /// The shards that there are, each with its durable end.
    ///
    /// # Errors
    /// The log can't be asked just now.
    fn shards(&self) -> impl Future<Output = Result<Vec<(ShardId, Lsn)>, SourceError>>;

    /// Follows a shard from the record after this position on; [`Position::start`] for all of it.
    ///
    /// # Errors
    /// The log is not there just now, or is not the one that was read up to this position.
    fn follow(&self, after: Position) -> impl Future<Output = Result<Self::Follow, SourceError>>;
}

/// One shard from a position on.
pub trait Follow: 'static {
    /// Waits until there is more, and takes no memory for it beyond one frame. Cancel safe.
    ///
    /// # Errors
    /// Nothing comes any more.
    fn ready(&mut self) -> impl Future<Output = Result<(), SourceError>>;

    /// Appends the next frames' records: at least one, and about a mebibyte at most. Records before the position may be among them.
    ///
    /// # Errors
    /// Nothing comes any more.
    fn take(&mut self, into: &mut Records) -> impl Future<Output = Result<(), SourceError>>;

    /// The shard's durable end, as far as it is known.
    fn durable(&self) -> Lsn;

    /// The last record that was handed out.
    fn position(&self) -> Position;

    /// Says that all records up to this one are taken in for good.
    fn acknowledge(&mut self, done: Position);
}

/// Why a shard can't be followed (any further).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Not now; later it may.
    #[error("{0}")]
    Unavailable(String),
    /// The log does not go on from there: what comes next is gone, or it is another log.
    #[error("{0}")]
    Unfit(String),
    /// The log is being closed.
    #[error("the log is being closed")]
    Stopped,
}
