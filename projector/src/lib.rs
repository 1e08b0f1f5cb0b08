//! The read side: what every page sees.
//!
//! ```text
//! log, archive ──▶ Records ──▶ fold ──▶ Batch ─┬─ 1. auctions          ┐
//!                  (of one    ▲ (pure)         ├─ 2. all other upserts ├─▶ acknowledged ──▶ 4. the shard's cursor
//!                   shard)    │                └─ 3. sweeps            ┘
//!                             └── documents as stored, or as this projector left them
//! ```
//!
//! Invariants:
//! - A write takes effect only where the stored document's `version` is lower (or there is none). So duplicates, replays and two
//!   projectors at once change nothing.
//! - Every document follows from what it was and from the records: which other documents of the batch were written, and which not
//!   yet, makes no difference. So a batch that was written in part is simply written again. See [`mod@fold`].
//! - An auction's document is never behind those of its bidders: auctions are written first.
//! - A document of `auctions` or `bids` may be shown to everybody as it is: bidders have a pseudonym there, and neither a maximum nor a
//!   reserve price is in it. `bidders` are for their bidder, `reserves` for their seller.
//!
//! `DOCUMENTS.md` documents every field, and the queries with their indexes.

pub mod batch;
pub mod documents;
pub mod fold;
pub mod indexes;
pub mod limits;
pub mod service;
pub mod store;

pub use batch::{Batch, Collection, Sweep, Upsert};
pub use fold::{Documents, Events, FoldError, fold};
pub use store::{Store, StoreError};

/// A table by keys that nobody from outside chooses to collide.
pub(crate) type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
/// A set of such keys.
pub(crate) type Set<K> = std::collections::HashSet<K, foldhash::fast::RandomState>;
