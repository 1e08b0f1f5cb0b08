//! The fold of changes, and which changes are refused.

use super::*;
use gavel_core::limits::{
    DIRECTORY_ENTRIES_MAX, PLACEMENT_KEY_BYTES_MAX, POLICIES_PENDING_MAX, RANGE_KEYS_BYTES_MAX, RANGES_MAX,
};
use gavel_core::placement::{Directory, PlacementError, ShardStatus};

fn refusal(placement: &Placement, change: PlacementChange) -> PlacementError {
    placement.validate(&change, at(0)).unwrap_err()
}

fn policy_from(seconds: u64, policy: Policy) -> PlacementChange {
    PlacementChange::PolicySet { effective_at: at(seconds), policy }
}

fn refused_ranges(ranges: impl IntoIterator<Item = KeyRange>) -> PlacementError {
    refusal(&with_shards(2), policy_from(0, Policy::Range(ranges.into_iter().collect())))
}

#[test]
fn it_begins_with_shard_0_by_key() {
    let placement = Placement::default();
    assert_eq!(placement.active(), [ShardId(0)]);
    assert_eq!(placement.policy_at(at(0)), &Policy::Key);
    assert_eq!(place(&placement, "anything"), ShardId(0));
}

#[test]
fn a_policy_is_in_force_from_its_time_until_the_next() {
    let mut placement = with_shards(2);
    // Told in another order than they take effect.
    for (seconds, policy) in [(30, Policy::Directory), (10, Policy::Sequence), (20, Policy::Key)] {
        change_to(&mut placement, policy_from(seconds, policy));
    }
    let in_force = |seconds| placement.policy_at(at(seconds)).name();
    assert_eq!(
        [0, 9, 10, 19, 20, 29, 30, 99].map(in_force),
        ["key", "key", "sequence", "sequence", "key", "key", "directory", "directory"]
    );
    let key = PlacementKey::text("k");
    let by_key = placement.place(&key, at(9), 0);
    let other = u64::from(by_key == ShardId(0));
    assert_ne!(placement.place(&key, at(10), other), by_key, "the policy of the moment decides");
    assert_eq!(placement.place(&key, at(20), other), by_key);
}

#[test]
fn a_policy_for_the_same_time_replaces_the_earlier_one() {
    let mut placement = with_shards(2);
    change_to(&mut placement, policy_from(10, Policy::Sequence));
    change_to(&mut placement, policy_from(10, Policy::Directory));
    assert_eq!(placement.policies(), [(at(10), Policy::Directory)]);
}

#[test]
fn policies_of_the_past_are_forgotten_but_for_the_one_in_force() {
    let mut placement = with_shards(2);
    for seconds in 0..10_000 {
        let change = policy_from(seconds, Policy::Sequence);
        placement.validate(&change, at(seconds)).unwrap();
        placement.apply(&change, at(seconds));
    }
    assert!(placement.policies().len() <= 2, "{} kept", placement.policies().len());
    assert_eq!(placement.policy_at(at(9_999)), &Policy::Sequence);
}

#[test]
fn a_drained_shard_takes_nothing_new_and_can_be_taken_back() {
    let mut placement = with_shards(3);
    let before = spread(&placement, 3_000);
    change_to(&mut placement, PlacementChange::ShardDrained(ShardId(1)));
    let drained = spread(&placement, 3_000);
    assert_eq!(placement.status(ShardId(1)), Some(ShardStatus::Draining), "known for ever");
    assert_eq!(drained[1], 0);
    assert!(
        drained[0] > before[0] + before[1] / 3 && drained[2] > before[2] + before[1] / 3,
        "evenly to the rest"
    );
    let back = placement.undrain(ShardId(1)).unwrap();
    assert_eq!(back, PlacementChange::ShardAdded(ShardId(1)));
    change_to(&mut placement, back);
    assert_eq!(spread(&placement, 3_000), before);
}

#[test]
fn only_a_drain_can_be_taken_back() {
    let placement = with_shards(2);
    assert_eq!(placement.undrain(ShardId(1)), Err(PlacementError::NotDraining(ShardId(1))));
    let next = PlacementError::UnknownShard { shard: ShardId(2), last: ShardId(1) };
    assert_eq!(placement.undrain(ShardId(2)), Err(next), "it doesn't add the next shard");
}

#[test]
fn shards_are_numbered_without_gaps_up_to_256() {
    let mut placement = with_shards(2);
    let added = PlacementChange::ShardAdded;
    assert_eq!(refusal(&placement, added(ShardId(1))), PlacementError::AlreadyActive(ShardId(1)));
    let error = refusal(&placement, added(ShardId(7)));
    assert_eq!(error, PlacementError::NotNext { shard: ShardId(7), next: ShardId(2) });
    assert_eq!(error.to_string(), "shard 7 can't be added: the next one is 2");
    while let Ok(next) = placement.next_shard() {
        change_to(&mut placement, added(next));
    }
    assert_eq!(placement.active().len(), 256);
    assert_eq!(placement.next_shard(), Err(PlacementError::ShardsExhausted));
}

#[test]
fn the_last_active_shard_cannot_be_drained() {
    let mut placement = with_shards(2);
    let drained = PlacementChange::ShardDrained;
    assert_eq!(
        refusal(&placement, drained(ShardId(2))),
        PlacementError::UnknownShard { shard: ShardId(2), last: ShardId(1) }
    );
    change_to(&mut placement, drained(ShardId(0)));
    assert_eq!(refusal(&placement, drained(ShardId(0))), PlacementError::Draining(ShardId(0)));
    assert_eq!(refusal(&placement, drained(ShardId(1))), PlacementError::LastActive(ShardId(1)));
    placement.apply(&drained(ShardId(1)), at(0));
    assert_eq!(placement.active(), [ShardId(1)], "even from a log that nobody has judged");
}

#[test]
fn a_policy_cannot_begin_before_the_one_in_force_and_few_can_wait() {
    let mut placement = with_shards(2);
    change_to(&mut placement, policy_from(0, Policy::Sequence));
    change_to(&mut placement, policy_from(5, Policy::Key));
    let judge = |seconds| placement.validate(&policy_from(seconds, Policy::Directory), at(10));
    assert_eq!(judge(4), Err(PlacementError::BeforeInForce { effective_at: at(4), in_force_from: at(5) }));
    assert_eq!(judge(5), Ok(()), "replaces it");
    assert_eq!(judge(9), Ok(()), "the clock was read a moment before");
    for seconds in 1..=POLICIES_PENDING_MAX as u64 {
        change_to(&mut placement, policy_from(seconds, Policy::Sequence));
    }
    assert_eq!(refusal(&placement, policy_from(1_000, Policy::Key)), PlacementError::TooManyPending);
    change_to(&mut placement, policy_from(1, Policy::Key));
    change_to(&mut placement, policy_from(0, Policy::Key));
}

#[test]
fn range_tables_are_within_bounds_sorted_unique_and_to_active_shards() {
    assert_eq!(refused_ranges([]), PlacementError::NoRanges);
    let many = (0..=RANGES_MAX).map(|n| range(&format!("{n:04}"), 0));
    assert_eq!(refused_ranges(many), PlacementError::TooManyRanges { count: RANGES_MAX + 1 });
    let long = "x".repeat(PLACEMENT_KEY_BYTES_MAX + 1);
    assert_eq!(refused_ranges([range(&long, 0)]), PlacementError::KeyLength { bytes: long.len() });
    let wide = (0..=RANGE_KEYS_BYTES_MAX / 128).map(|n| range(&format!("{n:0128}"), 0));
    let bytes = RANGE_KEYS_BYTES_MAX + 128;
    assert_eq!(refused_ranges(wide), PlacementError::RangeKeysTooLarge { bytes });
    assert_eq!(refused_ranges([range("a", 0), range("a", 1)]), PlacementError::RangeTwice("a".into()));
    let unsorted = refused_ranges([range("b", 0), range("a", 1)]);
    assert_eq!(unsorted, PlacementError::RangesUnsorted { from: "a".into(), after: "b".into() });
    assert_eq!(unsorted.to_string(), r#"ranges ascend by their first keys: "a" can't come after "b""#);
    let unknown = PlacementError::UnknownShard { shard: ShardId(2), last: ShardId(1) };
    assert_eq!(refused_ranges([range("a", 0), range("b", 2)]), unknown);
    let mut placement = with_shards(2);
    change_to(&mut placement, PlacementChange::ShardDrained(ShardId(1)));
    let to_draining = policy_from(0, Policy::Range([range("", 1)].into()));
    assert_eq!(refusal(&placement, to_draining), PlacementError::Draining(ShardId(1)));
}

#[test]
fn directory_entries_are_within_bounds_and_to_active_shards() {
    let mut placement = with_shards(2);
    for bytes in [0, PLACEMENT_KEY_BYTES_MAX + 1] {
        let key = "x".repeat(bytes);
        assert_eq!(refusal(&placement, entry(&key, Some(0))), PlacementError::KeyLength { bytes });
    }
    let unknown = PlacementError::UnknownShard { shard: ShardId(2), last: ShardId(1) };
    assert_eq!(refusal(&placement, entry("k", Some(2))), unknown);
    assert_eq!(refusal(&placement, entry("k", None)), PlacementError::NoEntry("k".into()));
    change_to(&mut placement, entry("k", Some(1)));
    change_to(&mut placement, PlacementChange::ShardDrained(ShardId(1)));
    assert_eq!(refusal(&placement, entry("k", Some(1))), PlacementError::Draining(ShardId(1)));
    change_to(&mut placement, entry("k", None));
    placement.replace_directory(Directory::Unavailable);
    assert_eq!(refusal(&placement, entry("k", Some(0))), PlacementError::DirectoryUnavailable);
}

#[test]
fn a_full_directory_can_still_be_changed_within() {
    let mut placement = with_shards(2);
    for n in 0..DIRECTORY_ENTRIES_MAX {
        change_to(&mut placement, entry(&n.to_string(), Some(0)));
    }
    assert_eq!(refusal(&placement, entry("more", Some(0))), PlacementError::DirectoryFull);
    change_to(&mut placement, entry("7", Some(1)));
    change_to(&mut placement, entry("8", None));
    change_to(&mut placement, entry("more", Some(0)));
    assert_eq!(placement.directory().iter().count(), DIRECTORY_ENTRIES_MAX);
}
