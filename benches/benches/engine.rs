//! The engine in this process: accepted bids a second through a port, in batches of 64, over a log in memory and over sled.
//!
//! Not criterion's kind of loop: a run is a closed loop with a window of bids under way, over an engine of its own. Printed are
//! the medians of several runs, and their ratios.

use gavel_core::{
    AccountId, Amount, AuctionId, Command, Currency, Details, Open, Terms, TermsDraft, Timestamp,
};
use gavel_engine::{
    AuctionCommand, Engine, EngineOptions, LogState, Opening, Phase, Port, PushedOpening, Reply, Ticket,
};
use gavel_log::{DirLock, Log, MemoryLog, OpenOptions, SledLog};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

type Failed = Box<dyn std::error::Error>;

const RUNS: usize = 5;
const BIDS: u64 = 1_000_000;
const BATCH: u64 = 64;
/// Bids under way at most.
const WINDOW: usize = 8_192 - BATCH as usize;
const AUCTIONS: u64 = 10_000;

fn main() -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut medians = Vec::new();
    for (log, auctions) in [("memory", AUCTIONS), ("memory", 1), ("sled", AUCTIONS), ("sled", 1)] {
        let mut rates = Vec::new();
        for _ in 0..RUNS {
            rates.push(runtime.block_on(run(log == "sled", auctions))?);
        }
        rates.sort_by(f64::total_cmp);
        let median = rates[RUNS / 2];
        medians.push(median);
        say(&format!(
            "{log:<6}  {auctions:>6} auctions  {median:>10.0} bids/s  ({:.0} to {:.0}), {:.2} × memory, uniform",
            rates[0],
            rates[RUNS - 1],
            median / medians[0],
        ))?;
    }
    Ok(())
}

fn say(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}")
}

/// Accepted and durable bids a second.
async fn run(sled: bool, auctions: u64) -> Result<f64, Failed> {
    let dir = tempfile::tempdir()?;
    let engine = if sled {
        let lock = Arc::new(DirLock::acquire(dir.path(), "a bench")?);
        let options = EngineOptions::default();
        let (log, _) = SledLog::open(lock, OpenOptions::at(options.clock.now()))?;
        start(log, options).await?
    } else {
        start(MemoryLog::new(), EngineOptions::default()).await?
    };
    let mut port = engine.handle().port();
    let ids = open(&engine, &mut port, auctions).await?;
    let started = Instant::now();
    let accepted = bid(&engine, &mut port, &ids).await?;
    let rate = accepted as f64 / started.elapsed().as_secs_f64();
    engine.stop().await?;
    Ok(rate)
}

async fn start(log: impl Log + 'static, options: EngineOptions) -> Result<Engine, Failed> {
    let engine = Engine::start(options, Box::new(move || Ok((log, LogState::default()))))?;
    engine.handle().phases().wait_for(|phase| *phase >= Phase::Ready).await?;
    Ok(engine)
}

async fn open(engine: &Engine, port: &mut Port, auctions: u64) -> Result<Vec<AuctionId>, Failed> {
    let now = engine.handle().now();
    let mut ids = Vec::new();
    for number in 0..auctions {
        if port.under_way() >= WINDOW {
            take_ids(port, &mut ids).await?;
        }
        match port.push_open(Ticket(number), now, opening(number, now)?)? {
            PushedOpening::Taken => port.flush(),
            PushedOpening::Rejected(rejection) => return Err(rejection.to_string().into()),
        }
    }
    while port.under_way() > 0 {
        take_ids(port, &mut ids).await?;
    }
    Ok(ids)
}

fn opening(seller: u64, now: Timestamp) -> Result<Box<Opening>, Failed> {
    let draft = TermsDraft {
        seller: Some(AccountId::from_integer(seller)),
        currency: Currency::new(*b"KRW"),
        ends_at: Some(now.saturating_add(gavel_core::Duration::from_secs(86_400))),
        ..TermsDraft::default()
    };
    let terms = Terms::validate(draft, now).map_err(|errors| format!("{errors:?}"))?;
    let open = Open { terms, details: Details("{}".into()), id: None, digest: 0 };
    Ok(Box::new(Opening { id: None, digest: 0, judged: Ok(open) }))
}

async fn take_ids(port: &mut Port, ids: &mut Vec<AuctionId>) -> Result<(), Failed> {
    for (_, reply) in port.answers().await.ok_or("the port is gone")?.replies {
        match reply {
            Reply::Opened(id, _) => ids.push(id),
            other => return Err(format!("not opened: {other:?}").into()),
        }
    }
    Ok(())
}

/// Every bid is higher than all before it, so every one is accepted.
async fn bid(engine: &Engine, port: &mut Port, ids: &[AuctionId]) -> Result<u64, Failed> {
    let (handle, mut accepted) = (engine.handle(), 0);
    for batch in 0..BIDS / BATCH {
        while port.under_way() > WINDOW {
            accepted += take_receipts(port).await?;
        }
        let now = handle.now();
        for number in batch * BATCH..(batch + 1) * BATCH {
            // A large odd step visits the auctions evenly and in no order that caches like.
            let id = ids[(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % ids.len()];
            let amount = Amount::new(1 + number).unwrap_or(Amount::MAX);
            let bidder = AccountId::from_integer(1_000_000 + number % 100_000);
            let command = Command::Bid { bidder, amount, id: None };
            port.push(Ticket(number), now, AuctionCommand { auction: id, command })?;
        }
        port.flush();
    }
    while port.under_way() > 0 {
        accepted += take_receipts(port).await?;
    }
    Ok(accepted)
}

async fn take_receipts(port: &mut Port) -> Result<u64, Failed> {
    let mut answers = port.answers().await;
    let mut accepted = 0;
    while let Some(taken) = answers {
        accepted +=
            taken.replies.iter().filter(|(_, reply)| matches!(reply, Reply::Receipt(_))).count() as u64;
        answers = port.try_answers();
    }
    Ok(accepted)
}
