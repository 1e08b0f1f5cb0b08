//! `gavel postgres …`: the write databases, from outside of the flusher.

use super::tools::block_on;
use super::{assign, parked, partitions, status};
use crate::config::{Databases, Given, Settings};
use crate::exit::Exit;
use crate::output;
use clap::{Args, Subcommand};
use gavel_core::{AuctionId, ShardId};
use std::path::PathBuf;

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

/// What to do with the write databases.
#[derive(Debug, Subcommand)]
pub(crate) enum PostgresCommand {
    /// Make the schema, or bring it up to date
    #[command(after_help = status::MIGRATE_HELP)]
    Migrate(DatabaseFlags),
    /// Show the schema of each database, how far each shard is, and how much is parked
    #[command(after_help = status::STATUS_HELP)]
    Status(status::StatusFlags),
    /// List the days that have partitions: rows, bytes, what holds each, when it may go
    #[command(after_help = partitions::PARTITIONS_HELP)]
    Partitions(partitions::PartitionsFlags),
    /// Drop the days that may go, now
    #[command(after_help = partitions::RETAIN_HELP)]
    Retain(partitions::RetainFlags),
    /// List what PostgreSQL has refused and was put aside, with the reason
    #[command(after_help = parked::PARKED_HELP)]
    Parked(DatabaseFlags),
    /// Try what was put aside again
    #[command(after_help = parked::RETRY_HELP)]
    Retry {
        /// Of this auction alone
        #[arg(long, value_name = "ID")]
        auction: Option<AuctionId>,
        #[command(flatten)]
        databases: DatabaseFlags,
    },
    /// Give a shard to another database on purpose; it is filled there from where that database has it, else from the beginning
    #[command(after_help = assign::HELP)]
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
            Self::Migrate(databases) | Self::Parked(databases) => databases,
            Self::Status(flags) => &flags.databases,
            Self::Partitions(flags) => &flags.databases,
            Self::Retain(flags) => &flags.databases,
            Self::Retry { databases, .. } | Self::Assign { databases, .. } => databases,
        }
    }
}

/// Does it.
pub(crate) fn run(command: &PostgresCommand, settings: &Settings, json: bool) -> Exit {
    let done = match command {
        PostgresCommand::Partitions(flags) => return partitions::list(flags, settings, json),
        PostgresCommand::Retain(flags) => return partitions::retain(flags, settings, json),
        PostgresCommand::Migrate(_) => block_on(status::migrate(settings, json)),
        PostgresCommand::Status(flags) => block_on(status::show(flags, settings, json)),
        PostgresCommand::Parked(_) => block_on(parked::show(settings, json)),
        PostgresCommand::Retry { auction, .. } => block_on(parked::retry(*auction, settings, json)),
        PostgresCommand::Assign { shard, to, assignments, .. } => {
            block_on(assign::reassign((*shard, to), assignments.as_deref(), settings, json))
        }
    };
    done.unwrap_or_else(|problem| output::failure(problem.exit(), &problem))
}
