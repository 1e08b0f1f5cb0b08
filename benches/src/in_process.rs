//! The engine in this process, without sockets: the port's way in, on a sled log with its `fdatasync`.
//!
//! One task pushes bids on 10,000 auctions in turn and hears the answers, as a session would; each bid is acceptable, but for those
//! that are meant to be refused.

use crate::error::{BenchError, io};
use crate::rules;
use gavel_core::{AccountId, Amount, AuctionId, Command};
use gavel_engine::{
    AttemptsOptions, AuctionCommand, Engine, EngineOptions, Failure, LogState, OpenLog, Opening, Phase, Port,
    Reply, Ticket,
};
use gavel_log::{DirLock, OpenOptions, SledLog};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Bids that one message to the shards brings, before they are told apart by shard.
const BATCH: usize = 1_024;
/// Bids under way at once.
const WINDOW: usize = 16_384;

/// What was measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Bids accepted.
    pub accepted: u64,
    /// Bids answered otherwise.
    pub refused: u64,
    /// Refused bids that were written to the journal of attempts.
    pub journaled: u64,
    /// From the first push to the last answer.
    pub time: Duration,
}

/// What the engine is given to do beside taking bids.
#[derive(Clone, Copy, Debug, Default)]
pub struct Refusals {
    /// How many of 100 bids are too low.
    pub percent: u64,
    /// Whether refused bids go to the journal of attempts.
    pub journal: bool,
}

/// The journal's size where there is one: what `gavel serve` gives it.
const JOURNAL_BYTES: u64 = 64 << 20;

/// Runs the engine on a fresh log below `below`, and bids for so long. No bid is refused.
///
/// # Errors
/// The engine does not start, or its log fails.
pub fn run(below: &Path, time: Duration) -> Result<Outcome, BenchError> {
    run_refusing(below, time, Refusals::default())
}

/// As [`run`], with bids that are refused among the others.
///
/// # Errors
/// The engine does not start, or its log fails.
pub fn run_refusing(below: &Path, time: Duration, refusals: Refusals) -> Result<Outcome, BenchError> {
    let dir = TempDir::with_prefix_in("aims-", below).map_err(io("a directory for the engine"))?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io("a runtime"))?;
    runtime.block_on(async {
        let attempts = refusals.journal.then(|| AttemptsOptions {
            data_dir: dir.path().to_owned(),
            bytes_max: JOURNAL_BYTES,
            code: |_| "TOOLOW",
        });
        let options = EngineOptions { connection_credit: WINDOW, attempts, ..EngineOptions::default() };
        let engine = Engine::start(options.clone(), opener(dir.path(), &options)?).map_err(engine_error)?;
        let handle = engine.handle();
        let outcome = storm(&engine, time, refusals.percent).await;
        engine.stop().await.map_err(engine_error)?;
        Ok(Outcome { journaled: handle.attempts().written, ..outcome? })
    })
}

fn engine_error(error: impl std::fmt::Display) -> BenchError {
    BenchError::Engine(error.to_string())
}

fn opener(dir: &Path, options: &EngineOptions) -> Result<OpenLog<SledLog>, BenchError> {
    let lock = Arc::new(DirLock::acquire(dir, "a bench").map_err(engine_error)?);
    let now = options.clock.now();
    Ok(Box::new(move || {
        let (log, _) = SledLog::open(lock, OpenOptions::at(now)).map_err(|e| Failure::Log(e.to_string()))?;
        Ok((log, LogState::default()))
    }))
}

async fn storm(engine: &Engine, time: Duration, refused_percent: u64) -> Result<Outcome, BenchError> {
    let handle = engine.handle();
    let mut phases = handle.phases();
    let phase = *phases.wait_for(|phase| *phase != Phase::Loading).await.map_err(engine_error)?;
    if phase != Phase::Ready {
        return Err(BenchError::Engine(format!("{:?}", handle.failure())));
    }
    let mut port = handle.port();
    let auctions = open_auctions(&handle, &mut port).await?;
    let (mut outcome, began, mut next) = (Outcome::default(), Instant::now(), 0);
    while began.elapsed() < time {
        while port.under_way() + BATCH <= WINDOW {
            push(&handle, &mut port, &auctions, &mut next, refused_percent)?;
        }
        hear(&mut port, &mut outcome).await?;
    }
    while port.under_way() > 0 {
        hear(&mut port, &mut outcome).await?;
    }
    Ok(Outcome { time: began.elapsed(), ..outcome })
}

fn push(
    handle: &gavel_engine::Handle,
    port: &mut Port,
    auctions: &[AuctionId],
    next: &mut u64,
    refused_percent: u64,
) -> Result<(), BenchError> {
    let received = handle.now();
    for _ in 0..BATCH {
        let (turn, place) = (*next / auctions.len() as u64, *next % auctions.len() as u64);
        let auction = auctions[place as usize];
        // A large odd step spreads the refused ones evenly over auctions and messages.
        let is_refused = (next.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % 100 < refused_percent;
        let command = if is_refused { too_low() } else { rules::bid(turn, *next) };
        port.push(Ticket(*next), received, AuctionCommand { auction, command }).map_err(engine_error)?;
        *next += 1;
    }
    port.flush();
    Ok(())
}

/// A bid below every opening price.
fn too_low() -> Command {
    Command::Bid { bidder: AccountId::from_integer(1), amount: Amount::new(1).unwrap_or_default(), id: None }
}

/// Waits for answers, and takes all that are there.
async fn hear(port: &mut Port, outcome: &mut Outcome) -> Result<(), BenchError> {
    let mut answers = port.answers().await;
    if answers.is_none() {
        return Err(BenchError::Engine("the port has closed".to_owned()));
    }
    while let Some(some) = answers {
        for (_, reply) in some.replies {
            let accepted = matches!(reply, Reply::Receipt(_));
            outcome.accepted += u64::from(accepted);
            outcome.refused += u64::from(!accepted);
        }
        answers = port.try_answers();
    }
    Ok(())
}

async fn open_auctions(handle: &gavel_engine::Handle, port: &mut Port) -> Result<Vec<AuctionId>, BenchError> {
    let mut opened = Vec::new();
    for number in 0..rules::AUCTIONS {
        let now = handle.now();
        let open =
            rules::open(now).ok_or_else(|| BenchError::Engine("the terms are not valid".to_owned()))?;
        let opening = Box::new(Opening { id: None, digest: 0, judged: Ok(open) });
        port.push_open(Ticket(number), now, opening).map_err(engine_error)?;
    }
    port.flush();
    while port.under_way() > 0 {
        let answers = port.answers().await.map_or_else(Vec::new, |answers| answers.replies);
        opened.extend(answers.iter().filter_map(|(_, reply)| match reply {
            Reply::Opened(id, _) => Some(*id),
            _ => None,
        }));
    }
    Ok(opened)
}
