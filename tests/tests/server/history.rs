//! Goal: whenever a server is killed while it takes a snapshot, hands frames to the archive or removes them from the log, everything
//! acknowledged is there afterwards, and the log's file stays within its stated size.
//!
//! Method: settings so small that snapshots and truncations happen all the time, storms of bids, and SIGKILL at the sight of a file
//! that is being written, or of frames that have just been archived. Then every acknowledged bid is sent again with its id, and the
//! digests are compared with those of a start on the same records without any snapshot.

use gavel_core::AuctionId;
use gavel_tests::storm::{self, Placed};
use gavel_tests::{Item, Options, Server, Storm, log_tool, rounds, wait};

/// The least size that can be stated, and as many snapshots as can be set.
const SMALL: &str = "--snapshot-every-s 1 --snapshot-every-records 1000 --log-max-mb 64 --shards 2";
const AUCTIONS: usize = 20;

/// What is in a folder of the data directory.
fn names(server: &Server, folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(server.data().join(folder)).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// The archive's whole files with their sizes.
fn archive_files(server: &Server) -> Vec<(String, u64)> {
    let size =
        |name: &String| std::fs::metadata(server.data().join("archive").join(name)).map(|file| file.len());
    let whole = names(server, "archive").into_iter().filter(|name| name.ends_with(".arc"));
    whole.filter_map(|name| size(&name).ok().map(|size| (name, size))).collect()
}

/// How many records are in the archive, and how many frames the log itself holds.
fn archived_and_in_log(server: &Server) -> (u64, u64) {
    let told = log_tool::json(server.data(), &["inspect"], 0);
    let sum = |field: &str| {
        told["shards"].as_array().unwrap().iter().map(|shard| shard[field].as_u64().unwrap()).sum()
    };
    (sum("archived"), sum("frames"))
}

/// True while a file of this folder is being written.
fn is_being_written(server: &Server, folder: &str) -> bool {
    names(server, folder).iter().any(|name| name.ends_with(".new"))
}

fn persistence(server: &Server, field: &str) -> u64 {
    server.connect().info("persistence", field).parse().unwrap()
}

/// Waits without a pause between two looks: what is waited for is there for moments only.
fn catch(what: &str, mut is_there: impl FnMut() -> bool) {
    let give_up_at = std::time::Instant::now() + wait::PATIENCE;
    while !is_there() {
        assert!(std::time::Instant::now() < give_up_at, "waited in vain for {what}");
    }
}

/// In each round: a storm on new auctions, a kill at the sight of `moment`, a start, and every acknowledgement of all rounds again.
fn kill_rounds(count: u32, what: &str, moment: impl Fn(&Server) -> bool) -> Server {
    let mut server = Server::start(Options::new().with(SMALL));
    let mut placed: Vec<Placed> = Vec::new();
    for round in 0..rounds(count) {
        let auctions = Item::new().open_many(&mut server.connect(), AUCTIONS);
        let storm = Storm::start(&server, &auctions, 2);
        storm.wait_for_accepted(2_000 + u64::from(round).wrapping_mul(0x9e37_79b9) % 10_000);
        catch(what, || moment(&server));
        server.kill9();
        placed.extend(storm.broken());
        server.restart();
        storm::assert_all_there(&server, &placed);
    }
    server
}

/// The digests of both shards.
fn digests(server: &Server) -> Vec<String> {
    let mut client = server.connect();
    let facts = ["shard0", "shard1"].map(|shard| client.info("digest", shard));
    let digest =
        |facts: &String| facts.split(',').find_map(|fact| fact.strip_prefix("digest=")).unwrap().to_owned();
    facts.iter().map(digest).collect()
}

/// What the snapshots lead to is what all records from the first on lead to: those are in archive and log still.
fn assert_records_say_the_same(mut server: Server) {
    let before = digests(&server);
    server.terminate();
    std::fs::remove_dir_all(server.data().join("snapshots")).unwrap();
    server.restart();
    assert_eq!(persistence(&server, "loading_records_in_snapshots"), 0);
    assert_eq!(digests(&server), before);
}

#[test]
fn a_kill_while_a_snapshot_is_written_loses_nothing() {
    let server = kill_rounds(10, "a snapshot", |server| is_being_written(server, "snapshots"));
    assert!(persistence(&server, "loading_records_in_snapshots") > 0, "snapshots were of use");
    assert_records_say_the_same(server);
}

#[test]
fn a_kill_while_the_archive_is_written_loses_nothing() {
    let server = kill_rounds(10, "an archive file", |server| is_being_written(server, "archive"));
    assert!(names(&server, "archive").iter().any(|name| name.ends_with(".arc")));
    assert_records_say_the_same(server);
}

#[test]
fn a_kill_while_frames_leave_the_log_loses_nothing() {
    // Frames leave right after their archive file has got its name: a new one, or the one that it takes the place of.
    let (known, left) = (std::cell::RefCell::new(Vec::new()), std::cell::Cell::new(0));
    let server = kill_rounds(10, "an archive file with more in it", |server| {
        let now = archive_files(server);
        let before = known.replace(now.clone());
        let has_more = now.iter().any(|file| !before.contains(file));
        left.set(left.get() + u32::from(has_more && !before.is_empty()));
        has_more && !before.is_empty()
    });
    assert!(left.get() >= rounds(10));
    let (archived, in_log) = archived_and_in_log(&server);
    assert!(archived > 10_000 && in_log < archived / 20, "{in_log} frames beside {archived} records");
    assert_records_say_the_same(server);
}

#[test]
fn the_log_stays_within_its_stated_size_and_a_restart_needs_little_of_it() {
    let mut server = Server::start(Options::new().with(SMALL));
    let auctions = Item::new().open_many(&mut server.connect(), AUCTIONS);
    let storm = Storm::start(&server, &auctions, 4);
    // Their frames are more than the log may take, and take more room in it than they have.
    let (mut client, mut largest) = (server.connect(), 0);
    let mut number = |field: &str| client.info("persistence", field).parse::<u64>().unwrap();
    for mib in (10..=80).step_by(10) {
        wait::until("more frames", || {
            largest = largest.max(number("log_bytes"));
            (number("frame_bytes") > mib << 20).then_some(())
        });
    }
    let placed = storm.end();
    assert!(largest > 0 && largest <= 64 << 20, "{} MiB", largest >> 20);
    assert!(persistence(&server, "archive_bytes") > 0 && persistence(&server, "storage_failures") == 0);
    server.terminate();
    server.restart();
    let (spared, all) =
        (persistence(&server, "loading_records_in_snapshots"), persistence(&server, "loading_records_total"));
    assert!(spared > all / 2, "{spared} of {all}");
    storm::assert_all_there(&server, &placed[placed.len().saturating_sub(100_000)..]);
}

#[test]
fn a_stop_in_order_while_snapshots_are_taken_is_in_order() {
    let mut server = Server::start(Options::new().with(SMALL));
    for _ in 0..rounds(5) {
        let auctions = Item::new().open_many(&mut server.connect(), AUCTIONS);
        let storm = Storm::start(&server, &auctions, 2);
        storm.wait_for_accepted(5_000);
        catch("a snapshot", || is_being_written(&server, "snapshots"));
        server.terminate();
        let placed = storm.broken();
        server.restart();
        assert_eq!(server.connect().info("persistence", "last_stop"), "clean");
        storm::assert_all_there(&server, &placed);
    }
}

#[test]
fn final_auctions_leave_memory_and_are_not_found_after_a_kill_either() {
    let mut server = Server::start(Options::new().with(SMALL).with("--retire-after-s 1"));
    let mut client = server.connect();
    let [leaves, stays] = Item::new().open_many(&mut client, 2)[..] else { panic!("two were opened") };
    client.bid(leaves, 1, 5_000);
    for command in [format!("AUCTION END {leaves}"), format!("AUCTION PAID {leaves}")] {
        assert_eq!(client.line(&command).code(), None);
    }
    let is_gone = |server: &Server, auction: AuctionId| {
        server.connect().line(&format!("AUCTION GET {auction}")).code() == Some("NOTFOUND")
    };
    wait::until("the auction to leave", || is_gone(&server, leaves).then_some(()));
    server.kill9();
    server.restart();
    assert!(is_gone(&server, leaves) && !is_gone(&server, stays));
    let next = Item::new().open_many(&mut server.connect(), 4);
    assert!(!next.contains(&leaves), "an id is never given again");
}

/// A snapshot that can't be written costs no bid.
#[test]
fn a_snapshot_that_cannot_be_written_is_tried_again_and_bids_go_on() {
    let server = Server::start(Options::new().with(SMALL));
    // A file where the folder should be.
    let snapshots = server.data().join("snapshots");
    wait::until("the folder to be out of the way", || {
        drop(std::fs::remove_dir_all(&snapshots));
        std::fs::write(&snapshots, b"in the way").ok()
    });
    let auctions = Item::new().open_many(&mut server.connect(), AUCTIONS);
    let storm = Storm::start(&server, &auctions, 2);
    wait::until("a failure", || (persistence(&server, "storage_failures") > 0).then_some(()));
    let accepted = persistence(&server, "commits");
    wait::until("further bids", || (persistence(&server, "commits") > accepted).then_some(()));
    storm::assert_all_there(&server, &storm.end());
    assert!(server.log().contains("bids go on"), "it must be said");
}
