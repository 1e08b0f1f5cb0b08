//! Which indexes the collections have, and what for. The stores make them, each in its own way.
//!
//! Every one costs each write of its fields, so there are few, and those of the busiest collections are of fields that seldom change: a bid's
//! document has none but `_id`, a bidder's one that no bid touches and one that holds only those who lead.
//!
//! A query without a state asks for all of them: the entries of each state are in order, and are merged. What a query says beyond its index is
//! filtered within it.

use crate::Collection;

/// One index. Beside these, every collection has that of `_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    /// Of which collection.
    pub collection: Collection,
    /// Its name there.
    pub name: &'static str,
    /// Its fields, in order.
    pub keys: &'static [(&'static str, Order)],
    /// It holds only documents in which this field has this value.
    pub only: Option<(&'static str, &'static str)>,
    /// What it answers.
    pub serves: &'static str,
}

/// How a field lies in an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// From the least on.
    Ascending,
    /// From the greatest on.
    Descending,
    /// By its words; a word in a field of greater weight counts for more. Words are taken as they are, for items are described in many
    /// languages.
    Text {
        /// The weight.
        weight: i32,
    },
}

use Order::{Ascending, Descending, Text};

/// All of them.
pub const INDEXES: &[Index] = &[
    Index {
        collection: Collection::Auctions,
        name: "by_end",
        keys: &[("state", Ascending), ("ends_at", Ascending), ("_id", Ascending)],
        only: None,
        serves: "ending soon; by state",
    },
    Index {
        collection: Collection::Auctions,
        name: "by_opening",
        keys: &[("state", Ascending), ("opened_at", Descending), ("_id", Descending)],
        only: None,
        serves: "newest",
    },
    Index {
        collection: Collection::Auctions,
        name: "by_price",
        keys: &[("state", Ascending), ("current_price", Ascending), ("_id", Ascending)],
        only: None,
        serves: "by price; price range",
    },
    Index {
        collection: Collection::Auctions,
        name: "by_bids",
        keys: &[("state", Ascending), ("bid_count", Descending), ("_id", Descending)],
        only: None,
        serves: "most bids",
    },
    Index {
        collection: Collection::Auctions,
        name: "by_category",
        keys: &[("category", Ascending), ("state", Ascending), ("ends_at", Ascending), ("_id", Ascending)],
        only: None,
        serves: "of a category, ending soon",
    },
    Index {
        collection: Collection::Auctions,
        name: "by_seller",
        keys: &[("seller", Ascending), ("opened_at", Descending), ("_id", Descending)],
        only: None,
        serves: "of a seller, newest",
    },
    Index {
        collection: Collection::Auctions,
        name: "by_words",
        keys: &[("title", Text { weight: 10 }), ("description", Text { weight: 1 })],
        only: None,
        serves: "by words of title and description",
    },
    Index {
        collection: Collection::Bidders,
        name: "by_bidder",
        keys: &[("bidder", Ascending), ("_id", Descending)],
        only: None,
        serves: "my bids, those of the latest auctions first",
    },
    Index {
        collection: Collection::Bidders,
        name: "leading",
        keys: &[("auction", Ascending)],
        only: Some(("status", "leading")),
        serves: "the projector: who is displaced by a new leader",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_given_once_and_pages_have_a_last_key_that_tells_documents_apart() {
        let names: BTreeSet<_> = INDEXES.iter().map(|index| (index.collection, index.name)).collect();
        assert_eq!(names.len(), INDEXES.len());
        for index in INDEXES.iter().filter(|index| index.only.is_none() && index.name != "by_words") {
            assert_eq!(index.keys.last().unwrap().0, "_id", "{}", index.name);
        }
    }
}
