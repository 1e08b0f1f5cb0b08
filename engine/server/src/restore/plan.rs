//! What of a backup can be restored: for each shard the frames that reach furthest among those from which its state can be built.
//!
//! A state can be built from a shard's first record on, or from a snapshot whose records are all there. So damage to old records
//! costs history, not state, where a snapshot lies behind it.

use super::RestoreError;
use crate::backup::{BackupError, MANIFEST_FILE, Manifest};
use crate::logtool::progress::Progress;
use gavel_core::{Epoch, LogId, Lsn, Position, ShardId, Timestamp};
use gavel_log::archive::ARCHIVE_DIR;
use gavel_log::identity;
use gavel_log::offline::{Run, Salvage};
use gavel_log::snapshot::{self, Head};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A restored directory begins an epoch that is a multiple of this.
const EPOCH_STEP: u32 = 1_000;
/// So many starts the original must be away from it at least.
const EPOCH_DISTANCE: u32 = 500;
/// How often a backup is looked at again that is written to meanwhile.
const TRIES: usize = 5;

/// What is restored.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) shards: BTreeMap<ShardId, ShardPlan>,
    /// The first epoch that the restored directory writes in.
    pub(super) epoch: Epoch,
    /// Which log it is of; `None` where the backup does not say: an earlier version made it, or what says it is damaged.
    pub(super) log: Option<LogId>,
    /// What is wrong with the backup's files, one sentence each.
    pub(super) flaws: Vec<String>,
    /// When the log ended where the manifest says, if that is known.
    pub(super) as_of: Option<Timestamp>,
}

/// What is restored of one shard.
#[derive(Debug)]
pub(super) struct ShardPlan {
    /// The frames; `None` when none can be used.
    pub(super) run: Option<Run>,
    /// The snapshots that are whole, and whose records are all among the frames.
    pub(super) snapshots: Vec<(PathBuf, Head)>,
    /// The last record that the backup once had; 0 where that is not known.
    pub(super) had: Position,
    /// The first record that it once had.
    pub(super) had_first: Lsn,
}

impl ShardPlan {
    /// The last record that is restored; before the first, where there is none.
    pub(super) fn up_to(&self, shard: ShardId) -> Position {
        let end = |run: &Run| Position { shard, epoch: run.last.epoch, lsn: run.last.lsn };
        self.run.as_ref().map_or(Position::start(shard), end)
    }

    /// Records at the end that are lost.
    pub(super) fn lost(&self) -> u64 {
        let end = self.run.as_ref().map_or(Lsn(0), |run| run.last.lsn);
        self.had.lsn.0.saturating_sub(end.0)
    }

    /// The first record of history that is restored, where older ones are lost.
    pub(super) fn history_from(&self) -> Option<Lsn> {
        self.run.as_ref().map(Run::first).filter(|first| *first > self.had_first)
    }
}

impl Plan {
    /// True when something is not as it was written.
    pub(super) fn is_damaged(&self) -> bool {
        let is_short =
            |shard: &ShardPlan| shard.lost() > 0 || shard.run.is_none() || shard.history_from().is_some();
        !self.flaws.is_empty() || self.shards.values().any(is_short)
    }
}

/// Reads the whole backup, and finds what can be restored of it.
pub(super) fn make(backup: &Path) -> Result<(Plan, Salvage), RestoreError> {
    if !backup.join(ARCHIVE_DIR).is_dir() && !backup.join(MANIFEST_FILE).exists() {
        return Err(RestoreError::NoBackup { dir: backup.to_owned() });
    }
    let mut flaws = Vec::new();
    let manifest = match Manifest::read(backup) {
        Ok(Some(manifest)) => Some(manifest),
        Ok(None) => {
            flaws.push(format!("{MANIFEST_FILE} is missing: up to where the backup went is not known"));
            None
        }
        Err(error @ BackupError::Manifest { .. }) => {
            flaws.push(error.to_string());
            None
        }
        Err(error) => return Err(error.into()),
    };
    let log = identity::read(backup).unwrap_or_else(|error| {
        flaws.push(format!("{}: {error}", identity::IDENTITY_FILE));
        None
    });
    let salvage = scan(backup)?;
    flaws.extend(salvage.damaged().iter().map(ToString::to_string));
    let snapshots = whole_snapshots(backup, &mut flaws)?;
    let mut all: BTreeSet<ShardId> = salvage.shards().into_iter().collect();
    all.extend(manifest.iter().flat_map(|manifest| manifest.shards.keys()));
    let shard = |shard: ShardId| (shard, plan_shard(shard, manifest.as_ref(), &salvage, &snapshots));
    let shards: BTreeMap<ShardId, ShardPlan> = all.into_iter().map(shard).collect();
    let epochs = shards.iter().map(|(shard, plan)| plan.up_to(*shard).epoch.max(plan.had.epoch));
    let epoch = copy_epoch(epochs.max().unwrap_or_default());
    Ok((Plan { shards, epoch, log, flaws, as_of: manifest.map(|manifest| manifest.at) }, salvage))
}

/// The epoch that a copy begins in: the next multiple that is far enough from what the original writes in.
fn copy_epoch(last: Epoch) -> Epoch {
    Epoch(last.0.saturating_add(EPOCH_DISTANCE).div_ceil(EPOCH_STEP).saturating_mul(EPOCH_STEP))
}

/// Looks at all frames. A backup that is being written to renames a file now and then: then it is looked at again.
fn scan(backup: &Path) -> Result<Salvage, RestoreError> {
    let reading = Progress::bytes();
    let scan = || Salvage::scan(backup, &mut |read| reading.stage(read)).map_err(RestoreError::io(backup));
    let mut salvage = scan()?;
    for _ in 1..TRIES {
        if salvage.damaged().iter().all(|damaged| damaged.path.exists()) {
            break;
        }
        salvage = scan()?;
    }
    Ok(salvage)
}

/// The whole snapshots of each shard, the newest first; those that are not are flaws.
type Snapshots = BTreeMap<ShardId, Vec<(PathBuf, Head, Lsn)>>;

fn whole_snapshots(backup: &Path, flaws: &mut Vec<String>) -> Result<Snapshots, RestoreError> {
    let mut snapshots = Snapshots::new();
    for (shard, paths) in snapshot::list_all(backup).map_err(RestoreError::io(backup))? {
        for path in paths {
            match snapshot::check(&path) {
                Ok((head, foot)) => snapshots.entry(shard).or_default().push((path, head, foot.until)),
                Err(error) => flaws.push(error.to_string()),
            }
        }
    }
    Ok(snapshots)
}

fn plan_shard(
    shard: ShardId,
    manifest: Option<&Manifest>,
    salvage: &Salvage,
    snapshots: &Snapshots,
) -> ShardPlan {
    let said = manifest.and_then(|manifest| manifest.shards.get(&shard));
    let within = |run: &Run| {
        let all = snapshots.get(&shard).into_iter().flatten();
        let fits = |(_, head, until): &&(PathBuf, Head, Lsn)| {
            run.base.lsn <= head.from.lsn && *until <= run.last.lsn && head.from.lsn <= run.last.lsn
        };
        all.filter(fits).map(|(path, head, _)| (path.clone(), *head)).collect::<Vec<_>>()
    };
    let usable = |run: &&Run| run.base.lsn == Lsn(0) || !within(run).is_empty();
    let run = salvage.runs(shard).iter().rev().find(usable);
    ShardPlan {
        snapshots: run.map(within).unwrap_or_default(),
        run: run.cloned(),
        had: said.map_or(Position::start(shard), |end| end.position(shard)),
        had_first: said.map_or(Lsn(1), |end| end.first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_begins_far_from_the_epochs_of_the_original() {
        for (last, first) in
            [(0, 1_000), (1, 1_000), (500, 1_000), (501, 2_000), (999, 2_000), (1_000, 2_000), (1_501, 3_000)]
        {
            assert_eq!(copy_epoch(Epoch(last)), Epoch(first), "{last}");
        }
    }
}
