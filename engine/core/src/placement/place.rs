//! The choice itself: pure, without allocation, total.
//!
//! **The hash of a key is stable for ever**, across versions and platforms: the first eight bytes of its BLAKE3, little
//! endian. A golden test holds it.
//!
//! **From hash to shard by rendezvous**: every active shard has a score for the key, the highest has it. Existing auctions
//! move under no scheme, as the shard is in their ids; but with a modulo, one more shard would send the *new* auctions
//! of nearly every seller elsewhere than their old ones. Here an added shard takes its fair part of the keys from all
//! others, a drained shard's keys go evenly to the rest, and no other key notices. The price is one multiplication chain for each
//! active shard, at most 256 of them, once per auction.

use super::{Placement, PlacementKey, Policy};
use crate::{ShardId, Timestamp};

impl Placement {
    /// The shard that a new auction goes to. `running_number` is how many auctions were opened before it today.
    #[must_use]
    pub fn place(&self, key: &PlacementKey<'_>, now: Timestamp, running_number: u64) -> ShardId {
        let chosen = match self.policy_at(now) {
            Policy::Key => None,
            Policy::Sequence => Some(self.by_sequence(running_number)),
            Policy::Range(ranges) => {
                let after = ranges.partition_point(|range| *range.from <= *key.as_str());
                after.checked_sub(1).map(|index| ranges[index].shard)
            }
            Policy::Directory => self.directory.lookup(key.as_str()),
        };
        // A table may name a shard that is drained since: that must not stop anybody from opening.
        chosen.filter(|shard| self.is_active(*shard)).unwrap_or_else(|| self.by_key(key))
    }

    fn is_active(&self, shard: ShardId) -> bool {
        self.active.binary_search(&shard).is_ok()
    }

    fn by_sequence(&self, running_number: u64) -> ShardId {
        // The cast is exact: the remainder is below the number of active shards.
        self.active[(running_number % self.active.len() as u64) as usize]
    }

    fn by_key(&self, key: &PlacementKey<'_>) -> ShardId {
        let hash = key_hash(key.as_str());
        // There is always an active shard, and scores never tie: `mix` maps different inputs to different scores.
        self.active.iter().copied().max_by_key(|shard| score(hash, *shard)).unwrap_or_default()
    }
}

/// The first eight bytes of the key's BLAKE3, little endian. Never changes.
fn key_hash(key: &str) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&blake3::hash(key.as_bytes()).as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// How much a shard wants a key. Never changes.
const fn score(hash: u64, shard: ShardId) -> u64 {
    mix(hash ^ mix(shard.0 as u64 + 1))
}

/// The output function of splitmix64 (Steele, Lea, Flood 2014): every bit of the input moves every bit of the output, and
/// no two inputs have the same output.
pub(super) const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_and_the_scores_are_what_they_were_in_the_first_version() {
        // BLAKE3 of the empty input begins with af1349b9f5f9a1a6 (the test vectors of its authors).
        assert_eq!(key_hash(""), u64::from_le_bytes([0xaf, 0x13, 0x49, 0xb9, 0xf5, 0xf9, 0xa1, 0xa6]));
        // The second output of splitmix64 seeded with 0 (the reference implementation) is mix(2 × the golden ratio).
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(2)), 0x6e78_9e6a_a1b9_65f4);
        assert_eq!(score(key_hash("seller:7"), ShardId(0)), mix(key_hash("seller:7") ^ mix(1)));
    }
}
