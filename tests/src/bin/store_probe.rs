//! `store_probe FILE SHARD`: writes batches into an embedded document store for as long as it is left alone, and says after each
//! acknowledgement how far it is.
//!
//! Batch `n` brings [`AUCTIONS`] auctions and a bid of each to version `n`, and the cursor to `n`.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a probe fails by panicking, and speaks on stdout"
)]

use bson::{DateTime, Document, RawDocumentBuf, doc};
use gavel_core::{Epoch, Lsn, Position, ShardId};
use gavel_projector::store::Embedded;
use gavel_projector::{Batch, Collection, Store, Upsert};
use std::io::Write as _;
use std::path::PathBuf;

/// Auctions of a batch.
const AUCTIONS: u64 = 50;

fn main() {
    let mut words = std::env::args().skip(1);
    let file = PathBuf::from(words.next().expect("a file"));
    let shard = ShardId(words.next().and_then(|word| word.parse().ok()).expect("a shard"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let store = Embedded::open(&file).expect("a store");
    let begun = runtime.block_on(store.cursor(shard)).expect("a cursor").lsn;
    for lsn in begun.0 + 1.. {
        runtime.block_on(store.write(&batch(shard, lsn))).expect("a store that writes");
        println!("{lsn}");
        std::io::stdout().flush().expect("somebody who listens");
    }
}

fn batch(shard: ShardId, lsn: u64) -> Batch {
    let version = lsn.cast_signed();
    let auction = |number: u64| {
        let ends_at = DateTime::from_millis((lsn * 31 + number * 7).cast_signed() % 1_000);
        let state = if (lsn + number).is_multiple_of(3) { "closed" } else { "open" };
        doc! { "_id": format!("{number:04}"), "version": version, "state": state, "seller": "7",
        "opened_at": DateTime::from_millis(number.cast_signed()), "ends_at": ends_at, "filler": "x".repeat(2_000) }
    };
    let bid = |number: u64| doc! { "_id": format!("{number:04}/{lsn:010}"), "version": version };
    Batch {
        shard,
        auctions: (0..AUCTIONS).map(|number| upsert(Collection::Auctions, &auction(number))).collect(),
        others: (0..AUCTIONS).map(|number| upsert(Collection::Bids, &bid(number))).collect(),
        sweeps: Vec::new(),
        cursor: Position { shard, epoch: Epoch(1), lsn: Lsn(lsn) },
    }
}

fn upsert(collection: Collection, document: &Document) -> Upsert {
    Upsert {
        collection,
        id: document.get_str("_id").expect("an id").to_owned(),
        version: document.get_i64("version").expect("a version"),
        is_new: false,
        unchanged: &[],
        document: RawDocumentBuf::try_from(document).expect("a document"),
    }
}
