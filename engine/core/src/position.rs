//! Places in the log. A record's place in the world is `shard-epoch-lsn`.

use crate::id::ShardId;

/// A record's number in its shard: 1, 2, 3, … without gaps. 0 is "before the first".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

/// A record's number in its auction: 1, 2, 3, … without gaps. 0 is "before the first".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u32);

/// A shard's generation, raised at every start and every change of owner. The first is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

/// A record's place in the world. Text form: `shard-epoch-lsn` in plain decimals, e.g. `3-1-42`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The shard whose log holds the record.
    pub shard: ShardId,
    /// The shard's generation when it was written.
    pub epoch: Epoch,
    /// The record's number in the shard.
    pub lsn: Lsn,
}

impl Lsn {
    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Seq {
    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.shard.0, self.epoch.0, self.lsn.0)
    }
}
