//! Whether a change can be made. What passes here is logged; `apply` never refuses.

use super::{Directory, KeyRange, Placement, PlacementChange, Policy, ShardStatus};
use crate::limits::{
    DIRECTORY_ENTRIES_MAX, PLACEMENT_KEY_BYTES_MAX, POLICIES_PENDING_MAX, RANGE_KEYS_BYTES_MAX, RANGES_MAX,
    SHARDS_MAX,
};
use crate::{ShardId, Timestamp};

/// Why a change of the placement was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// All shards that ids can name exist.
    #[error("there are {SHARDS_MAX} shards already, and an auction's id can name no more")]
    ShardsExhausted,
    /// Shards are numbered without gaps.
    #[error("shard {shard} can't be added: the next one is {next}")]
    NotNext {
        /// The shard that was asked for.
        shard: ShardId,
        /// The one that would do.
        next: ShardId,
    },
    /// The shard takes new auctions already.
    #[error("shard {0} exists and takes new auctions already")]
    AlreadyActive(ShardId),
    /// The shard was never added.
    #[error("there is no shard {shard}; the shards are 0 ..= {last}")]
    UnknownShard {
        /// The shard that was named.
        shard: ShardId,
        /// The last there is.
        last: ShardId,
    },
    /// The shard is being drained, so it can't be drained again, nor be where keys are sent.
    #[error("shard {0} is being drained")]
    Draining(ShardId),
    /// There is no drain to take back.
    #[error("shard {0} is not being drained: it takes new auctions")]
    NotDraining(ShardId),
    /// New auctions must go somewhere.
    #[error("shard {0} is the last that takes new auctions: add another before draining it")]
    LastActive(ShardId),
    /// It would never be in force, as the later of two policies is.
    #[error("the policy in force began at {in_force_from}, so another can't begin at {effective_at}")]
    BeforeInForce {
        /// When it was to take effect.
        effective_at: Timestamp,
        /// When the policy in force did.
        in_force_from: Timestamp,
    },
    /// [`POLICIES_PENDING_MAX`].
    #[error(
        "{POLICIES_PENDING_MAX} policies are waiting for their time already; replace one by naming its time"
    )]
    TooManyPending,
    /// A table without ranges places nothing.
    #[error("a range table has at least one range")]
    NoRanges,
    /// [`RANGES_MAX`].
    #[error("a range table has at most {RANGES_MAX} ranges, this one has {count}")]
    TooManyRanges {
        /// How many it has.
        count: usize,
    },
    /// [`RANGE_KEYS_BYTES_MAX`].
    #[error("the keys of a range table are at most {RANGE_KEYS_BYTES_MAX} bytes together, these are {bytes}")]
    RangeKeysTooLarge {
        /// How long they are together.
        bytes: usize,
    },
    /// The table must ascend, bytewise.
    #[error("ranges ascend by their first keys: {from:?} can't come after {after:?}")]
    RangesUnsorted {
        /// The range that is out of order.
        from: Box<str>,
        /// The one before it.
        after: Box<str>,
    },
    /// Two ranges begin with the same key.
    #[error("two ranges begin with {0:?}")]
    RangeTwice(Box<str>),
    /// A key that no auction can have.
    #[error("a placement key is 1 ..= {PLACEMENT_KEY_BYTES_MAX} bytes, this one is {bytes}")]
    KeyLength {
        /// How long it is.
        bytes: usize,
    },
    /// There is nothing to remove.
    #[error("the directory has no entry for {0:?}")]
    NoEntry(Box<str>),
    /// [`DIRECTORY_ENTRIES_MAX`].
    #[error("the directory has {DIRECTORY_ENTRIES_MAX} entries already; remove one first")]
    DirectoryFull,
    /// A change to something that cannot be seen can't be judged.
    #[error("the directory can't be read at present, so it can't be changed")]
    DirectoryUnavailable,
}

impl Placement {
    /// The shard to add next.
    ///
    /// # Errors
    /// `ShardsExhausted` when all [`SHARDS_MAX`] exist.
    pub fn next_shard(&self) -> Result<ShardId, PlacementError> {
        u8::try_from(self.shards.len()).map(ShardId).map_err(|_| PlacementError::ShardsExhausted)
    }

    /// The change that takes a shard's drain back.
    ///
    /// The same change adds the next shard, which nobody wants who names a shard that was never there.
    ///
    /// # Errors
    /// `UnknownShard`, or `NotDraining` when it takes new auctions.
    pub fn undrain(&self, shard: ShardId) -> Result<PlacementChange, PlacementError> {
        match self.validate_target(shard) {
            Ok(()) => Err(PlacementError::NotDraining(shard)),
            Err(PlacementError::Draining(_)) => Ok(PlacementChange::ShardAdded(shard)),
            Err(unknown) => Err(unknown),
        }
    }

    /// Judges a change, at the engine's time.
    ///
    /// # Errors
    /// What is wrong with it, with what would do.
    pub fn validate(&self, change: &PlacementChange, now: Timestamp) -> Result<(), PlacementError> {
        match change {
            PlacementChange::ShardAdded(shard) => self.validate_added(*shard),
            PlacementChange::ShardDrained(shard) => self.validate_drained(*shard),
            PlacementChange::PolicySet { effective_at, policy } => {
                self.validate_time(*effective_at, now)?;
                self.validate_policy(policy)
            }
            PlacementChange::DirectorySet { key, shard } => self.validate_entry(key, *shard),
        }
    }

    fn validate_added(&self, shard: ShardId) -> Result<(), PlacementError> {
        match self.status(shard) {
            Some(ShardStatus::Active) => Err(PlacementError::AlreadyActive(shard)),
            Some(ShardStatus::Draining) => Ok(()),
            None => match self.next_shard()? {
                next if next == shard => Ok(()),
                next => Err(PlacementError::NotNext { shard, next }),
            },
        }
    }

    fn validate_drained(&self, shard: ShardId) -> Result<(), PlacementError> {
        self.validate_target(shard)?;
        if self.active == [shard] { Err(PlacementError::LastActive(shard)) } else { Ok(()) }
    }

    /// The shard exists and takes new auctions.
    fn validate_target(&self, shard: ShardId) -> Result<(), PlacementError> {
        match self.status(shard) {
            Some(ShardStatus::Active) => Ok(()),
            Some(ShardStatus::Draining) => Err(PlacementError::Draining(shard)),
            // The cast is exact: there are at least one and at most 256 shards.
            None => Err(PlacementError::UnknownShard { shard, last: ShardId((self.shards.len() - 1) as u8) }),
        }
    }

    /// A time a moment ago is fine, and means now: whoever asked has read the clock before us.
    fn validate_time(&self, effective_at: Timestamp, now: Timestamp) -> Result<(), PlacementError> {
        let (past, pending) = self.policies.split_at(self.policies.partition_point(|(from, _)| *from <= now));
        if let Some(&(in_force_from, _)) = past.last().filter(|(from, _)| effective_at < *from) {
            return Err(PlacementError::BeforeInForce { effective_at, in_force_from });
        }
        let replaces = pending.iter().any(|(from, _)| *from == effective_at);
        if effective_at > now && !replaces && pending.len() >= POLICIES_PENDING_MAX {
            return Err(PlacementError::TooManyPending);
        }
        Ok(())
    }

    fn validate_policy(&self, policy: &Policy) -> Result<(), PlacementError> {
        let Policy::Range(ranges) = policy else { return Ok(()) };
        validate_order(ranges)?;
        ranges.iter().try_for_each(|range| self.validate_target(range.shard))
    }

    fn validate_entry(&self, key: &str, shard: Option<ShardId>) -> Result<(), PlacementError> {
        if key.is_empty() || key.len() > PLACEMENT_KEY_BYTES_MAX {
            return Err(PlacementError::KeyLength { bytes: key.len() });
        }
        let Directory::Entries(entries) = &self.directory else {
            return Err(PlacementError::DirectoryUnavailable);
        };
        match (entries.contains_key(key), shard) {
            (false, None) => Err(PlacementError::NoEntry(key.into())),
            (true, None) => Ok(()),
            (false, Some(_)) if entries.len() >= DIRECTORY_ENTRIES_MAX => Err(PlacementError::DirectoryFull),
            (_, Some(shard)) => self.validate_target(shard),
        }
    }
}

/// The table is within its bounds and ascends, each first key once.
fn validate_order(ranges: &[KeyRange]) -> Result<(), PlacementError> {
    if ranges.is_empty() {
        return Err(PlacementError::NoRanges);
    }
    if ranges.len() > RANGES_MAX {
        return Err(PlacementError::TooManyRanges { count: ranges.len() });
    }
    if let Some(range) = ranges.iter().find(|range| range.from.len() > PLACEMENT_KEY_BYTES_MAX) {
        return Err(PlacementError::KeyLength { bytes: range.from.len() });
    }
    let bytes = ranges.iter().map(|range| range.from.len()).sum();
    if bytes > RANGE_KEYS_BYTES_MAX {
        return Err(PlacementError::RangeKeysTooLarge { bytes });
    }
    for pair in ranges.windows(2) {
        let (after, from) = (&pair[0].from, &pair[1].from);
        match after.cmp(from) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => return Err(PlacementError::RangeTwice(from.clone())),
            std::cmp::Ordering::Greater => {
                return Err(PlacementError::RangesUnsorted { from: from.clone(), after: after.clone() });
            }
        }
    }
    Ok(())
}
