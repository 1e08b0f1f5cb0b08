//! Goal: a follower gets every durable record once and in order, from the ring or from the log, from wherever it starts; and
//! nothing that is not durable, nor anything of a log that is not the one that it has read.
//! Method: an engine over a log in memory, or behind a gate that holds commits back; what was followed is compared with the log.

use crate::common::{Client, Gate, bid, draft, options, restart, secs, start};
use gavel_core::{AuctionId, Digest, Epoch, Lsn, Position, ShardId, Timestamp};
use gavel_engine::{Clock, Follow, FollowError, Handle};
use gavel_log::snapshot::{Foot, Head, Writer};
use gavel_log::trim::Expiry;
use gavel_log::{Contents, DirLock, Frame, Log, LogReader, MemoryLog, OpenOptions, SledLog, Tip};
use std::sync::Arc;
use std::time::Duration;

const SHARD: ShardId = ShardId(0);

fn at(epoch: u32, lsn: u64) -> Position {
    Position { shard: SHARD, epoch: Epoch(epoch), lsn: Lsn(lsn) }
}

/// Bids so many times, each in a commit of its own.
async fn bids(client: &mut Client, id: AuctionId, count: u64) {
    for _ in 0..count {
        let next = client.handle.live(id).unwrap().view().min_next;
        client.receipt(id, bid(next.get() % 97, next.get() + 1)).await;
    }
}

async fn one_auction(engine: &gavel_engine::Engine) -> (Client, AuctionId) {
    let mut client = Client::new(engine);
    let id = client.open(draft(client.handle.now().saturating_add(secs(3_600)))).await;
    (client, id)
}

/// All frames up to what is durable now.
async fn up_to_the_end(follow: &mut Follow) -> Vec<Frame> {
    let (end, mut all) = (follow.tip().lsn, Vec::new());
    while follow.position().lsn < end {
        all.extend(follow.next().await.unwrap());
    }
    all
}

fn in_log(contents: &Contents, from: u64) -> Vec<Frame> {
    contents.read_from(SHARD, Lsn(from)).map(Result::unwrap).collect()
}

async fn refused(handle: &Handle, after: Position) -> FollowError {
    handle.follow(after).await.unwrap_err()
}

#[tokio::test]
async fn from_every_record_on_the_rest_comes_in_order_from_ring_and_log_alike() {
    let log = MemoryLog::new();
    let contents = log.contents();
    let engine = start(log, options(1)).await;
    let (mut client, id) = one_auction(&engine).await;
    bids(&mut client, id, 50).await;
    engine.stop().await.unwrap();
    // What the first engine wrote is in the log only, what the second writes in the ring too.
    let engine = restart(&contents, options(1)).await;
    let mut client = Client::new(&engine);
    bids(&mut client, id, 50).await;
    let all = in_log(&contents, 1);
    let end = all.last().unwrap().last().0;
    for frame in std::iter::once(None).chain(all.iter().map(Some)) {
        let last = frame.map_or(at(0, 0), |frame| at(frame.epoch().0, frame.last().0));
        let mut follow = client.handle.follow(last).await.unwrap();
        let rest = up_to_the_end(&mut follow).await;
        assert_eq!(rest, if last.lsn.0 == end { Vec::new() } else { in_log(&contents, last.lsn.0 + 1) });
        assert_eq!(follow.position().lsn.0, end);
    }
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn who_follows_from_within_a_frame_gets_that_frame_again() {
    let log = MemoryLog::new();
    let contents = log.contents();
    let engine = start(log, options(1)).await;
    let (mut client, id) = one_auction(&engine).await;
    let (now, end) = (client.handle.now(), client.handle.durable_tip(SHARD));
    let tickets: Vec<_> = (1..=5).map(|n| client.push(now, id, bid(n, 100 * n)).unwrap()).collect();
    client.port.flush();
    for ticket in tickets {
        client.answer(ticket).await;
    }
    // Sent as one message, so they are in one frame.
    let frame = &in_log(&contents, end.lsn.0 + 1)[0];
    assert_eq!(frame.count(), 5, "{frame:?}");
    for within in 1..5 {
        let mut follow = client.handle.follow(at(1, end.lsn.0 + within)).await.unwrap();
        assert_eq!(&follow.next().await.unwrap()[0], frame);
        assert_eq!(follow.position().lsn, frame.last());
    }
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_is_handed_out_before_it_is_durable() {
    let gate = Gate::default();
    let engine = start(gate.before(MemoryLog::new()), options(1)).await;
    let (mut client, id) = one_auction(&engine).await;
    let end = client.handle.durable_tip(SHARD);
    let mut follow = client.handle.follow(at(end.epoch.0, end.lsn.0)).await.unwrap();
    gate.hold();
    let ticket = client.send(id, bid(1, 100));
    gate.wait_for_commit();
    assert!(tokio::time::timeout(Duration::from_millis(50), follow.next()).await.is_err());
    assert_eq!(follow.tip(), end);
    gate.release();
    client.answer(ticket).await;
    assert_eq!(follow.next().await.unwrap()[0].first(), end.lsn.next());
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn who_has_other_records_than_the_log_is_refused() {
    let log = MemoryLog::new();
    let contents = log.contents();
    let engine = start(log, options(1)).await;
    engine.stop().await.unwrap();
    let engine = restart(&contents, options(1)).await;
    let (client, end) = (Client::new(&engine), in_log(&contents, 1).last().unwrap().last().0);
    let handle = &client.handle;
    let durable = at(2, end);
    assert_eq!(
        refused(handle, at(2, end + 1)).await,
        FollowError::Ahead { has: at(2, end + 1), end: durable }
    );
    for wrong in [at(1, end), at(3, end), at(0, end)] {
        assert_eq!(refused(handle, wrong).await, FollowError::Diverged { has: wrong, found: Epoch(2) });
    }
    assert_eq!(refused(handle, at(2, 1)).await, FollowError::Diverged { has: at(2, 1), found: Epoch(1) });
    let stranger = Position { shard: ShardId(9), ..durable };
    assert_eq!(refused(handle, stranger).await, FollowError::NoShard(ShardId(9)));
    engine.stop().await.unwrap();
    assert_eq!(refused(handle, durable).await, FollowError::Stopped);
}

#[tokio::test]
async fn a_follower_that_gives_up_waiting_loses_nothing() {
    let log = MemoryLog::new();
    let contents = log.contents();
    let engine = start(log, options(1)).await;
    let (mut client, id) = one_auction(&engine).await;
    bids(&mut client, id, 30).await;
    engine.stop().await.unwrap();
    let engine = restart(&contents, options(1)).await;
    let mut follow = engine.handle().follow(at(0, 0)).await.unwrap();
    let mut all = Vec::new();
    while follow.position().lsn < follow.tip().lsn {
        // Polled once and dropped, over and over, while a blocking task reads.
        if let Ok(frames) = tokio::time::timeout(Duration::ZERO, follow.next()).await {
            all.extend(frames.unwrap());
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(all, in_log(&contents, 1));
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn how_far_a_consumer_is_behind_is_told_in_records_and_time() {
    let log = MemoryLog::new();
    let contents = log.contents();
    let engine = start(log, options(1)).await;
    let (mut client, id) = one_auction(&engine).await;
    bids(&mut client, id, 3).await;
    engine.stop().await.unwrap();
    let engine = restart(&contents, options(1)).await;
    let handle = engine.handle();
    let end = handle.durable_tip(SHARD);
    let name = gavel_core::ConsumerName::new("c").unwrap();
    // Behind by what only the log has, by what the ring has, by nothing.
    for (lsn, epoch) in [(1, 1), (end.lsn.0 - 1, 1), (end.lsn.0, 2)] {
        let attached = handle.attach(name.clone(), at(epoch, lsn)).unwrap();
        attached.acknowledge(at(epoch, lsn).into()).unwrap();
        let lags = handle.consumer_lags().await;
        let lag = lags[0].shards[0];
        assert_eq!(
            (lag.cursor, lag.durable, lag.records),
            (at(epoch, lsn), at(2, end.lsn.0), end.lsn.0 - lsn)
        );
        assert_eq!(lag.since.is_some(), lag.records > 0);
        assert!(lag.since.is_none_or(|since| since <= handle.now()));
        drop(attached);
    }
    engine.stop().await.unwrap();
}

fn open_in(folder: &std::path::Path) -> SledLog {
    let lock = Arc::new(DirLock::acquire(folder, "a test").unwrap());
    SledLog::open(lock, OpenOptions::at(Clock::system().now())).unwrap().0
}

#[tokio::test]
async fn who_is_behind_the_log_is_served_from_the_archive_and_told_when_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let engine = start(open_in(folder.path()), options(1)).await;
    let (mut client, id) = one_auction(&engine).await;
    bids(&mut client, id, 30).await;
    engine.stop().await.unwrap();
    drop(client);
    let log = open_in(folder.path());
    let (trimmer, reader) = (log.trimmer().unwrap(), log.reader());
    let all: Vec<Frame> = reader.read_from(SHARD, Lsn(1)).map(Result::unwrap).collect();
    let (first, second) = (&all[9], &all[19]);
    // Two days apart, so that each has a file of its own.
    for (frame, days) in [(first, 0), (second, 2)] {
        let now = Clock::system().now().saturating_add(secs(days * 86_400));
        let moved = trimmer.archive(SHARD, frame.last(), now).unwrap();
        assert_eq!(moved.archived, frame.last());
    }
    drop(reader);
    let engine = start(log, options(1)).await;
    let handle = engine.handle();
    let mut follow = handle.follow(at(0, 0)).await.unwrap();
    assert_eq!(up_to_the_end(&mut follow).await[..all.len()], all);
    // A snapshot makes the first file unnecessary, and it is old enough.
    let head = Head { shard: SHARD, from: Tip::of(second), at: Clock::system().now() };
    let snapshot = Writer::create(folder.path(), &head).unwrap();
    snapshot.finish(&Foot { until: second.last(), auctions: 0, digest: Digest::default() }).unwrap();
    let limits = Expiry { now: Timestamp::MAX, keep: secs(0), bytes_max: None };
    assert_eq!(trimmer.expire(limits).unwrap().files, 1);
    let oldest = first.last().next();
    for gone in [at(0, 0), at(1, 1), at(1, oldest.0 - 2)] {
        assert_eq!(refused(&handle, gone).await, FollowError::Gone { has: gone, oldest });
    }
    let told = refused(&handle, at(0, 0)).await.to_string();
    assert!(told.contains("restore a backup, or build anew and follow from Lsn"), "{told}");
    // Who has the last record that is gone needs nothing that is.
    let mut follow = handle.follow(at(1, oldest.0 - 1)).await.unwrap();
    assert_eq!(follow.next().await.unwrap()[0].first(), oldest);
    engine.stop().await.unwrap();
}
