//! What the suites of this crate share: frames to write, and a place to write them.

#![allow(dead_code, reason = "each suite uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code, though not inside a test function"
)]

pub(crate) mod dice;
pub(crate) mod probe;

use gavel_core::{Epoch, Lsn, ShardId, Timestamp};
use gavel_log::{DirLock, Frame, FrameBuilder, Log, OpenError, OpenOptions, Opened, SledLog, Tip};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Within one test process (`cargo test` runs tests as threads) one sled log at a time is allowed.
pub(crate) fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many rounds a suite runs: `rounds` times what `GAVEL_TEST_ROUNDS` says (default 1).
pub(crate) fn rounds(rounds: u64) -> u64 {
    std::env::var("GAVEL_TEST_ROUNDS").ok().and_then(|times| times.parse::<u64>().ok()).unwrap_or(1).max(1)
        * rounds
}

pub(crate) fn time(seconds: u64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).unwrap()
}

/// Opens the log in `dir`.
pub(crate) fn open(dir: &Path) -> Result<(Box<SledLog>, Opened), OpenError> {
    let lock = Arc::new(DirLock::acquire(dir, "a test").expect("nobody else uses the directory"));
    SledLog::open(lock, OpenOptions::at(time(1))).map(|(log, opened)| (Box::new(log), opened))
}

/// The frame of `count` records of `size` bytes that follows `tip`. The bytes depend on shard, Lsn and epoch only, so
/// that a reader can compute what must be there.
pub(crate) fn frame_after(shard: ShardId, epoch: Epoch, tip: Tip, count: u64, size: usize) -> Frame {
    let mut builder = FrameBuilder::new(shard, epoch, tip);
    for _ in 0..count {
        let record = record(shard, builder.next_lsn(), size);
        builder.push(&record).expect("the test's records fit one frame");
    }
    builder.finish().expect("at least one record")
}

/// The bytes of a record that a suite writes.
pub(crate) fn record(shard: ShardId, lsn: Lsn, size: usize) -> Vec<u8> {
    let mut dice = dice::Dice(lsn.0 << 8 | u64::from(shard.0));
    (0..size).map(|_| dice.next() as u8).collect()
}

/// Appends a frame to the log's shard.
pub(crate) fn append(log: &mut dyn Log, shard: ShardId, count: u64, size: usize) -> Frame {
    let tip = log.tip(shard);
    let frame = frame_after(shard, tip.epoch.max(Epoch(1)), tip, count, size);
    log.commit(std::slice::from_ref(&frame)).expect("the disk works");
    frame
}

/// Everything a shard holds, read back.
pub(crate) fn read_all(log: &dyn Log, shard: ShardId) -> Vec<Frame> {
    log.read_from(shard, Lsn(1)).collect::<Result<_, _>>().expect("a whole log")
}

/// Copies a directory and all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
