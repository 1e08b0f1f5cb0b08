//! Goal: the harness for MongoDB starts what it says: a replica set that takes journaled majority writes, keeps them through SIGKILL, can be
//! paused and made to fail, elects another primary, and leaves nothing behind.
//!
//! Method: plain commands of MongoDB to genuine mongods, beside any code of the read side.

use gavel_tests::ReplicaSet;
use gavel_tests::mongodb::Fault;
use mongodb::bson::{Document, doc};
use rustix::process::{Pid, Signal, test_kill_process};

const DATABASE: &str = "harness";

fn insert(id: i32) -> Document {
    let concern = doc! { "w": "majority", "j": true };
    doc! { "insert": "things", "documents": [{ "_id": id }], "writeConcern": concern }
}

fn count(set: &ReplicaSet) -> i32 {
    set.command(DATABASE, &doc! { "count": "things" }).unwrap().get_i32("n").unwrap()
}

#[test]
fn a_journaled_write_is_there_after_a_kill_and_nothing_stays_behind() {
    let mut set = ReplicaSet::fresh();
    let version = set.command("admin", &doc! { "buildInfo": 1 }).unwrap();
    println!("tested on MongoDB {}", version.get_str("version").unwrap());
    for id in 0..20 {
        let done = set.command(DATABASE, &insert(id)).unwrap();
        assert_eq!((done.get_i32("n").unwrap(), done.get("writeErrors")), (1, None), "{done}");
    }
    set.kill9();
    assert!(set.nodes().iter().all(|node| !node.is_running()));
    set.run().unwrap();
    assert_eq!(count(&set), 20);
    let (dir, id) = (set.nodes()[0].dir().to_owned(), set.nodes()[0].id().unwrap());
    assert!(dir.is_dir());
    drop(set);
    assert!(!dir.exists(), "its directory goes with it");
    let pid = Pid::from_raw(id.cast_signed()).unwrap();
    assert!(test_kill_process(pid).is_err(), "it does not outlive its handle");
}

#[test]
fn it_fails_as_told_and_so_often() {
    let set = ReplicaSet::fresh();
    set.fail(&Fault::refused(2, &["insert"], 10_107));
    for _ in 0..2 {
        let error = set.command(DATABASE, &insert(1)).unwrap_err();
        assert!(error.to_string().contains("10107"), "{error}");
    }
    set.command(DATABASE, &insert(1)).unwrap();
    set.fail(&Fault::lost(1, &["insert"]));
    set.command(DATABASE, &insert(2)).unwrap_err();
    assert_eq!(count(&set), 1, "what was lost was not run");
    set.fail(&Fault::write_concern(1, &["insert"], 91));
    let done = set.command(DATABASE, &insert(2)).unwrap();
    assert_eq!(done.get_document("writeConcernError").unwrap().get_i32("code").unwrap(), 91);
    assert_eq!(count(&set), 2, "what failed to replicate was run");
    set.fail(&Fault::refused(1_000, &["insert"], 10_107));
    set.heal();
    set.command(DATABASE, &insert(3)).unwrap();
}

#[test]
fn a_paused_one_answers_again_when_it_goes_on() {
    let set = ReplicaSet::fresh();
    set.command(DATABASE, &insert(1)).unwrap();
    set.signal(0, Signal::STOP);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| count(&set));
        assert!(!asked.is_finished(), "a paused one does not answer");
        // The question is on its way, or will be: either way it is answered only by one that runs.
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert!(!asked.is_finished(), "a paused one does not answer");
        set.signal(0, Signal::CONT);
        assert_eq!(asked.join().unwrap(), 1);
    });
}

#[test]
fn three_elect_another_primary_and_keep_what_was_acknowledged() {
    let mut set = ReplicaSet::of(3);
    for id in 0..20 {
        set.command(DATABASE, &insert(id)).unwrap();
    }
    let first = set.primary();
    set.nodes()[first].kill9();
    let second = set.primary();
    assert_ne!(first, second);
    assert_eq!(count(&set), 20);
    set.command(DATABASE, &insert(20)).unwrap();
    set.run().unwrap();
    assert_eq!(count(&set), 21);
}
