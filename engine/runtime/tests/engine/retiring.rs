//! Goal: final auctions leave memory some time after they are final, are then not known any more, and their ids are never given
//! again; what opened them can be asked for as long as they are in memory. So it is after a restart, too.
//! Method: one shard and a clock that is set by hand.

use crate::common::{Client, Hand, bid, draft, options_at, restart, secs};
use gavel_core::rejection::Missing;
use gavel_core::{AuctionId, Command, Rejection};
use gavel_engine::{Engine, EngineOptions, LiveCounts, Reply};
use gavel_log::Contents;

fn options(hand: &Hand) -> EngineOptions {
    EngineOptions { retire_after: secs(3_600), ..options_at(1, hand) }
}

/// Lets time go by, over a restart: timers run by the machine's time, but a start looks at the clock.
async fn pass(engine: Engine, contents: &Contents, hand: &Hand, seconds: u64) -> (Engine, Client) {
    engine.stop().await.unwrap();
    hand.advance_us(seconds * 1_000_000);
    let engine = restart(contents, options(hand)).await;
    let client = Client::new(&engine);
    (engine, client)
}

async fn wait_until_gone(engine: &Engine, auction: AuctionId) {
    while engine.handle().live(auction).is_some() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn final_auctions_leave_after_their_time_and_are_not_known_any_more() {
    let (hand, contents) = (Hand::at_noon(), Contents::default());
    let engine = restart(&contents, options(&hand)).await;
    let mut client = Client::new(&engine);
    let terms = draft(hand.after_us(1_000_000_000));
    let Reply::Opened(leaves, _) = client.ask_open(terms.clone(), Some(5)).await else {
        panic!("not opened")
    };
    client.receipt(leaves, bid(1, 10)).await;
    client.ask(leaves, Command::End).await;
    client.ask(leaves, Command::Paid).await;
    let (engine, mut client) = pass(engine, &contents, &hand, 3_599).await;
    assert!(matches!(client.ask_open(terms.clone(), Some(5)).await, Reply::Opened(id, _) if id == leaves));
    let (engine, mut client) = pass(engine, &contents, &hand, 2).await;
    wait_until_gone(&engine, leaves).await;
    let not_found = Reply::Rejected(Rejection::NotFound(Missing::Auction));
    assert_eq!(client.ask(leaves, bid(2, 20)).await, not_found);
    assert_eq!(engine.handle().live_counts(leaves.shard()), LiveCounts::default());
    let again = client.ask_open(draft(hand.after_us(1_000_000_000)), Some(5)).await;
    assert!(matches!(again, Reply::Opened(id, _) if id.sequence() == 2), "a new auction: {again:?}");
    let before = engine.handle().inspect().await[0].digest;
    let (engine, mut client) = pass(engine, &contents, &hand, 0).await;
    assert_eq!(engine.handle().inspect().await[0].digest, before);
    assert_eq!(client.ask(leaves, bid(2, 20)).await, not_found);
    assert_eq!(client.open(draft(hand.after_us(1_000_000_000))).await.sequence(), 3);
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_not_final_stays_however_long_it_takes() {
    let (hand, contents) = (Hand::at_noon(), Contents::default());
    let engine = restart(&contents, options(&hand)).await;
    let mut client = Client::new(&engine);
    let awarded = client.open(draft(hand.after_us(1_000_000_000))).await;
    let unsold = client.open(draft(hand.after_us(1_000_000_000))).await;
    client.receipt(awarded, bid(1, 10)).await;
    let (engine, _) = pass(engine, &contents, &hand, 1_001).await;
    while engine.handle().live(unsold).is_some_and(|live| !live.view().state.is_final()) {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let (engine, _) = pass(engine, &contents, &hand, 3_601).await;
    wait_until_gone(&engine, unsold).await;
    assert!(engine.handle().live(awarded).is_some(), "it is not paid yet");
    // Unpaid after seven days, then offered to nobody, so unsold; and an hour later gone.
    let (engine, _) = pass(engine, &contents, &hand, 7 * 86_400).await;
    while engine.handle().live(awarded).is_some_and(|live| !live.view().state.is_final()) {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let (engine, _) = pass(engine, &contents, &hand, 3_601).await;
    wait_until_gone(&engine, awarded).await;
    engine.stop().await.unwrap();
}
