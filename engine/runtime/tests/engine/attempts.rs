//! Goal: every refused command is found in the journal of attempts, with why; what can't be kept is counted; and bidding never
//! notices the journal.
//! Method: engines with a journal in a fresh folder; refusals by the rules, for want of credit, by a missing shard; commits that are
//! held; a folder that can't be; a stop in order, after which the journal must hold everything that was not dropped.

use crate::common::{Client, Gate, account, amount, bid, draft, options, reason, secs, start};
use gavel_core::{AuctionId, BidId, Command, ShardId};
use gavel_engine::{AttemptCounts, AttemptsOptions, Cause, Engine, EngineOptions, Handle, Refusal, Reply};
use gavel_log::MemoryLog;
use gavel_log::attempts::{Attempt, BYTES_MIN, read};
use std::path::Path;
use tempfile::TempDir;

fn with_journal(options: EngineOptions, data: &Path) -> EngineOptions {
    let code = |cause: &Cause| match cause {
        Cause::Rules(_) => "RULES",
        Cause::Engine(Refusal::Closing) => "CLOSING",
        Cause::Engine(_) => "BUSY",
    };
    EngineOptions {
        attempts: Some(AttemptsOptions { data_dir: data.to_owned(), bytes_max: BYTES_MIN * 16, code }),
        ..options
    }
}

async fn rig(data: &TempDir, options: EngineOptions) -> (Gate, Engine, Client, AuctionId) {
    let gate = Gate::default();
    let engine = start(gate.before(MemoryLog::new()), with_journal(options, data.path())).await;
    let mut client = Client::new(&engine);
    let id = client.open(draft(client.handle.now().saturating_add(secs(3_600)))).await;
    (gate, engine, client, id)
}

/// Stops the engine; what the journal holds then, and what was counted.
async fn stopped(engine: Engine, data: &TempDir) -> (Vec<Attempt<'static>>, AttemptCounts) {
    let handle = engine.handle();
    engine.stop().await.unwrap();
    (read(data.path(), None).unwrap().map(Result::unwrap).collect(), handle.attempts())
}

fn is_rejected(reply: &Reply) -> bool {
    matches!(reply, Reply::Rejected(_))
}

#[tokio::test]
async fn what_the_rules_refuse_is_found_with_all_that_was_asked() {
    let data = tempfile::tempdir().unwrap();
    let (_, engine, mut client, id) = rig(&data, options(1)).await;
    client.receipt(id, bid(1, 5_000)).await;
    let low = Command::Bid { bidder: account(2), amount: amount(1), id: Some(BidId::from_bits(42)) };
    let absent = AuctionId::new(id.day(), ShardId(0), 99).unwrap();
    let no_shard = AuctionId::new(id.day(), ShardId(200), 1).unwrap();
    for (auction, command) in [
        (id, low),
        (id, Command::BuyNow { bidder: account(3), id: None }),
        (id, Command::Retract { bid: BidId::from_bits(7), reason: reason() }),
        (id, Command::Paid),
        (absent, bid(4, 1)),
        (no_shard, bid(5, 1)),
    ] {
        assert!(is_rejected(&client.ask(auction, command).await));
    }
    assert!(is_rejected(&client.ask_open(draft(gavel_core::Timestamp::default()), None).await));
    client.receipt(id, bid(6, 9_000)).await;
    let (mut attempts, counts) = stopped(engine, &data).await;
    assert_eq!(counts, AttemptCounts { written: 7, ..AttemptCounts::default() });
    // Those that no shard was asked for come in another way, and may be earlier.
    attempts.sort_by_key(|attempt| attempt.at);
    let found: Vec<_> = attempts
        .iter()
        .map(|Attempt { auction, bidder, amount, bid, command, .. }| {
            (*auction, *bidder, *amount, *bid, &**command)
        })
        .collect();
    let who = |id| Some(account(id));
    assert_eq!(
        found,
        [
            (Some(id), who(2), Some(amount(1)), Some(BidId::from_bits(42)), "BID"),
            (Some(id), who(3), None, None, "BUYNOW"),
            (Some(id), None, None, Some(BidId::from_bits(7)), "RETRACT"),
            (Some(id), None, None, None, "AUCTION PAID"),
            (Some(absent), who(4), Some(amount(1)), None, "BID"),
            (Some(no_shard), who(5), Some(amount(1)), None, "BID"),
            (None, None, None, None, "AUCTION OPEN"),
        ]
    );
    assert_eq!((&*attempts[0].code, &*attempts[0].words), ("RULES", "bid at least 2"));
    assert_eq!((attempts[5].shard, &*attempts[5].words), (ShardId(200), "there is no auction with this id"));
    assert!(attempts[6].words.starts_with("ends_at "), "{:?}", attempts[6]);
}

#[tokio::test]
async fn what_is_refused_for_want_of_credit_is_found() {
    let data = tempfile::tempdir().unwrap();
    let (gate, engine, mut client, id) =
        rig(&data, EngineOptions { connection_credit: 10, ..options(1) }).await;
    gate.hold();
    let now = client.handle.now();
    let refused = (1..=310).filter(|n| client.push(now, id, bid(*n, *n)).is_err()).count();
    client.port.flush();
    assert_eq!(refused, 300);
    gate.release();
    let (attempts, counts) = stopped(engine, &data).await;
    assert_eq!(counts, AttemptCounts { written: 300, ..AttemptCounts::default() });
    assert_eq!(
        attempts.iter().map(|attempt| attempt.amount.unwrap().get()).collect::<Vec<_>>(),
        (11..=310).collect::<Vec<_>>()
    );
    assert!(attempts.iter().all(|attempt| attempt.code == "BUSY" && attempt.words.contains("10 commands")));
}

#[tokio::test]
async fn a_refusal_is_not_told_before_the_commit_that_it_depends_on() {
    let data = tempfile::tempdir().unwrap();
    let (gate, engine, mut client, id) = rig(&data, options(1)).await;
    gate.hold();
    client.send(id, bid(1, 5_000));
    gate.wait_for_commit();
    let low = client.send(id, bid(2, 1));
    // Longer than the journal's thread sleeps: what it was given by now, it has written.
    tokio::time::sleep(std::time::Duration::from_millis(3 * gavel_engine::limits::ATTEMPTS_LOOK_MS)).await;
    assert_eq!(client.handle.attempts(), AttemptCounts::default());
    assert_eq!(read(data.path(), None).unwrap().count(), 0);
    gate.release();
    assert!(is_rejected(&client.answer(low).await));
    let (attempts, _) = stopped(engine, &data).await;
    assert_eq!(attempts.len(), 1);
}

#[tokio::test]
async fn a_storm_of_refusals_is_counted_to_the_last_one() {
    let data = tempfile::tempdir().unwrap();
    let (_, engine, mut client, id) = rig(&data, options(1)).await;
    client.receipt(id, bid(1, 1_000_000)).await;
    let stats = rejected(&client.handle);
    for _ in 0..100_000 {
        if client.port.under_way() > 4_000 {
            client.port.flush();
            while client.port.under_way() > 0 {
                client.take_answers();
                tokio::task::yield_now().await;
            }
        }
        let now = client.handle.now();
        client.push(now, id, bid(2, 1)).unwrap();
    }
    client.port.flush();
    let handle = client.handle.clone();
    let (attempts, counts) = stopped(engine, &data).await;
    assert_eq!(rejected(&handle) - stats, 100_000, "every refusal was answered");
    let AttemptCounts { written, dropped, failed, waiting } = counts;
    assert_eq!((written + dropped, failed, waiting), (100_000, 0, 0));
    assert_eq!(attempts.len() as u64, written, "what is counted as written is there");
    assert!(
        written >= gavel_engine::limits::ATTEMPTS_WAITING_MAX as u64,
        "the queue was not used: {counts:?}"
    );
}

fn rejected(handle: &Handle) -> u64 {
    handle.stats().rejected.load(std::sync::atomic::Ordering::Relaxed)
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_is_counted_and_stops_nothing() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join(gavel_log::attempts::DIR), "in the way").unwrap();
    let (_, engine, mut client, id) = rig(&data, options(1)).await;
    client.receipt(id, bid(1, 5_000)).await;
    for _ in 0..10 {
        assert!(is_rejected(&client.ask(id, bid(2, 1)).await));
    }
    client.receipt(id, bid(3, 6_000)).await;
    let handle = client.handle.clone();
    engine.stop().await.unwrap();
    assert_eq!(handle.attempts(), AttemptCounts { failed: 10, ..AttemptCounts::default() });
}

#[tokio::test]
async fn without_a_journal_nothing_is_written() {
    let data = tempfile::tempdir().unwrap();
    let engine = start(MemoryLog::new(), options(1)).await;
    let mut client = Client::new(&engine);
    let missing = AuctionId::new(1, ShardId(0), 1).unwrap();
    assert!(is_rejected(&client.ask(missing, bid(1, 1)).await));
    let (attempts, counts) = stopped(engine, &data).await;
    assert_eq!((attempts.len(), counts), (0, AttemptCounts::default()));
}
