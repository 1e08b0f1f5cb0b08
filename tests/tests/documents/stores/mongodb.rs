//! Goal: whatever MongoDB does in the middle of a batch (ends, pauses, loses the reply, is no primary any more, can't reach a majority), what
//! was acknowledged stays, the cursor is never ahead of it, and the batch gets through once MongoDB is back.
//!
//! Method: genuine mongods that are killed, paused and told to fail; a link that loses replies; a watcher that reads the cursor, and then the
//! documents that it must not be ahead of, all the while.

use super::Subject;
use super::documents::{auction, auction_id, batch, bid, position, upserts};
use super::subject::id;
use bson::doc;
use gavel_projector::store::{Address, Filter, Listing, MongoDb, Paging, Search, Sort};
use gavel_projector::{Batch, Collection, Store as _, StoreError};
use gavel_tests::mongodb::{Fault, Link};
use gavel_tests::{ReplicaSet, rounds, wait};
use rustix::process::Signal;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Auctions of each batch.
const AUCTIONS: u64 = 40;
/// Bounds that end a try soon, so that the tests of bounds do.
const SHORT: (Duration, Duration) = (Duration::from_millis(300), Duration::from_millis(1_500));
/// Bounds that outlast any election.
const PATIENT: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// Batch `lsn` brings all auctions to that version, and adds a bid, which no other batch writes.
fn batch_of(lsn: u64) -> Batch {
    let others = upserts(Collection::Bids, [bid(1, lsn.cast_signed())]);
    Batch { others, ..batch(lsn, (0..AUCTIONS).map(|number| auction(number, lsn.cast_signed()))) }
}

fn ids() -> Vec<String> {
    (0..AUCTIONS).map(|number| auction_id(number).to_string()).collect()
}

fn versions(store: &Subject) -> Vec<i64> {
    store.load(Collection::Auctions, &ids()).iter().map(|one| one.get_i64("version").unwrap()).collect()
}

fn assert_all_at(store: &Subject, lsn: u64) {
    assert_eq!(versions(store), vec![lsn.cast_signed(); AUCTIONS as usize]);
    assert_eq!(store.cursor(0), position(0, lsn));
}

#[test]
fn commands_that_fail_in_passing_are_sent_again() {
    let set = ReplicaSet::fresh();
    let store = Subject::mongodb(&set.url("faults"), Some(PATIENT));
    let update = &["update", "insert"];
    let faults = [
        // The connection ends; no primary; stepped down; shutting down; no majority; a wait for it that took too long.
        Fault::lost(2, update),
        Fault::refused(2, update, 10_107),
        Fault::refused(2, update, 189),
        Fault::refused(1, update, 11_600),
        Fault::write_concern(2, update, 91),
        Fault::write_concern(2, update, 64),
        Fault::lost(2, &["update", "insert", "find"]),
        Fault::refused(1, &["find"], 13_435),
    ];
    for (fault, lsn) in faults.iter().zip(1..) {
        set.fail(fault);
        store.write(&batch_of(lsn));
        assert_all_at(&store, lsn);
        set.heal();
    }
}

#[test]
fn a_batch_whose_replies_are_lost_is_sent_again_and_changes_nothing_twice() {
    let mut set = ReplicaSet::fresh();
    let link = Link::to(&set.nodes()[0].host());
    let store = Subject::mongodb(&link.url("replies"), Some(PATIENT));
    for lsn in 1..=5 {
        link.lose(3);
        store.write(&batch_of(lsn));
        assert_eq!(link.left(), 0, "all that were to be lost were lost");
        assert_all_at(&store, lsn);
    }
}

#[test]
fn an_answer_that_does_not_come_is_not_waited_for_for_ever() {
    let set = ReplicaSet::fresh();
    let store = Subject::mongodb(&set.url("pause"), Some(SHORT));
    store.write(&batch_of(1));
    set.signal(0, Signal::STOP);
    let late = store.try_write(&batch_of(2)).unwrap_err();
    assert!(late.passes(), "{late}");
    let late = store.try_load(Collection::Auctions, &ids()).unwrap_err();
    assert!(late.passes(), "{late}");
    let search = Listing::Auctions(Search::new(Filter::default(), Sort::EndsAt).unwrap());
    let late = store.try_list(&search, &Paging::new(None, 10).unwrap()).unwrap_err();
    assert!(late.passes(), "{late}");
    set.signal(0, Signal::CONT);
    wait::until("the batch to get through", || store.try_write(&batch_of(3)).ok());
    assert_all_at(&store, 3);
}

#[test]
fn a_late_write_changes_nothing_that_came_meanwhile() {
    let set = ReplicaSet::fresh();
    let short =
        Subject::mongodb(&set.url("late"), Some((Duration::from_millis(300), Duration::from_millis(310))));
    let patient = Subject::mongodb(&set.url("late"), Some(PATIENT));
    for round in 0..5 {
        let lsn = round * 2 + 1;
        set.fail(&Fault::late(1, &["update", "insert"], Duration::from_millis(600)));
        let late = short.try_write(&batch_of(lsn)).unwrap_err();
        assert!(late.passes(), "{late}");
        patient.write(&batch_of(lsn + 1));
        std::thread::sleep(Duration::from_millis(400));
        assert_all_at(&patient, lsn + 1);
    }
}

#[test]
fn a_failure_that_lasts_is_said_at_once_and_by_name() {
    let set = ReplicaSet::fresh();
    let store = Subject::mongodb(&set.url("refused"), None);
    // 13: Unauthorized.
    set.fail(&Fault::refused(1, &["update", "insert"], 13));
    let refused = store.try_write(&batch_of(1)).unwrap_err();
    assert!(matches!(refused, StoreError::Refused { .. }) && !refused.passes(), "{refused}");
    assert_eq!(store.cursor(0).lsn.0, 0);
    // A validator that the database's owner made.
    let validator = doc! { "collMod": "auctions", "validator": { "seller": { "$ne": "3" } } };
    drop(set.command("refused", &validator).unwrap());
    let refused = store.try_write(&batch_of(2)).unwrap_err();
    let StoreError::Document { id, .. } = &refused else { panic!("{refused}") };
    assert_eq!(*id, auction_id(3).to_string());
    assert_eq!(store.cursor(0).lsn.0, 0, "the cursor does not pass what was refused");
}

#[test]
fn a_password_is_in_no_error() {
    let mut set = ReplicaSet::fresh();
    let user = doc! { "createUser": "gavel", "pwd": "right", "roles": ["root"] };
    drop(set.command("admin", &user).unwrap());
    let host = set.nodes()[0].host();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let of = |password: &str, host: &str| {
            let url =
                format!("mongodb://gavel:{password}@{host}/shop?authSource=admin&directConnection=true");
            async move {
                let address = Address::parse(&url).await.unwrap().with_limits(SHORT.1, SHORT.1).unwrap();
                MongoDb::new(address).unwrap()
            }
        };
        of("right", &host).await.prepare().await.unwrap();
        for store in [of("s3cret", &host).await, of("s3cret", "127.0.0.1:1").await] {
            let refused = store.prepare().await.unwrap_err();
            let text = format!("{refused} {refused:?} {store:?}");
            assert!(!text.contains("s3cret"), "{text}");
        }
    });
}

#[test]
fn indexes_are_made_once_and_serve_ending_soon_without_a_sort() {
    let set = ReplicaSet::fresh();
    for _ in 0..2 {
        let store = Subject::mongodb(&set.url("indexes"), None);
        store.write(&batch_of(1));
    }
    let found = set.command("indexes", &doc! { "listIndexes": "auctions" }).unwrap();
    let found = found.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    assert_eq!(found.len(), 8, "{found:?}");
    let filter = doc! { "state": "open", "ends_at": { "$gte": bson::DateTime::from_millis(1_700_000_000_000) },
    "$or": [{ "ends_at": { "$gt": bson::DateTime::from_millis(1_700_000_000_000) } }, { "_id": { "$gt": "2" } }] };
    for filter in [filter, doc! { "state": { "$in": ["open", "closed"] } }] {
        let find =
            doc! { "find": "auctions", "filter": filter, "sort": { "ends_at": 1, "_id": 1 }, "limit": 20 };
        let plan = set.command("indexes", &doc! { "explain": find, "verbosity": "queryPlanner" }).unwrap();
        let plan =
            plan.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap().to_string();
        assert!(plan.contains("by_end") && !plan.contains("\"SORT\""), "{plan}");
    }
}

/// Writes batch after batch, each until it gets through, and watches, until it is told to stop.
struct Run {
    acknowledged: AtomicU64,
    stop: AtomicBool,
}

impl Run {
    fn new() -> Self {
        Self { acknowledged: AtomicU64::new(0), stop: AtomicBool::new(false) }
    }

    fn write(&self, store: &Subject) {
        for lsn in 1.. {
            while let Err(error) = store.try_write(&batch_of(lsn)) {
                assert!(error.passes(), "{error}");
            }
            self.acknowledged.store(lsn, Ordering::SeqCst);
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
        }
    }

    /// The cursor is never ahead of the documents.
    fn watch(&self, store: &Subject) {
        while !self.stop.load(Ordering::SeqCst) {
            let lsn = store.cursor(0).lsn.0;
            if lsn > 0 {
                assert!(versions(store).iter().all(|&version| version >= lsn.cast_signed()), "cursor {lsn}");
                assert_eq!(versions(store).len() as u64, AUCTIONS);
            }
        }
    }

    fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    fn wait_for(&self, more: u64) {
        let aim = self.acknowledged() + more;
        wait::until("further batches", || (self.acknowledged() >= aim).then_some(()));
    }
}

/// Runs a writer and a watcher, and something that gets in their way, which is given the run.
fn under_load(url: &str, trouble: impl FnOnce(&Run)) {
    let run = Run::new();
    let (writer, watcher) = (Subject::mongodb(url, Some(PATIENT)), Subject::mongodb(url, Some(PATIENT)));
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| run.write(&writer));
        let watching = scope.spawn(|| run.watch(&watcher));
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| trouble(&run)));
        run.stop.store(true, Ordering::SeqCst);
        writing.join().unwrap();
        watching.join().unwrap();
        done.unwrap();
    });
    assert_all_at(&watcher, run.acknowledged());
    // What only one batch wrote tells whether that batch was lost.
    let bids: Vec<String> = (1..=run.acknowledged()).map(|lsn| id(&bid(1, lsn.cast_signed()))).collect();
    assert_eq!(
        watcher.load(Collection::Bids, &bids).len(),
        bids.len(),
        "every batch that was acknowledged is there"
    );
}

#[test]
fn a_killed_mongod_loses_nothing_that_was_acknowledged() {
    let mut set = ReplicaSet::fresh();
    let url = set.url("killed");
    under_load(&url, |run| {
        for round in 0..5 * u64::from(rounds(1)) {
            run.wait_for(20);
            std::thread::sleep(Duration::from_millis(round * 7_919 % 50));
            set.kill9();
            set.run().unwrap();
        }
        run.wait_for(5);
    });
}

#[test]
fn a_primary_of_three_that_is_killed_loses_nothing_that_was_acknowledged() {
    let mut set = ReplicaSet::of(3);
    let url = set.url("three");
    under_load(&url, |run| {
        for _ in 0..2 * rounds(1) {
            run.wait_for(20);
            let primary = set.primary();
            set.nodes()[primary].kill9();
            let acknowledged = run.acknowledged();
            run.wait_for(5);
            assert!(run.acknowledged() > acknowledged, "another took over");
            set.run().unwrap();
        }
    });
}

#[test]
fn two_projectors_at_once_come_to_what_one_would() {
    let set = ReplicaSet::fresh();
    let stores = [(); 2].map(|()| Subject::mongodb(&set.url("two"), Some(PATIENT)));
    std::thread::scope(|scope| {
        for store in &stores {
            scope.spawn(|| (1..=100).for_each(|lsn| store.write(&batch_of(lsn))));
        }
    });
    assert_all_at(&stores[0], 100);
}
