//! A log without the storage engine: for tools. Reads what lies in a data directory or in a backup, and changes not a byte of it.
//!
//! - sled is never opened; the [scanner](crate::scanner) finds the frames in its file, the chain tells which of them count.
//! - Beside a running server the file changes while it is read. What is not where it was a moment ago was moved, within the file
//!   or into the archive, and is looked for again. What the mark told of before the scan must be found; what came later may be.
//! - Everything is checked on the way: each frame by its checksum and its hash, each by the one before.

mod salvage;
mod verify;

pub use salvage::{Run, Salvage};
pub use verify::Flaw;

use crate::archive::{ARCHIVE_DIR, Archive};
use crate::chain::Tip;
use crate::frame::Frame;
use crate::identity::{self, IdentityError};
use crate::joined::{self, Stored, Tail};
use crate::lock;
use crate::log::{Frames, LogReader, ReadCause, Tips};
use crate::mark::{MARK_FILE, Mark, MarkError};
use crate::scanner::{Found, Scan, scan_dir_with};
use crate::snapshot;
use gavel_core::{LogId, Lsn, ShardId};
use std::collections::BTreeMap;
use std::io::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// How often a file that changes while it is read is looked at again before something is called missing.
const TRIES: usize = 5;

/// A log that is read offline. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Offline(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    archive: Arc<Archive>,
    view: RwLock<Arc<View>>,
}

/// What was found when it was looked last.
#[derive(Debug)]
struct View {
    scan: Option<Scan>,
    mark: Result<Option<Mark>, MarkError>,
    /// After which frame each shard's log goes on.
    floors: Tips,
    /// Each shard's frames in the log's file, from the floor on.
    logs: BTreeMap<ShardId, Vec<Found>>,
}

/// How far reading has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being read.
    pub stage: Stage,
    /// Bytes read.
    pub done: u64,
    /// Of so many.
    pub total: u64,
}

/// What is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The log's file.
    Log,
    /// The archive.
    Archive,
    /// The snapshots.
    Snapshots,
}

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// Neither a log nor an archive.
    #[error("{}: no log here: there is neither log/db nor archive/ in it", dir.display())]
    Nothing {
        /// The directory.
        dir: PathBuf,
    },
    /// It cannot be read.
    #[error("{}: {source}", dir.display())]
    Io {
        /// The directory.
        dir: PathBuf,
        /// As the operating system said it.
        source: Error,
    },
}

impl Offline {
    /// Looks at a data directory or a backup.
    ///
    /// # Errors
    /// There is nothing, or it cannot be read. Damage is no error here: reading meets it, [`verify`](Self::verify) finds it.
    pub fn open(dir: &Path) -> Result<Self, OfflineError> {
        Self::open_with(dir, &mut |_| {})
    }

    /// As [`open`](Self::open), and tells how far the scan has got: the log's file is read once, at a gigabyte or so a second.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(dir: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Self, OfflineError> {
        let io = |source| OfflineError::Io { dir: dir.to_owned(), source };
        let archive = Arc::new(Archive::open(dir).map_err(io)?);
        let view = View::load(dir, &archive, None, progress).map_err(io)?;
        if view.scan.is_none() && !dir.join(ARCHIVE_DIR).is_dir() {
            return Err(OfflineError::Nothing { dir: dir.to_owned() });
        }
        let view = RwLock::new(Arc::new(view));
        Ok(Self(Arc::new(Inner { dir: dir.to_owned(), archive, view })))
    }

    /// Looks again, for a tool that follows a running server.
    ///
    /// # Errors
    /// It cannot be read any more.
    pub fn refresh(&self) -> Result<(), OfflineError> {
        self.0.refresh().map_err(|source| OfflineError::Io { dir: self.0.dir.clone(), source })
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// Which log it is; `None` where an earlier version made it, and no later one has opened it since.
    ///
    /// # Errors
    /// What says it is damaged, or can't be read.
    pub fn id(&self) -> Result<Option<LogId>, IdentityError> {
        identity::read(&self.0.dir)
    }

    /// The shards that have records, ascending.
    #[must_use]
    pub fn shards(&self) -> Vec<ShardId> {
        self.tips().into_keys().collect()
    }

    /// The last frame of every shard that has records: as far as its log can be followed or, where the mark says that more is durable, as
    /// far as that says. Then reading ends in an error, before what is damaged: nobody takes a part for the whole.
    #[must_use]
    pub fn tips(&self) -> Tips {
        let view = self.0.view();
        let marked = view.mark.iter().flatten().flat_map(|mark| mark.tips.keys());
        let shards = view.floors.keys().chain(view.logs.keys()).chain(marked);
        let tips = shards.map(|shard| (*shard, view.end(*shard)));
        tips.filter(|(_, tip)| tip.lsn > Lsn(0)).collect()
    }

    /// The last frame of a shard that its log can be followed to. Before its [tip](Self::tips) where something between is damaged.
    #[must_use]
    pub fn readable(&self, shard: ShardId) -> Tip {
        self.0.view().tip(shard)
    }

    /// The mark; `None` where there is none, or none that is whole (see [`verify`](Self::verify)).
    #[must_use]
    pub fn mark(&self) -> Option<Mark> {
        self.0.view().mark.as_ref().ok().cloned().flatten()
    }

    /// Who has the directory open now, in its own words; `None` where nobody has.
    #[must_use]
    pub fn holder(&self) -> Option<String> {
        lock::holder_of(&self.0.dir)
    }

    /// The archive files.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.0.archive
    }

    /// All snapshots, by shard, the newest first.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn snapshots(&self) -> Result<BTreeMap<ShardId, Vec<PathBuf>>, Error> {
        snapshot::list_all(&self.0.dir)
    }

    /// Bytes of the log's file that were scanned; 0 for a backup.
    #[must_use]
    pub fn scanned_bytes(&self) -> u64 {
        self.0.view().scan.as_ref().map_or(0, Scan::bytes)
    }

    /// Each shard's frames in the log's file: how many, and their bytes.
    #[must_use]
    pub fn log_frames(&self) -> BTreeMap<ShardId, (u64, u64)> {
        let count = |frames: &Vec<Found>| {
            (frames.len() as u64, frames.iter().map(|frame| u64::from(frame.length)).sum())
        };
        self.0.view().logs.iter().map(|(shard, frames)| (*shard, count(frames))).collect()
    }

    /// How many places in the log's file begin like a frame and are none. Beside a running server, and after a kill, some are no
    /// damage: old copies that were partly written over.
    #[must_use]
    pub fn damaged_places(&self) -> usize {
        self.0.view().scan.as_ref().map_or(0, |scan| scan.damaged().len())
    }
}

impl LogReader for Offline {
    fn read_from(&self, shard: ShardId, from: Lsn) -> Frames {
        joined::read(self.0.archive.clone(), self.0.clone(), shard, from, self.durable(shard))
    }

    /// The last record of the shard that there is, or must be; what of it is durable beyond the mark cannot be known from outside.
    fn durable(&self, shard: ShardId) -> Lsn {
        self.0.view().end(shard).lsn
    }

    fn oldest(&self, shard: ShardId) -> Lsn {
        joined::oldest(&self.0.archive, &self.0, shard)
    }
}

impl Inner {
    fn view(&self) -> Arc<View> {
        // A panic elsewhere cannot leave it half changed.
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refresh(&self) -> Result<(), Error> {
        let view = View::load(&self.dir, &self.archive, Some(&self.view()), &mut |_| {})?;
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
        Ok(())
    }

    /// Reads a frame that was found, or finds it again where it was moved.
    fn read(&self, shard: ShardId, found: &Found) -> Result<Frame, ReadCause> {
        let mut view = self.view();
        let mut place = Some(*found);
        for _ in 0..TRIES {
            if let (Some(place), Some(scan)) = (&place, &view.scan)
                && let Ok(frame) = scan.read(place)
            {
                return Ok(frame);
            }
            self.refresh().map_err(|error| ReadCause::Engine(error.to_string()))?;
            if self.archive.find(shard, found.first).is_some() {
                break;
            }
            view = self.view();
            place = view.found(shard, found.first).filter(|again| again.tip.hash == found.tip.hash).copied();
        }
        Err(ReadCause::Missing { durable: found.tip.lsn })
    }
}

impl Tail for Arc<Inner> {
    fn frames_from(&self, shard: ShardId, from: Lsn) -> Stored {
        let (inner, view) = (self.clone(), self.view());
        let mut next =
            view.logs.get(&shard).map_or(0, |log| log.partition_point(|found| found.tip.lsn < from));
        Box::new(std::iter::from_fn(move || {
            let found = view.logs.get(&shard)?.get(next)?;
            next += 1;
            Some(inner.read(shard, found))
        }))
    }

    fn first(&self, shard: ShardId) -> Option<Lsn> {
        self.view().logs.get(&shard)?.first().map(|found| found.first)
    }
}

impl View {
    /// Looks until all is found that the mark told of, or often enough. What was found before helps: a frame that moved while the file
    /// was read may have been missed both where it was and where it went.
    fn load(
        dir: &Path,
        archive: &Archive,
        before: Option<&View>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, Error> {
        let mut view = Self::look(dir, archive, before, progress)?;
        for _ in 1..TRIES {
            if view.is_complete() || lock::holder_of(dir).is_none() {
                break;
            }
            view = Self::look(dir, archive, Some(&view), progress)?;
        }
        Ok(view)
    }

    /// The mark comes first, so that the scan must find what it tells of; the archive last, so that it holds what has left the log.
    fn look(
        dir: &Path,
        archive: &Archive,
        before: Option<&View>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, Error> {
        let mark = Mark::read(dir);
        let mut report = |done, total| progress(Progress { stage: Stage::Log, done, total });
        let mut scan = scan_dir_with(dir, &mut report)?;
        if let (Some(scan), Some(before)) = (&mut scan, before.and_then(|view| view.scan.as_ref())) {
            scan.remember(before);
        }
        archive.refresh()?;
        let ends = archive.shards().into_iter().filter_map(|shard| Some((shard, archive.end(shard)?)));
        let mut floors: Tips = ends.collect();
        for (shard, floor) in scan.iter().flat_map(Scan::floors) {
            let end = floors.entry(*shard).or_default();
            if end.lsn < floor.lsn {
                *end = *floor;
            }
        }
        let logs = scan.as_ref().map(|scan| scan.logs_after(&floors)).unwrap_or_default();
        Ok(Self { scan, mark, floors, logs })
    }

    fn is_complete(&self) -> bool {
        let Ok(Some(mark)) = &self.mark else { return true };
        mark.tips.iter().all(|(shard, marked)| self.tip(*shard).lsn >= marked.lsn)
    }

    /// The last frame of a shard as far as its log can be followed.
    fn tip(&self, shard: ShardId) -> Tip {
        let in_log = self.logs.get(&shard).and_then(|log| log.last()).map(|found| found.tip);
        in_log.or_else(|| self.floors.get(&shard).copied()).unwrap_or_default()
    }

    /// The last frame of a shard that there must be: the mark's, where that is further than the log can be followed.
    fn end(&self, shard: ShardId) -> Tip {
        let marked = self.mark.iter().flatten().find_map(|mark| mark.tips.get(&shard));
        let tip = self.tip(shard);
        marked.copied().filter(|marked| marked.lsn > tip.lsn).unwrap_or(tip)
    }

    /// The frame that begins with this record.
    fn found(&self, shard: ShardId, first: Lsn) -> Option<&Found> {
        let log = self.logs.get(&shard)?;
        log.binary_search_by_key(&first, |found| found.first).ok().map(|place| &log[place])
    }
}

/// The mark's path in a directory.
fn mark_path(dir: &Path) -> PathBuf {
    dir.join(MARK_FILE)
}
