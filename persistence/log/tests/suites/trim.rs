//! Truncation and archive: frames that were moved read as before, also while they are being moved; what is moved at most, and what
//! never is; what is removed from the archive, and what never is; what is told when something of the history is missing.
//!
//! Crashes at every point of it: `power_loss`, `kill`. Damage: `damage`.

use crate::common::{append, one_at_a_time, open, read_all, time};
use gavel_core::{Digest, Duration, Epoch, LogId, Lsn, ShardId};
use gavel_log::snapshot::{Foot, Head, Writer, remove_old};
use gavel_log::{
    Archive, DirLock, Expired, Expiry, Frame, Log, OpenError, OpenWarning, ReadCause, SledLog, Tip, Trim,
    TrimError, scan_dir,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

const A: ShardId = ShardId(0);
const B: ShardId = ShardId(255);
const DAY: u64 = 24 * 60 * 60;
const ALL: Lsn = Lsn(u64::MAX);

/// A marked log of one shard, of frames of ten records.
fn marked_log(dir: &Path, frames: u64) -> (Box<SledLog>, Arc<dyn Trim>, Vec<Frame>) {
    let mut log = open(dir).unwrap().0;
    let frames = (0..frames).map(|_| append(&mut *log, A, 10, 60)).collect();
    log.mark(time(2)).unwrap();
    let trimmer = log.trimmer().unwrap();
    (log, trimmer, frames)
}

fn archive_files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(dir.join("archive")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The Lsns at which sled's own frames of shard A begin.
fn in_sled(dir: &Path) -> Vec<u64> {
    let config = sled::Config::new().path(dir.join("log")).segment_size(gavel_log::limits::SEGMENT_BYTES);
    let keys = config.open().unwrap().scan_prefix([0, 0]).keys().map(Result::unwrap).collect::<Vec<_>>();
    keys.iter().map(|key| u64::from_be_bytes(*key.last_chunk().unwrap())).filter(|first| *first > 0).collect()
}

fn snapshot(dir: &Path, shard: ShardId, after: &Frame) {
    let head = Head { shard, from: Tip::of(after), at: time(3) };
    let foot = Foot { until: after.last(), auctions: 0, digest: Digest::default() };
    Writer::create(dir, &head).unwrap().finish(&foot).unwrap();
    remove_old(dir, shard).unwrap();
}

fn expiry(now: u64, keep: u64, bytes_max: Option<u64>) -> Expiry {
    Expiry { now: time(now), keep: Duration::from_micros(keep * 1_000_000), bytes_max }
}

#[test]
fn frames_that_were_moved_read_as_before_and_survive() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (mut log, trimmer, mut frames) = marked_log(dir.path(), 50);
    let other = append(&mut *log, B, 3, 60);
    let moved = trimmer.archive(A, Lsn(205), time(3)).unwrap();
    assert_eq!((moved.frames, moved.removed, moved.archived, moved.files), (20, 20, Lsn(200), 1));
    assert_eq!(moved.frame_bytes, frames[..20].iter().map(|frame| frame.bytes().len() as u64).sum::<u64>());
    frames.push(append(&mut *log, A, 10, 60));
    for lsn in [1, 7, 200, 201, 510] {
        let read: Vec<Frame> = log.read_from(A, Lsn(lsn)).map(Result::unwrap).collect();
        assert_eq!(read, frames[(lsn as usize - 1) / 10..], "from {lsn}");
    }
    let usage = trimmer.usage().unwrap();
    let shard = usage.shards[&A];
    assert_eq!(
        (shard.oldest, shard.archived, shard.log_first, shard.durable),
        (Lsn(1), Lsn(200), Lsn(201), Lsn(510))
    );
    let left = |frames: &[Frame]| frames.iter().map(|frame| frame.bytes().len() as u64).sum::<u64>();
    assert_eq!(usage.log_frame_bytes, left(&frames[20..]) + left(std::slice::from_ref(&other)));
    assert_eq!((usage.archive_bytes, usage.archive_files), (moved.archive_bytes, 1));
    assert_eq!(trimmer.archive(A, Lsn(205), time(3)).unwrap().frames, 0, "there is nothing more to move");
    drop((log, trimmer));

    assert_eq!(in_sled(dir.path())[..2], [201, 211]);
    let (log, opened) = open(dir.path()).unwrap();
    assert_eq!(opened.warnings, []);
    assert_eq!(read_all(&*log, A), frames);
    assert_eq!(read_all(&*log, B), [other]);
    assert_eq!(log.trimmer().unwrap().usage().unwrap().shards[&A].log_frame_bytes, left(&frames[20..]));
}

/// Rule: the last frame stays, so that the log itself tells where it ends.
#[test]
fn the_last_frame_never_moves() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (mut log, trimmer, mut frames) = marked_log(dir.path(), 5);
    for archived in [40, 40] {
        assert_eq!(trimmer.archive(A, ALL, time(3)).unwrap().archived, Lsn(archived));
    }
    assert_eq!(trimmer.archive(B, ALL, time(3)).unwrap().archived, Lsn(0), "a shard without frames");
    frames.push(append(&mut *log, A, 10, 60));
    log.mark(time(4)).unwrap();
    assert_eq!(trimmer.archive(A, ALL, time(4)).unwrap().archived, Lsn(50));
    drop((log, trimmer));
    assert_eq!(in_sled(dir.path()), [51]);
    assert_eq!(read_all(&*open(dir.path()).unwrap().0, A), frames);
}

/// Rule: the archive never goes beyond the mark, so that what the mark tells of is always in the log's reach.
#[test]
fn what_the_mark_does_not_tell_of_does_not_move() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (mut log, trimmer, _) = marked_log(dir.path(), 5);
    (0..5).for_each(|_| drop(append(&mut *log, A, 10, 60)));
    assert_eq!(trimmer.archive(A, ALL, time(3)).unwrap().archived, Lsn(50));
    log.mark(time(4)).unwrap();
    assert_eq!(trimmer.archive(A, ALL, time(5)).unwrap().archived, Lsn(90));
}

#[test]
fn readers_and_commits_go_on_while_frames_are_moved() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (mut log, trimmer, mut frames) = marked_log(dir.path(), 300);
    let (reader, done) = (log.reader(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2_u64)
            .map(|index| {
                let (reader, done, frames) = (reader.clone(), &done, frames.clone());
                scope.spawn(move || {
                    let mut rounds = 0;
                    while !done.load(Ordering::Relaxed) || rounds < 3 {
                        let from = 1 + (rounds * 577 + index * 101) % 3_000;
                        let read =
                            reader.read_from(A, Lsn(from)).take(frames.len() - (from as usize - 1) / 10);
                        let read: Vec<Frame> =
                            read.map(|frame| frame.unwrap_or_else(|error| panic!("{error}"))).collect();
                        assert_eq!(read, frames[(from as usize - 1) / 10..]);
                        rounds += 1;
                    }
                })
            })
            .collect();
        let trimming = scope.spawn(|| {
            for up_to in (0..3_000).step_by(250) {
                trimmer.archive(A, Lsn(up_to), time(3)).unwrap();
            }
        });
        while !trimming.is_finished() {
            frames.push(append(&mut *log, A, 10, 60));
        }
        done.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    assert_eq!(read_all(&*log, A), frames);
}

#[test]
fn how_near_a_record_is_to_leaving_the_archive_is_told() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (_log, trimmer, _) = marked_log(dir.path(), 100);
    for (up_to, now) in [(200, 1), (400, 2), (600, 3)] {
        trimmer.archive(A, Lsn(up_to), time(now * DAY)).unwrap();
    }
    let near = |lsn, days, bytes_max| trimmer.nearness(A, Lsn(lsn), expiry(days * DAY, 10 * DAY, bytes_max));
    assert_eq!((near(1, 7, None), near(200, 7, None)), (Some(60), Some(60)), "a file goes as a whole");
    assert_eq!((near(201, 7, None), near(201, 12, None)), (Some(50), Some(100)));
    for stays in [401, 600, 601, 1_000, 1_001] {
        assert_eq!(near(stays, 99, None), None, "the newest file, the log, nothing: {stays}");
    }
    let bytes = trimmer.usage().unwrap().archive_bytes;
    assert_eq!((near(1, 2, Some(bytes)), near(1, 2, Some(2 * bytes))), (Some(100), Some(50)));
    assert!(near(201, 2, Some(bytes)).unwrap() < 100, "what is older goes before it");
    assert_eq!(near(1, 10, Some(2 * bytes)), Some(90), "whichever is nearer");
}

#[test]
fn old_files_go_by_age_and_by_size_but_not_what_is_needed() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (log, trimmer, frames) = marked_log(dir.path(), 100);
    for (up_to, now) in [(200, 1), (400, 2), (600, 3), (800, 4)] {
        trimmer.archive(A, Lsn(up_to), time(now * DAY)).unwrap();
    }
    let nothing = Expired::default();
    let all_old = expiry(100 * DAY, 1, None);
    assert_eq!(trimmer.expire(all_old).unwrap(), nothing, "without a snapshot replay needs all of it");
    snapshot(dir.path(), A, &frames[59]);
    assert_eq!(trimmer.expire(expiry(DAY + 2, 2, None)).unwrap(), nothing, "not older than that");
    assert_eq!(trimmer.expire(expiry(DAY + 3, 2, None)).unwrap().files, 1);
    assert_eq!(archive_files(dir.path()).len(), 3);

    let bytes = trimmer.usage().unwrap().archive_bytes;
    assert_eq!(trimmer.expire(expiry(DAY + 3, DAY, Some(bytes))).unwrap(), nothing);
    assert_eq!(trimmer.expire(expiry(DAY + 3, DAY, Some(bytes - 1))).unwrap().files, 1);
    let expired = trimmer.expire(expiry(DAY + 3, DAY, Some(0))).unwrap();
    assert_eq!(expired.files, 1, "up to where the snapshot begins");
    assert_eq!(expired.bytes_over, trimmer.usage().unwrap().archive_bytes);
    snapshot(dir.path(), A, &frames[89]);
    assert_eq!(
        trimmer.expire(expiry(DAY + 3, DAY, Some(0))).unwrap(),
        Expired { bytes_over: expired.bytes_over, ..nothing },
        "the one before it may be needed, and the newest file stays"
    );

    let reader = log.reader();
    assert_eq!(reader.oldest(A), Lsn(601));
    let gone = reader.read_from(A, Lsn(600)).next().unwrap().unwrap_err();
    assert_eq!(gone.cause, ReadCause::Gone { oldest: Lsn(601) });
    let rest: Vec<Frame> = reader.read_from(A, Lsn(601)).map(Result::unwrap).collect();
    assert_eq!(rest, frames[60..]);
    drop((log, trimmer, reader));
    let (log, opened) = open(dir.path()).unwrap();
    assert_eq!((opened.warnings, log.reader().oldest(A)), (vec![], Lsn(601)));
}

/// Rule: where little is bid there are not as many files as moves; the newest grows, for a day or 4 MiB.
#[test]
fn a_short_file_is_written_anew_and_longer() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (mut log, trimmer, mut frames) = marked_log(dir.path(), 100);
    let before = log.reader().read_from(A, Lsn(1));
    for up_to in (10..=500).step_by(10) {
        let moved = trimmer.archive(A, Lsn(up_to), time(up_to)).unwrap();
        assert_eq!((moved.frames, moved.archived, moved.files), (1, Lsn(up_to), 1));
        assert_eq!(trimmer.usage().unwrap().archive_bytes, moved.archive_bytes);
    }
    let whole = gavel_log::archive::check(&archive_files(dir.path())[0]).unwrap();
    assert_eq!((whole.frames, whole.first_at, whole.last_at), (50, time(10), time(500)));
    assert_eq!(before.map(Result::unwrap).collect::<Vec<_>>(), frames);

    trimmer.archive(A, Lsn(510), time(10 + DAY)).unwrap();
    assert_eq!(archive_files(dir.path()).len(), 2, "after a day");
    // Frames of 30 KiB: more than are put into a file that has some.
    (0..150).for_each(|_| frames.push(append(&mut *log, A, 30, 1_000)));
    log.mark(time(11 + DAY)).unwrap();
    for _ in 0..2 {
        trimmer.archive(A, ALL, time(11 + DAY)).unwrap();
        frames.push(append(&mut *log, A, 1, 10));
        log.mark(time(12 + DAY)).unwrap();
    }
    assert_eq!(archive_files(dir.path()).len(), 3, "after so many bytes");
    assert_eq!(read_all(&*log, A), frames);
    drop((log, trimmer));
    let (log, opened) = open(dir.path()).unwrap();
    assert_eq!((opened.warnings, read_all(&*log, A)), (vec![], frames));
}

/// Rule: a file that is damaged is not written anew, with or without what is damaged.
#[test]
fn a_damaged_file_is_left_as_it_is() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (log, trimmer, frames) = marked_log(dir.path(), 20);
    trimmer.archive(A, Lsn(100), time(3)).unwrap();
    let file = &archive_files(dir.path())[0];
    let mut bytes = fs::read(file).unwrap();
    bytes[130] ^= 1;
    fs::write(file, &bytes).unwrap();
    assert_eq!(trimmer.archive(A, Lsn(150), time(3)).unwrap().frames, 5);
    assert_eq!((archive_files(dir.path()).len(), fs::read(file).unwrap()), (2, bytes.clone()));
    let rest: Vec<Frame> = log.read_from(A, Lsn(101)).map(Result::unwrap).collect();
    assert_eq!(rest, frames[10..]);
    assert_eq!(
        trimmer.usage().unwrap().archive_files_bad,
        0,
        "a head and an end are all that is looked at unasked"
    );
    drop((log, trimmer));
    bytes[20] ^= 1;
    fs::write(file, &bytes).unwrap();
    let (log, opened) = open(dir.path()).unwrap();
    let usage = log.trimmer().unwrap().usage().unwrap();
    assert_eq!((opened.warnings.len(), usage.archive_files_bad, usage.archive_files), (1, 1, 1));
}

/// Rule: an archive file that cannot be written costs nothing but time.
#[test]
fn a_failed_archive_removes_nothing_and_is_made_up_for_later() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (mut log, trimmer, mut frames) = marked_log(dir.path(), 20);
    fs::write(dir.path().join("archive"), "not a directory").unwrap();
    let error = trimmer.archive(A, ALL, time(3)).unwrap_err();
    assert!(matches!(error, TrimError::Io(_)) && !error.is_fatal(), "{error}");
    assert!(error.to_string().contains(dir.path().to_str().unwrap()), "{error}");
    frames.push(append(&mut *log, A, 10, 60));
    assert_eq!(log.reader().read_from(A, Lsn(1)).count(), 21);
    fs::remove_file(dir.path().join("archive")).unwrap();
    assert_eq!(trimmer.archive(A, ALL, time(3)).unwrap().frames, 20);
    assert_eq!(read_all(&*log, A), frames);
}

/// Rule: where a crash came between archive and removal, the frames are in both, read once, and removed by the next call.
#[test]
fn frames_in_both_places_are_read_once_and_then_removed() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (log, trimmer, frames) = marked_log(dir.path(), 20);
    drop((log, trimmer));
    let untouched = TempDir::new().unwrap();
    crate::common::copy(dir.path(), untouched.path());
    let (log, _) = open(dir.path()).unwrap();
    log.trimmer().unwrap().archive(A, ALL, time(3)).unwrap();
    drop(log);
    crate::common::copy(&dir.path().join("archive"), &untouched.path().join("archive"));

    let (log, opened) = open(untouched.path()).unwrap();
    assert_eq!((opened.warnings, read_all(&*log, A)), (vec![], frames.clone()));
    let moved = log.trimmer().unwrap().archive(A, ALL, time(3)).unwrap();
    assert_eq!((moved.frames, moved.removed), (0, 19));
    assert_eq!(read_all(&*log, A), frames);
    drop(log);
    assert_eq!(in_sled(untouched.path()), [191]);
}

/// Rule: the log itself tells where it begins, so a lost archive is told and costs only what was in it.
#[test]
fn a_lost_archive_is_told_and_the_log_goes_on() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (log, trimmer, frames) = marked_log(dir.path(), 20);
    trimmer.archive(A, Lsn(100), time(3)).unwrap();
    trimmer.archive(A, Lsn(150), time(3 + DAY)).unwrap();
    drop((log, trimmer));
    let files = archive_files(dir.path());

    let mut bytes = fs::read(&files[1]).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&files[1], bytes).unwrap();
    let (log, opened) = open(dir.path()).unwrap();
    let missing = |first, last| OpenWarning::Missing { shard: A, first: Lsn(first), last: Lsn(last) };
    assert!(
        matches!(&opened.warnings[..], [OpenWarning::Archive(bad), gap] if bad.path == files[1] && *gap == missing(101, 150))
    );
    let read: Vec<_> = log.read_from(A, Lsn(1)).collect();
    let error = read.last().unwrap().as_ref().unwrap_err();
    assert!(
        read.len() == 11 && matches!(&error.cause, ReadCause::Archive(bad) if bad.path == files[1]),
        "{error}"
    );
    drop(log);

    fs::remove_dir_all(dir.path().join("archive")).unwrap();
    let (mut log, opened) = open(dir.path()).unwrap();
    assert_eq!(opened.warnings, [missing(1, 150)]);
    assert_eq!(log.reader().oldest(A), Lsn(151));
    let rest: Vec<Frame> = log.read_from(A, Lsn(151)).map(Result::unwrap).collect();
    assert_eq!(rest, frames[15..]);
    append(&mut *log, A, 10, 60);
    log.mark(time(5)).unwrap();
    assert_eq!(
        log.trimmer().unwrap().archive(A, ALL, time(5)).unwrap().frames,
        5,
        "the archive goes on after the hole"
    );
    assert_eq!(log.read_from(A, Lsn(151)).map(Result::unwrap).count(), 6);
    drop(log);
    assert_eq!(open(dir.path()).unwrap().1.warnings, []);
}

/// Rule: what can't be looked at is not taken for what is not there.
#[test]
fn an_archive_that_cannot_be_read_is_an_error() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (log, trimmer, _) = marked_log(dir.path(), 5);
    trimmer.archive(A, ALL, time(3)).unwrap();
    drop((log, trimmer));
    let (archive, aside) = (dir.path().join("archive"), dir.path().join("aside"));
    fs::rename(&archive, &aside).unwrap();
    fs::write(&archive, "no directory").unwrap();
    assert!(Archive::open(dir.path()).is_err());
    assert!(matches!(open(dir.path()), Err(OpenError::Io { .. })));
    fs::remove_file(&archive).unwrap();
    fs::rename(&aside, &archive).unwrap();
    assert_eq!(open(dir.path()).unwrap().1.warnings, []);
}

/// Rule: whoever needs what lies in a damaged file hears of the damage, not that it has expired.
#[test]
fn damage_to_the_oldest_file_is_told_as_damage() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (log, trimmer, frames) = marked_log(dir.path(), 9);
    trimmer.archive(A, Lsn(40), time(3)).unwrap();
    trimmer.archive(A, Lsn(80), time(3 + 2 * DAY)).unwrap();
    drop((log, trimmer));
    let oldest = &archive_files(dir.path())[0];
    fs::write(oldest, b"nothing that is an archive file").unwrap();
    let (log, _) = open(dir.path()).unwrap();
    let first = log.read_from(A, Lsn(1)).next().unwrap().unwrap_err();
    assert!(matches!(first.cause, ReadCause::Archive(_)), "{first}");
    assert_eq!(log.read_from(A, Lsn(41)).next().unwrap().unwrap(), frames[4]);
}

/// Rule: an archive of another log is not taken for this one's.
#[test]
fn an_archive_that_the_log_does_not_follow_is_refused() {
    let _one = one_at_a_time();
    let (dir, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (log, trimmer, _) = marked_log(dir.path(), 20);
    drop((log, trimmer));
    let mut log = open(other.path()).unwrap().0;
    (0..3).for_each(|_| drop(append(&mut *log, A, 50, 61)));
    log.mark(time(3)).unwrap();
    log.trimmer().unwrap().archive(A, ALL, time(3)).unwrap();
    drop(log);
    crate::common::copy(&other.path().join("archive"), &dir.path().join("archive"));
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::Flaw(_)) && error.to_string().contains("Lsn 100"), "{error}");
}

/// Rule: a backup is not taken for a data directory that was never used.
#[test]
fn a_directory_with_an_archive_and_no_log_is_refused() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (log, trimmer, _) = marked_log(dir.path(), 20);
    trimmer.archive(A, ALL, time(3)).unwrap();
    drop((log, trimmer));
    fs::remove_dir_all(dir.path().join("log")).unwrap();
    assert!(matches!(open(dir.path()), Err(OpenError::NoLog { .. })));
    fs::remove_file(dir.path().join("mark")).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(
        matches!(error, OpenError::Backup { .. }) && error.to_string().contains("gavel restore"),
        "{error}"
    );
}

/// The scanner rests on it: the floor is found in the file, also when sled has moved its page.
#[test]
fn the_scanner_finds_the_floor() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (mut log, trimmer, mut frames) = marked_log(dir.path(), 10);
    for round in 1..20 {
        frames.push(append(&mut *log, A, 10, 60));
        log.mark(time(round)).unwrap();
        let archived = trimmer.archive(A, ALL, time(3)).unwrap().archived;
        // sled keeps small writes back until the next commit.
        frames.push(append(&mut *log, A, 10, 60));
        let floor = scan_dir(dir.path()).unwrap().unwrap().floors()[&A];
        assert_eq!(floor.lsn, archived);
        assert_eq!(floor, Archive::open(dir.path()).unwrap().end(A).unwrap());
        assert_eq!(floor.epoch, Epoch(1));
    }
    let scan = scan_dir(dir.path()).unwrap().unwrap();
    let found: Vec<Tip> = scan.logs()[&A].iter().map(|found| found.tip).collect();
    assert_eq!(found, frames[frames.len() - 2..].iter().map(Tip::of).collect::<Vec<_>>());
}

/// Rule: a restored log goes on after the archive it was restored from, and is truncated like any other.
#[test]
fn a_log_that_was_made_from_an_archive_goes_on_after_it() {
    let _one = one_at_a_time();
    let (dir, restored) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (log, trimmer, mut frames) = marked_log(dir.path(), 20);
    trimmer.archive(A, Lsn(150), time(3)).unwrap();
    let last = frames[19].clone();
    let mut rest =
        gavel_log::archive::Writer::create(restored.path(), A, Tip::of(&frames[14]), time(3)).unwrap();
    frames[15..].iter().for_each(|frame| rest.push(frame).unwrap());
    rest.finish().unwrap();
    crate::common::copy(&dir.path().join("archive"), &restored.path().join("archive"));
    drop((log, trimmer));

    let lock = || Arc::new(DirLock::acquire(restored.path(), "a test").unwrap());
    SledLog::seed(lock(), &[last], Epoch(999), time(5), Some(LogId(7))).unwrap();
    let (mut log, opened) = open(restored.path()).unwrap();
    assert_eq!(opened.id, Some(LogId(7)));
    assert_eq!((opened.last_epoch, opened.alive_until, opened.clean), (Epoch(999), Some(time(5)), true));
    assert_eq!((opened.warnings, read_all(&*log, A)), (vec![], frames.clone()));
    for _ in 0..3 {
        frames.push(append(&mut *log, A, 10, 60));
    }
    log.mark(time(6)).unwrap();
    let moved = log.trimmer().unwrap().archive(A, ALL, time(6)).unwrap();
    assert_eq!((moved.frames, moved.removed, moved.archived), (2, 3, Lsn(220)));
    drop(log);
    let (log, opened) = open(restored.path()).unwrap();
    assert_eq!((opened.warnings, read_all(&*log, A)), (vec![], frames));
    drop(log);
    let again = SledLog::seed(lock(), &[], Epoch(1), time(5), None).unwrap_err();
    assert!(matches!(again, OpenError::Exists { .. }), "{again}");
}
