//! The tables of the file, and its format's version.

use super::failed;
use super::index::Index;
use crate::Collection;
use crate::store::StoreError;
use gavel_core::LogId;
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, WriteTransaction};

/// A collection: `_id` → the document's BSON.
pub(super) type Documents = TableDefinition<'static, &'static str, &'static [u8]>;
/// An index: what [`Index::key`] makes. It has all there is to know in the key.
pub(super) type Keys = TableDefinition<'static, &'static [u8], ()>;

/// Shard → epoch and Lsn.
pub(super) const CURSORS: TableDefinition<'static, u8, (u32, u64)> = TableDefinition::new("cursors");
/// `log` → whose log the documents are of.
const LOG: TableDefinition<'static, &'static str, u128> = TableDefinition::new("log");
/// `format` → [`FORMAT`].
const META: TableDefinition<'static, &'static str, u32> = TableDefinition::new("meta");
/// The form of the file that this binary reads and writes.
const FORMAT: u32 = 1;

/// The table of a collection.
pub(super) const fn documents(collection: Collection) -> Documents {
    TableDefinition::new(collection.name())
}

/// The table of an index.
pub(super) const fn keys(index: Index) -> Keys {
    TableDefinition::new(index.name())
}

/// Makes what is not there; refuses a file of another format.
pub(super) fn make(database: &Database) -> Result<(), StoreError> {
    let write = database.begin_write().map_err(failed("open"))?;
    if let Some(found) = format(&write)? {
        return if found == FORMAT {
            write.abort().map_err(failed("open"))
        } else {
            Err(StoreError::Format { found, known: FORMAT })
        };
    }
    for collection in Collection::ALL {
        write.open_table(documents(collection)).map_err(failed("make tables"))?;
    }
    for index in Index::ALL {
        write.open_table(keys(index)).map_err(failed("make tables"))?;
    }
    write.open_table(CURSORS).map_err(failed("make tables"))?;
    write.commit().map_err(failed("make tables"))
}

/// The format that is noted; notes this binary's where there is none.
fn format(write: &WriteTransaction) -> Result<Option<u32>, StoreError> {
    let mut meta = write.open_table(META).map_err(failed("open"))?;
    let before = meta.insert("format", FORMAT).map_err(failed("open"))?;
    Ok(before.map(|noted| noted.value()))
}

/// Notes whose log the documents are of, where nothing is noted yet; refuses another one's.
pub(super) fn claim(database: &Database, log: LogId) -> Result<(), StoreError> {
    let write = database.begin_write().map_err(failed("open"))?;
    let noted = {
        let mut logs = write.open_table(LOG).map_err(failed("open"))?;
        let noted = logs.get("log").map_err(failed("open"))?.map(|noted| noted.value());
        if noted.is_none() {
            logs.insert("log", log.0).map_err(failed("open"))?;
        }
        noted
    };
    match noted {
        Some(found) if found != log.0 => Err(StoreError::OtherLog { found: LogId(found).to_string(), log }),
        Some(_) => write.abort().map_err(failed("open")),
        None => write.commit().map_err(failed("open")),
    }
}

/// A transaction to read in, which sees all or nothing of a batch.
pub(super) fn reading(database: &Database) -> Result<redb::ReadTransaction, StoreError> {
    database.begin_read().map_err(failed("read"))
}
