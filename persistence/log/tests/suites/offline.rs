//! Reading without the storage engine: a data directory as its log reads it, a backup, and a directory that a process is writing to;
//! all that is wrong is told; what is whole is got out of what is not. Never a byte is changed.

use crate::common::{append, copy, one_at_a_time, open, time};
use gavel_core::{Digest, Lsn, ShardId};
use gavel_log::archive::GrowingFile;
use gavel_log::offline::{Flaw, OfflineError, Salvage, Stage};
use gavel_log::snapshot::{Foot, Head, Writer};
use gavel_log::{Frame, Log, LogReader, Offline, ReadCause, SledLog, Tip, scan_dir};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

const A: ShardId = ShardId(0);
const B: ShardId = ShardId(7);

/// A log of two shards: 40 frames of ten records, of which 25 are in two archive files, and three frames; with a snapshot.
fn truncated_log(dir: &Path) -> (Box<SledLog>, BTreeMap<ShardId, Vec<Frame>>) {
    let mut log = open(dir).unwrap().0;
    let a = (0..40).map(|_| append(&mut *log, A, 10, 60)).collect::<Vec<_>>();
    let b = (0..3).map(|_| append(&mut *log, B, 1, 500)).collect::<Vec<_>>();
    log.mark(time(2)).unwrap();
    let trimmer = log.trimmer().unwrap();
    // A day apart, so that the second does not go into the file of the first.
    for (up_to, now) in [(100, 3), (250, 100_003)] {
        trimmer.archive(A, Lsn(up_to), time(now)).unwrap();
    }
    let head = Head { shard: A, from: Tip::of(&a[29]), at: time(3) };
    let mut snapshot = Writer::create(dir, &head).unwrap();
    snapshot.block(&[7; 100]).unwrap();
    snapshot.finish(&Foot { until: Lsn(300), auctions: 0, digest: Digest::default() }).unwrap();
    (log, BTreeMap::from([(A, a), (B, b)]))
}

fn closed(dir: &Path) -> BTreeMap<ShardId, Vec<Frame>> {
    let (log, frames) = truncated_log(dir);
    log.close(time(9)).unwrap();
    frames
}

fn all(reader: &dyn LogReader, shard: ShardId) -> Vec<Frame> {
    reader.read_from(shard, Lsn(1)).map(|frame| frame.unwrap_or_else(|error| panic!("{error}"))).collect()
}

fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => files.extend(self::files(&entry.path())),
            false => drop(files.insert(entry.path(), fs::read(entry.path()).unwrap())),
        }
    }
    files
}

fn flip(path: &Path, at: u64) {
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 4], at).unwrap();
}

fn archive_files(dir: &Path) -> Vec<PathBuf> {
    gavel_log::archive::all_files(dir).unwrap()
}

fn flaws(dir: &Path) -> Vec<Flaw> {
    Offline::open(dir).unwrap().verify(&mut |_| {})
}

#[test]
fn it_reads_what_the_log_reads_and_changes_nothing() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let frames = closed(dir.path());
    let before = files(dir.path());
    let mut stages = Vec::new();
    let offline = Offline::open_with(dir.path(), &mut |progress| stages.push(progress.stage)).unwrap();
    assert_eq!(offline.shards(), [A, B]);
    for (shard, frames) in &frames {
        assert_eq!(&all(&offline, *shard), frames);
        assert_eq!(offline.tips()[shard], Tip::of(frames.last().unwrap()));
        assert_eq!(
            (offline.oldest(*shard), offline.durable(*shard)),
            (Lsn(1), frames.last().unwrap().last())
        );
    }
    for lsn in [7, 250, 251, 399] {
        let read: Vec<Frame> = offline.read_from(A, Lsn(lsn)).map(Result::unwrap).collect();
        assert_eq!(read, frames[&A][(lsn as usize - 1) / 10..]);
    }
    assert!(offline.mark().unwrap().clean && offline.holder().is_none());
    assert_eq!(offline.archive().files(A).iter().map(|file| file.records).sum::<u64>(), 250);
    assert_eq!((offline.snapshots().unwrap()[&A].len(), offline.log_frames()[&A].0), (1, 15));
    assert!(offline.scanned_bytes() > 0);
    let found = offline.verify(&mut |progress| {
        assert!(progress.done <= progress.total);
        stages.push(progress.stage);
    });
    assert!(found.is_empty(), "{found:?}");
    stages.dedup();
    assert_eq!(stages, [Stage::Log, Stage::Archive, Stage::Snapshots]);
    assert!(files(dir.path()) == before, "a byte was changed");
}

#[test]
fn a_backup_reads_like_the_log_it_is_of() {
    let _one = one_at_a_time();
    let (dir, backup) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let frames = closed(dir.path());
    for name in ["archive", "snapshots"] {
        copy(&dir.path().join(name), &backup.path().join(name));
    }
    // The rest of one shard as a file that is whole, of the other as one that still grows.
    let mut rest =
        gavel_log::archive::Writer::create(backup.path(), A, Tip::of(&frames[&A][24]), time(9)).unwrap();
    frames[&A][25..].iter().for_each(|frame| rest.push(frame).unwrap());
    rest.finish().unwrap();
    let mut growing = GrowingFile::create(backup.path(), B, Tip::default(), time(9)).unwrap();
    growing.append(&frames[&B][..1]).unwrap();
    growing.append(&frames[&B][1..]).unwrap();
    let offline = Offline::open(backup.path()).unwrap();
    assert_eq!((all(&offline, A), all(&offline, B)), (frames[&A].clone(), frames[&B].clone()));
    assert!(offline.verify(&mut |_| {}).is_empty());
    assert!(offline.mark().is_none() && offline.scanned_bytes() == 0);
}

#[test]
fn a_directory_without_any_log_is_told() {
    let dir = TempDir::new().unwrap();
    for path in [dir.path().to_owned(), dir.path().join("nowhere")] {
        let error = Offline::open(&path).unwrap_err();
        assert!(
            matches!(&error, OfflineError::Nothing { .. }) && error.to_string().contains("log/db"),
            "{error}"
        );
    }
}

#[test]
fn it_reads_beside_a_process_that_commits_and_truncates() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (mut log, mut frames) = truncated_log(dir.path());
    let trimmer = log.trimmer().unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut ends = Vec::new();
            while !done.load(Ordering::Relaxed) || ends.len() < 3 {
                let offline = Offline::open(dir.path()).unwrap();
                assert!(
                    offline.holder().is_some_and(|holder| holder.contains("a test")),
                    "{:?}",
                    offline.holder()
                );
                let marked = offline.mark().unwrap().tips[&A].lsn;
                let read = all(&offline, A);
                assert!(read.last().unwrap().last() >= marked, "what the mark tells of is there");
                let flaws = offline.verify(&mut |_| {});
                assert!(flaws.is_empty(), "{flaws:?}");
                ends.push(read);
            }
            ends
        });
        for round in 0..400 {
            frames.get_mut(&A).unwrap().push(append(&mut *log, A, 10, 200));
            if round % 5 == 4 {
                log.mark(time(10 + round)).unwrap();
            }
            if round % 40 == 39 {
                trimmer.archive(A, Lsn(u64::MAX), time(10 + round)).unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
        let read = reading.join().unwrap();
        assert!(read.iter().all(|read| read[..] == frames[&A][..read.len()]));
        assert!(read.len() > 2);
    });
}

/// A reader that looked before frames were moved finds them where they are now.
#[test]
fn it_finds_again_what_was_moved_since_it_looked() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (mut log, mut frames) = truncated_log(dir.path());
    let offline = Offline::open(dir.path()).unwrap();
    let mut reading = offline.read_from(A, Lsn(1));
    let first = reading.next().unwrap().unwrap();
    for round in 0..300 {
        frames.get_mut(&A).unwrap().push(append(&mut *log, A, 10, 1_000));
        log.mark(time(10 + round)).unwrap();
        log.trimmer().unwrap().archive(A, Lsn(u64::MAX), time(10 + round)).unwrap();
    }
    let read: Vec<Frame> = reading.map(|frame| frame.unwrap_or_else(|error| panic!("{error}"))).collect();
    assert_eq!((first, read), (frames[&A][0].clone(), frames[&A][1..40].to_vec()));
    offline.refresh().unwrap();
    assert_eq!(all(&offline, A)[..339], frames[&A][..339]);
}

#[test]
fn a_snapshot_of_what_was_written_since_it_looked_is_no_flaw_while_somebody_writes() {
    let _alone = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (mut log, _) = truncated_log(dir.path());
    let looked = Offline::open(dir.path()).unwrap();
    let last = append(&mut *log, A, 10, 60);
    let head = Head { shard: A, from: Tip::of(&last), at: time(4) };
    let snapshot = Writer::create(dir.path(), &head).unwrap();
    snapshot.finish(&Foot { until: last.last(), auctions: 0, digest: Digest::default() }).unwrap();
    let flaws = looked.verify(&mut |_| {});
    assert!(flaws.is_empty(), "{flaws:?}");
    log.close(time(9)).unwrap();
    // Nobody has written it since: the snapshot is of a log that goes on further.
    let flaws = looked.verify(&mut |_| {});
    assert!(matches!(&flaws[..], [Flaw::Foreign { from, .. }] if *from == last.last()), "{flaws:?}");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let _one = one_at_a_time();
    let original = TempDir::new().unwrap();
    let frames = closed(original.path());
    let damaged = |damage: &dyn Fn(&Path)| {
        let dir = TempDir::new().unwrap();
        copy(original.path(), dir.path());
        damage(dir.path());
        flaws(dir.path())
    };
    let in_log = |dir: &Path| {
        let scan = scan_dir(dir).unwrap().unwrap();
        let bytes = fs::read(dir.join("log/db")).unwrap();
        assert!(scan.frames() > 0);
        for at in memchr::memmem::find_iter(&bytes, frames[&A][30].bytes()) {
            flip(&dir.join("log/db"), at as u64 + 200);
        }
    };
    let in_archive = |dir: &Path| flip(&archive_files(dir)[0], 150);
    let end_of_archive =
        |dir: &Path| flip(&archive_files(dir)[1], archive_files(dir)[1].metadata().unwrap().len() - 1);
    let in_snapshot = |dir: &Path| flip(&dir.join("snapshots/000-00000000000000000300.snap"), 100);
    let without_file = |dir: &Path| fs::remove_file(&archive_files(dir)[1]).unwrap();
    let in_mark =
        |dir: &Path| [20, 16 * 1024 + 20].map(|at| flip(&dir.join("mark"), at)).into_iter().collect();
    let in_conf = |dir: &Path| flip(&dir.join("log/conf"), 3);

    let found = damaged(&in_log);
    let gap = |flaw: &Flaw| matches!(flaw, Flaw::Missing { shard: A, first: Lsn(301), last: Lsn(310) });
    assert!(
        matches!(&found[..], [Flaw::Log(flaw), .., last] if flaw.at == Lsn(310) && gap(last)),
        "{found:?}"
    );
    assert!(matches!(&damaged(&in_archive)[..], [Flaw::Archive(_)]));
    let missing = |flaw: &Flaw| matches!(flaw, Flaw::Missing { first: Lsn(101), last: Lsn(250), .. });
    assert!(matches!(&damaged(&end_of_archive)[..], [Flaw::Archive(_), gap] if missing(gap)));
    assert!(matches!(&damaged(&without_file)[..], [gap] if missing(gap)));
    assert!(matches!(&damaged(&in_snapshot)[..], [Flaw::Snapshot(_)]));
    assert!(matches!(&damaged(&in_mark)[..], [Flaw::Mark { .. }]));
    assert!(matches!(&damaged(&in_conf)[..], [Flaw::Engine(_)]));
    assert!(matches!(&damaged(&|dir| fs::remove_file(dir.join("mark")).unwrap())[..], [Flaw::NoMark { .. }]));
    let together = damaged(&|dir| {
        in_log(dir);
        in_archive(dir);
        in_snapshot(dir);
    });
    let has = |is: fn(&Flaw) -> bool| together.iter().any(is);
    assert!(
        has(|flaw| matches!(flaw, Flaw::Log(_))) && has(|flaw| matches!(flaw, Flaw::Archive(_))),
        "{together:?}"
    );
    assert!(has(|flaw| matches!(flaw, Flaw::Snapshot(_))), "{together:?}");
    for flaw in together {
        let names_its_place = matches!(flaw, Flaw::Missing { .. }) || flaw.to_string().starts_with('/');
        assert!(names_its_place, "it names the file: {flaw}");
    }
}

#[test]
fn what_is_whole_is_got_out_of_what_is_not() {
    let _one = one_at_a_time();
    let (dir, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let frames = closed(dir.path());
    // A frame of the log, the middle file of the archive in its index, nothing of the other shard.
    let bytes = fs::read(dir.path().join("log/db")).unwrap();
    for at in memchr::memmem::find_iter(&bytes, frames[&A][30].bytes()) {
        flip(&dir.path().join("log/db"), at as u64 + 200);
    }
    let archive = archive_files(dir.path());
    flip(&archive[0], archive[0].metadata().unwrap().len() - 60);
    fs::remove_file(&archive[1]).unwrap();
    let before = files(dir.path());

    let salvage = Salvage::scan(dir.path(), &mut |_| {}).unwrap();
    assert_eq!(salvage.shards(), [A, B]);
    assert_eq!(salvage.damaged().len(), 1);
    let runs = salvage.runs(A);
    // sled's file may still hold old copies of frames that were moved and are lost in the archive: they count too.
    let got: Vec<Frame> = runs.iter().flat_map(|run| salvage.frames(run)).map(Result::unwrap).collect();
    let lost: Vec<&Frame> = frames[&A].iter().filter(|frame| !got.contains(frame)).collect();
    assert!(lost.contains(&&frames[&A][30]) && !lost.contains(&&frames[&A][9]), "{lost:?}");
    let missing = salvage.missing(A);
    let is_missing =
        |frame: &&Frame| missing.iter().any(|(first, last)| *first <= frame.first() && frame.last() <= *last);
    assert!(lost.iter().all(is_missing) && !got.iter().any(|frame| is_missing(&frame)), "{missing:?}");
    assert_eq!(salvage.missing(B), []);

    let written = salvage.write(out.path(), time(20), &mut |_, _| {}).unwrap();
    assert_eq!(written.len(), runs.len() + 1);
    assert!(files(dir.path()) == before, "a byte was changed");
    let offline = Offline::open(out.path()).unwrap();
    assert_eq!(all(&offline, B), frames[&B]);
    let flaws = offline.verify(&mut |_| {});
    assert_eq!(flaws.len(), runs.len() - 1, "a hole between runs, and nothing else: {flaws:?}");
    let hole = offline.read_from(A, Lsn(1)).last().unwrap().unwrap_err();
    assert!(matches!(hole.cause, ReadCause::Missing { .. }), "{hole}");
}
