//! A shard's state rebuilt from its records, outside an engine: no actor, no thread, no live view. For tools that look at a log.
//!
//! It runs what recovery runs, over the same records, so it comes out as the engine's own state at that record.

use crate::shard::{Book, ReplayError};
use gavel_core::placement::PlacementChange;
use gavel_core::{Digest, Lsn, Position, ShardId};
use gavel_log::record::Record;

/// One shard as of a record of its log.
pub struct Replica {
    book: Book,
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
        Self { book: Book::new(shard) }
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
