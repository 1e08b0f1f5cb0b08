//! Runs as they are recorded in the database: what was to be delivered, how far each shard is, how it ended.

use crate::error::said;
use crate::write::number;
use gavel_core::{Lsn, ShardId};
use std::collections::BTreeMap;
use tokio_postgres::{Client, Error, GenericClient, Row};
use uuid::Uuid;

/// A run under way. The database knows by its connection that it is.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its name.
    pub id: Uuid,
    /// How far it was in each shard when it was stopped before.
    pub done: BTreeMap<ShardId, Lsn>,
}

/// Why a run can't be gone on with.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// PostgreSQL refuses, or its connection failed.
    #[error("{}", said(.0))]
    Postgres(#[from] Error),
    /// There is none.
    #[error("there is no run {0} here; `gavel republish --list` shows those that there are")]
    Unknown(Uuid),
    /// It has come to its end.
    #[error("run {0} is finished")]
    Finished(Uuid),
    /// Somebody is at it.
    #[error("run {0} is under way elsewhere")]
    UnderWay(Uuid),
}

/// A run as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub id: Uuid,
    /// When it began, RFC 3339.
    pub started: String,
    /// When it ended; `None`: it has not.
    pub ended: Option<String>,
    /// `running`, `stopped`, `finished`; `killed` where it says that it runs and nobody does.
    pub state: String,
    /// What was to be delivered.
    pub selection: String,
    /// Records that were selected.
    pub records: u64,
    /// Rows that were written.
    pub written: u64,
}

/// Takes the run for this connection, as long as that lasts.
const LOCK: &str = "SELECT pg_try_advisory_lock(hashtextextended('gavel.republish.' || $1::text, 0))";

/// Begins a run. The selection is JSON, in whatever words whoever resumes it understands.
///
/// # Errors
/// PostgreSQL refuses.
pub async fn begin(client: &Client, id: Uuid, selection: &str) -> Result<Run, RunError> {
    client.query_one(LOCK, &[&id.to_string()]).await?;
    let insert = "INSERT INTO republish_runs (id, selection) VALUES ($1, $2::text::jsonb)";
    client.execute(insert, &[&id, &selection]).await?;
    Ok(Run { id, done: BTreeMap::new() })
}

/// What a run was to deliver, whatever has become of it; `None` where this database does not know it.
///
/// # Errors
/// PostgreSQL refuses.
pub async fn selection(client: &Client, id: Uuid) -> Result<Option<String>, Error> {
    let row = client.query_opt("SELECT selection::text FROM republish_runs WHERE id = $1", &[&id]).await?;
    row.map(|row| row.try_get(0)).transpose()
}

/// Goes on with a run.
///
/// # Errors
/// There is no such run, it is finished, or under way elsewhere.
pub async fn resume(client: &Client, id: Uuid) -> Result<Run, RunError> {
    let ask = "SELECT state FROM republish_runs WHERE id = $1";
    let row = client.query_opt(ask, &[&id]).await?.ok_or(RunError::Unknown(id))?;
    if row.try_get::<_, &str>(0)? == "finished" {
        return Err(RunError::Finished(id));
    }
    if !client.query_one(LOCK, &[&id.to_string()]).await?.try_get::<_, bool>(0)? {
        return Err(RunError::UnderWay(id));
    }
    let update =
        "UPDATE republish_runs SET state = 'running', ended_at = NULL, moved_at = now() WHERE id = $1";
    client.execute(update, &[&id]).await?;
    let ask = "SELECT shard, lsn FROM republish_shards WHERE run = $1";
    let done = |row: &Row| Ok((ShardId(row.try_get::<_, i16>(0)? as u8), Lsn(number(row, 1)?)));
    let rows = client.query(ask, &[&id]).await?;
    let done = rows.iter().map(done).collect::<Result<_, Error>>()?;
    Ok(Run { id, done })
}

/// Moves a shard's progress. In the transaction that writes.
pub(super) async fn advance(
    transaction: &impl GenericClient,
    run: Uuid,
    (shard, lsn): (ShardId, Lsn),
    (records, written): (u64, u64),
) -> Result<(), Error> {
    let statement = "
        WITH moved AS (UPDATE republish_runs SET moved_at = now() WHERE id = $1)
        INSERT INTO republish_shards (run, shard, lsn, records, written) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (run, shard) DO UPDATE SET lsn = excluded.lsn, records = republish_shards.records + excluded.records,
            written = republish_shards.written + excluded.written";
    let (shard, lsn) = (i16::from(shard.0), lsn.0.cast_signed());
    let (records, written) = (records.cast_signed(), written.cast_signed());
    transaction.execute(statement, &[&run, &shard, &lsn, &records, &written]).await.map(drop)
}

/// The run has come to its end.
///
/// # Errors
/// PostgreSQL refuses.
pub async fn finish(client: &Client, run: Uuid) -> Result<(), Error> {
    end(client, run, "finished").await
}

/// The run was stopped, and may be gone on with.
///
/// # Errors
/// PostgreSQL refuses.
pub async fn stop(client: &Client, run: Uuid) -> Result<(), Error> {
    end(client, run, "stopped").await
}

async fn end(client: &Client, run: Uuid, state: &str) -> Result<(), Error> {
    let update = "UPDATE republish_runs SET state = $2, ended_at = now(), moved_at = now() WHERE id = $1";
    client.execute(update, &[&run, &state]).await?;
    let unlock = "SELECT pg_advisory_unlock(hashtextextended('gavel.republish.' || $1::text, 0))";
    client.query_one(unlock, &[&run.to_string()]).await.map(drop)
}

/// A run whose lock nobody holds does not run, whatever it says.
const LIST: &str = "
SELECT runs.id, to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
    to_char(ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
    CASE WHEN state = 'running' AND NOT EXISTS (
        SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND (classid::bigint << 32 | objid::bigint) = hashtextextended('gavel.republish.' || runs.id::text, 0))
        THEN 'killed' ELSE state END,
    selection::text, coalesce(sum(shards.records), 0)::bigint, coalesce(sum(shards.written), 0)::bigint
FROM republish_runs AS runs LEFT JOIN republish_shards AS shards ON shards.run = runs.id
GROUP BY runs.id ORDER BY started_at DESC LIMIT $1";

/// The latest runs, at most so many.
///
/// # Errors
/// PostgreSQL refuses.
pub async fn list(client: &Client, most: i64) -> Result<Vec<Listed>, Error> {
    let read = |row: &Row| {
        Ok(Listed {
            id: row.try_get(0)?,
            started: row.try_get(1)?,
            ended: row.try_get(2)?,
            state: row.try_get(3)?,
            selection: row.try_get(4)?,
            records: number(row, 5)?,
            written: number(row, 6)?,
        })
    };
    client.query(LIST, &[&most]).await?.iter().map(read).collect()
}
