//! Where a shard's documents have got.

use super::documents::{auction, batch, position};
use super::{Promise, Subject};
use gavel_core::{Epoch, LogId, Lsn, Position, ShardId};
use gavel_projector::{Batch, StoreError};
use std::sync::Barrier;

pub(crate) const PROMISES: &[Promise] = &[
    ("an empty store is at the start of every shard", start),
    ("a cursor moves forward and never back", forward),
    ("each shard has a cursor of its own", apart),
    ("of two cursors at once, the later stays", two_writers),
    ("a store belongs to the first log that claims it", claimed),
];

fn claimed(store: &Subject) {
    let (first, other) = (LogId(7), LogId(8));
    store.claim(first).unwrap();
    let refused = store.claim(other).unwrap_err();
    assert!(
        matches!(&refused, StoreError::OtherLog { found, log } if *found == first.to_string() && *log == other)
    );
    assert!(!refused.passes(), "it does not go away by itself");
    store.claim(first).unwrap();
}

fn start(store: &Subject) {
    for shard in [0, 255] {
        assert_eq!(store.cursor(shard), Position::start(ShardId(shard)));
    }
}

fn at(shard: u8, epoch: u32, lsn: u64) -> Batch {
    let cursor = Position { shard: ShardId(shard), epoch: Epoch(epoch), lsn: Lsn(lsn) };
    Batch { shard: ShardId(shard), cursor, ..batch(1, []) }
}

fn forward(store: &Subject) {
    for (epoch, lsn, stands) in
        [(1, 5, (1, 5)), (1, 4, (1, 5)), (1, 5, (1, 5)), (2, 5, (1, 5)), (2, 6, (2, 6)), (1, 5, (2, 6))]
    {
        store.write(&at(3, epoch, lsn));
        let (epoch, lsn) = stands;
        assert_eq!(store.cursor(3), at(3, epoch, lsn).cursor);
    }
    store.write(&at(3, 3, u64::MAX >> 1));
    assert_eq!(store.cursor(3), at(3, 3, u64::MAX >> 1).cursor);
}

fn apart(store: &Subject) {
    for shard in [0, 1, 255] {
        store.write(&at(shard, 1, u64::from(shard) + 1));
    }
    for shard in [0, 1, 255] {
        assert_eq!(store.cursor(shard), position(shard, u64::from(shard) + 1));
    }
    assert_eq!(store.cursor(2), Position::start(ShardId(2)));
}

fn two_writers(store: &Subject) {
    for shard in 0..100 {
        let together = Barrier::new(2);
        std::thread::scope(|scope| {
            for lsn in [1, 2] {
                let together = &together;
                scope.spawn(move || {
                    together.wait();
                    store.write(&Batch { auctions: batch(1, [auction(1, 1)]).auctions, ..at(shard, 1, lsn) });
                });
            }
        });
        assert_eq!(store.cursor(shard), position(shard, 2), "shard {shard}");
    }
}
