//! A hash table that grows without a pause: extendible hashing.
//!
//! ```text
//! directory (2^depth entries, chosen by hash bits) ──▶ tables of at most TABLE_MAX items, each split in two when full
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
pub struct SplitTable<T> {
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
    items: HashTable<Entry<T>>,
}

/// An item with the hash of its key, so that a split need not look the keys up: they lie anywhere in memory.
#[derive(Clone, Debug)]
struct Entry<T> {
    hash: ShortHash,
    item: T,
}

/// Half of a hash: enough, as every item found is compared anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ShortHash(u32);

impl ShortHash {
    /// The bits that the directory goes by.
    const fn directory(self) -> usize {
        (self.0 >> (32 - DEPTH_MAX)) as usize
    }

    /// What a table of the directory goes by: its lowest bits are the place, its highest a tag. An odd factor keeps the
    /// lowest bits apart from the directory's and mixes all of them into the highest.
    const fn table(self) -> u64 {
        (self.0 as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl<T> Default for SplitTable<T> {
    fn default() -> Self {
        let table = Table { depth: 0, items: HashTable::new() };
        Self { hasher: RandomState::default(), directory: vec![0], tables: vec![table], len: 0 }
    }
}

impl<T> SplitTable<T> {
    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many tables there are. Grows with splits.
    #[must_use]
    pub fn tables(&self) -> usize {
        self.tables.len()
    }

    /// The items of one table, in no order; none beyond the last.
    ///
    /// Whoever visits all tables from the first on meets every item that is there all the while: a split leaves one half where it
    /// is and puts the other behind the last. They may meet it twice.
    pub fn iter_table(&self, table: usize) -> impl Iterator<Item = &T> {
        self.tables.get(table).into_iter().flat_map(|table| table.items.iter().map(|entry| &entry.item))
    }

    /// All items, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.tables.iter().flat_map(|table| table.items.iter().map(|entry| &entry.item))
    }

    fn hash(&self, key: impl Hash) -> ShortHash {
        ShortHash(self.hasher.hash_one(key) as u32)
    }

    fn table_of(&self, hash: ShortHash) -> usize {
        self.directory[hash.directory() & (self.directory.len() - 1)] as usize
    }

    /// The item with this key, for which `is` holds.
    pub fn find(&self, key: impl Hash, is: impl Fn(&T) -> bool) -> Option<&T> {
        let hash = self.hash(key);
        let items = &self.tables[self.table_of(hash)].items;
        items.find(hash.table(), |entry| entry.hash == hash && is(&entry.item)).map(|entry| &entry.item)
    }

    /// Adds an item whose key is not in the table yet.
    pub fn insert_new(&mut self, key: impl Hash, item: T) {
        let hash = self.hash(key);
        while self.tables[self.table_of(hash)].is_full() {
            self.split(self.table_of(hash));
        }
        let table = self.table_of(hash);
        self.tables[table].insert(Entry { hash, item });
        self.len += 1;
    }

    /// Takes out the item with this key, for which `is` holds.
    pub fn remove(&mut self, key: impl Hash, is: impl Fn(&T) -> bool) -> Option<T> {
        let hash = self.hash(key);
        let table = self.table_of(hash);
        let found = |entry: &Entry<T>| entry.hash == hash && is(&entry.item);
        let (entry, _) = self.tables[table].items.find_entry(hash.table(), found).ok()?.remove();
        self.len -= 1;
        Some(entry.item)
    }

    /// Moves the items whose next hash bit is set into a table of their own.
    fn split(&mut self, index: usize) {
        let depth = self.tables[index].depth;
        if 1 << depth == self.directory.len() {
            self.directory.extend_from_within(..);
        }
        let bit = 1 << depth;
        let (mut low, mut high) = (Table::with_room(depth + 1), Table::with_room(depth + 1));
        for entry in std::mem::take(&mut self.tables[index].items) {
            let half = if entry.hash.directory() & bit == 0 { &mut low } else { &mut high };
            half.insert(entry);
        }
        let new = self.tables.len() as u32;
        for (bits, table) in self.directory.iter_mut().enumerate() {
            if *table as usize == index && bits & bit != 0 {
                *table = new;
            }
        }
        self.tables[index] = low;
        self.tables.push(high);
    }
}

impl<T> Table<T> {
    fn with_room(depth: u32) -> Self {
        Self { depth, items: HashTable::with_capacity(TABLE_MAX) }
    }

    fn insert(&mut self, entry: Entry<T>) {
        self.items.insert_unique(entry.hash.table(), entry, |entry| entry.hash.table());
    }

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
            table.insert_new(n, n);
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
        let mut by_table: Vec<u64> = (0..table.tables()).flat_map(|n| table.iter_table(n)).copied().collect();
        by_table.sort_unstable();
        assert_eq!(by_table, left);
        assert!(left.into_iter().eq((0..100_000).filter(|n| n % 2 == 1)));
    }
}
