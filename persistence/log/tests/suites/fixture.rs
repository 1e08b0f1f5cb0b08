//! Logs of released formats open for ever: each was committed when its format was released, and is never made again.
//!
//! A fixture is unpacked, opened, read whole and compared with what was put in: the digest of every record's bytes, and
//! what some of them mean.

use crate::common::dice::{Dice, EVENT_KINDS};
use crate::common::{one_at_a_time, open};
use gavel_core::{Epoch, Lsn, ShardEvent, ShardId, Timestamp};
use gavel_log::record::{Record, decode, encode_event, encode_shard_event};
use gavel_log::{Archive, Log, scan_dir};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

fn unpack(fixture: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(fixture);
    let tar = Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(dir.path()).status();
    assert!(tar.expect("tar is part of every system").success(), "{} unpacks", archive.display());
    dir
}

#[test]
fn a_log_of_format_1_opens_and_means_what_it_meant() {
    let _one = one_at_a_time();
    let dir = unpack("log-v1.tar.gz");
    let scanned = scan_dir(dir.path()).unwrap().unwrap().tips();
    let (log, opened) = open(dir.path()).unwrap();
    assert!(opened.clean);
    assert!(opened.id.is_some(), "it gets an identity, which logs did not have when it was made");
    assert_eq!(opened.alive_until, Timestamp::from_micros(1_795_000_250_000_000));
    assert_eq!(opened.tips, scanned, "the scanner reads what sled reads");
    assert_eq!(log.shards(), [0, 1, 255].map(ShardId));

    let mut digest = blake3::Hasher::new();
    for shard in log.shards() {
        let records = records(&*log, shard, &mut digest);
        assert_eq!(records.len(), 2 * (1 + 2 * EVENT_KINDS as usize + 4));
        for (epoch, records) in [Epoch(1), Epoch(2)].into_iter().zip(records.chunks(records.len() / 2)) {
            check(shard, epoch, records);
        }
    }
    assert_eq!(digest.finalize().to_hex().as_str(), DIGEST_V1);
}

/// What was written before there was an archive moves into one, and reads as one with it.
#[test]
fn a_log_of_format_1_is_truncated_and_reads_as_before() {
    let _one = one_at_a_time();
    let dir = unpack("log-v1.tar.gz");
    let (log, _) = open(dir.path()).unwrap();
    let trimmer = log.trimmer().unwrap();
    for shard in log.shards() {
        let moved = trimmer.archive(shard, Lsn(u64::MAX), Timestamp::MAX).unwrap();
        assert!(moved.frames > 0 && moved.archived < log.durable(shard), "{moved:?}");
        let file = &Archive::open(dir.path()).unwrap().files(shard)[0];
        assert_eq!(
            file.first_at,
            Timestamp::from_micros(1_795_000_100_000_000).unwrap(),
            "from the record itself"
        );
    }
    drop((log, trimmer));
    let (log, opened) = open(dir.path()).unwrap();
    assert_eq!(opened.warnings, []);
    let mut digest = blake3::Hasher::new();
    log.shards().into_iter().for_each(|shard| drop(records(&*log, shard, &mut digest)));
    assert_eq!(digest.finalize().to_hex().as_str(), DIGEST_V1);
}

/// Over the bytes of all records, shard by shard.
const DIGEST_V1: &str = "528ba96a1d1d3f7dc0174140ac3286e6f6f984b456d63aab3baa787eeb0cecc0";

fn records(log: &dyn Log, shard: ShardId, digest: &mut blake3::Hasher) -> Vec<Record> {
    let mut records = Vec::new();
    for frame in log.read_from(shard, Lsn(1)) {
        for (_, bytes) in frame.unwrap().records() {
            digest.update(bytes);
            let record = decode(bytes).unwrap();
            // As long as version 1 is what is written, writing gives the same bytes.
            let mut again = Vec::new();
            match &record {
                Record::Auction(event) => encode_event(event, &mut again),
                Record::Shard(event) => encode_shard_event(event, &mut again),
            }
            assert_eq!(again, bytes);
            records.push(record);
        }
    }
    records
}

/// What the generator put in, kind by kind.
fn check(shard: ShardId, epoch: Epoch, records: &[Record]) {
    let mut dice = Dice(u64::from(shard.0) << 8 | u64::from(epoch.0));
    let at = Timestamp::from_micros(1_795_000_000_000_000 + u64::from(epoch.0) * 100_000_000).unwrap();
    assert_eq!(records[0], Record::Shard(ShardEvent::EpochStarted { epoch, at, alive_until: None }));
    for kind in 0..EVENT_KINDS {
        let index = 1 + 2 * kind as usize;
        assert_eq!(records[index], Record::Auction(dice.event(kind)));
        assert_eq!(records[index + 1], Record::Auction(dice.event(2)));
    }
}
