//! One day goes: exported first, where that is wanted, then detached and dropped, in one transaction.

use super::export::{Exported, export};
use super::partitions::{Partition, count};
use super::{Dropped, Policy, RetentionError};
use crate::limits::{DROP_LOCK_MAX, DROP_TRIES_MAX};
use std::time::Duration;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, Transaction};

/// What became of a day.
pub(super) enum Outcome {
    /// It is gone.
    Dropped(Dropped),
    /// Its tables were in use all the time.
    Busy,
    /// It holds an auction that is not final, which has come in meanwhile; or it is gone already.
    Changed,
}

/// Drops a day. Its tables can be read until the last moment; nobody writes to them meanwhile.
pub(super) async fn drop_day(
    client: &mut Client,
    partition: &Partition,
    policy: &Policy,
) -> Result<Outcome, RetentionError> {
    let transaction = client.transaction().await?;
    match lock(&transaction, partition).await {
        Err(error) if is_in_use(&error) => return Ok(Outcome::Busy),
        locked => locked?,
    }
    // What was written before the lock is seen by now, and nothing is written after it.
    if is_unfinished(&transaction, partition).await? {
        return Ok(Outcome::Changed);
    }
    let rows = count(&transaction, partition).await?;
    let all = rows.iter().sum();
    let exported = match &policy.export {
        Some(_) if !is_droppable(&transaction, partition).await? => return Ok(Outcome::Busy),
        Some(dir) => Some(Unneeded::until_dropped(export(&transaction, partition, rows, dir).await?)),
        None => None,
    };
    if !detach(&transaction, partition, all, exported.as_ref().map(|unneeded| &unneeded.exported)).await? {
        return Ok(Outcome::Busy);
    }
    // From here on the rows may be gone, whatever is heard of it.
    let exported = exported.map(Unneeded::keep);
    transaction.commit().await?;
    Ok(Outcome::Dropped(Dropped { day: partition.day.clone(), rows: all, exported }))
}

/// A copy of a day that has not been dropped. It is removed, as the next try makes another.
struct Unneeded {
    exported: Exported,
    is_kept: bool,
}

impl Unneeded {
    const fn until_dropped(exported: Exported) -> Self {
        Self { exported, is_kept: false }
    }

    /// It is needed now.
    fn keep(mut self) -> Exported {
        self.is_kept = true;
        self.exported.clone()
    }
}

impl Drop for Unneeded {
    fn drop(&mut self) {
        let dir = &self.exported.dir;
        if !self.is_kept
            && let Err(error) = std::fs::remove_dir_all(dir)
        {
            let dir = dir.display();
            tracing::warn!("{dir}: the copy of a day that was not dropped can't be removed: {error}");
        }
    }
}

/// Drops the day and takes that back: an export is only worth its while where the tables could go just now.
async fn is_droppable(transaction: &Transaction<'_>, partition: &Partition) -> Result<bool, Error> {
    transaction.batch_execute("SAVEPOINT whole").await?;
    let is_droppable = detach(transaction, partition, 0, None).await?;
    transaction.batch_execute("ROLLBACK TO SAVEPOINT whole").await?;
    Ok(is_droppable)
}

/// Locks a day's tables against writers. Readers go on.
async fn lock(transaction: &Transaction<'_>, partition: &Partition) -> Result<(), Error> {
    let wait = DROP_LOCK_MAX.as_millis();
    // An export reads back what it has written, while nothing is asked of PostgreSQL.
    let settings = format!(
        "SET LOCAL lock_timeout = {wait}; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0"
    );
    transaction.batch_execute(&settings).await?;
    transaction.execute("SELECT lock_day($1::text::date)", &[&partition.day]).await.map(drop)
}

async fn is_unfinished(transaction: &Transaction<'_>, partition: &Partition) -> Result<bool, Error> {
    let ask = "
        SELECT EXISTS (SELECT FROM auctions WHERE final_at IS NULL
            AND auction >= first_auction($1::text::date) AND auction <= first_auction($1::text::date) + 281474976710655)";
    transaction.query_one(ask, &[&partition.day]).await?.try_get(0)
}

/// Detaches and drops the three tables; false where that would have meant to wait for too long.
async fn detach(
    transaction: &Transaction<'_>,
    partition: &Partition,
    rows: u64,
    exported: Option<&Exported>,
) -> Result<bool, Error> {
    let (rows, to) = (rows.cast_signed(), exported.map(|exported| exported.dir.display().to_string()));
    for tried in 1..=DROP_TRIES_MAX {
        transaction.batch_execute("SAVEPOINT attached").await?;
        let drop_day = "SELECT drop_day($1::text::date, $2, $3)";
        match transaction.execute(drop_day, &[&partition.day, &rows, &to]).await {
            Ok(_) => return Ok(true),
            Err(error) if is_in_use(&error) => {
                transaction.batch_execute("ROLLBACK TO SAVEPOINT attached").await?;
                if tried < DROP_TRIES_MAX {
                    tokio::time::sleep(Duration::from_millis(100) * tried).await;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// Somebody else has the lock.
fn is_in_use(error: &Error) -> bool {
    let code = error.code();
    code == Some(&SqlState::LOCK_NOT_AVAILABLE) || code == Some(&SqlState::T_R_DEADLOCK_DETECTED)
}
