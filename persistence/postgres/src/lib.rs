//! The relational copy of the log in PostgreSQL: complete, in order, behind the log, never in the way of a bid.
//!
//! ```text
//! log, archive ──▶ Records ──▶ Rows ─┬─▶ auctions: COPY into staging, one statement ─┐
//!                  (a batch)   (pure) └─▶ bids, maxima, events: COPY ─────────────────┼─ one transaction
//!                                                                  the shard's cursor ─┘
//! ```
//!
//! Invariants:
//! - Rows and the cursor of their shard are one transaction, so a crash at any point neither loses nor doubles a row. Unique keys back
//!   that up.
//! - Nothing that a row depends on is kept in memory: it comes from the records and from the rows. See [`rows`].
//! - An auction's row is what the engine says of it as of record `seq`.
//!
//! `SCHEMA.md` documents each column, and the queries of an operator.

pub mod assign;
pub mod cursor;
mod database;
pub mod error;
pub mod flusher;
pub mod limits;
pub mod offline;
pub mod park;
pub mod rebuild;
pub mod refusal;
pub mod republish;
pub mod retention;
pub mod routes;
pub mod rows;
pub mod schema;
pub mod session;
pub mod spelling;
pub mod value;
pub mod verify;
pub mod write;

/// A connection of a database's pool, set up to write.
pub use deadpool_postgres::Client as Connection;

/// What the flusher follows a shard by; other consumers do it the same way.
pub use gavel_log::follow as source;
pub use gavel_log::follow::{Follow, Records, Source, SourceError};

pub use database::{Address, AddressError, Database, DatabaseError};
pub use routes::{Routes, Shards};
pub use rows::{Rows, Unreadable};
pub use schema::{SchemaError, Version};
pub use spelling::Spelling;

/// A table by keys that nobody from outside chooses to collide.
pub type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
/// A set of such keys.
pub type Set<K> = std::collections::HashSet<K, foldhash::fast::RandomState>;
