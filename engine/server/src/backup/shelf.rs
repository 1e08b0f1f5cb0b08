//! A backup's frames: opened where the backup ends, and appended to, shard by shard.
//!
//! Invariants:
//! - One process writes to a backup at a time.
//! - Each shard's frames follow each other, from its first file to its last.
//! - What [`Shelf::append`] has returned for is synced, and a kill at any point leaves it there.

use super::error::BackupError;
use super::manifest::{MANIFEST_FILE, Manifest, ShardEnd};
use gavel_core::{LogId, Lsn, ShardId, Timestamp};
use gavel_log::archive::{ARCHIVE_DIR, ArchiveCause, GrowingFile};
use gavel_log::identity::{self, IDENTITY_FILE, IDENTITY_NEW_FILE};
use gavel_log::lock::LOCK_FILE;
use gavel_log::mark::MARK_FILE;
use gavel_log::sled_log::LOG_DIR;
use gavel_log::snapshot::SNAPSHOT_DIR;
use gavel_log::{Archive, ArchiveError, DirLock, Frame, Tip, clear_unfinished};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

/// A backup that is being written to.
pub(super) struct Shelf {
    lock: DirLock,
    shards: BTreeMap<ShardId, ShardFiles>,
}

/// One shard's files.
struct ShardFiles {
    end: ShardEnd,
    /// The last one, while it grows; the next one is begun when there is something to put into it.
    growing: Option<GrowingFile>,
}

impl Shelf {
    /// Opens a backup, or begins one in a directory that is empty or not there.
    pub(super) fn open(dir: &Path, about: &str) -> Result<Self, BackupError> {
        check_kind(dir)?;
        let lock = DirLock::acquire(dir, about)?;
        for part in [ARCHIVE_DIR, SNAPSHOT_DIR].map(|name| dir.join(name)) {
            clear_unfinished(&part).map_err(BackupError::io(&part))?;
        }
        let archive = Archive::open(dir).map_err(BackupError::io(dir))?;
        if let Some(bad) = archive.bad().into_iter().next() {
            return Err(BackupError::Damaged(bad));
        }
        let mut shards = BTreeMap::new();
        for shard in archive.shards() {
            if let Some(files) = ShardFiles::open(&archive, shard)? {
                shards.insert(shard, files);
            }
        }
        let shelf = Self { lock, shards };
        shelf.holds_what_it_should()?;
        Ok(shelf)
    }

    /// A backup that has less than its manifest says has lost files: going on would hide it.
    fn holds_what_it_should(&self) -> Result<(), BackupError> {
        let Some(manifest) = Manifest::read(self.dir())? else { return Ok(()) };
        for (shard, said) in manifest.shards {
            let has = self.tip(shard);
            if has.lsn < said.last.lsn {
                let problem = format!(
                    "it says that the backup goes up to {}, but the files of shard {shard} end at Lsn {}; begin another backup \
                     in a new directory (`gavel restore` still restores what is whole)",
                    said.position(shard),
                    has.lsn.0
                );
                return Err(BackupError::Manifest { path: self.dir().join(MANIFEST_FILE), problem });
            }
        }
        Ok(())
    }

    /// The backup's directory.
    pub(super) fn dir(&self) -> &Path {
        self.lock.dir()
    }

    /// The last frame of a shard; the default where there is none.
    pub(super) fn tip(&self, shard: ShardId) -> Tip {
        self.shards.get(&shard).map(|files| files.end.last).unwrap_or_default()
    }

    /// Says which log it is a backup of. What follows each other by hash is one log: so this says so of all that is there.
    pub(super) fn set_log(&self, log: Option<LogId>) -> Result<(), BackupError> {
        let Some(log) = log else { return Ok(()) };
        // One that is damaged is written anew.
        if matches!(identity::read(self.dir()), Ok(Some(found)) if found == log) {
            return Ok(());
        }
        identity::write(self.dir(), log).map_err(BackupError::io(&self.dir().join(IDENTITY_FILE)))
    }

    /// Each shard's part.
    pub(super) fn ends(&self) -> BTreeMap<ShardId, ShardEnd> {
        self.shards.iter().map(|(shard, files)| (*shard, files.end)).collect()
    }

    /// Appends a shard's next frames. Synced once this has returned.
    pub(super) fn append(
        &mut self,
        shard: ShardId,
        frames: &[Frame],
        now: Timestamp,
    ) -> Result<(), BackupError> {
        let Some(first) = frames.first() else { return Ok(()) };
        let files = self.shards.entry(shard).or_insert_with(|| ShardFiles::before(first));
        files.append(self.lock.dir(), shard, frames, now)
    }
}

impl ShardFiles {
    /// A shard's files as they were left; `None` when there is no frame in them.
    fn open(archive: &Archive, shard: ShardId) -> Result<Option<Self>, BackupError> {
        let files = archive.files(shard);
        let (Some(first), Some(last)) = (files.first(), files.last()) else { return Ok(None) };
        for pair in files.windows(2) {
            let (before, after) = (pair[0].last, pair[1].base);
            if (before.lsn, before.hash) != (after.lsn, after.hash) {
                let cause = ArchiveCause::Name { shard, after: after.lsn };
                return Err(BackupError::Damaged(ArchiveError { path: pair[1].path.clone(), cause }));
            }
        }
        let growing = match files.iter().find(|file| !file.sealed) {
            Some(part) => Some(GrowingFile::open(&part.path).map_err(BackupError::Damaged)?),
            None => None,
        };
        let tip = growing.as_ref().map_or(last.last, GrowingFile::tip);
        let end = ShardEnd { first: first.first(), last: tip };
        Ok(Some(Self { end, growing }))
    }

    /// Before a shard's first frame in the backup.
    fn before(first: &Frame) -> Self {
        let before = Tip { lsn: Lsn(first.first().0 - 1), hash: first.previous(), ..Tip::default() };
        Self { end: ShardEnd { first: first.first(), last: before }, growing: None }
    }

    fn append(
        &mut self,
        dir: &Path,
        shard: ShardId,
        frames: &[Frame],
        now: Timestamp,
    ) -> Result<(), BackupError> {
        let mut growing = match self.growing.take() {
            Some(growing) => growing,
            None => GrowingFile::create(dir, shard, self.end.last, now).map_err(BackupError::io(dir))?,
        };
        growing.append(frames).map_err(|error| self.refused(shard, error))?;
        self.end.last = growing.tip();
        if growing.is_full() {
            growing.seal().map_err(BackupError::Write)?;
        } else {
            self.growing = Some(growing);
        }
        Ok(())
    }

    fn refused(&self, shard: ShardId, error: ArchiveError) -> BackupError {
        match error.cause {
            ArchiveCause::Chain(_) => BackupError::Other { has: self.end.position(shard) },
            _ => BackupError::Write(error),
        }
    }
}

/// A directory that is something else is left alone.
fn check_kind(dir: &Path) -> Result<(), BackupError> {
    let no_backup = |what| Err(BackupError::NoBackup { dir: dir.to_owned(), what });
    if dir.join(MARK_FILE).exists() || dir.join(LOG_DIR).exists() {
        return no_backup("a data directory");
    }
    let is_backup = dir.join(MANIFEST_FILE).exists() || dir.join(ARCHIVE_DIR).exists();
    let is_empty = match std::fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == ErrorKind::NotFound => true,
        Err(error) if error.kind() == ErrorKind::NotADirectory => return no_backup("no directory"),
        Err(source) => return Err(BackupError::Io { path: dir.to_owned(), source }),
    };
    // A backup that was killed before it had written anything else has left these.
    let has_only_begun = || {
        let names = std::fs::read_dir(dir).map(|entries| entries.flatten().map(|entry| entry.file_name()));
        let first = [LOCK_FILE, IDENTITY_FILE, IDENTITY_NEW_FILE];
        names.is_ok_and(|mut names| names.all(|name| first.iter().any(|first| name == *first)))
    };
    if is_backup || is_empty || has_only_begun() { Ok(()) } else { no_backup("neither empty nor a backup") }
}
