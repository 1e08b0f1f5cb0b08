//! Filling an empty database from archive and log.
//!
//! It is the flusher's own work, done on the files instead of the running log: the same lanes, batches, cursors and parking. So it ends where
//! a flusher goes on, killed at any moment it goes on where it was, and what comes out is what flushing from the first day would have
//! made. What is here is the rest: whether the database is empty, and when it is filled.

use crate::flusher::{self, Handle, Options, Service, ShardReport};
use crate::offline::OfflineSource;
use crate::write::number;
use crate::{Database, DatabaseError, Set, Unreadable};
use gavel_core::{AuctionId, Lsn, Position, Seq, ShardId};
use gavel_log::record::{Record, decode};
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
        "database `{name}` is not empty: it has {auctions} auctions, and a cursor in {shards} shards; an empty one is filled, and nothing \
         is ever deleted here. To fill it anew: DROP SCHEMA gavel CASCADE, or another database"
    )]
    NotEmpty {
        /// What it is called.
        name: String,
        /// Rows of `auctions`.
        auctions: u64,
        /// Rows of `cursors`.
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

/// Demands that a database is empty, or partly filled by an earlier run, and marks it as being filled.
///
/// # Errors
/// It is not, or can't be asked.
pub async fn begin(database: &Database) -> Result<Begun, RebuildError> {
    let name = || database.name().to_owned();
    let of = |source| RebuildError::Database { name: name(), source };
    database.ensure_schema().await.map_err(of)?;
    let client = database.client().await.map_err(of)?;
    let of = |error: tokio_postgres::Error| of(error.into());
    let ask = "
        SELECT (SELECT count(*) FROM auctions), (SELECT count(*) FROM cursors),
            (SELECT finished_at IS NULL FROM rebuild)";
    let row = client.query_one(ask, &[]).await.map_err(of)?;
    let (auctions, shards) = (number(&row, 0).map_err(of)?, number(&row, 1).map_err(of)?);
    if row.try_get::<_, Option<bool>>(2).map_err(of)? == Some(true) {
        return Ok(Begun::Partly);
    }
    if auctions > 0 || shards > 0 {
        return Err(RebuildError::NotEmpty { name: name(), auctions, shards });
    }
    let mark = "
        INSERT INTO rebuild DEFAULT VALUES ON CONFLICT (is_one) DO UPDATE SET started_at = now(), finished_at = NULL";
    client.execute(mark, &[]).await.map_err(of)?;
    Ok(Begun::Empty)
}

/// What a database is filled with: shards of a log, each up to a record.
#[derive(Clone)]
pub struct Fill<'a> {
    /// To read it.
    pub log: Arc<dyn LogReader>,
    /// Each shard's last record.
    pub ends: &'a [(ShardId, Lsn)],
    /// Auctions that are left out: see [`headless`].
    pub left_out: Set<AuctionId>,
}

/// The auctions of which there are records and no opening: it has left the archive. What is left of them fills no row.
///
/// # Errors
/// The log can't be read.
pub fn headless(
    log: &dyn LogReader,
    ends: &[(ShardId, Lsn)],
    on_records: &mut impl FnMut(u64),
) -> Result<Set<AuctionId>, RebuildError> {
    let (mut opened, mut headless) = (Set::default(), Set::default());
    for &(shard, end) in ends {
        for frame in log.read_from(shard, log.oldest(shard)) {
            let frame = frame?;
            for (lsn, bytes) in frame.records().take_while(|(lsn, _)| *lsn <= end) {
                let position = Position { shard, epoch: frame.epoch(), lsn };
                if let Record::Auction(event) =
                    decode(bytes).map_err(|source| Unreadable { position, source })?
                {
                    if event.seq == Seq(1) {
                        opened.insert(event.auction);
                    } else if !opened.contains(&event.auction) {
                        headless.insert(event.auction);
                    }
                }
            }
            on_records(frame.count().into());
        }
    }
    Ok(headless)
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
) -> Result<bool, RebuildError> {
    let Fill { log, ends, left_out } = what;
    // The flusher closes its connections when it ends.
    let mut marks = Vec::new();
    for database in options.routes.databases() {
        let of = |source| RebuildError::Database { name: database.name().to_owned(), source };
        marks.push((database.name().to_owned(), database.client().await.map_err(of)?));
    }
    let source = OfflineSource::new(log, ends).without(left_out);
    let (service, handle) = Service::new(options, source)?;
    let watched = watch(&handle, ends, &mut look);
    let running = service.run();
    let (done, ()) = tokio::join!(
        async {
            let done = watched.await;
            handle.stop();
            done
        },
        running
    );
    let done = done?;
    if done {
        for (name, client) in &marks {
            finish(client)
                .await
                .map_err(|error| RebuildError::Database { name: name.clone(), source: error.into() })?;
        }
    }
    Ok(done)
}

async fn finish(client: &Client) -> Result<(), tokio_postgres::Error> {
    client.execute("UPDATE rebuild SET finished_at = now() WHERE finished_at IS NULL", &[]).await.map(drop)
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
