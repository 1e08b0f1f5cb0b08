//! Filling an empty database from archive and log.
//!
//! It is the flusher's own work, done on the files instead of the running log: the same lanes, batches, cursors and parking. So it ends where
//! a flusher goes on, killed at any moment it goes on where it was, and what comes out is what flushing from the first day would have
//! made. What is here is the rest: whether the database is empty, and when it is filled. Shards are filled each by itself: a database may
//! have others already.

use crate::assign::AssignError;
use crate::flusher::{self, Handle, Options, Service, ShardReport};
use crate::offline::{OfflineSource, records_of};
use crate::write::number;
use crate::{Database, DatabaseError, Set, Unreadable};
use gavel_core::{AuctionId, LogId, Lsn, Position, Seq, ShardId};
use gavel_log::record::Record;
use gavel_log::{LogReader, ReadError};
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Client;

/// Between two looks at how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Nothing.
    Empty,
    /// A part, by an earlier run that was not finished.
    Partly,
}

/// Why a database is not filled.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// It can't be reached, or its schema is another.
    #[error("database `{name}`: {source}")]
    Database {
        /// What it is called.
        name: String,
        /// Why.
        source: DatabaseError,
    },
    /// It has rows already.
    #[error(
        "database `{name}` is not empty: of the shards to be filled it has {auctions} auctions, and is flushed to in {shards} of them; nothing \
         is ever deleted here. To fill it anew: DROP SCHEMA gavel CASCADE, or another database"
    )]
    NotEmpty {
        /// What it is called.
        name: String,
        /// Rows of `auctions`, of these shards.
        auctions: u64,
        /// Those of these shards that something was flushed of.
        shards: u64,
    },
    /// The beginning is gone.
    #[error(
        "the history of shard {shard} begins with record {}: what came before has left the archive, and auctions that were opened then \
         can't be filled in; use a backup that goes further back (`--data` takes one), or say --from-oldest to go without them", oldest.0
    )]
    Gone {
        /// Which.
        shard: ShardId,
        /// Its oldest record.
        oldest: Lsn,
    },
    /// A shard can't be written.
    #[error("shard {shard}: {problem}")]
    Shard {
        /// Which.
        shard: ShardId,
        /// Why.
        problem: String,
    },
    /// The log can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A record can't be read.
    #[error(transparent)]
    Record(#[from] Unreadable),
    /// A shard has no database.
    #[error(transparent)]
    Route(#[from] AssignError),
    /// The flusher does not start.
    #[error(transparent)]
    Flusher(#[from] flusher::Error),
}

/// How it goes on after a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// On.
    On,
    /// It ends here, and may be gone on with later.
    Stop,
}

/// Demands that a database has nothing of these shards, or is partly filled with them by an earlier run, and marks them as being filled.
/// What it has of other shards is not looked at.
///
/// # Errors
/// It has something of them, or can't be asked.
pub async fn begin(database: &Database, shards: &[ShardId]) -> Result<Begun, RebuildError> {
    let of = |source| RebuildError::Database { name: database.name().to_owned(), source };
    database.ensure_schema().await.map_err(of)?;
    let client = database.client().await.map_err(of)?;
    let of = |error: tokio_postgres::Error| of(error.into());
    let wanted = numbers(shards);
    let under_way = under_way(&client).await.map_err(of)?;
    let anew: Vec<i16> = wanted.iter().copied().filter(|shard| !under_way.contains(shard)).collect();
    let ask = "
        SELECT (SELECT count(*) FROM auctions WHERE shard = ANY ($1)),
            (SELECT count(*) FROM cursors WHERE shard = ANY ($1) AND lsn > 0)";
    let row = client.query_one(ask, &[&anew]).await.map_err(of)?;
    let (auctions, flushed) = (number(&row, 0).map_err(of)?, number(&row, 1).map_err(of)?);
    if auctions > 0 || flushed > 0 {
        return Err(RebuildError::NotEmpty { name: database.name().to_owned(), auctions, shards: flushed });
    }
    let mark = "
        INSERT INTO rebuild (shards) VALUES ($1)
        ON CONFLICT (is_one) DO UPDATE SET finished_at = NULL,
            started_at = CASE WHEN rebuild.finished_at IS NULL THEN rebuild.started_at ELSE now() END,
            shards = ARRAY(SELECT unnest(rebuild.shards) UNION SELECT unnest(excluded.shards))";
    client.execute(mark, &[&wanted]).await.map_err(of)?;
    Ok(if anew.len() < wanted.len() { Begun::Partly } else { Begun::Empty })
}

/// The shards that an earlier run has begun and not finished.
async fn under_way(client: &Client) -> Result<Vec<i16>, tokio_postgres::Error> {
    let row = client.query_opt("SELECT shards FROM rebuild WHERE finished_at IS NULL", &[]).await?;
    row.map_or(Ok(Vec::new()), |row| row.try_get(0))
}

fn numbers(shards: &[ShardId]) -> Vec<i16> {
    shards.iter().map(|shard| i16::from(shard.0)).collect()
}

/// What a database is filled with: shards of a log, each up to a record.
#[derive(Clone)]
pub struct Fill<'a> {
    /// To read it.
    pub log: Arc<dyn LogReader>,
    /// Which log it is; `None` where it does not say, and the flusher that goes on notes it.
    pub id: Option<LogId>,
    /// Each shard's last record.
    pub ends: &'a [(ShardId, Lsn)],
    /// What is left out: see [`headless`].
    pub left_out: Headless,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    /// False where it was stopped before its end.
    pub is_complete: bool,
    /// Records of these shards that PostgreSQL has refused, with those that wait behind them.
    pub parked: u64,
}

/// Auctions of which there are records and no opening: it has left the archive. What is left of them fills no row.
#[derive(Clone, Debug, Default)]
pub struct Headless {
    /// Which.
    pub auctions: Set<AuctionId>,
    /// Each shard's last record of another auction, and its last record: where the cursor is to be in the end.
    tails: Vec<(Lsn, Position)>,
}

impl Headless {
    /// Up to where there is something to fill in.
    fn ends(&self, ends: &[(ShardId, Lsn)]) -> Vec<(ShardId, Lsn)> {
        let tail = |shard: ShardId| self.tails.iter().find(|(_, last)| last.shard == shard);
        ends.iter().map(|&(shard, end)| (shard, tail(shard).map_or(end, |(kept, _)| *kept))).collect()
    }
}

/// Looks for auctions whose opening is gone.
///
/// # Errors
/// The log can't be read.
pub fn headless(
    log: &dyn LogReader,
    ends: &[(ShardId, Lsn)],
    on_records: &mut impl FnMut(u64),
) -> Result<Headless, RebuildError> {
    let (mut opened, mut found) = (Set::default(), Headless::default());
    for &(shard, end) in ends {
        let (mut kept, mut last) = (Lsn(0), Position::start(shard));
        for frame in log.read_from(shard, log.oldest(shard)) {
            let frame = frame?;
            for read in records_of(&frame, Lsn(0), end) {
                let (position, record) = read?;
                last = position;
                match record {
                    Record::Auction(event) if event.seq > Seq(1) && !opened.contains(&event.auction) => {
                        found.auctions.insert(event.auction);
                        continue;
                    }
                    Record::Auction(event) if event.seq == Seq(1) => drop(opened.insert(event.auction)),
                    Record::Auction(_) | Record::Shard(_) => {}
                }
                kept = position.lsn;
            }
            on_records(frame.count().into());
        }
        found.tails.push((kept, last));
    }
    Ok(found)
}

/// Fills the databases, and marks them as filled. `look` hears how far each shard is, and says whether to go on; gives whether it came to the
/// end.
///
/// # Errors
/// A shard can't be written. What is written stays, and may be gone on with.
pub async fn fill(
    options: Options,
    what: Fill<'_>,
    mut look: impl FnMut(&[ShardReport]) -> Go,
) -> Result<Filled, RebuildError> {
    let Fill { log, id, ends, left_out } = what;
    let shards: Vec<ShardId> = ends.iter().map(|(shard, _)| *shard).collect();
    // The flusher closes its connections when it ends.
    let mut marks = Vec::new();
    for (database, shards) in options.routes.by_database(&shards)? {
        let of = |source| RebuildError::Database { name: database.name().to_owned(), source };
        marks.push((database.name().to_owned(), database.client().await.map_err(of)?, numbers(&shards)));
    }
    let (ends, tails) = (left_out.ends(ends), left_out.tails);
    let source = OfflineSource::new(log, id, &ends).without(left_out.auctions);
    let (service, handle) = Service::new(options, source)?;
    let watched = watch(&handle, &ends, &mut look);
    let running = service.run();
    let (done, ()) = tokio::join!(
        async {
            let done = watched.await;
            handle.stop();
            done
        },
        running
    );
    let mut filled = Filled { is_complete: done?, parked: 0 };
    for (name, client, shards) in &mut marks {
        let of = |error: tokio_postgres::Error| RebuildError::Database {
            name: name.clone(),
            source: error.into(),
        };
        if filled.is_complete {
            finish(client, shards, &tails).await.map_err(of)?;
        }
        let count = "SELECT count(*) FROM parked WHERE shard = ANY ($1)";
        let parked = client.query_one(count, &[&*shards]).await.map_err(of)?;
        filled.parked += number(&parked, 0).map_err(of)?;
    }
    Ok(filled)
}

/// Marks shards as filled, and passes what was left out at their ends.
async fn finish(
    client: &mut Client,
    shards: &[i16],
    tails: &[(Lsn, Position)],
) -> Result<(), tokio_postgres::Error> {
    let transaction = client.transaction().await?;
    for (_, Position { shard, epoch, lsn }) in tails.iter().filter(|(kept, last)| *kept < last.lsn) {
        let (shard, epoch, lsn) = (i16::from(shard.0), i64::from(epoch.0), lsn.0.cast_signed());
        if shards.contains(&shard) {
            let pass = "
                INSERT INTO cursors (shard, epoch, lsn) VALUES ($1, $2, $3)
                ON CONFLICT (shard) DO UPDATE SET epoch = excluded.epoch, lsn = excluded.lsn, moved_at = now()
                WHERE cursors.lsn < excluded.lsn";
            transaction.execute(pass, &[&shard, &epoch, &lsn]).await?;
        }
    }
    let mark = "
        UPDATE rebuild SET finished_at = CASE WHEN shards <@ $1 THEN now() END,
            shards = ARRAY(SELECT unnest(shards) EXCEPT SELECT unnest($1))
        WHERE finished_at IS NULL";
    transaction.execute(mark, &[&shards]).await?;
    transaction.commit().await
}

/// Waits until all shards are there, one can't be written, or it is told to stop.
async fn watch(
    handle: &Handle,
    ends: &[(ShardId, Lsn)],
    look: &mut impl FnMut(&[ShardReport]) -> Go,
) -> Result<bool, RebuildError> {
    loop {
        let shards = handle.report().shards;
        if let Some((shard, problem)) = shards.iter().find_map(refusal) {
            return Err(RebuildError::Shard { shard, problem });
        }
        if look(&shards) == Go::Stop {
            return Ok(false);
        }
        let is_there = |(shard, end): &(ShardId, Lsn)| {
            shards.iter().any(|report| report.shard == *shard && report.cursor.lsn >= *end)
        };
        if ends.iter().all(is_there) {
            return Ok(true);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn refusal(report: &ShardReport) -> Option<(ShardId, String)> {
    let is_refused = report.state == flusher::LaneState::Refused;
    is_refused.then(|| (report.shard, report.problem.clone().unwrap_or_default()))
}
