//! The directory: explicit entries from placement key to shard (a known hot auction or seller gets its own shard).
//!
//! **It is no single point of failure.** It is looked at only when an auction opens, never to bid; when it cannot be read,
//! opening goes by the key's hash instead.

use crate::ShardId;
use std::collections::BTreeMap;

/// The entries, or the fact that they cannot be read at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Directory {
    /// The entries by key, at most [`DIRECTORY_ENTRIES_MAX`](crate::limits::DIRECTORY_ENTRIES_MAX). Sorted, so that
    /// every listing has one order.
    Entries(BTreeMap<Box<str>, ShardId>),
    /// Lost. Changes made meanwhile are not kept here; the log has them, and a fold over it gives a whole directory again.
    Unavailable,
}

impl Default for Directory {
    fn default() -> Self {
        Self::Entries(BTreeMap::new())
    }
}

impl Directory {
    /// The shard that the key's entry names; `None` when it has no entry, and when the directory cannot be read.
    #[must_use]
    pub fn lookup(&self, key: &str) -> Option<ShardId> {
        match self {
            Self::Entries(entries) => entries.get(key).copied(),
            Self::Unavailable => None,
        }
    }

    /// The entries in the order of their keys; none when it cannot be read.
    pub fn iter(&self) -> impl Iterator<Item = (&str, ShardId)> {
        let entries = match self {
            Self::Entries(entries) => Some(entries),
            Self::Unavailable => None,
        };
        entries.into_iter().flatten().map(|(key, shard)| (&**key, *shard))
    }

    /// Makes or removes an entry. A directory that cannot be read stays so: a part of the entries would look like all.
    pub(super) fn set(&mut self, key: &str, shard: Option<ShardId>) {
        let Self::Entries(entries) = self else { return };
        match shard {
            Some(shard) => entries.insert(key.into(), shard),
            None => entries.remove(key),
        };
    }
}
