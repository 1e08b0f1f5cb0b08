//! Goal: one bid's way from port to answer: right positions, order per shard, batches over several shards, and unknown ids.
//! Method: an engine over a log in memory; positions are compared with what the log holds.

use crate::common::{Client, account, amount, bid, draft, options, reason, secs, start};
use gavel_core::rejection::Missing;
use gavel_core::{AuctionId, Command, Lsn, Rejection, ShardId, Standing, TermsDraft};
use gavel_engine::{Reply, Ticket};
use gavel_log::record::{Record, decode};
use gavel_log::{LogReader, MemoryLog};

#[tokio::test]
async fn bids_are_answered_with_the_position_of_their_record() {
    let log = MemoryLog::new();
    let contents = log.contents();
    let engine = start(log, options(2)).await;
    let mut client = Client::new(&engine);
    let id = client.open(draft(client.handle.now().saturating_add(secs(3_600)))).await;
    let first = client.receipt(id, bid(1, 100)).await;
    let second = client.receipt(id, bid(2, 50)).await;
    assert_eq!((first.standing, second.standing), (Standing::Leading, Standing::Outbid));
    assert_eq!((second.price, second.position.lsn), (amount(51), first.position.lsn.next()));
    for receipt in [first, second] {
        let shard = receipt.position.shard;
        let frames = contents.read_from(shard, receipt.position.lsn);
        let frame = frames.map(Result::unwrap).next().expect("the record is in the log");
        assert_eq!((shard, receipt.position.epoch), (id.shard(), frame.epoch()));
        let (_, bytes) = frame.records().find(|(lsn, _)| *lsn == receipt.position.lsn).unwrap();
        let Ok(Record::Auction(event)) = decode(bytes) else { panic!("no auction's record") };
        assert!(matches!(event.kind, gavel_core::EventKind::BidAccepted(bid) if bid.id == receipt.bid));
    }
    assert_eq!(client.handle.durable(id.shard()), second.position.lsn);
    let view = client.handle.live(id).unwrap().view();
    assert_eq!((view.leader, view.bid_count, view.position), (Some(account(1)), 2, second.position));
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_commands_rejections_among_them() {
    let engine = start(MemoryLog::new(), options(1)).await;
    let mut client = Client::new(&engine);
    let id = client.open(draft(client.handle.now().saturating_add(secs(3_600)))).await;
    client.order.clear();
    let (now, mut tickets) = (client.handle.now(), Vec::new());
    for n in 1..=1_000 {
        let amount = if n % 3 == 0 { 1 } else { 10 * n };
        tickets.push(client.push(now, id, bid(n, amount)).unwrap());
        if n % 7 == 0 {
            client.port.flush();
        }
    }
    client.port.flush();
    for (n, &ticket) in (1..).zip(&tickets) {
        let reply = client.answer(ticket).await;
        assert_eq!(n % 3 == 0, matches!(reply, Reply::Rejected(Rejection::TooLow(_))), "bid {n}: {reply:?}");
    }
    assert_eq!(client.order, tickets);
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn a_batch_over_several_shards_is_answered_by_each_in_order() {
    let engine = start(MemoryLog::new(), options(4)).await;
    let mut client = Client::new(&engine);
    let ends_at = client.handle.now().saturating_add(secs(3_600));
    let mut auctions = Vec::new();
    for seller in 100..164 {
        auctions.push(client.open(TermsDraft { seller: Some(account(seller)), ..draft(ends_at) }).await);
    }
    for shard in 0..4 {
        assert!(auctions.iter().any(|id| id.shard() == ShardId(shard)), "some auction is on shard {shard}");
    }
    client.order.clear();
    let (now, mut sent) = (client.handle.now(), Vec::new());
    for n in 1..=20 {
        for &id in &auctions {
            sent.push((id, client.push(now, id, bid(1_000 + n, 10 * n)).unwrap()));
        }
    }
    client.port.flush();
    for &(id, ticket) in &sent {
        let reply = client.answer(ticket).await;
        assert!(
            matches!(reply, Reply::Receipt(receipt) if receipt.position.shard == id.shard()),
            "{reply:?}"
        );
    }
    for shard in (0..4).map(ShardId) {
        let of_shard = |ticket: &&Ticket| sent.iter().any(|(id, of)| of == *ticket && id.shard() == shard);
        let order: Vec<_> = client.order.iter().filter(of_shard).collect();
        assert!(order.is_sorted(), "shard {shard} answers in order");
    }
    assert_eq!((client.port.under_way(), client.handle.credit().0), (0, 0));
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn unknown_shards_and_auctions_are_not_found() {
    let engine = start(MemoryLog::new(), options(2)).await;
    let mut client = Client::new(&engine);
    let id = client.open(draft(client.handle.now().saturating_add(secs(3_600)))).await;
    let not_found = Reply::Rejected(Rejection::NotFound(Missing::Auction));
    let named = |shard, sequence| AuctionId::new(id.day(), shard, sequence).unwrap();
    for stranger in [named(ShardId(200), 1), named(id.shard(), 2), named(ShardId(1 - id.shard().0), 1)] {
        assert_eq!(client.ask(stranger, bid(1, 100)).await, not_found);
        assert_eq!(client.ask(stranger, Command::Cancel { reason: reason() }).await, not_found);
        assert!(client.handle.live(stranger).is_none());
    }
    assert_eq!(client.handle.live(id).unwrap().view().bid_count, 0);
    assert_eq!(client.handle.durable(ShardId(200)), Lsn(0));
    engine.stop().await.unwrap();
}
