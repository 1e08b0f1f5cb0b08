//! Goal: new auctions spread over the shards as their policy says, and nothing that exists ever moves.
//! Method: large deterministic key sets with a chi-square bound, worked examples, random changes (proptest), and the simulation.

mod changes;
mod choice;
mod random;
mod simulation;

use gavel_core::placement::{KeyRange, Placement, PlacementChange, PlacementKey, Policy};
use gavel_core::{AccountId, ShardId, Timestamp};

/// A time in seconds.
fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).unwrap()
}

/// A placement with so many shards, placed by key.
fn with_shards(shards: usize) -> Placement {
    let mut placement = Placement::default();
    for change in Placement::first_changes(shards) {
        change_to(&mut placement, change);
    }
    assert_eq!(placement.active().len(), shards);
    placement
}

/// Makes a change at time 0, through the same judgement as the engine.
fn change_to(placement: &mut Placement, change: PlacementChange) {
    placement.validate(&change, at(0)).unwrap();
    placement.apply(&change, at(0));
}

/// The same with a policy from time 0 on.
fn with_policy(shards: usize, policy: Policy) -> Placement {
    let mut placement = with_shards(shards);
    change_to(&mut placement, PlacementChange::PolicySet { effective_at: at(0), policy });
    placement
}

fn range(from: &str, shard: u8) -> KeyRange {
    KeyRange { from: from.into(), shard: ShardId(shard) }
}

fn entry(key: &str, shard: Option<u8>) -> PlacementChange {
    PlacementChange::DirectorySet { key: key.into(), shard: shard.map(ShardId) }
}

fn place(placement: &Placement, key: &str) -> ShardId {
    placement.place(&PlacementKey::text(key), at(1), 0)
}

/// How many of `count` sellers' auctions each shard gets; running numbers go up with them.
fn spread(placement: &Placement, count: u64) -> Vec<u64> {
    let mut counts = vec![0; placement.shards().len()];
    for number in 0..count {
        let key = PlacementKey::seller(AccountId::from_integer(number));
        counts[usize::from(placement.place(&key, at(1), number).0)] += 1;
    }
    counts
}
