//! `gavel rebuild postgres`: fills an empty database from archive and log.

use super::command::DatabaseFlags;
use super::options;
use super::tools::{Stop, ToolError, block_on, log_id, open, routes, shards};
use crate::config::{Given, Settings};
use crate::exit::Exit;
use crate::logtool::progress::Progress;
use crate::output;
use clap::{Args, Subcommand};
use gavel_core::{Lsn, ShardId};
use gavel_log::{LogReader as _, Offline};
use gavel_postgres::Routes;
use gavel_postgres::assign::AssignError;
use gavel_postgres::flusher::ShardReport;
use gavel_postgres::rebuild::{Begun, Fill, Filled, Go, Headless, RebuildError, begin, fill, headless};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

/// The examples in the help.
pub(crate) const HELP: &str = "\
Examples:
  gavel rebuild postgres --data /srv/gavel --postgres postgresql://flusher@db/anew";

/// The examples in the help of filling PostgreSQL.
const POSTGRES_HELP: &str = "\
Reads log and archive of the data directory (or of a backup), beside a running server or without one, and writes what `gavel serve \
--postgres` would have written since the first day. An empty database is migrated first; one that has rows of these shards is refused, and \
nothing is ever deleted. Shards that the configuration gives to no database are left out. Stopped or killed, it goes on where it was when it is run again. It ends with the last record that there was when it began: \
a flusher goes on from there without a gap. With --from-oldest, auctions that were opened before the oldest record are left out; what \
still comes of one that is open, the flusher parks.

Examples:
  gavel rebuild postgres --data /srv/gavel --postgres postgresql://flusher@db/anew
  gavel rebuild postgres --data /mnt/backup --config /etc/gavel.toml
  gavel verify postgres                     whether the rows say what the log says

Exits with 1 when a database is not empty, it was stopped, or records were parked; with 8 when PostgreSQL can't be reached.";

/// What to fill.
#[derive(Debug, Subcommand)]
pub(crate) enum RebuildCommand {
    /// Fill empty write databases from archive and log
    #[command(after_help = POSTGRES_HELP)]
    Postgres(RebuildFlags),
}

/// The flags.
#[derive(Debug, Args)]
pub(crate) struct RebuildFlags {
    /// Only this shard
    #[arg(long, value_name = "SHARD")]
    shard: Option<ShardId>,
    /// Where the archive does not go back to the first record: begin with the oldest that there is, without the auctions that were
    /// opened before it
    #[arg(long)]
    from_oldest: bool,
    #[command(flatten)]
    databases: DatabaseFlags,
}

impl RebuildCommand {
    /// The settings that were given, and the file of the others.
    pub(crate) fn given(&self) -> (Given, Option<PathBuf>) {
        let Self::Postgres(flags) = self;
        flags.databases.given()
    }
}

/// Fills.
pub(crate) fn run(command: &RebuildCommand, settings: &Settings, json: bool) -> Exit {
    let RebuildCommand::Postgres(flags) = command;
    match refill(flags, settings, json) {
        Ok(exit) => exit,
        Err(problem) => output::failure(problem.exit(), &problem),
    }
}

fn refill(flags: &RebuildFlags, settings: &Settings, json: bool) -> Result<Exit, ToolError> {
    let routes = routes(settings)?;
    let log = open(&settings.data)?;
    let shards = with_database(&routes, shards(&log, flags.shard)?, flags.shard.is_some())?;
    let ends: Vec<(ShardId, Lsn)> = shards.iter().map(|shard| (*shard, log.durable(*shard))).collect();
    if !flags.from_oldest {
        demand_beginning(&log, &ends)?;
    }
    let left_out = left_out(&log, &ends)?;
    if !left_out.auctions.is_empty() {
        let auctions = output::count(left_out.auctions.len() as u64, "auction");
        output::note(&format_args!(
            "{auctions} left out, which were opened before the oldest record that there is"
        ));
    }
    let (stop, left) = (Stop::on_signals()?, left_out.auctions.len());
    let total = ends.iter().map(|(shard, end)| end.next().0 - log.oldest(*shard).0).sum();
    let (filled, taken) = block_on(async {
        for (database, shards) in routes.by_database(&shards).map_err(RebuildError::from)? {
            if begin(database, &shards).await? == Begun::Partly {
                output::note(&format_args!("database `{}`: goes on where it was stopped", database.name()));
            }
        }
        let progress = Progress::records("filling", total);
        let (mut taken, mut told) = (0, Vec::new());
        let look = |shards: &[ShardReport]| {
            let before =
                |shard: &ShardReport| shard.cursor.lsn.0.saturating_sub(log.oldest(shard.shard).0 - 1);
            taken = shards.iter().map(before).sum();
            progress.at(taken);
            tell_problems(&progress, shards, &mut told);
            if stop.is_asked() { Go::Stop } else { Go::On }
        };
        let what = Fill { log: Arc::new(log.clone()), id: log_id(&log)?, ends: &ends, left_out };
        let filled = fill(options(settings, routes.clone(), None), what, look).await?;
        Ok((filled, taken))
    })?;
    let Filled { is_complete, parked } = filled;
    let words = said(filled, taken, ends.len() as u64);
    let fact = json!({
        "complete": is_complete, "records": taken, "shards": ends.len(), "left_out": left, "parked": parked,
    });
    let printed = output::data(&if json { fact.to_string() } else { words });
    Ok(if printed == Exit::Ok && !(is_complete && parked == 0) { Exit::Failure } else { printed })
}

/// What came of it, for people.
fn said(filled: Filled, taken: u64, shards: u64) -> String {
    let records = output::count(taken, "record");
    let mut words = if filled.is_complete {
        format!("filled with {records} of {}", output::count(shards, "shard"))
    } else {
        format!("stopped after {records}; run it again to go on")
    };
    if filled.parked > 0 {
        words += &format!(
            "; {} parked, as PostgreSQL refuses them (gavel postgres parked)",
            output::count(filled.parked, "record")
        );
    }
    words
}

/// The shards that have a database. Where one was asked for, it must have one.
fn with_database(routes: &Routes, shards: Vec<ShardId>, is_asked: bool) -> Result<Vec<ShardId>, ToolError> {
    let (with, without): (Vec<_>, Vec<_>) =
        shards.into_iter().partition(|shard| routes.for_shard(*shard).is_ok());
    for shard in without {
        if is_asked {
            return Err(ToolError::Usage(AssignError::NoDatabase(shard).to_string()));
        }
        output::note(&format_args!("shard {shard} has no database here, and is left out"));
    }
    Ok(with)
}

/// Says what keeps shards from being filled, each once.
fn tell_problems(progress: &Progress, shards: &[ShardReport], told: &mut Vec<String>) {
    let problems: Vec<String> = shards.iter().filter_map(|shard| shard.problem.clone()).collect();
    for problem in &problems {
        if !told.contains(problem) {
            told.push(problem.clone());
            progress.aside(|| output::warning(&format_args!("{problem}; it is tried again")));
        }
    }
    told.retain(|problem| problems.contains(problem));
}

/// The auctions that can't be filled in.
fn left_out(log: &Offline, ends: &[(ShardId, Lsn)]) -> Result<Headless, ToolError> {
    if ends.iter().all(|(shard, _)| log.oldest(*shard) == Lsn(1)) {
        return Ok(Headless::default());
    }
    let total = ends.iter().map(|(shard, end)| end.next().0 - log.oldest(*shard).0).sum();
    let progress = Progress::records("looking for openings", total);
    Ok(headless(log, ends, &mut |records| progress.add(records))?)
}

/// Demands that each shard's history is there from its first record on.
fn demand_beginning(log: &Offline, ends: &[(ShardId, Lsn)]) -> Result<(), ToolError> {
    let late =
        ends.iter().map(|(shard, _)| (*shard, log.oldest(*shard))).find(|(_, oldest)| *oldest > Lsn(1));
    late.map_or(Ok(()), |(shard, oldest)| Err(RebuildError::Gone { shard, oldest }.into()))
}
