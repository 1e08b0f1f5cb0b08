//! A log in memory: durable as long as the process lives. For tests and benches of what stands on the log.

use crate::chain::Tip;
use crate::frame::Frame;
use crate::log::{CheckedFrames, Frames, Log, LogError, LogReader, Tips, follow_all};
use gavel_core::{Lsn, ShardId, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A log in memory. A clone of the [`Contents`] it was made from opens it again.
#[derive(Debug, Default)]
pub struct MemoryLog {
    contents: Contents,
}

/// What a log in memory holds. Clones share it, so it can be kept while the log is dropped, as a disk is kept.
#[derive(Clone, Debug, Default)]
pub struct Contents(Arc<RwLock<Inner>>);

#[derive(Debug, Default)]
pub(crate) struct Inner {
    frames: BTreeMap<(ShardId, Lsn), Frame>,
    tips: Tips,
    marked_at: Option<Timestamp>,
}

impl Inner {
    /// Takes frames in that were checked to follow the tips, together with the tips after them.
    pub(crate) fn append(&mut self, frames: &[Frame], tips: Tips) {
        self.frames.extend(frames.iter().map(|frame| ((frame.shard(), frame.first()), frame.clone())));
        self.tips.extend(tips);
    }

    pub(crate) fn tips(&self) -> &Tips {
        &self.tips
    }

    pub(crate) fn set_marked_at(&mut self, now: Timestamp) {
        self.marked_at = Some(now);
    }
}

impl Contents {
    // A panic elsewhere cannot leave the maps half changed in a way that the frames' own checks would not find.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the log was last marked: the last known sign of life.
    #[must_use]
    pub fn marked_at(&self) -> Option<Timestamp> {
        self.read().marked_at
    }
}

impl MemoryLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A log over what an earlier one left.
    #[must_use]
    pub fn open(contents: Contents) -> Self {
        Self { contents }
    }

    /// What it holds, to open it again.
    #[must_use]
    pub fn contents(&self) -> Contents {
        self.contents.clone()
    }
}

impl Log for MemoryLog {
    fn commit(&mut self, frames: &[Frame]) -> Result<(), LogError> {
        let mut inner = self.contents.write();
        let tips = follow_all(&inner.tips, frames)?;
        inner.append(frames, tips);
        Ok(())
    }

    fn tip(&self, shard: ShardId) -> Tip {
        self.contents.read().tips.get(&shard).copied().unwrap_or_default()
    }

    fn shards(&self) -> Vec<ShardId> {
        self.contents.read().tips.keys().copied().collect()
    }

    fn reader(&self) -> Arc<dyn LogReader> {
        Arc::new(self.contents())
    }

    fn mark(&mut self, now: Timestamp) -> Result<(), LogError> {
        self.contents.write().set_marked_at(now);
        Ok(())
    }

    fn close(mut self: Box<Self>, now: Timestamp) -> Result<(), LogError> {
        self.mark(now)
    }
}

impl LogReader for Contents {
    fn read_from(&self, shard: ShardId, from: Lsn) -> Frames {
        let start = {
            let inner = self.read();
            let holds = inner.frames.range((shard, Lsn(0))..=(shard, from)).next_back();
            holds.map_or(from, |((_, first), _)| *first)
        };
        let (contents, mut next) = (self.clone(), start);
        let stored = std::iter::from_fn(move || {
            let inner = contents.read();
            let (_, frame) = inner.frames.range((shard, next)..=(shard, Lsn(u64::MAX))).next()?;
            next = frame.last().next();
            Some(Ok(frame.clone()))
        });
        Box::new(CheckedFrames::new(stored, shard, from, self.durable(shard)))
    }

    fn durable(&self, shard: ShardId) -> Lsn {
        self.read().tips.get(&shard).copied().unwrap_or_default().lsn
    }

    /// Always 1: a log in memory keeps everything.
    fn oldest(&self, _shard: ShardId) -> Lsn {
        Lsn(1)
    }
}
