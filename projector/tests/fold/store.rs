//! A store in memory that does what the guards say, one document at a time, and can stop after any of them; and projectors on it.

use crate::history::{History, SHARD};
use bson::{RawDocument, RawDocumentBuf};
use gavel_core::Position;
use gavel_projector::fold::Scope;
use gavel_projector::{Batch, Collection, Documents, Events, Sweep, Upsert, fold};
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// What lies in the store.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) documents: BTreeMap<(Collection, String), RawDocumentBuf>,
    cursor: Position,
}

fn version(document: &RawDocument) -> i64 {
    document.get_i64("version").unwrap()
}

impl Store {
    pub(crate) fn new() -> Self {
        Self { documents: BTreeMap::new(), cursor: Position::start(SHARD) }
    }

    /// How many records are folded in for certain.
    pub(crate) fn done(&self) -> usize {
        self.cursor.lsn.0 as usize
    }

    fn load(&self, collection: Collection, ids: &[String]) -> Vec<(Collection, RawDocumentBuf)> {
        let found = ids.iter().filter_map(|id| self.documents.get(&(collection, id.clone())));
        found.map(|document| (collection, document.clone())).collect()
    }

    fn upsert(&mut self, upsert: &Upsert) {
        let Upsert { collection, id, version: new, is_new: _, unchanged, document } = upsert;
        assert_eq!(document.get_str("_id").unwrap(), id);
        assert_eq!(version(document), *new);
        let key = (*collection, id.clone());
        if let Some(stored) = self.documents.get(&key) {
            if version(stored) >= *new {
                return;
            }
            for field in *unchanged {
                let (before, after) = (stored.get(field).unwrap(), document.get(field).unwrap());
                assert_eq!(before, after, "{field} of {id} was said not to change");
            }
        }
        self.documents.insert(key, document.clone());
    }

    fn sweep(&mut self, sweep: &Sweep) {
        let range = (sweep.collection, sweep.first_id())..(sweep.collection, sweep.end_id());
        for (_, document) in self.documents.range_mut(range) {
            if let Some(after) = sweep.apply(document).unwrap() {
                *document = after;
            }
        }
    }

    /// Writes a batch, each of the first two steps in random order; stops after so many writes. True when it was written whole.
    pub(crate) fn write(&mut self, batch: &Batch, dice: &mut ChaCha8Rng, mut writes: usize) -> bool {
        for step in [&batch.auctions, &batch.others] {
            let mut step: Vec<&Upsert> = step.iter().collect();
            step.shuffle(dice);
            for upsert in step {
                if writes == 0 {
                    return false;
                }
                writes -= 1;
                self.upsert(upsert);
            }
        }
        for sweep in &batch.sweeps {
            if writes == 0 {
                return false;
            }
            writes -= 1;
            self.sweep(sweep);
        }
        if self.cursor.lsn < batch.cursor.lsn {
            self.cursor = batch.cursor;
        }
        true
    }
}

/// Loads what a batch needs.
pub(crate) fn load(store: &Store, events: &Events, documents: &mut Documents) {
    loop {
        let wanted = documents.wanted(events);
        if wanted.is_empty() {
            return;
        }
        let ids = wanted.ids(SHARD);
        let found: Vec<_> = ids.iter().flat_map(|(collection, ids)| store.load(*collection, ids)).collect();
        documents.take(&wanted, &found).unwrap();
    }
}

/// The batch of these records.
pub(crate) fn batch(history: &History, which: std::ops::Range<usize>, documents: &mut Documents) -> Batch {
    let events = Events::read(&history.records(which)).unwrap();
    let batch = fold(&events, documents, Scope::Whole).unwrap();
    let mut ids: Vec<_> =
        batch.auctions.iter().chain(&batch.others).map(|it| (it.collection, &it.id)).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "at most one upsert per document");
    batch
}

/// What one fold over all records makes.
pub(crate) fn at_once(history: &History, records: usize, dice: &mut ChaCha8Rng) -> Store {
    let (mut store, mut documents) = (Store::new(), Documents::new(SHARD));
    let events = Events::read(&history.records(0..records)).unwrap();
    load(&store, &events, &mut documents);
    let batch = batch(history, 0..records, &mut documents);
    assert!(store.write(&batch, dice, usize::MAX));
    store
}
