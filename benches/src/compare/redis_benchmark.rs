//! Gavel driven by redis-benchmark: a load generator that nobody wrote for it.
//!
//! redis-benchmark gives up at the first refusal, so every bid must be acceptable, and the bids of several connections on one auction
//! overtake each other. So each connection is a process of its own with an auction of its own, and `rising.c` makes the numbers rise
//! that redis-benchmark puts into its commands. What counts is what the server counted as accepted, not the answers.

use super::peer::{Peer, Program};
use super::work::Load;
use super::{Plan, Sample, gavel};
use crate::error::{BenchError, io};
use crate::server::Server;
use gavel_core::AuctionId;
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The load generator.
pub(super) const REDIS_BENCHMARK: Program =
    Program { name: "redis-benchmark", package: "redis-tools", folder: None };
/// Makes `rising.c` a library.
pub(super) const COMPILER: Program = Program { name: "cc", package: "gcc", folder: None };
const RISING: &str = include_str!("rising.c");
/// From the start of the processes to the first count: all of them bid by then.
const RAMP: Duration = Duration::from_millis(300);
/// Between two looks at the processes.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long the last bids may take after their senders have ended.
const DRAIN_MAX: Duration = Duration::from_secs(30);

/// Bids for the time of the plan, then checks what the log holds.
pub(super) fn load(plan: &Plan, load: Load) -> Result<Sample, BenchError> {
    let tools = TempDir::new().map_err(io("a directory for redis-benchmark"))?;
    let rising = compile(tools.path())?;
    let server = Server::start(&plan.server, &plan.dir)?;
    let auctions = open(&server, load.connections)?;
    let bidder = |(number, auction)| start(tools.path(), &rising, &server, number, auction, load.in_flight);
    let mut bidders = auctions.into_iter().enumerate().map(bidder).collect::<Result<Vec<_>, _>>()?;
    watch(plan, &mut bidders, RAMP)?;
    let (before, began) = (accepted(&server)?, Instant::now());
    watch(plan, &mut bidders, plan.time)?;
    let (after, took) = (accepted(&server)?, began.elapsed());
    drop(bidders);
    drain(&server)?;
    gavel::verify(&server, accepted(&server)?)?;
    let count = after - before;
    let rate = count as f64 / took.as_secs_f64();
    Ok(Sample {
        accepted: count,
        refused: server.info("stats", "rejected")?,
        rate,
        p50_us: None,
        p99_us: None,
    })
}

fn compile(dir: &Path) -> Result<PathBuf, BenchError> {
    let (source, library) = (dir.join("rising.c"), dir.join("rising.so"));
    std::fs::write(&source, RISING).map_err(io("rising.c"))?;
    let mut compiler = Command::new(COMPILER.find()?);
    compiler.args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(&source);
    let output = compiler.output().map_err(io("cc"))?;
    if output.status.success() {
        return Ok(library);
    }
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(BenchError::PeerEnded { name: "cc", status: output.status, messages })
}

fn open(server: &Server, count: u32) -> Result<Vec<AuctionId>, BenchError> {
    server.ask(async |client| {
        let mut auctions = Vec::new();
        for number in 0..count {
            let terms = serde_json::json!({
                "seller": super::work::seller(number).to_string(), "currency": "KRW", "duration_s": 36_000,
                "opening_price": super::work::OPENING_PRICE,
                "increments": [{"from": 0, "step": super::work::STEP}],
            });
            auctions.push(client.open(&terms.to_string(), None).await?);
        }
        Ok(auctions)
    })
}

/// One connection's process. It would go on for hours; it is ended when it is dropped.
fn start(
    dir: &Path,
    rising: &Path,
    server: &Server,
    number: usize,
    auction: AuctionId,
    in_flight: u32,
) -> Result<Peer, BenchError> {
    let (port, in_flight) = (server.address().port().to_string(), in_flight.to_string());
    let mut command = Command::new(REDIS_BENCHMARK.find()?);
    command.env("LD_PRELOAD", rising);
    command.args(["-h", "127.0.0.1", "-p", &port, "-c", "1", "-P", &in_flight, "-n", "2000000000"]);
    // A placeholder is twelve digits; the `1` before it, because numbers have no leading zeros. The amount's comes in hundreds.
    command.args(["-r", "2000000000", "-q", "BID", &auction.to_string(), "1__rand_int__", "1__rand_int__00"]);
    let messages = dir.join(format!("messages-{number}"));
    Peer::start(&mut command, REDIS_BENCHMARK.name, &messages, Signal::KILL)
}

/// Waits for so long, while all bidders run.
fn watch(plan: &Plan, bidders: &mut [Peer], time: Duration) -> Result<(), BenchError> {
    let began = Instant::now();
    while began.elapsed() < time && !plan.stop.load(Ordering::Relaxed) {
        bidders.iter_mut().try_for_each(Peer::runs)?;
        std::thread::sleep(LOOK_EVERY.min(time.saturating_sub(began.elapsed())));
    }
    Ok(())
}

fn accepted(server: &Server) -> Result<u64, BenchError> {
    Ok(server.info("stats", "bids_leading")? + server.info("stats", "bids_outbid")?)
}

/// Waits until the server has done what it was sent before the senders ended.
fn drain(server: &Server) -> Result<(), BenchError> {
    let began = Instant::now();
    // One connection is left: the one that asks.
    while server.info("clients", "connected_clients")? > 1
        || server.info("clients", "commands_under_way")? > 0
    {
        if began.elapsed() > DRAIN_MAX {
            return Err(BenchError::NotReady(DRAIN_MAX.as_secs()));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}
