//! Snapshots, recovery and memory: how long a shard is held by a slice, how long a start takes, what an auction takes.

use crate::error::{BenchError, io};
use crate::spread::Spread;
use gavel_core::{AccountId, Amount, AuctionId, Command, Duration};
use gavel_engine::{
    AuctionCommand, Engine, EngineOptions, Failure, Handle, HistoryOptions, LogState, OpenLog, Opening,
    Phase, Port, Reply, Ticket, WideBan,
};
use gavel_log::{DirLock, OpenOptions, SledLog};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tempfile::TempDir;

/// Commands under way at once.
const WINDOW: usize = 16_384;
/// Commands that one flush brings.
const BATCH: u64 = 1_024;
/// Bids of the one auction that has many.
const MANY: u64 = 1_000_000;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Open auctions.
    pub auctions: u64,
    /// Bids on each.
    pub bids: u64,
    /// Starts of each kind.
    pub runs: u32,
    /// Where data directories are made.
    pub dir: PathBuf,
}

/// Measures, and says each result as soon as there is one.
///
/// # Errors
/// The engine does not start, or its log fails.
pub fn run(plan: &Plan, mut say: impl FnMut(&str)) -> Result<(), BenchError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io("a runtime"))?;
    std::fs::create_dir_all(&plan.dir).map_err(io("the directory"))?;
    runtime.block_on(async {
        many_auctions(plan, &mut say).await?;
        many_bids(plan, &mut say).await?;
        some_auctions(plan, &mut say).await?;
        many_bans(plan, &mut say).await
    })
}

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::Engine(error.to_string())
}

fn options(dir: &Path) -> EngineOptions {
    // Snapshots are taken when the bench says so, and the log keeps all frames.
    let history = HistoryOptions {
        snapshot_every: Duration::from_secs(86_400),
        snapshot_every_records: 1_000_000_000,
        log_bytes_max: 1 << 40,
        ..HistoryOptions::in_dir(dir.to_owned())
    };
    EngineOptions { connection_credit: WINDOW, history: Some(history), ..EngineOptions::default() }
}

/// Starts an engine on a directory; it, how long it took until the log was open, and until bids are taken.
async fn start_timed(dir: &Path) -> Result<(Engine, f64, f64), BenchError> {
    let lock = Arc::new(DirLock::acquire(dir, "a bench").map_err(failed)?);
    let options = options(dir);
    let now = options.clock.now();
    let open: OpenLog<SledLog> = Box::new(move || {
        let (log, opened) =
            SledLog::open(lock, OpenOptions::at(now)).map_err(|e| Failure::Log(e.to_string()))?;
        Ok((log, LogState { epoch: opened.last_epoch, alive_until: opened.alive_until, clean: opened.clean }))
    });
    let began = Instant::now();
    let opened = Arc::new(std::sync::OnceLock::new());
    let note = Arc::clone(&opened);
    let open: OpenLog<SledLog> = Box::new(move || {
        let open = open();
        note.get_or_init(|| began.elapsed().as_secs_f64());
        open
    });
    let engine = Engine::start(options, open).map_err(failed)?;
    let phase = *engine.handle().phases().wait_for(|phase| *phase != Phase::Loading).await.map_err(failed)?;
    match phase {
        Phase::Ready => {
            Ok((engine, opened.get().copied().unwrap_or(f64::NAN), began.elapsed().as_secs_f64()))
        }
        _ => Err(failed(format_args!("{:?}", engine.handle().failure()))),
    }
}

async fn start(dir: &Path) -> Result<Engine, BenchError> {
    start_timed(dir).await.map(|(engine, ..)| engine)
}

/// Resident memory of this process, in bytes.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: Option<f64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.map_or(f64::NAN, |kib| kib * 1024.0)
}

async fn many_auctions(plan: &Plan, say: &mut impl FnMut(&str)) -> Result<(), BenchError> {
    let dir = TempDir::with_prefix_in("history-", &plan.dir).map_err(io("a directory"))?;
    let empty = resident();
    let engine = start(dir.path()).await?;
    say(&format!("an engine without auctions: {:.1} MiB resident", resident() / 1048576.0));
    let handle = engine.handle();
    let mut port = handle.port();
    let auctions = open(&handle, &mut port, plan.auctions).await?;
    for round in 0..plan.bids {
        bid(&handle, &mut port, &auctions, round * 10_000_000, plan.auctions).await?;
    }
    say(&format!(
        "{} auctions with {} bids each: {:.0} bytes each, resident",
        plan.auctions,
        plan.bids,
        (resident() - empty) / plan.auctions as f64
    ));
    drop(port);
    let began = Instant::now();
    handle.snapshot().await.map_err(failed)?;
    say(&format!("a snapshot of them all, beside nothing, took {:.2} s", began.elapsed().as_secs_f64()));
    wait_until_archived(&handle).await;
    engine.stop().await.map_err(failed)?;
    recovery(plan, dir.path(), true, say).await?;
    std::fs::remove_dir_all(dir.path().join(gavel_log::snapshot::SNAPSHOT_DIR)).map_err(io("snapshots"))?;
    recovery(plan, dir.path(), false, say).await
}

/// Until the log has handed on what the snapshot knows of.
async fn wait_until_archived(handle: &Handle) {
    let mut last = u64::MAX;
    loop {
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        let bytes = handle.storage().usage.log_frame_bytes;
        if bytes == last || bytes < 1 << 20 {
            return;
        }
        last = bytes;
    }
}

/// Takes a snapshot while bids go on, and says how long it held shards.
async fn snapshot_under_load(
    handle: &Handle,
    port: &mut Port,
    auctions: &[AuctionId],
    what: &str,
    say: &mut impl FnMut(&str),
) -> Result<(), BenchError> {
    let began = Instant::now();
    let snapshot = handle.snapshot();
    let mut snapshot = std::pin::pin!(snapshot);
    let (mut bids, mut base) = (0, 1_000_000_000_u64);
    loop {
        tokio::select! {
            biased;
            taken = &mut snapshot => {
                taken.map_err(failed)?;
                break;
            }
            done = bid(handle, port, auctions, base, 20_000) => done?,
        }
        bids += 20_000;
        base += 20_000;
    }
    let took = began.elapsed().as_secs_f64();
    let slices = &handle.stats().slices;
    say(&format!(
        "a snapshot of {what} took {took:.2} s beside {:.0} bids/s; its {} slices held a shard {} us at p99.9, {} us at most",
        f64::from(bids) / took,
        slices.len(),
        slices.quantile_us(0.999),
        slices.max_us()
    ));
    while port.under_way() > 0 {
        hear(port, &mut |_| {}).await?;
    }
    Ok(())
}

async fn recovery(
    plan: &Plan,
    dir: &Path,
    snapshot: bool,
    say: &mut impl FnMut(&str),
) -> Result<(), BenchError> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64;
    let (mut times, mut rates, mut records, mut spared) = (Vec::new(), Vec::new(), 0, 0);
    let (mut memory, mut opens) = (f64::NAN, Vec::new());
    for _ in 0..plan.runs {
        let (engine, opened, took) = start_timed(dir).await?;
        opens.push(opened);
        let handle = engine.handle();
        let progress = handle.progress();
        records = progress.records_total.load(Ordering::Relaxed);
        spared = progress.records_in_snapshots.load(Ordering::Relaxed);
        times.push(took);
        rates.push((records - spared) as f64 / (took - opened) / cores);
        memory = resident() / plan.auctions as f64;
        // Not marked, so that every start finds the same.
        drop(handle);
        engine.stop().await.map_err(failed)?;
    }
    let (time, open, rate) = (Spread::of(&times), Spread::of(&opens), Spread::of(&rates));
    let median = |spread: Option<Spread>| spread.map_or(f64::NAN, |spread| spread.median);
    let what = if snapshot { "from a snapshot" } else { "from the log alone" };
    say(&format!(
        "recovery {what}: {:.2} s, {:.2} of them until the log was open (of {records} records {spared} were spared; {:.0} records/s and core; {memory:.0} bytes resident per auction)",
        median(time),
        median(open),
        median(rate)
    ));
    Ok(())
}

/// A snapshot of a tenth of the auctions beside as many bids as there can be.
async fn some_auctions(plan: &Plan, say: &mut impl FnMut(&str)) -> Result<(), BenchError> {
    let dir = TempDir::with_prefix_in("history-", &plan.dir).map_err(io("a directory"))?;
    let engine = start(dir.path()).await?;
    let handle = engine.handle();
    let mut port = handle.port();
    let count = plan.auctions / 10;
    let auctions = open(&handle, &mut port, count).await?;
    bid(&handle, &mut port, &auctions, 0, count * plan.bids).await?;
    snapshot_under_load(&handle, &mut port, &auctions, "a tenth of them", say).await?;
    engine.stop().await.map_err(failed)
}

async fn many_bids(plan: &Plan, say: &mut impl FnMut(&str)) -> Result<(), BenchError> {
    let dir = TempDir::with_prefix_in("history-", &plan.dir).map_err(io("a directory"))?;
    let engine = start(dir.path()).await?;
    let handle = engine.handle();
    let mut port = handle.port();
    let auctions = open(&handle, &mut port, 1).await?;
    bid(&handle, &mut port, &auctions, 0, MANY).await?;
    snapshot_under_load(&handle, &mut port, &auctions, "an auction with a million bids", say).await?;
    engine.stop().await.map_err(failed)
}

async fn many_bans(plan: &Plan, say: &mut impl FnMut(&str)) -> Result<(), BenchError> {
    const BANS: u64 = 1_000_000;
    let dir = TempDir::with_prefix_in("history-", &plan.dir).map_err(io("a directory"))?;
    let engine = start(dir.path()).await?;
    let handle = engine.handle();
    for bidder in (0..BANS).map(AccountId::from_integer) {
        let ban = Some(gavel_core::command::StandingBids::Keep);
        handle.ban(WideBan { bidder, seller: None, ban }).await.map_err(failed)?;
        // One commit each: as many as the disk allows in a quarter of a minute.
        if engine_is_slow(&handle) {
            break;
        }
    }
    let mut port = handle.port();
    let auctions = open(&handle, &mut port, 1_000).await?;
    snapshot_under_load(&handle, &mut port, &auctions, "a shard with many bans", say).await?;
    engine.stop().await.map_err(failed)
}

/// True once enough time went by in commits.
fn engine_is_slow(handle: &Handle) -> bool {
    handle.stats().commit_us.load(Ordering::Relaxed) > 15_000_000
}

async fn hear(port: &mut Port, take: &mut impl FnMut(Reply)) -> Result<(), BenchError> {
    let mut answers = Some(port.answers().await.ok_or_else(|| failed("the port has closed"))?);
    while let Some(some) = answers {
        some.0.into_iter().for_each(|(_, reply)| take(reply));
        answers = port.try_answers();
    }
    Ok(())
}

async fn open(handle: &Handle, port: &mut Port, count: u64) -> Result<Vec<AuctionId>, BenchError> {
    let mut opened = Vec::new();
    let mut take = |reply| {
        if let Reply::Opened(id, _) = reply {
            opened.push(id);
        }
    };
    for number in 0..count {
        let now = handle.now();
        let open = crate::rules::open(now).ok_or_else(|| failed("the terms are not valid"))?;
        port.push_open(Ticket(number), now, Box::new(Opening { id: None, digest: 0, judged: Ok(open) }))
            .map_err(failed)?;
        if number % BATCH == BATCH - 1 {
            port.flush();
            while port.under_way() > WINDOW - BATCH as usize {
                hear(port, &mut take).await?;
            }
        }
    }
    port.flush();
    while port.under_way() > 0 {
        hear(port, &mut take).await?;
    }
    Ok(opened)
}

/// So many bids on the auctions in turn, each higher than all before it and by another bidder than the one before.
async fn bid(
    handle: &Handle,
    port: &mut Port,
    auctions: &[AuctionId],
    base: u64,
    count: u64,
) -> Result<(), BenchError> {
    for number in 0..count {
        while port.under_way() + BATCH as usize > WINDOW {
            hear(port, &mut |_| {}).await?;
        }
        let auction = auctions[(number % auctions.len() as u64) as usize];
        let bidder = AccountId::from_integer(1 + base + number % 100_000);
        // A thousand more each time: more than any step of the terms.
        let amount = Amount::new((1 + base + number) * 1_000).unwrap_or(Amount::MAX);
        let command = Command::Bid { bidder, amount, id: None };
        port.push(Ticket(number), handle.now(), AuctionCommand { auction, command }).map_err(failed)?;
        if number % BATCH == BATCH - 1 {
            port.flush();
        }
    }
    port.flush();
    while port.under_way() > 0 {
        hear(port, &mut |_| {}).await?;
    }
    Ok(())
}
