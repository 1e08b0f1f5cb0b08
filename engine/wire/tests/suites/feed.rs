//! Goal: the consumer API hands out the log as it is: each record once, in order, with its position; it goes on where it was after
//! a lost connection, and refuses everything that is not the next record.
//!
//! Method: a peer on a loopback socket that speaks through this crate's own codec and sends what a script says, however wrong.
//! (Against the real server the end-to-end suites drive the same API.)

use gavel_core::{Epoch, Lsn, Position, ShardId, Timestamp};
use gavel_wire::feed::{BadFrame, Consumer, Feed, FeedError, FeedEvent, FeedOptions, durable_ends, shards};
use gavel_wire::{Code, Decoder, Item, Protocol, Request, reply, request};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

const RESP3: Protocol = Protocol::Resp3;

fn at(shard: u8, epoch: u32, lsn: u64) -> Position {
    Position { shard: ShardId(shard), epoch: Epoch(epoch), lsn: Lsn(lsn) }
}

/// The bytes of a frame's header and of records that say their own Lsns.
fn frame(first: Position, count: u32) -> (Vec<u8>, Vec<u8>) {
    let mut records = Vec::new();
    for lsn in (first.lsn.0..).take(count as usize) {
        let record = lsn.to_string();
        records.extend_from_slice(&u16::try_from(record.len()).unwrap().to_le_bytes());
        records.extend_from_slice(record.as_bytes());
    }
    let mut header = b"\x8dGVLfrm\n".to_vec();
    header.extend_from_slice(&1_u16.to_le_bytes());
    header.extend_from_slice(&u16::from(first.shard.0).to_le_bytes());
    header.extend_from_slice(&first.epoch.0.to_le_bytes());
    header.extend_from_slice(&first.lsn.0.to_le_bytes());
    header.extend_from_slice(&count.to_le_bytes());
    header.extend_from_slice(&u32::try_from(68 + records.len()).unwrap().to_le_bytes());
    header.resize(68, 0);
    (header, records)
}

fn send_frame(out: &mut Vec<u8>, first: Position, count: u32) {
    let (header, records) = frame(first, count);
    reply::followed_frame(out, first, count, (&header, &records), RESP3);
}

/// What a peer does with one connection: answers `HELLO` and each `FOLLOW`, sends what the script writes, then hangs up once
/// the other side has.
type Script = fn(&mut Vec<u8>);

/// Serves one connection for each script, in turn. Gives all commands that came, as text.
fn peer(scripts: Vec<Script>) -> (SocketAddr, JoinHandle<Vec<Vec<Request>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || scripts.into_iter().map(|script| one(listener.accept().unwrap().0, script)).collect();
    (address, std::thread::spawn(serve))
}

fn one(mut stream: TcpStream, script: Script) -> Vec<Request> {
    let (mut decoder, mut bytes, mut requests) = (Decoder::new(), Vec::new(), Vec::new());
    let mut has_sent = false;
    loop {
        let mut chunk = [0; 1024];
        let read = stream.read(&mut chunk).unwrap_or(0);
        if read == 0 {
            return requests;
        }
        bytes.extend_from_slice(&chunk[..read]);
        let mut out = Vec::new();
        loop {
            let step = decoder.decode(&bytes).unwrap();
            let consumed = step.consumed;
            let Item::Command(args) = step.item else { break };
            let request = request::parse(&args).unwrap();
            bytes.drain(..consumed);
            match &request {
                Request::Hello(_) => reply::map(&mut out, 0, RESP3),
                Request::Follow(_) => {
                    reply::ok(&mut out);
                    if !std::mem::replace(&mut has_sent, true) {
                        script(&mut out);
                    }
                }
                Request::Shards(_) => script(&mut out),
                _ => {}
            }
            requests.push(request);
        }
        if out.ends_with(HANG_UP) {
            out.truncate(out.len() - HANG_UP.len());
            stream.write_all(&out).unwrap();
            return requests;
        }
        // In small pieces, so that the reader meets every cut.
        out.chunks(37).for_each(|piece| stream.write_all(piece).unwrap());
    }
}

/// Ends a script that breaks the connection off.
const HANG_UP: &[u8] = b"HANG UP";

fn options() -> FeedOptions {
    FeedOptions {
        name: Some("c".parse().unwrap()),
        silence_max: Duration::from_secs(30),
        ..FeedOptions::default()
    }
}

/// All records up to the first error.
fn drain(feed: &mut Feed) -> (Vec<(Position, String)>, FeedError) {
    let mut records = Vec::new();
    loop {
        match feed.next() {
            Ok(FeedEvent::Frame(frame)) => {
                let text = |record| String::from_utf8_lossy(record).into_owned();
                records.extend(frame.records().map(|(at, record)| (at, text(record))));
            }
            Ok(_) => {}
            Err(error) => return (records, error),
        }
    }
}

fn expected(shard: u8, epoch: u32, lsns: std::ops::RangeInclusive<u64>) -> Vec<(Position, String)> {
    lsns.map(|lsn| (at(shard, epoch, lsn), lsn.to_string())).collect()
}

#[test]
fn records_come_with_their_positions_and_those_known_are_left_out() {
    let (address, peer) = peer(vec![|out| {
        send_frame(out, at(3, 1, 1), 5);
        reply::heartbeat(out, at(3, 1, 9), Timestamp::default(), RESP3);
        send_frame(out, at(3, 1, 6), 1);
        send_frame(out, at(3, 2, 7), 3);
        out.extend_from_slice(HANG_UP);
    }]);
    let mut feed = Feed::connect(address, &options(), &[at(3, 1, 2)]).unwrap();
    let (records, error) = drain(&mut feed);
    assert_eq!(records, [expected(3, 1, 3..=6), expected(3, 2, 7..=9)].concat());
    assert!(matches!(error, FeedError::Closed) && error.is_transient(), "{error}");
    assert_eq!(feed.positions().collect::<Vec<_>>(), [at(3, 2, 9)]);
    let requests = peer.join().unwrap();
    let follow = request::Follow { after: at(3, 1, 2), name: Some("c".parse().unwrap()) };
    assert_eq!(requests[0][1], Request::Follow(Box::new(follow)));
}

#[test]
fn what_is_not_the_next_record_is_refused() {
    let cases: [(Script, Position); 7] = [
        (|out| send_frame(out, at(3, 1, 12), 2), at(3, 1, 12)),
        (|out| send_frame(out, at(3, 1, 5), 6), at(3, 1, 5)),
        (|out| send_frame(out, at(3, 2, 9), 6), at(3, 2, 9)),
        (|out| send_frame(out, at(3, 0, 11), 1), at(3, 0, 11)),
        (
            |out| {
                send_frame(out, at(3, 1, 11), 2);
                send_frame(out, at(3, 1, 14), 1);
            },
            at(3, 1, 14),
        ),
        (
            |out| {
                send_frame(out, at(3, 1, 11), 2);
                send_frame(out, at(3, 1, 12), 2);
            },
            at(3, 1, 12),
        ),
        (
            |out| {
                send_frame(out, at(3, 2, 11), 2);
                send_frame(out, at(3, 1, 13), 1);
            },
            at(3, 1, 13),
        ),
    ];
    for (script, wrong) in cases {
        let (address, peer) = peer(vec![script]);
        let mut feed = Feed::connect(address, &options(), &[at(3, 1, 10)]).unwrap();
        let (records, error) = drain(&mut feed);
        assert!(matches!(error, FeedError::Order { found, .. } if found == wrong), "{wrong}: {error}");
        assert!(!error.is_transient() && error.to_string().contains(&wrong.to_string()), "{error}");
        assert!(records.iter().all(|(position, _)| position.lsn < wrong.lsn.max(Lsn(13))), "{records:?}");
        drop(feed);
        peer.join().unwrap();
    }
}

#[test]
fn what_is_no_frame_is_refused() {
    type IsTold = fn(&FeedError) -> bool;
    let cases: [(Script, IsTold); 5] = [
        (
            |out| {
                let (mut header, records) = frame(at(3, 1, 11), 2);
                header[0] ^= 1;
                reply::followed_frame(out, at(3, 1, 11), 2, (&header, &records), RESP3);
            },
            |error| matches!(error, FeedError::Frame(BadFrame::Layout)),
        ),
        (
            |out| {
                let (mut header, records) = frame(at(3, 1, 11), 2);
                header[8] = 9;
                reply::followed_frame(out, at(3, 1, 11), 2, (&header, &records), RESP3);
            },
            |error| matches!(error, FeedError::Frame(BadFrame::Version(9))),
        ),
        (
            |out| {
                let (header, records) = frame(at(3, 1, 11), 2);
                reply::followed_frame(out, at(3, 1, 11), 2, (&header, &records[1..]), RESP3);
            },
            |error| matches!(error, FeedError::Frame(BadFrame::Layout)),
        ),
        (|out| send_frame(out, at(4, 1, 11), 1), |error| matches!(error, FeedError::Stranger(ShardId(4)))),
        (
            |out| reply::unfollowed(out, ShardId(3), Code::Gap, "it is gone", RESP3),
            |error| matches!(error, FeedError::Refused(why) if why.code == Code::Gap && &*why.message == "it is gone"),
        ),
    ];
    for (script, is_told) in cases {
        let (address, peer) = peer(vec![script]);
        let mut feed = Feed::connect(address, &options(), &[at(3, 1, 10)]).unwrap();
        let (records, error) = drain(&mut feed);
        assert!(records.is_empty() && is_told(&error) && !error.is_transient(), "{records:?} {error}");
        drop(feed);
        peer.join().unwrap();
    }
}

#[test]
fn a_consumer_goes_on_where_it_was_and_tells_what_it_was_done_with() {
    let (address, peer) = peer(vec![
        |out| {
            send_frame(out, at(3, 1, 1), 5);
            out.extend_from_slice(HANG_UP);
        },
        |out| out.extend_from_slice(HANG_UP),
        |out| {
            send_frame(out, at(3, 1, 6), 1);
            reply::unfollowed(out, ShardId(3), Code::Gap, "enough", RESP3);
        },
    ]);
    let mut consumer = Consumer::new(address, options(), [Position::start(ShardId(3))]);
    let (mut records, mut losses) = (Vec::new(), 0);
    let end = loop {
        match consumer.next() {
            Ok(FeedEvent::Frame(frame)) => {
                records.extend(frame.records().map(|(at, _)| at.lsn.0));
                // Done with half of it only, when the connection goes.
                consumer.acknowledge(at(3, 1, frame.last().lsn.0 / 2));
            }
            Ok(FeedEvent::Lost(why)) => {
                assert!(why.is_transient());
                losses += 1;
            }
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(&end, FeedError::Refused(why) if why.code == Code::Gap), "{end}");
    assert_eq!((records, losses), ((1..=6).collect(), 2));
    drop(consumer);
    let connections = peer.join().unwrap();
    let followed: Vec<u64> = connections
        .iter()
        .flatten()
        .filter_map(
            |request| if let Request::Follow(follow) = request { Some(follow.after.lsn.0) } else { None },
        )
        .collect();
    assert_eq!(followed, [0, 5, 5], "from what was handed out, not from what was done");
    assert!(connections[2].contains(&Request::Ack(at(3, 1, 2))), "{:?}", connections[2]);
}

#[test]
fn shards_are_listed_with_their_ends() {
    let list: Script = |out| {
        reply::map(out, 2, Protocol::Resp2);
        reply::bulk(out, b"policy");
        reply::bulk(out, b"key");
        reply::bulk(out, b"shards");
        reply::array(out, 2);
        for (shard, durable) in [(0, 12), (7, 0)] {
            reply::map(out, 2, Protocol::Resp2);
            reply::bulk(out, b"shard");
            reply::integer(out, shard);
            reply::bulk(out, b"durable");
            reply::integer(out, durable);
        }
    };
    let (address, _peer) = peer(vec![list]);
    assert_eq!(shards(address, &options()).unwrap(), [ShardId(0), ShardId(7)]);
    let (address, _peer) = peer(vec![list]);
    let ends = [(ShardId(0), Lsn(12)), (ShardId(7), Lsn(0))];
    assert_eq!(durable_ends(address, &options()).unwrap(), ends);
}
