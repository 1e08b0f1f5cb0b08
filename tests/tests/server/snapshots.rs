//! Goal: a snapshot that turns out to be damaged never costs one that is whole; and what keeps frames in the log is announced long before
//! the log has its stated size.
//!
//! Method: a byte of the newest snapshot is changed while the server is down, twice, with a new snapshot in between; digests before and
//! after are compared. And a consumer that follows once and never again, in a log of the least size.

use gavel_core::AuctionId;
use gavel_tests::http::Http;
use gavel_tests::{Item, Options, Server, Storm, wait};
use std::path::PathBuf;

/// The shard's snapshots, the newest last; and those that were put aside.
fn snapshots(server: &Server) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let entries = std::fs::read_dir(server.data().join("snapshots")).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let is = |path: &PathBuf, ending| path.extension().is_some_and(|extension| extension == ending);
    let with = |ending| paths.iter().filter(|path| is(path, ending)).cloned().collect();
    (with("snap"), with("bad"))
}

/// Bids until there is a snapshot that was not there before, beside another.
fn bid_until_a_new_one(server: &Server, auction: AuctionId, amount: &mut u64) -> Vec<PathBuf> {
    let before = snapshots(server).0.pop();
    let mut client = server.connect();
    wait::until("a new snapshot", || {
        *amount += 1_000;
        client.bid(auction, *amount % 7, *amount);
        let now = snapshots(server).0;
        (now.len() == 2 && now.last() != before.as_ref()).then_some(now)
    })
}

fn damage(file: &PathBuf) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x20;
    std::fs::write(file, bytes).unwrap();
}

fn spared(server: &Server) -> u64 {
    server.connect().info("persistence", "loading_records_in_snapshots").parse().unwrap()
}

fn digest(server: &Server) -> String {
    let facts = server.connect().info("digest", "shard0");
    facts.split(',').find_map(|fact| fact.strip_prefix("digest=")).unwrap().to_owned()
}

/// True when `/metrics` tells the age of the shard's newest snapshot.
fn tells_age(server: &Server) -> bool {
    let metrics = Http::connect(server.http()).get("/metrics").expect(200).body;
    String::from_utf8(metrics).unwrap().contains("gavel_snapshot_age_seconds{shard=\"0\"} ")
}

#[test]
fn a_damaged_snapshot_does_not_push_out_one_that_is_whole() {
    let mut server = Server::start(Options::new().with("--snapshot-every-s 1 --shards 1"));
    let auction = Item::new().open(&mut server.connect());
    let mut amount = 10_000;
    bid_until_a_new_one(&server, auction, &mut amount);
    let mut whole = bid_until_a_new_one(&server, auction, &mut amount);
    for round in 1..=2 {
        let before = digest(&server);
        server.terminate();
        let damaged = snapshots(&server).0.pop().unwrap();
        damage(&damaged);
        whole.retain(|path| *path != damaged);
        server.restart();
        let (kept, aside) = snapshots(&server);
        assert_eq!((kept, aside.len()), (whole.clone(), round), "{}", server.log());
        assert!(server.log().contains("a snapshot can't be used"), "{}", server.log());
        assert!(spared(&server) > 0, "the one before was of use");
        assert_eq!(digest(&server), before);
        wait::until("the age of the snapshot that is left", || tells_age(&server).then_some(()));
        let now = bid_until_a_new_one(&server, auction, &mut amount);
        assert!(whole.iter().all(|path| now.contains(path)), "{whole:?} is kept beside the new one: {now:?}");
        whole = now;
    }
}

#[test]
fn what_holds_the_log_is_announced_long_before_it_is_full() {
    let server = Server::start(
        Options::new().with("--snapshot-every-s 1 --snapshot-every-records 1000 --log-max-mb 64 --shards 1"),
    );
    let auctions = Item::new().open_many(&mut server.connect(), 10);
    let mut sleeper = server.connect();
    sleeper.line("HELLO 3");
    sleeper.line("FOLLOW 0 START NAME sleeper");
    drop(sleeper);
    let storm = Storm::start(&server, &auctions, 4);
    let warnings = || {
        let log = server.log();
        let full = |line: &&str| line.contains("the log fills up") && line.contains("consumer sleeper");
        log.lines().filter(full).map(str::to_owned).collect::<Vec<_>>()
    };
    let said = wait::until("both warnings", || Some(warnings()).filter(|said| said.len() >= 2));
    let bytes: u64 = server.connect().info("persistence", "frame_bytes").parse().unwrap();
    // Twice what frames take is what the file may take: at both warnings there is room left.
    assert!(bytes < 32 << 20, "{} MiB of frames at {said:?}", bytes >> 20);
    drop(storm.end());
}
