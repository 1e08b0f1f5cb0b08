//! One pass over a data directory, beside a running server or a stopped one.
//!
//! What a running server has written is durable once its mark, which it writes about once a second, tells of it. So a pass waits
//! until the mark tells of all that it has found, and copies up to there: what is in the backup, the log can't lose any more.

use super::error::BackupError;
use super::manifest::Manifest;
use super::shelf::Shelf;
use super::{BackupFlags, snapshots};
use crate::logtool::progress::Progress;
use gavel_core::{Lsn, Position, ShardId, Timestamp};
use gavel_log::{LogReader, Mark, Offline, ReadCause, Tip, Tips};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Bytes of frames that are synced at a time.
const STEP_BYTES: usize = 4 << 20;
/// How long the mark of a running server is waited for. It is written about once a second.
const MARK_PATIENCE: Duration = Duration::from_secs(3);
/// Between two looks at it.
const MARK_PAUSE: Duration = Duration::from_millis(50);

pub(super) fn run(flags: &BackupFlags) -> Result<Manifest, BackupError> {
    if lies_in(&flags.dir, &flags.data).map_err(BackupError::io(&flags.dir))? {
        let what = "in the data directory itself, and would be lost with it";
        return Err(BackupError::NoBackup { dir: flags.dir.clone(), what });
    }
    let mut shelf = Shelf::open(&flags.dir, &format!("a backup of {}", flags.data.display()))?;
    // Before the log is looked at: what a snapshot knows of, the log holds by then.
    snapshots::copy_all(&flags.data, &flags.dir)?;
    let scanning = Progress::bytes();
    let source = Offline::open_with(&flags.data, &mut |read| scanning.stage(read))?;
    drop(scanning);
    let log = source.id().map_err(|source| BackupError::Identity { dir: flags.data.clone(), source })?;
    let (ends, at) = durable_ends(&source, &flags.data);
    let starts = starts(&shelf, &source, &ends)?;
    let total = starts.iter().map(|(shard, from)| ends[shard].lsn.0.saturating_sub(from.0 - 1)).sum();
    let copying = Progress::records("copying", total);
    for (shard, from) in starts {
        copy_shard(&mut shelf, &source, shard, from, ends[&shard].lsn, at, &copying)?;
    }
    drop(copying);
    // Now it is sure that what was there before is of this log.
    shelf.set_log(log)?;
    let manifest = Manifest { of: flags.data.display().to_string(), at, shards: shelf.ends() };
    snapshots::keep_newest(
        &flags.dir,
        &manifest.tips().into_iter().map(|(shard, tip)| (shard, tip.lsn)).collect(),
    )?;
    for (shard, end) in &manifest.shards {
        check_begin(&flags.dir, *shard, end.first)?;
    }
    manifest.write(&flags.dir)?;
    Ok(manifest)
}

/// Whether a directory, which may not be there yet, lies somewhere in another.
fn lies_in(dir: &Path, other: &Path) -> std::io::Result<bool> {
    let Ok(other) = other.canonicalize() else { return Ok(false) };
    let dir = std::path::absolute(dir)?;
    let real = |ancestor: &Path| Some(ancestor.canonicalize().ok()?.join(dir.strip_prefix(ancestor).ok()?));
    let real = dir.ancestors().find_map(real).unwrap_or_else(|| dir.clone());
    Ok(real != other && real.starts_with(&other))
}

/// How far each shard is copied, and when the log is known to have ended there.
fn durable_ends(source: &Offline, data: &Path) -> (Tips, Timestamp) {
    let found = source.tips();
    let give_up_at = Instant::now() + MARK_PATIENCE;
    let mut mark = source.mark();
    while source.holder().is_some() {
        let is_told = |mark: &Mark| {
            found.iter().all(|(shard, tip)| mark.tips.get(shard).is_some_and(|told| told.lsn >= tip.lsn))
        };
        if mark.as_ref().is_some_and(is_told) {
            break;
        }
        if Instant::now() >= give_up_at {
            return up_to_mark(found, mark);
        }
        std::thread::sleep(MARK_PAUSE);
        mark = Mark::read(data).ok().flatten().or(mark);
    }
    let at = mark.map(|mark| mark.at).unwrap_or_default();
    (found, at)
}

/// What was found, as far as the mark tells of it.
fn up_to_mark(found: Tips, mark: Option<Mark>) -> (Tips, Timestamp) {
    let Some(Mark { tips, at, .. }) = mark else { return (Tips::new(), Timestamp::default()) };
    let sooner = |(shard, tip): (ShardId, Tip)| {
        let told = *tips.get(&shard)?;
        Some((shard, if told.lsn < tip.lsn { told } else { tip }))
    };
    (found.into_iter().filter_map(sooner).collect(), at)
}

/// The record that each shard's copying begins with, once it is sure that the backup is one of this log.
fn starts(shelf: &Shelf, source: &Offline, ends: &Tips) -> Result<Vec<(ShardId, Lsn)>, BackupError> {
    let mut starts = Vec::new();
    for (shard, has) in shelf.ends() {
        let end = ends.get(&shard).copied().unwrap_or_default();
        check_same(source, has.position(shard), has.last, end)?;
    }
    for (shard, end) in ends {
        let has = shelf.tip(*shard).lsn;
        let from = if has == Lsn(0) { source.oldest(*shard) } else { has.next() };
        if from <= end.lsn {
            starts.push((*shard, from));
        }
    }
    Ok(starts)
}

/// Checks that the log has the backup's last frame where the backup has it.
fn check_same(source: &Offline, has: Position, tip: Tip, end: Tip) -> Result<(), BackupError> {
    if end.lsn < has.lsn {
        let end = Position { shard: has.shard, epoch: end.epoch, lsn: end.lsn };
        return Err(BackupError::Ahead { has, end });
    }
    match source.read_from(has.shard, has.lsn).next() {
        Some(Ok(frame)) if Tip::of(&frame) == tip => Ok(()),
        Some(Ok(_)) | None => Err(BackupError::Other { has }),
        Some(Err(error)) => match error.cause {
            // Appending tells whether what comes next belongs behind it.
            ReadCause::Gone { oldest } if oldest <= has.lsn.next() => Ok(()),
            ReadCause::Gone { oldest } => Err(BackupError::Gone { has, oldest }),
            _ => Err(error.into()),
        },
    }
}

fn copy_shard(
    shelf: &mut Shelf,
    source: &Offline,
    shard: ShardId,
    from: Lsn,
    end: Lsn,
    at: Timestamp,
    progress: &Progress,
) -> Result<(), BackupError> {
    let (mut frames, mut bytes) = (Vec::new(), 0);
    for frame in source.read_from(shard, from) {
        let frame = frame?;
        if frame.first() > end {
            break;
        }
        bytes += frame.bytes().len();
        frames.push(frame);
        if bytes >= STEP_BYTES {
            shelf.append(shard, &frames, at)?;
            progress.add(frames.drain(..).map(|frame| u64::from(frame.count())).sum());
            bytes = 0;
        }
    }
    shelf.append(shard, &frames, at)?;
    progress.add(frames.iter().map(|frame| u64::from(frame.count())).sum());
    Ok(())
}

/// A shard's records begin with the first, or a snapshot makes up for those before.
fn check_begin(backup: &Path, shard: ShardId, first: Lsn) -> Result<(), BackupError> {
    if first == Lsn(1) {
        return Ok(());
    }
    let listed = gavel_log::snapshot::list(backup, shard).map_err(BackupError::io(backup))?;
    let makes_up = |path: &PathBuf| {
        gavel_log::snapshot::check(path).is_ok_and(|(head, _)| head.from.lsn.next() >= first)
    };
    if listed.iter().any(makes_up) { Ok(()) } else { Err(BackupError::NoSnapshot { shard, oldest: first }) }
}
