//! Looks at everything and tells all that is wrong, not only the first thing.

use super::{Offline, Progress, Salvage, Stage, mark_path};
use crate::archive::{self, ArchiveError, Summary};
use crate::chain::Tip;
use crate::log::{LogReader, ReadCause, Tips};
use crate::mark::MarkError;
use crate::scanner::{self, Cause};
use crate::sled_log::{LOG_DIR, OpenError, check_engine_files};
use crate::snapshot::{self, SnapshotError};
use gavel_core::{Lsn, ShardId};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// Something that is not as it was written.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// The mark cannot be read.
    #[error("{}: {source}", path.display())]
    Mark {
        /// The mark file.
        path: PathBuf,
        /// Why.
        source: MarkError,
    },
    /// There is a log, but no mark that says how much of it is durable.
    #[error("{}: there is a log but no mark beside it", path.display())]
    NoMark {
        /// The mark file.
        path: PathBuf,
    },
    /// A durable frame of the log is damaged, missing or hidden.
    #[error(transparent)]
    Log(#[from] scanner::Flaw),
    /// One of the storage engine's small files is missing or damaged, or it has written a blob.
    #[error("{0}")]
    Engine(Box<OpenError>),
    /// An archive file is damaged.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Records are missing: between two archive files, between archive and log, or within the log.
    #[error("shard {shard}: the records {} to {} are missing", first.0, last.0)]
    Missing {
        /// The shard.
        shard: ShardId,
        /// The first record that is missing.
        first: Lsn,
        /// The last one.
        last: Lsn,
    },
    /// An archive file goes on after another frame than the one it should.
    #[error("{}: it does not belong after what comes before it, which ends with Lsn {}", path.display(), after.0)]
    Apart {
        /// The file.
        path: PathBuf,
        /// The last record before it.
        after: Lsn,
    },
    /// A snapshot is damaged.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A snapshot begins with a frame that this log does not have.
    #[error("{}: it is of another log: the frame that ends with Lsn {} has another hash there", path.display(), from.0)]
    Foreign {
        /// The snapshot.
        path: PathBuf,
        /// After which record it begins.
        from: Lsn,
    },
    /// Something cannot be read at all.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// As the operating system said it.
        source: std::io::Error,
    },
}

impl Offline {
    /// Checks everything: the mark, every frame in log and archive and that they follow each other, every snapshot. `progress` is told
    /// after every file. Nothing wrong: nothing in the list.
    #[must_use]
    pub fn verify(&self, progress: &mut dyn FnMut(Progress)) -> Vec<Flaw> {
        let mut flaws = self.verify_log();
        self.find_gaps(progress, &mut flaws);
        self.verify_archive(progress, &mut flaws);
        self.verify_snapshots(progress, &mut flaws);
        flaws
    }

    /// The scan has checked every frame; what is left is whether those that count are all there. What sled would reach is a question only
    /// for the next start: while a process has the log open, its own messages are in motion.
    fn verify_log(&self) -> Vec<Flaw> {
        let view = self.0.view();
        let path = mark_path(self.dir());
        let mut flaws = Vec::new();
        match (&view.mark, &view.scan) {
            (Err(source), _) => {
                let again = std::io::Error::other(source.to_string());
                flaws.push(Flaw::Mark { path, source: copy(source, again) });
            }
            (Ok(None), Some(scan)) if !scan.is_blank() => flaws.push(Flaw::NoMark { path }),
            (Ok(Some(mark)), Some(scan)) => {
                let in_motion = self.holder().is_some();
                let counts =
                    |flaw: &scanner::Flaw| !(in_motion && matches!(flaw.cause, Cause::Hidden { .. }));
                for (shard, tip) in &mark.tips {
                    let found = scan.verify(&Tips::from([(*shard, *tip)]), &view.floors);
                    flaws.extend(found.err().filter(counts).map(Flaw::from));
                }
            }
            _ => {}
        }
        if view.scan.is_some() {
            flaws.extend(
                check_engine_files(&self.dir().join(LOG_DIR))
                    .err()
                    .map(|error| Flaw::Engine(Box::new(error))),
            );
        }
        flaws
    }

    /// A shard's flaw in the log is the first that its chain meets; what is missing besides is found from both sides of each gap.
    fn find_gaps(&self, progress: &mut dyn FnMut(Progress), flaws: &mut Vec<Flaw>) {
        let of_log = |flaw: &Flaw| if let Flaw::Log(flaw) = flaw { Some(flaw.shard) } else { None };
        let shards: BTreeSet<ShardId> = flaws.iter().filter_map(of_log).collect();
        if shards.is_empty() {
            return;
        }
        let salvage = match Salvage::scan(self.dir(), progress) {
            Ok(salvage) => salvage,
            Err(source) => return flaws.push(Flaw::Io { path: self.dir().to_owned(), source }),
        };
        for shard in shards {
            // What is before the oldest has expired.
            let oldest = self.oldest(shard);
            let gaps = salvage.missing(shard).into_iter().filter(|(_, last)| *last >= oldest);
            flaws.extend(gaps.map(|(first, last)| Flaw::Missing { shard, first, last }));
        }
    }

    fn verify_archive(&self, progress: &mut dyn FnMut(Progress), flaws: &mut Vec<Flaw>) {
        let archive = self.archive();
        flaws.extend(archive.bad().into_iter().map(Flaw::from));
        let (total, _) = archive.bytes_and_files();
        let mut done = 0;
        for shard in archive.shards() {
            let files = archive.files(shard);
            flaws.extend(files.windows(2).filter_map(|pair| apart(&pair[0], &pair[1])));
            for file in files {
                progress(Progress { stage: Stage::Archive, done, total });
                flaws.extend(archive::check(&file.path).err().filter(is_there).map(Flaw::from));
                done += file.bytes;
            }
            progress(Progress { stage: Stage::Archive, done, total });
        }
        for (shard, floor) in self.0.view().scan.iter().flat_map(|scan| scan.floors()) {
            let end = archive.end(*shard).unwrap_or_default().lsn;
            if end < floor.lsn {
                flaws.push(Flaw::Missing { shard: *shard, first: end.next(), last: floor.lsn });
            }
        }
    }

    fn verify_snapshots(&self, progress: &mut dyn FnMut(Progress), flaws: &mut Vec<Flaw>) {
        let snapshots = match self.snapshots() {
            Ok(snapshots) => snapshots,
            Err(source) => {
                return flaws.push(Flaw::Io { path: self.dir().join(snapshot::SNAPSHOT_DIR), source });
            }
        };
        let paths: Vec<PathBuf> = snapshots.into_values().flatten().collect();
        let bytes = |path: &PathBuf| path.metadata().map_or(0, |metadata| metadata.len());
        let (mut done, total) = (0, paths.iter().map(bytes).sum());
        for path in paths {
            progress(Progress { stage: Stage::Snapshots, done, total });
            done += bytes(&path);
            match snapshot::check(&path) {
                Ok((head, _)) if self.is_foreign(head.shard, head.from) => {
                    flaws.push(Flaw::Foreign { path, from: head.from.lsn });
                }
                Ok(_) => {}
                // A running server has removed it since.
                Err(_) if !path.exists() => {}
                Err(error) => flaws.push(error.into()),
            }
        }
        progress(Progress { stage: Stage::Snapshots, done, total });
    }

    /// Whether the frame that the snapshot goes on after is another one here. Where it is gone, that cannot be told.
    fn is_foreign(&self, shard: ShardId, from: Tip) -> bool {
        if from.lsn == Lsn(0) {
            return false;
        }
        match self.read_from(shard, from.lsn).next() {
            Some(Ok(frame)) => (frame.last(), frame.hash()) != (from.lsn, from.hash),
            Some(Err(error)) => !matches!(error.cause, ReadCause::Gone { .. } | ReadCause::Archive(_)),
            // The log ends before it. While a process writes it, it has gone on since it was looked at.
            None => self.holder().is_none(),
        }
    }
}

/// How a file fails to follow the one before it.
fn apart(before: &Arc<Summary>, after: &Arc<Summary>) -> Option<Flaw> {
    let (end, base) = (before.last, after.base);
    if end.lsn < base.lsn {
        return Some(Flaw::Missing { shard: after.shard, first: end.lsn.next(), last: base.lsn });
    }
    let follows = (end.lsn, end.hash) == (base.lsn, base.hash);
    (!follows).then(|| Flaw::Apart { path: after.path.clone(), after: end.lsn })
}

/// A file that has expired since, or was sealed under another name, is no flaw.
fn is_there(error: &ArchiveError) -> bool {
    error.path.exists()
}

/// The same error again: those of the operating system cannot be cloned.
fn copy(error: &MarkError, io: std::io::Error) -> MarkError {
    match error {
        MarkError::Damaged => MarkError::Damaged,
        MarkError::Version { found } => MarkError::Version { found: *found },
        MarkError::Io(_) => MarkError::Io(io),
    }
}
