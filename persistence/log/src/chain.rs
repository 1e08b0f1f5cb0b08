//! The chain: every frame holds the hash of the frame before it in its shard, so a log that reads as one chain has
//! neither lost, doubled, swapped nor altered a frame between its first and its last.

use crate::frame::Frame;
use gavel_core::{Epoch, Lsn, ShardId};

/// The BLAKE3 hash of a frame's bytes. All zero stands before a shard's first frame.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ChainHash(pub [u8; 32]);

impl ChainHash {
    /// The hash of a frame with these bytes.
    #[must_use]
    pub fn of(frame: &[u8]) -> Self {
        Self(*blake3::hash(frame).as_bytes())
    }
}

impl std::fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The end of one shard's log: what the next frame has to follow. The default stands before the first frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tip {
    /// The generation of the last frame; 0 where there is none.
    pub epoch: Epoch,
    /// The last record; 0 where there is none.
    pub lsn: Lsn,
    /// The last frame's hash.
    pub hash: ChainHash,
}

impl Tip {
    /// The tip after this frame.
    #[must_use]
    pub fn of(frame: &Frame) -> Self {
        Self { epoch: frame.epoch(), lsn: frame.last(), hash: frame.hash() }
    }
}

/// Follows one shard's frames and refuses the first that does not continue it.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    shard: ShardId,
    tip: Tip,
}

/// A frame that does not follow the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A frame of another shard.
    #[error("a frame of shard {found} in the log of shard {shard}")]
    Shard {
        /// Whose log it is.
        shard: ShardId,
        /// Whose frame it is.
        found: ShardId,
    },
    /// Records are missing, or there twice.
    #[error("shard {shard}: Lsn {} follows {}", found.0, after.0)]
    Gap {
        /// Whose log it is.
        shard: ShardId,
        /// The last Lsn before.
        after: Lsn,
        /// The frame's first.
        found: Lsn,
    },
    /// The epoch went back.
    #[error("shard {shard}: at Lsn {} epoch {} follows epoch {}", at.0, found.0, after.0)]
    Epoch {
        /// Whose log it is.
        shard: ShardId,
        /// The frame's first Lsn.
        at: Lsn,
        /// The epoch before.
        after: Epoch,
        /// The frame's.
        found: Epoch,
    },
    /// The hash is not that of the frame before.
    #[error("shard {shard}: the frame at Lsn {} does not belong after the frame before it", at.0)]
    Hash {
        /// Whose log it is.
        shard: ShardId,
        /// The frame's first Lsn.
        at: Lsn,
    },
}

impl Chain {
    /// A chain that continues from `tip`.
    #[must_use]
    pub fn new(shard: ShardId, tip: Tip) -> Self {
        Self { shard, tip }
    }

    /// The end of what was followed so far.
    #[must_use]
    pub fn tip(&self) -> Tip {
        self.tip
    }

    /// Takes the next frame in.
    ///
    /// # Errors
    /// How it fails to continue the chain, which is then left as it was.
    pub fn follow(&mut self, frame: &Frame) -> Result<(), ChainError> {
        let Self { shard, tip } = *self;
        let at = frame.first();
        if frame.shard() != shard {
            return Err(ChainError::Shard { shard, found: frame.shard() });
        }
        if at != tip.lsn.next() {
            return Err(ChainError::Gap { shard, after: tip.lsn, found: at });
        }
        if frame.epoch() < tip.epoch {
            return Err(ChainError::Epoch { shard, at, after: tip.epoch, found: frame.epoch() });
        }
        if frame.previous() != tip.hash {
            return Err(ChainError::Hash { shard, at });
        }
        self.tip = Tip::of(frame);
        Ok(())
    }
}
