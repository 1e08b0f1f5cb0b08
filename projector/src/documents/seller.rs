//! Documents of `sellers`: one per seller and shard, so that each shard's projector writes its own. A query sums them.

use super::Stored;
use super::value::Text;
use crate::Collection;
use gavel_core::AccountId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How one seller's auctions in one shard have come out so far. Every count is of auctions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seller {
    /// Seller and shard: [`seller_id`](super::seller_id).
    #[serde(rename = "_id")]
    pub id: String,
    /// The number in the shard (Lsn) of the latest record that concerned it.
    pub version: i64,
    /// The seller.
    pub seller: Text<AccountId>,
    /// The shard.
    pub shard: i64,
    /// Ever opened.
    pub opened: i64,
    /// Whose end has not come: scheduled or open.
    pub live: i64,
    /// Awarded or offered: to be paid, or to be taken.
    pub pending: i64,
    /// Paid.
    pub sold: i64,
    /// Ended without anybody having won, or paid.
    pub unsold: i64,
    /// Called off.
    pub cancelled: i64,
    /// Winners who did not pay, second chances that came to nothing.
    pub failed_sales: i64,
    /// What was paid, by currency: the sum of the prices, in minor units.
    pub paid: BTreeMap<String, i64>,
}

impl Stored for Seller {
    const COLLECTION: Collection = Collection::Sellers;
}
