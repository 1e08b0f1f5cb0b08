//! Goal: a server whose log moves into the archive behind snapshots is backed up, restored and followed like any other; also when
//! its first records are gone for good.
//!
//! Method: settings so small that snapshots, truncation and expiry happen all the time; backups and a consumer that begin only then.

use gavel_core::{Lsn, ShardId};
use gavel_tests::backup::{assert_restored, bids, copy, durable, follow, gavel, json, restore, said, word};
use gavel_tests::{Options, Reply, Server, Tail, records, storm, wait};
use rustix::process::Signal;
use std::path::Path;
use tempfile::TempDir;

const SMALL: &str = "--snapshot-every-s 1 --snapshot-every-records 1000 --log-max-mb 64 --shards 2";

fn names(data: &Path, folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(data.join(folder)).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Bids until both shards have snapshots and archive files, and then some more.
fn eventful(server: &Server) -> Vec<storm::Placed> {
    let mut placed = Vec::new();
    wait::until("snapshots and archive files", || {
        placed.extend(bids(server, 5_000));
        let has = |folder, ending| {
            let names = names(server.data(), folder);
            ["000-", "001-"].iter().all(|shard| {
                names.iter().filter(|name| name.starts_with(shard) && name.ends_with(ending)).count() >= 2
            })
        };
        (has("snapshots", ".snap") && has("archive", ".arc")).then_some(())
    });
    placed
}

fn digests(server: &Server) -> Vec<String> {
    let mut client = server.connect();
    let digest = |shard: u8| {
        let facts = client.info("digest", &format!("shard{shard}"));
        facts.split(',').find_map(|fact| fact.strip_prefix("digest=")).unwrap().to_owned()
    };
    (0..2).map(digest).collect()
}

#[test]
fn snapshots_and_archive_are_backed_up_beside_the_server_that_makes_them() {
    let folder = TempDir::new().unwrap();
    let (backup, restored) = (folder.path().join("backup"), folder.path().join("restored"));
    let compared = folder.path().join("compared");
    let mut server = Server::start(Options::new().with(SMALL));
    let mut placed = eventful(&server);
    drop(copy(&backup, server.data()));
    placed.extend(eventful(&server));
    drop(copy(&backup, server.data()));
    placed.extend(bids(&server, 1_000));
    let before = digests(&server);
    let end = durable(&server);
    let up_to = copy(&backup, server.data());
    assert!(up_to.iter().all(|(shard, position)| position.lsn == end[shard]), "{up_to:?} {end:?}");
    assert!(names(&backup, "snapshots").len() >= 2, "{:?}", names(&backup, "snapshots"));
    server.terminate();
    assert_eq!(restore(&backup, &restored), up_to);
    let copied = Server::start(Options::new().data(&restored));
    assert_eq!(digests(&copied), before);
    let spared: u64 = copied.connect().info("persistence", "loading_records_in_snapshots").parse().unwrap();
    assert!(spared > 0, "it began with the snapshots");
    drop(copied);
    assert_eq!(restore(&backup, &compared), up_to);
    assert_restored(&compared, &up_to, server.data(), &placed);
}

#[test]
fn a_consumer_that_begins_behind_the_log_gets_all_of_it_from_the_archive() {
    let folder = TempDir::new().unwrap();
    let mut server = Server::start(Options::new().with(SMALL));
    drop(eventful(&server));
    let program = env!("CARGO_BIN_EXE_feed_tail");
    let mut tail = Tail::start(program, server.address(), &folder.path().join("tail"), "late");
    drop(bids(&server, 2_000));
    let end = durable(&server);
    wait::until("the consumer to be level", || {
        assert_eq!(tail.ended(), None, "{}", tail.log());
        (tail.ends() == end).then_some(())
    });
    tail.kill9();
    server.terminate();
    let log = records::by_shard(server.data());
    for (shard, lines) in tail.lines() {
        assert_eq!(lines[0].position.lsn, Lsn(1), "shard {shard}");
        let first_wrong = lines.iter().zip(&log[&shard]).find(|(read, written)| read != written);
        assert_eq!((first_wrong, lines.len()), (None, log[&shard].len()), "shard {shard}");
    }
}

/// The first record that there still is in shard 0, as a follower from the start is told.
fn oldest(server: &Server) -> Option<String> {
    let mut client = server.connect();
    client.line("HELLO 3");
    match client.line("FOLLOW 0 START") {
        Reply::Error(words) => Some(words),
        _ => None,
    }
}

#[test]
fn where_the_first_records_are_gone_a_snapshot_stands_for_them() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut server = Server::start(Options::new().with(SMALL).with("--archive-max-mb 1"));
    let mut placed = Vec::new();
    wait::until("a large archive", || {
        placed.extend(bids(&server, 20_000));
        let bytes: u64 = server.connect().info("persistence", "archive_bytes").parse().unwrap();
        (bytes > 3 << 20).then_some(())
    });
    // Old files are removed once a minute, and soon after a start.
    server.terminate();
    server.restart();
    let told = wait::until("the first records to be gone", || oldest(&server));
    assert!(told.starts_with("GAP the records after 0-0-0 are gone"), "{told}");
    // Following alone has nothing to begin with, and says what to do.
    let mut follower = follow(&path("follows"), server.address(), &path("log"));
    assert_eq!(follower.wait().code(), Some(1), "{}", follower.output());
    assert!(follower.output().contains("begin with `gavel backup DIR --data"), "{}", follower.output());
    // A pass has the snapshot, and following goes on after it.
    let output = gavel(&["backup", word(&path("backup")), "--data", word(server.data()), "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let manifest = json(&output);
    assert!(manifest["shards"][0]["first_lsn"].as_u64().unwrap() > 1, "{manifest}");
    let mut follower = follow(&path("backup"), server.address(), &path("log2"));
    placed.extend(bids(&server, 2_000));
    let end = durable(&server);
    wait::until("the backup to be level", || {
        assert_eq!(follower.ended(), None, "{}", follower.output());
        let listed = json(&gavel(&["consumer", "list", "--json", "--server", &server.address().to_string()]));
        let shards = listed[0]["shards"].as_array()?;
        (shards.len() == 2 && shards.iter().all(|shard| shard["records_behind"] == 0)).then_some(())
    });
    follower.signal(Signal::TERM);
    assert_eq!(follower.wait().code(), Some(0), "{}", follower.output());
    let before = digests(&server);
    server.terminate();
    let up_to = restore(&path("backup"), &path("restored"));
    assert_eq!(up_to[&ShardId(0)].lsn, end[&ShardId(0)]);
    assert_eq!(digests(&Server::start(Options::new().data(&path("restored")))), before);
    assert_eq!(restore(&path("backup"), &path("compared")), up_to);
    assert_restored(&path("compared"), &up_to, server.data(), &placed);
}
