//! The `Log` trait: frames in, durably; frames out, in order.
//!
//! What every implementation promises, and the conformance suite checks:
//!
//! - When [`Log::commit`] has returned `Ok`, its frames survive whatever the implementation can survive at all.
//! - A shard's frames read back in order, without gaps, exactly as they were committed, and never beyond what is durable.
//! - A commit that does not continue a shard's [`Tip`] is refused before anything is written.
//! - After a failed commit the log takes nothing any more. What of that commit was written, recovery decides.

use crate::archive::ArchiveError;
use crate::chain::{Chain, ChainError, Tip};
use crate::frame::{Frame, FrameError};
use crate::limits::FRAMES_PER_COMMIT_MAX;
use crate::trim::Trim;
use gavel_core::{Lsn, ShardId, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where frames are appended durably. One writer; readers are taken from it with [`reader`](Self::reader).
pub trait Log: Send {
    /// Appends frames, each the continuation of its shard, and returns once they are durable. At most
    /// [`FRAMES_PER_COMMIT_MAX`]; none at all is no work.
    ///
    /// # Errors
    /// Nothing of it counts as durable. After anything but [`LogError::Refused`] the log is poisoned.
    fn commit(&mut self, frames: &[Frame]) -> Result<(), LogError>;

    /// The durable end of a shard: what its next frame has to follow.
    fn tip(&self, shard: ShardId) -> Tip;

    /// The shards that have records, ascending.
    fn shards(&self) -> Vec<ShardId>;

    /// A handle to read with, from any thread, while the log goes on.
    fn reader(&self) -> Arc<dyn LogReader>;

    /// Notes, durably, what is durable at this time. To be called about once a second while there are commits: damage
    /// below the latest note is found at the next start, whatever it is.
    ///
    /// # Errors
    /// The log is poisoned: a mark that cannot be written is a disk that cannot be trusted.
    fn mark(&mut self, now: Timestamp) -> Result<(), LogError>;

    /// Closes the log and notes, durably, that it was complete at this time.
    ///
    /// # Errors
    /// The log is closed, but the next start will treat it as one that was killed.
    fn close(self: Box<Self>, now: Timestamp) -> Result<(), LogError>;

    /// A handle to keep the log within its size with, from any thread, while the log goes on; `None` for logs that only grow.
    fn trimmer(&self) -> Option<Arc<dyn Trim>> {
        None
    }

    /// The last durable record of a shard; 0 where there is none.
    fn durable(&self, shard: ShardId) -> Lsn {
        self.tip(shard).lsn
    }

    /// The shard's durable frames, from the one that holds `from` on. Checked one by one and, from the second on (from
    /// the first, where the shard is read from its start), against each other.
    fn read_from(&self, shard: ShardId, from: Lsn) -> Frames {
        self.reader().read_from(shard, from)
    }
}

/// Reads a log's durable frames.
pub trait LogReader: Send + Sync {
    /// As [`Log::read_from`]. Ends at what was durable when it was called.
    fn read_from(&self, shard: ShardId, from: Lsn) -> Frames;

    /// The last durable record of a shard; 0 where there is none.
    fn durable(&self, shard: ShardId) -> Lsn;

    /// The first record of a shard that there still is, in log or archive; 1 for a shard without any. Reading from an earlier one
    /// gives [`ReadCause::Gone`].
    fn oldest(&self, shard: ShardId) -> Lsn;
}

/// Frames in order. Nothing follows an error.
pub type Frames = Box<dyn Iterator<Item = Result<Frame, ReadError>> + Send>;

/// Why a commit, mark or close failed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The frames were not fit to be committed, and nothing was written. A defect of the caller.
    #[error("the commit was refused: {0}")]
    Refused(#[from] Refusal),
    /// There is no space left on the disk.
    #[error("no space is left on the disk ({operation}): {source}")]
    DiskFull {
        /// What was being done.
        operation: &'static str,
        /// As the operating system said it.
        source: std::io::Error,
    },
    /// The operating system refused a write or sync.
    #[error("the disk failed ({operation}): {source}")]
    Io {
        /// What was being done.
        operation: &'static str,
        /// As the operating system said it.
        source: std::io::Error,
    },
    /// The storage engine gave up.
    #[error("the storage engine failed ({operation}): {message}")]
    Engine {
        /// What was being done.
        operation: &'static str,
        /// In its words.
        message: String,
    },
    /// An earlier failure has ended this log; nothing was written.
    #[error("the log takes nothing more since an earlier failure")]
    Poisoned,
}

impl LogError {
    /// An error of the operating system, told apart by its kind.
    #[must_use]
    pub fn io(operation: &'static str, source: std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match source.kind() {
            StorageFull | QuotaExceeded => Self::DiskFull { operation, source },
            _ => Self::Io { operation, source },
        }
    }
}

/// What was wrong with frames that were offered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A frame does not continue its shard.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// More frames than one commit may have.
    #[error("{frames} frames in one commit; {FRAMES_PER_COMMIT_MAX} are allowed")]
    TooMany {
        /// How many there were.
        frames: usize,
    },
}

/// A frame that could not be read back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("shard {shard}, Lsn {}: {cause}", at.0)]
pub struct ReadError {
    /// Whose log.
    pub shard: ShardId,
    /// The first record that could not be read.
    pub at: Lsn,
    /// Why.
    pub cause: ReadCause,
}

/// Why a frame could not be read back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadCause {
    /// The frame itself is damaged.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It does not follow the one before.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The log ends before what is known to be durable.
    #[error("the record is damaged or missing, and the log is known to go on to Lsn {}", durable.0)]
    Missing {
        /// The durable Lsn.
        durable: Lsn,
    },
    /// The record is older than anything that is kept.
    #[error("the record is gone; the oldest there is has Lsn {}", oldest.0)]
    Gone {
        /// The first record that there still is.
        oldest: Lsn,
    },
    /// The archive file that holds it cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The storage engine failed.
    #[error("the storage engine failed: {0}")]
    Engine(String),
}

/// The tips of all shards that have records.
pub type Tips = BTreeMap<ShardId, Tip>;

/// The tips after these frames, or what is wrong with the frames.
pub(crate) fn follow_all(tips: &Tips, frames: &[Frame]) -> Result<Tips, Refusal> {
    if frames.len() > FRAMES_PER_COMMIT_MAX {
        return Err(Refusal::TooMany { frames: frames.len() });
    }
    let mut changed = Tips::new();
    for frame in frames {
        let shard = frame.shard();
        let tip = changed.get(&shard).or_else(|| tips.get(&shard)).copied().unwrap_or_default();
        let mut chain = Chain::new(shard, tip);
        chain.follow(frame)?;
        changed.insert(shard, chain.tip());
    }
    Ok(changed)
}

/// Reads stored frames in order, checks each, and stops at what was durable.
pub(crate) struct CheckedFrames<I> {
    stored: I,
    shard: ShardId,
    /// `None` until the first frame, when reading starts in the middle of the log.
    chain: Option<Chain>,
    next: Lsn,
    durable: Lsn,
}

impl<I> CheckedFrames<I> {
    pub(crate) fn new(stored: I, shard: ShardId, from: Lsn, durable: Lsn) -> Self {
        let next = from.max(Lsn(1));
        let chain = (next == Lsn(1)).then(|| Chain::new(shard, Tip::default()));
        Self { stored, shard, chain, next, durable }
    }

    fn fail(&mut self, cause: impl Into<ReadCause>) -> ReadError {
        let at = self.next;
        self.durable = Lsn(0);
        ReadError { shard: self.shard, at, cause: cause.into() }
    }

    fn accept(&mut self, frame: Frame) -> Result<Frame, ReadError> {
        let shard = self.shard;
        if let Some(chain) = &mut self.chain {
            chain.follow(&frame).map_err(|error| self.fail(error))?;
        } else if frame.first() > self.next || frame.last() < self.next || frame.shard() != shard {
            let gap = ChainError::Gap { shard, after: Lsn(self.next.0 - 1), found: frame.first() };
            return Err(self.fail(gap));
        } else {
            self.chain = Some(Chain::new(shard, Tip::of(&frame)));
        }
        self.next = frame.last().next();
        Ok(frame)
    }
}

impl<I: Iterator<Item = Result<Frame, ReadCause>>> Iterator for CheckedFrames<I> {
    type Item = Result<Frame, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next > self.durable {
            return None;
        }
        Some(match self.stored.next() {
            Some(Ok(frame)) => self.accept(frame),
            Some(Err(cause)) => Err(self.fail(cause)),
            None => {
                let durable = self.durable;
                Err(self.fail(ReadCause::Missing { durable }))
            }
        })
    }
}
