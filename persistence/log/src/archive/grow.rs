//! A file that grows as frames come: block by block, each durable before the next. What a kill leaves of it is readable up to the last
//! whole block, and goes on from there.

use super::format::{ArchiveCause, ArchiveError, Summary, parse_head};
use super::reader::{Recovered, recover};
use super::writer::Packer;
use super::{GROWING_KIND, growing_path, path};
use crate::chain::Tip;
use crate::files::head::HEAD_BYTES;
use crate::files::{self, NewFile, about, sync_dir};
use crate::frame::Frame;
use crate::limits::ARCHIVE_FILE_BYTES_MAX;
use gavel_core::{ShardId, Timestamp};
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A growing archive file (`.arc.part`), for a backup that follows.
pub struct GrowingFile {
    packer: Packer,
    file: File,
    path: PathBuf,
    sealed_path: PathBuf,
    block: Vec<u8>,
    /// A write or sync has failed: what is on the disk is known only after opening it again.
    poisoned: bool,
}

impl GrowingFile {
    /// Begins a file of the shard's frames that follow `base`; durable once this has returned.
    ///
    /// # Errors
    /// The file system refuses, or there is such a file already.
    pub fn create(data_dir: &Path, shard: ShardId, base: Tip, now: Timestamp) -> Result<Self, Error> {
        let first = base.lsn.next();
        let path = growing_path(data_dir, shard, first);
        if path.exists() {
            return Err(about(&path)(ErrorKind::AlreadyExists.into()));
        }
        let (packer, head) = Packer::new(shard, base, now)?;
        let mut whole = NewFile::create(path.clone())?;
        whole.write(&head)?;
        whole.finish()?;
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(about(&path))?;
        let sealed_path = super::path(data_dir, shard, first);
        Ok(Self { packer, file, path, sealed_path, block: Vec::new(), poisoned: false })
    }

    /// Opens one that was left by whoever wrote it before, cuts off what is not whole at its end, and goes on after it.
    ///
    /// # Errors
    /// It is no such file, or it is damaged before its end; then it is left as it is.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        Self::reopen(path).map_err(|cause| cause.of(path))
    }

    fn reopen(part: &Path) -> Result<Self, ArchiveCause> {
        let file = OpenOptions::new().read(true).write(true).open(part)?;
        let mut head = [0; HEAD_BYTES];
        file.read_exact_at(&mut head, 0)?;
        let head = parse_head(&head)?;
        let first = head.tip.lsn.next();
        let data_dir = part.parent().and_then(Path::parent).unwrap_or(Path::new("."));
        if part.file_name().and_then(|name| name.to_str())
            != Some(&files::name(head.shard, first, GROWING_KIND))
        {
            return Err(ArchiveCause::Name { shard: head.shard, after: head.tip.lsn });
        }
        let Recovered { packer, end } = recover(&file, head, file.metadata()?.len())?;
        file.set_len(end)?;
        file.sync_all()?;
        let sealed_path = path(data_dir, head.shard, first);
        Ok(Self { packer, file, path: part.to_owned(), sealed_path, block: Vec::new(), poisoned: false })
    }

    /// Appends frames, each of which follows, and makes them durable: once this has returned they are there, whatever happens.
    ///
    /// # Errors
    /// A frame does not follow (those before it are not written either), or the file system refuses. Then it takes nothing more, and is
    /// to be [opened](Self::open) again.
    pub fn append<'a>(&mut self, frames: impl IntoIterator<Item = &'a Frame>) -> Result<(), ArchiveError> {
        let begun = self.packer.offset();
        let appended = self.guarded(|growing| {
            growing.block.clear();
            for frame in frames {
                if !growing.packer.has_room(frame) {
                    growing.packer.block(&mut growing.block)?;
                }
                growing.packer.push(frame)?;
            }
            growing.packer.block(&mut growing.block)?;
            growing.file.write_all_at(&growing.block, begun)?;
            Ok(growing.file.sync_data()?)
        });
        appended.map_err(|cause| cause.of(&self.path))
    }

    fn guarded(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<(), ArchiveCause>,
    ) -> Result<(), ArchiveCause> {
        if self.poisoned {
            return Err(Error::other("the file takes nothing more since an earlier failure").into());
        }
        self.poisoned = true;
        work(self)?;
        self.poisoned = false;
        Ok(())
    }

    /// The last durable frame in it; what the next one has to follow.
    #[must_use]
    pub fn tip(&self) -> Tip {
        self.packer.tip()
    }

    /// What it tells of itself so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.packer.summary(self.path.clone(), self.packer.offset(), false)
    }

    /// Whether it has as many frames as a file should have: it is to be sealed, and the next one begun at its [`tip`](Self::tip).
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.packer.frame_bytes() >= ARCHIVE_FILE_BYTES_MAX
    }

    /// Completes the file and gives it the name of one that is whole.
    ///
    /// # Errors
    /// The file system refuses. What was appended is still there, in one form or the other.
    pub fn seal(mut self) -> Result<Summary, ArchiveError> {
        let mut bytes = self.packer.offset();
        let sealed = self.guarded(|growing| {
            growing.block.clear();
            growing.packer.end(&mut growing.block);
            growing.file.write_all_at(&growing.block, bytes)?;
            growing.file.sync_all()?;
            std::fs::rename(&growing.path, &growing.sealed_path)?;
            Ok(sync_dir(growing.sealed_path.parent().unwrap_or(Path::new(".")))?)
        });
        bytes += self.block.len() as u64;
        sealed.map_err(|cause| cause.of(&self.path))?;
        Ok(self.packer.summary(self.sealed_path, bytes, true))
    }
}

impl std::fmt::Debug for GrowingFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GrowingFile")
            .field("path", &self.path)
            .field("tip", &self.tip())
            .finish_non_exhaustive()
    }
}
