//! Where a consumer's records come from: a shard's durable frames, in order, from any position on.
//!
//! Two kinds of source serve: following the engine in its process, and the feed. Both hand out what lies in memory where the consumer is
//! close, and read log and archive where it is behind; so a consumer that is behind keeps nothing itself.

mod records;
mod report;

pub use records::{Records, Unreadable};
pub use report::{LaneReport, LaneState};

use gavel_core::{LogId, Lsn, Position, ShardId};
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

    /// Which log it is; `None` where it is one that was made by an earlier version and does not say.
    ///
    /// # Errors
    /// The log can't be asked just now.
    fn log(&self) -> impl Future<Output = Result<Option<LogId>, SourceError>>;

    /// Follows a shard from the record after this position on; [`Position::start`] for all of it. `log` is what [`Self::log`] has said.
    ///
    /// # Errors
    /// The log is not there just now, is not that one any more, or is not the one that was read up to this position.
    fn follow(
        &self,
        after: Position,
        log: Option<LogId>,
    ) -> impl Future<Output = Result<Self::Follow, SourceError>>;
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

/// Takes what is there behind the cursor, up to about so many records and bytes: one read of the log more may be in it.
///
/// # Errors
/// Nothing comes any more.
pub async fn gather(
    follow: &mut impl Follow,
    records: &mut Records,
    cursor: Position,
    (records_max, bytes_max): (usize, usize),
) -> Result<(), SourceError> {
    loop {
        follow.take(records).await?;
        records.skip_to(cursor.lsn);
        let is_full = records.len() >= records_max || records.bytes() >= bytes_max;
        if is_full || follow.position().lsn >= follow.durable() {
            return Ok(());
        }
    }
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
