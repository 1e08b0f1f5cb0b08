//! One transaction: a batch's rows, what is parked of it, and the shard's cursor.
//!
//! ```text
//! lock cursor ─▶ openings ─▶ changes ─▶ bids, maxima ─▶ withdrawals ─▶ events ─▶ awards ─▶ parked ─▶ move cursor ─▶ commit
//! ```
//!
//! Invariants:
//! - The cursor is locked first and must be where the batch begins, and of the batch's log. So of two flushers of one shard each batch is written by one, and a
//!   batch whose commit was not answered is found written or not, never half.
//! - A row of `auctions` changes only if it is as of exactly the record before the first one that is taken in.
//! - What is left out because its auction is held is put into `parked` in the same transaction.

pub(crate) mod copy;
mod sql;

use crate::cursor::{Cursor, LOCK, OtherLog};
use crate::error::said;
use crate::rows::standing::{Counts, Pair, Tally};
use crate::rows::{Change, HeldRecord, Newcomers, Rows, Withdrawal};
use crate::value::{Time, auction_number, auction_of};
use crate::{Map, Set};
use deadpool_postgres::{Client, Transaction};
use gavel_core::{AuctionId, LogId, Lsn, Position, Seq, ShardId};
use std::collections::BTreeSet;

/// What one transaction takes in.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Where the shard's cursor must be.
    pub from: Position,
    /// Where it goes.
    pub to: Position,
    /// The log that it is of, which the rows before it must be of, too.
    pub log: Option<LogId>,
    /// What is written.
    pub rows: &'a Rows,
    /// Why records are parked for the first time: of an auction, or of the shard.
    pub refusals: &'a Refusals,
}

/// Why a record is parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// PostgreSQL's code; `None` where it was not PostgreSQL that refused.
    pub sqlstate: Option<String>,
    /// In words.
    pub reason: String,
}

/// By position of the record that was refused.
pub type Refusals = Map<Lsn, Refusal>;

/// Why a batch was not written. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The cursor is somewhere else: somebody else writes this shard, or an earlier commit went through unheard.
    #[error("the cursor is at {0} already")]
    Moved(Position),
    /// The database does not have the shard.
    #[error("shard {0} is not assigned to this database")]
    Unassigned(ShardId),
    /// The shard was given to another database on purpose.
    #[error("shard {0} was given to another database")]
    Released(ShardId),
    /// The rows that are there are of another log.
    #[error(transparent)]
    OtherLog(#[from] OtherLog),
    /// Auctions that are taken for held are not: what was parked of them was taken in meanwhile.
    #[error("{} auctions are held no longer", .0.len())]
    Freed(Vec<AuctionId>),
    /// Rows that are not as of the record before the batch's: as of which they are, or that they are not there.
    #[error("{} auctions' rows are as of another record", .0.len())]
    Misfit(Vec<(AuctionId, Option<Seq>)>),
    /// PostgreSQL refused, or its connection failed.
    #[error("{}", said(.0))]
    Postgres(#[from] tokio_postgres::Error),
}

/// Writes a batch. Partitions for its days must be there.
///
/// # Errors
/// Nothing was written, or (where the connection failed while it was committed) it is not known whether it was.
pub async fn write(
    client: &mut Client,
    batch: Batch<'_>,
    newcomers: &mut Newcomers,
) -> Result<(), WriteError> {
    let transaction = client.transaction().await?;
    lock(&transaction, batch.from, batch.log).await?;
    held(&transaction, &batch.rows.held, batch.refusals).await?;
    rows(&transaction, batch.rows, Some(newcomers)).await?;
    park(&transaction, batch.rows, batch.refusals).await?;
    let Position { shard, epoch, lsn } = batch.to;
    let at = batch.rows.at().map(Time);
    let moved = transaction.prepare_cached(sql::MOVE).await?;
    let (shard, epoch) = (i16::from(shard.0), i64::from(epoch.0));
    transaction.execute(&moved, &[&shard, &epoch, &lsn.0.cast_signed(), &at]).await?;
    Ok(transaction.commit().await?)
}

/// Makes the partitions of an opening day, in days since 1970, where they are not there.
pub(crate) async fn ensure_day(
    client: &tokio_postgres::Client,
    day: u16,
) -> Result<(), tokio_postgres::Error> {
    // Any auction of that day says it.
    let Some(auction) = AuctionId::new(day, ShardId(0), 1) else { return Ok(()) };
    client.query_one("SELECT ensure_day(auction_day($1))", &[&auction_number(auction)]).await.map(drop)
}

/// Locks a shard's cursor, which must be here, and of this log.
async fn lock(
    transaction: &Transaction<'_>,
    expected: Position,
    log: Option<LogId>,
) -> Result<(), WriteError> {
    let found = cursor(transaction, expected.shard).await?;
    found.demand(log)?;
    if found.position == expected { Ok(()) } else { Err(WriteError::Moved(found.position)) }
}

/// Locks a shard's cursor and says where it is.
pub(crate) async fn cursor(transaction: &Transaction<'_>, shard: ShardId) -> Result<Cursor, WriteError> {
    let lock = transaction.prepare_cached(LOCK).await?;
    let row = transaction.query_opt(&lock, &[&i16::from(shard.0)]).await?;
    let cursor = Cursor::read(shard, &row.ok_or(WriteError::Unassigned(shard))?)?;
    if cursor.is_released { Err(WriteError::Released(shard)) } else { Ok(cursor) }
}

/// A column that holds no negative number.
pub(crate) fn number(row: &tokio_postgres::Row, column: usize) -> Result<u64, tokio_postgres::Error> {
    row.try_get::<_, i64>(column).map(i64::cast_unsigned)
}

/// Demands that the auctions which are taken for held are.
async fn held(
    transaction: &Transaction<'_>,
    held: &[HeldRecord],
    refusals: &Refusals,
) -> Result<(), WriteError> {
    let newly: Set<AuctionId> = auctions(held, |record| refusals.contains_key(&record.position.lsn));
    let taken: Vec<i64> =
        auctions(held, |_| true).difference(&newly).map(|auction| auction_number(*auction)).collect();
    if taken.is_empty() {
        return Ok(());
    }
    let statement = transaction.prepare_cached(sql::FREED).await?;
    let freed = transaction.query(&statement, &[&taken]).await?;
    let freed = freed.iter().map(|row| row.try_get(0).map(auction_of)).collect::<Result<Vec<_>, _>>()?;
    if freed.is_empty() { Ok(()) } else { Err(WriteError::Freed(freed.into_iter().flatten().collect())) }
}

fn auctions(held: &[HeldRecord], of: impl Fn(&HeldRecord) -> bool) -> Set<AuctionId> {
    held.iter().filter(|record| of(record)).filter_map(|record| Some(record.auction?.0)).collect()
}

/// Writes the rows of all tables. `newcomers` spares questions to whoever writes all rows of a shard, one batch after the other.
pub(crate) async fn rows(
    transaction: &Transaction<'_>,
    rows: &Rows,
    newcomers: Option<&mut Newcomers>,
) -> Result<(), WriteError> {
    let changes = counted(transaction, rows, newcomers).await?;
    if !rows.openings.is_empty() {
        copy::openings(transaction, &rows.openings).await?;
        let opened = run(transaction, sql::OPEN).await?;
        demand(transaction, opened, rows.openings.len(), sql::OPENED_BEFORE).await?;
    }
    if !changes.is_empty() {
        copy::changes(transaction, &changes).await?;
        let changed = run(transaction, sql::CHANGE).await?;
        demand(transaction, changed, changes.len(), sql::UNCHANGED).await?;
    }
    copy::bids(transaction, &rows.bids).await?;
    copy::maxima(transaction, "maxima", &rows.bids).await?;
    if !rows.withdrawals.is_empty() {
        copy::withdrawals(transaction, &rows.withdrawals).await?;
        for day in days(&rows.withdrawals) {
            transaction.execute(&sql::withdraw(day), &[]).await?;
        }
    }
    copy::events(transaction, "events", &rows.events).await?;
    copy::shard_events(transaction, "shard_events", &rows.shard_events).await?;
    if changes.iter().any(|(change, _)| change.award) {
        run(transaction, sql::AWARD).await?;
    }
    Ok(())
}

/// The changes of auctions, each with how its counts change.
async fn counted<'a>(
    transaction: &Transaction<'_>,
    rows: &'a Rows,
    newcomers: Option<&mut Newcomers>,
) -> Result<Vec<(&'a Change, Counts)>, WriteError> {
    let counts = count(transaction, rows, newcomers).await?;
    let counts = |change: &Change| counts.get(&change.auction).copied().unwrap_or_default();
    Ok(rows.changes().into_iter().map(|change| (change, counts(change))).collect())
}

/// How the counts of auctions change, by what stands before.
async fn count(
    transaction: &Transaction<'_>,
    rows: &Rows,
    mut newcomers: Option<&mut Newcomers>,
) -> Result<Map<AuctionId, Counts>, WriteError> {
    let new: Set<AuctionId> = rows.openings.iter().map(|opening| opening.auction).collect();
    if let Some(newcomers) = &mut newcomers {
        rows.openings.iter().for_each(|opening| newcomers.opened(opening.auction));
    }
    // Nothing stood in an auction that was not there, nor of somebody who has never bid.
    let mut is_fresh = |pair: Pair| {
        let is_newcomer = newcomers.as_mut().is_some_and(|newcomers| newcomers.is_new(pair));
        is_newcomer || new.contains(&pair.0)
    };
    let (fresh, known): (Vec<_>, Vec<_>) = rows.standing.iter().partition(|(pair, _)| is_fresh(*pair));
    let (simple, others): (Vec<_>, Vec<_>) =
        known.into_iter().partition(|(_, tally)| tally.count_up_to() == 1);
    let mut counted: Vec<(Pair, Tally, i64)> =
        fresh.into_iter().map(|(pair, tally)| (pair, tally, 0)).collect();
    counted.extend(standing(transaction, sql::ANY_STANDING, simple).await?);
    counted.extend(standing(transaction, sql::STANDING, others).await?);
    let mut counts: Map<AuctionId, Counts> = Map::default();
    for ((auction, _), tally, before) in counted {
        let change = tally.change(before);
        let counts = counts.entry(auction).or_default();
        counts.bids += change.bids;
        counts.bidders += change.bidders;
    }
    Ok(counts)
}

/// How many bids of each of some bidders stand; 1 for any number where the question is only whether.
async fn standing(
    transaction: &Transaction<'_>,
    question: &str,
    pairs: Vec<(Pair, Tally)>,
) -> Result<Vec<(Pair, Tally, i64)>, WriteError> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let mut sorted: Vec<(String, Pair, Tally)> =
        pairs.into_iter().map(|(pair, tally)| (pair.1.to_string(), pair, tally)).collect();
    sorted.sort_unstable_by(|a, b| (&a.0, a.1.0).cmp(&(&b.0, b.1.0)));
    let auctions: Vec<i64> = sorted.iter().map(|(_, pair, _)| auction_number(pair.0)).collect();
    let bidders: Vec<&str> = sorted.iter().map(|(bidder, ..)| bidder.as_str()).collect();
    let statement = transaction.prepare_cached(question).await?;
    let found = transaction.query(&statement, &[&auctions, &bidders]).await?;
    let mut before = vec![0; sorted.len()];
    for row in found {
        // Numbered from 1, as they were asked.
        let place = number(&row, 0)?.saturating_sub(1) as usize;
        if let Some(before) = before.get_mut(place) {
            *before = if row.len() > 1 { row.try_get(1)? } else { 1 };
        }
    }
    Ok(sorted.into_iter().zip(before).map(|((_, pair, tally), before)| (pair, tally, before)).collect())
}

/// The opening days of the auctions that bids were taken out of, in days since 1970.
fn days(withdrawals: &[Withdrawal]) -> BTreeSet<u16> {
    withdrawals.iter().map(|withdrawal| withdrawal.auction.day()).collect()
}

async fn run(transaction: &Transaction<'_>, statement: &str) -> Result<u64, WriteError> {
    let statement = transaction.prepare_cached(statement).await?;
    Ok(transaction.execute(&statement, &[]).await?)
}

/// Demands that a statement has taken in all that was staged for it; else asks which not.
async fn demand(
    transaction: &Transaction<'_>,
    done: u64,
    wanted: usize,
    which: &str,
) -> Result<(), WriteError> {
    if done == wanted as u64 {
        return Ok(());
    }
    let rows = transaction.query(which, &[]).await?;
    let misfit = |row: &tokio_postgres::Row| -> Result<_, tokio_postgres::Error> {
        let seq: Option<i64> = row.try_get(1)?;
        Ok(auction_of(row.try_get(0)?).map(|auction| (auction, seq.map(|seq| Seq(seq as u32)))))
    };
    let misfits = rows.iter().map(misfit).collect::<Result<Vec<_>, _>>()?;
    Err(WriteError::Misfit(misfits.into_iter().flatten().collect()))
}

/// Puts the records aside that are left out.
async fn park(transaction: &Transaction<'_>, rows: &Rows, refusals: &Refusals) -> Result<(), WriteError> {
    let parked = rows.held.iter().map(|held| match refusals.get(&held.position.lsn) {
        Some(Refusal { sqlstate, reason }) => (held, sqlstate.as_deref(), reason.as_str()),
        None => (held, None, "waits behind an earlier record of its auction"),
    });
    Ok(copy::parked(transaction, parked).await?)
}
