//! Makes a log that holds every kind of record, over three shards and two generations: the fixture of a format.
//!
//! ```text
//! cargo run -p gavel-log --example make_fixture -- DIR && tar -C DIR -czf tests/fixtures/log-v1.tar.gz log mark
//! ```
//!
//! A fixture is made once, when a format is released, and never again: its worth is that it was written then.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    reason = "a tool for whoever releases a format"
)]

#[path = "../tests/suites/common/dice.rs"]
mod dice;

use dice::{Dice, EVENT_KINDS, SHARD_EVENT_KINDS};
use gavel_core::{Epoch, ShardEvent, ShardId, Timestamp};
use gavel_log::record::{encode_event, encode_shard_event};
use gavel_log::{DirLock, FrameBuilder, Log, OpenOptions, PushError, SledLog};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn main() {
    let dir = PathBuf::from(std::env::args().nth(1).expect("the directory to make the log in"));
    for epoch in 1..=2 {
        generation(&dir, Epoch(epoch));
    }
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_795_000_000_000_000 + seconds * 1_000_000).unwrap()
}

fn generation(dir: &Path, epoch: Epoch) {
    let lock = Arc::new(DirLock::acquire(dir, "make_fixture").unwrap());
    let now = at(u64::from(epoch.0) * 100);
    let mut log = Box::new(SledLog::open(lock, OpenOptions::at(now)).unwrap().0);
    for shard in [0, 1, 255].map(ShardId) {
        shard_records(&mut *log, shard, epoch, now);
    }
    log.close(at(u64::from(epoch.0) * 100 + 50)).unwrap();
}

fn shard_records(log: &mut dyn Log, shard: ShardId, epoch: Epoch, now: Timestamp) {
    let mut builder = FrameBuilder::new(shard, epoch, log.tip(shard));
    let mut dice = Dice(u64::from(shard.0) << 8 | u64::from(epoch.0));
    let mut records = vec![Vec::new()];
    encode_shard_event(&ShardEvent::EpochStarted { epoch, at: now, alive_until: None }, &mut records[0]);
    let mut add = |encode: &mut dyn FnMut(&mut Vec<u8>)| {
        let mut record = Vec::new();
        encode(&mut record);
        records.push(record);
    };
    for kind in 0..EVENT_KINDS {
        add(&mut |out| encode_event(&dice.event(kind), out));
        add(&mut |out| encode_event(&dice.event(2), out));
    }
    for kind in 0..SHARD_EVENT_KINDS {
        add(&mut |out| encode_shard_event(&dice.shard_event(kind), out));
    }
    for record in records {
        if builder.push(&record) == Err(PushError::Full) {
            log.commit(&[builder.finish().unwrap()]).unwrap();
            builder.push(&record).unwrap();
        }
    }
    log.commit(&[builder.finish().unwrap()]).unwrap();
}
