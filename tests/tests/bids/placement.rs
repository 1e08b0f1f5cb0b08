//! Goal: shards and the policy of placement change at run time, by command line, and stay changed.
//!
//! Method: `gavel shards …` against a running server; where new auctions are placed, before and after a restart; nothing that was
//! there before moves.

use gavel_core::AuctionId;
use gavel_tests::{Client, Item, Options, Server, binaries};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::{Command, Output};

const MANY: u32 = 200;

#[test]
fn an_added_shard_takes_new_auctions_and_nothing_moves() {
    let mut server = Server::start(Options::new().with("--shards 2"));
    let before = open_many(&mut server.connect());
    assert_eq!(shards_of(&before), BTreeSet::from([0, 1]));
    shards(&server, &["add"]);
    let after = open_many(&mut server.connect());
    assert_eq!(shards_of(&after), BTreeSet::from([0, 1, 2]));
    server.kill9();
    server.restart();
    assert_eq!(shards_of(&open_many(&mut server.connect())), BTreeSet::from([0, 1, 2]));
    let mut client = server.connect();
    for auction in before.into_iter().chain(after) {
        client.bid(auction, 1, 5_000);
    }
}

#[test]
fn a_drained_shard_takes_no_new_auctions_and_still_takes_bids() {
    let mut server = Server::start(Options::new().with("--shards 2"));
    let before = open_many(&mut server.connect());
    shards(&server, &["drain", "1"]);
    assert_eq!(shards_of(&open_many(&mut server.connect())), BTreeSet::from([0]));
    server.terminate();
    server.restart();
    let mut client = server.connect();
    assert_eq!(shards_of(&open_many(&mut client)), BTreeSet::from([0]));
    for auction in before {
        client.bid(auction, 1, 5_000);
    }
}

#[test]
fn a_drain_can_be_taken_back_for_good() {
    let mut server = Server::start(Options::new().with("--shards 2"));
    shards(&server, &["drain", "1"]);
    assert_eq!(shards_of(&open_many(&mut server.connect())), BTreeSet::from([0]));
    shards(&server, &["undrain", "1"]);
    assert_eq!(shards_of(&open_many(&mut server.connect())), BTreeSet::from([0, 1]));
    server.kill9();
    server.restart();
    assert_eq!(shards_of(&open_many(&mut server.connect())), BTreeSet::from([0, 1]));
    refused(&server, &["undrain", "1"], "shard 1 is not being drained: it takes new auctions");
    refused(&server, &["undrain", "2"], "there is no shard 2; the shards are 0 ..= 1");
    assert_eq!(shards(&server, &["list", "--json"])["shards"].as_array().unwrap().len(), 2, "none was added");
}

#[test]
fn an_addition_that_fails_half_way_names_what_was_added() {
    let server = Server::start(Options::new().with("--shards 254"));
    let full = "there are 256 shards already, and an auction's id can name no more";
    refused(&server, &["add", "3"], &format!("{full}; added before that: 254, 255"));
    refused(&server, &["add"], full);
    assert_eq!(shards(&server, &["list", "--json"])["shards"].as_array().unwrap().len(), 256);
}

#[test]
fn policies_and_the_directory_survive_a_restart() {
    let mut server = Server::start(Options::new().with("--shards 4"));
    shards(&server, &["policy", "directory"]);
    shards(&server, &["place", "hot-sale", "3"]);
    let hot = Item::new().with("placement_key", "hot-sale");
    assert_eq!(shards_of(&hot.open_many(&mut server.connect(), 20)), BTreeSet::from([3]));
    assert_eq!(
        shards_of(&open_many(&mut server.connect())).len(),
        4,
        "what has no entry falls through to the key"
    );
    server.kill9();
    server.restart();
    assert_eq!(shards_of(&hot.open_many(&mut server.connect(), 20)), BTreeSet::from([3]));
    shards(&server, &["policy", "range", r#"[{"from": "", "shard": 1}, {"from": "m", "shard": 2}]"#]);
    let keyed = |key: &str| Item::new().with("placement_key", key);
    assert_eq!(keyed("a").open(&mut server.connect()).shard().0, 1);
    assert_eq!(keyed("z").open(&mut server.connect()).shard().0, 2);
    shards(&server, &["policy", "sequence"]);
    let one_seller = hot.open_many(&mut server.connect(), 40);
    assert_eq!(
        shards_of(&one_seller).len(),
        4,
        "by sequence, one seller's auctions go to all shards in turn"
    );
}

#[test]
fn the_list_tells_shards_and_policy() {
    let server = Server::start(Options::new().with("--shards 2"));
    drop(open_many(&mut server.connect()));
    shards(&server, &["add"]);
    shards(&server, &["drain", "0"]);
    let list = shards(&server, &["list", "--json"]);
    let listed = list["shards"].as_array().unwrap();
    assert_eq!(listed.len(), 3);
    assert_eq!(listed[0]["status"], "draining", "{list}");
    assert_eq!(listed[1]["status"], "active", "{list}");
    assert_eq!(list["policy"], "key", "{list}");
}

#[test]
fn a_shard_that_is_not_there_is_said_so() {
    let server = Server::start(Options::new().with("--shards 2"));
    for words in [&["drain", "9"][..], &["place", "k", "9"], &["drain", "x"], &["policy", "magic"]] {
        let output = run(&server, words);
        assert_ne!(output.status.code(), Some(0), "{words:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(words[words.len() - 1]), "{words:?}: {said}");
    }
    assert_eq!(shards_of(&open_many(&mut server.connect())), BTreeSet::from([0, 1]));
}

fn open_many(client: &mut Client) -> Vec<AuctionId> {
    (0..MANY).map(|number| Item::new().with("placement_key", format!("key-{number}")).open(client)).collect()
}

fn shards_of(auctions: &[AuctionId]) -> BTreeSet<u8> {
    auctions.iter().map(|auction| auction.shard().0).collect()
}

/// `gavel shards …`, which must go well; its data, where it prints JSON.
fn shards(server: &Server, words: &[&str]) -> Value {
    let output = run(server, words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// `gavel shards …`, which must be refused; its words end with `said`.
fn refused(server: &Server, words: &[&str], said: &str) {
    let output = run(server, words);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.trim_end().ends_with(said), "{words:?}: {told}");
}

fn run(server: &Server, words: &[&str]) -> Output {
    let address = server.address().to_string();
    Command::new(binaries::gavel()).arg("shards").args(words).args(["--server", &address]).output().unwrap()
}
