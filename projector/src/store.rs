//! Where documents are stored, and what can be asked of them.
//!
//! Two stores keep the same BSON documents: [`MongoDb`], and [`Embedded`] for whoever has none. What every store promises, and the
//! conformance suite checks:
//!
//! - A write takes effect only where the stored document's `version` is lower, or there is none. So whatever is written again, or late, or
//!   by two at once changes nothing.
//! - [`Store::write`] writes in the order that [`batch`](crate::batch) demands. When it has returned `Ok`, all of the batch survives
//!   SIGKILL and, with several nodes, the loss of the fewer. When it has failed, any part of it may be there.
//! - The cursor moves last and never backwards, so it is never ahead of what was acknowledged.
//! - Every operation has an end: it answers, or fails, within a bounded time.

mod after;
mod embedded;
pub mod limits;
mod listing;
mod mongodb;

pub use after::{After, AfterError};
pub use embedded::Embedded;
pub use listing::{Filter, Listing, Paging, PagingError, Search, SearchError, Sort};
pub use mongodb::{Address, AddressError, MongoDb};

use crate::{Batch, Collection};
use bson::RawDocumentBuf;
use futures_core::future::BoxFuture;
use gavel_core::{AccountId, LogId, Position, ShardId};

/// What a store will answer.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// A part of a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The documents, in the listing's order.
    pub documents: Vec<RawDocumentBuf>,
    /// Where the next part begins; `None` at the end.
    pub next: Option<After>,
}

/// A place for documents.
pub trait Store: Send + Sync + 'static {
    /// Makes what queries need, unless it is there: collections, tables, indexes. To be called until it succeeds before anything else is.
    fn prepare(&self) -> Answer<'_, ()>;

    /// Says whose documents these are to be. The first log that claims a store has it for good; another one is [`StoreError::OtherLog`].
    fn claim(&self, log: LogId) -> Answer<'_, ()>;

    /// How far a shard's documents have got; its start in an empty store.
    fn cursor(&self, shard: ShardId) -> Answer<'_, Position>;

    /// The documents with these ids, as they are stored, in no order. Those that there are not are absent.
    fn load<'a>(&'a self, collection: Collection, ids: &'a [String]) -> Answer<'a, Vec<RawDocumentBuf>>;

    /// Writes a batch. See the module.
    fn write<'a>(&'a self, batch: &'a Batch) -> Answer<'a, ()>;

    /// A part of a listing. A document whose place in the order does not change meanwhile is on exactly one of its parts.
    fn list<'a>(&'a self, listing: &'a Listing, paging: &'a Paging) -> Answer<'a, Page>;

    /// A seller's documents: one per shard.
    fn seller(&self, seller: AccountId) -> Answer<'_, Vec<RawDocumentBuf>>;
}

/// Why a store did not do as it was told.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// This store never can.
    #[error(
        "{what} needs MongoDB (`[mongodb]`): the embedded store has auctions by id, by state, by seller and ending soon, the bids of an \
         auction and of a bidder"
    )]
    Unsupported {
        /// What was asked for.
        what: &'static str,
    },
    /// The documents are those of another log.
    #[error(
        "the documents are those of log {found}, and this is log {log}: is it the right data directory, and the right store? Documents of \
         another log go into an empty store"
    )]
    OtherLog {
        /// Whose they are.
        found: String,
        /// Who claims them.
        log: LogId,
    },
    /// The page's token is of another listing.
    #[error(transparent)]
    After(#[from] AfterError),
    /// It is away, or does not take writes, and did not come back in time. It may work later.
    #[error("MongoDB did not {operation} ({tries} tries): {reason}")]
    Unavailable {
        /// What was to be done.
        operation: &'static str,
        /// How often it was tried.
        tries: u32,
        /// What the last try met. Holds no secret.
        reason: String,
    },
    /// The server said no, for a reason that waiting does not mend.
    #[error("MongoDB would not {operation}: {reason}")]
    Refused {
        /// What was to be done.
        operation: &'static str,
        /// What it said. Holds no secret.
        reason: String,
    },
    /// It would not take one document.
    #[error("MongoDB would not take {id:?} in {}: {reason} [{code}]", collection.name())]
    Document {
        /// Where it belongs.
        collection: Collection,
        /// Its `_id`.
        id: String,
        /// MongoDB's code.
        code: i32,
        /// What it said.
        reason: String,
    },
    /// A stored document has no `version`, or no field that it is listed by, of the right type.
    #[error("the document {id:?} of {} has no fit {field:?}; was it changed by hand?", collection.name())]
    Unfit {
        /// Where.
        collection: Collection,
        /// Its `_id`, as far as it has one.
        id: String,
        /// What is missing.
        field: &'static str,
    },
    /// A document is larger than a store takes.
    #[error("the document {id:?} of {} has {bytes} bytes; {} are allowed", collection.name(), crate::limits::DOCUMENT_BYTES_MAX)]
    TooLarge {
        /// Where it belongs.
        collection: Collection,
        /// Its `_id`.
        id: String,
        /// How large it is.
        bytes: usize,
    },
    /// Another process has the embedded store.
    #[error("{}: another process has these documents open", path.display())]
    InUse {
        /// The file.
        path: std::path::PathBuf,
    },
    /// Another Gavel made the embedded store's file.
    #[error(
        "the embedded document store has format {found}, and {known} is known here; it can be made again from the log"
    )]
    Format {
        /// Its format.
        found: u32,
        /// The one that this binary reads and writes.
        known: u32,
    },
    /// The embedded store's file failed.
    #[error("the embedded document store failed ({operation}): {source}")]
    Embedded {
        /// What was being done.
        operation: &'static str,
        /// As redb said it.
        source: redb::Error,
    },
    /// What did the work has ended in the middle of it. A defect.
    #[error("the embedded document store's worker ended ({operation})")]
    Worker {
        /// What was being done.
        operation: &'static str,
    },
}

impl StoreError {
    /// True where the same may succeed later, by itself.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
