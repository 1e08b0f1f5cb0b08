//! `gavel log salvage`: every whole frame of a damaged directory, written into a new one that `gavel restore` takes.

use super::error::ToolError;
use super::progress::Progress;
use crate::cli::DataFlags;
use crate::exit::Exit;
use crate::output::{self, grouped};
use clap::Args;
use gavel_core::{Lsn, ShardId, Timestamp};
use gavel_engine::Clock;
use gavel_log::archive::ARCHIVE_DIR;
use gavel_log::offline::Salvage;
use gavel_log::snapshot::{self, SNAPSHOT_DIR};
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
    /// Snapshots that were copied, and those that are damaged, in words.
    snapshots: (Vec<PathBuf>, Vec<String>),
}

/// What was got out of one shard.
struct Saved {
    shard: ShardId,
    /// First and last record of each run.
    runs: Vec<(Lsn, Lsn)>,
    /// First and last record of each gap, also at the beginning and the end.
    missing: Vec<(Lsn, Lsn)>,
}

/// Writes and prints.
pub(super) fn run(flags: &SalvageFlags, dir: &Path, json: bool) -> Result<Exit, ToolError> {
    must_be_new(&flags.to, dir)?;
    let progress = Progress::bytes();
    let salvage = Salvage::scan(dir, &mut |read| progress.stage(read)).map_err(ToolError::io(dir))?;
    drop(progress);
    let shards: Vec<Saved> = salvage.shards().into_iter().map(|shard| saved(&salvage, shard)).collect();
    if shards.is_empty() {
        return Err(ToolError::NothingWhole { dir: dir.to_owned() });
    }
    let now = Clock::system().now();
    write(&salvage, &flags.to, now, &shards)?;
    let snapshots = copy_snapshots(dir, &flags.to, &salvage.shards())?;
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

fn saved(salvage: &Salvage, shard: ShardId) -> Saved {
    let runs = salvage.runs(shard).iter().map(|run| (run.first(), run.last.lsn)).collect();
    Saved { shard, runs, missing: salvage.missing(shard) }
}

fn write(salvage: &Salvage, to: &Path, now: Timestamp, shards: &[Saved]) -> Result<(), ToolError> {
    let length = |(first, last): &(Lsn, Lsn)| last.0 + 1 - first.0;
    let progress =
        Progress::records("writing", shards.iter().flat_map(|saved| &saved.runs).map(length).sum());
    let folder = to.join(ARCHIVE_DIR);
    std::fs::create_dir_all(&folder).map_err(ToolError::io(&folder))?;
    let mut before = None;
    salvage.write(to, now, &mut |shard, last| {
        let first = before.filter(|(of, _)| *of == shard).map_or(last, |(_, before)| before);
        progress.add(last.0.saturating_sub(first.0));
        before = Some((shard, last));
    })?;
    Ok(())
}

/// Copies the snapshots that are whole: what is missing at the front of the history may be in them.
fn copy_snapshots(
    from: &Path,
    to: &Path,
    shards: &[ShardId],
) -> Result<(Vec<PathBuf>, Vec<String>), ToolError> {
    let (mut copied, mut damaged) = (Vec::new(), Vec::new());
    for &shard in shards {
        for path in snapshot::list(from, shard).map_err(ToolError::io(from.join(SNAPSHOT_DIR)))? {
            match snapshot::check(&path) {
                Ok(_) => copied.push(copy(&path, &to.join(SNAPSHOT_DIR))?),
                Err(problem) => damaged.push(problem.to_string()),
            }
        }
    }
    Ok((copied, damaged))
}

fn copy(path: &Path, to: &Path) -> Result<PathBuf, ToolError> {
    std::fs::create_dir_all(to).map_err(ToolError::io(to))?;
    let copy = to.join(path.file_name().unwrap_or_default());
    std::fs::copy(path, &copy).map_err(ToolError::io(&copy))?;
    std::fs::File::open(&copy).and_then(|file| file.sync_all()).map_err(ToolError::io(&copy))?;
    Ok(copy)
}

impl Report {
    fn is_missing(&self) -> bool {
        self.shards.iter().any(|saved| !saved.missing.is_empty())
    }

    fn to_text(&self, to: &Path) -> String {
        let Self { shards, damaged, snapshots: (copied, bad) } = self;
        let mut lines: Vec<String> = shards.iter().flat_map(Saved::words).collect();
        lines.extend(damaged.iter().chain(bad).map(|problem| format!("damaged: {problem}")));
        lines.push(format!("snapshots: {} whole, {} damaged", copied.len(), bad.len()));
        lines.push(format!(
            "written to {}; open it with: gavel restore {} --data <new directory>",
            to.display(),
            to.display()
        ));
        lines.join("\n")
    }

    fn to_json(&self, to: &Path) -> String {
        let Self { shards, damaged, snapshots: (copied, bad) } = self;
        json!({
            "written_to": to.display().to_string(),
            "missing": self.is_missing(),
            "shards": shards.iter().map(Saved::to_json).collect::<Vec<_>>(),
            "damaged": damaged.iter().chain(bad).collect::<Vec<_>>(),
            "snapshots": copied.len(),
        })
        .to_string()
    }
}

impl Saved {
    fn words(&self) -> Vec<String> {
        let Self { shard, runs, missing } = self;
        let range = |(first, last): &(Lsn, Lsn)| {
            format!("{}-{} ({})", first.0, last.0, grouped(last.0 + 1 - first.0))
        };
        let list = |ranges: &[(Lsn, Lsn)]| ranges.iter().map(range).collect::<Vec<_>>().join(", ");
        let mut lines = vec![format!("shard {shard}: got records {}", list(runs))];
        if !missing.is_empty() {
            lines.push(format!("shard {shard}: MISSING records {}", list(missing)));
        }
        lines
    }

    fn to_json(&self) -> Value {
        let Self { shard, runs, missing } = self;
        let ranges = |ranges: &[(Lsn, Lsn)]| {
            let range = |(first, last): &(Lsn, Lsn)| json!({ "first": first.0, "last": last.0 });
            ranges.iter().map(range).collect::<Vec<_>>()
        };
        json!({ "shard": shard.0, "got": ranges(runs), "missing": ranges(missing) })
    }
}
