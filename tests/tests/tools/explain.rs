//! Goal: `gavel log explain` tells a real auction's history with the rule behind each record, the refused attempts between them, and
//! nobody's secrets; also where the beginning of the history is gone.
//!
//! Method: a server with one auction, driven over RESP; an archive without its beginning, made of the stopped server's own.

use gavel_core::{AuctionId, Lsn};
use gavel_log::archive;
use gavel_tests::log_tool::{expect, json};
use gavel_tests::{Client, Item, Options, Server, binaries, fixtures, wait};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Secret numbers that may be in no public word.
const MAXIMUM: u64 = 654_321;
const RESERVE: u64 = 543_210;

/// The texts of all entries.
fn words(told: &Value) -> Vec<String> {
    let entries = told["entries"].as_array().unwrap().iter();
    entries
        .flat_map(|entry| entry["words"].as_array().unwrap())
        .map(|word| word.as_str().unwrap().to_owned())
        .collect()
}

fn refused(client: &mut Client, line: &str, code: &str) {
    assert_eq!(client.line(line).code(), Some(code), "{line}");
}

/// The journal is written beside the answers: waits until it holds so many refusals of the auction.
fn wait_for_refusals(data: &Path, auction: AuctionId, count: usize) {
    wait::until("the journal of attempts", || {
        let told = json(data, &["explain", &auction.to_string()], 0);
        let refused = told["entries"].as_array().unwrap().iter().filter(|entry| entry["type"] == "refused");
        (refused.count() == count).then_some(())
    });
}

#[test]
fn an_auction_is_told_with_its_rules_its_refusals_and_no_secrets() {
    let mut server = Server::start(Options::new().with("--shards 1"));
    let mut client = server.connect();
    let auction = Item::new().with("reserve_price", RESERVE).open(&mut client);
    client.bid(auction, 8, 3_000);
    refused(&mut client, &format!("BID {auction} 9 1050"), "TOOLOW");
    client.bid(auction, 9, MAXIMUM);
    refused(&mut client, &format!("BID {auction} 9 600000"), "TOOLOW");
    refused(&mut client, &format!("BID {auction} {} 700000", fixtures::SELLER), "SELLERBID");
    client.bid(auction, 8, MAXIMUM);
    wait_for_refusals(server.data(), auction, 3);

    let id = auction.to_string();
    let text = expect(server.data(), &["explain", &id], 0).out;
    for part in [
        "accepted: leads at 1,000, the opening price, as no other bid stands",
        "the reserve price is not reached yet",
        "TOOLOW: bid at least 1100",
        "accepted: leads at 543,210, the reserve price: a maximum that reaches it lifts the price to it at once",
        "the reserve price is reached",
        "TOOLOW: bid more than one's own maximum (only the bidder was told how much)",
        "SELLERBID: a seller cannot bid on their own auction",
        "of equal maxima the earlier leads; the price rises to 654,321",
        "open: price 654,321, led by 9, reserve price reached",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }

    // Before the price has gone there by the rules, no secret is in any word.
    let early = expect(server.data(), &["explain", &id, "--at", "2"], 0).out.replace(',', "");
    for secret in [3_000, RESERVE, MAXIMUM] {
        assert!(!early.contains(&secret.to_string()), "{secret} in:\n{early}");
    }
    let early = expect(server.data(), &["explain", &id, "--at", "2", "--secret"], 0).out;
    assert!(
        early.contains("bid by 8, up to 3,000") && early.contains("of 543,210 is not reached yet"),
        "{early}"
    );

    let told = json(server.data(), &["explain", &id, "--secret"], 0);
    let types: Vec<&str> =
        told["entries"].as_array().unwrap().iter().map(|entry| entry["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        ["opened", "bid_accepted", "refused", "bid_accepted", "refused", "refused", "bid_accepted"],
        "in the order in which they came"
    );
    assert_eq!(told["entries"][2]["amount"], 1_050);
    assert_eq!(told["stands"]["leader"], "9");
    assert_eq!(told["history"], "whole");
    assert!(words(&told).iter().any(|word| word == "TOOLOW: bid at least 654322"), "{told}");

    server.kill9();
    assert_eq!(
        expect(server.data(), &["explain", &id], 0).out,
        text,
        "from the files of a server that was killed"
    );
    server.restart();
    let ended = server.connect().line(&format!("AUCTION END {auction}"));
    assert_eq!(ended.code(), None);
    let text = expect(server.data(), &["explain", &id], 0).out;
    assert!(text.contains("awarded: 9 leads and wins at 654,321; the reserve price is reached"), "{text}");
}

#[test]
fn what_is_not_there_is_said() {
    let server = Server::start(Options::new().with("--shards 1"));
    let auction = Item::new().open(&mut server.connect()).to_string();
    let none = expect(server.data(), &["explain", "20261122-000-00000042"], 1);
    assert!(none.err.contains("there is no record of auction 20261122-000-00000042"), "{none:?}");
    let beyond = expect(server.data(), &["explain", &auction, "--at", "9"], 1);
    assert!(beyond.err.contains("has no record 9: its last is 1"), "{beyond:?}");
    assert!(beyond.out.contains("opened by seller"), "what there is was told: {beyond:?}");
    drop(expect(server.data(), &["explain", &auction, "--at", "0"], 2));
    drop(expect(server.data(), &["explain", "nonsense"], 2));
}

#[test]
fn a_ban_of_wider_scope_and_time_given_back_are_told() {
    let mut server = Server::start(Options::new().with("--shards 1"));
    let mut client = server.connect();
    let auction = Item::new().with("duration_s", 200).open(&mut client);
    client.bid(auction, 8, 3_000);
    client.bid(auction, 9, 5_000);
    assert_eq!(client.line("BAN 9 REMOVE").code(), None);
    server.kill9();
    server.restart();
    let text = expect(server.data(), &["explain", &auction.to_string()], 0).out;
    for part in [
        "9 may not bid in any auction any more; standing bids are removed",
        "1 bid is removed with a ban of wider scope than this auction",
        "as if those bids had never been: 8 leads at 1,000",
        "the auction gets back time of an outage, from ",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

/// The files of a folder by name.
fn names(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|files| files.map(|file| file.unwrap().path()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

/// After which records the whole snapshots of shard 0 begin, the older first.
fn snapshots(data: &Path) -> Vec<Lsn> {
    let from = |path: &PathBuf| Some(gavel_log::snapshot::Reader::open(path).ok()?.head().from.lsn);
    names(&data.join("snapshots")).iter().filter_map(from).collect()
}

/// Writes the archive's only file anew without the records up to this one, as if they had been in a file before it that has expired.
fn expire(data: &Path, up_to: Lsn) {
    let file = names(&data.join("archive")).pop().unwrap();
    let summary = archive::summary(&file).unwrap();
    let begin = |base| archive::Writer::create(data, summary.shard, base, summary.first_at).unwrap();
    let (mut gone, mut kept) = (begin(summary.base), None);
    for frame in archive::FileFrames::open(&file, summary.first()).unwrap() {
        let frame = frame.unwrap();
        if frame.last() <= up_to {
            gone.push(&frame).unwrap();
        } else {
            kept.get_or_insert_with(|| begin(gone.tip())).push(&frame).unwrap();
        }
    }
    assert_eq!(gone.tip().lsn, up_to, "a frame ends there");
    kept.expect("frames after it").finish().unwrap();
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn where_the_beginning_is_gone_a_snapshot_says_how_it_stood() {
    let folder = tempfile::tempdir().unwrap();
    let options =
        |snapshots: &str| Options::new().with("--shards 1").with(snapshots).data(&folder.path().join("data"));
    let mut server = Server::start(options("--snapshot-every-s 86400"));
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    let early = Item::new().open(&mut client);
    let gone_until = client.bid(auction, 8, 3_000).position.lsn;
    client.bid(auction, 9, 5_000);
    server.terminate();

    let mut server = Server::start(options("--snapshot-every-s 1"));
    let mut client = server.connect();
    client.bid(auction, 9, 9_000);
    let known = client.bid(auction, 8, 11_000).position.lsn;
    // The older of two snapshots is what it is told from; so it is waited for until both know of that bid.
    wait::until("two snapshots", || {
        let snapshots = snapshots(server.data());
        if snapshots.len() == 1 && snapshots[0] >= known && client.auction(auction)["bid_count"] == 4 {
            client.bid(auction, 7, 12_000);
        }
        (snapshots.len() == 2 && snapshots[0] >= known).then_some(())
    });
    wait::until("what the older one does not need in the archive", || {
        let file = names(&server.data().join("archive")).pop()?;
        (archive::summary(&file).ok()?.last.lsn >= known).then_some(())
    });
    client.bid(auction, 9, 20_000);
    server.terminate();
    let whole = expect(server.data(), &["explain", &auction.to_string()], 0).out;
    assert!(whole.contains("opened by seller"), "log and archive are read as one:\n{whole}");
    expire(server.data(), gone_until);

    let text = expect(server.data(), &["explain", &auction.to_string()], 0).out;
    for part in [
        &format!(
            "The history of its shard begins at record {}, after the auction was opened",
            gone_until.0 + 1
        ),
        "from a snapshot, and the rules can be told from there on",
        "by which rule can't be told, as it is not known any more how the auction stood before",
        "accepted: leads at 12,100, one step of 100 above the second-highest maximum, which is another bidder's",
        "open: price 12,100, led by 9",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert!(!text.contains("opened by seller"), "{text}");
    let only_in_snapshot = expect(server.data(), &["explain", &early.to_string()], 0).out;
    assert!(only_in_snapshot.contains("open: no bid stands"), "{only_in_snapshot}");
    let told = json(server.data(), &["explain", &auction.to_string()], 0);
    assert!(told["entries"][0]["stands"].is_null() && told["stands"]["leader"] == "9", "{told}");

    // In a backup of it there is nothing left of what has expired; a snapshot stands for it.
    let (backup, new) = (folder.path().join("backup"), folder.path().join("salvaged"));
    let made =
        Command::new(binaries::gavel()).arg("backup").arg(&backup).arg("--data").arg(server.data()).output();
    assert!(made.as_ref().unwrap().status.success(), "{made:?}");
    let salvaged = json(&backup, &["salvage", new.to_str().unwrap()], 0);
    assert_eq!(salvaged["shards"][0]["begins"], gone_until.0 + 1, "{salvaged}");
    assert_eq!(salvaged["missing"], false, "what has expired is not missing: {salvaged}");
    let told = expect(&new, &["explain", &auction.to_string()], 0).out;
    assert!(told.contains("There is no journal of refused attempts here"), "{told}");

    for snapshot in names(&server.data().join("snapshots")) {
        std::fs::remove_file(snapshot).unwrap();
    }
    let text = expect(server.data(), &["explain", &auction.to_string()], 0).out;
    assert!(
        text.contains("no snapshot holds it. So the records are told as they stand, without the rules."),
        "{text}"
    );
    let none = expect(server.data(), &["explain", &early.to_string()], 1).err;
    assert!(none.contains(&format!("begins at record {}", gone_until.0 + 1)), "{none}");
}
