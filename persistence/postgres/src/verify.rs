//! Whether the rows say what the log says: per auction, at one position, beside a running server.
//!
//! ```text
//! one snapshot of the database: cursor, rows ──────────────────────────────┐
//! log and archive up to that cursor ─▶ Fold (the engine's own `apply`) ────┴─▶ compare ─▶ differences
//! ```
//!
//! Invariants:
//! - Both sides are as of the shard's cursor: rows are written with it in one transaction, and are read with it in one snapshot. So
//!   nothing that is merely under way is taken for a difference.
//! - What is expected comes from the records by the rules of the engine ([`gavel_core::Auction`]), not from the code that makes rows.
//! - No shard is asked anything: the files are read. That the log says what the engine says, `gavel log replay` and `INFO digest` show.
//! - An auction is compared and forgotten once it is final, so memory is what the engine's own is.

mod compare;
mod fold;
mod line;
mod said;

use crate::cursor::{Cursor, OtherLog};
use crate::error::said;
use crate::limits::{VERIFY_AUCTIONS_MAX, VERIFY_RECORDS_MAX};
use crate::offline::{Beside, LookError};
use crate::value::{auction_number, auction_of};
use crate::write::number;
use crate::{Set, Spelling, Unreadable};
use compare::compare;
use fold::{Expected, Fold};
use futures_core::Stream as _;
use gavel_core::{AuctionId, Epoch, LogId, Lsn, Position, ShardId};
use gavel_log::ReadError;
use gavel_log::record::decode;
use std::future::poll_fn;
use std::pin::pin;
use tokio_postgres::{Client, IsolationLevel, Transaction};

/// What is to be compared.
#[derive(Clone, Debug)]
pub struct Question {
    /// Only these auctions; all where there are none.
    pub auctions: Set<AuctionId>,
    /// What events are called.
    pub spelling: Spelling,
}

/// One thing that the log and the rows say differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Of which auction; `None`: of the shard.
    pub auction: Option<AuctionId>,
    /// What differs: a column of `auctions`, or `bid 17`, `event 3`, `bids`, `shard_events`.
    pub what: String,
    /// What the log says.
    pub log: String,
    /// What the rows say.
    pub rows: String,
    /// Records of the auction are parked, so that its rows are as of an earlier one: no wonder that they differ.
    pub is_parked: bool,
}

/// What came of one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Which.
    pub shard: ShardId,
    /// As of which record both sides were compared.
    pub cursor: Position,
    /// The first record that the log and the archive still have.
    pub oldest: Lsn,
    /// Auctions that were compared.
    pub auctions: u64,
    /// Their bids.
    pub bids: u64,
    /// Auctions of them whose bids and events retention has dropped: their rows alone were compared.
    pub dropped: u64,
    /// Auctions that could not be compared: their opening is in neither log nor archive any more.
    pub headless: u64,
    /// Auctions that were asked for, and are neither in the log up to the cursor nor among the rows.
    pub unknown: Vec<AuctionId>,
    /// Differences.
    pub differences: u64,
}

/// Why a shard could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// PostgreSQL refuses, or its connection failed.
    #[error("{}", said(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// The log can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log's directory can't be looked at again.
    #[error(transparent)]
    Look(#[from] LookError),
    /// A record can't be read.
    #[error(transparent)]
    Record(#[from] Unreadable),
    /// The shard is not written to this database.
    #[error("shard {0} is not in this database: nothing was ever flushed of it")]
    Unassigned(ShardId),
    /// The rows are of another log.
    #[error(transparent)]
    OtherLog(#[from] OtherLog),
    /// The database knows of records that the log does not have.
    #[error(
        "the rows are as of {cursor}, and this log ends with record {}: they were made of another log, or of one that was restored to an \
         earlier state", durable.0
    )]
    Ahead {
        /// Where the database is.
        cursor: Position,
        /// Where the log ends.
        durable: Lsn,
    },
    /// The record at the cursor is another one in the log.
    #[error("the rows are as of {cursor}, and this log has that record as of epoch {}: they were made of another log", found.0)]
    Foreign {
        /// Where the database is.
        cursor: Position,
        /// The epoch in the log.
        found: Epoch,
    },
    /// A record can't follow on those before it.
    #[error("the record at {position} does not follow on what there is of auction {auction} before it")]
    Gap {
        /// Where.
        position: Position,
        /// The auction.
        auction: AuctionId,
    },
}

/// Compares a shard. `on_difference` hears each difference as it is found, `on_records` how many records further it is.
///
/// # Errors
/// It could not be compared to its end.
pub async fn verify(
    client: &mut Client,
    log: Beside<'_>,
    shard: ShardId,
    question: &Question,
    on_difference: &mut impl FnMut(Difference),
    on_records: &mut impl FnMut(u64),
) -> Result<Verified, VerifyError> {
    let snapshot = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
    let snapshot = snapshot.read_only(true).start().await?;
    // Whole days are read here, unlike where a batch is written.
    let settings = "SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on; \
                    SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0";
    snapshot.batch_execute(settings).await?;
    let cursor = cursor(&snapshot, shard, log.id).await?;
    let durable = log.end_at_least(shard, cursor.lsn)?;
    if durable < cursor.lsn {
        return Err(VerifyError::Ahead { cursor, durable });
    }
    let verified = Verified {
        shard,
        cursor,
        oldest: log.log.oldest(shard),
        auctions: 0,
        bids: 0,
        dropped: 0,
        headless: 0,
        unknown: Vec::new(),
        differences: 0,
    };
    let mut run =
        Run { snapshot, question, verified, fold: Fold::default(), ready: Vec::new(), on_difference };
    run.read(log, on_records).await?;
    run.verified.headless = run.fold.headless.len() as u64;
    if question.auctions.is_empty() {
        run.unknown().await?
    } else {
        run.unmet().await?
    }
    Ok(run.verified)
}

/// Where a shard stands in a database, whose rows must be of this log.
///
/// # Errors
/// They are not, it does not have the shard, or PostgreSQL refuses.
pub async fn cursor(
    client: &impl tokio_postgres::GenericClient,
    shard: ShardId,
    log: Option<LogId>,
) -> Result<Position, VerifyError> {
    let cursor = Cursor::of(client, shard).await?.ok_or(VerifyError::Unassigned(shard))?;
    cursor.demand(log)?;
    Ok(cursor.position)
}

struct Run<'a, F> {
    snapshot: Transaction<'a>,
    question: &'a Question,
    verified: Verified,
    fold: Fold,
    /// Auctions that are to be compared together.
    ready: Vec<Expected>,
    on_difference: &'a mut F,
}

impl<F: FnMut(Difference)> Run<'_, F> {
    /// Folds the shard up to the cursor, and compares each auction as soon as nothing more comes of it.
    async fn read(&mut self, log: Beside<'_>, on_records: &mut impl FnMut(u64)) -> Result<(), VerifyError> {
        let (shard, cursor) = (self.verified.shard, self.verified.cursor);
        for frame in log.log.read_from(shard, self.verified.oldest) {
            let frame = frame?;
            for (lsn, bytes) in frame.records().take_while(|(lsn, _)| *lsn <= cursor.lsn) {
                let position = Position { shard, epoch: frame.epoch(), lsn };
                if lsn == cursor.lsn && position.epoch != cursor.epoch {
                    return Err(VerifyError::Foreign { cursor, found: position.epoch });
                }
                let record = decode(bytes).map_err(|source| Unreadable { position, source })?;
                if let Some(done) = self.fold.take(position, record, self.question)? {
                    self.ready.push(done);
                }
            }
            on_records(frame.count().into());
            self.compare_when(|ready, records| ready >= VERIFY_AUCTIONS_MAX || records >= VERIFY_RECORDS_MAX)
                .await?;
            if frame.last() >= cursor.lsn {
                break;
            }
        }
        for open in self.fold.rest() {
            self.ready.push(open);
            self.compare_when(|ready, records| ready >= VERIFY_AUCTIONS_MAX || records >= VERIFY_RECORDS_MAX)
                .await?;
        }
        self.compare_when(|ready, _| ready > 0).await
    }

    /// Compares what is ready, if there is enough of it.
    async fn compare_when(&mut self, is_enough: impl Fn(usize, usize) -> bool) -> Result<(), VerifyError> {
        if !is_enough(self.ready.len(), self.ready.iter().map(Expected::records).sum()) {
            return Ok(());
        }
        let mut ready = std::mem::take(&mut self.ready);
        ready.sort_unstable_by_key(Expected::id);
        self.verified.auctions += ready.len() as u64;
        self.verified.bids += ready.iter().map(|expected| expected.bids.len() as u64).sum::<u64>();
        let compared = compare(&self.snapshot, &ready).await?;
        self.verified.dropped += compared.dropped;
        compared.differences.into_iter().for_each(|difference| self.tell(difference));
        Ok(())
    }

    fn tell(&mut self, difference: Difference) {
        self.verified.differences += 1;
        (self.on_difference)(difference);
    }

    fn tell_stranger(&mut self, auction: AuctionId) {
        self.tell(Difference {
            auction: Some(auction),
            what: "auction".to_owned(),
            log: "no such auction".to_owned(),
            rows: "a row".to_owned(),
            is_parked: false,
        });
    }

    /// Auctions that were asked for and that there is no record of.
    async fn unmet(&mut self) -> Result<(), VerifyError> {
        let (shard, oldest) = (self.verified.shard, self.verified.oldest);
        let asked = self.question.auctions.iter().copied();
        let mut unmet: Vec<AuctionId> =
            asked.filter(|auction| auction.shard() == shard && !self.fold.knows(*auction)).collect();
        unmet.sort_unstable();
        for auction in unmet {
            let ask = "SELECT lsn FROM auctions WHERE auction = $1";
            match self.snapshot.query_opt(ask, &[&auction_number(auction)]).await? {
                None => self.verified.unknown.push(auction),
                Some(row) if number(&row, 0)? >= oldest.0 => self.tell_stranger(auction),
                // All of its records have left the archive.
                Some(_) => self.verified.headless += 1,
            }
        }
        Ok(())
    }

    /// Rows of auctions and of the shard's events that no record has made.
    async fn unknown(&mut self) -> Result<(), VerifyError> {
        let (shard, oldest) = (i16::from(self.verified.shard.0), self.verified.oldest.0.cast_signed());
        let ask = "SELECT auction FROM auctions WHERE shard = $1 AND lsn >= $2";
        let mut strangers = Vec::new();
        let mut rows = pin!(
            self.snapshot
                .query_raw(ask, [&shard as &(dyn tokio_postgres::types::ToSql + Sync), &oldest])
                .await?
        );
        while let Some(row) = poll_fn(|context| rows.as_mut().poll_next(context)).await {
            strangers.extend(auction_of(row?.try_get(0)?).filter(|auction| !self.fold.knows(*auction)));
        }
        strangers.into_iter().for_each(|auction| self.tell_stranger(auction));
        let ask = "SELECT count(*) FROM shard_events WHERE shard = $1 AND lsn >= $2";
        let found = number(&self.snapshot.query_one(ask, &[&shard, &oldest]).await?, 0)?;
        let ask = "SELECT count(*) FROM parked WHERE shard = $1 AND auction IS NULL";
        let parked = number(&self.snapshot.query_one(ask, &[&shard]).await?, 0)?;
        if found != self.fold.shard_events {
            self.tell(Difference {
                auction: None,
                what: "shard_events".to_owned(),
                log: self.fold.shard_events.to_string(),
                rows: found.to_string(),
                is_parked: found + parked == self.fold.shard_events,
            });
        }
        Ok(())
    }
}
