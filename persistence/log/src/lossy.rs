//! A log in memory that fails as a disk fails: on demand, and forgetting what it had not synced. For tests of what stands
//! on the log.

use crate::chain::Tip;
use crate::frame::Frame;
use crate::log::{Log, LogError, LogReader, Tips, follow_all};
use crate::memory::Contents;
use gavel_core::{ShardId, Timestamp};
use std::io::{Error, ErrorKind};
use std::sync::Arc;

/// What goes wrong, and when. The default is nothing ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Which commit fails, counted from 1 over all that had frames.
    pub commit: Option<(u64, Fault)>,
    /// Every sync is reported as done but does nothing until [`LossyLog::sync_for_real`]: a disk that lies.
    pub lying_sync: bool,
}

/// How a commit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No space is left, before anything was written.
    DiskFull,
    /// The write fails after this many frames have reached the disk.
    WriteFails {
        /// How many of the commit's frames survive.
        survivors: usize,
    },
    /// All is written, but the sync fails, and all of it is lost.
    SyncFails,
    /// All is written and survives, but the sync reports a failure.
    SyncFailsAfterAll,
}

/// A log that loses what was not synced, and fails as [`Faults`] say.
#[derive(Debug, Default)]
pub struct LossyLog {
    /// What survives a power cut.
    disk: Contents,
    /// What reads show while there is power: the disk and what is not synced.
    cache: Contents,
    unsynced: Vec<Frame>,
    faults: Faults,
    commits: u64,
    poisoned: bool,
}

impl LossyLog {
    /// An empty log with these faults.
    #[must_use]
    pub fn new(faults: Faults) -> Self {
        Self { faults, ..Self::default() }
    }

    /// The log as it is found after a power cut over `disk`.
    #[must_use]
    pub fn open(disk: &Contents, faults: Faults) -> Self {
        let mut log = Self::new(faults);
        let tips = disk.read().tips().clone();
        for shard in tips.keys() {
            let frames: Vec<Frame> =
                disk.read_from(*shard, gavel_core::Lsn(1)).map_while(Result::ok).collect();
            log.unsynced.extend(frames);
        }
        log.cache.write().append(&log.unsynced, tips);
        log.sync_for_real();
        log
    }

    /// What survives a power cut now. Clones share it: what is synced later is seen too.
    #[must_use]
    pub fn disk(&self) -> Contents {
        self.disk.clone()
    }

    /// Puts everything written so far on the disk.
    pub fn sync_for_real(&mut self) {
        let tips = self.unsynced.iter().map(|frame| (frame.shard(), Tip::of(frame))).collect();
        self.disk.write().append(&std::mem::take(&mut self.unsynced), tips);
    }

    fn write(&mut self, frames: &[Frame], tips: Tips) {
        self.unsynced.extend_from_slice(frames);
        self.cache.write().append(frames, tips);
    }

    fn fail(&mut self, fault: Fault, frames: &[Frame]) -> LogError {
        self.poisoned = true;
        match fault {
            Fault::DiskFull => LogError::io("write", Error::from(ErrorKind::StorageFull)),
            Fault::WriteFails { survivors } => {
                self.unsynced.extend_from_slice(&frames[..survivors.min(frames.len())]);
                self.sync_for_real();
                LogError::io("write", Error::other("injected"))
            }
            Fault::SyncFails => LogError::io("sync", Error::other("injected")),
            Fault::SyncFailsAfterAll => {
                self.unsynced.extend_from_slice(frames);
                self.sync_for_real();
                LogError::io("sync", Error::other("injected"))
            }
        }
    }
}

impl Log for LossyLog {
    fn commit(&mut self, frames: &[Frame]) -> Result<(), LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned);
        }
        let tips = follow_all(self.cache.read().tips(), frames)?;
        self.commits += u64::from(!frames.is_empty());
        if let Some((nth, fault)) = self.faults.commit
            && nth == self.commits
        {
            return Err(self.fail(fault, frames));
        }
        self.write(frames, tips);
        if !self.faults.lying_sync {
            self.sync_for_real();
        }
        Ok(())
    }

    fn tip(&self, shard: ShardId) -> Tip {
        self.cache.read().tips().get(&shard).copied().unwrap_or_default()
    }

    fn shards(&self) -> Vec<ShardId> {
        self.cache.read().tips().keys().copied().collect()
    }

    fn reader(&self) -> Arc<dyn LogReader> {
        Arc::new(self.cache.clone())
    }

    fn mark(&mut self, now: Timestamp) -> Result<(), LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned);
        }
        self.disk.write().set_marked_at(now);
        Ok(())
    }

    fn close(mut self: Box<Self>, now: Timestamp) -> Result<(), LogError> {
        self.mark(now)
    }
}
