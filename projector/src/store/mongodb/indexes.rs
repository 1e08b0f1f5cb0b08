//! Making the indexes of [`INDEXES`], as MongoDB spells them.

use super::MongoDb;
use super::attempt::Failure;
use crate::Collection;
use crate::indexes::{INDEXES, Index, Order};
use crate::store::StoreError;
use crate::store::limits::INDEXES_MAX;
use bson::{Document, doc};

impl MongoDb {
    /// Makes the indexes that are not there. Where there are many documents, this takes a while.
    pub(super) async fn make_indexes(&self) -> Result<(), StoreError> {
        for collection in Collection::ALL {
            let of_it = INDEXES.iter().filter(|index| index.collection == collection);
            let indexes: Vec<Document> = of_it.map(spelled).collect();
            if !indexes.is_empty() {
                self.make_indexes_of(collection, indexes).await?;
            }
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

fn spelled(index: &Index) -> Document {
    let Index { collection: _, name, keys, only, serves: _ } = index;
    let (mut key, mut weights) = (Document::new(), Document::new());
    for (field, order) in *keys {
        match order {
            Order::Ascending => key.insert(*field, 1),
            Order::Descending => key.insert(*field, -1),
            Order::Text { weight } => {
                weights.insert(*field, *weight);
                key.insert(*field, "text")
            }
        };
    }
    let mut spelled = doc! { "name": *name, "key": key };
    if let Some((field, value)) = only {
        spelled.insert("partialFilterExpression", doc! { *field: *value });
    }
    if !weights.is_empty() {
        spelled.insert("weights", weights);
        // Words as they are written, in whatever language: no stems, and no words left out.
        spelled.insert("default_language", "none");
        // No field of a document names its language.
        spelled.insert("language_override", "no_language");
    }
    spelled
}
