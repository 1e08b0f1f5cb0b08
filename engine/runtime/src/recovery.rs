//! Recovery: every shard's state from its log, shards in parallel; then a new generation.
//!
//! Invariants:
//! - Only `apply` is run: nothing is decided again, so what was acknowledged comes out as it was.
//! - The new generation's first records (its start, and time given back) are in the log's channel before any pulse or bid.

use crate::engine::{Failure, LogState, OpenLog, Shared};
use crate::options::{EngineOptions, OutagePolicy};
use crate::shard::{Book, ReplayError};
use gavel_core::event::ShardEvent;
use gavel_core::limits::SHARDS_MAX;
use gavel_core::placement::{Placement, PlacementChange};
use gavel_core::{Epoch, Lsn, Position, ShardId, Timestamp};
use gavel_log::record::{Record, decode};
use gavel_log::{Frame, Log, LogReader};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How far the reading of the log has got.
#[derive(Debug, Default)]
pub struct Progress {
    /// Records read.
    pub records: AtomicU64,
    /// Records to be read; 0 until the log is open.
    pub records_total: AtomicU64,
}

/// One shard's state, and what its log says about all of them.
struct Recovered {
    book: Book,
    /// Changes of placement with their times, from shard 0.
    changes: Vec<(PlacementChange, Timestamp)>,
    /// The time of the last record that has one.
    last_at: Option<Timestamp>,
}

/// Opens the log, recovers every shard, starts the new generation and the actors. Returns the log and the generation.
pub(crate) fn open<L: Log>(
    shared: &Arc<Shared>,
    options: &EngineOptions,
    open: OpenLog<L>,
) -> Result<(L, Epoch), Failure> {
    let (log, state) = open()?;
    let (mut recovered, placement) = recover(shared, &log)?;
    let now = shared.clock.now();
    let epoch = Epoch(state.epoch.0 + 1);
    if shared.epoch.set(epoch).is_err() {
        return Err(Failure::Defect("the engine was started twice".to_owned()));
    }
    let alive_until = alive_until(&state, &recovered);
    let first_changes = if placement.is_none() { found(&mut recovered, options.shards) } else { Vec::new() };
    let mut placement = placement.unwrap_or_default();
    for Recovered { book, .. } in &mut recovered {
        book.start_epoch(epoch, now, alive_until);
        give_time_back(book, options, alive_until, now);
    }
    for change in first_changes {
        placement.apply(&change, now);
        if let Some(first) = recovered.first_mut() {
            first.book.log_placement(change, now);
        }
    }
    prepare_routing(shared, placement, &recovered, now);
    for Recovered { book, .. } in recovered {
        shared.live.insert_all(book.live_auctions());
        shared.start_shard(book).map_err(|closed| Failure::Defect(closed.to_string()))?;
    }
    Ok((log, epoch))
}

/// A new deployment: its empty shards, and the changes of placement that it begins with.
fn found(recovered: &mut Vec<Recovered>, shards: usize) -> Vec<PlacementChange> {
    *recovered = (0..=u8::MAX).map(ShardId).take(shards).map(Recovered::new).collect();
    Placement::first_changes(shards).collect()
}

impl Recovered {
    fn new(shard: ShardId) -> Self {
        Self { book: Book::new(shard), changes: Vec::new(), last_at: None }
    }
}

/// Replays all shards, as many at a time as there are cores. The placement is `None` for an empty log.
fn recover<L: Log>(shared: &Shared, log: &L) -> Result<(Vec<Recovered>, Option<Placement>), Failure> {
    let shards: Vec<ShardId> =
        (0..=u8::MAX).map(ShardId).filter(|shard| log.durable(*shard) > Lsn(0)).collect();
    for &shard in &shards {
        let durable = log.durable(shard);
        shared.durable[usize::from(shard.0)].store(durable.0, Ordering::Release);
        shared.progress.records_total.fetch_add(durable.0, Ordering::Relaxed);
    }
    let mut recovered = replay_all(shared, log, &shards)?;
    recovered.sort_by_key(|shard| shard.book.shard());
    let placement = recovered.first().map(|first| {
        let mut placement = Placement::default();
        first.changes.iter().for_each(|(change, at)| placement.apply(change, *at));
        placement
    });
    Ok((recovered, placement))
}

fn replay_all<L: Log>(shared: &Shared, log: &L, shards: &[ShardId]) -> Result<Vec<Recovered>, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicUsize::new(0);
    let worker = |reader: Arc<dyn LogReader>| {
        let mut done = Vec::new();
        while let Some(&shard) = shards.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push(replay_shard(shared, &*reader, shard)?);
        }
        Ok::<_, Failure>(done)
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores.min(shards.len()))
            .map(|_| {
                let reader = log.reader();
                let worker = &worker;
                scope.spawn(move || worker(reader))
            })
            .collect();
        let mut all = Vec::new();
        for worker in workers {
            let done = worker.join().map_err(|_| Failure::Defect("the replay has panicked".to_owned()))?;
            all.extend(done?);
        }
        Ok(all)
    })
}

fn replay_shard(shared: &Shared, reader: &dyn LogReader, shard: ShardId) -> Result<Recovered, Failure> {
    let mut recovered = Recovered::new(shard);
    for frame in reader.read_from(shard, Lsn(1)) {
        let frame = frame.map_err(|error| Failure::Refused(error.to_string()))?;
        replay_frame(&mut recovered, &frame)?;
        shared.progress.records.fetch_add(u64::from(frame.count()), Ordering::Relaxed);
    }
    Ok(recovered)
}

fn replay_frame(recovered: &mut Recovered, frame: &Frame) -> Result<(), Failure> {
    for (lsn, bytes) in frame.records() {
        let position = Position { shard: frame.shard(), epoch: frame.epoch(), lsn };
        let record =
            decode(bytes).map_err(|error| Failure::Refused(format!("the record at {position}: {error}")))?;
        let at = time_of(&record);
        recovered.last_at = recovered.last_at.max(at);
        let change = recovered
            .book
            .replay(record, position)
            .map_err(|error: ReplayError| Failure::Refused(error.to_string()))?;
        if let Some(change) = change {
            recovered.changes.push((change, at.unwrap_or_default()));
        }
    }
    Ok(())
}

/// When the engine decided what the record says.
fn time_of(record: &Record) -> Option<Timestamp> {
    match record {
        Record::Auction(event) => Some(event.stamp.decided),
        Record::Shard(
            ShardEvent::EpochStarted { at, .. }
            | ShardEvent::Banned { at, .. }
            | ShardEvent::Unbanned { at, .. }
            | ShardEvent::PlacementChanged { at, .. },
        ) => Some(*at),
    }
}

/// The last moment the generation before is known to have been alive: its last mark or its last record.
fn alive_until(state: &LogState, recovered: &[Recovered]) -> Option<Timestamp> {
    recovered.iter().filter_map(|shard| shard.last_at).chain(state.alive_until).max()
}

/// Gives auctions back what the outage has cost them, as the policy says.
fn give_time_back(book: &mut Book, options: &EngineOptions, alive_until: Option<Timestamp>, now: Timestamp) {
    let Some(from) = alive_until else { return };
    let lost = now.since(from);
    let to = now.saturating_add(options.outage_window);
    let moved = match options.outage {
        OutagePolicy::Off => return,
        OutagePolicy::GiveBack => book.give_back((from, to), |end| end.saturating_add(lost), now),
        OutagePolicy::Fixed(least) => {
            book.give_back((from, to), |end| end.max(now.saturating_add(least)), now)
        }
    };
    if moved > 0 {
        tracing::info!(shard = %book.shard(), auctions = moved, outage_us = lost.micros(), "time given back after an outage");
    }
}

fn prepare_routing(shared: &Shared, placement: Placement, recovered: &[Recovered], now: Timestamp) {
    let routing = &shared.routing;
    *routing.placement.write() = Arc::new(placement);
    let today = now.day();
    let day = u16::try_from(today).unwrap_or(u16::MAX);
    *routing.running.lock() = (today, recovered.iter().map(|shard| shard.book.opened_on(day)).sum());
    let mut openings = routing.openings.lock();
    for Recovered { book, .. } in recovered {
        openings.opened.extend(book.open_ids().map(|id| (id, book.shard())));
    }
}

const _: () = assert!(SHARDS_MAX == 1 << u8::BITS, "every u8 is a shard");
