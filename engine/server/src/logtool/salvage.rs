//! `gavel log salvage`: every whole frame of a damaged directory, written into a new one that `gavel restore` takes.

use super::error::ToolError;
use super::progress::Progress;
use crate::backup::{Manifest, ShardEnd, copy_whole};
use crate::cli::DataFlags;
use crate::exit::Exit;
use crate::output::{self, grouped};
use clap::Args;
use gavel_core::{Lsn, ShardId, Timestamp};
use gavel_engine::Clock;
use gavel_log::Mark;
use gavel_log::archive::{ARCHIVE_DIR, Summary};
use gavel_log::offline::Salvage;
use gavel_log::snapshot::{self, Head, SNAPSHOT_DIR};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The examples in the help.
pub(super) const HELP: &str = "\
Reads all that lies in the directory, damaged or not, and writes every frame that is whole into a new directory, as archive files, \
together with the snapshots that are whole. That directory is a backup as far as it goes: `gavel restore` opens it. What is missing is \
listed by shard and record. The damaged directory is not touched.

What was acknowledged and is missing here is lost unless another copy has it: see `gavel log diff` with a backup.

Examples:
  gavel log salvage /tmp/salvaged --data /srv/gavel
  gavel restore /tmp/salvaged --data /srv/gavel-new

Where records are missing, the history cannot be followed over the gap: `gavel restore --up-to-damage` opens what comes before it (or, \
with a snapshot from behind the gap, what follows).

Exits with 0 when nothing is missing, with 5 when something is: what there was is written all the same.";

/// The flags.
#[derive(Debug, Args)]
pub(crate) struct SalvageFlags {
    /// The new directory; must be empty or missing
    #[arg(value_name = "NEW")]
    to: PathBuf,
    #[command(flatten)]
    pub(super) data: DataFlags,
}

/// What was got out.
struct Report {
    shards: Vec<Saved>,
    /// Archive files of the source that are damaged, in words.
    damaged: Vec<String>,
    snapshots: Snapshots,
}

/// The snapshots of a directory.
struct Snapshots {
    /// Those that are whole, and what they are of.
    whole: Vec<(PathBuf, Head)>,
    /// Those that are damaged, in words.
    damaged: Vec<String>,
}

/// What was got out of one shard.
struct Saved {
    shard: ShardId,
    /// First and last record of each run.
    runs: Vec<(Lsn, Lsn)>,
    /// First and last record of each gap, also at the beginning and the end.
    missing: Vec<(Lsn, Lsn)>,
    /// The first record, where those before it have expired: a snapshot that is whole stands for them.
    begins: Option<Lsn>,
}

/// Writes and prints.
pub(super) fn run(flags: &SalvageFlags, dir: &Path, json: bool) -> Result<Exit, ToolError> {
    must_be_new(&flags.to, dir)?;
    let progress = Progress::bytes();
    let salvage = Salvage::scan(dir, &mut |read| progress.stage(read)).map_err(ToolError::io(dir))?;
    drop(progress);
    if salvage.shards().is_empty() {
        return Err(ToolError::NothingWhole { dir: dir.to_owned() });
    }
    let snapshots = Snapshots::look(dir, &salvage.shards())?;
    let shards: Vec<Saved> =
        salvage.shards().into_iter().map(|shard| Saved::of(&salvage, shard, &snapshots)).collect();
    let files = write(&salvage, &flags.to, Clock::system().now(), &shards)?;
    snapshots.copy(&flags.to)?;
    write_manifest(&salvage, dir, &flags.to, &files)?;
    let damaged = salvage.damaged().iter().map(ToString::to_string).collect();
    let report = Report { shards, damaged, snapshots };
    let printed = output::data(&if json { report.to_json(&flags.to) } else { report.to_text(&flags.to) });
    Ok(if printed == Exit::Ok && report.is_missing() { Exit::LogRefused } else { printed })
}

/// The new directory is none that holds anything, and lies not in the damaged one.
fn must_be_new(to: &Path, from: &Path) -> Result<(), ToolError> {
    let inside = std::path::absolute(to)
        .and_then(|to| Ok(to.starts_with(std::path::absolute(from)?)))
        .map_err(ToolError::io(to))?;
    if inside {
        return Err(ToolError::Usage(format!(
            "{}: lies in the damaged directory; name one beside it",
            to.display()
        )));
    }
    match std::fs::read_dir(to) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(ToolError::Usage(format!("{}: is not empty", to.display()))),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(ToolError::io(to)(error)),
    }
}

fn write(salvage: &Salvage, to: &Path, now: Timestamp, shards: &[Saved]) -> Result<Vec<Summary>, ToolError> {
    let length = |(first, last): &(Lsn, Lsn)| last.0 + 1 - first.0;
    let progress =
        Progress::records("writing", shards.iter().flat_map(|saved| &saved.runs).map(length).sum());
    let folder = to.join(ARCHIVE_DIR);
    std::fs::create_dir_all(&folder).map_err(ToolError::io(&folder))?;
    let mut before = None;
    let files = salvage.write(to, now, &mut |shard, last| {
        let first = before.filter(|(of, _)| *of == shard).map_or(last, |(_, before)| before);
        progress.add(last.0.saturating_sub(first.0));
        before = Some((shard, last));
    })?;
    Ok(files)
}

/// Says up to where the log was known to go: where that is further than what was got out, `gavel restore` asks whether that is meant.
fn write_manifest(salvage: &Salvage, from: &Path, to: &Path, files: &[Summary]) -> Result<(), ToolError> {
    // A damaged mark says nothing of what is missing at the end.
    let mark = Mark::read(from).ok().flatten();
    let end = |shard: ShardId| {
        let runs = salvage.runs(shard);
        let (first, last) = (runs.first()?, runs.last()?);
        let marked =
            mark.as_ref().and_then(|mark| mark.tips.get(&shard)).filter(|tip| tip.lsn > last.last.lsn);
        Some((shard, ShardEnd { first: first.first(), last: marked.copied().unwrap_or(last.last) }))
    };
    let written = files.iter().map(|file| file.last_at).max();
    let manifest = Manifest {
        of: format!("what was whole in {}", from.display()),
        at: written.max(mark.as_ref().map(|mark| mark.at)).unwrap_or_default(),
        shards: salvage.shards().into_iter().filter_map(end).collect(),
    };
    manifest.write(to).map_err(|problem| ToolError::Backup(Box::new(problem)))
}

impl Snapshots {
    fn look(dir: &Path, shards: &[ShardId]) -> Result<Self, ToolError> {
        let mut snapshots = Self { whole: Vec::new(), damaged: Vec::new() };
        for &shard in shards {
            for path in snapshot::list(dir, shard).map_err(ToolError::io(dir.join(SNAPSHOT_DIR)))? {
                match snapshot::check(&path) {
                    Ok((head, _)) => snapshots.whole.push((path, head)),
                    Err(problem) => snapshots.damaged.push(problem.to_string()),
                }
            }
        }
        Ok(snapshots)
    }

    /// Whether one of the shard stands for all records up to this one.
    fn covers(&self, shard: ShardId, up_to: Lsn) -> bool {
        self.whole.iter().any(|(_, head)| head.shard == shard && head.from.lsn >= up_to)
    }

    /// Copies those that are whole: the state of what is missing at the front of the history is in them.
    fn copy(&self, to: &Path) -> Result<(), ToolError> {
        for (path, _) in &self.whole {
            let to = to.join(SNAPSHOT_DIR).join(path.file_name().unwrap_or_default());
            copy_whole(path, &to).map_err(|problem| ToolError::Backup(Box::new(problem)))?;
        }
        Ok(())
    }
}

impl Report {
    fn is_missing(&self) -> bool {
        self.shards.iter().any(|saved| !saved.missing.is_empty())
    }

    fn to_text(&self, to: &Path) -> String {
        let Self { shards, damaged, snapshots: Snapshots { whole, damaged: bad } } = self;
        let mut lines: Vec<String> = shards.iter().flat_map(Saved::words).collect();
        lines.extend(damaged.iter().chain(bad).map(|problem| format!("damaged: {problem}")));
        lines.push(format!("snapshots: {} whole, {} damaged", whole.len(), bad.len()));
        let beyond = if self.is_missing() { " --up-to-damage" } else { "" };
        let to = to.display();
        lines.push(format!(
            "written to {to}; open it with: gavel restore {to} --data <new directory>{beyond}"
        ));
        lines.join("\n")
    }

    fn to_json(&self, to: &Path) -> String {
        let Self { shards, damaged, snapshots: Snapshots { whole, damaged: bad } } = self;
        json!({
            "written_to": to.display().to_string(),
            "missing": self.is_missing(),
            "shards": shards.iter().map(Saved::to_json).collect::<Vec<_>>(),
            "damaged": damaged.iter().chain(bad).collect::<Vec<_>>(),
            "snapshots": whole.len(),
        })
        .to_string()
    }
}

impl Saved {
    fn of(salvage: &Salvage, shard: ShardId, snapshots: &Snapshots) -> Self {
        let runs: Vec<(Lsn, Lsn)> =
            salvage.runs(shard).iter().map(|run| (run.first(), run.last.lsn)).collect();
        let mut missing = salvage.missing(shard);
        let expired = |(first, last): &(Lsn, Lsn)| *first == Lsn(1) && snapshots.covers(shard, *last);
        let begins = missing.first().filter(|gap| expired(gap)).map(|(_, last)| last.next());
        if begins.is_some() {
            missing.remove(0);
        }
        Self { shard, runs, missing, begins }
    }

    fn words(&self) -> Vec<String> {
        let Self { shard, runs, missing, begins } = self;
        let range = |(first, last): &(Lsn, Lsn)| {
            format!("{}-{} ({})", first.0, last.0, grouped(last.0 + 1 - first.0))
        };
        let list = |ranges: &[(Lsn, Lsn)]| ranges.iter().map(range).collect::<Vec<_>>().join(", ");
        let mut lines = vec![format!("shard {shard}: got records {}", list(runs))];
        if let Some(begins) = begins {
            lines.push(format!(
                "shard {shard}: the history begins at record {}; a snapshot stands for what has expired before it",
                begins.0
            ));
        }
        if !missing.is_empty() {
            lines.push(format!("shard {shard}: MISSING records {}", list(missing)));
        }
        lines
    }

    fn to_json(&self) -> Value {
        let Self { shard, runs, missing, begins } = self;
        let ranges = |ranges: &[(Lsn, Lsn)]| {
            let range = |(first, last): &(Lsn, Lsn)| json!({ "first": first.0, "last": last.0 });
            ranges.iter().map(range).collect::<Vec<_>>()
        };
        let begins = begins.map_or(1, |begins| begins.0);
        json!({ "shard": shard.0, "begins": begins, "got": ranges(runs), "missing": ranges(missing) })
    }
}
