//! Snapshots, recovery and memory: how long a shard is held by a slice, how long a start takes, what an auction takes.

mod start;

pub use start::{Started, say as say_started};

use crate::error::{BenchError, io};
use crate::spread::Spread;
use gavel_core::{AccountId, Amount, AuctionId, Command, Duration};
use gavel_engine::{
    AuctionCommand, Engine, EngineOptions, Handle, HistoryOptions, Opening, Port, Reply, Ticket, WideBan,
};
use std::path::{Path, PathBuf};
use std::time::Instant;
use tempfile::TempDir;

/// Commands under way at once.
const WINDOW: usize = 16_384;
/// Commands that one flush brings.
pub(crate) const BATCH: u64 = 1_024;
/// Sellers, by whom auctions are spread over the shards.
const SELLERS: u64 = 1_000;
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

pub(crate) fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::Engine(error.to_string())
}

fn options(dir: &Path) -> EngineOptions {
    // Snapshots are taken when the bench says so.
    let history = HistoryOptions {
        snapshot_every: Duration::from_secs(86_400),
        snapshot_every_records: 1_000_000_000,
        ..HistoryOptions::in_dir(dir.to_owned())
    };
    EngineOptions { connection_credit: WINDOW, history: Some(history), ..EngineOptions::default() }
}

pub(crate) async fn start(dir: &Path) -> Result<Engine, BenchError> {
    start::start(options(dir), dir).await.map(|(engine, _)| engine)
}

async fn many_auctions(plan: &Plan, say: &mut impl FnMut(&str)) -> Result<(), BenchError> {
    let nothing = TempDir::with_prefix_in("history-", &plan.dir).map_err(io("a directory"))?;
    let empty = start::in_own_process(nothing.path())?;
    say(&format!("an engine without auctions: {:.1} MiB resident", empty.resident_bytes as f64 / 1048576.0));
    let dir = TempDir::with_prefix_in("history-", &plan.dir).map_err(io("a directory"))?;
    fill(plan, dir.path()).await?;
    recovery(plan, dir.path(), &empty, "from the log alone", say)?;
    say(&format!(
        "a snapshot of them all, beside nothing, took {:.2} s",
        snapshot_and_truncate(dir.path()).await?
    ));
    recovery(plan, dir.path(), &empty, "from a snapshot", say)
}

/// Opens the auctions, and bids on them in turn.
async fn fill(plan: &Plan, dir: &Path) -> Result<(), BenchError> {
    let engine = start(dir).await?;
    let handle = engine.handle();
    let mut port = handle.port();
    let auctions = open(&handle, &mut port, plan.auctions).await?;
    for round in 0..plan.bids {
        bid(&handle, &mut port, &auctions, round * 10_000_000, plan.auctions).await?;
    }
    drop(port);
    engine.stop().await.map_err(failed)
}

/// Takes a snapshot, says how long that took, and lets the frames that it makes unnecessary leave the log.
async fn snapshot_and_truncate(dir: &Path) -> Result<f64, BenchError> {
    let engine = start(dir).await?;
    let handle = engine.handle();
    let began = Instant::now();
    handle.snapshot().await.map_err(failed)?;
    let took = began.elapsed().as_secs_f64();
    wait_until_archived(&handle).await;
    engine.stop().await.map_err(failed)?;
    Ok(took)
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
    // The bidding was broken off where it was, perhaps in the middle of a batch.
    port.flush();
    while port.under_way() > 0 {
        hear(port, &mut |_| {}).await?;
    }
    Ok(())
}

/// Starts on the directory, each time in a process of its own, and says what that took.
fn recovery(
    plan: &Plan,
    dir: &Path,
    empty: &Started,
    what: &str,
    say: &mut impl FnMut(&str),
) -> Result<(), BenchError> {
    let starts: Vec<Started> =
        (0..plan.runs).map(|_| start::in_own_process(dir)).collect::<Result<_, _>>()?;
    let median = |of: &dyn Fn(&Started) -> f64| {
        Spread::of(&starts.iter().map(of).collect::<Vec<_>>()).map_or(f64::NAN, |spread| spread.median)
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64;
    let (ready, opened) = (median(&|start| start.ready_s), median(&|start| start.opened_s));
    let replayed = median(&|start| (start.records - start.spared) as f64);
    say(&format!(
        "recovery {what}: {ready:.2} s, {opened:.2} of them until the log was open; {replayed} records replayed, {:.0}/s and core",
        replayed / (ready - opened) / cores
    ));
    let resident = median(&|start| start.resident_bytes as f64);
    say(&format!(
        "    {:.0} MiB resident: {:.0} bytes for each auction with {} bids",
        resident / 1048576.0,
        (resident - empty.resident_bytes as f64) / plan.auctions as f64,
        plan.bids
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
    const TIME: std::time::Duration = std::time::Duration::from_secs(20);
    let dir = TempDir::with_prefix_in("history-", &plan.dir).map_err(io("a directory"))?;
    let engine = start(dir.path()).await?;
    let handle = engine.handle();
    let (began, mut bans) = (Instant::now(), 0);
    // One after the other, each with a commit in every shard: as many as the disk allows in that time.
    while bans < BANS && began.elapsed() < TIME {
        let (bidder, ban) = (AccountId::from_integer(bans), Some(gavel_core::command::StandingBids::Keep));
        handle.ban(WideBan { bidder, seller: None, ban }).await.map_err(failed)?;
        bans += 1;
    }
    let mut port = handle.port();
    let auctions = open(&handle, &mut port, 1_000).await?;
    snapshot_under_load(&handle, &mut port, &auctions, &format!("shards with {bans} bans"), say).await?;
    engine.stop().await.map_err(failed)
}

async fn hear(port: &mut Port, take: &mut impl FnMut(Reply)) -> Result<(), BenchError> {
    let mut answers = Some(port.answers().await.ok_or_else(|| failed("the port has closed"))?);
    while let Some(some) = answers {
        some.replies.into_iter().for_each(|(_, reply)| take(reply));
        answers = port.try_answers();
    }
    Ok(())
}

pub(crate) async fn open(handle: &Handle, port: &mut Port, count: u64) -> Result<Vec<AuctionId>, BenchError> {
    let mut opened = Vec::new();
    let mut take = |reply| {
        if let Reply::Opened(id, _) = reply {
            opened.push(id);
        }
    };
    for number in 0..count {
        let now = handle.now();
        let open =
            crate::rules::open_by(number % SELLERS, now).ok_or_else(|| failed("the terms are not valid"))?;
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
    let bid = |number: u64| {
        let auction = auctions[(number % auctions.len() as u64) as usize];
        // A thousand more each time: more than any step of the terms.
        (auction, AccountId::from_integer(1 + base + number % 100_000), (1 + base + number) * 1_000)
    };
    bid_while(handle, port, |number| (number < count).then(|| bid(number))).await.map(drop)
}

/// Makes the bids that `next` says by their numbers, until it says none, and hears all answers. Says how many there were.
pub(crate) async fn bid_while(
    handle: &Handle,
    port: &mut Port,
    next: impl Fn(u64) -> Option<(AuctionId, AccountId, u64)>,
) -> Result<u64, BenchError> {
    let mut number = 0;
    while let Some((auction, bidder, amount)) = next(number) {
        while port.under_way() + BATCH as usize > WINDOW {
            hear(port, &mut |_| {}).await?;
        }
        let command = Command::Bid { bidder, amount: Amount::new(amount).unwrap_or(Amount::MAX), id: None };
        port.push(Ticket(number), handle.now(), AuctionCommand { auction, command }).map_err(failed)?;
        number += 1;
        if number.is_multiple_of(BATCH) {
            port.flush();
        }
    }
    port.flush();
    while port.under_way() > 0 {
        hear(port, &mut |_| {}).await?;
    }
    Ok(number)
}
