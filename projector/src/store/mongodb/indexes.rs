//! The indexes: each is there for one order of one listing, and ends in `_id`, so that a page is a walk along it from where the last ended.
//!
//! `state` stands first in those that any state can be asked of: without one, all seven are asked for, and MongoDB merges seven walks.

use super::MongoDb;
use super::attempt::Failure;
use crate::Collection;
use crate::store::StoreError;
use crate::store::limits::INDEXES_MAX;
use bson::{Document, doc};

impl MongoDb {
    /// Makes the indexes that are not there. Where there are many documents, this takes a while.
    pub(super) async fn make_indexes(&self) -> Result<(), StoreError> {
        for (collection, indexes) in indexes() {
            self.make_indexes_of(collection, indexes).await?;
        }
        Ok(())
    }

    async fn make_indexes_of(
        &self,
        collection: Collection,
        indexes: Vec<Document>,
    ) -> Result<(), StoreError> {
        let limit = i64::try_from(INDEXES_MAX.as_millis()).unwrap_or(i64::MAX);
        let command = doc! {
            "createIndexes": collection.name(),
            "indexes": indexes,
            "maxTimeMS": limit,
            "writeConcern": { "w": "majority", "wtimeout": limit },
        };
        let (operation, making) = ("make its indexes", self.database.run_command(command));
        let made = self.once(INDEXES_MAX, async { Ok(making.await?) }).await;
        let answer = made.map_err(|failure| match failure {
            Failure::Passing(reason) => StoreError::Unavailable { operation, tries: 1, reason },
            Failure::Lasting(reason) => StoreError::Refused { operation, reason },
        })?;
        match answer.get_document("writeConcernError") {
            Ok(error) => Err(StoreError::Unavailable { operation, tries: 1, reason: error.to_string() }),
            Err(_) => Ok(()),
        }
    }
}

fn indexes() -> [(Collection, Vec<Document>); 2] {
    let index = |name: &str, key: Document| doc! { "name": name, "key": key };
    let auctions = vec![
        index("ending_soon", doc! { "state": 1, "ends_at": 1, "_id": 1 }),
        index("newest", doc! { "state": 1, "opened_at": -1, "_id": -1 }),
        index("price", doc! { "state": 1, "current_price": 1, "_id": 1 }),
        index("most_bids", doc! { "state": 1, "bid_count": -1, "_id": -1 }),
        index("category", doc! { "category": 1, "state": 1, "ends_at": 1, "_id": 1 }),
        index("seller", doc! { "seller": 1, "opened_at": -1, "_id": -1 }),
        doc! {
            "name": "text",
            "key": { "title": "text", "description": "text" },
            "weights": { "title": 10, "description": 1 },
            // Words as they are written, in whatever language: no stems, and no words left out.
            "default_language": "none",
            // No field of a document names its language.
            "language_override": "no_language",
        },
    ];
    let bidders = vec![index("my_bids", doc! { "bidder": 1, "last_at": -1, "_id": -1 })];
    [(Collection::Auctions, auctions), (Collection::Bidders, bidders)]
}
