//! Archive files: the frames that the log no longer holds, compressed, as plain files that chain from one to the next.
//!
//! ```text
//! DIR/archive/003-00000000000000000001.arc               shard, and the first record in it
//!
//! head    as `files/head.rs` draws it: the frame before the first, and when the file was begun
//! block   0        8            16                     32     40       44
//!         | magic  | raw 4, packed 4 | first Lsn 8, last Lsn 8 | time 8 | CRC32C | packed …     any number of them
//! index   (offset 8 | first Lsn 8 | time 8 | CRC32C 4) × blocks
//! end     | magic 8 | last frame: epoch 4, Lsn 8, hash 32 | first time 8, last time 8 | frames 8 | records 8 | raw bytes 8
//!         | blocks 4 | CRC32C 4 |                                                                 and the file ends
//! ```
//!
//! `packed` is a zstd frame of `raw` bytes: whole frames of the log, one after the other. A block's CRC32C covers all of it but
//! its own four bytes; the end's covers the head's CRC32C, the index and the end. So every byte of the file is covered once, and
//! through the index in order.
//!
//! Invariants:
//!
//! - A file called `.arc` is whole: it was synced before it was renamed, and its directory after. As long as the newest of a shard is short
//!   it is replaced by a longer one that begins alike, in one step; the others never change.
//! - A file called `.arc.part` is still written to. Its blocks count as far as they are whole; it has neither index nor end.
//! - The frames in a file follow each other from its head on, so files that belong together chain as the log does.

mod format;
mod grow;
mod reader;
mod set;
mod writer;

pub use format::{ArchiveCause, ArchiveError, Summary};
pub use grow::GrowingFile;
pub use reader::{FileFrames, Flaws, block_at, check, summary, whole_frames};
pub use set::Archive;
pub use writer::Writer;

use crate::files;
use gavel_core::{Lsn, ShardId};
use std::io::Error;
use std::path::{Path, PathBuf};

/// The archive's directory inside the data directory.
pub const ARCHIVE_DIR: &str = "archive";
/// The version of archive files that this code writes, and the only one so far.
pub const FORMAT_VERSION: u16 = 1;

const KIND: &str = "arc";
const GROWING_KIND: &str = "arc.part";

/// All archive files of a directory, whether they can be used or not, ascending by shard and Lsn.
///
/// # Errors
/// The directory cannot be read.
pub fn all_files(data_dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let dir = data_dir.join(ARCHIVE_DIR);
    let mut files = files::list(&dir, KIND)?;
    files.extend(files::list(&dir, GROWING_KIND)?);
    files.sort();
    Ok(files.into_iter().map(|(_, _, path)| path).collect())
}

/// What a shard's file that begins with this record is called once it is whole.
fn path(data_dir: &Path, shard: ShardId, first: Lsn) -> PathBuf {
    data_dir.join(ARCHIVE_DIR).join(files::name(shard, first, KIND))
}

/// What it is called while it grows.
fn growing_path(data_dir: &Path, shard: ShardId, first: Lsn) -> PathBuf {
    data_dir.join(ARCHIVE_DIR).join(files::name(shard, first, GROWING_KIND))
}
