//! `gavel outbox`: how far each consumer is, in each shard: delivered, pending, parked.

use super::CONSUMER;
use super::command::DatabaseFlags;
use super::tools::{ToolError, block_on, connect};
use crate::client::{self, LinkError};
use crate::config::{Given, Settings};
use crate::exit::Exit;
use crate::output;
use crate::shards::remote::ask;
use crate::shards::{Durable, Server};
use clap::Args;
use gavel_core::ConsumerName;
use gavel_postgres::Database;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What `gavel outbox --help` begins with.
pub(crate) const ABOUT: &str = "\
Show the outbox: for every consumer and shard, up to where it was delivered, how much is pending and for how long, how much is parked.

Every record of the log is its own entry of the outbox, so nothing is ever taken out of it: a consumer's position says what was \
delivered. What PostgreSQL says of itself is shown where a database is named (as for `gavel serve`).";

/// The examples in the help.
pub(crate) const HELP: &str = "\
Examples:
  gavel outbox
  gavel outbox --postgres postgresql://flusher@db/auctions --json
  gavel outbox --name archive --postgres postgresql://flusher@db/archive     of a second flusher
  gavel postgres parked                     what is parked, and why
  gavel republish --to postgres --missing   deliver again what is not there

Exits with 8 when the server can't be reached.";

/// The flags.
#[derive(Debug, Args)]
pub(crate) struct OutboxFlags {
    /// The consumer that writes to these databases: the `--name` of `gavel flush`
    #[arg(long, value_name = "NAME", default_value = CONSUMER)]
    name: ConsumerName,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    databases: DatabaseFlags,
}

impl OutboxFlags {
    /// The settings that were given, and the file of the others.
    pub(crate) fn given(&self) -> (Given, Option<PathBuf>) {
        self.databases.given()
    }
}

/// One consumer in one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    consumer: String,
    shard: u8,
    /// Which database has said so; `None` for what the server knows alone.
    database: Option<String>,
    /// The last record that was delivered.
    delivered: String,
    pending: u64,
    /// For how long the oldest of them has waited; `None` where only the database knows of the consumer.
    pending_us: Option<u64>,
    /// `None` for consumers that park nothing.
    parked: Option<u64>,
}

/// As the server lists consumers.
#[derive(Debug, Deserialize)]
struct Consumer {
    name: String,
    shards: Vec<Lag>,
}

#[derive(Debug, Deserialize)]
struct Lag {
    shard: u8,
    cursor: String,
    records_behind: u64,
    behind_us: u64,
}

/// Where a database is in one shard: cursor, its record's number, what is parked.
struct Stand {
    database: String,
    cursor: String,
    lsn: u64,
    parked: u64,
}

/// Asks server and databases.
pub(crate) fn run(flags: &OutboxFlags, settings: &Settings, json: bool) -> Exit {
    let (stands, problems) = match stands(settings) {
        Ok(asked) => asked,
        Err(problem) => return output::failure(problem.exit(), &problem),
    };
    problems.iter().for_each(|problem| output::warning(problem));
    client::print(
        listed(flags, stands).map(|entries| if json { to_json(&entries) } else { to_text(&entries) }),
    )
}

fn listed(flags: &OutboxFlags, stands: BTreeMap<u8, Stand>) -> Result<Vec<Entry>, LinkError> {
    let OutboxFlags { name, server, databases: _ } = flags;
    let server = *server;
    let strange = |problem: serde_json::Error| LinkError::Strange(server.address(), problem.to_string());
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let consumers = ask(server, &words(&["CONSUMERS", "LIST"]))?;
    let consumers = Vec::<Consumer>::deserialize(&consumers).map_err(strange)?;
    Ok(joined(name.as_str(), &consumers, &Durable::ask(server)?, stands))
}

/// What the databases say of their shards. One that does not answer is told, and hides nothing else.
fn stands(settings: &Settings) -> Result<(BTreeMap<u8, Stand>, Vec<String>), ToolError> {
    let routes = settings.routes().map_err(|problem| ToolError::Usage(problem.to_string()))?;
    let Some(routes) = routes else { return Ok((BTreeMap::new(), Vec::new())) };
    block_on(async {
        let (mut stands, mut problems) = (BTreeMap::new(), Vec::new());
        for database in routes.databases() {
            match of_database(database).await {
                Ok(some) => stands.extend(some),
                Err(problem) => problems.push(problem.to_string()),
            }
        }
        Ok((stands, problems))
    })
}

async fn of_database(database: &Database) -> Result<Vec<(u8, Stand)>, ToolError> {
    let of = ToolError::of(database.name());
    let client = connect(database).await?;
    let ask = "
        SELECT shard, shard || '-' || epoch || '-' || lsn, lsn, (SELECT count(*) FROM parked WHERE parked.shard = cursors.shard)
        FROM cursors WHERE released_at IS NULL";
    let read = |row: &tokio_postgres::Row| {
        let (shard, lsn, parked): (i16, i64, i64) = (row.try_get(0)?, row.try_get(2)?, row.try_get(3)?);
        let (lsn, parked) = (lsn.cast_unsigned(), parked.cast_unsigned());
        let database = database.name().to_owned();
        Ok((shard as u8, Stand { database, cursor: row.try_get(1)?, lsn, parked }))
    };
    let rows = client.query(ask, &[]).await.map_err(|error| of(error.into()))?;
    rows.iter().map(read).collect::<Result<_, tokio_postgres::Error>>().map_err(|error| of(error.into()))
}

/// Both together: where a database says how far it is, that counts, as it is where the rows are.
fn joined(
    own: &str,
    consumers: &[Consumer],
    durable: &Durable,
    mut stands: BTreeMap<u8, Stand>,
) -> Vec<Entry> {
    let mut entries = Vec::new();
    let durable = |shard: u8| durable.of(shard).unwrap_or_default();
    for Consumer { name, shards } in consumers {
        for Lag { shard, cursor, records_behind, behind_us } in shards {
            let stand = if name == own { stands.remove(shard) } else { None };
            let (delivered, pending, parked, database) = match stand {
                Some(Stand { database, cursor, lsn, parked }) => {
                    (cursor, durable(*shard).saturating_sub(lsn), Some(parked), Some(database))
                }
                None => (cursor.clone(), *records_behind, None, None),
            };
            let (consumer, pending_us) = (name.clone(), Some(if pending == 0 { 0 } else { *behind_us }));
            entries.push(Entry { consumer, shard: *shard, database, delivered, pending, pending_us, parked });
        }
    }
    let unheard = stands.into_iter().map(|(shard, stand)| Entry {
        consumer: own.to_owned(),
        shard,
        database: Some(stand.database),
        delivered: stand.cursor,
        pending: durable(shard).saturating_sub(stand.lsn),
        pending_us: None,
        parked: Some(stand.parked),
    });
    entries.extend(unheard);
    entries.sort_by(|a, b| (&a.consumer, a.shard).cmp(&(&b.consumer, b.shard)));
    entries
}

fn to_text(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return "nobody is delivered to: no consumer follows by name".to_owned();
    }
    let heading = ["consumer", "shard", "delivered", "pending", "oldest", "parked", "database"];
    let heading = heading.map(str::to_owned).to_vec();
    let row = |entry: &Entry| {
        let Entry { consumer, shard, database, delivered, pending, pending_us, parked } = entry;
        let seconds = |us: u64| format!("{}.{} s", output::grouped(us / 1_000_000), us / 100_000 % 10);
        let oldest = pending_us.map_or_else(|| "?".to_owned(), seconds);
        let parked = parked.map_or_else(|| "-".to_owned(), output::grouped);
        vec![
            consumer.clone(),
            shard.to_string(),
            delivered.clone(),
            output::grouped(*pending),
            oldest,
            parked,
            database.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    };
    output::table(&std::iter::once(heading).chain(entries.iter().map(row)).collect::<Vec<_>>())
}

fn to_json(entries: &[Entry]) -> String {
    let entry = |entry: &Entry| {
        let Entry { consumer, shard, database, delivered, pending, pending_us, parked } = entry;
        json!({
            "consumer": consumer, "shard": shard, "delivered": delivered, "pending": pending, "pending_us": pending_us,
            "parked": parked, "database": database,
        })
    };
    Value::Array(entries.iter().map(entry).collect()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_database_says_counts_and_one_that_nobody_follows_for_is_shown_too() {
        let lag = |shard, records_behind| Lag {
            shard,
            cursor: format!("{shard}-1-2"),
            records_behind,
            behind_us: 1_500_000,
        };
        let consumers = [
            Consumer { name: "backup".into(), shards: vec![lag(0, 7)] },
            Consumer { name: "postgres".into(), shards: vec![lag(0, 7)] },
        ];
        let durable: Durable = [(0, 9), (1, 20)].into_iter().collect();
        let stand =
            |cursor: &str, lsn| Stand { database: "main".into(), cursor: cursor.into(), lsn, parked: 3 };
        let stands = [(0, stand("0-1-5", 5)), (1, stand("1-1-20", 20))].into_iter().collect();
        let text = to_text(&joined("postgres", &consumers, &durable, stands));
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                "consumer  shard  delivered  pending  oldest  parked  database",
                "backup        0      0-1-2        7   1.5 s       -         -",
                "postgres      0      0-1-5        4   1.5 s       3      main",
                "postgres      1     1-1-20        0       ?       3      main",
            ]
        );
        assert!(to_text(&[]).contains("no consumer"));
    }
}
