//! What a batch of one shard's records writes.
//!
//! A store writes it in this order, and each step only once the one before is acknowledged:
//!
//! 1. `auctions`, in any order among themselves: so an auction's document is never behind those of its bidders.
//! 2. `others`, in any order among themselves.
//! 3. `sweeps`, in the order in which they are here. They are made for documents that the records don't name; what the batch itself
//!    writes must be there before, for its documents hold more than a sweep sets.
//! 4. The cursor, never backwards.
//!
//! A batch that was written in part is written again, by the same projector or by another, and comes to the same documents.

use bson::{Bson, RawDocument, RawDocumentBuf};
use gavel_core::{AuctionId, Position, ShardId};

/// A collection of the read side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Collection {
    /// One per auction: [`documents::Auction`](crate::documents::Auction). For everybody.
    Auctions,
    /// One per accepted bid: [`documents::Bid`](crate::documents::Bid). For everybody.
    Bids,
    /// One per bidder and auction: [`documents::Bidder`](crate::documents::Bidder). For the bidder.
    Bidders,
    /// One per seller and shard: [`documents::Seller`](crate::documents::Seller). For everybody.
    Sellers,
    /// One per auction with a reserve price: [`documents::Reserve`](crate::documents::Reserve). For the seller.
    Reserves,
}

/// One guarded write of one document.
#[derive(Clone, Debug, PartialEq)]
pub struct Upsert {
    /// Where.
    pub collection: Collection,
    /// The document's `_id`.
    pub id: String,
    /// The document's `version`. The write takes effect only where the stored one is lower, or there is no document.
    pub version: i64,
    /// Probably there is no document yet, so that it pays to try to insert it first; one that is there after all is replaced under the
    /// guard. Says nothing of what is right.
    pub is_new: bool,
    /// Fields of which the stored document, as long as its version is lower, has the same as this one, so that an update may leave
    /// them out. Never `_id` or `version`.
    pub unchanged: &'static [&'static str],
    /// The whole document, with `_id` and `version`.
    pub document: RawDocumentBuf,
}

/// One guarded change of all documents of one auction that are as it says: for those that a record is about without naming them, such as
/// of everybody who has not won.
///
/// It takes effect on each document of the auction in the collection whose `version` is lower than that of the sweep and that has, for
/// each field of `only`, one of the values there. Such a document gets the fields of `set`, and the sweep's version.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// [`Collection::Bidders`] or [`Collection::Bids`].
    pub collection: Collection,
    /// The auction. Its documents are those whose `_id` begins with its text and a slash: [`Sweep::first_id`] `..` [`Sweep::end_id`].
    pub auction: AuctionId,
    /// The number in the auction of the record that changes them.
    pub version: i64,
    /// What the documents must have: a field, and the values of which it must have one.
    pub only: Vec<(&'static str, Vec<Bson>)>,
    /// What they get.
    pub set: Vec<(&'static str, Bson)>,
}

/// What one batch of one shard's records comes to: at most one upsert per document. See the module for the order of writing.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The shard.
    pub shard: ShardId,
    /// To be written first.
    pub auctions: Vec<Upsert>,
    /// To be written second.
    pub others: Vec<Upsert>,
    /// To be done third.
    pub sweeps: Vec<Sweep>,
    /// The position of the last record folded in.
    pub cursor: Position,
}

impl Collection {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Auctions, Self::Bids, Self::Bidders, Self::Sellers, Self::Reserves];

    /// Its name in a database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auctions => "auctions",
            Self::Bids => "bids",
            Self::Bidders => "bidders",
            Self::Sellers => "sellers",
            Self::Reserves => "reserves",
        }
    }
}

impl Sweep {
    /// The least `_id` that a document of the auction can have.
    #[must_use]
    pub fn first_id(&self) -> String {
        format!("{}/", self.auction)
    }

    /// The least `_id` beyond all that a document of the auction can have.
    #[must_use]
    pub fn end_id(&self) -> String {
        // '0' comes right after '/'.
        format!("{}0", self.auction)
    }

    /// The document as it is afterwards; `None` where the sweep does not concern it.
    ///
    /// # Errors
    /// It is no BSON document.
    pub fn apply(&self, document: &RawDocument) -> Result<Option<RawDocumentBuf>, bson::error::Error> {
        let mut document = bson::Document::try_from(document)?;
        if !self.concerns(&document) {
            return Ok(None);
        }
        for (field, value) in &self.set {
            document.insert(*field, value.clone());
        }
        document.insert("version", self.version);
        RawDocumentBuf::try_from(&document).map(Some)
    }

    fn concerns(&self, document: &bson::Document) -> bool {
        let is_of = document.get_str("_id").is_ok_and(|id| {
            id.strip_prefix(&self.auction.to_string()).is_some_and(|rest| rest.starts_with('/'))
        });
        let is_behind = document.get_i64("version").is_ok_and(|version| version < self.version);
        let fits = |(field, any_of): &(&str, Vec<Bson>)| {
            // What is not there is as good as null, as it is for MongoDB.
            any_of.contains(document.get(*field).unwrap_or(&Bson::Null))
        };
        is_of && is_behind && self.only.iter().all(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::rawdoc;
    use gavel_core::AuctionId;

    fn sweep() -> Sweep {
        Sweep {
            collection: Collection::Bidders,
            auction: AuctionId::new(20_779, ShardId(3), 42).unwrap(),
            version: 7,
            only: vec![("status", vec!["leading".into(), "outbid".into()])],
            set: vec![("status", "lost".into())],
        }
    }

    #[test]
    fn a_sweep_changes_what_is_as_it_says_and_behind_it_and_nothing_else() {
        let swept = |id: &str, version: i64, status: &str| {
            sweep().apply(&rawdoc! { "_id": id, "version": version, "status": status, "x": 1 }).unwrap()
        };
        let id = "20261122-003-00000042/7";
        let after = rawdoc! { "_id": id, "version": 7_i64, "status": "lost", "x": 1 };
        assert_eq!(swept(id, 6, "leading"), Some(after.clone()));
        assert_eq!(swept(id, 6, "outbid"), Some(after));
        assert_eq!(swept(id, 6, "withdrawn"), None);
        assert_eq!(swept(id, 7, "leading"), None, "it knows of this record already");
        assert_eq!(swept("20261122-003-00000043/7", 6, "leading"), None);
        assert!(id >= &*sweep().first_id() && id < &*sweep().end_id());
    }

    #[test]
    fn a_field_that_is_not_there_is_null() {
        let withdraw = Sweep { only: vec![("withdrawn_by", vec![Bson::Null])], ..sweep() };
        let bid = rawdoc! { "_id": "20261122-003-00000042/0000000002", "version": 2_i64 };
        assert!(withdraw.apply(&bid).unwrap().is_some());
    }
}
