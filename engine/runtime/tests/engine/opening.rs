//! Goal: a request to open is carried out once, whoever repeats it, wherever and whenever.
//! Method: the same id from several connections, after restarts, after changes of policy, after its end.

use crate::common::{Client, Hand, account, draft, options_at, restart, secs, start};
use gavel_core::placement::{PlacementChange, Policy};
use gavel_core::{Rejection, ShardId, TermsDraft};
use gavel_engine::{Engine, Reply};
use gavel_log::MemoryLog;

async fn auctions(engine: &Engine) -> usize {
    engine.handle().inspect().await.iter().map(|report| report.auctions).sum()
}

#[tokio::test]
async fn requests_with_one_id_at_the_same_time_open_one_auction() {
    let hand = Hand::at_noon();
    let engine = start(MemoryLog::new(), options_at(4, &hand)).await;
    let mut clients: Vec<_> = (0..8).map(|_| Client::new(&engine)).collect();
    // By sequence, two requests in a row go to different shards: the id alone holds them together.
    let policy = PlacementChange::PolicySet { effective_at: hand.now(), policy: Policy::Sequence };
    engine.handle().change_placement(policy).await.unwrap();
    for request in 1..=50 {
        let terms = draft(hand.after_us(60_000_000));
        let tickets: Vec<_> = clients
            .iter_mut()
            .map(|client| client.send_open(terms.clone(), Some(request)).unwrap())
            .collect();
        let mut replies = Vec::new();
        for (client, ticket) in clients.iter_mut().zip(tickets) {
            replies.push(client.answer(ticket).await);
        }
        assert!(matches!(replies[0], Reply::Opened(..)), "{:?}", replies[0]);
        assert!(replies.iter().all(|reply| *reply == replies[0]), "{replies:?}");
    }
    assert_eq!(auctions(&engine).await, 50);
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn a_retry_gets_the_first_answer_after_restart_change_of_policy_and_end() {
    let hand = Hand::at_noon();
    let log = MemoryLog::new();
    let contents = log.contents();
    let engine = start(log, options_at(4, &hand)).await;
    let mut client = Client::new(&engine);
    let terms = draft(hand.after_us(60_000_000));
    let first = client.ask_open(terms.clone(), Some(9)).await;
    let Reply::Opened(id, _) = first else { panic!("not opened: {first:?}") };
    // Elsewhere by now: the seller's own shard is drained, and another is added.
    engine.handle().change_placement(PlacementChange::ShardAdded(ShardId(4))).await.unwrap();
    engine.handle().change_placement(PlacementChange::ShardDrained(id.shard())).await.unwrap();
    assert_eq!(client.ask_open(terms.clone(), Some(9)).await, first);
    let elsewhere = client.ask_open(terms.clone(), Some(10)).await;
    assert!(matches!(elsewhere, Reply::Opened(other, _) if other.shard() != id.shard()), "{elsewhere:?}");
    engine.stop().await.unwrap();

    let engine = restart(&contents, options_at(4, &hand)).await;
    let mut client = Client::new(&engine);
    assert_eq!(client.ask_open(terms.clone(), Some(9)).await, first);
    hand.advance_us(3_600_000_000);
    assert_eq!(
        client.ask_open(terms.clone(), Some(9)).await,
        first,
        "its end has passed: still the same answer"
    );
    let conflict = Reply::Rejected(Rejection::IdConflict);
    assert_eq!(client.ask_open(draft(hand.after_us(1_000_000)), Some(9)).await, conflict);
    let unknown = client.ask_open(terms, Some(11)).await;
    assert!(matches!(unknown, Reply::Rejected(Rejection::InvalidTerms(_))), "{unknown:?}");
    assert_eq!(auctions(&engine).await, 2);
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn a_refused_id_is_judged_anew() {
    let hand = Hand::at_noon();
    let engine = start(MemoryLog::new(), options_at(2, &hand)).await;
    let mut client = Client::new(&engine);
    let wrong = TermsDraft { seller: None, ..draft(hand.after_us(1_000_000)) };
    let refused = client.ask_open(wrong, Some(1)).await;
    assert!(matches!(refused, Reply::Rejected(Rejection::InvalidTerms(_))), "{refused:?}");
    let opened = client.ask_open(draft(hand.after_us(1_000_000)), Some(1)).await;
    assert!(matches!(opened, Reply::Opened(..)), "{opened:?}");
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn numbers_run_by_day_and_shard_across_restarts() {
    let hand = Hand::at_noon();
    let log = MemoryLog::new();
    let contents = log.contents();
    let engine = start(log, options_at(1, &hand)).await;
    let mut client = Client::new(&engine);
    let next_week =
        || TermsDraft { seller: Some(account(3)), ..draft(hand.after_us(secs(604_800).micros())) };
    let today = client.open(next_week()).await;
    assert_eq!((u64::from(today.day()), today.sequence()), (hand.now().day(), 1));
    assert_eq!(client.open(next_week()).await.sequence(), 2);
    engine.stop().await.unwrap();
    let engine = restart(&contents, options_at(1, &hand)).await;
    let mut client = Client::new(&engine);
    assert_eq!(client.open(next_week()).await.sequence(), 3);
    hand.advance_us(secs(86_400).micros());
    let tomorrow = client.open(next_week()).await;
    assert_eq!((tomorrow.day(), tomorrow.sequence()), (today.day() + 1, 1));
    engine.stop().await.unwrap();
}
