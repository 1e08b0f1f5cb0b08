//! What the suites share: engines over logs in memory, a client, a clock to set, a log whose commits can be held.

mod client;
mod dice;
mod gate;
mod hand;

pub(crate) use client::Client;
pub(crate) use dice::Dice;
pub(crate) use gate::Gate;
pub(crate) use hand::Hand;

use gavel_core::{
    AccountId, Amount, Command, Currency, Details, Duration, Open, OpenId, Reason, Rejection, Terms,
    TermsDraft, Timestamp,
};
use gavel_engine::{Engine, EngineOptions, Handle, HistoryOptions, LogState, Opening, OutagePolicy, Phase};
use gavel_log::{Contents, Log, MemoryLog};
use std::path::Path;

/// The moment at which clocks that are set by hand begin: 2026-11-22T10:00:00Z.
pub(crate) const NOON_US: u64 = 1_795_341_600_000_000;

pub(crate) fn time(micros: u64) -> Timestamp {
    Timestamp::from_micros(micros).expect("within time")
}

pub(crate) fn account(id: u64) -> AccountId {
    AccountId::from_integer(id)
}

pub(crate) fn amount(minor_units: u64) -> Amount {
    Amount::new(minor_units).expect("within bounds")
}

/// How many rounds a suite runs: `rounds` times what `GAVEL_TEST_ROUNDS` says (default 1).
pub(crate) fn rounds(rounds: u64) -> u64 {
    std::env::var("GAVEL_TEST_ROUNDS").ok().and_then(|times| times.parse::<u64>().ok()).unwrap_or(1).max(1)
        * rounds
}

/// The defaults with so many shards on two threads, and no time given back.
pub(crate) fn options(shards: usize) -> EngineOptions {
    EngineOptions { shards, threads: 2, outage: OutagePolicy::Off, ..EngineOptions::default() }
}

/// As [`options`], with history kept in this directory, and snapshots only when they are asked for.
pub(crate) fn options_in(shards: usize, dir: &Path) -> EngineOptions {
    let history = HistoryOptions { snapshot_every: secs(86_400), ..HistoryOptions::in_dir(dir.to_owned()) };
    EngineOptions { history: Some(history), ..options(shards) }
}

/// As [`options`], by this clock.
pub(crate) fn options_at(shards: usize, hand: &Hand) -> EngineOptions {
    EngineOptions { clock: hand.clock(), ..options(shards) }
}

/// Starts an engine over a log, without waiting.
pub(crate) fn launch(log: impl Log + 'static, state: LogState, options: EngineOptions) -> Engine {
    Engine::start(options, Box::new(move || Ok((log, state)))).expect("the system has threads")
}

/// Starts an engine over a log, and waits until it is ready.
pub(crate) async fn start(log: impl Log + 'static, options: EngineOptions) -> Engine {
    let engine = launch(log, LogState::default(), options);
    reach(&engine.handle(), Phase::Ready).await;
    engine
}

/// Starts an engine over what an earlier one has left, and waits until it is ready.
pub(crate) async fn restart(contents: &Contents, options: EngineOptions) -> Engine {
    let state = LogState { alive_until: contents.marked_at(), ..LogState::default() };
    let engine = launch(MemoryLog::open(contents.clone()), state, options);
    reach(&engine.handle(), Phase::Ready).await;
    engine
}

/// Waits for a phase; every other end of the wait fails the test.
pub(crate) async fn reach(handle: &Handle, phase: Phase) {
    let mut phases = handle.phases();
    let reached = *phases.wait_for(|now| *now >= phase).await.expect("the engine lives");
    assert_eq!(reached, phase, "{:?}", handle.failure());
}

/// Runs the hub that wakes subscribers, for as long as the test's runtime lives.
pub(crate) fn run_hub(handle: &Handle) {
    let handle = handle.clone();
    tokio::spawn(async move { handle.run_hub().await });
}

/// Nobody who bids.
pub(crate) const SELLER: u64 = 7_000_000;

/// An auction of [`SELLER`] with the default terms that ends at this time.
pub(crate) fn draft(ends_at: Timestamp) -> TermsDraft {
    TermsDraft {
        seller: Some(account(SELLER)),
        currency: Currency::new(*b"KRW"),
        ends_at: Some(ends_at),
        ..TermsDraft::default()
    }
}

/// A request to open, as a session makes it.
pub(crate) fn opening(draft: TermsDraft, id: Option<u128>, received: Timestamp) -> Box<Opening> {
    let id = id.map(OpenId);
    let digest = id.map_or(0, |id| id.0 ^ u128::from(draft.ends_at.map_or(0, Timestamp::micros)));
    let judged = Terms::validate(draft, received)
        .map(|terms| Open { terms, details: Details("{}".into()), id, digest })
        .map_err(|errors| Rejection::InvalidTerms(errors.into()));
    Box::new(Opening { id, digest, judged })
}

pub(crate) fn bid(bidder: u64, minor_units: u64) -> Command {
    Command::Bid { bidder: account(bidder), amount: amount(minor_units), id: None }
}

pub(crate) fn reason() -> Reason {
    Reason("a reason".into())
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
