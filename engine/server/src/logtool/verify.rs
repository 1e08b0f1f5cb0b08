//! `gavel log verify`: everything that can be wrong, listed; and whether the state comes out the same on two ways.

mod digest;

use super::error::ToolError;
use super::progress::Progress;
use super::source::Source;
use crate::cli::DataFlags;
use crate::exit::Exit;
use crate::output::{self, grouped};
use clap::Args;
use digest::{Outcome, Way};
use gavel_core::{Lsn, ShardId};
use gavel_log::offline::Flaw;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The examples in the help.
pub(super) const HELP: &str = "\
Checks the mark, every frame of log and archive by checksum and hash, that they follow each other without a gap and with epochs that \
never go back, and every snapshot. Then it rebuilds each shard's state from its newest snapshot, and once more from the snapshot before \
it (or from the first record, where that is still there): both must have the same digest.

Everything that is wrong is listed, with file, shard and record. Beside a running server, what the server is writing meanwhile is left \
out.

Examples:
  gavel log verify --data /srv/gavel
  gavel log verify --data /backup/gavel --json
  gavel log verify --quick                     without rebuilding the state

Exits with 5 when anything is wrong; `gavel log salvage` gets out what is whole.";

/// The flags.
#[derive(Debug, Args)]
pub(crate) struct VerifyFlags {
    /// Leave the digests out: check bytes only
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    pub(super) data: DataFlags,
}

/// Something that is wrong, and where.
struct Found {
    file: Option<PathBuf>,
    shard: Option<ShardId>,
    at: Option<Lsn>,
    problem: String,
}

/// Checks and prints.
pub(super) fn run(flags: &VerifyFlags, dir: &Path, json: bool) -> Result<Exit, ToolError> {
    let source = Source::open(dir)?;
    let progress = Progress::bytes();
    let mut found: Vec<Found> =
        source.offline().verify(&mut |read| progress.stage(read)).into_iter().map(Found::from).collect();
    drop(progress);
    let damaged: Vec<PathBuf> = found.iter().filter_map(|found| found.file.clone()).collect();
    let outcomes = if flags.quick { Vec::new() } else { digest::check(&source, &damaged)? };
    for outcome in &outcomes {
        // What the bytes have shown is not told a second time.
        let known = found.iter().any(|found| found.shard == Some(outcome.shard));
        found.extend(outcome.problem().filter(|_| !known));
    }
    let text = if json { to_json(&source, &outcomes, &found) } else { to_text(&source, &outcomes, &found) };
    let printed = output::data(&text);
    Ok(if printed == Exit::Ok && !found.is_empty() { Exit::LogRefused } else { printed })
}

impl From<Flaw> for Found {
    fn from(flaw: Flaw) -> Self {
        let problem = flaw.to_string();
        let (file, shard, at) = match flaw {
            Flaw::Mark { path, source: _ } | Flaw::NoMark { path } | Flaw::Io { path, source: _ } => {
                (Some(path), None, None)
            }
            Flaw::Log(flaw) => (Some(flaw.path), Some(flaw.shard), Some(flaw.at)),
            Flaw::Engine(_) => (None, None, None),
            Flaw::Archive(error) => (Some(error.path), None, None),
            Flaw::Missing { shard, first, last: _ } => (None, Some(shard), Some(first)),
            Flaw::Apart { path, after } => (Some(path), None, Some(after)),
            Flaw::Snapshot(error) => (Some(error.path), None, None),
            Flaw::Foreign { path, from } => (Some(path), None, Some(from)),
        };
        Self { file, shard, at, problem }
    }
}

impl Found {
    fn to_json(&self) -> Value {
        let Self { file, shard, at, problem } = self;
        json!({
            "file": file.as_ref().map(|file| file.display().to_string()),
            "shard": shard.map(|shard| shard.0),
            "lsn": at.map(|at| at.0),
            "problem": problem,
        })
    }
}

fn to_text(source: &Source, outcomes: &[Outcome], found: &[Found]) -> String {
    let mut lines: Vec<String> = source.shards().into_iter().map(|shard| checked(source, shard)).collect();
    lines.extend(outcomes.iter().map(Outcome::words));
    lines.extend(found.iter().map(|found| format!("WRONG: {}", found.problem)));
    lines.push(match found.len() {
        0 => "nothing is wrong".to_owned(),
        1 => "1 thing is wrong".to_owned(),
        count => format!("{} things are wrong", grouped(count as u64)),
    });
    lines.join("\n")
}

fn checked(source: &Source, shard: ShardId) -> String {
    let (first, last) = (source.oldest(shard), source.tip(shard).lsn);
    format!("shard {shard}: records {}-{} ({})", first.0, last.0, grouped(source.records_from(shard, first)))
}

fn to_json(source: &Source, outcomes: &[Outcome], found: &[Found]) -> String {
    let shard = |shard: ShardId| {
        let digests = outcomes.iter().find(|outcome| outcome.shard == shard).map(Outcome::to_json);
        json!({ "shard": shard.0, "first": source.oldest(shard).0, "last": source.tip(shard).lsn.0, "digests": digests })
    };
    json!({
        "flawed": !found.is_empty(),
        "shards": source.shards().into_iter().map(shard).collect::<Vec<_>>(),
        "flaws": found.iter().map(Found::to_json).collect::<Vec<_>>(),
    })
    .to_string()
}

/// A way to a state, as it is told.
fn way_words(way: &Way) -> String {
    match way {
        Way::Start => "the first record".to_owned(),
        Way::Snapshot(path) => {
            path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
        }
    }
}
