//! Recovery: every shard's state from its newest whole snapshot and the log behind it, shards in parallel; then a new
//! generation.
//!
//! Invariants:
//! - Only `apply` is run: nothing is decided again, so what was acknowledged comes out as it was.
//! - The new generation's first records (its start, and time given back) are in the log's channel before any pulse or bid.

mod shard;

pub(crate) use shard::time_of;

use crate::engine::{Failure, LogState, OpenLog, Phase, Shared};
use crate::options::{EngineOptions, OutagePolicy};
use crate::shard::Book;
use gavel_core::ban::Ban;
use gavel_core::limits::SHARDS_MAX;
use gavel_core::placement::{Placement, PlacementChange};
use gavel_core::{Epoch, Lsn, ShardId, Timestamp};
use gavel_log::{Log, LogReader};
use shard::{Recovered, Recovery};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How far recovery has got.
#[derive(Debug, Default)]
pub struct Progress {
    /// Records that are in: replayed, or known of by a snapshot that was loaded.
    pub records: AtomicU64,
    /// Records of the log; 0 until it is open.
    pub records_total: AtomicU64,
    /// Those of them that were known of by snapshots, and need not be read.
    pub records_in_snapshots: AtomicU64,
    /// Bytes of snapshots that were read.
    pub snapshot_bytes: AtomicU64,
    /// Bytes of the snapshots that are being read.
    pub snapshot_bytes_total: AtomicU64,
}

/// Opens the log, recovers every shard, starts the new generation and the actors. Returns the log and the generation; `None`
/// when the engine was stopped meanwhile: then nothing was written, not even a sign of life.
pub(crate) fn open<L: Log>(
    shared: &Arc<Shared>,
    options: &EngineOptions,
    open: OpenLog<L>,
) -> Result<Option<(L, Epoch)>, Failure> {
    let (log, state) = open()?;
    if state.id.is_some_and(|id| shared.log_id.set(id).is_err()) {
        return Err(Failure::Defect("the engine was started twice".to_owned()));
    }
    let mut recovered = recover(shared, options, &log)?;
    if shared.phase() != Phase::Loading {
        return leave(log, state).map(|()| None);
    }
    let now = shared.clock.now();
    let tips = log.shards().into_iter().map(|shard| log.tip(shard).epoch);
    let epoch = Epoch(tips.fold(state.epoch, Epoch::max).0 + 1);
    if shared.epoch.set(epoch).is_err() {
        return Err(Failure::Defect("the engine was started twice".to_owned()));
    }
    let known = recovered.first().map_or(Lsn(0), |first| first.book.last());
    let (placement, first_changes) = complete(&mut recovered, options);
    let alive_until = recovered.iter().filter_map(|shard| shard.alive_at).chain(state.alive_until).max();
    for shard in &mut recovered {
        shard.book.start_epoch(epoch, now, alive_until);
        give_time_back(&mut shard.book, options, alive_until, now);
    }
    for change in first_changes {
        recovered[0].book.log_placement(change, now);
    }
    share_bans(&mut recovered, now);
    prepare_routing(shared, (placement, known), &recovered, now);
    for Recovered { book, .. } in recovered {
        if shared.start_shard(book).is_err() {
            return Ok(None);
        }
    }
    Ok(Some((log, epoch)))
}

/// Leaves a log as it was found: one that was stopped in order is marked so again, as of then.
fn leave<L: Log>(log: L, state: LogState) -> Result<(), Failure> {
    match state.alive_until {
        Some(then) if state.clean => {
            Box::new(log).close(then).map_err(|error| Failure::Log(error.to_string()))
        }
        _ => Ok(()),
    }
}

/// Adds the shards that should be there and have no record: all of them in a new deployment, some after a crash during the commit
/// that began them. Returns the placement, and the changes that a new deployment begins with. Shard 0 comes first.
fn complete(recovered: &mut Vec<Recovered>, options: &EngineOptions) -> (Placement, Vec<PlacementChange>) {
    let mut placement = Placement::default();
    let founded = recovered.first().filter(|first| first.book.shard() == ShardId(0));
    let first_changes = match founded {
        Some(first) => {
            first.changes.iter().for_each(|(change, at)| placement.apply(change, *at));
            Vec::new()
        }
        None => {
            let begun = recovered.last().map_or(0, |last| usize::from(last.book.shard().0) + 1);
            Placement::first_changes(options.shards.max(begun)).collect()
        }
    };
    let count = placement.shards().len() + first_changes.len();
    for shard in (0..=u8::MAX).map(ShardId).take(count) {
        if let Err(place) = recovered.binary_search_by_key(&shard, |recovered| recovered.book.shard()) {
            recovered.insert(place, Recovered::new(shard, options.retire_after));
        }
    }
    (placement, first_changes)
}

/// What shard 0 knows of bans is in force everywhere: also in a shard whose beginning was cut short by a crash.
fn share_bans(recovered: &mut [Recovered], now: Timestamp) {
    let Some((first, others)) = recovered.split_first_mut() else { return };
    let bans: Vec<Ban> = first.book.bans().iter().collect();
    others.iter_mut().for_each(|shard| shard.book.take_bans_over(&bans, now));
}

/// Recovers all shards that have records, as many at a time as there are cores. Ascending.
fn recover<L: Log>(shared: &Shared, options: &EngineOptions, log: &L) -> Result<Vec<Recovered>, Failure> {
    let shards: Vec<ShardId> =
        (0..=u8::MAX).map(ShardId).filter(|shard| log.durable(*shard) > Lsn(0)).collect();
    for &shard in &shards {
        shared.durable[usize::from(shard.0)].store(log.durable(shard).0, Ordering::Release);
        shared.feed.rings.begin(shard, log.tip(shard));
        shared.progress.records_total.fetch_add(log.durable(shard).0, Ordering::Relaxed);
    }
    let mut recovered = recover_all(shared, options, log, &shards)?;
    recovered.sort_by_key(|shard| shard.book.shard());
    Ok(recovered)
}

fn recover_all<L: Log>(
    shared: &Shared,
    options: &EngineOptions,
    log: &L,
    shards: &[ShardId],
) -> Result<Vec<Recovered>, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicUsize::new(0);
    let worker = |reader: Arc<dyn LogReader>| {
        let mut done = Vec::new();
        while let Some(&shard) = shards.get(next.fetch_add(1, Ordering::Relaxed)) {
            let tip = shared.feed.rings.tip(shard);
            done.push(Recovery { shared, options, reader: &*reader, shard, tip }.run()?);
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
            let done = worker.join().map_err(|_| Failure::Defect("the recovery has panicked".to_owned()))?;
            all.extend(done?);
        }
        Ok(all)
    })
}

/// Gives auctions back what the outage has cost them, as the policy says.
fn give_time_back(book: &mut Book, options: &EngineOptions, alive_until: Option<Timestamp>, now: Timestamp) {
    let Some(from) = alive_until else { return };
    let to = now.saturating_add(options.outage_window);
    let moved = match options.outage {
        OutagePolicy::Off => return,
        OutagePolicy::GiveBack => book.give_back((from, to), Timestamp::saturating_add, now),
        OutagePolicy::Fixed(least) => {
            book.give_back((from, to), |end, _| end.max(now.saturating_add(least)), now)
        }
    };
    if moved > 0 {
        tracing::info!(shard = %book.shard(), auctions = moved, outage_us = now.since(from).micros(), "time given back after an outage");
    }
}

fn prepare_routing(
    shared: &Shared,
    (placement, as_of): (Placement, Lsn),
    recovered: &[Recovered],
    now: Timestamp,
) {
    let routing = &shared.routing;
    routing.set_placement(placement, as_of);
    let today = now.day();
    let day = u16::try_from(today).unwrap_or(u16::MAX);
    *routing.running.lock() = (today, recovered.iter().map(|shard| shard.book.opened_on(day)).sum());
    let mut openings = routing.openings.lock();
    for Recovered { book, .. } in recovered {
        openings.opened.extend(book.open_ids().map(|id| (id, book.shard())));
    }
}

const _: () = assert!(SHARDS_MAX == 1 << u8::BITS, "every u8 is a shard");
