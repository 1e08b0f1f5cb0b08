//! Documents of `reserves`: one per auction that was opened with a reserve price, for its seller alone.
//!
//! It lies apart so that an auction's document can be shown as it is. Whether the price has reached it is in both.

use super::Stored;
use super::value::{Money, Text};
use crate::Collection;
use gavel_core::{AccountId, AuctionId};
use serde::{Deserialize, Serialize};

/// A reserve price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reserve {
    /// The auction.
    #[serde(rename = "_id")]
    pub id: Text<AuctionId>,
    /// The number in the auction of the record that set it.
    pub version: i64,
    /// Whose secret it is.
    pub seller: Text<AccountId>,
    /// The price in force; null once it was dropped.
    pub price: Option<Money>,
}

impl Stored for Reserve {
    const COLLECTION: Collection = Collection::Reserves;
}
