//! The rules that sled's ways make necessary, one test for each. The test's name says the rule; its comment says which
//! safeguard it fails without, and where the rule rests on a fact about sled 0.34.7, the fact is shown beside it.
//!
//! Elsewhere: syncing (`power_loss`), damage of every kind (`damage`), the mark's own bytes (`mark`).

use crate::common::probe::{Outcome, PROBE, parse, read, write};
use crate::common::{append, frame_after, one_at_a_time, open, read_all, time};
use gavel_core::{Epoch, Lsn, ShardId};
use gavel_log::limits::{FRAME_BYTES_MAX, RECORD_BYTES_MAX, SEGMENT_BYTES};
use gavel_log::scanner::Cause;
use gavel_log::{DirLock, Frame, LockError, Log, OpenError, Tip, scan_dir};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const A: ShardId = ShardId(0);

fn db(dir: &Path) -> PathBuf {
    dir.join("log/db")
}

fn flip(file: &Path, at: u64) {
    let file = fs::File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
}

/// A closed log of one shard.
fn closed_log(frames: u64) -> (TempDir, Vec<Frame>) {
    let dir = TempDir::new().unwrap();
    let mut log = open(dir.path()).unwrap().0;
    let frames = (0..frames).map(|index| append(&mut *log, A, 100 + index % 100, 60)).collect();
    log.close(time(9)).unwrap();
    (dir, frames)
}

/// How many values sled itself finds when it opens the directory.
fn sled_alone(dir: &Path) -> sled::Result<usize> {
    let config = sled::Config::new().path(dir.join("log")).segment_size(SEGMENT_BYTES);
    config.open().map(|db| db.iter().filter(Result::is_ok).count())
}

/// The scanner rests on it: however sled writes pages anew, a value's bytes stay together.
#[test]
fn values_lie_contiguous_in_the_file() {
    let _one = one_at_a_time();
    let (dir, frames) = closed_log(200);
    let bytes = fs::read(db(dir.path())).unwrap();
    for frame in &frames {
        assert!(memchr::memmem::find(&bytes, frame.bytes()).is_some(), "{frame:?} lies in pieces");
    }
    let scan = scan_dir(dir.path()).unwrap().unwrap();
    let found = &scan.logs()[&A];
    assert_eq!(found.iter().map(|found| scan.read(found).unwrap()).collect::<Vec<_>>(), frames);
    assert!(found.iter().all(|found| found.reached), "sled reads all of a whole log");
}

/// Safeguards: segments of 8 MiB, frames of at most 32 KiB. Blobs are files that sled never syncs.
#[test]
fn the_largest_frames_make_no_blobs() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let mut log = open(dir.path()).unwrap().0;
    for shard in [A, ShardId(9)] {
        for _ in 0..60 {
            let frame = append(&mut *log, shard, 32, 1_018);
            assert!(frame.bytes().len() > FRAME_BYTES_MAX - 1_024);
            append(&mut *log, shard, 1, RECORD_BYTES_MAX);
        }
    }
    assert_eq!(fs::read_dir(dir.path().join("log/blobs")).unwrap().count(), 0);
    drop(log);

    // The fact: on sled's own segments the same frames would become blobs.
    let plain = TempDir::new().unwrap();
    let sled = sled::open(plain.path()).unwrap();
    for index in 0..60_u32 {
        sled.insert(index.to_be_bytes(), vec![7; FRAME_BYTES_MAX]).unwrap();
    }
    sled.flush().unwrap();
    assert_ne!(fs::read_dir(plain.path().join("blobs")).unwrap().count(), 0);
}

/// Safeguard: the look at `blobs/` before opening.
#[test]
fn a_log_with_a_blob_is_refused() {
    let _one = one_at_a_time();
    let (dir, _) = closed_log(5);
    fs::write(dir.path().join("log/blobs/17"), "x").unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(&error, OpenError::Blob { path } if path.ends_with("log/blobs/17")), "{error}");
}

/// Safeguard: the scan before opening, against the mark.
#[test]
fn a_damaged_frame_is_refused_by_name_and_the_file_left_alone() {
    let _one = one_at_a_time();
    let (dir, frames) = closed_log(200);
    // Every copy of one frame in the middle.
    let (victim, bytes) = (&frames[50], fs::read(db(dir.path())).unwrap());
    for at in memchr::memmem::find_iter(&bytes, victim.bytes()) {
        flip(&db(dir.path()), at as u64 + 500);
    }
    let damaged = fs::read(db(dir.path())).unwrap();
    match open(dir.path()).unwrap_err() {
        OpenError::Flaw(flaw) => {
            assert_eq!((flaw.shard, flaw.at, flaw.path), (A, victim.last(), db(dir.path())));
            assert!(matches!(flaw.cause, Cause::Damaged { .. }), "{}", flaw.cause);
        }
        other => panic!("{other}"),
    }
    assert_eq!(fs::read(db(dir.path())).unwrap(), damaged);

    // The fact: sled opens it, without a word, with the frames before the damage, and writes over the rest.
    assert!(sled_alone(dir.path()).unwrap() < frames.len());
}

/// Safeguard: following sled's own messages. Every frame is whole, but sled would not read as far.
#[test]
fn frames_that_sled_would_not_reach_are_refused() {
    let _one = one_at_a_time();
    let (dir, frames) = closed_log(100);
    let scan = scan_dir(dir.path()).unwrap().unwrap();
    let hidden = scan.logs()[&A][40];
    // Before a frame lie its length and key, and before those the header of sled's message.
    flip(&db(dir.path()), hidden.offset - 20);
    match open(dir.path()).unwrap_err() {
        OpenError::Flaw(flaw) => assert!(matches!(flaw.cause, Cause::Hidden { .. }), "{flaw}"),
        other => panic!("{other}"),
    }
    assert_eq!(
        scan_dir(dir.path()).unwrap().unwrap().logs()[&A].len(),
        frames.len(),
        "all is there for salvage"
    );
    assert!(sled_alone(dir.path()).unwrap() < frames.len(), "the fact: sled would have dropped them");
}

/// Safeguards: the look at the tips after opening, and the chain when reading. The frame's bytes are in the file, where the scan
/// finds them, but sled's own tables do not hold it.
#[test]
fn a_frame_that_only_sled_has_lost_is_noticed() {
    let _one = one_at_a_time();
    let key = |frame: &Frame| [&[0, 0], &frame.first().0.to_be_bytes()[..]].concat();
    let forget = |dir: &Path, frame: &Frame| {
        let sled = sled::Config::new().path(dir.join("log")).segment_size(SEGMENT_BYTES).open().unwrap();
        assert!(sled.remove(key(frame)).unwrap().is_some());
        sled.flush().unwrap();
    };
    let (dir, frames) = closed_log(5);
    forget(dir.path(), &frames[4]);
    match open(dir.path()).unwrap_err() {
        OpenError::Lost { shard, at, .. } => assert_eq!((shard, at), (A, frames[4].last())),
        other => panic!("{other}"),
    }

    let (dir, frames) = closed_log(5);
    forget(dir.path(), &frames[2]);
    let log = open(dir.path()).unwrap().0;
    let read: Vec<_> = log.read_from(A, Lsn(1)).collect();
    let error = read[2].as_ref().unwrap_err();
    assert_eq!((read.len(), error.shard, error.at), (3, A, frames[2].first()));
}

/// Safeguard: the mark is required. Without it a log that lost its tail looks like one that never had it.
#[test]
fn a_log_without_its_mark_is_refused_and_a_mark_without_its_log() {
    let _one = one_at_a_time();
    let (dir, _) = closed_log(5);
    fs::rename(dir.path().join("mark"), dir.path().join("elsewhere")).unwrap();
    assert!(matches!(open(dir.path()), Err(OpenError::NoMark { .. })));
    fs::rename(dir.path().join("elsewhere"), dir.path().join("mark")).unwrap();
    fs::remove_dir_all(dir.path().join("log")).unwrap();
    assert!(matches!(open(dir.path()), Err(OpenError::NoLog { records, .. }) if records == 510));
}

/// Safeguard: the mark moves with the log. What is damaged behind it is a torn tail; what is damaged before it is not.
#[test]
fn damage_is_told_from_a_torn_tail_by_the_mark() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let mut log = open(dir.path()).unwrap().0;
    let first = append(&mut *log, A, 10, 60);
    log.mark(time(2)).unwrap();
    let second = append(&mut *log, A, 10, 60);
    drop(log);
    let scan = scan_dir(dir.path()).unwrap().unwrap();
    let [first_at, second_at] = [0, 1].map(|index| scan.logs()[&A][index].offset);

    flip(&db(dir.path()), second_at + 100);
    let (log, opened) = open(dir.path()).unwrap();
    assert_eq!((opened.clean, opened.alive_until), (false, Some(time(2))));
    assert_eq!(read_all(&*log, A), std::slice::from_ref(&first));
    assert_ne!(second, first);
    drop(log);

    flip(&db(dir.path()), first_at + 100);
    assert!(matches!(open(dir.path()), Err(OpenError::Flaw(flaw)) if flaw.at == first.last()));
}

/// Safeguard: the mark holds the epoch before its first frame is written. By the frames alone, an epoch whose frames were all lost
/// would be used again, and one position mean two things.
#[test]
fn no_epoch_is_used_twice_even_when_nothing_of_it_is_left() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    for last in 0..4 {
        let (log, opened) = open(dir.path()).unwrap();
        assert_eq!((opened.last_epoch, log.shards()), (Epoch(last), vec![]));
    }
    let mut log = open(dir.path()).unwrap().0;
    log.commit(&[frame_after(A, Epoch(9), Tip::default(), 1, 60)]).unwrap();
    drop(log);
    assert_eq!(open(dir.path()).unwrap().1.last_epoch, Epoch(9), "by the frames, where they know more");
}

/// Safeguard: panics of the engine are caught, and its words go into the error. In a process of its own, to see the
/// screen (`read` insists that it stays empty).
#[test]
fn a_panic_on_opening_is_an_error_and_stays_off_the_screen() {
    let dir = TempDir::new().unwrap();
    write(dir.path(), 5, 2, "closed");
    // Two segments that claim the same place: sled asserts that there are none.
    let mut bytes = fs::read(db(dir.path())).unwrap();
    bytes.resize(SEGMENT_BYTES, 0);
    bytes.extend_from_within(..);
    fs::write(db(dir.path()), bytes).unwrap();
    match read(dir.path()) {
        Outcome::Refused(why) => {
            assert!(
                why.contains("log/db") && why.contains("duplicate segment") && why.contains("copy it"),
                "{why}"
            );
        }
        other => panic!("{other:?}"),
    }
}

/// Safeguard: one sled database per process. Two share one lock, and a commit then takes ten times as long.
#[test]
fn a_process_has_one_log_and_gets_it_back_when_the_last_handle_goes() {
    let _one = one_at_a_time();
    let (dir, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let log = open(dir.path()).unwrap().0;
    let reader = log.reader();
    assert!(matches!(open(other.path()), Err(OpenError::AlreadyOpen)));
    drop(log);
    assert!(matches!(open(other.path()), Err(OpenError::AlreadyOpen)), "a reader keeps it open");
    drop(reader);
    drop(open(other.path()).unwrap());
}

/// Safeguard: the lock on the directory, which tells who holds it.
#[test]
fn a_second_process_is_told_who_has_the_directory() {
    let dir = TempDir::new().unwrap();
    let lock = DirLock::acquire(dir.path(), "resp 127.0.0.1:7400").unwrap();
    let me = std::process::id().to_string();
    match read(dir.path()) {
        Outcome::Refused(why) => assert!(why.contains(&me) && why.contains("127.0.0.1:7400"), "{why}"),
        other => panic!("{other:?}"),
    }
    lock.announce("resp 127.0.0.1:7999").unwrap();
    match DirLock::acquire(dir.path(), "second").unwrap_err() {
        LockError::Held { holder, .. } => assert_eq!(holder, format!("{me} (resp 127.0.0.1:7999)")),
        other => panic!("{other}"),
    }
    drop(lock);
    assert!(matches!(read(dir.path()), Outcome::Ok(_)));
}

/// Safeguard: leftovers are cleared before opening. sled takes a half-written snapshot for the newest one.
#[test]
fn a_half_written_snapshot_does_no_harm() {
    let _one = one_at_a_time();
    let (dir, frames) = closed_log(20);
    let leftover = dir.path().join("log/snap.00000000FFFFFFFF.generating");
    fs::write(&leftover, "half of a snap").unwrap();
    assert!(sled_alone(dir.path()).is_err(), "the fact: sled does not open");
    let log = open(dir.path()).unwrap().0;
    assert_eq!(read_all(&*log, A), frames);
    assert!(!leftover.exists());
}

/// Safeguard: without a mark nothing was ever acknowledged, so a half-made database is made anew.
#[test]
fn a_start_that_was_cut_off_is_made_anew() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("log/blobs")).unwrap();
    fs::write(dir.path().join("log/conf"), "segment_size: 83").unwrap();
    fs::write(db(dir.path()), vec![0; 4_096]).unwrap();
    assert!(sled_alone(dir.path()).is_err(), "the fact: sled does not open");
    let (mut log, opened) = open(dir.path()).unwrap();
    assert_eq!((opened.clean, opened.alive_until), (true, None));
    append(&mut *log, A, 10, 60);
}

/// Safeguard: sled's small files are checked by name before it opens.
#[test]
fn damage_to_the_engines_small_files_is_refused_by_name() {
    let _one = one_at_a_time();
    let (dir, _) = closed_log(20);
    let snapshot = fs::read_dir(dir.path().join("log")).unwrap().map(|entry| entry.unwrap().path());
    let snapshots: Vec<PathBuf> = snapshot.filter(|path| path.to_str().unwrap().contains("snap.")).collect();
    // A log that was never opened a second time has no snapshot yet.
    for path in snapshots.into_iter().chain([dir.path().join("log/conf")]) {
        flip(&path, 3);
        match open(dir.path()).unwrap_err() {
            OpenError::EngineFile { path: named, .. } => assert_eq!(named, path),
            other => panic!("{other}"),
        }
        flip(&path, 3);
    }
    open(dir.path()).unwrap();
}

/// Safeguard: epoch and chain decide which frames count, among old copies, frames that never finished and what followed
/// them.
#[test]
fn the_scanner_follows_the_chain_that_counts() {
    let dir = TempDir::new().unwrap();
    let first = frame_after(A, Epoch(1), Tip::default(), 10, 60);
    let second = frame_after(A, Epoch(1), Tip::of(&first), 10, 60);
    let never_finished = frame_after(A, Epoch(1), Tip::of(&second), 10, 60);
    let after_that = frame_after(A, Epoch(1), Tip::of(&never_finished), 10, 60);
    let third = frame_after(A, Epoch(2), Tip::of(&second), 4, 60);
    let fourth = frame_after(A, Epoch(2), Tip::of(&third), 4, 60);
    let other_shard = frame_after(ShardId(1), Epoch(1), Tip::default(), 3, 60);
    let order =
        [&fourth, &after_that, &first, &second, &first, &never_finished, &other_shard, &third, &second];
    let mut file = Vec::new();
    for frame in order {
        file.extend_from_slice(b"something of sled's");
        file.extend_from_slice(frame.bytes());
    }
    file.extend_from_slice(&third.bytes()[..100]);
    fs::create_dir_all(dir.path().join("log")).unwrap();
    fs::write(db(dir.path()), &file).unwrap();

    let scan = scan_dir(dir.path()).unwrap().unwrap();
    let logs = scan.logs();
    let log: Vec<Frame> = logs[&A].iter().map(|found| scan.read(found).unwrap()).collect();
    assert_eq!(log, [first, second, third, fourth]);
    assert_eq!(scan.tips().values().map(|tip| tip.lsn).collect::<Vec<_>>(), [Lsn(28), Lsn(3)]);
    assert_eq!((scan.frames(), scan.damaged().len()), (7, 1));
    assert_eq!(fs::read(db(dir.path())).unwrap(), file, "a scan changes nothing");
}

/// Safeguard: any failure ends the log. A write that the system refuses (a limit on file size stands for a full disk) is told,
/// nothing is acknowledged after it, and everything acknowledged before it is there.
#[test]
fn a_failed_write_ends_the_log_and_loses_nothing_acknowledged() {
    let dir = TempDir::new().unwrap();
    let script = "trap '' XFSZ; ulimit -f 4096; exec \"$@\"";
    let mut limited = Command::new("sh");
    limited.args(["-c", script, "sh", PROBE, "write"]).arg(dir.path()).args(["400", "5", "closed"]);
    let output = limited.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "nothing reaches the screen");
    let said = String::from_utf8(output.stdout).unwrap();
    let (before, last) = said.trim_end().rsplit_once('\n').unwrap();
    assert!(last.starts_with("refused the disk failed"), "{last}");
    let acknowledged = parse(before).durable.pop().unwrap();
    match read(dir.path()) {
        Outcome::Ok(found) => {
            for (shard, (lsn, _)) in acknowledged {
                assert!(found[&shard].0 >= lsn, "shard {shard}: {} of {lsn}", found[&shard].0);
            }
        }
        other => panic!("{other:?}"),
    }
}
