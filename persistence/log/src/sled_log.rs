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
mod reader;

pub use error::{OpenError, WhatNext};
pub use open::{OpenOptions, Opened};

use crate::chain::Tip;
use crate::frame::Frame;
use crate::lock::DirLock;
use crate::log::{Log, LogError, LogReader, Tips, follow_all};
use crate::mark::{Mark, MarkWriter};
use crate::quiet::quietly;
use gavel_core::{Epoch, Lsn, ShardId, Timestamp};
use open::TheOne;
use reader::{Durable, SledReader};
use std::fs::File;
use std::sync::Arc;

/// The sled database's directory inside the data directory.
pub const LOG_DIR: &str = "log";
/// sled's file inside [`LOG_DIR`].
pub const DB_FILE: &str = "db";

/// The log on sled. At most one per process.
pub struct SledLog {
    engine: Arc<Engine>,
    /// Our own handle to sled's file, for `sync_data`.
    file: File,
    mark: MarkWriter,
    tips: Tips,
    /// The latest that this process may write frames in, as far as the mark is concerned.
    epoch: Epoch,
    durable: Durable,
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
            Ok(Err(sled::Error::Io(source))) => Err(LogError::io("write", source)),
            Ok(Err(error)) => Err(LogError::Engine { operation: "write", message: error.to_string() }),
            Err(panic) => Err(LogError::Engine { operation: "write", message: panic }),
        }
    }

    fn write_mark(&mut self, at: Timestamp, clean: bool) -> Result<(), LogError> {
        let epoch = self.tips.values().map(|tip| tip.epoch).fold(self.epoch, Epoch::max);
        let mark = Mark::new(self.tips.clone(), epoch, at, clean);
        self.mark.write(mark).map_err(|source| LogError::io("mark", source))
    }

    fn guarded(&mut self, work: impl FnOnce(&mut Self) -> Result<(), LogError>) -> Result<(), LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned);
        }
        self.poisoned = true;
        work(self)?;
        self.poisoned = false;
        Ok(())
    }
}

impl Log for SledLog {
    fn commit(&mut self, frames: &[Frame]) -> Result<(), LogError> {
        if frames.is_empty() || self.poisoned {
            return if self.poisoned { Err(LogError::Poisoned) } else { Ok(()) };
        }
        let tips = follow_all(&self.tips, frames)?;
        self.guarded(|log| {
            log.write(frames)?;
            log.file.sync_data().map_err(|source| LogError::io("sync", source))
        })?;
        self.durable.raise(&tips);
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
        Arc::new(SledReader::new(self.engine.clone(), self.durable.clone()))
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
