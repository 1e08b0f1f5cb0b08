//! The log on sled 0.34.7: one tree, one value per frame, keys `shard (2, big-endian) | first Lsn (8, big-endian)`.
//!
//! A commit is: insert the frames, `flush()`, then `sync_data()` on a handle of our own. sled's flush alone is
//! `sync_file_range`, which neither writes metadata nor empties the disk's cache. The handle of our own is open before
//! anything is written, so it is told of every write error of the file, including those that a sync by sled's own thread
//! meets (the kernel reports each to every handle that was open), which sled only writes to a debug log.
//!
//! `FORMAT.md` says what is on the disk; [`open`](SledLog::open) what is checked before it is trusted.

mod error;
mod open;
mod ours;
mod reader;
mod trimmer;

pub use error::{OpenError, OpenWarning, WhatNext};
pub(crate) use open::check_engine_files;
pub use open::{OpenOptions, Opened};
pub use ours::check_ours;

use crate::chain::Tip;
use crate::frame::Frame;
use crate::lock::DirLock;
use crate::log::{Log, LogError, LogReader, Tips, follow_all};
use crate::mark::{Mark, MarkWriter};
use crate::quiet::quietly;
use crate::trim::Trim;
use gavel_core::{Epoch, Lsn, ShardId, Timestamp};
use open::TheOne;
use reader::SledReader;
use std::fs::File;
use std::io::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use trimmer::{Shared, SledTrimmer};

/// The sled database's directory inside the data directory.
pub const LOG_DIR: &str = "log";
/// sled's file inside [`LOG_DIR`].
pub const DB_FILE: &str = "db";

/// The log on sled. At most one per process.
pub struct SledLog {
    engine: Arc<Engine>,
    /// Our own handle to sled's file, for `sync_data`.
    file: Arc<File>,
    mark: MarkWriter,
    tips: Tips,
    /// The latest that this process may write frames in, as far as the mark is concerned.
    epoch: Epoch,
    /// With the readers and the trimmer.
    shared: Shared,
    /// A call did not come to its end: it failed, or panicked.
    poisoned: bool,
}

/// The open database, shared by the log and its readers: as long as one of them lives, directory and process are taken.
struct Engine {
    db: sled::Db,
    // Dropped, and so given back, after the database.
    _one: TheOne,
    _lock: Arc<DirLock>,
}

impl std::fmt::Debug for SledLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledLog")
            .field("tips", &self.tips)
            .field("poisoned", &self.poisoned)
            .finish_non_exhaustive()
    }
}

/// The key of the frame that begins with this record.
fn key(shard: ShardId, first: Lsn) -> [u8; 10] {
    let mut key = [0; 10];
    key[..2].copy_from_slice(&u16::from(shard.0).to_be_bytes());
    key[2..].copy_from_slice(&first.0.to_be_bytes());
    key
}

impl SledLog {
    /// Bytes of sled's file, as an operator would count them.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn bytes_on_disk(&self) -> std::io::Result<u64> {
        use std::os::unix::fs::MetadataExt;
        Ok(self.file.metadata()?.blocks() * 512)
    }

    /// Inserts and flushes. One by one, not as a batch: frames need no atomicity among themselves, and a batch costs more.
    fn write(&self, frames: &[Frame]) -> Result<(), LogError> {
        let db = &self.engine.db;
        let written = quietly(|| {
            for frame in frames {
                db.insert(key(frame.shard(), frame.first()), frame.bytes())?;
            }
            db.flush()
        });
        match written {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(sled::Error::Io(source))) => Err(LogError::io("write", as_the_system_said(source))),
            Ok(Err(error)) => Err(LogError::Engine { operation: "write", message: error.to_string() }),
            Err(panic) => Err(LogError::Engine { operation: "write", message: panic }),
        }
    }

    fn write_mark(&mut self, at: Timestamp, clean: bool) -> Result<(), LogError> {
        let epoch = self.tips.values().map(|tip| tip.epoch).fold(self.epoch, Epoch::max);
        let mark = Mark::new(self.tips.clone(), epoch, at, clean);
        self.mark.write(mark).map_err(|source| LogError::io("mark", source))?;
        self.shared.marked.raise(&self.tips);
        Ok(())
    }

    fn is_poisoned(&self) -> bool {
        self.poisoned || self.shared.failed.load(Ordering::Acquire)
    }

    fn guarded(&mut self, work: impl FnOnce(&mut Self) -> Result<(), LogError>) -> Result<(), LogError> {
        if self.is_poisoned() {
            return Err(LogError::Poisoned);
        }
        self.poisoned = true;
        let done = work(self);
        if done.is_err() {
            self.shared.failed.store(true, Ordering::Release);
        }
        self.poisoned = done.is_err();
        done
    }
}

/// sled hands on a copy of an error that holds the system's own only as text for debugging. By its number it is found again.
fn as_the_system_said(copy: Error) -> Error {
    let text = copy.get_ref().map(ToString::to_string).unwrap_or_default();
    let code = text.strip_prefix("Os { code: ").and_then(|rest| rest.split(',').next()?.parse().ok());
    code.map_or(copy, Error::from_raw_os_error)
}

impl Log for SledLog {
    fn commit(&mut self, frames: &[Frame]) -> Result<(), LogError> {
        if self.is_poisoned() {
            return Err(LogError::Poisoned);
        }
        if frames.is_empty() {
            return Ok(());
        }
        let tips = follow_all(&self.tips, frames)?;
        self.guarded(|log| {
            log.write(frames)?;
            log.file.sync_data().map_err(|source| LogError::io("sync", source))
        })?;
        for frame in frames {
            self.shared.frame_bytes.add(frame.shard(), frame.bytes().len() as u64);
        }
        self.shared.durable.raise(&tips);
        self.tips.extend(tips);
        Ok(())
    }

    fn tip(&self, shard: ShardId) -> Tip {
        self.tips.get(&shard).copied().unwrap_or_default()
    }

    fn shards(&self) -> Vec<ShardId> {
        self.tips.keys().copied().collect()
    }

    fn reader(&self) -> Arc<dyn LogReader> {
        let Shared { archive, durable, .. } = self.shared.clone();
        Arc::new(SledReader { engine: self.engine.clone(), archive, durable })
    }

    fn trimmer(&self) -> Option<Arc<dyn Trim>> {
        Some(Arc::new(SledTrimmer {
            engine: self.engine.clone(),
            file: self.file.clone(),
            shared: self.shared.clone(),
        }))
    }

    fn mark(&mut self, now: Timestamp) -> Result<(), LogError> {
        self.guarded(|log| log.write_mark(now, false))
    }

    fn close(mut self: Box<Self>, now: Timestamp) -> Result<(), LogError> {
        self.guarded(|log| {
            // Both slots, so that damage to one does not make a clean stop look like a kill.
            log.write_mark(now, true)?;
            log.write_mark(now, true)
        })
    }
}
