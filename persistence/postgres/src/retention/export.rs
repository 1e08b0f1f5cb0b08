//! A day's rows as files: what `COPY … CSV HEADER` writes, compressed with zstd, one file for each table.
//!
//! ```text
//! DIR/20261122/ bids.csv.zst  maxima.csv.zst  events.csv.zst  manifest.json
//! ```
//!
//! Whoever wants to look at them needs nothing of Gavel: `zstdcat bids.csv.zst | psql -c '\copy bids FROM STDIN (FORMAT csv, HEADER)'`, or a
//! program that reads compressed CSV itself. The folder appears under its name once all of it is on disk and was read back.

use super::partitions::Partition;
use crate::error::said;
use serde::Serialize;
use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use tokio_postgres::Transaction;

/// zstd's usual strength: a third of the bytes at hundreds of megabytes a second.
const STRENGTH: i32 = 3;
/// How much is read back at a time.
const READ_BYTES: usize = 1 << 16;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The folder.
    pub dir: PathBuf,
    /// Its tables.
    pub tables: Vec<Table>,
}

/// One table's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// `bids`, `maxima` or `events`.
    pub table: String,
    /// Its file.
    pub file: String,
    /// Rows in it.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
}

/// Why rows could not be exported. Nothing was dropped.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// PostgreSQL did not hand them out.
    #[error("{}", said(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// A file.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What was read back is not what is in the table.
    #[error("{}: holds {found} rows, and the table has {wanted}; nothing was dropped", path.display())]
    Rows {
        /// The file.
        path: PathBuf,
        /// In the file.
        found: u64,
        /// In the table.
        wanted: u64,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> ExportError {
    let path = path.to_owned();
    move |source| ExportError::Io { path, source }
}

/// Writes a day's three tables, and answers once they are on disk and have been read back.
pub(super) async fn export(
    transaction: &Transaction<'_>,
    partition: &Partition,
    rows: [u64; 3],
    below: &Path,
) -> Result<Exported, ExportError> {
    std::fs::create_dir_all(below).map_err(at(below))?;
    let day = partition.day.replace('-', "");
    let partial = below.join(format!("{day}.partial"));
    match std::fs::remove_dir_all(&partial) {
        // What an earlier try has left.
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&partial)(error)),
        _ => std::fs::create_dir(&partial).map_err(at(&partial))?,
    }
    let mut tables = Vec::new();
    for (table, rows) in ["bids", "maxima", "events"].into_iter().zip(rows) {
        let path = partial.join(format!("{table}.csv.zst"));
        write(transaction, &partition.rows_of(table), &path).await?;
        tables.push(check(table, &path, rows)?);
    }
    manifest(&partial.join("manifest.json"), &partition.day, &tables)?;
    sync(&partial)?;
    let dir = publish(&partial, below, &day)?;
    Ok(Exported { dir, tables })
}

/// One table into one file, synced.
async fn write(transaction: &Transaction<'_>, from: &str, path: &Path) -> Result<(), ExportError> {
    let copy = format!("COPY (SELECT * FROM {from} ORDER BY auction, seq) TO STDOUT (FORMAT csv, HEADER)");
    let mut rows = pin!(transaction.copy_out(&copy).await?);
    let file = File::create_new(path).map_err(at(path))?;
    let mut out = zstd::Encoder::new(file, STRENGTH).map_err(at(path))?;
    out.include_checksum(true).map_err(at(path))?;
    while let Some(bytes) = poll_fn(|context| futures_core::Stream::poll_next(rows.as_mut(), context)).await {
        out.write_all(&bytes?).map_err(at(path))?;
    }
    out.finish().and_then(|file| file.sync_all()).map_err(at(path))
}

/// Reads a file back, by which zstd's checksum is held against it, too, and counts its rows. None of the columns can hold a line's end: JSON
/// writes it as `\n`.
fn check(table: &str, path: &Path, wanted: u64) -> Result<Table, ExportError> {
    let mut file = zstd::Decoder::new(File::open(path).map_err(at(path))?).map_err(at(path))?;
    let (mut buffer, mut lines) = (vec![0; READ_BYTES], 0u64);
    loop {
        let read = file.read(&mut buffer).map_err(at(path))?;
        if read == 0 {
            break;
        }
        lines += buffer[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
    }
    // The first line has the columns' names.
    let found = lines.saturating_sub(1);
    if found != wanted {
        return Err(ExportError::Rows { path: path.to_owned(), found, wanted });
    }
    let bytes = std::fs::metadata(path).map_err(at(path))?.len();
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Table { table: table.to_owned(), file, rows: found, bytes })
}

fn manifest(path: &Path, day: &str, tables: &[Table]) -> Result<(), ExportError> {
    let text = serde_json::json!({ "day": day, "format": "csv, with a header, zstd", "tables": tables });
    let mut file = File::create_new(path).map_err(at(path))?;
    writeln!(file, "{text:#}").and_then(|()| file.sync_all()).map_err(at(path))
}

fn sync(dir: &Path) -> Result<(), ExportError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(at(dir))
}

/// Gives the folder its name: the day's, with a number where the day was exported before.
fn publish(partial: &Path, below: &Path, day: &str) -> Result<PathBuf, ExportError> {
    let names = std::iter::once(day.to_owned()).chain((2..).map(|number| format!("{day}.{number}")));
    let free = names.map(|name| below.join(name)).find(|dir| !dir.exists());
    let dir = free.unwrap_or_else(|| below.join(day));
    std::fs::rename(partial, &dir).map_err(at(&dir))?;
    sync(below)?;
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_misses_a_row_or_was_damaged_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bids.csv.zst");
        let mut out = zstd::Encoder::new(File::create(&path).unwrap(), STRENGTH).unwrap();
        out.include_checksum(true).unwrap();
        out.write_all(b"auction,seq\n1,2\n1,3\n").unwrap();
        out.finish().unwrap();
        assert_eq!(check("bids", &path, 2).unwrap().rows, 2);
        assert!(matches!(check("bids", &path, 3), Err(ExportError::Rows { found: 2, wanted: 3, .. })));
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(check("bids", &path, 2), Err(ExportError::Io { .. })));
        std::fs::write(&path, &bytes[..last - 6]).unwrap();
        assert!(matches!(check("bids", &path, 2), Err(ExportError::Io { .. })));
    }
}
