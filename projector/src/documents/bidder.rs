//! Documents of `bidders`: one per bidder and auction, for that bidder alone.

use super::Stored;
use super::value::{Money, Text, Word, WordLike};
use crate::Collection;
use bson::{DateTime, Uuid};
use gavel_core::{AccountId, AuctionId};
use serde::{Deserialize, Serialize};

/// How one bidder stands in one auction. The only place of the read side where secret maxima are: the bidder's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bidder {
    /// Auction and bidder: [`bidder_id`](super::bidder_id).
    #[serde(rename = "_id")]
    pub id: String,
    /// The number in the auction of the latest record that concerned this bidder.
    pub version: i64,
    /// The bidder.
    pub bidder: Text<AccountId>,
    /// The auction.
    pub auction: Text<AuctionId>,
    /// What the bidder is called in `auctions` and `bids`: the number of the record of their first accepted bid.
    pub pseudonym: i64,
    /// How they stand.
    pub status: Word<BidderStatus>,
    /// The highest amount that they bid and that stands. Null where none does, or where so many were taken back that it isn't known here.
    pub amount: Option<Money>,
    /// Bids of theirs that stand.
    pub bid_count: i64,
    /// Bids of theirs ever accepted.
    pub bids_accepted: i64,
    /// The latest of those that stand, in order.
    pub bids: Vec<OwnBid>,
    /// When they first bid.
    pub first_at: DateTime,
    /// When they bid last.
    pub last_at: DateTime,
    /// They may not bid here (any more).
    pub banned: bool,
}

/// A bid as its bidder sees it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnBid {
    /// Its record's number in the auction.
    pub seq: i64,
    /// The bid.
    pub bid_id: Uuid,
    /// What was bid: the secret maximum, or the price itself without proxy bidding.
    pub amount: Money,
    /// When.
    pub at: DateTime,
}

/// How a bidder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BidderStatus {
    /// They lead.
    Leading,
    /// Somebody else leads.
    Outbid,
    /// None of their bids stands.
    Withdrawn,
    /// They have won and have not paid yet.
    Won,
    /// They have won and paid.
    Paid,
    /// They had won and have not paid.
    Unpaid,
    /// They have a second chance.
    Offered,
    /// They have not taken it.
    Declined,
    /// They have let it expire.
    Expired,
    /// Somebody else has won, or nobody.
    Lost,
    /// The auction was called off.
    Cancelled,
}

impl Stored for Bidder {
    const COLLECTION: Collection = Collection::Bidders;
}

impl WordLike for BidderStatus {
    const ALL: &'static [Self] = &[
        Self::Leading,
        Self::Outbid,
        Self::Withdrawn,
        Self::Won,
        Self::Paid,
        Self::Unpaid,
        Self::Offered,
        Self::Declined,
        Self::Expired,
        Self::Lost,
        Self::Cancelled,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Leading => "leading",
            Self::Outbid => "outbid",
            Self::Withdrawn => "withdrawn",
            Self::Won => "won",
            Self::Paid => "paid",
            Self::Unpaid => "unpaid",
            Self::Offered => "offered",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Lost => "lost",
            Self::Cancelled => "cancelled",
        }
    }
}
