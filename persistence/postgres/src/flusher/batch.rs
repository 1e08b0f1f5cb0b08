//! A batch on its way into the database: written whole where that goes, taken apart where PostgreSQL refuses a record of it.
//!
//! Where a batch is refused, its first half is tried, and so on down to one record: that one is parked, and the rest goes on, in parts
//! that double with each success, so that each further record that is refused costs as many tries as halving it takes. Each part that
//! goes through moves the cursor, so nothing is tried twice that was taken in.

use super::target::Target;
use crate::database::DatabaseError;
use crate::limits::{HELD_MAX, WRITE_MAX};
use crate::refusal::{of_the_record, took_too_long};
use crate::rows::{LeftOut, Newcomers, Rows, Unreadable};
use crate::write::{Batch, Refusal, Refusals, WriteError, write};
use crate::{Records, Spelling};
use deadpool_postgres::{Client, Object};
use gavel_core::{AuctionId, LogId, Position, Seq, ShardId};
use gavel_log::record::{Record, decode};

/// What a lane knows about its shard beside the cursor.
#[derive(Debug)]
pub(super) struct Progress {
    /// The last record that was taken in.
    pub(super) cursor: Position,
    /// Of which log that is.
    pub(super) log: Option<LogId>,
    /// What is left out.
    pub(super) left_out: LeftOut,
    /// Spares questions.
    pub(super) newcomers: Newcomers,
    /// Records that were parked and are not reported yet.
    pub(super) parked: u64,
}

/// Why a batch could not be written to its end. What was written of it stays, and the cursor says how far.
#[derive(Debug, thiserror::Error)]
pub(super) enum FlushError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("PostgreSQL has not answered for {} s", WRITE_MAX.as_secs())]
    Silent,
    #[error(
        "{HELD_MAX} auctions of shard {0} have parked records: something is wrong with the database as a whole; \
         mend it and run `gavel postgres retry`"
    )]
    TooManyHeld(ShardId),
}

/// Writes all of a batch, in parts of `part` records at first.
pub(super) async fn flush(
    target: &Target,
    client: &mut Option<Client>,
    progress: &mut Progress,
    records: &mut Records,
    mut part: usize,
    spelling: &Spelling,
) -> Result<(), FlushError> {
    let (mut refusals, mut days_are_fresh) = (Refusals::default(), false);
    while !records.is_empty() {
        part = part.clamp(1, records.len());
        let rows = Rows::of(records, part, &progress.left_out, spelling)?;
        match attempt(target, client, progress, records, part, &rows, &refusals).await {
            Ok(to) => {
                target.wrote(to.shard);
                (progress.cursor, progress.parked) = (to, progress.parked + rows.held.len() as u64);
                records.skip_to(to.lsn);
                // What was in the way may be behind.
                part = part.saturating_mul(2);
            }
            Err(FlushError::Write(WriteError::Freed(auctions))) => {
                for auction in auctions {
                    progress.left_out.held.remove(&auction);
                }
                // Somebody else has written them.
                progress.newcomers.forget();
            }
            Err(FlushError::Write(WriteError::Misfit(misfits))) => {
                progress.newcomers.forget();
                for (auction, row) in misfits {
                    misfit(progress, &rows, &mut refusals, auction, row);
                }
            }
            Err(FlushError::Write(WriteError::Postgres(error))) => match of_the_record(&error) {
                // A partition that was dropped meanwhile looks like a constraint.
                Some(_) if !days_are_fresh => {
                    target.forget_days();
                    days_are_fresh = true;
                }
                Some(_) if part > 1 => part /= 2,
                Some(refusal) => refuse(progress, records, &mut refusals, refusal)?,
                None if took_too_long(&error) && part > 1 => part /= 2,
                None => return Err(WriteError::Postgres(error).into()),
            },
            Err(error) => return Err(error),
        }
        if progress.left_out.held.len() > HELD_MAX {
            return Err(FlushError::TooManyHeld(progress.cursor.shard));
        }
    }
    Ok(())
}

/// Writes the first records of a batch in one transaction, within a bound of time; gives the last one's position.
async fn attempt(
    target: &Target,
    client: &mut Option<Client>,
    progress: &mut Progress,
    records: &Records,
    part: usize,
    rows: &Rows,
    refusals: &Refusals,
) -> Result<Position, FlushError> {
    let from = progress.cursor;
    let to = records.iter().nth(part - 1).map_or(from, |(position, _)| position);
    let batch = Batch { from, to, log: progress.log, rows, refusals };
    let written = tokio::time::timeout(WRITE_MAX, async {
        let connected = match &mut *client {
            Some(connected) => connected,
            none => none.insert(target.database.client().await?),
        };
        target.ensure_days(connected, &rows.days()).await?;
        write(connected, batch, &mut progress.newcomers).await.map_err(FlushError::from)
    });
    let written = written.await.unwrap_or(Err(FlushError::Silent));
    let is_usable = match &written {
        // It is in the middle of something: nobody may be handed it again. Nor those beside it, which may be as deaf.
        Err(FlushError::Silent) => {
            target.database.let_go();
            false
        }
        // What went wrong may be the connection.
        Err(FlushError::Database(_)) => false,
        Err(FlushError::Write(WriteError::Postgres(error))) => of_the_record(error).is_some(),
        _ => true,
    };
    if !is_usable {
        drop(client.take().map(Object::take));
    }
    written.map(|()| to)
}

/// The first record of the batch can't be taken in, for this reason.
fn refuse(
    progress: &mut Progress,
    records: &Records,
    refusals: &mut Refusals,
    refusal: Refusal,
) -> Result<(), Unreadable> {
    let Some((position, bytes)) = records.iter().next() else { return Ok(()) };
    match decode(bytes).map_err(|source| Unreadable { position, source })? {
        Record::Auction(event) => {
            tracing::warn!(
                "record {position} of auction {} is parked, with all that follow of this auction: {}",
                event.auction,
                refusal.reason
            );
            progress.left_out.held.insert(event.auction);
        }
        Record::Shard(_) => {
            tracing::warn!("record {position} of shard {} is parked: {}", position.shard, refusal.reason);
            progress.left_out.refused.insert(position.lsn);
        }
    }
    refusals.insert(position.lsn, refusal);
    Ok(())
}

/// An auction's row is not as of the record before the batch's first one.
fn misfit(
    progress: &mut Progress,
    rows: &Rows,
    refusals: &mut Refusals,
    auction: AuctionId,
    row: Option<Seq>,
) {
    let Some((first, position)) = rows.first_of(auction) else { return };
    match row {
        // It was delivered before; what is new goes on from there.
        Some(row) if row >= first => drop(progress.left_out.known.insert(auction, row)),
        row => {
            let is = row.map_or("is not there".to_owned(), |row| format!("is as of record {}", row.0));
            let reason = format!(
                "the auction's row {is}, and this is its record {}: records are missing between",
                first.0
            );
            tracing::warn!("record {position} of auction {auction} is parked: {reason}");
            progress.left_out.held.insert(auction);
            refusals.insert(position.lsn, Refusal { sqlstate: None, reason });
        }
    }
}
