//! Form 3: an event of a whole shard, as an rkyv archive after the form byte.

use super::super::RecordError;
use super::read::{time, time_option};
use gavel_core::command::StandingBids;
use gavel_core::placement::{KeyRange, PlacementChange, Policy as CorePolicy};
use gavel_core::{AccountId, Epoch, ShardEvent, ShardId};
use rkyv::rancor::{Failure, Panic, ResultExt};

pub(in super::super) const FORM: u8 = 3;

#[derive(rkyv::Archive, rkyv::Serialize)]
enum Shards {
    EpochStarted { epoch: u32, at_us: u64, alive_until_us: Option<u64> },
    Banned { bidder: u128, seller: Option<u128>, removed: bool, at_us: u64 },
    Unbanned { bidder: u128, seller: Option<u128>, at_us: u64 },
    PlacementChanged { change: Change, at_us: u64 },
}

#[derive(rkyv::Archive, rkyv::Serialize)]
enum Change {
    ShardAdded(u8),
    ShardDrained(u8),
    PolicySet { effective_at_us: u64, policy: Policy },
    DirectorySet { key: Box<str>, shard: Option<u8> },
}

#[derive(rkyv::Archive, rkyv::Serialize)]
enum Policy {
    Key,
    Sequence,
    Range(Vec<(Box<str>, u8)>),
    Directory,
}

/// Appends the record; of what form 3 has no place for, that of form 4.
pub(in super::super) fn encode(event: &ShardEvent, out: &mut Vec<u8>) {
    let archive = match event {
        ShardEvent::EpochStarted { epoch, at, alive_until } => Shards::EpochStarted {
            epoch: epoch.0,
            at_us: at.micros(),
            alive_until_us: alive_until.map(|time| time.micros()),
        },
        ShardEvent::Banned { bidder, seller, standing, at } => Shards::Banned {
            bidder: bidder.to_bits(),
            seller: seller.map(AccountId::to_bits),
            removed: *standing == StandingBids::Remove,
            at_us: at.micros(),
        },
        ShardEvent::Unbanned { bidder, seller, at } => Shards::Unbanned {
            bidder: bidder.to_bits(),
            seller: seller.map(AccountId::to_bits),
            at_us: at.micros(),
        },
        ShardEvent::PlacementChanged { change, at } => {
            Shards::PlacementChanged { change: change.into(), at_us: at.micros() }
        }
        ShardEvent::AuctionsRetired { auctions, at } => return super::retired::encode(auctions, *at, out),
    };
    out.push(FORM);
    // A vector takes whatever is written, and no value here is too large for 32-bit offsets.
    rkyv::api::high::to_bytes_in::<_, Panic>(&archive, &mut *out).always_ok();
}

/// Reads what follows the form byte.
pub(in super::super) fn decode(body: &[u8]) -> Result<ShardEvent, RecordError> {
    rkyv::access::<ArchivedShards, Failure>(body).map_err(|_| RecordError::Layout { form: FORM })?.try_into()
}

impl From<&PlacementChange> for Change {
    fn from(change: &PlacementChange) -> Self {
        match change {
            PlacementChange::ShardAdded(shard) => Self::ShardAdded(shard.0),
            PlacementChange::ShardDrained(shard) => Self::ShardDrained(shard.0),
            PlacementChange::PolicySet { effective_at, policy } => {
                Self::PolicySet { effective_at_us: effective_at.micros(), policy: policy.into() }
            }
            PlacementChange::DirectorySet { key, shard } => {
                Self::DirectorySet { key: key.clone(), shard: shard.map(|shard| shard.0) }
            }
        }
    }
}

impl From<&CorePolicy> for Policy {
    fn from(policy: &CorePolicy) -> Self {
        match policy {
            CorePolicy::Key => Self::Key,
            CorePolicy::Sequence => Self::Sequence,
            CorePolicy::Range(ranges) => {
                Self::Range(ranges.iter().map(|KeyRange { from, shard }| (from.clone(), shard.0)).collect())
            }
            CorePolicy::Directory => Self::Directory,
        }
    }
}

impl TryFrom<&ArchivedShards> for ShardEvent {
    type Error = RecordError;

    fn try_from(event: &ArchivedShards) -> Result<Self, RecordError> {
        Ok(match event {
            ArchivedShards::EpochStarted { epoch, at_us, alive_until_us } => Self::EpochStarted {
                epoch: Epoch(epoch.to_native()),
                at: time(at_us.to_native(), "time")?,
                alive_until: time_option(alive_until_us, "last sign of life")?,
            },
            ArchivedShards::Banned { bidder, seller, removed, at_us } => Self::Banned {
                bidder: AccountId::from_bits(bidder.to_native()),
                seller: seller.as_ref().map(|seller| AccountId::from_bits(seller.to_native())),
                standing: if *removed { StandingBids::Remove } else { StandingBids::Keep },
                at: time(at_us.to_native(), "time")?,
            },
            ArchivedShards::Unbanned { bidder, seller, at_us } => Self::Unbanned {
                bidder: AccountId::from_bits(bidder.to_native()),
                seller: seller.as_ref().map(|seller| AccountId::from_bits(seller.to_native())),
                at: time(at_us.to_native(), "time")?,
            },
            ArchivedShards::PlacementChanged { change, at_us } => {
                Self::PlacementChanged { change: change.try_into()?, at: time(at_us.to_native(), "time")? }
            }
        })
    }
}

impl TryFrom<&ArchivedChange> for PlacementChange {
    type Error = RecordError;

    fn try_from(change: &ArchivedChange) -> Result<Self, RecordError> {
        Ok(match change {
            ArchivedChange::ShardAdded(shard) => Self::ShardAdded(ShardId(*shard)),
            ArchivedChange::ShardDrained(shard) => Self::ShardDrained(ShardId(*shard)),
            ArchivedChange::PolicySet { effective_at_us, policy } => Self::PolicySet {
                effective_at: time(effective_at_us.to_native(), "time of effect")?,
                policy: policy.into(),
            },
            ArchivedChange::DirectorySet { key, shard } => {
                Self::DirectorySet { key: (**key).into(), shard: shard.as_ref().map(|shard| ShardId(*shard)) }
            }
        })
    }
}

impl From<&ArchivedPolicy> for CorePolicy {
    fn from(policy: &ArchivedPolicy) -> Self {
        match policy {
            ArchivedPolicy::Key => Self::Key,
            ArchivedPolicy::Sequence => Self::Sequence,
            ArchivedPolicy::Range(ranges) => Self::Range(
                ranges
                    .iter()
                    .map(|range| KeyRange { from: (*range.0).into(), shard: ShardId(range.1) })
                    .collect(),
            ),
            ArchivedPolicy::Directory => Self::Directory,
        }
    }
}
