//! Whether a bid's cost grows with what the engine already holds: with open auctions, and with the log behind it.
//!
//! What counts is processor time for each bid, of the engine's own threads: it holds on a busy machine, where a rate does not.
//!
//! - **Auctions**: the engine in this process, without sockets; each bid goes to another of so many open auctions, in an order that no
//!   cache can guess.
//! - **Log**: the release server over TCP, with snapshots and truncation as users run it: short loads on a fresh log and behind a long one.

use crate::error::{BenchError, io};
use crate::history::{self, BATCH};
use crate::server::{Server, ThreadTime, thread_times};
use gavel_core::{AccountId, AuctionId};
use gavel_engine::{Handle, Port};
use gavel_loadgen::{Options, Report};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Bidders.
const BIDDERS: u64 = 100_000;
/// An odd number without small factors: its multiples visit all auctions, far apart.
const STRIDE: u64 = 2_654_435_761;
/// Connections and bids in flight on each, over TCP.
const LOAD: (u32, u32) = (16, 1_024);

/// What to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Open auctions, ascending: the first are what the others are compared with.
    pub auctions: Vec<u64>,
    /// Bids that the log is made to hold.
    pub bids: u64,
    /// How long each load lasts.
    pub time: Duration,
    /// The server's binary.
    pub server: PathBuf,
    /// Where data directories are made.
    pub dir: PathBuf,
}

/// What bids cost.
#[derive(Clone, Copy, Debug)]
struct Cost {
    bids: u64,
    time: Duration,
    /// Of the engine's threads.
    cpu_ns: u64,
}

impl Cost {
    fn us(&self) -> f64 {
        self.cpu_ns as f64 / 1e3 / self.bids.max(1) as f64
    }

    fn rate(&self) -> f64 {
        self.bids as f64 / self.time.as_secs_f64()
    }
}

/// Measures, and says each result as soon as there is one.
///
/// # Errors
/// The engine does not start, or its log fails.
pub fn run(plan: &Plan, mut say: impl FnMut(&str)) -> Result<(), BenchError> {
    std::fs::create_dir_all(&plan.dir).map_err(io("the directory"))?;
    let mut first: Option<Cost> = None;
    for &auctions in &plan.auctions {
        let cost = on_auctions(plan, auctions)?;
        let times = cost.us() / first.get_or_insert(cost).us();
        say(&format!(
            "{auctions:>11} auctions   {:>6.2} us of CPU for a bid   {times:>5.2} x   {:>9.0} bids/s",
            cost.us(),
            cost.rate()
        ));
    }
    behind_a_log(plan, &mut say)
}

/// Bids on so many open auctions.
fn on_auctions(plan: &Plan, auctions: u64) -> Result<Cost, BenchError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io("a runtime"))?;
    runtime.block_on(async {
        let dir = TempDir::with_prefix_in("growth-", &plan.dir).map_err(io("a directory"))?;
        let engine = history::start(dir.path()).await?;
        let handle = engine.handle();
        let mut port = handle.port();
        let auctions = history::open(&handle, &mut port, auctions).await?;
        let before = engine_ns(&thread_times(std::process::id())?);
        let (bids, time) = bid_for(plan.time, &handle, &mut port, &auctions).await?;
        let cpu_ns = engine_ns(&thread_times(std::process::id())?).saturating_sub(before);
        drop(port);
        engine.stop().await.map_err(history::failed)?;
        Ok(Cost { bids, time, cpu_ns })
    })
}

async fn bid_for(
    time: Duration,
    handle: &Handle,
    port: &mut Port,
    auctions: &[AuctionId],
) -> Result<(u64, Duration), BenchError> {
    let (began, many) = (Instant::now(), auctions.len() as u64);
    let next = |number: u64| {
        let is_over = number.is_multiple_of(BATCH) && began.elapsed() >= time;
        let (turn, place) = (number / many, number.wrapping_mul(STRIDE) % many);
        let bidder = AccountId::from_integer(1 + number.wrapping_mul(STRIDE) % BIDDERS);
        // A thousand more with each turn: more than any step of the terms.
        (!is_over).then_some((auctions[place as usize], bidder, (1 + turn) * 1_000))
    };
    Ok((history::bid_while(handle, port, next).await?, began.elapsed()))
}

/// Of the threads that decide and commit, not of the one that makes the bids.
fn engine_ns(times: &BTreeMap<String, ThreadTime>) -> u64 {
    let is_engine = |name: &str| ["actix-rt", "gavel-log", "sled-io"].iter().any(|own| name.starts_with(own));
    times.iter().filter(|(name, _)| is_engine(name)).map(|(_, time)| time.ran_ns).sum()
}

/// Loads on a fresh log, then until it has seen all bids, then again.
fn behind_a_log(plan: &Plan, say: &mut impl FnMut(&str)) -> Result<(), BenchError> {
    let mut server = Server::start(&plan.server, &plan.dir)?;
    let grown = grow_log(&server, plan, say);
    server.or_why_it_ended(grown)
}

fn grow_log(server: &Server, plan: &Plan, say: &mut impl FnMut(&str)) -> Result<(), BenchError> {
    let first = load(server, plan.time)?;
    let (mut seen, mut last) = (first.bids, first);
    say(&format!("{seen:>11} bids logged {:>6.2} us of CPU for a bid    1.00 x", first.us()));
    while seen < plan.bids {
        let rest = (plan.bids - seen) as f64 / last.rate();
        // In several loads, as each auction takes a million bids at most; a little more each time, so that it ends.
        let long = load(server, Duration::from_secs_f64((rest + 1.0).min(60.0)))?;
        seen += long.bids;
        last = load(server, plan.time)?;
        seen += last.bids;
        say(&format!(
            "{seen:>11} bids logged {:>6.2} us of CPU for a bid   {:>5.2} x   {:>9.0} bids/s, {:.0} MiB resident",
            last.us(),
            last.us() / first.us(),
            last.rate(),
            server.resident_bytes()? as f64 / 1_048_576.0
        ));
    }
    Ok(())
}

fn load(server: &Server, time: Duration) -> Result<Cost, BenchError> {
    let options =
        Options { connections: LOAD.0, pipeline: LOAD.1, duration: time, ..Options::new(server.address()) };
    let before = server.cpu_s()?;
    let report: Report = gavel_loadgen::run(options, |_| {})?;
    let cpu_ns = ((server.cpu_s()? - before) * 1e9) as u64;
    Ok(Cost { bids: report.answered, time, cpu_ns })
}
