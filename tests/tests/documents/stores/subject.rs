//! A store that is held to its promises, and where fresh ones come from.

use bson::{Document, RawDocumentBuf};
use gavel_core::{AccountId, LogId, Position, ShardId};
use gavel_projector::store::{Address, Embedded, Listing, MongoDb, Page, Paging};
use gavel_projector::{Batch, Collection, Store, StoreError};
use gavel_tests::ReplicaSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Where fresh stores come from.
pub(crate) enum Subjects {
    Embedded(TempDir, AtomicU32),
    MongoDb(ReplicaSet, AtomicU32),
}

/// A store, asked without `await`. Several threads may ask at once.
#[derive(Clone)]
pub(crate) struct Subject {
    runtime: Arc<Runtime>,
    store: Arc<dyn Store>,
}

impl Subjects {
    pub(crate) fn embedded() -> Self {
        Self::Embedded(TempDir::new().unwrap(), AtomicU32::new(0))
    }

    pub(crate) fn mongodb() -> Self {
        Self::MongoDb(ReplicaSet::fresh(), AtomicU32::new(0))
    }

    /// One empty store, and what must not end before it.
    pub(crate) fn kept(self) -> (Subject, Self) {
        (self.fresh(), self)
    }

    /// An empty store.
    pub(crate) fn fresh(&self) -> Subject {
        match self {
            Self::Embedded(dir, next) => {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let file = dir.path().join(format!("{number}.redb"));
                Subject::of(Arc::new(Embedded::open(&file).unwrap()))
            }
            Self::MongoDb(set, next) => {
                let number = next.fetch_add(1, Ordering::Relaxed);
                Subject::mongodb(&set.url(&format!("store{number}")), None)
            }
        }
    }
}

impl Subject {
    pub(crate) fn of(store: Arc<dyn Store>) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let subject = Self { runtime: Arc::new(runtime), store };
        subject.runtime.block_on(subject.store.prepare()).unwrap();
        subject
    }

    /// With other bounds of time than the defaults: for one try, and for all.
    pub(crate) fn mongodb(url: &str, limits: Option<(Duration, Duration)>) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let store = runtime.block_on(async {
            let address = Address::parse(url).await.unwrap();
            let address = match limits {
                Some((one, all)) => address.with_limits(one, all).unwrap(),
                None => address,
            };
            let store = MongoDb::new(address).unwrap();
            store.prepare().await.unwrap();
            store
        });
        Self { runtime: Arc::new(runtime), store: Arc::new(store) }
    }

    pub(crate) fn try_write(&self, batch: &Batch) -> Result<(), StoreError> {
        self.runtime.block_on(self.store.write(batch))
    }

    pub(crate) fn write(&self, batch: &Batch) {
        self.try_write(batch).unwrap();
    }

    pub(crate) fn claim(&self, log: LogId) -> Result<(), StoreError> {
        self.runtime.block_on(self.store.claim(log))
    }

    pub(crate) fn cursor(&self, shard: u8) -> Position {
        self.runtime.block_on(self.store.cursor(ShardId(shard))).unwrap()
    }

    pub(crate) fn try_load(
        &self,
        collection: Collection,
        ids: &[String],
    ) -> Result<Vec<Document>, StoreError> {
        let found = self.runtime.block_on(self.store.load(collection, ids))?;
        Ok(found.iter().map(plain).collect())
    }

    /// The documents with these ids that there are, in the order of their ids.
    pub(crate) fn load(&self, collection: Collection, ids: &[impl AsRef<str>]) -> Vec<Document> {
        let ids: Vec<String> = ids.iter().map(|id| id.as_ref().to_owned()).collect();
        let mut found = self.try_load(collection, &ids).unwrap();
        found.sort_by_key(id);
        found
    }

    /// The version of one document.
    pub(crate) fn version(&self, collection: Collection, id: &str) -> Option<i64> {
        self.load(collection, &[id]).first().map(|document| document.get_i64("version").unwrap())
    }

    pub(crate) fn try_list(&self, listing: &Listing, paging: &Paging) -> Result<Page, StoreError> {
        self.runtime.block_on(self.store.list(listing, paging))
    }

    /// One page, and the place behind it.
    pub(crate) fn page(
        &self,
        listing: &Listing,
        after: Option<String>,
        limit: usize,
    ) -> (Vec<Document>, Option<String>) {
        let after = after.map(|text| text.parse().unwrap());
        let page = self.try_list(listing, &Paging::new(after, limit).unwrap()).unwrap();
        assert!(page.documents.len() <= limit, "no more than were asked for");
        let documents = page.documents.iter().map(plain).collect();
        (documents, page.next.map(|next| next.to_string()))
    }

    /// All pages of a listing, so many documents at a time.
    pub(crate) fn all(&self, listing: &Listing, limit: usize) -> Vec<Document> {
        let (mut all, mut after) = self.page(listing, None, limit);
        while after.is_some() {
            let (more, next) = self.page(listing, after, limit);
            assert!(!more.is_empty(), "a page that was promised is not empty");
            all.extend(more);
            after = next;
        }
        all
    }

    pub(crate) fn seller(&self, seller: u64) -> Vec<Document> {
        let seller = self.runtime.block_on(self.store.seller(AccountId::from_integer(seller))).unwrap();
        seller.iter().map(plain).collect()
    }
}

pub(crate) fn id(document: &Document) -> String {
    document.get_str("_id").unwrap().to_owned()
}

fn plain(document: &RawDocumentBuf) -> Document {
    Document::try_from(document).unwrap()
}
