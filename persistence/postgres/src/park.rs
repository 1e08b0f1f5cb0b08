//! What is parked: seen, and tried again on command.
//!
//! A retry takes an auction's parked records in their order, as many as go through, each part in one transaction that also takes them
//! out of `parked`. It holds the shard's cursor meanwhile, so the flusher sees all of it or nothing: an auction of which nothing is
//! parked any more is written by the flusher again from its next batch on.

use crate::database::{Database, DatabaseError};
use crate::refusal::of_the_record;
use crate::rows::{LeftOut, Rows, Unreadable};
use crate::value::{auction_number, auction_of};
use crate::write::{self, Refusal, WriteError, number};
use crate::{Records, Spelling, limits};
use deadpool_postgres::Client;
use gavel_core::{AuctionId, Epoch, Lsn, Position, Seq, ShardId};

/// Something that is parked: an auction from some record on, or a shard's own record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The first record.
    pub position: Position,
    /// The auction, and the record's number there; `None` for a shard's own.
    pub auction: Option<(AuctionId, Seq)>,
    /// Records that are parked, the first included.
    pub records: u64,
    /// PostgreSQL's code for the refusal, if it was PostgreSQL's.
    pub sqlstate: Option<String>,
    /// Why.
    pub reason: String,
}

/// What a retry has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Records that were taken in.
    pub taken: u64,
    /// Records that are still parked.
    pub left: u64,
}

/// Why a retry has ended early. What was taken in before stays.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A transaction.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// What is parked can't be read by this version.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl From<tokio_postgres::Error> for RetryError {
    fn from(error: tokio_postgres::Error) -> Self {
        DatabaseError::Postgres(error).into()
    }
}

const LIST: &str = "
SELECT DISTINCT ON (shard, coalesce(auction, -lsn))
    shard, epoch, lsn, auction, seq, sqlstate, reason, count(*) OVER (PARTITION BY shard, coalesce(auction, -lsn))
FROM parked ORDER BY shard, coalesce(auction, -lsn), seq LIMIT $1";

const TAKE: &str = "
SELECT shard, epoch, lsn, record FROM parked
WHERE shard = $1 AND (auction = $2 OR ($2 IS NULL AND lsn = $3)) ORDER BY lsn LIMIT $4";

/// What is parked in a database, at most so many.
///
/// # Errors
/// The database can't be asked.
pub async fn list(database: &Database, most: i64) -> Result<Vec<Parked>, DatabaseError> {
    let rows = database.client().await?.query(LIST, &[&most]).await?;
    let parked = |row: &tokio_postgres::Row| -> Result<Parked, tokio_postgres::Error> {
        let auction = row.try_get::<_, Option<i64>>(3)?.and_then(auction_of);
        let seq = row.try_get::<_, Option<i64>>(4)?.map(|seq| Seq(seq as u32));
        Ok(Parked {
            position: position(row)?,
            auction: auction.zip(seq),
            records: number(row, 7)?,
            sqlstate: row.try_get(5)?,
            reason: row.try_get(6)?,
        })
    };
    Ok(rows.iter().map(parked).collect::<Result<_, _>>()?)
}

/// Shard, epoch and Lsn in the first three columns.
fn position(row: &tokio_postgres::Row) -> Result<Position, tokio_postgres::Error> {
    let shard = ShardId(row.try_get::<_, i16>(0)? as u8);
    Ok(Position { shard, epoch: Epoch(number(row, 1)? as u32), lsn: Lsn(number(row, 2)?) })
}

/// Tries what is parked again: of one auction, or all of it. What is refused again stays, with the new reason.
///
/// # Errors
/// The database can't be worked with.
pub async fn retry(
    database: &Database,
    auction: Option<AuctionId>,
    spelling: &Spelling,
) -> Result<Retried, RetryError> {
    let mut retried = Retried::default();
    let all = list(database, i64::MAX).await?;
    let wanted = all.iter().filter(|parked| {
        auction.is_none_or(|auction| parked.auction.is_some_and(|(parked, _)| parked == auction))
    });
    let mut client = database.client().await?;
    for parked in wanted {
        let taken = retry_one(&mut client, parked, spelling).await?;
        retried.taken += taken;
        retried.left += parked.records.saturating_sub(taken);
    }
    Ok(retried)
}

/// Takes in what goes through of one auction, or of a shard's own record; says how many records.
async fn retry_one(client: &mut Client, parked: &Parked, spelling: &Spelling) -> Result<u64, RetryError> {
    let (mut part, mut taken, mut left_out) = (limits::RETRIED_MAX, 0, LeftOut::default());
    loop {
        match attempt(client, parked, part, &left_out, spelling).await {
            Ok(0) => return Ok(taken),
            Ok(count) => taken += count,
            Err(RetryError::Write(WriteError::Postgres(error))) => {
                let Some(refusal) = of_the_record(&error) else {
                    return Err(WriteError::Postgres(error).into());
                };
                if part == 1 {
                    give_reason(client, parked, &refusal).await?;
                    return Ok(taken);
                }
                part = (part / 2).max(1);
            }
            Err(RetryError::Write(WriteError::Misfit(misfits))) => {
                let Some(&(auction, row)) = misfits.first() else { return Ok(taken) };
                // The row knows of these records already; only what is behind them is new.
                match row.filter(|row| parked.auction.is_some_and(|(_, seq)| *row >= seq)) {
                    Some(row) if left_out.known.insert(auction, row) != Some(row) => {}
                    _ => return Ok(taken),
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// One transaction: the first records go from `parked` to where they belong.
async fn attempt(
    client: &mut Client,
    parked: &Parked,
    part: i64,
    left_out: &LeftOut,
    spelling: &Spelling,
) -> Result<u64, RetryError> {
    if let Some((auction, _)) = parked.auction {
        write::ensure_day(client, auction.day()).await?;
    }
    let shard = parked.position.shard;
    let transaction = client.transaction().await?;
    write::cursor(&transaction, shard).await?;
    let (number, auction) = (i16::from(shard.0), parked.auction.map(|(auction, _)| auction_number(auction)));
    let lsn = parked.position.lsn.0.cast_signed();
    let rows = transaction.query(TAKE, &[&number, &auction, &lsn, &part]).await?;
    let mut records = Records::new(shard);
    for row in &rows {
        records.push(position(row)?, row.try_get(3)?);
    }
    write::rows(&transaction, &Rows::of(&records, records.len(), left_out, spelling)?, None).await?;
    let lsns: Vec<i64> = records.iter().map(|(at, _)| at.lsn.0.cast_signed()).collect();
    transaction.execute("DELETE FROM parked WHERE shard = $1 AND lsn = ANY($2)", &[&number, &lsns]).await?;
    transaction.commit().await?;
    Ok(rows.len() as u64)
}

/// Why the first record that is left was refused this time.
async fn give_reason(client: &Client, parked: &Parked, refusal: &Refusal) -> Result<(), RetryError> {
    let update = "
        UPDATE parked SET sqlstate = $3, reason = $4
        WHERE shard = $1 AND lsn = (
            SELECT min(lsn) FROM parked WHERE shard = $1 AND (auction = $2 OR ($2 IS NULL AND lsn = $5)))";
    let auction = parked.auction.map(|(auction, _)| auction_number(auction));
    let (shard, lsn) = (i16::from(parked.position.shard.0), parked.position.lsn.0.cast_signed());
    client.execute(update, &[&shard, &auction, &refusal.sqlstate, &refusal.reason, &lsn]).await?;
    Ok(())
}
