//! Goal: after an outage auctions get their time back as the policy says: once, before any pulse, logged, whatever crashes.
//! Method: clocks set by hand; every generation's log is cut or closed, and the next opens what is left. The ends are read from the
//! live view of a ready engine.

use crate::common::{Client, Hand, bid, draft, launch, options_at, reach, restart, run_hub, secs, start};
use gavel_core::{AuctionId, Duration, State, Timestamp};
use gavel_engine::{Engine, EngineOptions, LogState, OutagePolicy, Phase};
use gavel_log::{Contents, Fault, Faults, LossyLog, MemoryLog};

const SHARDS: usize = 3;

fn with(policy: OutagePolicy, hand: &Hand) -> EngineOptions {
    EngineOptions { outage: policy, outage_window: secs(300), ..options_at(SHARDS, hand) }
}

/// Auctions that end so many seconds after now, in several shards each, left by an engine that stops at once.
async fn before_the_outage(hand: &Hand, ends_s: &[u64]) -> (Contents, Vec<(AuctionId, Timestamp)>) {
    let log = MemoryLog::new();
    let contents = log.contents();
    let engine = start(log, with(OutagePolicy::Off, hand)).await;
    let mut client = Client::new(&engine);
    let mut auctions = Vec::new();
    for &seconds in ends_s {
        for seller in 0..12 {
            let end = hand.after_us(seconds * 1_000_000);
            let seller = Some(crate::common::account(seller));
            auctions.push((client.open(gavel_core::TermsDraft { seller, ..draft(end) }).await, end));
        }
    }
    engine.stop().await.unwrap();
    (contents, auctions)
}

fn end(engine: &Engine, id: AuctionId) -> Timestamp {
    engine.handle().live(id).unwrap().view().ends_at
}

#[tokio::test]
async fn each_policy_moves_what_it_says_and_nothing_else() {
    type Expected = fn(Timestamp, Timestamp) -> Timestamp;
    let cases: [(OutagePolicy, Expected); 3] = [
        (OutagePolicy::Off, |end, _| end),
        (OutagePolicy::GiveBack, |end, _| end.saturating_add(secs(1_000))),
        (OutagePolicy::Fixed(secs(600)), |end, now| end.max(now.saturating_add(secs(600)))),
    ];
    for (policy, expected) in cases {
        let hand = Hand::at_noon();
        // In the outage; just after it, within the window; beyond the window.
        let (contents, auctions) = before_the_outage(&hand, &[10, 999, 1_200, 1_301]).await;
        hand.advance_us(1_000_000_000);
        let engine = restart(&contents, with(policy, &hand)).await;
        for &(id, was) in &auctions {
            let within = was <= hand.now().saturating_add(secs(300));
            let expected = if within { expected(was, hand.now()) } else { was };
            assert_eq!(end(&engine, id), expected, "{policy:?}: ended at {was}");
        }
        engine.stop().await.unwrap();
        // It was logged: a restart at once gives nothing twice, and forgets nothing.
        let again = restart(&contents, with(OutagePolicy::Off, &hand)).await;
        for &(id, was) in auctions.iter().filter(|(_, was)| *was > hand.now()) {
            let within = was <= hand.now().saturating_add(secs(300));
            assert_eq!(end(&again, id), if within { expected(was, hand.now()) } else { was }, "{policy:?}");
        }
        again.stop().await.unwrap();
    }
}

#[tokio::test]
async fn what_has_ended_in_an_outage_without_policy_ends_at_the_start() {
    let hand = Hand::at_noon();
    let (contents, auctions) = before_the_outage(&hand, &[10]).await;
    hand.advance_us(1_000_000_000);
    let engine = restart(&contents, with(OutagePolicy::Off, &hand)).await;
    run_hub(&engine.handle());
    for (id, was) in auctions {
        let live = engine.handle().live(id).unwrap();
        let mut changes = live.subscribe();
        while live.view().state == State::Open {
            changes.changed().await.unwrap();
        }
        assert_eq!((live.view().state, live.view().ends_at), (State::Unsold, was));
    }
    engine.stop().await.unwrap();
}

/// The start after the outage crashes once with so many of its frames on the disk, `gap` before the one that succeeds.
async fn second_crash(survivors: usize, policy: OutagePolicy, gap: Duration) {
    let hand = Hand::at_noon();
    let (contents, auctions) = before_the_outage(&hand, &[10, 250]).await;
    let died_at = hand.now();
    hand.advance_us(1_000_000_000);
    let faults = Faults { commit: Some((1, Fault::WriteFails { survivors })), ..Faults::default() };
    let lossy = LossyLog::open(&contents, faults);
    let disk = lossy.disk();
    let state = LogState { alive_until: Some(died_at), ..LogState::default() };
    let engine = launch(lossy, state, with(policy, &hand));
    let mut phases = engine.handle().phases();
    phases.wait_for(|phase| *phase == Phase::Failed).await.unwrap();
    assert!(engine.stop().await.is_err());

    hand.advance_us(gap.micros());
    // The last mark is still the one from before the outage.
    let state = LogState { alive_until: Some(died_at), ..LogState::default() };
    let engine = launch(MemoryLog::open(disk), state, with(policy, &hand));
    reach(&engine.handle(), Phase::Ready).await;
    for (id, was) in auctions {
        let lost = hand.now().since(died_at);
        let expected = match policy {
            OutagePolicy::GiveBack => was.saturating_add(lost),
            _ => hand.now().saturating_add(secs(250)),
        };
        assert_eq!(end(&engine, id), expected, "{survivors} frames had survived, {policy:?}: {id}");
    }
    let mut client = Client::new(&engine);
    let view = client.open(draft(hand.after_us(60_000_000))).await;
    client.receipt(view, bid(1, 10)).await;
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_crash_during_the_start_costs_no_auction_its_time() {
    for survivors in 0..=SHARDS {
        second_crash(survivors, OutagePolicy::GiveBack, secs(200)).await;
        second_crash(survivors, OutagePolicy::Fixed(secs(250)), secs(200)).await;
    }
}

#[tokio::test]
async fn nobody_gets_back_time_that_was_not_lost() {
    for policy in [OutagePolicy::GiveBack, OutagePolicy::Fixed(secs(600))] {
        let hand = Hand::at_noon();
        let log = MemoryLog::new();
        let contents = log.contents();
        let engine = start(log, with(OutagePolicy::Off, &hand)).await;
        let mut client = Client::new(&engine);
        let mut open = async |starts_s: u64, ends_s: u64| {
            let (starts_at, ends_at) =
                (hand.after_us(starts_s * 1_000_000), hand.after_us(ends_s * 1_000_000));
            client.open(gavel_core::TermsDraft { starts_at: Some(starts_at), ..draft(ends_at) }).await
        };
        let begun_in_it = open(900, 1_100).await;
        let begins_after_it = open(1_010, 1_100).await;
        let was = hand.after_us(1_100_000_000);
        engine.stop().await.unwrap();
        hand.advance_us(1_000_000_000);
        let engine = restart(&contents, with(policy, &hand)).await;
        let given = match policy {
            OutagePolicy::GiveBack => was.saturating_add(secs(100)),
            _ => hand.now().saturating_add(secs(600)),
        };
        assert_eq!(end(&engine, begun_in_it), given, "{policy:?}: it lost the last 100 s of the outage");
        assert_eq!(end(&engine, begins_after_it), was, "{policy:?}: it lost nothing");
        engine.stop().await.unwrap();
    }
}
