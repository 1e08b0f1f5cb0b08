//! Power loss: no state that a power cut can leave loses an acknowledged record.
//!
//! Method: a writer runs under strace: a new log, commits and marks, a kill, a second start, more commits, a clean stop.
//! From what it did to its files, hundreds of directory states are rebuilt that a cut could have left (`disk.rs` says which),
//! and each is opened: it must open, and hold everything that had been acknowledged before the cut.
//!
//! Safeguards are then taken out of the recording, one by one, and the same suite must find losses: our `sync_data` after sled's
//! flush, and our syncs of `conf` and the directories.
//!
//! A second recording also takes snapshots and truncates. Every state of it must hold the whole history in archive and log, every
//! snapshot that there is must be whole, and every one that was finished must be there, or a newer one. It must fail without the
//! sync of an archive file before its frames leave the log, without that of a snapshot before it gets its name, and without those of
//! their directories.

mod disk;
mod trace;

use crate::common::dice::Dice;
use crate::common::probe::{Ends, PROBE, parse_ends};
use crate::common::{one_at_a_time, open, rounds};
use disk::Disk;
use gavel_core::{Lsn, ShardId};
use gavel_log::{Log, snapshot};
use std::path::Path;
use tempfile::TempDir;
use trace::{Op, What, record};

/// What a writer did, over both of its runs.
struct Recording {
    dir: TempDir,
    ops: Vec<Op>,
}

impl Recording {
    fn new(command: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("data");
        let text = path.to_str().unwrap();
        let mut ops = record(&path, PROBE, &[command, text, "12", "3", "killed"], 0);
        let lines = ops.iter().map(|op| op.done).max().unwrap() + 1;
        ops.extend(record(&path, PROBE, &[command, text, "12", "3", "closed"], lines));
        assert_eq!(ops.iter().filter(|op| said_durable(op).is_some()).count(), 24, "the writer did its work");
        Self { dir, ops }
    }

    /// What had been acknowledged when the power went.
    fn acknowledged(&self, cut: usize) -> Ends {
        self.ops.iter().filter(|op| op.began < cut).filter_map(said_durable).next_back().unwrap_or_default()
    }

    /// The latest snapshot of each shard that had been finished.
    fn snapshots(&self, cut: usize) -> Ends {
        let mut snapshots = Ends::new();
        for op in self.ops.iter().filter(|op| op.began < cut) {
            if let What::Said(line) = &op.what {
                snapshots.extend(line.strip_prefix("snapshot").map(parse_ends).unwrap_or_default());
            }
        }
        snapshots
    }

    /// A place to cut: half of them right after an acknowledgement, where the most depends on what was synced.
    fn place(&self, dice: &mut Dice) -> usize {
        if dice.coin() {
            let acknowledgements: Vec<usize> =
                self.ops.iter().filter(|op| said_durable(op).is_some()).map(|op| op.began + 1).collect();
            return acknowledgements[dice.below(acknowledgements.len() as u64) as usize];
        }
        self.ops[dice.below(self.ops.len() as u64) as usize].began + dice.below(2) as usize
    }

    /// Rebuilds one state and opens it.
    fn round(&self, seed: u64, syncs: &dyn Fn(&Path, bool) -> bool) -> Result<(), String> {
        let dice = &mut Dice(seed);
        let cut = self.place(dice);
        let state = TempDir::new().unwrap();
        let root = self.dir.path().join("data");
        Disk::new(&root, &self.ops, syncs).cut(cut, dice, state.path());
        check(state.path(), &self.acknowledged(cut))
            .and_then(|()| check_snapshots(state.path(), &self.snapshots(cut)))
            .map_err(|loss| format!("seed {seed}, cut at {cut}: {loss}"))
    }

    fn losses(&self, seeds: std::ops::Range<u64>, syncs: &dyn Fn(&Path, bool) -> bool) -> Vec<String> {
        seeds.filter_map(|seed| self.round(seed, syncs).err()).collect()
    }
}

fn said_durable(op: &Op) -> Option<Ends> {
    match &op.what {
        What::Said(line) => line.strip_prefix("durable").map(parse_ends),
        _ => None,
    }
}

/// The state opens and holds everything acknowledged, as it was.
fn check(dir: &Path, acknowledged: &Ends) -> Result<(), String> {
    let (log, opened) = open(dir).map_err(|error| error.to_string())?;
    if let Some(warning) = opened.warnings.first() {
        return Err(warning.to_string());
    }
    for (shard, (lsn, hash)) in acknowledged {
        let frames = log.read_from(ShardId(*shard), Lsn(1)).collect::<Result<Vec<_>, _>>();
        let frames = frames.map_err(|error| error.to_string())?;
        let there =
            frames.iter().any(|frame| frame.last() == Lsn(*lsn) && format!("{:?}", frame.hash()) == *hash);
        if !there {
            return Err(format!(
                "shard {shard}: Lsn {lsn} was acknowledged; {} is there",
                log.durable(ShardId(*shard)).0
            ));
        }
    }
    Ok(())
}

/// Every snapshot is whole, and those that were finished are there, or newer ones.
fn check_snapshots(dir: &Path, finished: &Ends) -> Result<(), String> {
    for path in snapshot::list_all(dir).unwrap().values().flatten() {
        snapshot::check(path).map_err(|error| error.to_string())?;
    }
    for (shard, (lsn, _)) in finished {
        let newest = snapshot::list(dir, ShardId(*shard)).unwrap().into_iter().next();
        let from = newest.map_or(0, |path| snapshot::check(&path).unwrap().0.from.lsn.0);
        if from < *lsn {
            return Err(format!("shard {shard}: a snapshot after Lsn {lsn} was finished; {from} is there"));
        }
    }
    Ok(())
}

fn is_our_data_sync(path: &Path, data_only: bool) -> bool {
    // sled itself only ever calls `fsync`; `fdatasync` of its file is ours.
    data_only && path.ends_with("log/db")
}

#[test]
fn nothing_acknowledged_is_lost_and_without_our_syncs_it_would_be() {
    let _one = one_at_a_time();
    let recording = Recording::new("write");

    let all = rounds(240);
    let losses = recording.losses(0..all, &|_, _| true);
    assert!(losses.is_empty(), "{} of {all} states lost something:\n{}", losses.len(), losses.join("\n"));

    let without_data_sync = recording.losses(0..40, &|path, data_only| !is_our_data_sync(path, data_only));
    assert!(without_data_sync.len() > 5, "taking `sync_data` out loses nothing: the suite proves nothing");

    let is_our_directory_sync = |path: &Path| !path.ends_with("db") && !path.ends_with("mark");
    let without_directories = recording.losses(0..40, &|path, _| !is_our_directory_sync(path));
    assert!(without_directories.len() > 5, "taking the syncs of `conf` and directories out loses nothing");
}

#[test]
fn snapshots_and_truncation_lose_nothing_and_without_their_syncs_they_would() {
    let _one = one_at_a_time();
    let recording = Recording::new("trim");
    let is_below = |path: &Path, dir: &str| path.parent().is_some_and(|parent| parent.ends_with(dir));
    assert!(
        recording.ops.iter().any(|op| matches!(&op.what, What::Rename { to, .. } if is_below(to, "archive")))
    );

    let all = rounds(240);
    let losses = recording.losses(0..all, &|_, _| true);
    assert!(losses.is_empty(), "{} of {all} states lost something:\n{}", losses.len(), losses.join("\n"));

    for name in ["archive", "snapshots"] {
        let without_files = recording.losses(0..60, &|path, _| !is_below(path, name));
        assert!(without_files.len() > 5, "taking the sync of files in {name} out loses nothing");
        let without_directory = recording.losses(0..60, &|path, _| !path.ends_with(name));
        assert!(without_directory.len() > 5, "taking the sync of {name} out loses nothing");
    }
}
