//! `gavel republish`: delivers records to a consumer again.

mod selection;

use super::SPELLING;
use super::command::DatabaseFlags;
use super::tools::{Stop, ToolError, block_on, connect, log_id, look_again, open, routes, shards};
use crate::config::{Given, Settings};
use crate::exit::Exit;
use crate::logtool::progress::Progress;
use crate::output;
use clap::{Args, ValueEnum};
use gavel_core::{AuctionId, ShardId, Timestamp};
use gavel_log::{LogReader as _, Offline};
use gavel_postgres::offline::Beside;
use gavel_postgres::republish::selection as selection_of;
use gavel_postgres::republish::{
    Delivered, Listed, Pace, Plan, Run, RunError, Type, begin, deliver, finish, list, plan, resume, stop,
};
use gavel_postgres::{Database, Routes};
use selection::Wanted;
use serde_json::{Value, json};
use std::path::PathBuf;
use uuid::Uuid;

/// What `gavel republish --help` begins with.
pub(crate) const ABOUT: &str = "\
Deliver records to a consumer again: those of some auctions, of a period, of a type, or whatever is missing.

The records are read from log and archive of the data directory, beside the running server, which goes on; only what the consumer was \
told already is delivered, the rest comes by itself. Delivering twice changes nothing.";

/// The examples in the help.
pub(crate) const HELP: &str = "\
To postgres: rows that are not there are written, and (without --missing) those that are there and differ; so this mends what `gavel \
verify postgres` shows. An auction whose row is not there gets all of its records with it. Auctions with refused records (`gavel postgres \
retry`) and rows that retention has dropped are left alone, and counted. Where records are parked as others are missing before them, the \
whole auction is delivered, and nothing of it is parked any more.

A run is recorded in each database (`republish_runs`), shows how far it is, stops in order at Ctrl-C, and goes on with --resume.

Types: bid (bids and purchases), won (what makes a winner), or the names that `gavel log export` writes: opened, bid_accepted, ended, …

Examples:
  gavel republish --to postgres --missing --dry-run           how much is missing
  gavel republish --to postgres --missing
  gavel republish --to postgres --auction 20261122-003-00000042
  gavel republish --to postgres --shard 3 --type won --from 2026-11-22T09:00:00Z --until 2026-11-22T10:00:00Z
  gavel republish --to postgres --rate 5000                   at most 5,000 records a second
  gavel republish --to postgres --list                        the latest runs, and how they ended
  gavel republish --to postgres --resume 2f1c9a52-6f0b-4a0e-9a58-0d4f5f3c1b11

Exits with 1 when it was stopped before its end, with 5 when the log can't be read, with 8 when PostgreSQL can't be reached.";

/// Runs that are listed.
const LISTED_MAX: i64 = 100;

/// Who can be delivered to again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// The write databases
    Postgres,
}

/// The flags.
#[derive(Debug, Args)]
pub(crate) struct RepublishFlags {
    /// The consumer
    #[arg(long, value_enum, value_name = "CONSUMER")]
    to: Target,
    /// Only records of this auction; may be given several times
    #[arg(long, value_name = "AUCTION")]
    auction: Vec<AuctionId>,
    /// Only records of this shard
    #[arg(long, value_name = "SHARD")]
    shard: Option<ShardId>,
    /// Only records from this time on, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = selection::time)]
    from: Option<Timestamp>,
    /// Only records up to and including this time, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = selection::time)]
    until: Option<Timestamp>,
    /// Only records of this type; may be given several times, or with commas
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<Type>,
    /// Compare with the consumer, and deliver only what is not there
    #[arg(long)]
    missing: bool,
    /// Records a second, at most: 1 to 10000000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    rate: Option<u64>,
    /// Count what would be delivered, and deliver nothing
    #[arg(long, conflicts_with_all = ["resume", "list"])]
    dry_run: bool,
    /// Go on with a run that was stopped or killed
    #[arg(long, value_name = "RUN", conflicts_with_all = ["auction", "shard", "from", "until", "types", "missing"])]
    resume: Option<Uuid>,
    /// List the latest runs
    #[arg(long, conflicts_with_all = ["auction", "shard", "from", "until", "types", "missing", "rate", "resume"])]
    list: bool,
    #[command(flatten)]
    databases: DatabaseFlags,
}

impl RepublishFlags {
    /// The settings that were given, and the file of the others.
    pub(crate) fn given(&self) -> (Given, Option<PathBuf>) {
        self.databases.given()
    }
}

/// Delivers, counts, or lists.
pub(crate) fn run(flags: &RepublishFlags, settings: &Settings, json: bool) -> Exit {
    let Target::Postgres = flags.to;
    let done = if flags.list { show_runs(settings, json) } else { republish(flags, settings, json) };
    match done {
        Ok(exit) => exit,
        Err(problem) => output::failure(problem.exit(), &problem),
    }
}

/// What all of a run's shards have in common.
struct Work<'a> {
    log: &'a Offline,
    wanted: &'a Wanted,
    rate: Option<u64>,
    stop: &'a Stop,
    progress: &'a Progress,
}

fn republish(flags: &RepublishFlags, settings: &Settings, json: bool) -> Result<Exit, ToolError> {
    let routes = routes(settings)?;
    let log = open(&settings.data)?;
    block_on(async {
        let (id, wanted) = match flags.resume {
            Some(id) => (id, recorded(&routes, id).await?),
            None => (Uuid::new_v4(), Wanted::of(flags)?),
        };
        for &auction in &wanted.selection.auctions {
            let _has_one =
                routes.for_auction(auction).map_err(|error| ToolError::Usage(error.to_string()))?;
        }
        let mut shards = shards(&log, wanted.shard)?;
        shards.retain(|shard| wanted.touches(*shard));
        let passes = if flags.dry_run { 1 } else { 2 } + u64::from(wanted.selection.missing);
        let records = |shard: &ShardId| log.durable(*shard).next().0 - log.oldest(*shard).0;
        let progress = Progress::records("delivering", passes * shards.iter().map(records).sum::<u64>());
        let stop = Stop::on_signals()?;
        let work = Work { log: &log, wanted: &wanted, rate: flags.rate, stop: &stop, progress: &progress };
        let mut done =
            Done { id, is_dry: flags.dry_run, is_complete: true, is_through: false, shards: Vec::new() };
        let databases = routes.by_database(&shards).map_err(|error| ToolError::Usage(error.to_string()))?;
        for (database, shards) in databases {
            if !done.is_complete {
                break;
            }
            work.one_database(database, &shards, flags.resume.is_some(), &mut done).await?;
        }
        if done.is_through && done.shards.is_empty() {
            return Err(RunError::Finished(id).into());
        }
        drop(progress);
        let printed = output::data(&if json { done.to_json() } else { done.to_text() });
        Ok(if printed == Exit::Ok && !done.is_complete { Exit::Failure } else { printed })
    })
}

/// What a run was to deliver, as any of the databases has it: some may be through with it, and some not have begun.
async fn recorded(routes: &Routes, id: Uuid) -> Result<Wanted, ToolError> {
    for database in routes.databases() {
        let of = ToolError::of(database.name());
        let client = connect(database).await?;
        if let Some(text) = selection_of(&client, id).await.map_err(|error| of(error.into()))? {
            return Wanted::read(&text).map_err(ToolError::Usage);
        }
    }
    Err(RunError::Unknown(id).into())
}

impl Work<'_> {
    async fn one_database(
        &self,
        database: &Database,
        shards: &[ShardId],
        is_resumed: bool,
        done: &mut Done,
    ) -> Result<(), ToolError> {
        let of = ToolError::of(database.name());
        let mut client = connect(database).await?;
        let again = || look_again(self.log);
        let log = Beside { log: self.log, id: log_id(self.log)?, look_again: &again };
        let (selection, hear) = (&self.wanted.selection, &mut |records| self.progress.add(records));
        let run = if done.is_dry {
            None
        } else {
            let taken = self.take(&client, done.id, is_resumed).await?;
            if taken.is_none() {
                done.is_through = true;
                return Ok(());
            }
            taken
        };
        for &shard in shards {
            let planned = plan(&client, log, shard, selection, &SPELLING, hear).await?;
            let mut delivered = None;
            if let Some(run) = &run {
                let is_stopped = || self.stop.is_asked();
                let pace = Pace { rate: self.rate, is_stopped: &is_stopped };
                let sent =
                    deliver(&mut client, log, &planned, (selection, &SPELLING), run, pace, hear).await?;
                done.is_complete &= sent.is_complete;
                delivered = Some(sent);
            }
            done.shards.push((database.name().to_owned(), planned, delivered));
            if !done.is_complete {
                break;
            }
        }
        if run.is_some() {
            let ended =
                if done.is_complete { finish(&client, done.id).await } else { stop(&client, done.id).await };
            ended.map_err(|error| of(error.into()))?;
        }
        Ok(())
    }

    /// The run, begun or gone on with; `None` where this database is through with it.
    async fn take(
        &self,
        client: &tokio_postgres::Client,
        id: Uuid,
        is_resumed: bool,
    ) -> Result<Option<Run>, ToolError> {
        if is_resumed {
            match resume(client, id).await {
                Ok(run) => return Ok(Some(run)),
                Err(RunError::Finished(_)) => return Ok(None),
                // It was stopped before this database's turn.
                Err(RunError::Unknown(_)) => {}
                Err(problem) => return Err(problem.into()),
            }
        }
        Ok(Some(begin(client, id, &self.wanted.to_json()).await?))
    }
}

/// What came of it.
struct Done {
    id: Uuid,
    is_dry: bool,
    is_complete: bool,
    /// A database was through with it before.
    is_through: bool,
    shards: Vec<(String, Plan, Option<Delivered>)>,
}

impl Done {
    fn to_text(&self) -> String {
        let heading = ["type", "shard", "records"].map(str::to_owned).to_vec();
        let types = self.shards.iter().flat_map(|(_, plan, _)| {
            plan.by_type.iter().map(|(name, count)| {
                vec![(*name).to_owned(), plan.shard.to_string(), output::grouped(*count)]
            })
        });
        let mut lines = Vec::new();
        if self.is_dry {
            lines.push(output::table(&std::iter::once(heading).chain(types).collect::<Vec<_>>()));
        }
        lines.extend(self.shards.iter().map(|(_, plan, delivered)| shard_line(plan, delivered.as_ref())));
        if !self.is_dry {
            let (id, how) = (self.id, if self.is_complete { "finished" } else { "stopped" });
            lines.push(format!("run {id} is {how}"));
            if !self.is_complete {
                lines.push(format!("go on with: gavel republish --to postgres --resume {id}"));
            }
        }
        lines.join("\n")
    }

    fn to_json(&self) -> String {
        let shard = |(database, plan, delivered): &(String, Plan, Option<Delivered>)| {
            json!({
                "shard": plan.shard.0, "database": database, "cursor": plan.cursor.to_string(), "oldest": plan.oldest.0,
                "selected": plan.records(), "by_type": plan.by_type, "missing": plan.missing,
                "missing_auctions": plan.missing_auctions, "parked": plan.parked, "dropped": plan.dropped,
                "headless": plan.headless, "pending": plan.pending,
                "delivered": delivered.map(|sent| sent.records), "written": delivered.map(|sent| sent.written),
                "auctions": delivered.map(|sent| sent.auctions),
                "complete": delivered.map(|sent| sent.is_complete),
            })
        };
        let shards: Vec<Value> = self.shards.iter().map(shard).collect();
        let run = (!self.is_dry).then(|| self.id.to_string());
        json!({ "run": run, "dry_run": self.is_dry, "complete": self.is_complete, "shards": shards })
            .to_string()
    }
}

fn shard_line(plan: &Plan, delivered: Option<&Delivered>) -> String {
    let mut text = format!("shard {}: {} selected", plan.shard, output::count(plan.records(), "record"));
    match (delivered, plan.missing) {
        (Some(sent), _) => {
            text += &format!(
                ", {} looked at, {} written as it was not there or differed",
                output::count(sent.records, "record"),
                output::grouped(sent.written)
            );
            if sent.auctions > 0 {
                text += &format!(", {} made anew", output::count(sent.auctions, "auction's row"));
            }
        }
        (None, Some(missing)) => text += &format!(", of which {} not there", output::grouped(missing)),
        (None, None) => {}
    }
    for (count, why) in [
        (plan.parked, "of auctions with refused records (gavel postgres retry)"),
        (plan.dropped, "of days that retention has dropped"),
        (plan.headless, "of auctions whose opening is in neither log nor archive"),
    ] {
        if count > 0 {
            text += &format!("; {} {why} left alone", output::grouped(count));
        }
    }
    if plan.pending > 0 {
        text += &format!("; {} still to come from the flusher", output::grouped(plan.pending));
    }
    text
}

fn show_runs(settings: &Settings, json: bool) -> Result<Exit, ToolError> {
    let runs = block_on(async {
        let mut all = Vec::new();
        for database in routes(settings)?.databases() {
            let of = ToolError::of(database.name());
            let client = connect(database).await?;
            let runs = list(&client, LISTED_MAX).await.map_err(|error| of(error.into()))?;
            all.extend(runs.into_iter().map(|run| (database.name().to_owned(), run)));
        }
        Ok(all)
    })?;
    Ok(output::data(&if json { runs_json(&runs) } else { runs_text(&runs) }))
}

fn runs_text(runs: &[(String, Listed)]) -> String {
    if runs.is_empty() {
        return "nothing was ever delivered again".to_owned();
    }
    let heading =
        ["run", "database", "began", "state", "records", "written", "what"].map(str::to_owned).to_vec();
    let row = |(database, run): &(String, Listed)| {
        let Listed { id, started, ended: _, state, selection, records, written } = run;
        let what = Wanted::read(selection).map_or_else(|_| selection.clone(), |wanted| wanted.to_string());
        let (records, written) = (output::grouped(*records), output::grouped(*written));
        vec![id.to_string(), database.clone(), started.clone(), state.clone(), records, written, what]
    };
    output::table(&std::iter::once(heading).chain(runs.iter().map(row)).collect::<Vec<_>>())
}

fn runs_json(runs: &[(String, Listed)]) -> String {
    let run = |(database, run): &(String, Listed)| {
        let Listed { id, started, ended, state, selection, records, written } = run;
        let selection: Value = serde_json::from_str(selection).unwrap_or_default();
        json!({
            "run": id.to_string(), "database": database, "began": started, "ended": ended, "state": state,
            "selection": selection, "records": records, "written": written,
        })
    };
    Value::Array(runs.iter().map(run).collect()).to_string()
}
