//! `gavel postgres partitions` and `gavel postgres retain`: what each day holds, what holds it, and dropping what may go.

use super::command::DatabaseFlags;
use super::tools::{ToolError, block_on, connect, routes};
use crate::config::Settings;
use crate::exit::Exit;
use crate::output;
use clap::Args;
use gavel_core::Duration;
use gavel_log::clock::now;
use gavel_postgres::retention::{Dropped, Hold, Partition, Policy, Size, partitions, run};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The examples in the help.
pub(super) const PARTITIONS_HELP: &str = "\
Bids, maxima and events are kept in one partition for each day on which their auctions were opened. A day goes whole, --postgres-keep-days \
after its last auction is final; auctions themselves stay, with their winning and runner-up bids.

`may go` says when, or what holds it: an auction that is not final (the one opened first is named), or a shard that is being \
caught up and may still have auctions of that day.

Examples:
  gavel postgres partitions
  gavel postgres partitions --count                 rows counted, not estimated
  gavel postgres partitions --json | jq '.[] | select(.held_by != null)'";

/// The examples in the help.
pub(super) const RETAIN_HELP: &str = "\
`gavel serve --postgres` and `gavel flush` do this by themselves every ten minutes; this does it now. With --postgres-export, each day is \
first written into files (COPY as CSV with a header, compressed with zstd: `zstdcat` shows it, `\\copy` takes it back), synced, \
read back and counted. A day that somebody reads all the time is left for another time.

Examples:
  gavel postgres retain --dry-run
  gavel postgres retain --postgres-keep-days 90 --postgres-export /mnt/bids

Exits with 1 where a day may go and could not be dropped.";

/// What is said where no day is older than is kept.
const NONE_MAY_GO: &str = "nothing may go";

/// The flags of the list.
#[derive(Debug, Args)]
pub(crate) struct PartitionsFlags {
    /// Count rows one by one, instead of taking PostgreSQL's estimate
    #[arg(long)]
    count: bool,
    #[command(flatten)]
    keep: KeepFlags,
    #[command(flatten)]
    pub(super) databases: DatabaseFlags,
}

/// The flags of dropping.
#[derive(Debug, Args)]
pub(crate) struct RetainFlags {
    /// Say what would go, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Copy each day into files below this directory before it is dropped [default: as `gavel config` says]
    #[arg(long, value_name = "DIR")]
    postgres_export: Option<PathBuf>,
    #[command(flatten)]
    keep: KeepFlags,
    #[command(flatten)]
    pub(super) databases: DatabaseFlags,
}

#[derive(Clone, Copy, Debug, Args)]
struct KeepFlags {
    /// How many days rows are kept after a day's last auction is final: 0 to 36500, 0 is for ever [default: as `gavel config` says]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(0..=36_500))]
    postgres_keep_days: Option<u64>,
}

impl KeepFlags {
    fn keep(self, settings: &Settings) -> Duration {
        keep(self.postgres_keep_days.unwrap_or(settings.postgres_keep_days))
    }
}

/// How long is kept; 0 is for ever.
pub(super) fn keep(days: u64) -> Duration {
    let days = if days == 0 { u64::from(u16::MAX) } else { days };
    Duration::from_secs(days * 86_400)
}

/// Lists the days of every database.
pub(super) fn list(flags: &PartitionsFlags, settings: &Settings, json: bool) -> Exit {
    let size = if flags.count { Size::Counted } else { Size::Estimated };
    match block_on(all(settings, flags.keep.keep(settings), size)) {
        Ok(all) => {
            output::data(&if json { to_json(&all) } else { to_text(&all, size, "no day has partitions") })
        }
        Err(problem) => output::failure(problem.exit(), &problem),
    }
}

/// Each database's days.
type All = Vec<(String, Vec<Partition>)>;

async fn all(settings: &Settings, keep: Duration, size: Size) -> Result<All, ToolError> {
    let mut all = Vec::new();
    for database in routes(settings)?.databases() {
        let of = ToolError::of(database.name());
        let client = connect(database).await?;
        let days = partitions(&**client, keep, now(), size).await.map_err(|error| of(error.into()))?;
        all.push((database.name().to_owned(), days));
    }
    Ok(all)
}

/// The days as a table; where there are none, `none`.
fn to_text(all: &All, size: Size, none: &str) -> String {
    let heading = ["day", "database", "auctions", "rows", "MiB", "may go"].map(str::to_owned).to_vec();
    let row = |name: &String, day: &Partition| {
        let about = if size == Size::Estimated { "~" } else { "" };
        vec![
            day.day.clone(),
            name.clone(),
            output::grouped(day.auctions),
            format!("{about}{}", output::grouped(day.rows)),
            output::grouped(day.bytes.div_ceil(1 << 20)),
            held(&day.hold),
        ]
    };
    let rows = all.iter().flat_map(|(name, days)| days.iter().map(move |day| row(name, day)));
    let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
    if rows.len() == 1 { none.to_owned() } else { output::table(&rows) }
}

fn held(hold: &Hold) -> String {
    match hold {
        Hold::Unfinished { count, oldest } => {
            format!("held by {oldest}, which is not final ({} in all)", output::count(*count, "auction"))
        }
        Hold::CatchingUp(shard) => format!("once shard {shard} is caught up"),
        Hold::Until(until) => until.to_string(),
        Hold::Free => "now".to_owned(),
    }
}

fn to_json(all: &All) -> String {
    let day = |name: &String, day: &Partition| {
        let (mut unfinished, mut held_by, mut catching_up, mut until) = (0, None, None, None);
        match &day.hold {
            Hold::Unfinished { count, oldest } => (unfinished, held_by) = (*count, Some(oldest.to_string())),
            Hold::CatchingUp(shard) => catching_up = Some(shard.0),
            Hold::Until(time) => until = Some(time.to_string()),
            Hold::Free => {}
        }
        json!({
            "day": day.day, "database": name, "auctions": day.auctions, "rows": day.rows, "bytes": day.bytes,
            "unfinished": unfinished, "held_by": held_by, "catching_up": catching_up, "may_go_at": until,
            "may_go": day.hold == Hold::Free,
        })
    };
    let days = all.iter().flat_map(|(name, days)| days.iter().map(move |one| day(name, one)));
    Value::Array(days.collect()).to_string()
}

/// Drops what may go.
pub(super) fn retain(flags: &RetainFlags, settings: &Settings, json: bool) -> Exit {
    let keep = flags.keep.keep(settings);
    if flags.dry_run {
        return match block_on(all(settings, keep, Size::Estimated)) {
            Ok(mut all) => {
                all.iter_mut().for_each(|(_, days)| days.retain(|day| day.is_old(keep, now())));
                output::data(&if json { to_json(&all) } else { to_text(&all, Size::Estimated, NONE_MAY_GO) })
            }
            Err(problem) => output::failure(problem.exit(), &problem),
        };
    }
    let export = flags.postgres_export.clone().or_else(|| settings.postgres_export.clone());
    match block_on(drop_all(settings, &Policy { keep, export })) {
        Ok((facts, all_well)) => {
            let text = || facts.iter().map(line).collect::<Vec<_>>().join("\n");
            let said = if json { Value::Array(facts.clone()).to_string() } else { text() };
            let printed = output::data(if said.is_empty() { NONE_MAY_GO } else { &said });
            if printed == Exit::Ok && !all_well { Exit::Failure } else { printed }
        }
        Err(problem) => output::failure(problem.exit(), &problem),
    }
}

async fn drop_all(settings: &Settings, policy: &Policy) -> Result<(Vec<Value>, bool), ToolError> {
    let (mut facts, mut all_well) = (Vec::new(), true);
    for database in routes(settings)?.databases() {
        let name = database.name();
        let mut client = connect(database).await?;
        let pass = run(&mut client, policy, now()).await;
        let pass = pass.map_err(|source| ToolError::Retention { name: name.to_owned(), source })?;
        let dropped = |Dropped { day, rows, exported }: &Dropped| {
            let exported = exported.as_ref().map(|exported| exported.dir.display().to_string());
            json!({ "day": day, "database": name, "did": "dropped", "rows": rows, "exported_to": exported })
        };
        let held = |day: &Partition| json!({ "day": day.day, "database": name, "did": "held", "by": held(&day.hold) });
        let busy = |day: &String| json!({ "day": day, "database": name, "did": "busy" });
        facts.extend(pass.dropped.iter().map(dropped));
        facts.extend(pass.held.iter().map(held));
        facts.extend(pass.busy.iter().map(busy));
        all_well &= pass.busy.is_empty();
    }
    Ok((facts, all_well))
}

fn line(fact: &Value) -> String {
    let text = |name: &str| fact[name].as_str().unwrap_or_default();
    let (day, database) = (text("day"), text("database"));
    match text("did") {
        "dropped" => {
            let to = fact["exported_to"].as_str().map_or_else(String::new, |to| format!(", copied to {to}"));
            let rows = output::count(fact["rows"].as_u64().unwrap_or_default(), "row");
            format!("{day}  {database}  dropped: {rows}{to}")
        }
        "held" => format!("{day}  {database}  {}", text("by")),
        _ => format!("{day}  {database}  is in use: try again later"),
    }
}
