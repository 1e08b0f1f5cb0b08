//! A shard's state rebuilt from its records, outside an engine: no actor, no thread, no live view. For tools that look at a log.
//!
//! It runs what recovery runs, over the same records, so it comes out as the engine's own state at that record.

use crate::shard::{Book, ReplayError, digest_of};
use gavel_core::placement::PlacementChange;
use gavel_core::{Digest, Duration, Lsn, Position, ShardId};
use gavel_log::record::Record;
use gavel_log::snapshot::{Foot, Head, Reader, SnapshotError};
use gavel_log::state::{Loader, Restored, StateError};
use std::path::Path;

/// A replica retires nothing by itself, it only follows the records that say so; so the time does not matter.
const RETIRE_AFTER: Duration = Duration::ZERO;

/// One shard as of a record of its log.
pub struct Replica {
    book: Book,
}

/// Why a snapshot is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaError {
    /// The file is damaged or can't be read.
    #[error(transparent)]
    File(#[from] SnapshotError),
    /// What its blocks hold is no state.
    #[error("{}: {source}", path.display())]
    State {
        /// The snapshot.
        path: std::path::PathBuf,
        /// Why.
        source: StateError,
    },
    /// It does not hold what its foot says.
    #[error("{}: its foot tells of {} auctions with digest {}, it holds {auctions} with digest {digest}", path.display(), foot.auctions, foot.digest)]
    Foot {
        /// The snapshot.
        path: std::path::PathBuf,
        /// What the foot says.
        foot: Foot,
        /// The auctions in it.
        auctions: u64,
        /// The digest of what is in it.
        digest: Digest,
    },
}

impl std::fmt::Debug for Replica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replica")
            .field("shard", &self.shard())
            .field("last", &self.last())
            .finish_non_exhaustive()
    }
}

impl Replica {
    /// A shard before its first record.
    #[must_use]
    pub fn new(shard: ShardId) -> Self {
        Self { book: Book::new(shard, RETIRE_AFTER) }
    }

    /// A shard as a snapshot has it; the records after [`last`](Self::last) follow. Also says what the snapshot is of, and up to which
    /// record it may know of: until that record was taken in, the replica is no state that the shard ever was in.
    ///
    /// # Errors
    /// The snapshot is not whole, or does not hold what it says.
    pub fn from_snapshot(path: &Path) -> Result<(Self, Head, Foot), ReplicaError> {
        let mut reader = Reader::open(path)?;
        let head = *reader.head();
        let mut replica = Self::new(head.shard);
        let (mut loader, mut digest, mut auctions) = (Loader::default(), Digest::default(), 0);
        let state = |source| ReplicaError::State { path: path.to_owned(), source };
        while let Some(block) = reader.next_block()? {
            let take = |part| {
                auctions += u64::from(matches!(part, Restored::Auction(..)));
                digest += digest_of(&part);
                replica.book.restore(part);
            };
            loader.block(block, take).map_err(state)?;
        }
        loader.finish().map_err(state)?;
        // The reader gives no end without a foot.
        let foot =
            reader.foot().copied().unwrap_or(Foot { until: Lsn(0), auctions: 0, digest: Digest::default() });
        if (foot.auctions, foot.digest) != (auctions, digest) {
            return Err(ReplicaError::Foot { path: path.to_owned(), foot, auctions, digest });
        }
        replica.book.restored(head.from, foot.until);
        Ok((replica, head, foot))
    }

    /// Takes the next record in. Returns a change of placement, which concerns all shards.
    ///
    /// # Errors
    /// The record can't follow on those before it; the replica is of no use any more.
    pub fn apply(
        &mut self,
        record: Record,
        position: Position,
    ) -> Result<Option<PlacementChange>, ReplayError> {
        self.book.replay(record, position)
    }

    /// The sum of the digests of all auctions and bans in memory: what `INFO digest` tells of the shard at this record.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.book.digest()
    }

    /// The shard.
    #[must_use]
    pub fn shard(&self) -> ShardId {
        self.book.shard()
    }

    /// The last record that was taken in; 0 before the first.
    #[must_use]
    pub fn last(&self) -> Lsn {
        self.book.last()
    }

    /// How many auctions are in memory.
    #[must_use]
    pub fn auction_count(&self) -> usize {
        self.book.auction_count()
    }
}
