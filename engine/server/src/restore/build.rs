//! Writes the new data directory: archive, snapshots, then the log's beginning and the mark.

use super::RestoreError;
use super::plan::{Plan, ShardPlan};
use crate::backup::copy_whole;
use crate::logtool::progress::Progress;
use gavel_core::{Epoch, Lsn, ShardId, Timestamp};
use gavel_log::archive::Writer;
use gavel_log::offline::{Run, Salvage};
use gavel_log::snapshot::SNAPSHOT_DIR;
use gavel_log::{DirLock, Frame, SledLog, Tip};
use std::path::Path;
use std::sync::Arc;

pub(super) fn build(data: &Path, plan: &Plan, salvage: &Salvage) -> Result<(), RestoreError> {
    let lock = Arc::new(DirLock::acquire(data, "restoring a backup")?);
    let restored = |shard: &ShardPlan| shard.run.as_ref().map_or(0, |run| run.last.lsn.0 - run.base.lsn.0);
    let progress = Progress::records("restoring", plan.shards.values().map(restored).sum());
    let as_of = plan.as_of.filter(|_| !plan.is_damaged()).unwrap_or_default();
    let (mut last_frames, mut alive_until) = (Vec::new(), as_of);
    for (shard, part) in &plan.shards {
        let Some(run) = &part.run else { continue };
        let written = write_run(data, *shard, part, run, (salvage, as_of, &progress))?;
        copy_snapshots(data, *shard, part, &written)?;
        alive_until = alive_until.max(written.last_at);
        last_frames.push(written.last);
    }
    drop(progress);
    // Whoever opens it writes in the epoch after the last one.
    let last_epoch = Epoch(plan.epoch.0 - 1);
    SledLog::seed(lock, &last_frames, last_epoch, alive_until, plan.log)?;
    Ok(())
}

/// What was written of a shard.
struct Written {
    last: Frame,
    /// When its last record was decided.
    last_at: Timestamp,
    /// The frames among them that snapshots go on after.
    found: Vec<Tip>,
}

/// Writes a shard's frames as archive files. Every one is checked again on the way, and must continue the one before it.
fn write_run(
    data: &Path,
    shard: ShardId,
    part: &ShardPlan,
    run: &Run,
    (salvage, now, progress): (&Salvage, Timestamp, &Progress),
) -> Result<Written, RestoreError> {
    let create = |tip| Writer::create(data, shard, tip, now).map_err(RestoreError::io(data));
    let is_wanted = |tip: &Tip| part.snapshots.iter().any(|(_, head)| same(head.from, *tip));
    let mut writer = create(run.base)?;
    let (mut last, mut last_at, mut found) = (None, now, vec![run.base]);
    for frame in salvage.frames(run) {
        let frame = frame?;
        if writer.is_full() {
            let next = create(writer.tip())?;
            let full = std::mem::replace(&mut writer, next).finish().map_err(RestoreError::io(data))?;
            last_at = last_at.max(full.last_at);
        }
        writer.push(&frame)?;
        progress.add(u64::from(frame.count()));
        found.extend(Some(Tip::of(&frame)).filter(is_wanted));
        last = Some(frame);
    }
    let file = writer.finish().map_err(RestoreError::io(data))?;
    let last = last.ok_or_else(|| RestoreError::io(data)(std::io::Error::other("a run without frames")))?;
    Ok(Written { last, last_at: last_at.max(file.last_at), found })
}

/// The same frame; the epoch of one before the first that there is is not known.
fn same(a: Tip, b: Tip) -> bool {
    (a.lsn, a.hash) == (b.lsn, b.hash)
}

/// Copies the snapshots that go on after a frame which is there. Where the first records are gone, one is needed.
fn copy_snapshots(
    data: &Path,
    shard: ShardId,
    part: &ShardPlan,
    written: &Written,
) -> Result<(), RestoreError> {
    let mut copied = 0;
    for (path, head) in &part.snapshots {
        let Some(name) = path.file_name() else { continue };
        if written.found.iter().any(|tip| same(head.from, *tip)) {
            copy_whole(path, &data.join(SNAPSHOT_DIR).join(name))?;
            copied += 1;
        }
    }
    let begins_late = part.run.as_ref().is_some_and(|run| run.base.lsn > Lsn(0));
    if begins_late && copied == 0 {
        return Err(RestoreError::Nothing(format!("  shard {shard}: its snapshots are of another log")));
    }
    Ok(())
}
