//! Goal: SIGKILL at any moment leaves whole batches, and every one that was acknowledged; the indexes agree with the documents; a file that is
//! in use, damaged or of another format is refused by name.
//!
//! Method: a process of its own that writes and says how far it is (`store_probe`), killed at moments that differ in each round.

use super::Subject;
use bson::Document;
use gavel_core::auction::State;
use gavel_core::{AccountId, Lsn, ShardId};
use gavel_projector::documents::WordLike as _;
use gavel_projector::store::{Embedded, Filter, Listing, Search, Sort};
use gavel_projector::{Collection, StoreError};
use gavel_tests::process::Process;
use gavel_tests::{rounds, wait};
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Auctions of each batch of the probe.
const AUCTIONS: u64 = 50;

fn probe(file: &Path, log: &Path) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_store_probe"));
    Process::start(command.arg(file).arg("0"), log)
}

/// The last batch that it said was acknowledged.
fn acknowledged(probe: &Process) -> u64 {
    let output = probe.output();
    let whole = output.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().next_back().map_or(0, |line| line.parse().unwrap_or_else(|_| panic!("{output}")))
}

#[test]
fn a_killed_process_leaves_whole_batches_and_all_that_were_acknowledged() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("documents.redb");
    let mut before = 0;
    for round in 0..8 * u64::from(rounds(1)) {
        let mut probe = probe(&file, &dir.path().join(format!("{round}.log")));
        wait::until("some batches", || (acknowledged(&probe) >= before + 5).then_some(()));
        std::thread::sleep(Duration::from_millis(round * 7_919 % 60));
        probe.signal(Signal::KILL);
        probe.wait();
        let acknowledged = acknowledged(&probe);
        let store = Subject::of(Arc::new(Embedded::open(&file).unwrap()));
        let stands = store.cursor(0).lsn.0;
        assert!(stands >= acknowledged, "{acknowledged} were acknowledged, and there are {stands}");
        assert!(stands <= acknowledged + 1, "one can be there that nobody heard of, and no second one");
        assert_whole(&store, stands);
        before = stands;
    }
}

/// All documents are as batch `lsn` left them, and the indexes name each of them once.
fn assert_whole(store: &Subject, lsn: u64) {
    let ids: Vec<String> = (0..AUCTIONS).map(|number| format!("{number:04}")).collect();
    let auctions = store.load(Collection::Auctions, &ids);
    assert_eq!(auctions.len() as u64, AUCTIONS);
    assert!(
        auctions.iter().all(|one| one.get_i64("version").unwrap() == lsn.cast_signed()),
        "each is of batch {lsn}"
    );
    let bids: Vec<String> = (1..=lsn + 1).map(|lsn| format!("0007/{lsn:010}")).collect();
    assert_eq!(store.load(Collection::Bids, &bids).len() as u64, lsn, "one bid for each batch");
    let list = |filter, sort| store.all(&Listing::Auctions(Search::new(filter, sort).unwrap()), 20);
    for state in State::ALL {
        let filter = Filter { state: Some(*state), ..Filter::default() };
        let listed: BTreeSet<String> = list(filter, Sort::EndsAt).iter().map(super::subject::id).collect();
        let there = auctions.iter().filter(|one| one.get_str("state").unwrap() == state.name());
        assert_eq!(listed, there.map(super::subject::id).collect(), "{state:?}");
    }
    let ends: Vec<Document> = list(Filter::default(), Sort::EndsAt);
    assert_eq!(ends.len() as u64, AUCTIONS, "each once");
    assert!(ends.is_sorted_by_key(|one| *one.get_datetime("ends_at").unwrap()));
    let seller = Filter { seller: Some(AccountId::from_integer(7)), ..Filter::default() };
    assert_eq!(list(seller, Sort::Newest).len() as u64, AUCTIONS);
}

#[test]
fn a_file_that_is_in_use_is_refused_by_name() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("documents.redb");
    let mut probe = probe(&file, &dir.path().join("log"));
    wait::until("a batch", || (acknowledged(&probe) > 0).then_some(()));
    let refused = Embedded::open(&file).unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused:?}");
    assert!(refused.to_string().contains("documents.redb"), "{refused}");
    probe.signal(Signal::KILL);
    probe.wait();
    Embedded::open(&file).unwrap();
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("documents.redb");
    std::fs::write(&file, "nothing of the kind, and long enough to be looked at".repeat(200)).unwrap();
    let before = std::fs::read(&file).unwrap();
    let refused = Embedded::open(&file).unwrap_err();
    assert!(matches!(refused, StoreError::Embedded { .. }), "{refused:?}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn a_position_keeps_its_epoch() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("documents.redb");
    for lsn in [1, 2] {
        let store = Subject::of(Arc::new(Embedded::open(&file).unwrap()));
        store.write(&super::documents::batch(lsn, []));
        assert_eq!(store.cursor(0).lsn, Lsn(lsn));
        assert_eq!(store.cursor(0).shard, ShardId(0));
    }
}
