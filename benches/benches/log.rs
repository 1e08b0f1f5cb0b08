//! The log: what a record, a frame, a commit and a scan cost, beside what the disk costs alone.
//!
//! The questions that were decided by these numbers are answered in `persistence/log/FORMAT.md`: `insert` or
//! `apply_batch`, sled's own cleaning thread or none.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gavel_core::event::{BidAccepted, Origin};
use gavel_core::{
    AccountId, Amount, AuctionId, BidId, Epoch, Event, EventKind, Seq, ShardId, Stamp, Timestamp,
};
use gavel_log::limits::{CACHE_BYTES, FRAME_BYTES_MAX, SEGMENT_BYTES};
use gavel_log::{
    DirLock, Frame, FrameBuilder, Log, MemoryLog, OpenOptions, SledLog, UncheckedFrame, record, scan_dir,
};
use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SHARD: ShardId = ShardId(3);

fn bid(seq: u32) -> Event {
    let auction = AuctionId::new(20_779, SHARD, 42).unwrap_or_else(|| unreachable!("42 is a sequence"));
    let at = Timestamp::from_micros(1_795_000_000_000_000 + u64::from(seq)).unwrap_or(Timestamp::MAX);
    let amount = Amount::new(50_000 + u64::from(seq)).unwrap_or(Amount::MAX);
    Event {
        auction,
        seq: Seq(seq),
        stamp: Stamp::at(at),
        at,
        origin: Origin::Client,
        kind: EventKind::BidAccepted(BidAccepted {
            id: BidId::assigned(auction, Seq(seq)),
            bidder: AccountId::from_integer(u64::from(seq) * 7919),
            amount,
            price: amount,
            leading: true,
            extended_to: None,
        }),
    }
}

/// As many bids as one frame holds.
fn full(builder: &mut FrameBuilder) -> Frame {
    let mut bytes = Vec::with_capacity(128);
    for seq in 1.. {
        bytes.clear();
        record::encode_event(&bid(seq), &mut bytes);
        if builder.push(&bytes).is_err() {
            break;
        }
    }
    finished(builder)
}

fn finished(builder: &mut FrameBuilder) -> Frame {
    builder.finish().unwrap_or_else(|| unreachable!("a record was pushed"))
}

fn one_bid(builder: &mut FrameBuilder) -> Frame {
    let mut bytes = Vec::new();
    record::encode_event(&bid(1), &mut bytes);
    builder.push(&bytes).unwrap_or_else(|_| unreachable!("an empty frame has room"));
    finished(builder)
}

fn temporary() -> TempDir {
    TempDir::new().unwrap_or_else(|error| unreachable!("a temporary directory can be made: {error}"))
}

fn sled_log(dir: &TempDir, cleanup_every_ms: Option<u64>) -> SledLog {
    let open = || -> Result<SledLog, Box<dyn std::error::Error>> {
        let lock = Arc::new(DirLock::acquire(dir.path(), "a bench")?);
        Ok(SledLog::open(lock, OpenOptions { cleanup_every_ms, ..OpenOptions::at(Timestamp::default()) })?.0)
    };
    open().unwrap_or_else(|error| unreachable!("a new log opens: {error}"))
}

fn records(c: &mut Criterion) {
    let mut group = c.benchmark_group("log/record");
    let (event, mut bytes) = (bid(7), Vec::with_capacity(128));
    group.throughput(Throughput::Elements(1));
    group.bench_function("encode a bid", |b| {
        b.iter(|| {
            bytes.clear();
            record::encode_event(black_box(&event), &mut bytes);
        });
    });
    record::encode_event(&event, &mut bytes);
    group.bench_function("decode a bid", |b| b.iter(|| record::decode(black_box(&bytes))));
    group.finish();
}

fn frames(c: &mut Criterion) {
    let mut group = c.benchmark_group("log/frame");
    let mut builder = FrameBuilder::new(SHARD, Epoch(1), gavel_log::Tip::default());
    let frame = full(&mut builder);
    group.throughput(Throughput::Elements(u64::from(frame.count())));
    let record: Vec<u8> = frame.records().next().map(|(_, bytes)| bytes.to_vec()).unwrap_or_default();
    group.bench_function("build a full one", |b| {
        b.iter(|| {
            while builder.push(black_box(&record)).is_ok() {}
            builder.finish()
        });
    });
    group.bench_function("check a full one", |b| b.iter(|| UncheckedFrame(black_box(frame.bytes())).check()));
    group.bench_function("check and decode a full one", |b| {
        b.iter(|| {
            let frame = UncheckedFrame(black_box(frame.bytes())).check();
            frame.map(|frame| frame.records().filter(|(_, bytes)| record::decode(bytes).is_ok()).count())
        });
    });
    group.finish();
}

/// The disk alone: append, `fdatasync`.
fn raw(c: &mut Criterion) {
    let mut group = c.benchmark_group("log/raw append and fdatasync");
    for bytes in [64, FRAME_BYTES_MAX, 32 * FRAME_BYTES_MAX] {
        let dir = temporary();
        let mut file = File::create(dir.path().join("raw")).unwrap_or_else(|error| unreachable!("{error}"));
        let data = vec![7; bytes];
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::from_parameter(bytes), |b| {
            b.iter(|| file.write_all(&data).and_then(|()| file.sync_data()));
        });
    }
    group.finish();
}

/// Commits frames that `make` builds outside the clock.
fn commits(
    rounds: u64,
    log: &mut dyn Log,
    mut make: impl FnMut(&mut FrameBuilder) -> Vec<Frame>,
) -> Duration {
    let mut builder = FrameBuilder::new(SHARD, Epoch(1), log.tip(SHARD));
    let mut spent = Duration::ZERO;
    for _ in 0..rounds {
        let frames = make(&mut builder);
        let begun = Instant::now();
        log.commit(&frames).unwrap_or_else(|error| unreachable!("the disk works: {error}"));
        spent += begun.elapsed();
    }
    spent
}

fn commit(c: &mut Criterion) {
    let mut group = c.benchmark_group("log/commit");
    group.measurement_time(Duration::from_secs(4)).sample_size(20);
    for cleanup_every_ms in [Some(500), None] {
        let dir = temporary();
        let mut log = sled_log(&dir, cleanup_every_ms);
        let name = |what| format!("sled, cleaning {cleanup_every_ms:?}, {what}");
        group.throughput(Throughput::Elements(1));
        group.bench_function(name("one bid".to_owned()), |b| {
            b.iter_custom(|rounds| commits(rounds, &mut log, |builder| vec![one_bid(builder)]));
        });
        for frames in [1, 8, 32] {
            let bids =
                u64::from(full(&mut FrameBuilder::new(SHARD, Epoch(1), gavel_log::Tip::default())).count());
            group.throughput(Throughput::Elements(bids * frames));
            group.bench_function(name(format!("{frames} full frames")), |b| {
                b.iter_custom(|rounds| {
                    commits(rounds, &mut log, |builder| (0..frames).map(|_| full(builder)).collect())
                });
            });
        }
    }
    group.throughput(Throughput::Elements(1));
    let mut memory = MemoryLog::new();
    group.bench_function("memory, one bid", |b| {
        b.iter_custom(|rounds| commits(rounds, &mut memory, |builder| vec![one_bid(builder)]));
    });
    group.finish();
}

/// sled alone, to choose between its two ways of writing.
fn insert_or_batch(c: &mut Criterion) {
    let mut group = c.benchmark_group("log/sled alone");
    group.measurement_time(Duration::from_secs(4)).sample_size(20);
    let dir = temporary();
    let config = sled::Config::new().path(dir.path()).segment_size(SEGMENT_BYTES).cache_capacity(CACHE_BYTES);
    let db = config.open().unwrap_or_else(|error| unreachable!("{error}"));
    let data = vec![7; FRAME_BYTES_MAX];
    let mut next = 0_u64;
    let mut key = || {
        next += 1;
        next.to_be_bytes()
    };
    for frames in [1, 8, 32] {
        group.throughput(Throughput::Bytes(frames * FRAME_BYTES_MAX as u64));
        group.bench_function(format!("insert {frames}, flush"), |b| {
            b.iter(|| {
                (0..frames).try_for_each(|_| db.insert(key(), &*data).map(drop)).and_then(|()| db.flush())
            });
        });
        group.bench_function(format!("apply_batch of {frames}, flush"), |b| {
            b.iter(|| {
                let mut batch = sled::Batch::default();
                (0..frames).for_each(|_| batch.insert(&key(), &*data));
                db.apply_batch(batch).and_then(|()| db.flush())
            });
        });
    }
    group.finish();
}

fn scan(c: &mut Criterion) {
    let mut group = c.benchmark_group("log/scan");
    let dir = temporary();
    let mut log = sled_log(&dir, None);
    commits(64, &mut log, |builder| (0..32).map(|_| full(builder)).collect());
    drop(log);
    let bytes = std::fs::metadata(dir.path().join("log/db")).map_or(0, |metadata| metadata.len());
    group.throughput(Throughput::Bytes(bytes)).sample_size(10);
    group.bench_function("find and check all frames", |b| {
        b.iter(|| scan_dir(dir.path()).map(|scan| scan.is_some()))
    });
    group.finish();
}

criterion_group!(benches, records, frames, raw, commit, insert_or_batch, scan);
criterion_main!(benches);
