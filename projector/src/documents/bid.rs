//! Documents of `bids`: one per accepted bid, for everybody.

use super::Stored;
use super::value::{Money, Word, WordLike};
use crate::Collection;
use bson::{DateTime, Uuid};
use serde::{Deserialize, Serialize};

/// An accepted bid, or a purchase. The amount that was bid is not in it: that is its bidder's secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bid {
    /// The auction and the record's number in it, of fixed width: [`bid_id`](super::bid_id). In the order of `_id`, the bids of an
    /// auction are in theirs.
    #[serde(rename = "_id")]
    pub id: String,
    /// The record's number in the auction; that of the withdrawal once it was withdrawn.
    pub version: i64,
    /// The bid.
    pub bid_id: Uuid,
    /// Its bidder's pseudonym in the auction.
    pub bidder: i64,
    /// The price after it.
    pub price: Money,
    /// How it came out at the time.
    pub status: Word<BidStatus>,
    /// When it was.
    pub at: DateTime,
    /// The new end, where it moved the end.
    pub extended_to: Option<DateTime>,
    /// The number of the record that took it out again, if one did.
    pub withdrawn_by: Option<i64>,
}

/// How a bid came out at the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BidStatus {
    /// Its bidder led.
    Leading,
    /// Somebody else did.
    Outbid,
    /// It was a purchase.
    Sold,
}

impl Stored for Bid {
    const COLLECTION: Collection = Collection::Bids;
}

impl WordLike for BidStatus {
    const ALL: &'static [Self] = &[Self::Leading, Self::Outbid, Self::Sold];

    fn word(self) -> &'static str {
        match self {
            Self::Leading => "leading",
            Self::Outbid => "outbid",
            Self::Sold => "sold",
        }
    }
}
