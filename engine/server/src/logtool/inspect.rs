//! `gavel log inspect`: what lies in a directory, how large it is, and how it came about.

mod print;
mod rates;

use super::error::ToolError;
use super::source::Source;
use crate::cli::DataFlags;
use crate::exit::Exit;
use crate::output;
use clap::Args;
use gavel_core::{Epoch, Lsn, Position, ShardId, Timestamp};
use gavel_log::snapshot;
use gavel_log::{Mark, archive, attempts};
use rates::Rates;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The examples in the help.
pub(super) const HELP: &str = "\
Sizes of log, archive, snapshots and journal; each shard's range of records and where it lies; epochs; records over time; what a record \
costs on the disk; the mark; and which process holds the directory.

Reads the log's file once. Rates are of the records that are still in the log; the archive's are told by file.

Examples:
  gavel log inspect --data /srv/gavel
  gavel log inspect --json | jq .amplification";

/// The flags.
#[derive(Debug, Args)]
pub(crate) struct InspectFlags {
    #[command(flatten)]
    pub(super) data: DataFlags,
}

/// What was found.
struct Inspected {
    dir: PathBuf,
    holder: Option<String>,
    mark: Option<Mark>,
    sizes: Sizes,
    shards: Vec<Shard>,
    rates: Rates,
    damaged_places: usize,
}

/// Bytes on the disk.
#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    log: u64,
    archive: u64,
    archive_files: u64,
    snapshots: u64,
    snapshot_files: u64,
    attempts: u64,
    /// Bytes of the frames in the log that count.
    live_frames: u64,
    /// Bytes of the frames in the archive, before compression.
    archived_frames: u64,
}

/// One shard.
struct Shard {
    shard: ShardId,
    /// The oldest record that there is.
    oldest: Lsn,
    /// The last record in the archive; 0 when there is none.
    archived: Lsn,
    /// The last record that can be read, and where it is.
    tip: Position,
    /// Durable records behind it, which can't be reached: something between is damaged.
    unreadable: u64,
    /// What the mark says is durable.
    marked: Option<Lsn>,
    /// Frames in the log, and their bytes.
    frames: (u64, u64),
    /// Archive files, their bytes, and the times of the first and the last record in them.
    archive: (u64, u64, Option<(Timestamp, Timestamp)>),
    /// After which record each snapshot begins, the newest first, and when it was taken; `None` for one that is damaged.
    snapshots: Vec<Option<(Lsn, Timestamp)>>,
    /// The epochs of the records in the log, each with its first there.
    epochs: Vec<(Epoch, Lsn)>,
}

/// Looks and prints.
pub(super) fn run(_flags: &InspectFlags, dir: &Path, json: bool) -> Result<Exit, ToolError> {
    let source = Source::open(dir)?;
    let rates = Rates::read(&source)?;
    let shards = source.shards().into_iter().map(|shard| Shard::look(&source, shard, &rates));
    let shards: Vec<Shard> = shards.collect::<Result<_, _>>()?;
    let offline = source.offline();
    let inspected = Inspected {
        dir: dir.to_owned(),
        holder: offline.holder(),
        mark: offline.mark(),
        sizes: Sizes::look(&source, &shards)?,
        shards,
        rates,
        damaged_places: offline.damaged_places(),
    };
    Ok(output::data(&if json { print::to_json(&inspected) } else { print::to_text(&inspected) }))
}

impl Shard {
    fn look(source: &Source, shard: ShardId, rates: &Rates) -> Result<Self, ToolError> {
        let offline = source.offline();
        let (tip, end) = (offline.readable(shard), source.tip(shard));
        let files = offline.archive().files(shard);
        let times = files.first().zip(files.last()).map(|(first, last)| (first.first_at, last.last_at));
        let snapshots = source.snapshots(shard)?.into_iter().map(|path| {
            let reader = snapshot::Reader::open(&path).ok()?;
            Some((reader.head().from.lsn, reader.head().at))
        });
        Ok(Self {
            shard,
            oldest: source.oldest(shard),
            archived: offline.archive().end(shard).unwrap_or_default().lsn,
            tip: Position { shard, epoch: tip.epoch, lsn: tip.lsn },
            unreadable: end.lsn.0 - tip.lsn.0,
            marked: offline.mark().and_then(|mark| mark.tips.get(&shard).map(|tip| tip.lsn)),
            frames: offline.log_frames().get(&shard).copied().unwrap_or_default(),
            archive: (files.len() as u64, files.iter().map(|file| file.bytes).sum(), times),
            snapshots: snapshots.collect(),
            epochs: rates.epochs(shard),
        })
    }
}

impl Sizes {
    fn look(source: &Source, shards: &[Shard]) -> Result<Self, ToolError> {
        let dir = source.dir();
        let archive = source.offline().archive();
        let frames =
            |shard: &Shard| archive.files(shard.shard).iter().map(|file| file.frame_bytes).sum::<u64>();
        let (log, _) = on_disk(&dir.join(gavel_log::sled_log::LOG_DIR))?;
        let (archive, archive_files) = on_disk(&dir.join(archive::ARCHIVE_DIR))?;
        let (snapshots, snapshot_files) = on_disk(&dir.join(snapshot::SNAPSHOT_DIR))?;
        let (attempts, _) = on_disk(&dir.join(attempts::DIR))?;
        Ok(Self {
            log,
            archive,
            archive_files,
            snapshots,
            snapshot_files,
            attempts,
            live_frames: shards.iter().map(|shard| shard.frames.1).sum(),
            archived_frames: shards.iter().map(frames).sum(),
        })
    }
}

/// Bytes that a folder's files take on the disk, and how many files there are. A folder that is not there is empty.
fn on_disk(folder: &Path) -> Result<(u64, u64), ToolError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((0, 0)),
        Err(error) => return Err(ToolError::io(folder)(error)),
    };
    let (mut bytes, mut files) = (0, 0);
    for entry in entries {
        let entry = entry.map_err(ToolError::io(folder))?;
        match entry.metadata() {
            Ok(metadata) if metadata.is_file() => {
                bytes += metadata.blocks() * 512;
                files += 1;
            }
            // A running server may have removed it since; a folder's own size is none of ours.
            _ => {}
        }
    }
    Ok((bytes, files))
}
