//! Goal: a backup that is killed while it is being made, of either kind, and whose server is killed too, still restores what it
//! holds, and goes on where it was.
//!
//! Method: storms of bids; in each round a SIGKILL of the backup, the server or both at a moment chosen by a seed. After every kill the
//! backup is restored, without being told that anything is damaged, and held against what it had said by then; in the end, against
//! the log and every acknowledgement.

use gavel_core::{Lsn, Position, ShardId};
use gavel_tests::backup::{
    assert_restored, copy, durable, follow, gavel, json, positions, restore, said, word,
};
use gavel_tests::process::Process;
use gavel_tests::server::unused_address;
use gavel_tests::{Item, Options, Server, Storm, binaries, rounds, storm, wait};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const SEED: u64 = 0x5eed_ba5e_0000_0003;

/// A small generator of its own (splitmix64), so that a round can be told by its number.
fn random(round: u32) -> u64 {
    let mut z = SEED.wrapping_add(u64::from(round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A server with a storm that goes on until the server is killed or the storm is ended.
struct Stormy {
    server: Server,
    storm: Option<Storm>,
    placed: Vec<storm::Placed>,
}

impl Stormy {
    fn start() -> Self {
        let server = Server::start(Options::new().at(unused_address()).with("--shards 3"));
        let mut stormy = Self { server, storm: None, placed: Vec::new() };
        stormy.begin();
        stormy
    }

    /// Auctions of their own for each storm, so that every bid is high enough.
    fn begin(&mut self) {
        let auctions = Item::new().open_spread(&mut self.server.connect(), 12);
        self.storm = Some(Storm::start(&self.server, &auctions, 3));
    }

    fn wait_for_accepted(&self, count: u64) {
        self.storm.as_ref().unwrap().wait_for_accepted(count);
    }

    fn kill_and_restart(&mut self) {
        self.server.kill9();
        self.placed.extend(self.storm.take().unwrap().broken());
        self.server.restart();
        self.begin();
    }

    fn end(&mut self) {
        self.placed.extend(self.storm.take().unwrap().end());
    }
}

/// What the manifest says; nothing where there is none yet.
fn manifest(backup: &Path) -> BTreeMap<ShardId, Position> {
    let Ok(text) = std::fs::read(backup.join("backup.json")) else { return BTreeMap::new() };
    positions(&serde_json::from_slice(&text).expect("a manifest is whole, or not there"), "last")
}

/// Restores what a kill has left, into a directory of its own: at least up to these positions.
fn assert_restores(backup: &Path, round: u32, at_least: &BTreeMap<ShardId, Lsn>) {
    let folder = tempfile::tempdir().unwrap();
    let output = gavel(&["restore", word(backup), "--data", word(&folder.path().join("data")), "--json"]);
    assert_eq!(output.status.code(), Some(0), "round {round}: {}", said(&output));
    let up_to = positions(&json(&output), "restored_up_to");
    for (shard, least) in at_least {
        let restored = up_to.get(shard).map_or(Lsn(0), |position| position.lsn);
        assert!(restored >= *least, "round {round}, shard {shard}: {restored:?} of {least:?}");
    }
}

fn lsns(ends: BTreeMap<ShardId, Position>) -> BTreeMap<ShardId, Lsn> {
    ends.into_iter().map(|(shard, position)| (shard, position.lsn)).collect()
}

#[test]
fn passes_that_are_killed_leave_a_backup_that_restores_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (backup, restored) = (folder.path().join("backup"), folder.path().join("restored"));
    let mut stormy = Stormy::start();
    stormy.wait_for_accepted(1_000);
    drop(copy(&backup, stormy.server.data()));
    // A pass may be through before it is killed; so many are to be killed in the midst.
    let (wanted, mut killed) = (rounds(10), 0);
    for round in 0..10 * wanted {
        if killed == wanted {
            break;
        }
        let dice = random(round);
        stormy.wait_for_accepted(2_000);
        let mut command = Command::new(binaries::gavel());
        command.arg("backup").arg(&backup).arg("--data").arg(stormy.server.data());
        let mut pass = Process::start(&mut command, &folder.path().join("pass.log"));
        if dice.is_multiple_of(3) {
            stormy.kill_and_restart();
        }
        std::thread::sleep(Duration::from_millis((dice >> 8) % 900));
        if pass.ended().is_none() {
            pass.signal(Signal::KILL);
            pass.wait();
            killed += 1;
        }
        assert_restores(&backup, round, &lsns(manifest(&backup)));
    }
    assert_eq!(killed, wanted, "passes were killed in the midst");
    stormy.end();
    let up_to = copy(&backup, stormy.server.data());
    assert_eq!(lsns(up_to.clone()), durable(&stormy.server));
    stormy.server.terminate();
    assert_eq!(restore(&backup, &restored), up_to);
    assert_restored(&restored, &up_to, stormy.server.data(), &stormy.placed);
}

/// What the server believes to be safe in the backup.
fn acknowledged(server: &Server) -> BTreeMap<ShardId, Lsn> {
    let output = gavel(&["consumer", "list", "--json", "--server", &server.address().to_string()]);
    let listed = json(&output);
    listed.get(0).map(|consumer| lsns(positions(consumer, "cursor"))).unwrap_or_default()
}

#[test]
fn a_backup_that_follows_through_kills_of_both_sides_has_what_it_acknowledged_and_in_the_end_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (backup, restored) = (folder.path().join("backup"), folder.path().join("restored"));
    let mut stormy = Stormy::start();
    let start = |stormy: &Stormy| follow(&backup, stormy.server.address(), &folder.path().join("follow.log"));
    let mut follower = start(&stormy);
    wait::until("the first records", || (manifest(&backup).len() == 3).then_some(()));
    for round in 0..rounds(12) {
        let dice = random(round);
        stormy.wait_for_accepted(500 + (dice >> 8) % 3_000);
        let (is_server_killed, is_follower_killed) = (dice.is_multiple_of(4), dice % 4 != 1);
        if is_follower_killed {
            follower.signal(Signal::KILL);
            follower.wait();
            // What was acknowledged may still be on its way to the server, never the other way round.
            let acknowledged = acknowledged(&stormy.server);
            assert_restores(&backup, round, &acknowledged);
            assert_restores(&backup, round, &lsns(manifest(&backup)));
        }
        if is_server_killed {
            stormy.kill_and_restart();
        }
        if is_follower_killed {
            follower = start(&stormy);
        }
        assert_eq!(follower.ended(), None, "round {round}: {}", follower.output());
    }
    stormy.end();
    let end = durable(&stormy.server);
    wait::until("the backup to be level", || {
        assert_eq!(follower.ended(), None, "{}", follower.output());
        (lsns(manifest(&backup)) == end).then_some(())
    });
    follower.signal(Signal::TERM);
    assert_eq!(follower.wait().code(), Some(0), "{}", follower.output());
    stormy.server.terminate();
    let up_to = restore(&backup, &restored);
    assert_eq!(lsns(up_to.clone()), end);
    assert_restored(&restored, &up_to, stormy.server.data(), &stormy.placed);
}
