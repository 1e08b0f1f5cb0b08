//! Documents in MongoDB: 5.0 or later, a replica set or a sharded cluster, or a single node.
//!
//! What makes it right on a server that fails over, loses replies and answers late:
//!
//! - Every write is one `update` command of guarded upserts with write concern `majority`, journaled. Both places where MongoDB reports a
//!   failure inside a successful answer are looked at. See [`write`].
//! - A command whose reply is lost, or that met no primary, is sent again whole, a bounded number of times with bounded pauses: the guard
//!   makes that harmless. The driver itself repeats none of them. See [`attempt`].
//! - What the projector reads, it reads from the primary, and only what a majority has.
//! - The cursor is written after all else has been acknowledged.

mod address;
mod attempt;
mod find;
mod indexes;
mod write;

pub use address::{Address, AddressError};

use super::{Answer, Listing, Page, Paging, Store, StoreError};
use crate::{Batch, Collection};
use bson::{Document, RawDocumentBuf, doc};
use gavel_core::{AccountId, Epoch, LogId, Lsn, Position, ShardId};
use mongodb::{Client, Database};

/// The collection of the cursors: one document per shard.
const CURSORS: &str = "cursors";
/// Among them, the document that says whose log the documents are of.
const LOG: &str = "log";

/// The store in MongoDB. Clones share connections.
#[derive(Clone, Debug)]
pub struct MongoDb {
    database: Database,
    limits: attempt::Limits,
}

impl MongoDb {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// What goes with the address can't be used.
    pub fn new(address: Address) -> Result<Self, AddressError> {
        let (options, name, limits) = address.into_parts();
        let client = Client::with_options(options).map_err(|error| AddressError::Text(error.to_string()))?;
        Ok(Self { database: client.database(&name), limits })
    }

    async fn claim_for(&self, log: LogId) -> Result<(), StoreError> {
        self.note_log(log).await?;
        let noted = self.primary_documents(CURSORS, &doc! { "_id": LOG }, "read which log it is for").await?;
        let found = noted.first().and_then(|noted| noted.get_str("log").ok()).unwrap_or("(unreadable)");
        if found == log.to_string() {
            return Ok(());
        }
        Err(StoreError::OtherLog { found: found.to_owned(), log })
    }

    async fn read_cursor(&self, shard: ShardId) -> Result<Position, StoreError> {
        let filter = doc! { "_id": i64::from(shard.0) };
        let found = self.primary_documents(CURSORS, &filter, "read the cursor").await?;
        let Some(stored) = found.first() else { return Ok(Position::start(shard)) };
        let position = stored.get_str("position").ok().and_then(|text| Position::parse(text.as_bytes()));
        position.filter(|position| position.shard == shard).ok_or_else(|| StoreError::Refused {
            operation: "read the cursor",
            reason: format!(
                "the document {} of {CURSORS} has no fit position; was it changed by hand?",
                shard.0
            ),
        })
    }
}

impl Store for MongoDb {
    fn prepare(&self) -> Answer<'_, ()> {
        Box::pin(self.make_indexes())
    }

    fn claim(&self, log: LogId) -> Answer<'_, ()> {
        Box::pin(self.claim_for(log))
    }

    fn cursor(&self, shard: ShardId) -> Answer<'_, Position> {
        Box::pin(self.read_cursor(shard))
    }

    fn load<'a>(&'a self, collection: Collection, ids: &'a [String]) -> Answer<'a, Vec<RawDocumentBuf>> {
        Box::pin(self.load_in_parts(collection, ids))
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> Answer<'a, ()> {
        Box::pin(self.write_batch(batch))
    }

    fn list<'a>(&'a self, listing: &'a Listing, paging: &'a Paging) -> Answer<'a, Page> {
        Box::pin(self.find_page(listing, paging))
    }

    fn seller(&self, seller: AccountId) -> Answer<'_, Vec<RawDocumentBuf>> {
        Box::pin(self.find_seller(seller))
    }
}

/// A cursor's document. Its version is the Lsn: that never goes back, also where the epoch changes.
fn cursor_document(cursor: Position) -> (i64, i64, Document) {
    let Position { shard, epoch: Epoch(epoch), lsn: Lsn(lsn) } = cursor;
    let (id, version) = (i64::from(shard.0), lsn.cast_signed());
    let document =
        doc! { "_id": id, "version": version, "epoch": i64::from(epoch), "position": cursor.to_string() };
    (id, version, document)
}
