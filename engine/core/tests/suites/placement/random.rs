//! Random changes, judged or not: the invariants hold after each, and the choice is what a naive model says.

use super::*;
use gavel_core::placement::ShardStatus;
use proptest::prelude::*;

fn key() -> impl Strategy<Value = String> {
    "[a-d]{1,2}"
}

fn policy() -> impl Strategy<Value = Policy> {
    let ranges = prop::collection::vec(("[a-d]{0,2}", 0..8u8), 0..4);
    prop_oneof![
        Just(Policy::Key),
        Just(Policy::Sequence),
        Just(Policy::Directory),
        ranges.prop_map(|ranges| Policy::Range(
            ranges.iter().map(|(from, shard)| range(from, *shard)).collect()
        )),
    ]
}

fn change() -> impl Strategy<Value = PlacementChange> {
    prop_oneof![
        (0..8u8).prop_map(|shard| PlacementChange::ShardAdded(ShardId(shard))),
        (0..8u8).prop_map(|shard| PlacementChange::ShardDrained(ShardId(shard))),
        (0..60u64, policy())
            .prop_map(|(seconds, policy)| PlacementChange::PolicySet { effective_at: at(seconds), policy }),
        (key(), prop::option::of(0..8u8)).prop_map(|(key, shard)| entry(&key, shard)),
    ]
}

/// The placement as a history: nothing is derived, everything is searched for from the start.
#[derive(Default)]
struct Naive(Vec<PlacementChange>);

impl Naive {
    fn is_active(&self, shard: ShardId) -> bool {
        let about = self.0.iter().rev().find_map(|change| match change {
            PlacementChange::ShardAdded(s) if *s == shard => Some(true),
            PlacementChange::ShardDrained(s) if *s == shard => Some(false),
            _ => None,
        });
        about.unwrap_or(shard == ShardId(0))
    }

    fn policy(&self, now: Timestamp) -> Policy {
        let set = self.0.iter().filter_map(|change| match change {
            PlacementChange::PolicySet { effective_at, policy } if *effective_at <= now => {
                Some((effective_at, policy))
            }
            _ => None,
        });
        // `max_by_key` takes the last of equals: the one set last.
        set.max_by_key(|(from, _)| **from).map_or(Policy::Key, |(_, policy)| policy.clone())
    }

    fn entry(&self, key: &str) -> Option<ShardId> {
        let about = |change: &PlacementChange| match change {
            PlacementChange::DirectorySet { key: k, shard } if **k == *key => Some(*shard),
            _ => None,
        };
        self.0.iter().rev().find_map(about).flatten()
    }

    /// `None` where the key's hash decides.
    fn place(&self, key: &str, now: Timestamp, number: u64) -> Option<ShardId> {
        let named = match self.policy(now) {
            Policy::Key => None,
            Policy::Sequence => {
                let active: Vec<ShardId> =
                    (0..8).map(ShardId).filter(|shard| self.is_active(*shard)).collect();
                Some(active[number as usize % active.len()])
            }
            Policy::Range(ranges) => ranges
                .iter()
                .filter(|range| *range.from <= *key)
                .max_by_key(|range| range.from.clone())
                .map(|r| r.shard),
            Policy::Directory => self.entry(key),
        };
        named.filter(|shard| self.is_active(*shard))
    }
}

fn assert_invariants(placement: &Placement) {
    let active: Vec<ShardId> = placement
        .shards()
        .filter(|(_, status)| *status == ShardStatus::Active)
        .map(|(shard, _)| shard)
        .collect();
    assert_eq!(placement.active(), active);
    assert!(!active.is_empty());
    assert!(placement.policies().is_sorted_by(|a, b| a.0 < b.0));
}

proptest! {
    #[test]
    fn judged_changes_place_as_the_history_says(
        changes in prop::collection::vec(change(), 0..40), keys in prop::collection::vec(key(), 8), number in 0..1_000u64,
    ) {
        let (mut placement, mut history) = (Placement::default(), Naive::default());
        for (now, change) in (0..).map(at).zip(changes) {
            if placement.validate(&change, now).is_ok() {
                placement.apply(&change, now);
                history.0.push(change);
            }
            assert_invariants(&placement);
            let mut by_key = placement.clone();
            by_key.apply(&PlacementChange::PolicySet { effective_at: now, policy: Policy::Key }, now);
            for key in keys.iter().map(|key| PlacementKey::text(key)) {
                let expected = history.place(key.as_str(), now, number).unwrap_or_else(|| by_key.place(&key, now, 0));
                prop_assert_eq!(placement.place(&key, now, number), expected);
            }
        }
    }

    #[test]
    fn any_log_can_be_folded_and_placed_on(
        changes in prop::collection::vec(change(), 0..40), key in key(), number in any::<u64>(), now in 0..100u64,
    ) {
        let mut placement = Placement::default();
        for change in changes {
            placement.apply(&change, at(0));
            assert_invariants(&placement);
            let shard = placement.place(&PlacementKey::text(&key), at(now), number);
            prop_assert!(placement.active().contains(&shard));
        }
    }

    #[test]
    fn no_key_changes_between_shards_that_stay(key in ".{0,40}", shards in 2..256usize, drained in any::<u8>()) {
        let full = with_shards(shards);
        let drained = ShardId(drained % shards as u8);
        let mut fewer = full.clone();
        change_to(&mut fewer, PlacementChange::ShardDrained(drained));
        let (before, after) = (place(&full, &key), place(&fewer, &key));
        prop_assert!(after != drained && (before == drained || before == after));
    }
}
