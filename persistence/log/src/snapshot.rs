//! Snapshots: a shard's state as a plain file, from which recovery starts instead of from the first frame.
//!
//! ```text
//! DIR/snapshots/003-00000000000000012345.snap          shard, and the Lsn after which replay goes on
//!
//! header  0        8         10      12      16    24     56     64       68
//!         | magic  | version | shard | epoch | Lsn | hash | time | CRC32C |        what replay goes on after, and when it was taken
//! block   | length 4 | CRC32C 4 | bytes |                                          any number of them
//! foot    | 0 4      | CRC32C 4 | until 8 | auctions 8 | digest 32 | blocks 8 | hash 32 |    and the file ends
//! ```
//!
//! This is the container; what the blocks hold is their writer's matter. Invariants:
//!
//! - A file under its final name is whole: it was synced before it was renamed, and its directory after.
//! - The header is as `files/head.rs` draws it. Each CRC32C covers the one before it, the length and the bytes, so the foot's covers the whole file, and a block that is
//!   missing, doubled or out of place does not pass. Where four bytes are not proof enough, the foot's BLAKE3 of all bytes before it is.
//! - The newest two of a shard are kept, so that one that turns out to be damaged has one before it.

mod reader;
mod writer;

pub use reader::{Reader, check};
pub use writer::Writer;

use crate::chain::Tip;
use crate::files::head::{FileHead, HEAD_BYTES, HeadError};
use crate::files::{self, head};
use gavel_core::{Digest, Lsn, ShardId, Timestamp};
use std::collections::BTreeMap;
use std::io::Error;
use std::path::{Path, PathBuf};

/// The snapshots' directory inside the data directory.
pub const SNAPSHOT_DIR: &str = "snapshots";
/// How many of a shard are kept.
pub const KEPT: usize = 2;
/// The version of the container that this code writes, and the only one so far.
pub const FORMAT_VERSION: u16 = 1;

const KIND: &str = "snap";
const MAGIC: [u8; 8] = *b"\x8dGVLsnp\n";
/// Before each block and before the foot: length and CRC32C.
const PREFIX_BYTES: usize = 8;
const FOOT_BYTES: usize = 88;

/// What a snapshot is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The shard.
    pub shard: ShardId,
    /// Replay goes on with the frame that follows this one.
    pub from: Tip,
    /// When taking it began, by the engine's clock.
    pub at: Timestamp,
}

/// What is known once all of a snapshot was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foot {
    /// The latest record that the state in it may know of.
    pub until: Lsn,
    /// How many auctions it holds.
    pub auctions: u64,
    /// The sum of the digests of what it holds.
    pub digest: Digest,
}

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", path.display())]
pub struct SnapshotError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub cause: SnapshotCause,
}

/// What is wrong with a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotCause {
    /// It does not begin like one.
    #[error("no snapshot: the magic is wrong")]
    Magic,
    /// A newer version wrote it.
    #[error("snapshot format {found}; this version reads format {FORMAT_VERSION}")]
    Version {
        /// The version found.
        found: u16,
    },
    /// The bytes are not those that were written.
    #[error("the snapshot is damaged at byte {offset}")]
    Damaged {
        /// Where the header, block or foot begins that is not whole.
        offset: u64,
    },
    /// The file ends before its foot.
    #[error("the snapshot is cut off after {bytes} bytes")]
    CutOff {
        /// How many there are.
        bytes: u64,
    },
    /// Its name and its header tell of different snapshots.
    #[error("the snapshot's name does not fit what is in it: shard {shard}, Lsn {}", lsn.0)]
    Name {
        /// The header's shard.
        shard: ShardId,
        /// The header's Lsn.
        lsn: Lsn,
    },
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] Error),
}

/// A shard's snapshots, the newest first. Which of them are whole, reading tells.
///
/// # Errors
/// The directory cannot be read.
pub fn list(data_dir: &Path, shard: ShardId) -> Result<Vec<PathBuf>, Error> {
    let mut files = files::list(&data_dir.join(SNAPSHOT_DIR), KIND)?;
    files.retain(|(of, _, _)| *of == shard);
    Ok(files.into_iter().rev().map(|(_, _, path)| path).collect())
}

/// All snapshots, by shard, the newest first.
///
/// # Errors
/// The directory cannot be read.
pub fn list_all(data_dir: &Path) -> Result<BTreeMap<ShardId, Vec<PathBuf>>, Error> {
    let mut shards: BTreeMap<ShardId, Vec<PathBuf>> = BTreeMap::new();
    for (shard, _, path) in files::list(&data_dir.join(SNAPSHOT_DIR), KIND)?.into_iter().rev() {
        shards.entry(shard).or_default().push(path);
    }
    Ok(shards)
}

/// Removes all but the newest [`KEPT`] snapshots of a shard.
///
/// # Errors
/// The directory cannot be read, or a file cannot be removed. The newest are still there.
pub fn remove_old(data_dir: &Path, shard: ShardId) -> Result<(), Error> {
    let snapshots = list(data_dir, shard)?;
    snapshots.iter().skip(KEPT).try_for_each(|old| std::fs::remove_file(old).map_err(files::about(old)))
}

/// Puts a snapshot aside that cannot be used, durably: under its new name, which is returned, nothing counts or removes it. So the newest
/// two that are left are the newest two that may be of use.
///
/// # Errors
/// It cannot be renamed.
pub fn put_aside(path: &Path) -> Result<PathBuf, Error> {
    let mut aside = path.to_owned().into_os_string();
    aside.push(".bad");
    let aside = PathBuf::from(aside);
    std::fs::rename(path, &aside).map_err(files::about(path))?;
    files::sync_dir(path.parent().unwrap_or(Path::new(".")))?;
    Ok(aside)
}

/// Up to which record the older of a shard's kept snapshots makes replay unnecessary; `None` where there is no snapshot.
///
/// # Errors
/// The directory cannot be read.
pub(crate) fn oldest_from(data_dir: &Path, shard: ShardId) -> Result<Option<Lsn>, Error> {
    let files = files::list(&data_dir.join(SNAPSHOT_DIR), KIND)?;
    Ok(files.into_iter().find(|(of, _, _)| *of == shard).map(|(_, lsn, _)| lsn))
}

/// Bytes of all snapshots.
pub(crate) fn bytes(data_dir: &Path) -> Result<u64, Error> {
    let files = files::list(&data_dir.join(SNAPSHOT_DIR), KIND)?;
    // One that was removed meanwhile takes no space.
    Ok(files.iter().filter_map(|(_, _, path)| path.metadata().ok()).map(|metadata| metadata.len()).sum())
}

impl Head {
    fn path(&self, data_dir: &Path) -> PathBuf {
        data_dir.join(SNAPSHOT_DIR).join(files::name(self.shard, self.from.lsn, KIND))
    }

    fn to_bytes(self) -> [u8; HEAD_BYTES] {
        let Self { shard, from, at } = self;
        FileHead { shard, tip: from, at }.to_bytes(MAGIC, FORMAT_VERSION)
    }

    fn parse(bytes: &[u8; HEAD_BYTES]) -> Result<Self, SnapshotCause> {
        match FileHead::parse(bytes, MAGIC, FORMAT_VERSION) {
            Ok(FileHead { shard, tip, at }) => Ok(Self { shard, from: tip, at }),
            Err(HeadError::Magic) => Err(SnapshotCause::Magic),
            Err(HeadError::Version(found)) => Err(SnapshotCause::Version { found }),
            Err(HeadError::Damaged) => Err(SnapshotCause::Damaged { offset: 0 }),
        }
    }
}

impl Foot {
    fn to_bytes(self, blocks: u64, hash: [u8; 32]) -> [u8; FOOT_BYTES] {
        let Self { until, auctions, digest } = self;
        let mut bytes = [0; FOOT_BYTES];
        bytes[..8].copy_from_slice(&until.0.to_le_bytes());
        bytes[8..16].copy_from_slice(&auctions.to_le_bytes());
        bytes[16..48].copy_from_slice(&<[u8; 32]>::from(digest));
        bytes[48..56].copy_from_slice(&blocks.to_le_bytes());
        bytes[56..].copy_from_slice(&hash);
        bytes
    }

    /// With how many blocks there are, and the hash of all that is before the foot.
    fn parse(bytes: &[u8; FOOT_BYTES]) -> (Self, u64, [u8; 32]) {
        let foot = Self {
            until: Lsn(u64::from_le_bytes(files::field(bytes, 0))),
            auctions: u64::from_le_bytes(files::field(bytes, 8)),
            digest: Digest::from(files::field::<32>(bytes, 16)),
        };
        (foot, u64::from_le_bytes(files::field(bytes, 48)), files::field(bytes, 56))
    }
}

/// The checksum of a block, or of the foot, whose length is 0: over the one before it, the length and the bytes.
fn checksum(before: u32, length: u32, bytes: &[u8]) -> u32 {
    let crc = crc32c::crc32c_append(crc32c::crc32c(&before.to_le_bytes()), &length.to_le_bytes());
    crc32c::crc32c_append(crc, bytes)
}

/// What stands before a block or the foot.
fn prefix(length: u32, crc: u32) -> [u8; PREFIX_BYTES] {
    let mut prefix = [0; PREFIX_BYTES];
    prefix[..4].copy_from_slice(&length.to_le_bytes());
    prefix[4..].copy_from_slice(&crc.to_le_bytes());
    prefix
}
