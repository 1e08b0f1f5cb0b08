//! Which shard a new auction is placed on: policies, versioned by effective time.
//!
//! ```text
//! PlacementChange ──validate──▶ logged by shard 0 ──apply──▶ Placement ──place(key, now, number)──▶ ShardId ──▶ AuctionId
//! ```
//!
//! **A placement is asked once per auction, when it opens.** The shard it names goes into the auction's id and is final:
//! no bid, retry or replay ever asks again. So a change of shards or of the policy moves nothing that exists; it only
//! says where auctions go that are opened later.

use crate::{AccountId, ShardId, Terms, Timestamp};
use std::borrow::Cow;

mod directory;
mod fold;
mod place;
mod simulate;
mod validate;

pub use directory::Directory;
pub use fold::{Placement, ShardStatus};
pub use simulate::{Day, Report, ShardLoad, SimulationError, SimulationOptions, simulate};
pub use validate::PlacementError;

/// A change of shards or of the policy. Logged by shard 0; the placement is the fold of all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlacementChange {
    /// A shard takes new auctions from now on: the next that does not exist yet, or one that was being drained.
    ShardAdded(ShardId),
    /// A shard takes no new auctions any more; gone when its last is final.
    ShardDrained(ShardId),
    /// A policy is in force from `effective_at` on.
    PolicySet {
        /// From when on.
        effective_at: Timestamp,
        /// The policy.
        policy: Policy,
    },
    /// An explicit entry of the directory was made or removed. Entries count while the policy is `Directory`.
    DirectorySet {
        /// The placement key (`seller:7` style text or a seller's account as text).
        key: Box<str>,
        /// Its shard; `None` removes the entry.
        shard: Option<ShardId>,
    },
}

/// How a shard is chosen for a new auction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Hash of the placement key, else of the seller.
    Key,
    /// The day's running number modulo the shards.
    Sequence,
    /// A table of key ranges; a key below the first range, or whose shard is being drained, falls through to `Key`.
    Range(Box<[KeyRange]>),
    /// Explicit entries; anything else falls through to `Key`.
    Directory,
}

impl Policy {
    /// The policy's name, as every face spells it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Sequence => "sequence",
            Self::Range(_) => "range",
            Self::Directory => "directory",
        }
    }
}

/// Keys from `from` (inclusive, bytewise) up to the next range's `from` go to `shard`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// The first key. The empty text comes before every key.
    pub from: Box<str>,
    /// Where they go.
    pub shard: ShardId,
}

/// What an auction is placed by: the caller's `placement_key`, else the seller's account as text.
///
/// The two are one space of texts, so that the directory and the ranges can name a seller who sends no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacementKey<'a>(Cow<'a, str>);

impl<'a> PlacementKey<'a> {
    /// The key of an auction with these terms.
    #[must_use]
    pub fn of(terms: &'a Terms) -> Self {
        terms.placement_key.as_deref().map_or_else(|| Self::seller(terms.seller), Self::text)
    }

    /// The caller's own text. Its length was checked with the terms.
    #[must_use]
    pub const fn text(key: &'a str) -> Self {
        Self(Cow::Borrowed(key))
    }

    /// The seller, where the caller has sent no key.
    #[must_use]
    pub fn seller(seller: AccountId) -> Self {
        Self(Cow::Owned(seller.to_string()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
