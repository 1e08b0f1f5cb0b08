//! The snapshot container: what was written reads back exactly; what is not whole is refused, whatever is wrong with it; the
//! newest two are kept; what an interrupted writer leaves is nobody's snapshot.
//!
//! Method: small snapshots, every single bit of one flipped in turn, every shorter length of it.

use crate::common::dice::Dice;
use crate::common::{one_at_a_time, open, time};
use gavel_core::{Digest, Epoch, Lsn, ShardId};
use gavel_log::limits::SNAPSHOT_BLOCK_BYTES_MAX;
use gavel_log::snapshot::{
    Foot, Head, Reader, SnapshotCause, SnapshotError, Writer, check, list, remove_old,
};
use gavel_log::{ChainHash, Tip};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const A: ShardId = ShardId(3);

fn head(shard: ShardId, lsn: u64) -> Head {
    let from = Tip { epoch: Epoch(2), lsn: Lsn(lsn), hash: ChainHash([7; 32]) };
    Head { shard, from, at: time(lsn) }
}

fn foot(until: u64) -> Foot {
    Foot { until: Lsn(until), auctions: 42, digest: Digest([1, 2, 3, u64::MAX]) }
}

fn blocks(sizes: &[usize]) -> Vec<Vec<u8>> {
    let mut dice = Dice(sizes.len() as u64);
    sizes.iter().map(|size| (0..*size).map(|_| dice.next() as u8).collect()).collect()
}

fn written(dir: &Path, head: &Head, blocks: &[Vec<u8>]) -> PathBuf {
    let mut writer = Writer::create(dir, head).unwrap();
    blocks.iter().for_each(|block| writer.block(block).unwrap());
    let path = writer.finish(&foot(head.from.lsn.0 + 10)).unwrap();
    remove_old(dir, head.shard).unwrap();
    path
}

fn read(path: &Path) -> Result<(Head, Vec<Vec<u8>>, Foot), SnapshotError> {
    let mut reader = Reader::open(path)?;
    let mut blocks = Vec::new();
    while let Some(block) = reader.next_block()? {
        blocks.push(block.to_vec());
    }
    Ok((*reader.head(), blocks, *reader.foot().expect("the foot comes with the end")))
}

#[test]
fn what_was_written_reads_back_exactly() {
    let dir = TempDir::new().unwrap();
    for sizes in [&[][..], &[1], &[SNAPSHOT_BLOCK_BYTES_MAX, 1, 300_000, 70]] {
        let blocks = blocks(sizes);
        let path = written(dir.path(), &head(A, 12_345), &blocks);
        assert!(path.ends_with("snapshots/003-00000000000000012345.snap"));
        assert_eq!(read(&path).unwrap(), (head(A, 12_345), blocks, foot(12_355)));
        assert_eq!(check(&path).unwrap(), (head(A, 12_345), foot(12_355)));
    }
}

#[test]
fn a_block_that_is_empty_or_too_large_is_refused() {
    let dir = TempDir::new().unwrap();
    let mut writer = Writer::create(dir.path(), &head(A, 1)).unwrap();
    for size in [0, SNAPSHOT_BLOCK_BYTES_MAX + 1] {
        let error = writer.block(&vec![0; size]).unwrap_err();
        assert!(error.to_string().contains("1 ..= 1048576 are allowed"), "{error}");
    }
    writer.block(&[1]).unwrap();
    let path = writer.finish(&foot(1)).unwrap();
    assert_eq!(read(&path).unwrap().1, [[1]]);
}

#[test]
fn the_newest_two_of_each_shard_are_kept() {
    let dir = TempDir::new().unwrap();
    written(dir.path(), &head(ShardId(4), 1), &[]);
    let paths: Vec<PathBuf> = [5, 70, 600].map(|lsn| written(dir.path(), &head(A, lsn), &[])).into();
    assert_eq!(list(dir.path(), A).unwrap(), [paths[2].clone(), paths[1].clone()]);
    assert_eq!(list(dir.path(), ShardId(4)).unwrap().len(), 1);
    assert!(list(dir.path(), ShardId(5)).unwrap().is_empty());
    assert!(list(&dir.path().join("nowhere"), A).unwrap().is_empty());
}

#[test]
fn an_unfinished_one_is_seen_by_nobody_and_gone_when_dropped() {
    let dir = TempDir::new().unwrap();
    let mut writer = Writer::create(dir.path(), &head(A, 9)).unwrap();
    writer.block(&[1; 1000]).unwrap();
    assert!(list(dir.path(), A).unwrap().is_empty());
    assert_eq!(fs::read_dir(dir.path().join("snapshots")).unwrap().count(), 1);
    drop(writer);
    assert_eq!(fs::read_dir(dir.path().join("snapshots")).unwrap().count(), 0);
}

#[test]
fn what_a_killed_writer_leaves_is_removed_at_the_next_start() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let whole = written(dir.path(), &head(A, 9), &[]);
    std::mem::forget(Writer::create(dir.path(), &head(A, 10)).unwrap());
    assert_eq!(fs::read_dir(dir.path().join("snapshots")).unwrap().count(), 2);
    drop(open(dir.path()).unwrap());
    assert_eq!(fs::read_dir(dir.path().join("snapshots")).unwrap().count(), 1);
    assert_eq!(list(dir.path(), A).unwrap(), [whole]);
}

#[test]
fn every_flipped_bit_and_every_cut_is_found() {
    let dir = TempDir::new().unwrap();
    let path = written(dir.path(), &head(A, 77), &blocks(&[40, 3, 100]));
    let whole = fs::read(&path).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, bytes).unwrap();
        let error = check(&path).expect_err("a flipped bit was not found");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let error = check(&path).expect_err("a cut was not found");
        assert!(matches!(error.cause, SnapshotCause::CutOff { .. }), "{error}");
    }
    fs::write(&path, [&whole[..], &[0]].concat()).unwrap();
    assert!(matches!(check(&path).unwrap_err().cause, SnapshotCause::Damaged { .. }));
}

#[test]
fn blocks_that_are_whole_but_out_of_place_are_found() {
    let dir = TempDir::new().unwrap();
    let path = written(dir.path(), &head(A, 77), &blocks(&[40, 40]));
    let mut bytes = fs::read(&path).unwrap();
    let (first, second) = bytes[68..68 + 96].split_at_mut(48);
    first.swap_with_slice(second);
    fs::write(&path, bytes).unwrap();
    assert!(matches!(check(&path).unwrap_err().cause, SnapshotCause::Damaged { offset: 68 }));
}

#[test]
fn another_version_and_another_name_are_told_apart_from_damage() {
    let dir = TempDir::new().unwrap();
    let path = written(dir.path(), &head(A, 77), &[]);
    let renamed = path.with_file_name("003-00000000000000000078.snap");
    fs::copy(&path, &renamed).unwrap();
    assert!(matches!(check(&renamed).unwrap_err().cause, SnapshotCause::Name { lsn: Lsn(77), .. }));
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..64]);
    bytes[64..68].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    assert!(matches!(check(&path).unwrap_err().cause, SnapshotCause::Version { found: 2 }));
}
