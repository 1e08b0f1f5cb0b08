//! Kill -9 while a log commits, truncates, rotates its archive and takes snapshots, all at once: nothing acknowledged is lost, nothing of
//! the history is missing or there twice, and every snapshot under its name is whole.
//!
//! Method: `log-probe churn` in a process of its own, killed after it has said something a random number of times; then the directory is
//! read whole, offline and opened, and the next round goes on with it.

use crate::common::dice::Dice;
use crate::common::probe::{Ends, Outcome, PROBE, parse_ends, read};
use crate::common::rounds;
use gavel_core::{Lsn, ShardId};
use gavel_log::{LogReader, Offline, snapshot};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// What was acknowledged, and how many snapshots were finished, by the time the process was killed.
struct Said {
    durable: Ends,
    snapshots: u64,
}

/// Runs until it has said so many lines of one kind, then kills it, wherever it is.
fn churn_and_kill(dir: &Path, word: &str, lines: u64) -> Said {
    let mut probe = Command::new(PROBE).arg("churn").arg(dir).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = Said { durable: Ends::new(), snapshots: 0 };
    let mut left = lines;
    for line in BufReader::new(probe.stdout.take().unwrap()).lines().map(Result::unwrap) {
        match line.split_once(' ').unwrap() {
            ("durable", ends) => said.durable = parse_ends(ends),
            ("snapshot", _) => said.snapshots += 1,
            _ => panic!("the probe said {line:?}"),
        }
        if line.starts_with(word) {
            left = left.saturating_sub(1);
            if left == 0 {
                probe.kill().unwrap();
            }
        }
    }
    probe.wait().unwrap();
    said
}

/// By the scan alone, before anything was opened: archive and log are one whole, and what was acknowledged is in it. Gives how many frames
/// the archive has.
fn check_offline(dir: &Path, acknowledged: &Ends) -> u64 {
    let offline = Offline::open(dir).unwrap();
    let flaws = offline.verify(&mut |_| {});
    assert!(flaws.is_empty(), "{flaws:?}");
    for (shard, (lsn, hash)) in acknowledged {
        let shard = ShardId(*shard);
        let frames: Result<Vec<_>, _> = offline.read_from(shard, Lsn(1)).collect();
        let frames = frames.unwrap();
        assert!(frames.iter().any(|frame| frame.last().0 == *lsn && format!("{:?}", frame.hash()) == *hash));
    }
    let archive = offline.archive();
    archive.shards().into_iter().flat_map(|shard| archive.files(shard)).map(|file| file.frames).sum()
}

#[test]
fn killed_while_it_moves_frames_it_loses_nothing_and_doubles_nothing() {
    let dir = TempDir::new().unwrap();
    let mut dice = Dice(42);
    let (mut snapshots, mut archived) = (0, 0);
    for round in 0..rounds(14) {
        let word = if dice.coin() { "durable" } else { "snapshot" };
        let said = churn_and_kill(dir.path(), word, 5 + dice.below(40));
        archived = check_offline(dir.path(), &said.durable);
        let Outcome::Ok(found) = read(dir.path()) else { panic!("round {round}: it does not open") };
        for (shard, (lsn, _)) in &said.durable {
            assert!(found[shard].0 >= *lsn, "round {round}, shard {shard}: {} of {lsn}", found[shard].0);
        }
        snapshots += said.snapshots;
        for path in snapshot::list_all(dir.path()).unwrap().values().flatten() {
            snapshot::check(path).unwrap();
        }
    }
    assert!(
        snapshots > 20 && archived > 1_000,
        "{snapshots} snapshots, {archived} frames in the archive: too few to have hit anything"
    );
}
