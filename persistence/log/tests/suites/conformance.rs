//! What every implementation of `Log` promises, run against all of them. Each promise is a function over `dyn Log`; what
//! is durable is found by opening the log again.

use crate::common::{append, frame_after, one_at_a_time, open, read_all, time};
use gavel_core::{Epoch, Lsn, ShardId};
use gavel_log::{Contents, Faults, Frame, Log, LogError, LossyLog, MemoryLog, Refusal, Tip};
use tempfile::TempDir;

const A: ShardId = ShardId(0);
const B: ShardId = ShardId(255);

/// A log that can be opened again after it was dropped.
trait Store {
    fn open(&mut self) -> Box<dyn Log>;
}

struct Memory(Contents);

impl Store for Memory {
    fn open(&mut self) -> Box<dyn Log> {
        Box::new(MemoryLog::open(self.0.clone()))
    }
}

struct Lossy(Contents);

impl Store for Lossy {
    fn open(&mut self) -> Box<dyn Log> {
        let log = LossyLog::open(&self.0, Faults::default());
        self.0 = log.disk();
        Box::new(log)
    }
}

struct Sled(TempDir);

impl Store for Sled {
    fn open(&mut self) -> Box<dyn Log> {
        open(self.0.path()).expect("a log that opens").0
    }
}

fn with_each(test: fn(&mut dyn Store)) {
    let _one = one_at_a_time();
    test(&mut Memory(Contents::default()));
    test(&mut Lossy(Contents::default()));
    test(&mut Sled(TempDir::new().unwrap()));
}

#[test]
fn a_new_log_is_empty() {
    with_each(|store| {
        let log = store.open();
        assert_eq!(log.shards(), []);
        assert_eq!(log.tip(A), Tip::default());
        assert_eq!(log.durable(A), Lsn(0));
        assert!(log.read_from(A, Lsn(1)).next().is_none());
    });
}

#[test]
fn what_was_committed_reads_back_exactly_and_survives() {
    with_each(|store| {
        let mut log = store.open();
        let mut expected: [Vec<Frame>; 2] = Default::default();
        for round in 1..=40 {
            expected[0].push(append(&mut *log, A, round, 20));
            expected[1].push(append(&mut *log, B, 1, round as usize * 250));
        }
        for reopened in [false, true] {
            if reopened {
                drop(log);
                log = store.open();
            }
            assert_eq!(log.shards(), [A, B]);
            for (shard, expected) in [A, B].into_iter().zip(&expected) {
                assert_eq!(&read_all(&*log, shard), expected);
                assert_eq!(log.tip(shard), Tip::of(expected.last().unwrap()));
            }
        }
    });
}

#[test]
fn reading_starts_with_the_frame_that_holds_the_position() {
    with_each(|store| {
        let mut log = store.open();
        let frames: Vec<Frame> = (0..5).map(|_| append(&mut *log, A, 10, 30)).collect();
        append(&mut *log, ShardId(1), 3, 30);
        for lsn in 1..=50 {
            let read: Vec<Frame> = log.read_from(A, Lsn(lsn)).map(Result::unwrap).collect();
            assert_eq!(read, frames[(lsn as usize - 1) / 10..], "from {lsn}");
        }
        assert!(log.read_from(A, Lsn(51)).next().is_none());
        assert!(log.read_from(A, Lsn(u64::MAX)).next().is_none());
        assert!(log.read_from(B, Lsn(1)).next().is_none());
    });
}

#[test]
fn readers_work_from_other_threads_and_end_at_what_was_durable() {
    with_each(|store| {
        let mut log = store.open();
        append(&mut *log, A, 10, 30);
        let before = log.reader().read_from(A, Lsn(1));
        append(&mut *log, A, 10, 30);
        assert_eq!(before.map(|frame| frame.unwrap().last()).collect::<Vec<_>>(), [Lsn(10)]);
        let reader = log.reader();
        let read = std::thread::spawn(move || reader.read_from(A, Lsn(1)).map(Result::unwrap).count());
        append(&mut *log, A, 10, 30);
        assert!((2..=3).contains(&read.join().unwrap()));
    });
}

#[test]
fn a_frame_that_does_not_continue_its_shard_is_refused_and_nothing_changes() {
    with_each(|store| {
        let mut log = store.open();
        let first = append(&mut *log, A, 10, 30);
        let tip = log.tip(A);
        let gap = frame_after(A, Epoch(1), Tip { lsn: Lsn(11), ..tip }, 1, 30);
        let again = first.clone();
        let other_chain = frame_after(A, Epoch(1), Tip { lsn: tip.lsn, ..Tip::default() }, 1, 30);
        let good = frame_after(B, Epoch(1), Tip::default(), 1, 30);
        for wrong in [gap, again, other_chain] {
            let result = log.commit(&[good.clone(), wrong]);
            assert!(matches!(result, Err(LogError::Refused(Refusal::Chain(_)))), "{result:?}");
            assert_eq!(log.shards(), [A]);
        }
        append(&mut *log, A, 1, 30);
        log.commit(&[good]).expect("a refusal leaves the log usable");
    });
}

#[test]
fn a_later_epoch_follows_an_earlier_one_and_never_the_other_way() {
    with_each(|store| {
        let mut log = store.open();
        append(&mut *log, A, 10, 30);
        let second = frame_after(A, Epoch(2), log.tip(A), 5, 30);
        log.commit(&[second]).unwrap();
        assert_eq!(log.tip(A).epoch, Epoch(2));
        let back = frame_after(A, Epoch(1), Tip { epoch: Epoch(1), ..log.tip(A) }, 5, 30);
        assert!(matches!(log.commit(&[back]), Err(LogError::Refused(_))));
    });
}

#[test]
fn one_commit_may_hold_several_frames_of_a_shard() {
    with_each(|store| {
        let mut log = store.open();
        let first = frame_after(A, Epoch(1), Tip::default(), 10, 30);
        let second = frame_after(A, Epoch(1), Tip::of(&first), 10, 30);
        log.commit(&[first.clone(), second.clone()]).unwrap();
        assert_eq!(read_all(&*log, A), [first, second]);
        log.commit(&[]).unwrap();
    });
}

#[test]
fn marking_and_closing_keep_everything() {
    with_each(|store| {
        let mut log = store.open();
        let frame = append(&mut *log, A, 10, 30);
        log.mark(time(5)).unwrap();
        log.close(time(6)).unwrap();
        let log = store.open();
        assert_eq!(read_all(&*log, A), [frame]);
    });
}

/// A log that keeps everything has nothing to do here; one that truncates must keep all its other promises all the same.
#[test]
fn what_was_truncated_reads_back_exactly_and_survives() {
    with_each(|store| {
        let mut log = store.open();
        let mut expected: [Vec<Frame>; 2] = Default::default();
        for round in 1..=20 {
            for (shard, expected) in [A, B].into_iter().zip(&mut expected) {
                expected.push(append(&mut *log, shard, round, 40));
            }
            log.mark(time(round)).unwrap();
            if let Some(trimmer) = log.trimmer().filter(|_| round % 3 == 0) {
                let moved = trimmer.archive(A, Lsn(u64::MAX), time(round)).unwrap();
                assert_eq!(moved.archived, Lsn(expected[0].last().unwrap().first().0 - 1));
            }
        }
        for reopened in [false, true] {
            if reopened {
                drop(log);
                log = store.open();
            }
            let reader = log.reader();
            for (shard, expected) in [A, B].into_iter().zip(&expected) {
                assert_eq!(&read_all(&*log, shard), expected);
                assert_eq!(
                    (reader.oldest(shard), log.tip(shard)),
                    (Lsn(1), Tip::of(expected.last().unwrap()))
                );
                let middle = expected[7].first().next();
                assert_eq!(log.read_from(shard, middle).next().unwrap().unwrap(), expected[7]);
            }
            assert_eq!(reader.oldest(ShardId(9)), Lsn(1), "of a shard without records");
        }
    });
}
