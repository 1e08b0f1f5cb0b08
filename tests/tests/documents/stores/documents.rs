//! Documents as the fold makes them, as far as a store looks at them, and batches of them.

use bson::{DateTime, Document, RawDocumentBuf, doc};
use gavel_core::{AuctionId, Epoch, Lsn, Position, ShardId};
use gavel_projector::{Batch, Collection, Upsert};

/// The day that all auctions of the suite were opened on.
const DAY: u16 = 20_779;

/// An auction's id. Numbers begin with 0.
pub(crate) fn auction_id(number: u64) -> AuctionId {
    AuctionId::new(DAY, ShardId(0), number + 1).unwrap()
}

/// An auction's document. What it is listed by repeats, so that there are equals in every order.
pub(crate) fn auction(number: u64, version: i64) -> Document {
    const STATES: [&str; 3] = ["open", "scheduled", "closed"];
    const CATEGORIES: [&str; 2] = ["lamps", "clocks"];
    const WORDS: [&str; 5] = ["oak", "brass", "Jugendstil", "램프", "glass"];
    let at = |number: u64, cycle: u64| {
        DateTime::from_millis(1_700_000_000_000 + (number % cycle * 1_000).cast_signed())
    };
    let cycle = |number: u64, cycle: u64| (number % cycle).cast_signed();
    let pick = |words: &[&str]| words[usize::try_from(number).unwrap() % words.len()].to_owned();
    doc! {
        "_id": auction_id(number).to_string(),
        "version": version,
        "state": pick(&STATES),
        "seller": (number % 4).to_string(),
        "title": format!("{} no {number}", pick(&WORDS)),
        "description": if number.is_multiple_of(7) { "with a cracked shade" } else { "in good order" },
        "category": pick(&CATEGORIES),
        "opened_at": at(number, 5),
        "ends_at": at(number * 7, 11),
        "current_price": 100 * cycle(number, 6),
        "bid_count": cycle(number * 3, 8),
    }
}

/// A bid's document.
pub(crate) fn bid(auction: u64, seq: i64) -> Document {
    doc! { "_id": format!("{}/{seq:010}", auction_id(auction)), "version": seq, "price": 100 * seq, "withdrawn_by": null }
}

/// The document of a bidder in an auction.
pub(crate) fn bidder(auction: u64, bidder: u64, version: i64, last_at: i64) -> Document {
    doc! {
        "_id": format!("{}/{bidder}", auction_id(auction)),
        "version": version,
        "bidder": bidder.to_string(),
        "auction": auction_id(auction).to_string(),
        "status": "leading",
        "last_at": DateTime::from_millis(last_at),
    }
}

/// The document of a seller in a shard.
pub(crate) fn seller(seller: u64, shard: u8) -> Document {
    doc! { "_id": format!("{seller}/{shard}"), "version": 1_i64, "seller": seller.to_string(), "opened": 3_i64 }
}

/// A guarded write of it.
pub(crate) fn upsert(collection: Collection, document: &Document) -> Upsert {
    let version = document.get_i64("version").unwrap();
    Upsert {
        collection,
        id: document.get_str("_id").unwrap().to_owned(),
        version,
        // Right and wrong in turn: it must make no difference.
        is_new: version % 2 == 1,
        unchanged: &[],
        document: RawDocumentBuf::try_from(document).unwrap(),
    }
}

/// Guarded writes of these.
pub(crate) fn upserts(collection: Collection, documents: impl IntoIterator<Item = Document>) -> Vec<Upsert> {
    documents.into_iter().map(|document| upsert(collection, &document)).collect()
}

/// A place in a shard's log, in its first epoch.
pub(crate) fn position(shard: u8, lsn: u64) -> Position {
    Position { shard: ShardId(shard), epoch: Epoch(1), lsn: Lsn(lsn) }
}

/// A batch of shard 0 that ends here.
pub(crate) fn batch(lsn: u64, auctions: impl IntoIterator<Item = Document>) -> Batch {
    Batch {
        shard: ShardId(0),
        auctions: upserts(Collection::Auctions, auctions),
        others: Vec::new(),
        sweeps: Vec::new(),
        cursor: position(0, lsn),
    }
}
