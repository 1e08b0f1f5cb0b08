//! How long bids, maxima and events are kept: by the opening day of their auctions, whole days at a time.
//!
//! ```text
//! all auctions of the day final, the last of them `keep` ago ─▶ lock against writers ─▶ look again ─▶ try to detach, and take it back ─▶
//! export, synced, read back, counted ─▶ detach and drop, remember what went ─▶ commit
//! ```
//!
//! Invariants:
//! - A day goes by its partitions being dropped, all three in one transaction. No row is ever deleted by itself.
//! - A day with an auction that is not final stays, however old it is, and it is said which auction holds it.
//! - A day that is exported is dropped only after its files were synced, read back, and found to hold as many rows as the tables.
//! - A day that could not be dropped in the end leaves no export behind: the next try makes another.
//! - Whoever reads waits for a drop for [`DROP_LOCK_MAX`](crate::limits::DROP_LOCK_MAX) at a time at most; where that does not do, the day goes another time.
//!
//! ## Writing to a day that is gone
//!
//! Nothing happens to a final auction, so what is written to a day after it was dropped is of auctions that the database did not know
//! then: of a shard that is being caught up, or filled anew. Its partitions are made again (`ensure_day`) and hold these auctions alone, until
//! they are dropped by the same rule. A flusher that was in the middle of a batch finds its partition missing, has it made, and tries
//! the batch again. So nothing is refused, parked or lost; the table `dropped` says which auctions' rows went, and which came later. So
//! that this stays rare, a day also stays while a shard is being caught up from before the time at which the day could go.

mod drop;
mod export;
mod partitions;
mod service;

pub use export::{ExportError, Exported, Table};
pub use partitions::{Hold, Partition, Size, partitions};
pub use service::{DatabaseKept, Keeper, Kept};

use crate::error::said;
use gavel_core::{Duration, Timestamp};
use std::path::PathBuf;
use tokio_postgres::Client;

/// What is kept, and what becomes of the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long a day is kept after its last auction is final.
    pub keep: Duration,
    /// Where dropped days are copied to before they go; `None`: nowhere.
    pub export: Option<PathBuf>,
}

/// A day that was dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The day, as `2026-11-22`.
    pub day: String,
    /// Rows of all three tables.
    pub rows: u64,
    /// What was written before, where something was.
    pub exported: Option<Exported>,
}

/// What one look came to.
#[derive(Debug, Default)]
pub struct Pass {
    /// Days that were dropped.
    pub dropped: Vec<Dropped>,
    /// Days that are older than is kept, and stay.
    pub held: Vec<Partition>,
    /// Days that could not be dropped just now: somebody has read or written them all the time.
    pub busy: Vec<String>,
}

/// Why days could not be dropped. Those before were; of this one, nothing was.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// PostgreSQL refuses, or its connection failed.
    #[error("{}", said(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// Its rows can't be written into files.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Somebody else is at it.
    #[error("another gavel drops partitions of this database just now")]
    Elsewhere,
}

/// Drops the days that may go by now.
///
/// # Errors
/// PostgreSQL refuses, or an export fails. What was dropped before stays dropped.
pub async fn run(client: &mut Client, policy: &Policy, now: Timestamp) -> Result<Pass, RetentionError> {
    let lock = "SELECT pg_try_advisory_lock(hashtextextended('gavel.retention', 0))";
    if !client.query_one(lock, &[]).await?.try_get::<_, bool>(0)? {
        return Err(RetentionError::Elsewhere);
    }
    let pass = run_alone(client, policy, now).await;
    let unlock = "SELECT pg_advisory_unlock(hashtextextended('gavel.retention', 0))";
    let unlocked = client.batch_execute(unlock).await;
    // What went wrong first says more: a connection that was lost can't be unlocked either.
    let pass = pass?;
    unlocked?;
    Ok(pass)
}

async fn run_alone(client: &mut Client, policy: &Policy, now: Timestamp) -> Result<Pass, RetentionError> {
    let mut pass = Pass::default();
    for partition in partitions(client, policy.keep, now, Size::Estimated).await? {
        match partition.hold {
            Hold::Until(_) => {}
            Hold::Unfinished { .. } | Hold::CatchingUp(_) => {
                if partition.is_old(policy.keep, now) {
                    pass.held.push(partition);
                }
            }
            Hold::Free => match drop::drop_day(client, &partition, policy).await? {
                drop::Outcome::Dropped(dropped) => pass.dropped.push(dropped),
                drop::Outcome::Busy => pass.busy.push(partition.day),
                drop::Outcome::Changed => {}
            },
        }
    }
    Ok(pass)
}
