//! Goal: cursors are kept for whoever has a name, and nobody else's. Method: the registry alone, over a file in a temporary
//! directory.

use super::*;

fn name(text: &str) -> ConsumerName {
    ConsumerName::new(text).unwrap()
}

fn at(shard: u8, epoch: u32, lsn: u64) -> Position {
    Position { shard: ShardId(shard), epoch: Epoch(epoch), lsn: Lsn(lsn) }
}

fn in_memory() -> Arc<Consumers> {
    Consumers::open(None, Clock::system()).unwrap()
}

#[test]
fn the_floor_is_the_slowest_cursor_of_those_who_follow_the_shard() {
    let consumers = in_memory();
    assert_eq!(consumers.floor(ShardId(0)), None);
    let slow = consumers.attach(name("slow"), at(0, 1, 5)).unwrap();
    let fast = consumers.attach(name("fast"), at(0, 1, 9)).unwrap();
    let elsewhere = consumers.attach(name("elsewhere"), at(1, 1, 2)).unwrap();
    assert_eq!((consumers.floor(ShardId(0)), consumers.floor(ShardId(1))), (Some(Lsn(5)), Some(Lsn(2))));
    slow.acknowledge(at(0, 1, 12).into()).unwrap();
    assert_eq!(consumers.floor(ShardId(0)), Some(Lsn(9)));
    fast.acknowledge(at(0, 1, 3).into()).unwrap();
    assert_eq!(consumers.floor(ShardId(0)), Some(Lsn(9)), "a cursor never goes back by an acknowledgement");
    drop((slow, fast, elsewhere));
    assert_eq!(consumers.floor(ShardId(0)), Some(Lsn(9)), "who has left comes back, and still needs it");
}

#[test]
fn a_newer_connection_takes_the_cursor_over() {
    let consumers = in_memory();
    let older = consumers.attach(name("c"), at(0, 1, 5)).unwrap();
    let newer = consumers.attach(name("c"), at(0, 1, 4)).unwrap();
    assert!(!older.is_current() && newer.is_current());
    assert_eq!(consumers.floor(ShardId(0)), Some(Lsn(4)), "where the consumer itself says that it is");
    let newer = (newer, consumers.attach(name("c"), at(0, 1, 9)).unwrap()).1;
    assert_eq!(consumers.floor(ShardId(0)), Some(Lsn(4)), "what it holds, it is not done with yet");
    assert_eq!(older.acknowledge(at(0, 1, 7).into()), Err(TakenOver));
    drop(older);
    assert!(consumers.list()[0].is_connected, "the older one's end is not the newer one's");
    newer.acknowledge(at(0, 1, 6).into()).unwrap();
    drop(newer);
    assert!(!consumers.list()[0].is_connected);
    assert_eq!(consumers.list()[0].cursors, [at(0, 1, 6)]);
}

#[test]
fn only_who_is_known_and_gone_is_forgotten() {
    let consumers = in_memory();
    assert_eq!(consumers.forget(&name("c")), Err(ForgetError::Unknown(name("c"))));
    let attached = consumers.attach(name("c"), at(0, 1, 5)).unwrap();
    assert_eq!(consumers.forget(&name("c")), Err(ForgetError::Connected(name("c"))));
    drop(attached);
    assert_eq!(consumers.forget(&name("c")), Ok(()));
    assert_eq!((consumers.floor(ShardId(0)), consumers.list().len()), (None, 0));
}

#[test]
fn consumers_are_bounded_and_those_there_are_can_always_come_back() {
    let consumers = in_memory();
    for number in 0..CONSUMERS_MAX {
        consumers.attach(name(&format!("c{number}")), at(0, 0, 0)).unwrap();
    }
    assert_eq!(consumers.attach(name("one-more"), at(0, 0, 0)).unwrap_err(), TooManyConsumers);
    consumers.attach(name("c0"), at(0, 0, 0)).unwrap();
}

#[test]
fn what_was_saved_is_known_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consumers.json");
    let consumers = Consumers::open(Some(path.clone()), Clock::system()).unwrap();
    let saver = Saver::start(Arc::clone(&consumers)).unwrap();
    let attached = consumers.attach(name("c"), at(3, 2, 7)).unwrap();
    attached.acknowledge(at(3, 2, 9).into()).unwrap();
    saver.stop();
    let again = Consumers::open(Some(path), Clock::system()).unwrap();
    let [report] = &again.list()[..] else { panic!("one consumer") };
    assert_eq!((report.is_connected, &report.cursors[..]), (false, &[at(3, 2, 9)][..]));
    assert_eq!(report.last_seen, consumers.list()[0].last_seen);
}

#[test]
fn a_damaged_file_is_put_aside_and_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consumers.json");
    for damaged in ["", "{", r#"{"version":1,"consumers":[{"name":"a b","last_seen_us":0,"cursors":[]}]}"#] {
        std::fs::write(&path, damaged).unwrap();
        assert!(Consumers::open(Some(path.clone()), Clock::system()).unwrap().list().is_empty());
        assert_eq!(std::fs::read_to_string(beside_damaged(&path)).unwrap(), damaged, "it is kept for people");
        assert!(!path.exists());
    }
}

#[test]
fn a_file_that_is_whole_and_cannot_be_read_is_not_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consumers.json");
    let newer = r#"{"version":9,"consumers":[]}"#;
    std::fs::write(&path, newer).unwrap();
    let error = Consumers::open(Some(path.clone()), Clock::system()).err().unwrap();
    assert!(error.to_string().contains("version 9"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), newer);
    // What the system does not let be read: a folder in the file's place.
    let folder_there = folder.path().join("folder");
    std::fs::create_dir(&folder_there).unwrap();
    assert!(Consumers::open(Some(folder_there.clone()), Clock::system()).is_err());
    assert!(folder_there.is_dir());
}

fn beside_damaged(path: &std::path::Path) -> PathBuf {
    path.with_file_name("consumers.json.damaged")
}
