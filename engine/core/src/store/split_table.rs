//! A hash table that grows without a pause: extendible hashing.
//!
//! ```text
//! directory (2^depth entries, chosen by hash bits 32..) ──▶ tables of at most TABLE_MAX items, each split in two when full
//! ```
//!
//! One table of millions of items would stop the bidders for tens of milliseconds when it doubles. Here the longest pause is
//! the splitting of one table and, rarely, the doubling of the directory (4 bytes per table).
//!
//! The hash is seeded differently in every process, so that clients who choose ids can't choose them to collide. No
//! decision and no digest can see the seed or the order of items.

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hash};

/// Items that one table holds before it is split: what 2048 buckets take.
const TABLE_MAX: usize = 1792;
/// Hash bits that the directory may use. 2^20 tables are far more than any bound of this crate needs; past it, which only
/// broken hashing could reach, tables grow instead.
const DEPTH_MAX: u32 = 20;

/// A set of `T`, found by a hash of their key.
#[derive(Clone, Debug)]
pub(crate) struct SplitTable<T> {
    hasher: RandomState,
    /// Which table has the items whose hash bits are the index here.
    directory: Vec<u32>,
    tables: Vec<Table<T>>,
    len: usize,
}

#[derive(Clone, Debug)]
struct Table<T> {
    /// Hash bits that all items of this table share.
    depth: u32,
    items: HashTable<T>,
}

impl<T> Default for SplitTable<T> {
    fn default() -> Self {
        let table = Table { depth: 0, items: HashTable::new() };
        Self { hasher: RandomState::default(), directory: vec![0], tables: vec![table], len: 0 }
    }
}

/// The hash bits that the directory goes by. The table itself uses the lowest and the highest.
const fn directory_bits(hash: u64) -> usize {
    (hash >> 32) as usize & ((1 << DEPTH_MAX) - 1)
}

impl<T> SplitTable<T> {
    /// Number of items.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// All items, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.tables.iter().flat_map(|table| table.items.iter())
    }

    fn table_of(&self, hash: u64) -> usize {
        self.directory[directory_bits(hash) & (self.directory.len() - 1)] as usize
    }

    /// The item with this key, for which `is` holds.
    pub(crate) fn find(&self, key: impl Hash, is: impl FnMut(&T) -> bool) -> Option<&T> {
        let hash = self.hasher.hash_one(key);
        self.tables[self.table_of(hash)].items.find(hash, is)
    }

    /// Adds an item whose key is not in the table yet. `key_of` gives the key of an item that is.
    pub(crate) fn insert_new<K: Hash>(&mut self, key: K, item: T, key_of: impl Fn(&T) -> K) {
        let hasher = self.hasher.clone();
        let hash_of = |item: &T| hasher.hash_one(key_of(item));
        let hash = hasher.hash_one(key);
        while self.tables[self.table_of(hash)].is_full() {
            self.split(self.table_of(hash), &hash_of);
        }
        let table = self.table_of(hash);
        self.tables[table].items.insert_unique(hash, item, hash_of);
        self.len += 1;
    }

    /// Takes out the item with this key, for which `is` holds.
    pub(crate) fn remove(&mut self, key: impl Hash, is: impl FnMut(&T) -> bool) -> Option<T> {
        let hash = self.hasher.hash_one(key);
        let table = self.table_of(hash);
        let (item, _) = self.tables[table].items.find_entry(hash, is).ok()?.remove();
        self.len -= 1;
        Some(item)
    }

    /// Moves the items whose next hash bit is set into a table of their own.
    fn split(&mut self, index: usize, hash_of: &impl Fn(&T) -> u64) {
        let depth = self.tables[index].depth;
        if 1 << depth == self.directory.len() {
            self.directory.extend_from_within(..);
        }
        let bit = 1 << depth;
        let (mut low, mut high) = (HashTable::with_capacity(TABLE_MAX), HashTable::with_capacity(TABLE_MAX));
        for item in std::mem::take(&mut self.tables[index].items) {
            let hash = hash_of(&item);
            let half = if directory_bits(hash) & bit == 0 { &mut low } else { &mut high };
            half.insert_unique(hash, item, hash_of);
        }
        let new = self.tables.len() as u32;
        for (bits, table) in self.directory.iter_mut().enumerate() {
            if *table as usize == index && bits & bit != 0 {
                *table = new;
            }
        }
        self.tables[index] = Table { depth: depth + 1, items: low };
        self.tables.push(Table { depth: depth + 1, items: high });
    }
}

impl<T> Table<T> {
    fn is_full(&self) -> bool {
        self.items.len() >= TABLE_MAX && self.depth < DEPTH_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_item_and_only_those_through_many_splits() {
        let mut table = SplitTable::<u64>::default();
        for n in 0..100_000 {
            assert!(table.find(n, |&item| item == n).is_none());
            table.insert_new(n, n, |&item| item);
        }
        assert_eq!((table.len(), table.iter().count()), (100_000, 100_000));
        assert!(
            table.tables.iter().all(|table| table.items.len() <= TABLE_MAX),
            "none ever grew past its bound"
        );
        for n in 0..100_000 {
            assert_eq!(table.find(n, |&item| item == n), Some(&n));
            if n % 2 == 0 {
                assert_eq!(table.remove(n, |&item| item == n), Some(n));
                assert_eq!(table.remove(n, |&item| item == n), None);
            }
        }
        assert_eq!(table.len(), 50_000);
        let mut left: Vec<u64> = table.iter().copied().collect();
        left.sort_unstable();
        assert!(left.into_iter().eq((0..100_000).filter(|n| n % 2 == 1)));
    }
}
