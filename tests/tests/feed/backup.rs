//! Goal: a backup, of either kind, restores exactly what it says that it holds, and says exactly what it does not.
//!
//! Method: real servers with storms of bids; backups beside them; the restored directory is held against the original log record by
//! record, against every acknowledgement up to the stated positions, and against the digest of the original's state. Damage is
//! done byte by byte.

use gavel_core::{Lsn, Position, ShardId};
use gavel_tests::backup::{
    assert_restored, bids, copy, durable, follow, gavel, json, positions, restore, said, word,
};
use gavel_tests::{Item, Options, Server, Storm, wait};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const SHARDS: &str = "--shards 3";

fn server() -> Server {
    Server::start(Options::new().with(SHARDS))
}

fn lsns(ends: &BTreeMap<ShardId, Position>) -> BTreeMap<ShardId, Lsn> {
    ends.iter().map(|(shard, position)| (*shard, position.lsn)).collect()
}

/// The digest of each shard's state.
fn digests(server: &Server) -> Vec<String> {
    let mut client = server.connect();
    let digest = |shard: u8| {
        let facts = client.info("digest", &format!("shard{shard}"));
        facts.split(',').find_map(|fact| fact.strip_prefix("digest=")).unwrap().to_owned()
    };
    (0..3).map(digest).collect()
}

#[test]
fn a_pass_beside_a_running_server_restores_to_what_it_says() {
    let folder = TempDir::new().unwrap();
    let (backup, restored) = (folder.path().join("backup"), folder.path().join("restored"));
    let mut server = server();
    let auctions = Item::new().open_spread(&mut server.connect(), 12);
    let storm = Storm::start(&server, &auctions, 3);
    storm.wait_for_accepted(5_000);
    let first = copy(&backup, server.data());
    storm.wait_for_accepted(20_000);
    let second = copy(&backup, server.data());
    let placed = storm.end();
    assert!(first.iter().all(|(shard, position)| position.lsn < second[shard].lsn), "{first:?} {second:?}");
    server.terminate();
    let up_to = restore(&backup, &restored);
    assert_eq!(up_to, second);
    assert!(placed.iter().any(|bid| bid.receipt.position.lsn > up_to[&bid.receipt.position.shard].lsn));
    assert_restored(&restored, &up_to, server.data(), &placed);
}

#[test]
fn the_state_that_is_restored_is_the_state_that_was() {
    let folder = TempDir::new().unwrap();
    let mut server = server();
    drop(bids(&server, 10_000));
    let before = digests(&server);
    let end = durable(&server);
    // Beside the running server, with nothing going on; then once it is stopped; then after a kill.
    let (backup, restored) =
        (folder.path().join("backup"), |number: u8| folder.path().join(number.to_string()));
    assert_eq!(lsns(&copy(&backup, server.data())), end);
    server.terminate();
    assert_eq!(lsns(&copy(&backup, server.data())), end);
    drop(restore(&backup, &restored(1)));
    let copied = Server::start(Options::new().data(&restored(1)));
    assert_eq!(digests(&copied), before);
    assert_eq!(copied.connect().info("persistence", "epoch"), "1000");
    drop(copied);
    server.restart();
    let placed = bids(&server, 3_000);
    server.kill9();
    let up_to = copy(&backup, server.data());
    assert_eq!(restore(&backup, &restored(2)), up_to);
    assert!(
        placed.iter().all(|bid| bid.receipt.position.lsn <= up_to[&bid.receipt.position.shard].lsn),
        "a killed server's log holds all that was acknowledged, and so does its backup"
    );
    assert_restored(&restored(2), &up_to, server.data(), &placed);
}

#[test]
fn bids_on_a_shard_that_was_just_added_come_into_the_copy() {
    let folder = TempDir::new().unwrap();
    let backup = folder.path().join("backup");
    let server = server();
    let mut follower = follow(&backup, server.address(), &folder.path().join("follow.log"));
    drop(bids(&server, 500));
    wait_until_level(&backup, &server);
    // The copy knows all shards that there are, so it looks for others only now and then.
    let mut client = server.connect();
    assert_eq!(client.line("SHARDS ADD").elements().len(), 1);
    assert_eq!(client.line("SHARDS POLICY sequence").code(), None);
    let auctions = Item::new().open_many(&mut client, 8);
    let new = auctions.iter().find(|auction| auction.shard() == ShardId(3)).unwrap();
    let receipt = client.bid(*new, 1, 5_000);
    let is_told = || {
        let text = std::fs::read(backup.join("backup.json")).ok()?;
        let manifest: serde_json::Value = serde_json::from_slice(&text).ok()?;
        positions(&manifest, "last").get(&ShardId(3)).filter(|end| end.lsn >= receipt.position.lsn).copied()
    };
    wait::until("the new shard's bid in the manifest", is_told);
    follower.signal(Signal::TERM);
    assert_eq!(follower.wait().code(), Some(0), "{}", follower.output());
}

/// Waits until the backup's manifest says that it is level with the server.
fn wait_until_level(backup: &Path, server: &Server) {
    let end = durable(server);
    wait::until("the backup to be level", || {
        let text = std::fs::read(backup.join("backup.json")).ok()?;
        let manifest: serde_json::Value = serde_json::from_slice(&text).ok()?;
        (lsns(&positions(&manifest, "last")) == end).then_some(())
    });
}

#[test]
fn a_backup_that_follows_has_everything_when_the_disk_is_gone() {
    let folder = TempDir::new().unwrap();
    let (backup, restored) = (folder.path().join("backup"), folder.path().join("restored"));
    let mut server = server();
    let mut follower = follow(&backup, server.address(), &folder.path().join("follow.log"));
    let placed = bids(&server, 20_000);
    // A shard that comes later is followed too.
    assert_eq!(server.connect().line("SHARDS ADD").elements().len(), 1);
    wait_until_level(&backup, &server);
    let end = durable(&server);
    assert_eq!(end.len(), 4);
    let listed = gavel(&["consumer", "list", "--json", "--server", &server.address().to_string()]);
    let listed = json(&listed);
    assert_eq!((listed[0]["name"].as_str(), listed[0]["connected"].as_u64()), (Some("backup"), Some(1)));
    wait::until("the last acknowledgements", || {
        let listed = json(&gavel(&["consumer", "list", "--json", "--server", &server.address().to_string()]));
        let shards = listed[0]["shards"].as_array().unwrap();
        shards.iter().all(|shard| shard["records_behind"] == 0).then_some(())
    });
    server.kill9();
    follower.signal(Signal::TERM);
    assert_eq!(follower.wait().code(), Some(0), "{}", follower.output());
    // The last line is the manifest; those before tell how far it was behind.
    let output = follower.output();
    assert!(output.contains(r#""records_behind":"#) && output.contains(r#""last":"0-1-"#), "{output}");
    let up_to = restore(&backup, &restored);
    assert_eq!(lsns(&up_to), end, "it was level, so nothing is lost");
    assert_restored(&restored, &up_to, server.data(), &placed);
}

#[test]
fn one_kind_of_backup_goes_on_with_the_other_and_no_other_log_does() {
    let folder = TempDir::new().unwrap();
    let (backup, log) = (folder.path().join("backup"), folder.path().join("follow.log"));
    let mut server = server();
    drop(bids(&server, 2_000));
    drop(copy(&backup, server.data()));
    let mut follower = follow(&backup, server.address(), &log);
    drop(bids(&server, 2_000));
    wait_until_level(&backup, &server);
    let second = gavel(&["backup", word(&backup), "--data", word(server.data())]);
    assert_eq!(second.status.code(), Some(4), "{second:?}");
    assert!(said(&second).contains("is in use by process"), "{}", said(&second));
    follower.signal(Signal::INT);
    assert_eq!(follower.wait().code(), Some(0), "{}", follower.output());
    drop(bids(&server, 1_000));
    server.terminate();
    assert_eq!(lsns(&copy(&backup, server.data())).len(), 3);
    // A log that has gone another way: the same one, restored from before and gone on with.
    let (older, other) = (folder.path().join("older"), folder.path().join("other"));
    let before = folder.path().join("before");
    drop(copy(&before, server.data()));
    drop(restore(&before, &other));
    let mut copied = Server::start(Options::new().data(&other));
    drop(bids(&copied, 500));
    server.restart();
    drop(bids(&server, 500));
    drop(copy(&before, server.data()));
    let refused = gavel(&["backup", word(&before), "--data", word(&other)]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let words = said(&refused);
    assert!(words.contains("in a new directory") && words.contains("the backup"), "{words}");
    let mut follower = follow(&before, copied.address(), &log);
    assert_eq!(follower.wait().code(), Some(1), "{}", follower.output());
    assert!(follower.output().contains("GAP"), "{}", follower.output());
    copied.terminate();
    drop(copy(&older, &other));
}

#[test]
fn directories_that_are_something_else_are_left_alone() {
    let folder = TempDir::new().unwrap();
    let (full, backup) = (folder.path().join("full"), folder.path().join("backup"));
    std::fs::create_dir(&full).unwrap();
    std::fs::write(full.join("thesis.txt"), "irreplaceable").unwrap();
    let mut server = server();
    drop(bids(&server, 500));
    server.terminate();
    let data = word(server.data());
    drop(copy(&backup, server.data()));
    for (words, code, says) in [
        (&["backup", word(&full), "--data", data][..], 2, "is neither empty nor a backup"),
        (&["backup", data, "--data", data], 2, "is a data directory"),
        (
            &["backup", word(&server.data().join("in/side")), "--data", data],
            2,
            "in the data directory itself",
        ),
        (&["backup", word(&full.join("thesis.txt")), "--data", data], 2, "is no directory"),
        (&["backup", word(&folder.path().join("new")), "--data", word(&full)], 1, "no log here"),
        (&["restore", word(&backup), "--data", word(&full)], 2, "is not empty"),
        (&["restore", word(&backup), "--data", data], 2, "is not empty"),
        (&["restore", word(&full), "--data", word(&folder.path().join("new2"))], 2, "is no backup"),
        (&["backup", word(&backup), "--follow", "--name", "a b"], 2, "letters, digits"),
    ] {
        let output = gavel(words);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
        assert!(said(&output).contains(says), "{words:?}: {}", said(&output));
    }
    assert_eq!(std::fs::read_to_string(full.join("thesis.txt")).unwrap(), "irreplaceable");
    assert_eq!(std::fs::read_dir(&full).unwrap().count(), 1);
    // A restored directory is no backup, and a backup is served by nobody.
    let served = gavel(&["serve", "--data", word(&backup), "--resp", "127.0.0.1:0", "--http", "off"]);
    assert_eq!(served.status.code(), Some(5), "{served:?}");
}

/// The archive files of a backup, in order.
fn files(backup: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(backup.join("archive")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_damaged_backup_is_restored_up_to_the_damage_when_that_is_asked_for() {
    let folder = TempDir::new().unwrap();
    let backup = folder.path().join("backup");
    let mut server = server();
    // In several passes, so that each file has several blocks.
    let mut placed = Vec::new();
    for _ in 0..4 {
        placed.extend(bids(&server, 3_000));
        drop(copy(&backup, server.data()));
    }
    server.terminate();
    let had = copy(&backup, server.data());
    let path = &files(&backup)[1];
    let whole = std::fs::read(path).unwrap();
    for (number, at) in [whole.len() / 3, whole.len() * 2 / 3].into_iter().enumerate() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        std::fs::write(path, &damaged).unwrap();
        let target = folder.path().join(format!("restored-{number}"));
        let refused = gavel(&["restore", word(&backup), "--data", word(&target)]);
        assert_eq!(refused.status.code(), Some(5), "{refused:?}");
        let words = said(&refused);
        assert!(words.contains("nothing was restored") && words.contains(path.to_str().unwrap()), "{words}");
        assert!(
            words.contains("shard 1: can be restored up to 1-1-") && words.contains("are lost"),
            "{words}"
        );
        assert!(!target.exists(), "nothing was written");
        let output = gavel(&["restore", word(&backup), "--data", word(&target), "--up-to-damage", "--json"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let told = json(&output);
        let up_to = positions(&told, "restored_up_to");
        for (shard, end) in &had {
            let lost = told["shards"][usize::from(shard.0)]["records_lost"].as_u64().unwrap();
            assert_eq!(up_to[shard].lsn.0 + lost, end.lsn.0, "shard {shard}");
            assert_eq!(lost > 0, *shard == ShardId(1), "shard {shard}");
        }
        assert_restored(&target, &up_to, server.data(), &placed);
    }
    std::fs::write(path, &whole).unwrap();
    // A file that is gone is missed, and so is one that was cut short behind the manifest's back.
    std::fs::remove_file(path).unwrap();
    let refused = gavel(&["restore", word(&backup), "--data", word(&folder.path().join("x"))]);
    assert!(said(&refused).contains("shard 1: nothing can be restored"), "{refused:?}");
    std::fs::write(path, &whole[..whole.len() / 2]).unwrap();
    let refused = gavel(&["restore", word(&backup), "--data", word(&folder.path().join("x"))]);
    assert!(said(&refused).contains("are lost"), "{refused:?}");
    let goes_on = gavel(&["backup", word(&backup), "--data", word(server.data())]);
    assert_eq!(goes_on.status.code(), Some(1), "a pass over it would hide the loss: {goes_on:?}");
    assert!(said(&goes_on).contains("backup.json"), "{}", said(&goes_on));
}
