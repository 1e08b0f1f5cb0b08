//! The mark: what was written last is read; a slot that is damaged, or was being written when the power went, leaves the
//! one before.

use gavel_core::{Epoch, Lsn, ShardId, Timestamp};
use gavel_log::mark::{Mark, MarkError, MarkWriter};
use gavel_log::{ChainHash, Tip};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const SLOT: usize = 16 * 1024;

fn mark(shards: u64, lsn: u64) -> Mark {
    let tip = |shard| Tip { epoch: Epoch(2), lsn: Lsn(lsn), hash: ChainHash([shard; 32]) };
    let tips = (0..shards).map(|shard| (ShardId(shard as u8), tip(shard as u8))).collect();
    Mark::new(tips, Epoch(7), Timestamp::from_micros(lsn).unwrap(), false)
}

fn lsn(dir: &Path) -> u64 {
    Mark::read(dir).unwrap().unwrap().at.micros()
}

#[test]
fn the_latest_mark_is_read_with_all_shards() {
    let dir = TempDir::new().unwrap();
    assert!(Mark::read(dir.path()).unwrap().is_none());
    let mut writer = MarkWriter::open(dir.path(), None, mark(0, 1)).unwrap();
    for lsn in 2..=9 {
        writer.write(mark(lsn * 28, lsn)).unwrap();
        let read = Mark::read(dir.path()).unwrap().unwrap();
        assert_eq!((read.tips, read.at), (mark(lsn * 28, lsn).tips, mark(0, lsn).at));
    }
    let all = Mark::new(mark(256, 10).tips, Epoch(8), Timestamp::MAX, true);
    writer.write(all.clone()).unwrap();
    let read = Mark::read(dir.path()).unwrap().unwrap();
    assert_eq!((read.tips, read.epoch, read.at, read.clean), (all.tips, Epoch(8), all.at, true));
}

/// Fails without the two slots written in turn.
#[test]
fn a_damaged_slot_leaves_the_mark_before_it() {
    let dir = TempDir::new().unwrap();
    let mut writer = MarkWriter::open(dir.path(), None, mark(3, 1)).unwrap();
    for latest in 2..=5 {
        writer.write(mark(3, latest)).unwrap();
        let path = dir.path().join("mark");
        let whole = fs::read(&path).unwrap();
        let mut read = [false; 2];
        for at in (0..whole.len()).filter(|at| at % SLOT < 40 + 3 * 46) {
            let mut damaged = whole.clone();
            damaged[at] ^= 4;
            fs::write(&path, damaged).unwrap();
            let found = lsn(dir.path());
            assert!(found == latest || found == latest - 1, "byte {at}: {found}");
            read[(latest - found) as usize] = true;
        }
        assert_eq!(read, [true, true], "one of the slots is the latest");
        fs::write(&path, whole).unwrap();
    }
}

#[test]
fn a_mark_without_a_whole_slot_is_an_error_and_never_nothing() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("mark");
    drop(MarkWriter::open(dir.path(), None, mark(3, 1)).unwrap());
    let whole = fs::read(&path).unwrap();
    for wrong in [vec![], vec![0; 2 * SLOT], whole[..20].to_vec()] {
        fs::write(&path, wrong).unwrap();
        assert!(matches!(Mark::read(dir.path()), Err(MarkError::Damaged)));
    }
}

#[test]
fn a_writer_goes_on_where_the_one_before_it_stopped() {
    let dir = TempDir::new().unwrap();
    drop(MarkWriter::open(dir.path(), None, mark(3, 1)).unwrap());
    for lsn in 2..=4 {
        let found = Mark::read(dir.path()).unwrap();
        drop(MarkWriter::open(dir.path(), found.as_ref(), mark(3, lsn)).unwrap());
        assert_eq!(self::lsn(dir.path()), lsn);
    }
}
