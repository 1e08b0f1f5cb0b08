//! Moving frames from the log into the archive, and removing what is older than anybody wants: the face of it.
//!
//! What every implementation promises:
//!
//! - It works beside commits from another thread, and holds them up for no more than a small step at a time.
//! - A frame leaves the log only once it is durable in the archive. A crash at any point loses nothing and doubles nothing.
//! - A shard's last frame never leaves the log, and what the mark does not tell of does not either.

use crate::archive::ArchiveError;
use crate::log::ReadError;
use gavel_core::{Duration, Lsn, ShardId, Timestamp};
use std::collections::BTreeMap;

/// Keeps the log within its size. A handle for any thread; calls wait for each other.
pub trait Trim: Send + Sync {
    /// Moves a shard's frames up to the record `up_to` into the archive: as far as they are whole frames that the latest mark tells
    /// of, and never the last one. `now` is the engine's time, for frames that do not tell theirs.
    ///
    /// # Errors
    /// After one that [is fatal](TrimError::is_fatal) the log takes nothing more. After any other nothing was lost, and the call is to be
    /// made again later.
    fn archive(&self, shard: ShardId, up_to: Lsn, now: Timestamp) -> Result<Moved, TrimError>;

    /// Removes the oldest archive files, as far as they are too old or too many. Never a shard's newest; never one that replay
    /// from the older of its snapshots needs (without a snapshot all of them are needed).
    ///
    /// # Errors
    /// A file cannot be removed. Never fatal.
    fn expire(&self, limits: Expiry) -> Result<Expired, TrimError>;

    /// How near a record is to leaving the archive, by age or by size, whichever is nearer: in percent of what these limits allow, so that
    /// it may be gone from 100 on. `None` while it is in the log, or in the shard's newest archive file, and once it is gone.
    fn nearness(&self, shard: ShardId, lsn: Lsn, limits: Expiry) -> Option<u64>;

    /// What takes how much space.
    ///
    /// # Errors
    /// The file system refuses.
    fn usage(&self) -> Result<Usage, TrimError>;
}

/// How much history is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// The engine's time.
    pub now: Timestamp,
    /// An archive file whose last record is older than this goes.
    pub keep: Duration,
    /// Bytes of all archive files together beyond which the oldest go; `None` for no bound.
    pub bytes_max: Option<u64>,
}

/// What was moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Frames that were written to the archive.
    pub frames: u64,
    /// Their bytes.
    pub frame_bytes: u64,
    /// Bytes of the archive files they are in.
    pub archive_bytes: u64,
    /// Archive files that were written. A short one that had frames already is written anew, longer.
    pub files: u64,
    /// Frames that were removed from the log. More than were written where an earlier call was cut off.
    pub removed: u64,
    /// The last record in the archive; 0 where it holds none.
    pub archived: Lsn,
}

/// What was removed from the archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that are still beyond the bound, because somebody needs them.
    pub bytes_over: u64,
}

/// What takes how much space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The log's file, as it is on the disk.
    pub log_bytes: u64,
    /// The frames in the log.
    pub log_frame_bytes: u64,
    /// The archive files.
    pub archive_bytes: u64,
    /// How many there are.
    pub archive_files: u64,
    /// Archive files that were damaged when they were last looked at. Nothing removes them.
    pub archive_files_bad: u64,
    /// The snapshots.
    pub snapshot_bytes: u64,
    /// Each shard that has records.
    pub shards: BTreeMap<ShardId, ShardUsage>,
}

/// One shard's part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardUsage {
    /// The first record that there still is, in archive or log.
    pub oldest: Lsn,
    /// The last record in the archive; 0 where it holds none.
    pub archived: Lsn,
    /// The first record in the log.
    pub log_first: Lsn,
    /// The last durable record.
    pub durable: Lsn,
    /// Bytes of its frames in the log.
    pub log_frame_bytes: u64,
}

/// Why frames were not moved, or files not removed.
#[derive(Debug, thiserror::Error)]
pub enum TrimError {
    /// An archive file could not be written. Nothing was removed.
    #[error("the archive cannot be written: {0}")]
    Archive(#[from] ArchiveError),
    /// The file system refused. Nothing that was needed was removed.
    #[error("the archive cannot be written: {0}")]
    Io(#[from] std::io::Error),
    /// A frame of the log could not be read. Nothing was removed.
    #[error("the log cannot be read: {0}")]
    Read(#[from] ReadError),
    /// The storage engine failed. The log takes nothing more.
    #[error("the storage engine failed (truncate): {message}")]
    Engine {
        /// In its words.
        message: String,
    },
    /// An earlier failure has ended the log; nothing was written.
    #[error("the log takes nothing more since an earlier failure")]
    Poisoned,
}

impl TrimError {
    /// Whether the log has ended with it: what is on the disk is only known after the next start.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Engine { .. } | Self::Poisoned => true,
            Self::Archive(_) | Self::Io(_) | Self::Read(_) => false,
        }
    }
}
