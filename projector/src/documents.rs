//! The documents, as they lie in the stores.
//!
//! - Amounts, counts and numbers of records are Int64, so that one field has one type, and every amount is exact.
//! - Times are BSON dates, cut to the millisecond, because that is what every driver reads, sorts and compares as a time. Nothing is
//!   decided by them any more; the exact microseconds are in the log and in PostgreSQL.
//! - Ids are texts, as everywhere; ids of bids are BSON UUIDs, since there are many of them.
//! - What has no value is null, and is there.
//! - `_id` comes first, then `version`.

mod auction;
mod bid;
mod bidder;
mod reserve;
mod seller;
mod value;

pub use auction::{Auction, BuyNow, Extension, LatestBid, Moment, Terms};
pub use bid::{Bid, BidStatus};
pub use bidder::{Bidder, BidderStatus, OwnBid};
pub use reserve::Reserve;
pub use seller::Seller;
pub use value::{Money, Text, Word, WordLike, bid_uuid, time};

use crate::Collection;
use bson::{RawDocument, RawDocumentBuf};
use gavel_core::{AccountId, AuctionId, Seq, ShardId};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One kind of document.
pub trait Stored: Serialize + DeserializeOwned {
    /// Where it lies.
    const COLLECTION: Collection;
}

/// A stored document that is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("the document {id:?} of {} can't be read: {source}; was it changed by hand?", collection.name())]
pub struct Unfit {
    /// Where.
    pub collection: Collection,
    /// Its `_id`, as far as it has one.
    pub id: String,
    /// What is wrong with it.
    pub source: bson::error::Error,
}

/// A document that can't be written as BSON.
#[derive(Debug, thiserror::Error)]
#[error("a document for {} can't be written: {source}", collection.name())]
pub struct Unwritable {
    /// Where it belongs.
    pub collection: Collection,
    /// Why.
    pub source: bson::error::Error,
}

/// Reads a document as it is stored.
///
/// # Errors
/// It is not one of this kind.
pub fn read<T: Stored>(document: &RawDocument) -> Result<T, Unfit> {
    bson::deserialize_from_slice(document.as_bytes()).map_err(|source| Unfit {
        collection: T::COLLECTION,
        id: document.get_str("_id").unwrap_or_default().to_owned(),
        source,
    })
}

/// Writes a document as it is to be stored.
///
/// # Errors
/// It is too large for BSON.
pub fn write<T: Stored>(document: &T) -> Result<RawDocumentBuf, Unwritable> {
    bson::serialize_to_raw_document_buf(document)
        .map_err(|source| Unwritable { collection: T::COLLECTION, source })
}

/// The `_id` of an auction's document, and of its reserve price's.
#[must_use]
pub fn auction_id(auction: AuctionId) -> String {
    auction.to_string()
}

/// The `_id` of a bid's document: of fixed width, so that an auction's bids lie side by side, in their order.
#[must_use]
pub fn bid_id(auction: AuctionId, seq: Seq) -> String {
    format!("{auction}/{:010}", seq.0)
}

/// The `_id` of the document of a bidder in an auction.
#[must_use]
pub fn bidder_id(auction: AuctionId, bidder: AccountId) -> String {
    format!("{auction}/{bidder}")
}

/// The `_id` of the document of a seller in a shard.
#[must_use]
pub fn seller_id(seller: AccountId, shard: ShardId) -> String {
    format!("{seller}/{shard}")
}
