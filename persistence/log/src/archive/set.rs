//! A directory's archive files as one: which there are, which of them holds a record. Shared by readers and by whoever moves
//! frames into it: a file is published here once it is durable, and before its frames leave the log.

use super::format::{ArchiveCause, ArchiveError, Summary};
use super::reader::summary;
use super::{ARCHIVE_DIR, GROWING_KIND, KIND};
use crate::chain::Tip;
use crate::files::{self, about, sync_dir};
use gavel_core::{Lsn, ShardId, Timestamp};
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The archive files of a data (or backup) directory.
#[derive(Debug)]
pub struct Archive {
    dir: PathBuf,
    shelves: RwLock<BTreeMap<ShardId, Shelf>>,
}

/// One shard's files.
#[derive(Debug, Default)]
struct Shelf {
    /// Usable ones, by their first record.
    files: Vec<Arc<Summary>>,
    /// By the first record, as their names tell it: those whose head or end is damaged.
    bad: Vec<(Lsn, ArchiveError)>,
}

impl Archive {
    /// Looks at every archive file's head and end.
    ///
    /// # Errors
    /// The directory cannot be read. A file that cannot be used is no error here: see [`bad`](Self::bad).
    pub fn open(data_dir: &Path) -> Result<Self, Error> {
        let archive = Self { dir: data_dir.join(ARCHIVE_DIR), shelves: RwLock::default() };
        archive.refresh()?;
        Ok(archive)
    }

    /// Looks again: for whoever reads beside a process that moves frames.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn refresh(&self) -> Result<(), Error> {
        let mut shelves: BTreeMap<ShardId, Shelf> = BTreeMap::new();
        let (sealed, growing) = (files::list(&self.dir, KIND)?, files::list(&self.dir, GROWING_KIND)?);
        for (shard, first, path) in sealed.into_iter().chain(growing) {
            let shelf = shelves.entry(shard).or_default();
            match self.known(shard, &path).map_or_else(|| summary(&path).map(Arc::new), Ok) {
                Ok(file) => shelf.files.push(file),
                // Expired, or sealed under another name, since the directory was listed.
                Err(ArchiveError { cause: ArchiveCause::Io { kind: ErrorKind::NotFound, .. }, .. }) => {}
                Err(error) => shelf.bad.push((first, error)),
            }
        }
        shelves.values_mut().for_each(|shelf| shelf.files.sort_by_key(|file| file.base.lsn));
        *self.write() = shelves;
        Ok(())
    }

    /// Only a shard's newest file is ever written anew, so the others need not be looked at twice.
    fn known(&self, shard: ShardId, path: &Path) -> Option<Arc<Summary>> {
        let shelves = self.read();
        let (_newest, others) = shelves.get(&shard)?.files.split_last()?;
        others.iter().find(|file| file.sealed && file.path == path).cloned()
    }

    // A panic elsewhere cannot leave the lists half changed.
    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<ShardId, Shelf>> {
        self.shelves.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<ShardId, Shelf>> {
        self.shelves.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shards that have usable files, ascending.
    #[must_use]
    pub fn shards(&self) -> Vec<ShardId> {
        self.read().iter().filter(|(_, shelf)| !shelf.files.is_empty()).map(|(shard, _)| *shard).collect()
    }

    /// True when there is no archive file at all, usable or not.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.read().is_empty()
    }

    /// A shard's usable files, the oldest first.
    #[must_use]
    pub fn files(&self, shard: ShardId) -> Vec<Arc<Summary>> {
        self.read().get(&shard).map(|shelf| shelf.files.clone()).unwrap_or_default()
    }

    /// The files that cannot be used, and why.
    #[must_use]
    pub fn bad(&self) -> Vec<ArchiveError> {
        self.read().values().flat_map(|shelf| &shelf.bad).map(|(_, error)| error.clone()).collect()
    }

    /// The file that would hold the record, were it not damaged: the last bad one that begins at or before it.
    #[must_use]
    pub fn bad_at(&self, shard: ShardId, lsn: Lsn) -> Option<ArchiveError> {
        let shelves = self.read();
        let bad = shelves.get(&shard)?.bad.iter().filter(|(first, _)| *first <= lsn);
        bad.max_by_key(|(first, _)| *first).map(|(_, error)| error.clone())
    }

    /// The last frame of a shard's archive; `None` where it has none.
    #[must_use]
    pub fn end(&self, shard: ShardId) -> Option<Tip> {
        self.read().get(&shard)?.files.last().map(|file| file.last)
    }

    /// The first record of a shard's archive.
    #[must_use]
    pub fn oldest(&self, shard: ShardId) -> Option<Lsn> {
        let shelves = self.read();
        shelves.get(&shard)?.files.iter().find(|file| file.frames > 0).map(|file| file.first())
    }

    /// The file that holds the record.
    #[must_use]
    pub fn find(&self, shard: ShardId, lsn: Lsn) -> Option<Arc<Summary>> {
        let shelves = self.read();
        let files = &shelves.get(&shard)?.files;
        let after = files.partition_point(|file| file.base.lsn < lsn);
        files.get(after.checked_sub(1)?).filter(|file| file.holds(lsn)).cloned()
    }

    /// Bytes of all files whose last frame is of that time or later.
    #[must_use]
    pub fn bytes_since(&self, time: Timestamp) -> u64 {
        let shelves = self.read();
        let files = shelves.values().flat_map(|shelf| &shelf.files);
        files.filter(|file| file.last_at >= time).map(|file| file.bytes).sum()
    }

    /// Bytes of all files, and how many there are.
    #[must_use]
    pub fn bytes_and_files(&self) -> (u64, u64) {
        let shelves = self.read();
        let files = || shelves.values().flat_map(|shelf| &shelf.files);
        (files().map(|file| file.bytes).sum(), files().count() as u64)
    }

    /// A shard's newest file.
    pub(crate) fn newest(&self, shard: ShardId) -> Option<Arc<Summary>> {
        self.read().get(&shard)?.files.last().cloned()
    }

    /// Takes in a file that is durable under its name, in place of the newest where it is that one, extended.
    pub(crate) fn publish(&self, file: Summary) {
        let mut shelves = self.write();
        let files = &mut shelves.entry(file.shard).or_default().files;
        let _replaced = files.pop_if(|newest| newest.path == file.path);
        files.push(Arc::new(file));
    }

    /// Removes a shard's oldest file, durably: a power cut must not bring back one whose follower is gone. Readers are told first: one
    /// that finds no file must find, too, that it is gone on purpose.
    pub(crate) fn remove_oldest(&self, shard: ShardId) -> Result<(), Error> {
        let Some(file) = self.read().get(&shard).and_then(|shelf| shelf.files.first().cloned()) else {
            return Ok(());
        };
        if let Some(shelf) = self.write().get_mut(&shard) {
            shelf.files.remove(0);
        }
        match std::fs::remove_file(&file.path) {
            // Somebody else removed it: gone is gone.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                if let Some(shelf) = self.write().get_mut(&shard) {
                    shelf.files.insert(0, Arc::clone(&file));
                }
                return Err(about(&file.path)(error));
            }
            Ok(()) => {}
        }
        sync_dir(&self.dir)
    }
}
