//! `gavel postgres …`: the write databases, from outside of the flusher.

use super::SPELLING;
use super::tools::routes;
use crate::config::{Databases, Given, POSTGRES_FILE, Settings};
use crate::exit::Exit;
use crate::output;
use clap::{Args, Subcommand};
use gavel_core::{AuctionId, ShardId};
use gavel_postgres::assign::{Assignments, assign};
use gavel_postgres::park::{list, retry};
use gavel_postgres::schema::{self, Version};
use gavel_postgres::{Database, DatabaseError, Routes};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The examples in the help.
pub(crate) const HELP: &str = "\
Where the databases are is said by --postgres, GAVEL_POSTGRES or gavel.toml, as for `gavel serve`.

Examples:
  gavel postgres migrate                    bring the schema of every database up to date
  gavel postgres status                     how far each shard is
  gavel postgres partitions                 what each day holds, what holds it, when it may go
  gavel postgres parked                     what PostgreSQL has refused, and why
  gavel postgres retry                      try all of it again
  gavel postgres assign --shard 3 --to second     give a shard to another database on purpose";

/// Parked auctions that are listed at most.
const LISTED_MAX: i64 = 1_000;

/// What to do with the write databases.
#[derive(Debug, Subcommand)]
pub(crate) enum PostgresCommand {
    /// Make the schema, or bring it up to date
    #[command(
        after_help = "Examples:\n  gavel postgres migrate --postgres postgresql://owner@db/auctions\n  gavel postgres migrate --json"
    )]
    Migrate(DatabaseFlags),
    /// Show the schema of each database, how far each shard is, and how much is parked
    #[command(
        after_help = "Examples:\n  gavel postgres status\n  gavel postgres status --json | jq '.[].shards'"
    )]
    Status(DatabaseFlags),
    /// List the days that have partitions: rows, bytes, what holds each, when it may go
    #[command(after_help = super::partitions::PARTITIONS_HELP)]
    Partitions(super::partitions::PartitionsFlags),
    /// Drop the days that may go, now
    #[command(after_help = super::partitions::RETAIN_HELP)]
    Retain(super::partitions::RetainFlags),
    /// List what PostgreSQL has refused and was put aside, with the reason
    #[command(
        after_help = "Examples:\n  gavel postgres parked\n  gavel postgres parked --json | jq '.[].reason'"
    )]
    Parked(DatabaseFlags),
    /// Try what was put aside again
    #[command(
        after_help = "Examples:\n  gavel postgres retry\n  gavel postgres retry --auction 20261122-003-00000042"
    )]
    Retry {
        /// Of this auction alone
        #[arg(long, value_name = "ID")]
        auction: Option<AuctionId>,
        #[command(flatten)]
        databases: DatabaseFlags,
    },
    /// Give a shard to another database on purpose; it is filled there from where that database has it, else from the beginning
    #[command(
        after_help = "Examples:\n  gavel postgres assign --shard 3 --to second\n  gavel postgres assign --shard 3 --to second --assignments /var/lib/gavel-flush/shards.json"
    )]
    Assign {
        /// The shard's number
        #[arg(long, value_name = "SHARD")]
        shard: ShardId,
        /// The database, by its name in gavel.toml
        #[arg(long, value_name = "NAME")]
        to: String,
        /// The file that `gavel flush --assignments` keeps [default: the data directory's]
        #[arg(long, value_name = "FILE")]
        assignments: Option<PathBuf>,
        #[command(flatten)]
        databases: DatabaseFlags,
    },
}

/// Where the databases are.
#[derive(Clone, Debug, Args)]
pub(crate) struct DatabaseFlags {
    /// The database's connection string [default: as `gavel config` says]
    #[arg(long, value_name = "URL")]
    postgres: Option<Databases>,
    /// Batches that are written to each database at once: 1 to 64 [default: 4]
    #[arg(long, value_name = "N")]
    postgres_connections: Option<usize>,
    /// The least time between two batches of a shard that is not behind, 1 to 60000 ms [default: 100]
    #[arg(long, value_name = "MS")]
    postgres_every_ms: Option<u64>,
    /// Certificates, in PEM, that PostgreSQL's is checked by [default: the system's]
    #[arg(long, value_name = "FILE")]
    postgres_ca: Option<PathBuf>,
    /// The data directory, which remembers what each database has [default: as `gavel config` says]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The settings file, TOML [default: $GAVEL_CONFIG, else ./gavel.toml if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl DatabaseFlags {
    /// The settings that were given, and the file of the others.
    pub(crate) fn given(&self) -> (Given, Option<PathBuf>) {
        let Self { postgres, postgres_connections, postgres_every_ms, postgres_ca, data, config } =
            self.clone();
        (Given::databases(postgres, postgres_connections, postgres_every_ms, postgres_ca, data), config)
    }
}

impl PostgresCommand {
    /// Where the databases are.
    pub(crate) const fn databases(&self) -> &DatabaseFlags {
        match self {
            Self::Migrate(databases) | Self::Status(databases) | Self::Parked(databases) => databases,
            Self::Partitions(flags) => &flags.databases,
            Self::Retain(flags) => &flags.databases,
            Self::Retry { databases, .. } | Self::Assign { databases, .. } => databases,
        }
    }
}

/// Does it, in every database.
pub(crate) fn run(command: &PostgresCommand, settings: &Settings, json: bool) -> Exit {
    match command {
        PostgresCommand::Partitions(flags) => return super::partitions::list(flags, settings, json),
        PostgresCommand::Retain(flags) => return super::partitions::retain(flags, settings, json),
        _ => {}
    }
    let routes = match routes(settings) {
        Ok(routes) => routes,
        Err(problem) => return output::failure(problem.exit(), &problem),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::failure(Exit::Failure, &error),
    };
    let (facts, all_well) = runtime.block_on(async {
        match command {
            PostgresCommand::Assign { shard, to, assignments, .. } => {
                reassign(&routes, remembered(assignments.as_deref(), settings), *shard, to).await
            }
            command => each(&routes, command).await,
        }
    });
    output::data(&if json { Value::Array(facts).to_string() } else { lines(&facts) });
    if all_well { Exit::Ok } else { Exit::Failure }
}

/// Asks every database; one that fails is told like the others.
async fn each(routes: &Routes, command: &PostgresCommand) -> (Vec<Value>, bool) {
    let (mut facts, mut all_well) = (Vec::new(), true);
    let concerned = match command {
        PostgresCommand::Retry { auction: Some(auction), .. } => match routes.for_auction(*auction) {
            Ok(database) => std::slice::from_ref(database),
            Err(error) => {
                return (
                    vec![json!({ "auction": auction.to_string(), "problem": error.to_string() })],
                    false,
                );
            }
        },
        _ => routes.databases(),
    };
    for database in concerned {
        let name = database.name();
        let told = match command {
            PostgresCommand::Migrate(_) => migrate(database).await,
            PostgresCommand::Parked(_) => match parked(database).await {
                Ok(parked) => {
                    facts.extend(parked);
                    continue;
                }
                Err(error) => Err(error.to_string()),
            },
            PostgresCommand::Retry { auction, .. } => match retry(database, *auction, &SPELLING).await {
                Ok(retried) => {
                    Ok(json!({ "database": name, "taken": retried.taken, "parked": retried.left }))
                }
                Err(error) => Err(error.to_string()),
            },
            PostgresCommand::Status(_)
            | PostgresCommand::Assign { .. }
            | PostgresCommand::Partitions(_)
            | PostgresCommand::Retain(_) => status(database).await.map_err(|error| error.to_string()),
        };
        facts.push(told.unwrap_or_else(|problem| {
            all_well = false;
            json!({ "database": name, "at": database.address().to_string(), "problem": problem })
        }));
    }
    (facts, all_well)
}

async fn migrate(database: &Database) -> Result<Value, String> {
    let before = database.migrate().await.map_err(|error| error.to_string())?;
    let done = match before {
        Version::Empty => "made",
        Version::Behind(_) => "brought up to date",
        Version::Current | Version::Ahead(_) => "up to date already",
    };
    Ok(json!({ "database": database.name(), "schema": schema::wanted(), "was": done }))
}

async fn status(database: &Database) -> Result<Value, DatabaseError> {
    let client = database.client().await?;
    let version = match schema::version(&**client).await? {
        Version::Empty => return Ok(json!({ "database": database.name(), "schema": 0, "shards": [] })),
        Version::Behind(version) | Version::Ahead(version) => version,
        Version::Current => schema::wanted(),
    };
    let ask = "
        SELECT shard, epoch, lsn, released_at IS NOT NULL, (SELECT count(*) FROM parked WHERE parked.shard = cursors.shard)
        FROM cursors ORDER BY shard";
    let shards = client.query(ask, &[]).await?;
    let shard = |row: &tokio_postgres::Row| -> Result<Value, tokio_postgres::Error> {
        let (shard, epoch, lsn): (i16, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let (released, parked): (bool, i64) = (row.try_get(3)?, row.try_get(4)?);
        Ok(
            json!({ "shard": shard, "cursor": format!("{shard}-{epoch}-{lsn}"), "parked": parked, "released": released }),
        )
    };
    let shards = shards.iter().map(shard).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({ "database": database.name(), "schema": version, "shards": shards }))
}

async fn parked(database: &Database) -> Result<Vec<Value>, DatabaseError> {
    let parked = list(database, LISTED_MAX).await?;
    let told = parked.iter().map(|parked| {
        let (auction, seq) = parked.auction.map(|(auction, seq)| (auction.to_string(), seq.0)).unzip();
        json!({
            "database": database.name(), "position": parked.position.to_string(), "auction": auction, "seq": seq,
            "records": parked.records, "sqlstate": parked.sqlstate, "reason": parked.reason,
        })
    });
    Ok(told.collect())
}

/// The file that remembers where shards are written: the one that was named, else that of the server whose data directory is here. Where
/// neither is, the databases alone remember.
fn remembered(named: Option<&Path>, settings: &Settings) -> Option<PathBuf> {
    let of_server = || settings.data.is_dir().then(|| settings.data.join(POSTGRES_FILE));
    named.map(Path::to_owned).or_else(of_server)
}

async fn reassign(
    routes: &Routes,
    remembered: Option<PathBuf>,
    shard: ShardId,
    to: &str,
) -> (Vec<Value>, bool) {
    let problem = |problem: String| (vec![json!({ "shard": shard.0, "problem": problem })], false);
    let Some(database) = routes.named(to) else {
        let names: Vec<_> = routes.databases().iter().map(Database::name).collect();
        return problem(format!("there is no database `{to}`; there are {}", names.join(", ")));
    };
    let file = remembered.as_ref().map_or("none".to_owned(), |file| file.display().to_string());
    let assignments = match Assignments::open(remembered) {
        Ok(assignments) => assignments,
        Err(error) => return problem(error.to_string()),
    };
    match assign(routes, &assignments, shard, database).await {
        Ok(moved) => {
            let fact = json!({
                "shard": shard.0, "to": to, "released": moved.released, "assignments": file,
                "unreachable": moved.unreachable.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            });
            (vec![fact], moved.unreachable.is_empty())
        }
        Err(error) => problem(error.to_string()),
    }
}

/// Each fact on a line, or a database's shards below it.
fn lines(facts: &[Value]) -> String {
    let line = |fact: &Value| {
        let mut line = Vec::new();
        let mut below = String::new();
        for (name, value) in fact.as_object().into_iter().flatten() {
            match value {
                Value::Array(items) if items.iter().all(Value::is_object) => {
                    below.extend(
                        items.iter().map(|item| format!("\n  {}", lines(std::slice::from_ref(item)))),
                    );
                }
                Value::Null => {}
                Value::String(text) => line.push(format!("{name}={text}")),
                other => line.push(format!("{name}={other}")),
            }
        }
        line.join(" ") + &below
    };
    if facts.is_empty() {
        "nothing".to_owned()
    } else {
        facts.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
