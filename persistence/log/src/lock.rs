//! One process per data directory. The lock is the operating system's, held on the file `lock`, so it cannot outlive
//! its holder; what the file says, one line of pid and one of the holder's own words, is for people.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Error, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The lock's file name inside the data directory.
pub const LOCK_FILE: &str = "lock";
/// Of the file's text, what is shown to people at most.
const SHOWN_BYTES_MAX: u64 = 512;

/// The right to use a data directory, until dropped.
#[derive(Debug)]
pub struct DirLock {
    dir: PathBuf,
    file: File,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{} is in use by process {holder}", dir.display())]
    Held {
        /// The directory.
        dir: PathBuf,
        /// The holder's pid and words, as its lock file tells them.
        holder: String,
    },
    /// The directory or the lock file cannot be made or opened.
    #[error("{}: {source}", dir.display())]
    Io {
        /// The directory.
        dir: PathBuf,
        /// As the operating system said it.
        source: Error,
    },
}

impl DirLock {
    /// Makes the directory where there is none, and takes its lock. `about` is told to whoever comes second (an address to
    /// reach this process by, say).
    ///
    /// # Errors
    /// Somebody else has it, or the file system refuses.
    pub fn acquire(dir: &Path, about: &str) -> Result<Self, LockError> {
        let io = |source| LockError::Io { dir: dir.to_owned(), source };
        std::fs::create_dir_all(dir).map_err(io)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(dir.join(LOCK_FILE))
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { dir: dir.to_owned(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let lock = Self { dir: dir.to_owned(), file };
        lock.announce(about).map_err(io)?;
        Ok(lock)
    }

    /// Tells what whoever comes second is to be told from now on.
    ///
    /// # Errors
    /// The file cannot be written; the lock holds all the same.
    pub fn announce(&self, about: &str) -> Result<(), Error> {
        let mut file = &self.file;
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(format!("{}\n{about}\n", std::process::id()).as_bytes())
    }

    /// The directory it is the lock of.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Who has the directory now, in its own words; `None` where nobody has. Only looks: taking the lock to see whether it is free would
/// be in the way of whoever starts at that moment.
pub(crate) fn holder_of(dir: &Path) -> Option<String> {
    let mut file = File::open(dir.join(LOCK_FILE)).ok()?;
    let inode = file.metadata().ok()?.ino().to_string();
    // Each line: `1: FLOCK  ADVISORY  WRITE 4711 08:01:131077 0 EOF`.
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let mut places = locks.lines().filter_map(|line| line.split_whitespace().nth(5));
    places.any(|place| place.rsplit(':').next() == Some(&inode)).then(|| holder(&mut file))
}

/// What the holder says about itself, on one line.
fn holder(file: &mut File) -> String {
    let mut text = Vec::new();
    if file.take(SHOWN_BYTES_MAX).read_to_end(&mut text).is_err() {
        // Only words for people: where they cannot be read, there are none.
        text.clear();
    }
    let text = String::from_utf8_lossy(&text);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    match (lines.next(), lines.next()) {
        (Some(pid), Some(about)) => format!("{pid} ({about})"),
        (Some(pid), None) => pid.to_owned(),
        _ => "unknown".to_owned(),
    }
}
