//! Documents in one file of this machine, by redb: for whoever has no MongoDB.
//!
//! The documents are the same BSON. Beside each collection's table lie tables that a listing walks along; they change in the same
//! transaction as the documents, and so does the cursor: a batch is there whole or not at all, and when it is, it has been synced.
//!
//! redb blocks its thread, so all work is done on tokio's blocking threads; writers take turns before they take one.

mod find;
mod index;
mod tables;
mod write;

use super::{Answer, Listing, Page, Paging, Store, StoreError};
use crate::store::limits::EMBEDDED_CACHE_BYTES;
use crate::{Batch, Collection};
use bson::RawDocumentBuf;
use gavel_core::{AccountId, LogId, Position, ShardId};
use redb::{Database, DatabaseError};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The store in a file. Clones share it.
#[derive(Clone)]
pub struct Embedded {
    database: Arc<Database>,
    writing: Arc<Mutex<()>>,
}

impl Embedded {
    /// Opens the file, or makes it. Blocks; after a crash for as long as it takes to check it.
    ///
    /// # Errors
    /// Another process has it open, a later Gavel made it, or it can't be read or made.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Database::builder().set_cache_size(EMBEDDED_CACHE_BYTES).create(path);
        let database = database.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path: path.to_owned() },
            error => failed("open")(error),
        })?;
        tables::make(&database)?;
        Ok(Self { database: Arc::new(database), writing: Arc::default() })
    }

    /// Runs work on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Database) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = Arc::clone(&self.database);
        let done = tokio::task::spawn_blocking(move || work(&database)).await;
        done.map_err(|_| StoreError::Worker { operation })?
    }
}

impl Store for Embedded {
    /// The tables were made when it was opened.
    fn prepare(&self) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn claim(&self, log: LogId) -> Answer<'_, ()> {
        Box::pin(self.blocking("note which log it is for", move |database| tables::claim(database, log)))
    }

    fn cursor(&self, shard: ShardId) -> Answer<'_, Position> {
        Box::pin(self.blocking("read the cursor", move |database| find::cursor(database, shard)))
    }

    fn load<'a>(&'a self, collection: Collection, ids: &'a [String]) -> Answer<'a, Vec<RawDocumentBuf>> {
        let ids = ids.to_vec();
        Box::pin(self.blocking("read documents", move |database| find::documents(database, collection, &ids)))
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> Answer<'a, ()> {
        let batch = batch.clone();
        Box::pin(async move {
            let turn = Arc::clone(&self.writing).lock_owned().await;
            self.blocking("write documents", move |database| {
                // Held until the work has ended, even where nobody waits for it any more.
                let _turn = turn;
                write::batch(database, &batch)
            })
            .await
        })
    }

    fn list<'a>(&'a self, listing: &'a Listing, paging: &'a Paging) -> Answer<'a, Page> {
        let (listing, paging) = (listing.clone(), paging.clone());
        Box::pin(self.blocking("answer a query", move |database| find::page(database, &listing, &paging)))
    }

    fn seller(&self, seller: AccountId) -> Answer<'_, Vec<RawDocumentBuf>> {
        Box::pin(self.blocking("answer a query", move |database| find::seller(database, seller)))
    }
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}

/// What is said when redb fails.
fn failed<E: Into<redb::Error>>(operation: &'static str) -> impl FnOnce(E) -> StoreError {
    move |error| StoreError::Embedded { operation, source: error.into() }
}
