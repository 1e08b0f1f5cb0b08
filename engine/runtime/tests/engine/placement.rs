//! Goal: shards and policies change at run time; new auctions follow, old ones stay; a restart changes nothing.
//! Method: openings before and after each change; crashes in the commit that begins shards.

use crate::common::{
    Client, Hand, account, bid, draft, launch, options, options_at, reach, restart, secs, start,
};
use gavel_core::limits::{RANGE_KEYS_BYTES_MAX, RANGES_MAX};
use gavel_core::placement::{KeyRange, PlacementChange, PlacementError, Policy, ShardStatus};
use gavel_core::{AuctionId, ShardId, TermsDraft};
use gavel_engine::{ChangeError, Engine, LogState, Phase};
use gavel_log::{Fault, Faults, LossyLog, MemoryLog};

async fn open_for(client: &mut Client, seller: u64) -> AuctionId {
    let ends_at = client.handle.now().saturating_add(secs(3_600));
    client.open(TermsDraft { seller: Some(account(seller)), ..draft(ends_at) }).await
}

async fn change(engine: &Engine, change: PlacementChange) {
    engine.handle().change_placement(change).await.expect("the change fits");
}

#[tokio::test]
async fn shards_are_added_and_drained_while_bids_go_on() {
    let log = MemoryLog::new();
    let contents = log.contents();
    let engine = start(log, options(2)).await;
    let mut client = Client::new(&engine);
    let mut old = Vec::new();
    for seller in 0..50 {
        old.push(open_for(&mut client, seller).await);
    }
    change(&engine, PlacementChange::ShardAdded(ShardId(2))).await;
    change(&engine, PlacementChange::ShardDrained(ShardId(0))).await;
    let mut new = Vec::new();
    for seller in 0..50 {
        new.push(open_for(&mut client, seller).await);
    }
    assert!(new.iter().any(|id| id.shard() == ShardId(2)) && new.iter().all(|id| id.shard() != ShardId(0)));
    assert!(old.iter().any(|id| id.shard() == ShardId(0)));
    for (id, n) in old.iter().chain(&new).zip(1_000..) {
        assert_eq!(client.receipt(*id, bid(n, 100)).await.position.shard, id.shard(), "it stays where it is");
    }
    let twice = engine.handle().change_placement(PlacementChange::ShardAdded(ShardId(2))).await;
    assert_eq!(twice, Err(ChangeError::Placement(PlacementError::AlreadyActive(ShardId(2)))));
    let before = engine.handle().placement();
    engine.stop().await.unwrap();

    let engine = restart(&contents, options(9)).await;
    let mut client = Client::new(&engine);
    assert_eq!(engine.handle().placement(), before, "the options count for new directories alone");
    let again = open_for(&mut client, 1).await;
    assert_eq!(again.shard(), new[1].shard());
    for (id, n) in old.iter().chain(&new).zip(2_000..) {
        client.receipt(*id, bid(n, 200)).await;
    }
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn policies_take_effect_at_their_time_and_directories_name_shards() {
    let hand = Hand::at_noon();
    let log = MemoryLog::new();
    let contents = log.contents();
    let engine = start(log, options_at(4, &hand)).await;
    let mut client = Client::new(&engine);
    let by_key = open_for(&mut client, 5).await.shard();
    let other = ShardId((by_key.0 + 1) % 4);
    change(&engine, PlacementChange::DirectorySet { key: "5".into(), shard: Some(other) }).await;
    let effective_at = hand.after_us(60_000_000);
    change(&engine, PlacementChange::PolicySet { effective_at, policy: Policy::Directory }).await;
    assert_eq!(open_for(&mut client, 5).await.shard(), by_key, "its time has not come");
    engine.stop().await.unwrap();
    let engine = restart(&contents, options_at(4, &hand)).await;
    let mut client = Client::new(&engine);
    hand.advance_us(60_000_000);
    assert_eq!(open_for(&mut client, 5).await.shard(), other);
    change(&engine, PlacementChange::PolicySet { effective_at: hand.now(), policy: Policy::Sequence }).await;
    let mut shards = Vec::new();
    for _ in 0..8 {
        shards.push(open_for(&mut client, 5).await.shard().0);
    }
    shards.sort_unstable();
    assert_eq!(shards, [0, 0, 1, 1, 2, 2, 3, 3]);
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn the_largest_table_of_ranges_fits_the_log() {
    let log = MemoryLog::new();
    let contents = log.contents();
    let engine = start(log, options(2)).await;
    let length = RANGE_KEYS_BYTES_MAX / RANGES_MAX;
    let range = |n| KeyRange { from: format!("{n:0length$}").into(), shard: ShardId((n % 2) as u8) };
    let policy = Policy::Range((0..RANGES_MAX).map(range).collect());
    let effective_at = engine.handle().now();
    change(&engine, PlacementChange::PolicySet { effective_at, policy: policy.clone() }).await;
    engine.stop().await.unwrap();
    let engine = restart(&contents, options(2)).await;
    assert_eq!(*engine.handle().placement().policy_at(engine.handle().now()), policy);
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn a_deployment_whose_first_commit_was_cut_short_is_begun_again_whole() {
    for survivors in 0..=4 {
        let faults = Faults { commit: Some((1, Fault::WriteFails { survivors })), ..Faults::default() };
        let lossy = LossyLog::new(faults);
        let disk = lossy.disk();
        let engine = launch(lossy, LogState::default(), options(4));
        engine.handle().phases().wait_for(|phase| *phase == Phase::Failed).await.unwrap();
        assert!(engine.stop().await.is_err());
        let engine = launch(MemoryLog::open(disk), LogState::default(), options(4));
        reach(&engine.handle(), Phase::Ready).await;
        let active: Vec<_> = engine.handle().placement().shards().collect();
        assert_eq!(active, (0..4).map(|n| (ShardId(n), ShardStatus::Active)).collect::<Vec<_>>());
        let mut client = Client::new(&engine);
        let mut seen = [false; 4];
        for seller in 0..64 {
            let id = open_for(&mut client, seller).await;
            seen[usize::from(id.shard().0)] = true;
            client.receipt(id, bid(100, 1)).await;
        }
        assert_eq!(seen, [true; 4], "{survivors} frames had survived");
        engine.stop().await.unwrap();
    }
}

#[tokio::test]
async fn many_openings_sent_the_moment_the_engine_is_ready_find_room() {
    for _ in 0..20 {
        let engine = start(MemoryLog::new(), options(64)).await;
        let mut client = Client::new(&engine);
        let ends_at = client.handle.now().saturating_add(secs(3_600));
        // One message each, faster than the shards' threads come round to new actors.
        let tickets: Vec<_> = (0..2_000).map(|_| client.send_open(draft(ends_at), None).unwrap()).collect();
        for ticket in tickets {
            client.answer(ticket).await;
        }
        assert_eq!(engine.handle().failure(), None);
        engine.stop().await.unwrap();
    }
}
