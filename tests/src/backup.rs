//! `gavel backup` and `gavel restore` as processes, and what they say.

use crate::process::Process;
use crate::receipt::read_position;
use crate::{Options, Server, Storm, binaries, records, storm};
use gavel_core::{Lsn, Position, ShardId};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the command line to its end.
#[must_use]
pub fn gavel(words: &[&str]) -> Output {
    Command::new(binaries::gavel()).args(words).output().expect("the command line")
}

/// What it wrote to stderr.
#[must_use]
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A path as a word of the command line.
#[must_use]
pub fn word(path: &Path) -> &str {
    path.to_str().expect("a temporary directory's path is UTF-8")
}

/// One pass that must succeed: up to which record of each shard the backup goes.
///
/// # Panics
/// When it does not.
pub fn copy(backup: &Path, data: &Path) -> BTreeMap<ShardId, Position> {
    let output = gavel(&["backup", word(backup), "--data", word(data), "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    positions(&json(&output), "last")
}

/// A process that follows a server.
#[must_use]
pub fn follow(backup: &Path, server: SocketAddr, log: &Path) -> Process {
    let mut command = Command::new(binaries::gavel());
    command.args(["backup", word(backup), "--follow", "--server", &server.to_string(), "--json"]);
    Process::start(&mut command, log)
}

/// Restores a backup, which must succeed: up to which record of each shard the new directory goes.
///
/// # Panics
/// When it does not.
pub fn restore(backup: &Path, data: &Path) -> BTreeMap<ShardId, Position> {
    let output = gavel(&["restore", word(backup), "--data", word(data), "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    positions(&json(&output), "restored_up_to")
}

/// The JSON that a command wrote.
#[must_use]
pub fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// The position of each shard in what a command has told.
#[must_use]
pub fn positions(told: &Value, field: &str) -> BTreeMap<ShardId, Position> {
    let shards = told["shards"].as_array().expect("a list of shards");
    let position = |shard: &Value| shard[field].as_str().map(read_position);
    shards.iter().filter_map(position).map(|position| (position.shard, position)).collect()
}

/// Starts a server on a restored directory, and holds it against the log that was backed up and the acknowledgements that were given:
/// up to the stated positions, every record is there and every acknowledged bid too.
///
/// # Panics
/// When anything is missing or different.
pub fn assert_restored(
    restored: &Path,
    up_to: &BTreeMap<ShardId, Position>,
    original: &Path,
    placed: &[storm::Placed],
) {
    let (copy, log) = (records::by_shard(restored), records::by_shard(original));
    assert_eq!(copy.keys().collect::<Vec<_>>(), up_to.keys().collect::<Vec<_>>());
    for (shard, records) in &copy {
        let end = up_to[shard];
        assert_eq!(records.last().map(|line| line.position), Some(end), "shard {shard}");
        // The first records may have left the original's archive since, or had before.
        let first = records[0].position.lsn.max(log[shard][0].position.lsn);
        let from_first = |line: &&records::Line| line.position.lsn >= first && line.position.lsn <= end.lsn;
        let (copied, written): (Vec<_>, Vec<_>) =
            (records.iter().filter(from_first).collect(), log[shard].iter().filter(from_first).collect());
        assert_eq!(copied.len(), written.len(), "shard {shard}");
        let first_wrong = copied.iter().zip(&written).find(|(copied, written)| copied != written);
        assert_eq!(first_wrong, None, "shard {shard}");
    }
    let kept = |bid: &&storm::Placed| {
        let position = bid.receipt.position;
        up_to.get(&position.shard).is_some_and(|end| position.lsn <= end.lsn)
    };
    let kept: Vec<storm::Placed> = placed.iter().filter(kept).copied().collect();
    let server = Server::start(Options::new().data(restored));
    storm::assert_all_there(&server, &kept);
    let epoch: u32 = server.connect().info("persistence", "epoch").parse().expect("an epoch");
    assert!(epoch >= 1_000, "the copy writes in epoch {epoch}");
}

/// Bids of a storm until so many are accepted.
#[must_use]
pub fn bids(server: &Server, count: u64) -> Vec<storm::Placed> {
    let auctions = crate::Item::new().open_spread(&mut server.connect(), 12);
    let storm = Storm::start(server, &auctions, 3);
    storm.wait_for_accepted(count);
    storm.end()
}

/// How far each shard of a server is durable.
#[must_use]
pub fn durable(server: &Server) -> BTreeMap<ShardId, Lsn> {
    let section = server.connect().line("INFO shards");
    let shard = |line: &str| {
        let (shard, facts) = line.strip_prefix("shard")?.split_once(':')?;
        let durable = facts.split(',').find_map(|fact| fact.strip_prefix("durable="))?;
        Some((ShardId(shard.parse().ok()?), Lsn(durable.parse().ok()?)))
    };
    section.text().lines().filter_map(shard).collect()
}
