//! Where new auctions go under each policy.

use super::*;
use gavel_core::AuctionId;
use gavel_core::placement::Directory;

/// Pearson's statistic stays within four standard deviations of what even chances give.
fn assert_even(counts: &[u64]) {
    let expected = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
    let statistic: f64 = counts.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum();
    let degrees = counts.len() as f64 - 1.0;
    assert!(statistic < degrees + 4.0 * (2.0 * degrees).sqrt(), "chi-square {statistic} of {counts:?}");
}

#[test]
fn key_spreads_evenly_over_any_number_of_shards() {
    for shards in [2, 3, 7, 16, 100, 256] {
        assert_even(&spread(&with_shards(shards), 200 * shards as u64));
    }
}

#[test]
fn sequence_spreads_to_the_last_auction() {
    for shards in [1, 2, 3, 7, 256] {
        let counts = spread(&with_policy(shards, Policy::Sequence), 10_000);
        assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{counts:?}");
    }
}

#[test]
fn sequence_passes_over_a_drained_shard() {
    let mut placement = with_policy(4, Policy::Sequence);
    change_to(&mut placement, PlacementChange::ShardDrained(ShardId(1)));
    assert_eq!(spread(&placement, 9_000), [3_000, 0, 3_000, 3_000]);
}

#[test]
fn keys_go_where_they_went_in_the_first_version() {
    let placement = with_shards(8);
    let shards: Vec<u8> = ["a", "seller:7", "7", "카메라", "0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3"]
        .iter()
        .map(|key| place(&placement, key).0)
        .collect();
    assert_eq!(shards, [4, 3, 5, 1, 5]);
}

#[test]
fn a_seller_is_placed_by_the_text_of_the_account() {
    let placement = with_shards(64);
    for seller in 0..1_000 {
        let key = PlacementKey::seller(AccountId::from_integer(seller));
        assert_eq!(placement.place(&key, at(1), 0), place(&placement, &seller.to_string()));
    }
}

#[test]
fn range_goes_by_the_table_and_below_it_by_key() {
    let placement = with_policy(4, Policy::Range([range("b", 3), range("m", 1), range("m5", 2)].into()));
    let by_key = with_shards(4);
    for (key, shard) in [("b", 3), ("lzz", 3), ("m", 1), ("m4", 1), ("m5", 2), ("zebra", 2), ("é", 2)] {
        assert_eq!(place(&placement, key), ShardId(shard), "{key}");
    }
    // "a…" and "B…" lie below the first range: a gap.
    for key in (0..100).map(|n| format!("a{n}")).chain(["B".into(), "7".into()]) {
        assert_eq!(place(&placement, &key), place(&by_key, &key), "{key}");
    }
}

#[test]
fn a_range_hot_spot_is_visible_in_the_numbers() {
    let placement =
        with_policy(4, Policy::Range([range("0", 0), range("3", 1), range("5", 2), range("7", 3)].into()));
    let counts = spread(&placement, 30_000);
    // Sellers 10,000 ..= 29,999 all begin with 1 or 2: the table looks even, the load is not.
    assert!(counts[0] > 6 * counts[1..].iter().max().unwrap(), "{counts:?}");
}

#[test]
fn the_directory_gives_a_hot_seller_its_own_shard() {
    let mut placement = with_policy(4, Policy::Directory);
    let by_key = with_shards(4);
    let hot = (0..4).map(ShardId).find(|shard| *shard != place(&by_key, "seller:7")).unwrap();
    change_to(&mut placement, entry("seller:7", Some(hot.0)));
    assert_eq!(place(&placement, "seller:7"), hot);
    assert_eq!(place(&placement, "seller:8"), place(&by_key, "seller:8"), "no entry: by key");
    change_to(&mut placement, entry("seller:7", None));
    assert_eq!(place(&placement, "seller:7"), place(&by_key, "seller:7"), "entry removed: by key");
}

#[test]
fn a_lost_directory_does_not_stop_opening() {
    let mut placement = with_policy(4, Policy::Directory);
    let by_key = with_shards(4);
    let hot = (0..4).map(ShardId).find(|shard| *shard != place(&by_key, "hot")).unwrap();
    change_to(&mut placement, entry("hot", Some(hot.0)));

    let found_again = placement.replace_directory(Directory::Unavailable);
    assert_eq!(place(&placement, "hot"), place(&by_key, "hot"));
    assert_eq!(spread(&placement, 1_000), spread(&by_key, 1_000));
    placement.apply(&entry("other", Some(0)), at(2));
    assert_eq!(placement.directory(), &Directory::Unavailable, "a part of the entries is no directory");

    placement.replace_directory(found_again);
    assert_eq!(place(&placement, "hot"), hot);
}

#[test]
fn a_table_that_names_a_drained_shard_falls_through_to_key() {
    for policy in [Policy::Range([range("", 2)].into()), Policy::Directory] {
        let mut placement = with_policy(4, policy);
        change_to(&mut placement, entry("seller:7", Some(2)));
        assert_eq!(place(&placement, "seller:7"), ShardId(2));
        change_to(&mut placement, PlacementChange::ShardDrained(ShardId(2)));
        let mut by_key = with_shards(4);
        change_to(&mut by_key, PlacementChange::ShardDrained(ShardId(2)));
        assert_eq!(place(&placement, "seller:7"), place(&by_key, "seller:7"));
    }
}

#[test]
fn adding_a_shard_moves_nothing() {
    let mut placement = with_shards(3);
    let keys: Vec<String> = (0..3_000).map(|n| format!("seller:{n}")).collect();
    let open = |placement: &Placement, key: &str, number| {
        AuctionId::new(20_779, place(placement, key), number).unwrap()
    };
    let before: Vec<AuctionId> =
        keys.iter().zip(1..).map(|(key, number)| open(&placement, key, number)).collect();
    let texts: Vec<String> = before.iter().map(ToString::to_string).collect();

    change_to(&mut placement, PlacementChange::ShardAdded(ShardId(3)));

    for (id, text) in before.iter().zip(&texts) {
        let found: AuctionId = text.parse().unwrap();
        assert_eq!(found.shard(), id.shard());
        assert!(found.shard() < ShardId(3), "what exists is on an old shard");
        assert!(placement.status(found.shard()).is_some(), "which is still there");
    }
    let after: Vec<AuctionId> =
        keys.iter().zip(3_001..).map(|(key, number)| open(&placement, key, number)).collect();
    let moved = before.iter().zip(&after).filter(|(before, after)| before.shard() != after.shard());
    let moved: Vec<ShardId> = moved.map(|(_, after)| after.shard()).collect();
    assert!(
        moved.iter().all(|shard| *shard == ShardId(3)),
        "new auctions leave old shards for the new one alone"
    );
    assert!((600..900).contains(&moved.len()), "about a quarter of the keys: {}", moved.len());
}
