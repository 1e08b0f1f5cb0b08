//! `gavel verify postgres`: what the log says and what the rows say, auction by auction.

use super::SPELLING;
use super::command::DatabaseFlags;
use super::tools::{ToolError, block_on, connect, log_id, look_again, open, routes, shards};
use crate::config::{Given, Settings};
use crate::exit::Exit;
use crate::logtool::progress::Progress;
use crate::output;
use clap::{Args, Subcommand};
use gavel_core::{AuctionId, ShardId};
use gavel_log::{LogReader as _, Offline};
use gavel_postgres::Routes;
use gavel_postgres::offline::Beside;
use gavel_postgres::verify::{Difference, Question, Verified, VerifyError, verify};
use serde_json::json;
use std::path::PathBuf;

/// The examples in the help.
pub(crate) const HELP: &str = "\
Examples:
  gavel verify postgres --data /srv/gavel --postgres postgresql://auditor@db/auctions";

/// The examples in the help of the comparison with PostgreSQL.
const POSTGRES_HELP: &str = "\
Folds log and archive of the data directory by the rules of the engine, and compares each auction's state, price, leader, counts, \
outcome, times, winning and runner-up bid, terms and details, and every bid, maximum and event, with its rows. Not compared are the \
content of a shard's own events (they are counted), and bids and events of auctions that neither side has. Both sides are as of the position that the database says it is at, in one \
snapshot of it. So it may run beside the server, which it asks nothing, and what is under way is no difference.

Each difference is a line: the auction, what differs, what the log says, what the rows say. Rows of auctions that retention has \
dropped are not missed. That the files say what the engine has in memory, `gavel log replay` and `INFO digest` show.

Examples:
  gavel verify postgres
  gavel verify postgres --auction 20261122-003-00000042
  gavel verify postgres --shard 3 --json | jq -c 'select(.what != null)'
  gavel republish --to postgres --auction 20261122-003-00000042     mends what differs

With --json, one object per line: first the differences (`what`, `log`, `rows`), then each shard (`cursor`, `auctions`, `differences`).

Exits with 1 where there is a difference or an auction that was asked for can't be compared, with 5 when the log can't be read, with 8 when PostgreSQL can't be reached.";

/// What to compare.
#[derive(Debug, Subcommand)]
pub(crate) enum VerifyCommand {
    /// Compare the rows of the write databases with the log
    #[command(after_help = POSTGRES_HELP)]
    Postgres(VerifyFlags),
}

/// The flags.
#[derive(Debug, Args)]
pub(crate) struct VerifyFlags {
    /// Only this auction; may be given several times
    #[arg(long, value_name = "AUCTION")]
    auction: Vec<AuctionId>,
    /// Only this shard
    #[arg(long, value_name = "SHARD")]
    shard: Option<ShardId>,
    #[command(flatten)]
    databases: DatabaseFlags,
}

impl VerifyCommand {
    /// The settings that were given, and the file of the others.
    pub(crate) fn given(&self) -> (Given, Option<PathBuf>) {
        let Self::Postgres(flags) = self;
        flags.databases.given()
    }
}

/// Compares.
pub(crate) fn run(command: &VerifyCommand, settings: &Settings, json: bool) -> Exit {
    let VerifyCommand::Postgres(flags) = command;
    match compare(flags, settings, json) {
        Ok(exit) => exit,
        Err(problem) => output::failure(problem.exit(), &problem),
    }
}

fn compare(flags: &VerifyFlags, settings: &Settings, json: bool) -> Result<Exit, ToolError> {
    let routes = routes(settings)?;
    let log = open(&settings.data)?;
    let mut shards = shards(&log, flags.shard)?;
    let mut exit = Exit::Ok;
    for &auction in &flags.auction {
        let _has_one =
            routes.for_auction(auction).map_err(|problem| ToolError::Usage(problem.to_string()))?;
        if !shards.contains(&auction.shard()) {
            output::warning(&not_there(auction));
            exit = Exit::Failure;
        }
    }
    if !flags.auction.is_empty() {
        shards.retain(|shard| flags.auction.iter().any(|auction| auction.shard() == *shard));
    }
    let question = Question { auctions: flags.auction.iter().copied().collect(), spelling: SPELLING };
    let total = shards.iter().map(|shard| log.durable(*shard).next().0 - log.oldest(*shard).0).sum();
    let progress = Progress::records("comparing", total);
    for shard in shards {
        let is_alike = block_on(one_shard(&routes, &log, shard, &question, &progress, json))?;
        if !is_alike {
            exit = Exit::Failure;
        }
    }
    Ok(exit)
}

/// Compares one shard and says what came of it; false where something differs, is in no database, or could not be said.
async fn one_shard(
    routes: &Routes,
    log: &Offline,
    shard: ShardId,
    question: &Question,
    progress: &Progress,
    json: bool,
) -> Result<bool, ToolError> {
    let database = routes.for_shard(shard).map_err(|problem| ToolError::Usage(problem.to_string()))?;
    let mut client = connect(database).await?;
    let again = || look_again(log);
    let log = Beside { log, id: log_id(log)?, look_again: &again };
    let mut is_said = true;
    let mut say = |text: String| is_said &= progress.aside(|| output::data(&text)) == Exit::Ok;
    let mut tell = |difference: Difference| say(line(&difference, json));
    let verified =
        verify(&mut client, log, shard, question, &mut tell, &mut |records| progress.add(records)).await;
    match verified {
        Ok(verified) => {
            say(summary(database.name(), &verified, json));
            for &auction in &verified.unknown {
                progress.aside(|| output::warning(&not_there(auction)));
            }
            let is_met =
                question.auctions.is_empty() || (verified.unknown.is_empty() && verified.headless == 0);
            Ok(is_said && is_met && verified.differences == 0)
        }
        Err(problem @ VerifyError::Unassigned(_)) => {
            progress.aside(|| output::warning(&format_args!("database `{}`: {problem}", database.name())));
            Ok(false)
        }
        Err(problem) => Err(problem.into()),
    }
}

/// What is said of an auction that was asked for and could not be found.
fn not_there(auction: AuctionId) -> String {
    format!("auction {auction} is neither in the log, as far as it is flushed, nor among the rows")
}

fn line(difference: &Difference, json: bool) -> String {
    let Difference { auction, what, log, rows, is_parked } = difference;
    let auction = auction.map(|auction| auction.to_string());
    if json {
        return json!({ "auction": auction, "what": what, "log": log, "rows": rows, "parked": is_parked })
            .to_string();
    }
    let of = auction.unwrap_or_else(|| "the shard".to_owned());
    let why = if *is_parked { "  (records of it are parked: gavel postgres retry)" } else { "" };
    format!("{of}  {what}: log {log}, rows {rows}{why}")
}

fn summary(database: &str, verified: &Verified, json: bool) -> String {
    let Verified { shard, cursor, oldest, auctions, bids, dropped, headless, unknown, differences } =
        verified;
    if json {
        return json!({
            "shard": shard.0, "database": database, "cursor": cursor.to_string(), "oldest": oldest.0, "auctions": auctions,
            "bids": bids, "dropped": dropped, "not_compared": headless,
            "unknown": unknown.iter().map(AuctionId::to_string).collect::<Vec<_>>(), "differences": differences,
        })
        .to_string();
    }
    let mut text = format!(
        "shard {shard}: {} with {} compared as of {cursor}: {}",
        output::count(*auctions, "auction"),
        output::count(*bids, "bid"),
        if *differences == 0 {
            "no difference".to_owned()
        } else {
            output::count(*differences, "difference")
        }
    );
    if *dropped > 0 {
        text += &format!("; of {} the bids are dropped", output::count(*dropped, "auction"));
    }
    if *headless > 0 {
        text += &format!(
            "; {} not compared: opened before record {}, the oldest that there is",
            output::count(*headless, "auction"),
            oldest.0
        );
    }
    text
}
