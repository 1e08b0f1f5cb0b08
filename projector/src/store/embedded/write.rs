//! Writing a batch in one transaction, which is synced when it ends.

use super::failed;
use super::index::Index;
use super::tables::{CURSORS, documents, keys};
use crate::limits::DOCUMENT_BYTES_MAX;
use crate::store::StoreError;
use crate::store::listing::unfit;
use crate::{Batch, Collection, Sweep, Upsert};
use bson::{RawDocument, RawDocumentBuf};
use gavel_core::{Epoch, Lsn, Position};
use redb::{Database, ReadableTable as _, Table, WriteTransaction};

/// What is being done, for errors.
const WRITING: &str = "write documents";

pub(super) fn batch(database: &Database, batch: &Batch) -> Result<(), StoreError> {
    let Batch { shard, auctions, others, sweeps, cursor } = batch;
    assert_eq!(cursor.shard, *shard, "a batch is of one shard");
    let write = database.begin_write().map_err(failed(WRITING))?;
    for upserts in [auctions, others] {
        // Neighbours of one collection share its tables.
        for upserts in upserts.chunk_by(|a, b| a.collection == b.collection) {
            let Some(first) = upserts.first() else { continue };
            let mut collection = Open::new(&write, first.collection)?;
            upserts.iter().try_for_each(|upsert| collection.upsert(upsert))?;
        }
    }
    for sweep in sweeps {
        Open::new(&write, sweep.collection)?.sweep(sweep)?;
    }
    move_cursor(&write, *cursor)?;
    write.commit().map_err(failed(WRITING))
}

fn move_cursor(write: &WriteTransaction, cursor: Position) -> Result<(), StoreError> {
    let Position { shard, epoch: Epoch(epoch), lsn: Lsn(lsn) } = cursor;
    let mut cursors = write.open_table(CURSORS).map_err(failed(WRITING))?;
    let stored = cursors.get(shard.0).map_err(failed(WRITING))?.map_or(0, |stored| stored.value().1);
    if stored < lsn {
        cursors.insert(shard.0, (epoch, lsn)).map_err(failed(WRITING))?;
    }
    Ok(())
}

/// A collection's tables in a transaction.
struct Open<'a> {
    collection: Collection,
    documents: Table<'a, &'static str, &'static [u8]>,
    indexes: Vec<(Index, Table<'a, &'static [u8], ()>)>,
}

impl<'a> Open<'a> {
    fn new(write: &'a WriteTransaction, collection: Collection) -> Result<Self, StoreError> {
        let indexes = Index::of(collection).iter().map(|&index| {
            let table = write.open_table(keys(index)).map_err(failed(WRITING))?;
            Ok::<_, StoreError>((index, table))
        });
        let indexes = indexes.collect::<Result<_, _>>()?;
        let documents = write.open_table(documents(collection)).map_err(failed(WRITING))?;
        Ok(Self { collection, documents, indexes })
    }

    fn stored(&self, id: &str) -> Result<Option<RawDocumentBuf>, StoreError> {
        let stored = self.documents.get(id).map_err(failed(WRITING))?;
        stored.map(|bytes| read(self.collection, id, bytes.value())).transpose()
    }

    /// Takes effect only where the stored version is lower.
    fn upsert(&mut self, upsert: &Upsert) -> Result<(), StoreError> {
        let Upsert { collection, id, version, document, .. } = upsert;
        let bytes = document.as_bytes().len();
        if bytes > DOCUMENT_BYTES_MAX {
            return Err(StoreError::TooLarge { collection: *collection, id: id.clone(), bytes });
        }
        let before = self.stored(id)?;
        match &before {
            Some(before) if self.version(before)? >= *version => Ok(()),
            _ => self.replace(id, before.as_deref(), document),
        }
    }

    fn version(&self, document: &RawDocument) -> Result<i64, StoreError> {
        document.get_i64("version").map_err(|_| unfit(self.collection, document, "version"))
    }

    fn replace(
        &mut self,
        id: &str,
        before: Option<&RawDocument>,
        document: &RawDocument,
    ) -> Result<(), StoreError> {
        self.documents.insert(id, document.as_bytes()).map_err(failed(WRITING))?;
        for (index, table) in &mut self.indexes {
            let new = index.key(document)?;
            let old = before.map(|before| index.key(before)).transpose()?;
            if old.as_ref() == Some(&new) {
                continue;
            }
            if let Some(old) = old {
                table.remove(old.as_slice()).map_err(failed(WRITING))?;
            }
            table.insert(new.as_slice(), ()).map_err(failed(WRITING))?;
        }
        Ok(())
    }

    fn sweep(&mut self, sweep: &Sweep) -> Result<(), StoreError> {
        let (first, end) = (sweep.first_id(), sweep.end_id());
        let mut changed = Vec::new();
        for entry in self.documents.range(first.as_str()..end.as_str()).map_err(failed(WRITING))? {
            let (id, bytes) = entry.map_err(failed(WRITING))?;
            let before = read(self.collection, id.value(), bytes.value())?;
            let after = sweep.apply(&before).map_err(|_| unfit(self.collection, &before, "version"))?;
            changed.extend(after.map(|after| (id.value().to_owned(), before, after)));
        }
        for (id, before, after) in changed {
            self.replace(&id, Some(&before), &after)?;
        }
        Ok(())
    }
}

/// A document from its stored bytes.
pub(super) fn read(collection: Collection, id: &str, bytes: &[u8]) -> Result<RawDocumentBuf, StoreError> {
    RawDocumentBuf::from_bytes(bytes.to_vec()).map_err(|_| StoreError::Unfit {
        collection,
        id: id.to_owned(),
        field: "_id",
    })
}
