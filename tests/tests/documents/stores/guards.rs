//! What is written, what a lower version can't change, and what two writers come to.

use super::documents::{auction, auction_id, batch, bid, bidder, position, seller, upserts};
use super::{Promise, Subject};
use bson::{Bson, doc};
use gavel_core::ShardId;
use gavel_projector::{Batch, Collection, StoreError, Sweep};
use std::sync::Barrier;

pub(crate) const PROMISES: &[Promise] = &[
    ("what was written reads back as it was", reads_back),
    ("a version that is not higher changes nothing", stale),
    ("replays, whole or in part, in any order, change nothing", replays),
    ("of one id twice in a batch, the higher version stays", repeated),
    ("a batch larger than any command is written whole", large),
    ("of two writers at once, the higher version stays", two_writers),
    ("a sweep changes what is as it says and behind it, and nothing else", sweeps),
    ("a sweep comes after the documents of its batch", sweeps_last),
    ("a document that is too large is refused, and says which it is", too_large),
];

fn reads_back(store: &Subject) {
    let all = Batch {
        others: [
            upserts(Collection::Bids, [bid(1, 2)]),
            upserts(Collection::Bidders, [bidder(1, 7, 2, 5)]),
            upserts(Collection::Sellers, [seller(7, 0)]),
            upserts(
                Collection::Reserves,
                [doc! { "_id": auction_id(1).to_string(), "version": 1_i64, "price": 9_i64 }],
            ),
        ]
        .concat(),
        ..batch(1, [auction(1, 2)])
    };
    store.write(&all);
    for upsert in all.auctions.iter().chain(&all.others) {
        let stored = store.load(upsert.collection, &[&upsert.id, "19700101-000-00000001"]);
        assert_eq!(stored, [bson::Document::try_from(&upsert.document).unwrap()], "{:?}", upsert.collection);
    }
    assert_eq!(store.load(Collection::Bids, &["nobody's"]), []);
    assert_eq!(store.load(Collection::Bids, &[] as &[&str]), []);
}

fn marked(number: u64, version: i64, mark: &str) -> bson::Document {
    let mut document = auction(number, version);
    document.insert("title", mark);
    document
}

fn stale(store: &Subject) {
    store.write(&batch(1, [marked(1, 5, "first")]));
    for version in [1, 4, 5] {
        store.write(&batch(2, [marked(1, version, "stale")]));
        assert_eq!(store.load(Collection::Auctions, &[auction_id(1).to_string()]), [marked(1, 5, "first")]);
    }
    store.write(&batch(3, [marked(1, 6, "newer")]));
    assert_eq!(store.load(Collection::Auctions, &[auction_id(1).to_string()]), [marked(1, 6, "newer")]);
}

fn replays(store: &Subject) {
    let ids: Vec<String> = (0..20).map(|number| auction_id(number).to_string()).collect();
    let batches: Vec<Batch> = (1..=10_u8)
        .map(|round| batch(round.into(), (0..20).map(|number| auction(number, round.into()))))
        .collect();
    batches.iter().for_each(|batch| store.write(batch));
    let expected = store.load(Collection::Auctions, &ids);
    for batch in batches.iter().rev().chain(&batches) {
        store.write(batch);
    }
    let mut part = batches[9].clone();
    part.auctions.truncate(7);
    store.write(&part);
    assert_eq!(store.load(Collection::Auctions, &ids), expected);
    assert_eq!(store.cursor(0), position(0, 10));
}

fn repeated(store: &Subject) {
    let versions = |number, versions: [i64; 3]| versions.map(|version| auction(number, version));
    store.write(&batch(1, [versions(1, [1, 2, 3]), versions(2, [3, 2, 1]), versions(3, [2, 2, 2])].concat()));
    for (number, version) in [(1, 3), (2, 3), (3, 2)] {
        assert_eq!(store.version(Collection::Auctions, &auction_id(number).to_string()), Some(version));
    }
}

fn large(store: &Subject) {
    let wide = |number| {
        let mut document = auction(number, 1);
        document.insert("filler", "x".repeat(9_000));
        document
    };
    store.write(&batch(1, (0..2_500).map(wide)));
    let ids: Vec<String> = (0..2_500).map(|number| auction_id(number).to_string()).collect();
    let stored = store.load(Collection::Auctions, &ids);
    assert_eq!(stored.len(), 2_500);
    assert_eq!(stored[2_499], wide(2_499));
}

/// Each first inserts the same ids, in the same order, at the same time: with MongoDB, the higher version is then often the one that is
/// reported as a duplicate.
fn two_writers(store: &Subject) {
    const IDS: u64 = 200;
    // Even ones are not said to be new: both are, one is, none is.
    const VERSIONS: [[i64; 2]; 3] = [[2, 4], [1, 2], [1, 3]];
    for round in 0..12_u64 {
        let together = Barrier::new(2);
        let first = round * IDS;
        std::thread::scope(|scope| {
            for version in VERSIONS[round as usize % 3] {
                let together = &together;
                scope.spawn(move || {
                    let batch = batch(round + 1, (first..first + IDS).map(|number| auction(number, version)));
                    together.wait();
                    store.write(&batch);
                });
            }
        });
        let ids: Vec<String> = (first..first + IDS).map(|number| auction_id(number).to_string()).collect();
        for document in store.load(Collection::Auctions, &ids) {
            let higher = VERSIONS[round as usize % 3][1];
            assert_eq!(document.get_i64("version").unwrap(), higher, "round {round}: {document}");
        }
        assert_eq!(store.cursor(0), position(0, round + 1));
    }
}

fn lost(auction: u64, version: i64) -> Sweep {
    Sweep {
        collection: Collection::Bidders,
        auction: auction_id(auction),
        version,
        only: vec![("status", vec!["leading".into(), "outbid".into()])],
        set: vec![("status", "lost".into())],
    }
}

fn sweeps(store: &Subject) {
    let with = |auction, account, version, status: &str| {
        let mut document = bidder(auction, account, version, 1);
        document.insert("status", status);
        document
    };
    let documents = [
        with(1, 7, 3, "leading"),
        with(1, 77, 4, "outbid"),
        with(1, 8, 3, "withdrawn"),
        with(1, 9, 5, "leading"),
        with(2, 7, 3, "leading"),
        with(10, 7, 3, "leading"),
    ];
    let ids: Vec<String> = documents.iter().map(super::subject::id).collect();
    store.write(&Batch { others: upserts(Collection::Bidders, documents), ..batch(1, []) });
    store.write(&Batch { sweeps: vec![lost(1, 5)], ..batch(2, []) });
    let swept: Vec<(i64, String)> = store
        .load(Collection::Bidders, &ids)
        .iter()
        .map(|document| {
            (document.get_i64("version").unwrap(), document.get_str("status").unwrap().to_owned())
        })
        .collect();
    let expected =
        [(5, "lost"), (5, "lost"), (3, "withdrawn"), (5, "leading"), (3, "leading"), (3, "leading")];
    assert_eq!(swept, expected.map(|(version, status)| (version, status.to_owned())));
}

fn sweeps_last(store: &Subject) {
    let sweep = Sweep {
        collection: Collection::Bids,
        only: vec![("withdrawn_by", vec![Bson::Null])],
        set: vec![("withdrawn_by", 9_i64.into())],
        ..lost(1, 9)
    };
    let both = Batch {
        shard: ShardId(0),
        others: upserts(Collection::Bids, [bid(1, 2), bid(1, 3)]),
        sweeps: vec![
            sweep.clone(),
            Sweep { version: 10, set: vec![("withdrawn_by", 10_i64.into())], ..sweep },
        ],
        ..batch(1, [])
    };
    for _ in 0..2 {
        store.write(&both);
        for seq in [2, 3] {
            let stored = store.load(Collection::Bids, &[super::subject::id(&bid(1, seq))]);
            // The second finds nothing that is not withdrawn.
            assert_eq!(stored[0].get_i64("withdrawn_by").unwrap(), 9, "{stored:?}");
            assert_eq!(stored[0].get_i64("version").unwrap(), 9);
        }
    }
}

fn too_large(store: &Subject) {
    store.write(&batch(1, [auction(1, 1)]));
    let mut wide = auction(2, 1);
    wide.insert("filler", "x".repeat(16 * 1024 * 1024));
    let refused = store.try_write(&batch(2, [auction(3, 1), wide]));
    let Err(StoreError::TooLarge { id, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(id, auction_id(2).to_string());
    assert_eq!(store.cursor(0), position(0, 1), "the cursor is not ahead of what was written");
}
