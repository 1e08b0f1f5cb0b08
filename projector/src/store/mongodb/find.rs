//! Reading: what the projector goes on from, from the primary; and listings, from wherever the connection string's `readPreference` says.

use super::MongoDb;
use super::attempt::Failure;
use crate::Collection;
use crate::documents::WordLike as _;
use crate::store::limits::COMMAND_STATEMENTS_MAX;
use crate::store::listing::{Filter, Order};
use crate::store::{After, Listing, Page, Paging, StoreError};
use bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use gavel_core::auction::State;
use gavel_core::limits::SHARDS_MAX;
use gavel_core::{AccountId, Amount};
use mongodb::Cursor;
use mongodb::options::{ReadConcern, ReadPreference, SelectionCriteria};

impl MongoDb {
    pub(super) async fn load_in_parts(
        &self,
        collection: Collection,
        ids: &[String],
    ) -> Result<Vec<RawDocumentBuf>, StoreError> {
        let mut documents = Vec::with_capacity(ids.len());
        for ids in ids.chunks(COMMAND_STATEMENTS_MAX) {
            let filter = doc! { "_id": { "$in": ids } };
            documents.extend(self.primary_documents(collection.name(), &filter, "read documents").await?);
        }
        Ok(documents)
    }

    /// What a majority has, from the primary.
    pub(super) async fn primary_documents(
        &self,
        collection: &str,
        filter: &Document,
        operation: &'static str,
    ) -> Result<Vec<RawDocumentBuf>, StoreError> {
        let collection = self.database.collection::<RawDocumentBuf>(collection);
        self.persist(operation, || async {
            let found = collection
                .find(filter.clone())
                .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
                .read_concern(ReadConcern::majority())
                .max_time(self.limits.operation)
                .await?;
            all(found).await
        })
        .await
    }

    pub(super) async fn find_page(&self, listing: &Listing, paging: &Paging) -> Result<Page, StoreError> {
        let mut filter = filter(listing);
        let Order { field, descending } = listing.order();
        if let Some(after) = listing.place(paging)? {
            filter = doc! { "$and": [filter, behind(field, descending, after)] };
        }
        let direction = if descending { -1 } else { 1 };
        let mut sort = Document::new();
        sort.extend(field.map(|field| (field.to_owned(), direction.into())));
        sort.insert("_id", direction);
        let limit = paging.limit() + 1;
        let documents = self.find(listing.collection(), filter, sort, limit).await?;
        listing.page(paging, documents)
    }

    pub(super) async fn find_seller(&self, seller: AccountId) -> Result<Vec<RawDocumentBuf>, StoreError> {
        let (first, end) = (format!("{seller}/"), format!("{seller}0"));
        let filter = doc! { "_id": { "$gte": first, "$lt": end } };
        self.find(Collection::Sellers, filter, doc! { "_id": 1 }, SHARDS_MAX).await
    }

    /// One try: whoever asks is waiting, and the driver tries once more by itself where a connection is lost.
    async fn find(
        &self,
        collection: Collection,
        filter: Document,
        sort: Document,
        limit: usize,
    ) -> Result<Vec<RawDocumentBuf>, StoreError> {
        let collection = self.database.collection::<RawDocumentBuf>(collection.name());
        let work = async {
            let found = collection
                .find(filter)
                .sort(sort)
                .limit(i64::try_from(limit).unwrap_or(i64::MAX))
                .batch_size(u32::try_from(limit).unwrap_or(u32::MAX))
                .allow_disk_use(true)
                .max_time(self.limits.operation)
                .await?;
            all(found).await
        };
        self.once(self.limits.operation, work).await.map_err(|failure| match failure {
            Failure::Passing(reason) => {
                StoreError::Unavailable { operation: "answer a query", tries: 1, reason }
            }
            Failure::Lasting(reason) => StoreError::Refused { operation: "answer a query", reason },
        })
    }
}

async fn all(mut found: Cursor<RawDocumentBuf>) -> Result<Vec<RawDocumentBuf>, Failure> {
    let mut documents = Vec::new();
    while found.advance().await? {
        documents.push(found.current().to_owned());
    }
    Ok(documents)
}

/// Which documents belong to a listing.
fn filter(listing: &Listing) -> Document {
    match listing {
        Listing::Auctions(search) => auctions(search.filter()),
        Listing::BidsOfAuction(auction) => {
            // '0' comes right after '/'.
            doc! { "_id": { "$gte": format!("{auction}/"), "$lt": format!("{auction}0") } }
        }
        Listing::BidsOfBidder(bidder) => doc! { "bidder": bidder.to_string() },
    }
}

fn auctions(filter: &Filter) -> Document {
    let Filter { state, seller, category, price_min, price_max, text } = filter;
    let mut which = Document::new();
    if let Some(state) = state {
        which.insert("state", state.name());
    } else if seller.is_none() && text.is_none() {
        // Any of them: see the indexes.
        which
            .insert("state", doc! { "$in": State::ALL.iter().map(|state| state.name()).collect::<Vec<_>>() });
    }
    which.extend(seller.map(|seller| ("seller".to_owned(), seller.to_string().into())));
    which.extend(category.as_ref().map(|category| ("category".to_owned(), category.into())));
    which.extend(text.as_ref().map(|text| ("$text".to_owned(), doc! { "$search": text }.into())));
    let number = |amount: &Amount| amount.get().cast_signed();
    let mut price = Document::new();
    price.extend(price_min.as_ref().map(|min| ("$gte".to_owned(), number(min).into())));
    price.extend(price_max.as_ref().map(|max| ("$lte".to_owned(), number(max).into())));
    if !price.is_empty() {
        which.insert("current_price", price);
    }
    which
}

/// What lies behind a place. The first condition bounds the walk along the index, the second leaves out what is on earlier pages.
fn behind(field: Option<&str>, descending: bool, after: &After) -> Document {
    let (beyond, from) = if descending { ("$lt", "$lte") } else { ("$gt", "$gte") };
    let Some(field) = field else { return doc! { "_id": { beyond: &after.id } } };
    let key = || match field {
        "ends_at" | "opened_at" => Bson::from(DateTime::from_millis(after.key)),
        _ => Bson::from(after.key),
    };
    doc! { field: { from: key() }, "$or": [{ field: { beyond: key() } }, { "_id": { beyond: &after.id } }] }
}
