//! Goal: the feed as a client in any language sees it: frames as they lie in the log, heartbeats, refusals that say what to do,
//! named cursors that survive a restart; and followers that do not read cost the bidders nothing.
//!
//! Method: the harness's own RESP client in both protocol versions; every frame is checked and chained by the log's own code.

use gavel_core::{Lsn, ShardId};
use gavel_log::{Chain, Frame, Tip, UncheckedFrame};
use gavel_tests::{Client, Item, Options, Reply, Server, Storm, binaries, wait};
use std::process::Command;

const ONE_SHARD: &str = "--shards 1";

/// A server with one shard, and so many accepted bids.
fn server_with_bids(bids: u64) -> Server {
    let server = Server::start(Options::new().with(ONE_SHARD));
    more_bids(&server, bids);
    server
}

fn more_bids(server: &Server, bids: u64) {
    let auctions = Item::new().open_many(&mut server.connect(), 4);
    let storm = Storm::start(server, &auctions, 4);
    storm.wait_for_accepted(bids);
    drop(storm.end());
}

fn durable(server: &Server) -> Lsn {
    let facts = server.connect().info("shards", "shard0");
    Lsn(facts.split(',').find_map(|fact| fact.strip_prefix("durable=")).unwrap().parse().unwrap())
}

/// The epoch that the server writes in.
fn epoch(server: &Server) -> u32 {
    server.connect().info("persistence", "epoch").parse().unwrap()
}

/// A connection of this version that follows shard 0, and the answer.
fn follow(server: &Server, version: u8, rest: &str) -> (Client, Reply) {
    let mut client = server.connect();
    client.line(&format!("HELLO {version}"));
    let reply = client.line(&format!("FOLLOW 0 {rest}"));
    (client, reply)
}

/// A message's parts, of the kind that the version has for messages.
fn message(client: &mut Client, version: u8) -> Vec<Reply> {
    match (client.read(), version) {
        (Reply::Array(parts), 2) | (Reply::Push(parts), 3) => parts,
        (other, _) => panic!("expected a message, got {other:?}"),
    }
}

/// The next frame of shard 0, held against its message; heartbeats are passed over.
fn frame(client: &mut Client, version: u8) -> Frame {
    loop {
        let parts = message(client, version);
        match (parts[0].text(), &parts[1..]) {
            ("frame", [first, count, Reply::Bulk(header), Reply::Bulk(records)]) => {
                assert_eq!(header.len(), 68);
                let frame = UncheckedFrame(&[&header[..], records].concat()).check().expect("a whole frame");
                assert_eq!(first.text(), format!("0-{}-{}", frame.epoch().0, frame.first().0));
                assert_eq!(count.integer(), i64::from(frame.count()));
                return frame;
            }
            ("heartbeat", [durable, now]) => {
                assert!(durable.text().starts_with("0-") && now.integer() > 0, "{parts:?}");
            }
            _ => panic!("{parts:?}"),
        }
    }
}

/// Follows the chain from its start up to a record.
fn read_up_to(client: &mut Client, version: u8, end: Lsn) {
    let mut chain = Chain::new(ShardId(0), Tip::default());
    while chain.tip().lsn < end {
        chain.follow(&frame(client, version)).expect("the next frame");
    }
}

#[test]
fn frames_come_as_they_lie_in_the_log_in_both_versions() {
    let server = server_with_bids(2_000);
    for version in [2, 3] {
        let (mut client, reply) = follow(&server, version, "START");
        assert_eq!(reply, Reply::Simple("OK".into()));
        more_bids(&server, 500);
        read_up_to(&mut client, version, durable(&server));
    }
}

#[test]
fn an_idle_follower_hears_how_far_the_shard_is_durable() {
    let server = server_with_bids(10);
    let (end, epoch) = (durable(&server), epoch(&server));
    for version in [2, 3] {
        let (mut client, _) = follow(&server, version, &format!("0-{epoch}-{}", end.0));
        for _ in 0..2 {
            let parts = message(&mut client, version);
            assert_eq!((parts[0].text(), parts[1].text()), ("heartbeat", &*format!("0-{epoch}-{}", end.0)));
        }
    }
}

#[test]
fn who_has_another_history_is_told_gap_and_what_to_do() {
    let mut server = server_with_bids(10);
    server.terminate();
    server.restart();
    let (end, epoch) = (durable(&server), epoch(&server));
    assert_eq!(epoch, 2);
    for (from, says) in [
        (format!("0-{epoch}-{}", end.0 + 1), format!("which ends at 0-2-{}", end.0)),
        (format!("0-1-{}", end.0), format!("whose record {} was written in epoch 2", end.0)),
        ("0-2-1".to_owned(), "whose record 1 was written in epoch 1".to_owned()),
    ] {
        let (_, reply) = follow(&server, 3, &from);
        assert_eq!(reply.code(), Some("GAP"), "{from}: {reply:?}");
        assert!(reply.text().contains(&says) && reply.text().contains("build anew"), "{from}: {reply:?}");
    }
    for (line, code, says) in [
        ("FOLLOW 9 START", "NOTFOUND", "there is no shard 9"),
        ("FOLLOW 0 1-1-1", "INVALID", "position must be one of shard 0"),
        ("FOLLOW 0 17", "INVALID", "must be shard-epoch-lsn"),
        ("FOLLOW 0 START NAME a/b", "INVALID", "letters, digits"),
        ("FOLLOW 0 START NAME", "INVALID", "something is missing behind 'NAME'"),
        ("FOLLOW 0 START AS me", "INVALID", "unexpected 'AS'"),
        ("FOLLOW 0", "INVALID", "2 or 4 arguments"),
        ("ACK 0-1-1", "STATE", "FOLLOW it first"),
        ("CONSUMERS FORGET nobody", "NOTFOUND", "CONSUMERS LIST names them"),
        ("CONSUMERS DROP nobody", "UNKNOWN", "CONSUMERS has no subcommand 'DROP'"),
    ] {
        let reply = server.connect().line(line);
        assert_eq!(reply.code(), Some(code), "{line}: {reply:?}");
        assert!(reply.text().contains(says), "{line}: {reply:?}");
    }
}

#[test]
fn a_following_connection_of_version_2_takes_little_else_and_acks_are_not_answered() {
    let server = server_with_bids(10);
    let (end, epoch) = (durable(&server), epoch(&server));
    let here = format!("0-{epoch}-{}", end.0);
    let (mut client, _) = follow(&server, 2, &format!("{here} NAME c"));
    let next_but_messages = |client: &mut Client| loop {
        match client.read() {
            Reply::Array(parts) if parts[0].text() == "heartbeat" => {}
            reply => return reply,
        }
    };
    for (line, code, says) in [
        ("INFO", "STATE", "HELLO 3 lifts this"),
        ("FOLLOW 0 START", "STATE", "is followed on this connection already"),
        (&*format!("ACK 0-{epoch}-{}", end.0 + 1), "INVALID", "was not sent yet"),
        ("ACK 1-1-1", "STATE", "shard 1 is not followed"),
    ] {
        client.send_raw(&gavel_tests::client::encode(&gavel_tests::client::words(line))).unwrap();
        let reply = next_but_messages(&mut client);
        assert_eq!(reply.code(), Some(code), "{line}: {reply:?}");
        assert!(reply.text().contains(says), "{line}: {reply:?}");
    }
    // Two acknowledgements and a question: one answer.
    for line in [&*format!("ACK {here}"), &format!("ACK {here}"), "PING here"] {
        client.send_raw(&gavel_tests::client::encode(&gavel_tests::client::words(line))).unwrap();
    }
    assert_eq!(next_but_messages(&mut client).elements()[0].text(), "pong");
    let (mut nameless, _) = follow(&server, 3, &here);
    nameless.send_raw(b"ACK 0-1-1\r\n").unwrap();
    let refusal = wait::until("the refusal", || Some(nameless.read()).filter(|reply| reply.code().is_some()));
    assert!(
        refusal.text().starts_with("STATE") && refusal.text().contains("FOLLOW with NAME"),
        "{refusal:?}"
    );
}

/// What `gavel consumer list --json` says of the only consumer and its only shard: connected, cursor, records behind.
fn listed(server: &Server) -> Option<(bool, String, u64)> {
    let output = Command::new(binaries::gavel())
        .args(["consumer", "list", "--json", "--server", &server.address().to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let consumer = list.get(0)?;
    assert_eq!((consumer["name"].as_str(), list.get(1)), (Some("flusher"), None));
    let shard = &consumer["shards"][0];
    let behind = shard["records_behind"].as_u64().unwrap();
    assert_eq!(behind > 0, shard["behind_us"].as_u64().unwrap() > 0, "{shard}");
    Some((consumer["connected"] == 1, shard["cursor"].as_str().unwrap().to_owned(), behind))
}

#[test]
fn a_named_cursor_moves_by_acks_survives_a_restart_and_is_forgotten_on_purpose_only() {
    let mut server = server_with_bids(500);
    let end = durable(&server);
    assert_eq!(listed(&server), None);
    let (mut client, _) = follow(&server, 3, "START NAME flusher");
    assert_eq!(listed(&server), Some((true, "0-0-0".into(), end.0)));
    read_up_to(&mut client, 3, end);
    client.send_raw(b"ACK 0-1-400\r\n").unwrap();
    let moved = Some((true, "0-1-400".into(), end.0 - 400));
    wait::until("the acknowledgement", || (listed(&server) == moved).then_some(()));
    let forget = |server: &Server| server.connect().line("CONSUMERS FORGET flusher");
    assert!(forget(&server).text().starts_with("STATE consumer flusher is connected"));
    // A newer connection takes it over, and the older is told.
    let (newer, _) = follow(&server, 3, "0-1-300 NAME flusher");
    let end_of_older = wait::until("the end of the older connection", || {
        let parts = message(&mut client, 3);
        (parts[0].text() == "unfollowed").then_some(parts)
    });
    assert_eq!(end_of_older[1], Reply::Integer(0));
    assert!(end_of_older[2].text().starts_with("STATE another connection"), "{end_of_older:?}");
    drop(newer);
    let left = Some((false, "0-1-300".into(), end.0 - 300));
    wait::until("the newer one's end", || (listed(&server) == left).then_some(()));
    server.terminate();
    server.restart();
    // The start has written a record of its own.
    assert_eq!(listed(&server), Some((false, "0-1-300".into(), durable(&server).0 - 300)));
    assert_eq!(forget(&server), Reply::Simple("OK".into()));
    assert_eq!(listed(&server), None);
}

/// Resident memory of a process, in KiB.
fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

#[test]
fn followers_that_do_not_read_hold_little_and_get_everything_once_they_do() {
    const FOLLOWERS: usize = 40;
    const BIDS: u64 = 300_000;
    let server = server_with_bids(1_000);
    let before = durable(&server);
    let mut followers: Vec<Client> = (0..FOLLOWERS).map(|_| follow(&server, 3, "START").0).collect();
    let resident_before = resident_kib(server.id());
    more_bids(&server, BIDS);
    let (grown, end) = (resident_kib(server.id()) - resident_before, durable(&server));
    // Kept for each, it would be more than half a gibibyte. The bids themselves, the ring and what is allowed are in it.
    let fed = (end.0 - before.0) * 57 / 1024;
    assert!(fed * FOLLOWERS as u64 > 600 * 1024, "{fed} KiB were fed");
    assert!(grown < 300 * 1024, "{grown} KiB more with {FOLLOWERS} followers that do not read {fed} KiB");
    assert_eq!(server.connect().info("clients", "followers"), FOLLOWERS.to_string());
    for follower in followers.iter_mut().take(3) {
        read_up_to(follower, 3, end);
    }
    drop(followers);
    wait::until("the followers' end", || {
        (server.connect().info("clients", "followers") == "0").then_some(())
    });
}
