//! `gavel postgres migrate` and `gavel postgres status`: the schema of each database, and how far each shard is in it.

use super::command::DatabaseFlags;
use super::tools::{ToolError, each, ended, routes};
use crate::config::Settings;
use crate::exit::Exit;
use crate::output;
use crate::shards::{Durable, Server};
use clap::Args;
use gavel_postgres::schema::{self, Version};
use gavel_postgres::{Database, DatabaseError};
use serde_json::{Value, json};

/// The examples in the help of `migrate`.
pub(super) const MIGRATE_HELP: &str = "\
Examples:
  gavel postgres migrate --postgres postgresql://owner@db/auctions
  gavel postgres migrate --json

Exits with 1 where a schema can't be brought up to date, with 8 where a database can't be reached.";

/// The examples in the help of `status`.
pub(super) const STATUS_HELP: &str = "\
`pending` is how many records the running server has that the database does not; `?` where the server does not answer. `as of` is the time of \
the last record that was taken in.

Examples:
  gavel postgres status
  gavel postgres status --server 10.0.0.7:7400
  gavel postgres status --json | jq '.[].shards'

Exits with 8 where a database can't be reached; the others are shown.";

/// The flags of `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusFlags {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    pub(super) databases: DatabaseFlags,
}

/// Brings every database's schema up to date.
pub(super) async fn migrate(settings: &Settings, json: bool) -> Result<Exit, ToolError> {
    let routes = routes(settings)?;
    let (done, exit) = each(routes.databases(), migrate_one).await;
    let text = |done: &[(String, Version)]| {
        let line = |(name, before): &(String, Version)| {
            format!("{name}: schema {}, {}", schema::wanted(), did(*before))
        };
        done.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    let fact = |(name, before): &(String, Version)| json!({ "database": name, "schema": schema::wanted(), "was": did(*before) });
    Ok(ended(&done, exit, json, text, |done| done.iter().map(fact).collect()))
}

async fn migrate_one(database: &Database) -> Result<(String, Version), ToolError> {
    let before = database.migrate().await.map_err(ToolError::of(database.name()))?;
    Ok((database.name().to_owned(), before))
}

const fn did(before: Version) -> &'static str {
    match before {
        Version::Empty => "made",
        Version::Behind(_) => "brought up to date",
        Version::Current | Version::Ahead(_) => "up to date already",
    }
}

/// How one database is.
struct Status {
    database: String,
    address: String,
    schema: i32,
    shards: Vec<Shard>,
}

/// How far a shard is in it.
struct Shard {
    number: u8,
    cursor: String,
    lsn: u64,
    /// When the last record was that was taken in.
    at: Option<String>,
    parked: u64,
    is_released: bool,
}

/// Shows every database.
pub(super) async fn show(flags: &StatusFlags, settings: &Settings, json: bool) -> Result<Exit, ToolError> {
    let routes = routes(settings)?;
    let (all, exit) = each(routes.databases(), of_database).await;
    // It has a runtime of its own.
    let server = flags.server;
    let durable = tokio::task::spawn_blocking(move || Durable::ask(server)).await;
    let durable = match durable {
        Ok(Ok(durable)) => Some(durable),
        Ok(Err(problem)) => {
            output::note(&format_args!("what is pending is not known: {problem}"));
            None
        }
        Err(_) => None,
    };
    let durable = durable.as_ref();
    Ok(ended(&all, exit, json, |all| to_text(all, durable), |all| to_json(all, durable)))
}

async fn of_database(database: &Database) -> Result<Status, ToolError> {
    let of = ToolError::of(database.name());
    let (schema, shards) = ask(database).await.map_err(of)?;
    let (name, address) = (database.name().to_owned(), database.address().to_string());
    Ok(Status { database: name, address, schema, shards })
}

async fn ask(database: &Database) -> Result<(i32, Vec<Shard>), DatabaseError> {
    let client = database.client().await?;
    let schema = match schema::version(&**client).await? {
        Version::Empty => return Ok((0, Vec::new())),
        Version::Behind(version) | Version::Ahead(version) => version,
        Version::Current => schema::wanted(),
    };
    let ask = "
        SELECT shard, epoch, lsn, released_at IS NOT NULL, (SELECT count(*) FROM parked WHERE parked.shard = cursors.shard),
            to_char(at, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')
        FROM cursors ORDER BY shard";
    let shard = |row: &tokio_postgres::Row| -> Result<Shard, tokio_postgres::Error> {
        let (shard, epoch, lsn): (i16, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        Ok(Shard {
            number: shard as u8,
            cursor: format!("{shard}-{epoch}-{lsn}"),
            lsn: lsn.cast_unsigned(),
            is_released: row.try_get(3)?,
            parked: row.try_get::<_, i64>(4)?.cast_unsigned(),
            at: row.try_get(5)?,
        })
    };
    let shards = client.query(ask, &[]).await?.iter().map(shard).collect::<Result<_, _>>()?;
    Ok((schema, shards))
}

impl Shard {
    /// What is still to come; `None` where that is not known, or nothing comes any more.
    fn pending(&self, durable: Option<&Durable>) -> Option<u64> {
        let durable = durable.filter(|_| !self.is_released)?.of(self.number)?;
        Some(durable.saturating_sub(self.lsn))
    }
}

fn to_text(all: &[Status], durable: Option<&Durable>) -> String {
    let heading = ["shard", "database", "cursor", "as of", "pending", "parked", "state"];
    let row = |status: &Status, shard: &Shard| {
        let pending = match (shard.pending(durable), shard.is_released) {
            (Some(pending), _) => output::grouped(pending),
            (None, true) => "-".to_owned(),
            (None, false) => "?".to_owned(),
        };
        vec![
            shard.number.to_string(),
            status.database.clone(),
            shard.cursor.clone(),
            shard.at.clone().unwrap_or_else(|| "-".to_owned()),
            pending,
            output::grouped(shard.parked),
            if shard.is_released { "given away" } else { "written" }.to_owned(),
        ]
    };
    let rows = all.iter().flat_map(|status| status.shards.iter().map(move |shard| row(status, shard)));
    let table: Vec<_> = std::iter::once(heading.map(str::to_owned).to_vec()).chain(rows).collect();
    let mut lines: Vec<String> = all.iter().map(schema_line).collect();
    if table.len() > 1 {
        lines.push(output::table(&table));
    }
    lines.join("\n")
}

fn schema_line(status: &Status) -> String {
    let Status { database, address, schema: found, shards } = status;
    let wanted = schema::wanted();
    let about = match *found {
        0 => "no schema: nothing was ever flushed to it".to_owned(),
        found if found < wanted => {
            format!("schema {found}, and this gavel writes {wanted}: run `gavel postgres migrate`")
        }
        found if found > wanted => {
            format!("schema {found}, and this gavel knows up to {wanted}: run a newer one")
        }
        found if shards.is_empty() => format!("schema {found}; no shard was ever flushed to it"),
        found => format!("schema {found}"),
    };
    format!("database {database} ({address}): {about}")
}

fn to_json(all: &[Status], durable: Option<&Durable>) -> Vec<Value> {
    let shard = |shard: &Shard| {
        json!({
            "shard": shard.number, "cursor": shard.cursor, "at": shard.at, "pending": shard.pending(durable),
            "parked": shard.parked, "released": shard.is_released,
        })
    };
    let status = |status: &Status| {
        json!({
            "database": status.database, "at": status.address, "schema": status.schema, "wanted": schema::wanted(),
            "shards": status.shards.iter().map(shard).collect::<Vec<_>>(),
        })
    };
    all.iter().map(status).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_shown_with_what_is_pending_and_a_schema_with_what_to_do() {
        let shard = |number, lsn, is_released| Shard {
            number,
            cursor: format!("{number}-1-{lsn}"),
            lsn,
            at: None,
            parked: 0,
            is_released,
        };
        let status = |schema, shards| Status {
            database: "main".to_owned(),
            address: "auctions at db:5432".to_owned(),
            schema,
            shards,
        };
        let all = [status(schema::wanted(), vec![shard(0, 5, false), shard(1, 7, true), shard(2, 9, false)])];
        let durable: Durable = [(0, 1_205)].into_iter().collect();
        let text = to_text(&all, Some(&durable));
        let pending: Vec<_> =
            text.lines().skip(2).map(|line| line.split_whitespace().nth(4).unwrap()).collect();
        assert_eq!(pending, ["1,200", "-", "?"], "{text}");
        assert!(to_text(&[status(1, vec![])], None).contains("`gavel postgres migrate`"));
        assert!(to_text(&[status(0, vec![])], None).contains("nothing was ever flushed"));
        assert!(to_text(&[status(99, vec![])], None).contains("run a newer one"));
    }
}
