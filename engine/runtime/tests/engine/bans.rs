//! Goal: a ban of wider scope is in force in every shard when it is answered, whatever shards are added and whatever crashes.
//! Method: one auction per shard; bids by the banned everywhere; commits that fail between shards.

use crate::common::{Client, account, bid, draft, options, restart, secs, start};
use gavel_core::command::StandingBids;
use gavel_core::placement::PlacementChange;
use gavel_core::rejection::{Missing, StateReason};
use gavel_core::{AuctionId, Rejection, ShardId, TermsDraft};
use gavel_engine::{Engine, EngineOptions, Phase, Reply, WideBan};
use gavel_log::{Fault, Faults, LossyLog, MemoryLog};

/// Auctions of sellers 1000, 1001, … until there is one in each of so many shards.
async fn one_per_shard(engine: &Engine, shards: u8) -> Vec<AuctionId> {
    let mut client = Client::new(engine);
    let ends_at = client.handle.now().saturating_add(secs(3_600));
    let mut found: Vec<AuctionId> = Vec::new();
    for seller in 1_000.. {
        let id = client.open(TermsDraft { seller: Some(account(seller)), ..draft(ends_at) }).await;
        if !found.iter().any(|other| other.shard() == id.shard()) {
            found.push(id);
        }
        if found.len() == usize::from(shards) {
            break;
        }
    }
    found.sort_by_key(|id| id.shard());
    found
}

fn ban(bidder: u64, standing: StandingBids) -> WideBan {
    WideBan { bidder: account(bidder), seller: None, ban: Some(standing) }
}

fn is_banned(reply: &Reply) -> bool {
    *reply == Reply::Rejected(Rejection::Banned)
}

#[tokio::test]
async fn a_ban_is_in_force_everywhere_also_in_new_shards_and_after_a_restart() {
    let log = MemoryLog::new();
    let contents = log.contents();
    // Less credit for a connection than there are shards: the ban goes out in several waves.
    let few = EngineOptions { connection_credit: 2, ..options(5) };
    let engine = start(log, few.clone()).await;
    let auctions = one_per_shard(&engine, 5).await;
    let done = engine.handle().ban(ban(66, StandingBids::Keep)).await.unwrap();
    assert!(matches!(done, Reply::Done(Some(_))), "{done:?}");
    engine.handle().change_placement(PlacementChange::ShardAdded(ShardId(5))).await.unwrap();
    let mut all = auctions.clone();
    all.push(*one_per_shard(&engine, 6).await.last().unwrap());
    assert_eq!(all[5].shard(), ShardId(5));
    let mut client = Client::new(&engine);
    for &id in &all {
        assert!(is_banned(&client.ask(id, bid(66, 10)).await), "{id}");
        client.receipt(id, bid(67, 10)).await;
    }
    let again = engine.handle().ban(ban(66, StandingBids::Keep)).await.unwrap();
    assert!(matches!(again, Reply::Rejected(Rejection::State(_, StateReason::AlreadyBanned))), "{again:?}");
    engine.stop().await.unwrap();

    let engine = restart(&contents, few).await;
    let mut client = Client::new(&engine);
    for &id in &all {
        assert!(is_banned(&client.ask(id, bid(66, 20)).await), "{id}");
    }
    let lift = WideBan { ban: None, ..ban(66, StandingBids::Keep) };
    assert!(matches!(engine.handle().ban(lift).await.unwrap(), Reply::Done(Some(_))));
    for &id in &all {
        client.receipt(id, bid(66, 30)).await;
    }
    let nothing = engine.handle().ban(lift).await.unwrap();
    assert_eq!(nothing, Reply::Rejected(Rejection::NotFound(Missing::Ban)));
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn a_ban_by_one_seller_holds_in_their_auctions_alone_and_can_remove_standing_bids() {
    let engine = start(MemoryLog::new(), options(3)).await;
    let auctions = one_per_shard(&engine, 3).await;
    let mut client = Client::new(&engine);
    for &id in &auctions {
        client.receipt(id, bid(66, 100)).await;
        client.receipt(id, bid(67, 50)).await;
    }
    let sellers: Vec<_> =
        auctions.iter().map(|id| engine.handle().live(*id).unwrap().terms().seller).collect();
    let narrow = WideBan { seller: Some(sellers[0]), ..ban(66, StandingBids::Remove) };
    assert!(matches!(engine.handle().ban(narrow).await.unwrap(), Reply::Done(Some(_))));
    let view = |id: AuctionId| engine.handle().live(id).unwrap().view();
    assert_eq!((view(auctions[0]).leader, view(auctions[0]).bid_count), (Some(account(67)), 1));
    assert_eq!((view(auctions[1]).leader, view(auctions[1]).bid_count), (Some(account(66)), 2));
    assert!(is_banned(&client.ask(auctions[0], bid(66, 500)).await));
    client.receipt(auctions[1], bid(66, 500)).await;
    engine.handle().ban(ban(66, StandingBids::Remove)).await.unwrap();
    for &id in &auctions {
        assert_eq!((view(id).leader, view(id).bid_count), (Some(account(67)), 1), "{id}");
        assert!(is_banned(&client.ask(id, bid(66, 900)).await), "{id}");
    }
    engine.stop().await.unwrap();
}

/// The ban's commit fails after so many of its frames; then the ban is sent again.
async fn ban_cut_short(survivors: usize) {
    // Commits: the start, 4 or more openings, 4 bids; the fault is armed by restarting over what they have left.
    let log = MemoryLog::new();
    let contents = log.contents();
    let engine = start(log, options(4)).await;
    let auctions = one_per_shard(&engine, 4).await;
    let mut client = Client::new(&engine);
    for &id in &auctions {
        client.receipt(id, bid(66, 100)).await;
    }
    engine.stop().await.unwrap();

    let faults = Faults { commit: Some((2, Fault::WriteFails { survivors })), ..Faults::default() };
    let lossy = LossyLog::open(&contents, faults);
    let disk = lossy.disk();
    let engine = start(lossy, options(4)).await;
    let handle = engine.handle();
    assert!(handle.ban(ban(66, StandingBids::Remove)).await.is_err(), "it could not be promised");
    crate::common::reach(&handle, Phase::Failed).await;
    assert!(engine.stop().await.is_err());

    let engine = restart(&disk, options(4)).await;
    let again = engine.handle().ban(ban(66, StandingBids::Remove)).await.unwrap();
    assert!(matches!(again, Reply::Done(Some(_))), "{survivors} survivors: {again:?}");
    let mut client = Client::new(&engine);
    for &id in &auctions {
        assert_eq!(engine.handle().live(id).unwrap().view().bid_count, 0, "{survivors} survivors: {id}");
        assert!(is_banned(&client.ask(id, bid(66, 900)).await), "{survivors} survivors: {id}");
    }
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn a_ban_that_a_crash_has_cut_short_between_shards_can_be_sent_again() {
    for survivors in 0..=1 {
        ban_cut_short(survivors).await;
    }
}
