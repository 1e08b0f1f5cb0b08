//! Where a shard stands in a database, and of which log its rows were made.
//!
//! Positions alone do not tell one log from another: each begins with Lsn 1 of epoch 1. So a database keeps with each shard's cursor which log
//! it is, and nothing is written to it of any other: by the flusher, when a database is filled, and when records are delivered again. (A
//! retry takes nothing from a log: what it takes in was parked with the cursor.)

use crate::write::number;
use gavel_core::{Epoch, LogId, Lsn, Position, ShardId};
use tokio_postgres::{Error, GenericClient, Row};
use uuid::Uuid;

/// A shard's cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The last record that was taken in.
    pub position: Position,
    /// The log that it is a record of; `None` where the rows were written before it was noted, and until something is.
    pub log: Option<LogId>,
    /// True once the shard was given to another database on purpose.
    pub is_released: bool,
}

/// Rows that were made of another log than the one at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the rows of shard {shard} were made of log {rows}, and {}: nothing of it was written. Is it another data directory, or another \
     database, than you meant? If this log is to take the other's place, fill an empty database by `gavel rebuild postgres`, and flush to \
     that",
    named(*.log)
)]
pub struct OtherLog {
    /// Which.
    pub shard: ShardId,
    /// Of which log the rows were made.
    pub rows: LogId,
    /// The log at hand; `None` where it does not say which it is.
    pub log: Option<LogId>,
}

fn named(log: Option<LogId>) -> String {
    match log {
        Some(log) => format!("this is log {log}"),
        None => "this one does not say which it is, as an earlier gavel has made it (`gavel serve` notes it)"
            .to_owned(),
    }
}

/// To be asked of a shard.
const ASK: &str = "SELECT epoch, lsn, released_at IS NOT NULL, log FROM cursors WHERE shard = $1";

/// The same, and whoever writes for the shard waits for whoever does already.
pub(crate) const LOCK: &str =
    "SELECT epoch, lsn, released_at IS NOT NULL, log FROM cursors WHERE shard = $1 FOR UPDATE";

impl Cursor {
    /// Where a shard stands; `None` where the database does not have it.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn of(client: &impl GenericClient, shard: ShardId) -> Result<Option<Self>, Error> {
        let row = client.query_opt(ASK, &[&i16::from(shard.0)]).await?;
        row.map(|row| Self::read(shard, &row)).transpose()
    }

    /// From the columns that [`LOCK`] asks for.
    pub(crate) fn read(shard: ShardId, row: &Row) -> Result<Self, Error> {
        let position = Position { shard, epoch: Epoch(number(row, 0)? as u32), lsn: Lsn(number(row, 1)?) };
        let log = row.try_get::<_, Option<Uuid>>(3)?.map(|id| LogId(id.as_u128()));
        Ok(Self { position, log, is_released: row.try_get(2)? })
    }

    /// Demands that the rows were made of this log, as far as that is known.
    ///
    /// # Errors
    /// They were made of another one.
    pub fn demand(&self, log: Option<LogId>) -> Result<(), OtherLog> {
        match self.log {
            Some(rows) if log != Some(rows) => Err(OtherLog { shard: self.position.shard, rows, log }),
            _ => Ok(()),
        }
    }
}

/// Notes of which log a shard's rows are, where that is not known and the cursor is still here.
pub(crate) async fn note_log(client: &impl GenericClient, cursor: Position, log: LogId) -> Result<(), Error> {
    let note = "UPDATE cursors SET log = $4 WHERE shard = $1 AND epoch = $2 AND lsn = $3 AND log IS NULL";
    let Position { shard, epoch, lsn } = cursor;
    let (shard, epoch, lsn) = (i16::from(shard.0), i64::from(epoch.0), lsn.0.cast_signed());
    client.execute(note, &[&shard, &epoch, &lsn, &Uuid::from_u128(log.0)]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_another_log_are_refused_and_the_message_says_what_to_do() {
        let (own, other) = (LogId(1), LogId(2));
        let of = |log| Cursor { position: Position::start(ShardId(3)), log, is_released: false };
        assert_eq!(of(Some(own)).demand(Some(own)), Ok(()));
        for log in [Some(other), None] {
            let refused = of(Some(own)).demand(log).unwrap_err();
            assert_eq!(refused, OtherLog { shard: ShardId(3), rows: own, log });
            let text = refused.to_string();
            assert!(text.contains("shard 3") && text.contains("gavel rebuild postgres"), "{text}");
        }
        for log in [Some(other), None] {
            assert_eq!(of(None).demand(log), Ok(()), "nothing is known yet");
        }
    }
}
