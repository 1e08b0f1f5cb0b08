//! The bytes of an archive file, apart from the frames: blocks, index, end. Knows no I/O.

use super::FORMAT_VERSION;
use crate::chain::{ChainError, ChainHash, Tip};
use crate::files::field;
use crate::files::head::{FileHead, HEAD_BYTES, HeadError};
use crate::frame::FrameError;
use crate::limits::ARCHIVE_BLOCK_BYTES_MAX;
use gavel_core::{Epoch, Lsn, ShardId, Timestamp};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub(super) const MAGIC: [u8; 8] = *b"\x8dGVLarc\n";
pub(super) const BLOCK_MAGIC: [u8; 8] = *b"\x8dGVLblk\n";
const END_MAGIC: [u8; 8] = *b"\x8dGVLend\n";

pub(super) const BLOCK_HEAD_BYTES: usize = 44;
const BLOCK_CRC_AT: usize = 40;
pub(super) const ENTRY_BYTES: usize = 28;
pub(super) const END_BYTES: usize = 100;
const END_CRC_AT: usize = 96;
/// What a block may have at most once packed: zstd's own bound on what cannot be compressed is far below.
pub(super) const PACKED_BYTES_MAX: usize = ARCHIVE_BLOCK_BYTES_MAX + 4 * 1024;

/// An archive file that cannot be used, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {cause}", path.display())]
pub struct ArchiveError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub cause: ArchiveCause,
}

/// What is wrong with an archive file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveCause {
    /// It does not begin like one.
    #[error("no archive file: the magic is wrong")]
    Magic,
    /// A newer version wrote it.
    #[error("archive format {found}; this version reads format {FORMAT_VERSION}")]
    Version {
        /// The version found.
        found: u16,
    },
    /// The bytes are not those that were written.
    #[error("the archive file is damaged at byte {offset}")]
    Damaged {
        /// Where the head, block, index or end begins that is not whole.
        offset: u64,
    },
    /// Its name and its head tell of different files.
    #[error("the archive file's name does not fit what is in it: shard {shard}, after Lsn {}", after.0)]
    Name {
        /// The head's shard.
        shard: ShardId,
        /// The head's Lsn.
        after: Lsn,
    },
    /// The checksums hold, but a frame in it does not. Never written by this code.
    #[error("the archive file holds a damaged frame: {0}")]
    Frame(#[from] FrameError),
    /// The checksums hold, but its frames do not follow each other. Never written by this code.
    #[error("the archive file's frames do not follow each other: {0}")]
    Chain(#[from] ChainError),
    /// It cannot be read.
    #[error("{message}")]
    Io {
        /// What kind of failure.
        kind: ErrorKind,
        /// As the operating system said it.
        message: String,
    },
}

impl From<std::io::Error> for ArchiveCause {
    fn from(error: std::io::Error) -> Self {
        Self::Io { kind: error.kind(), message: error.to_string() }
    }
}

impl ArchiveCause {
    pub(super) fn of(self, path: &Path) -> ArchiveError {
        ArchiveError { path: path.to_owned(), cause: self }
    }
}

/// What an archive file tells about itself without being read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The file.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// The shard.
    pub shard: ShardId,
    /// The frame before its first. The epoch is 0 where it was not known any more.
    pub base: Tip,
    /// Its last frame.
    pub last: Tip,
    /// The time of its first record, where that could be read; else when the file was begun.
    pub first_at: Timestamp,
    /// The time of its last record.
    pub last_at: Timestamp,
    /// How many frames.
    pub frames: u64,
    /// How many records.
    pub records: u64,
    /// Bytes of the frames, before compression.
    pub frame_bytes: u64,
    /// False while it is still written to (`.arc.part`).
    pub sealed: bool,
}

impl Summary {
    /// The first record in it.
    #[must_use]
    pub fn first(&self) -> Lsn {
        self.base.lsn.next()
    }

    /// Whether the record is in it.
    #[must_use]
    pub fn holds(&self, lsn: Lsn) -> bool {
        self.base.lsn < lsn && lsn <= self.last.lsn
    }
}

pub(super) fn parse_head(bytes: &[u8; HEAD_BYTES]) -> Result<FileHead, ArchiveCause> {
    FileHead::parse(bytes, MAGIC, FORMAT_VERSION).map_err(|error| match error {
        HeadError::Magic => ArchiveCause::Magic,
        HeadError::Version(found) => ArchiveCause::Version { found },
        HeadError::Damaged => ArchiveCause::Damaged { offset: 0 },
    })
}

/// What stands before a block's packed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockHead {
    pub(super) raw: u32,
    pub(super) packed: u32,
    pub(super) first: Lsn,
    pub(super) last: Lsn,
    pub(super) at: Timestamp,
    pub(super) crc: u32,
}

impl BlockHead {
    /// The header's bytes; gives it the checksum over them and `packed`.
    pub(super) fn seal(&mut self, packed: &[u8]) -> [u8; BLOCK_HEAD_BYTES] {
        let mut bytes = [0; BLOCK_HEAD_BYTES];
        bytes[..8].copy_from_slice(&BLOCK_MAGIC);
        bytes[8..12].copy_from_slice(&self.raw.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.packed.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.0.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.last.0.to_le_bytes());
        bytes[32..BLOCK_CRC_AT].copy_from_slice(&self.at.micros().to_le_bytes());
        self.crc = block_crc(&bytes, packed);
        bytes[BLOCK_CRC_AT..].copy_from_slice(&self.crc.to_le_bytes());
        bytes
    }

    /// The header where it is within its bounds. Whether it is whole, only [`is_whole`](Self::is_whole) tells.
    pub(super) fn parse(bytes: &[u8; BLOCK_HEAD_BYTES]) -> Option<Self> {
        let head = Self {
            raw: u32::from_le_bytes(field(bytes, 8)),
            packed: u32::from_le_bytes(field(bytes, 12)),
            first: Lsn(u64::from_le_bytes(field(bytes, 16))),
            last: Lsn(u64::from_le_bytes(field(bytes, 24))),
            at: Timestamp::from_micros(u64::from_le_bytes(field(bytes, 32)))?,
            crc: u32::from_le_bytes(field(bytes, BLOCK_CRC_AT)),
        };
        let fits =
            (head.raw as usize) <= ARCHIVE_BLOCK_BYTES_MAX && (head.packed as usize) <= PACKED_BYTES_MAX;
        (bytes[..8] == BLOCK_MAGIC && fits && head.first <= head.last).then_some(head)
    }

    pub(super) fn is_whole(&self, bytes: &[u8; BLOCK_HEAD_BYTES], packed: &[u8]) -> bool {
        packed.len() == self.packed as usize && block_crc(bytes, packed) == self.crc
    }

    /// Bytes of the whole block.
    pub(super) fn length(&self) -> u64 {
        BLOCK_HEAD_BYTES as u64 + u64::from(self.packed)
    }
}

fn block_crc(head: &[u8; BLOCK_HEAD_BYTES], packed: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&head[..BLOCK_CRC_AT]), packed)
}

/// Where a block lies and what it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) first: Lsn,
    pub(super) at: Timestamp,
    pub(super) crc: u32,
}

impl Entry {
    pub(super) fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let Self { offset, first, at, crc } = self;
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..8].copy_from_slice(&offset.to_le_bytes());
        bytes[8..16].copy_from_slice(&first.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&at.micros().to_le_bytes());
        bytes[24..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(super) fn parse(bytes: &[u8; ENTRY_BYTES]) -> Option<Self> {
        Some(Self {
            offset: u64::from_le_bytes(field(bytes, 0)),
            first: Lsn(u64::from_le_bytes(field(bytes, 8))),
            at: Timestamp::from_micros(u64::from_le_bytes(field(bytes, 16)))?,
            crc: u32::from_le_bytes(field(bytes, 24)),
        })
    }
}

/// What is known at a file's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct End {
    pub(super) last: Tip,
    pub(super) first_at: Timestamp,
    pub(super) last_at: Timestamp,
    pub(super) frames: u64,
    pub(super) records: u64,
    pub(super) frame_bytes: u64,
    pub(super) blocks: u32,
}

impl End {
    /// The end's bytes. `head_crc` and `index` come before it in what the checksum covers.
    pub(super) fn to_bytes(self, head_crc: u32, index: &[u8]) -> [u8; END_BYTES] {
        let Self { last: Tip { epoch, lsn, hash }, first_at, last_at, frames, records, frame_bytes, blocks } =
            self;
        let mut bytes = [0; END_BYTES];
        bytes[..8].copy_from_slice(&END_MAGIC);
        bytes[8..12].copy_from_slice(&epoch.0.to_le_bytes());
        bytes[12..20].copy_from_slice(&lsn.0.to_le_bytes());
        bytes[20..52].copy_from_slice(&hash.0);
        bytes[52..60].copy_from_slice(&first_at.micros().to_le_bytes());
        bytes[60..68].copy_from_slice(&last_at.micros().to_le_bytes());
        bytes[68..76].copy_from_slice(&frames.to_le_bytes());
        bytes[76..84].copy_from_slice(&records.to_le_bytes());
        bytes[84..92].copy_from_slice(&frame_bytes.to_le_bytes());
        bytes[92..END_CRC_AT].copy_from_slice(&blocks.to_le_bytes());
        let crc = end_crc(head_crc, index, &bytes);
        bytes[END_CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// How long the index before these bytes is, if they are an end at all.
    pub(super) fn index_bytes(bytes: &[u8; END_BYTES]) -> Option<u64> {
        let blocks = u32::from_le_bytes(field(bytes, 92));
        (bytes[..8] == END_MAGIC).then_some(u64::from(blocks) * ENTRY_BYTES as u64)
    }

    /// `None` where the checksum does not fit.
    pub(super) fn parse(bytes: &[u8; END_BYTES], head_crc: u32, index: &[u8]) -> Option<Self> {
        if end_crc(head_crc, index, bytes) != u32::from_le_bytes(field(bytes, END_CRC_AT)) {
            return None;
        }
        let time = |from| Timestamp::from_micros(u64::from_le_bytes(field(bytes, from)));
        let number = |from| u64::from_le_bytes(field(bytes, from));
        Some(Self {
            last: Tip {
                epoch: Epoch(u32::from_le_bytes(field(bytes, 8))),
                lsn: Lsn(number(12)),
                hash: ChainHash(field(bytes, 20)),
            },
            first_at: time(52)?,
            last_at: time(60)?,
            frames: number(68),
            records: number(76),
            frame_bytes: number(84),
            blocks: u32::from_le_bytes(field(bytes, 92)),
        })
    }
}

fn end_crc(head_crc: u32, index: &[u8], end: &[u8; END_BYTES]) -> u32 {
    let crc = crc32c::crc32c_append(crc32c::crc32c(&head_crc.to_le_bytes()), index);
    crc32c::crc32c_append(crc, &end[..END_CRC_AT])
}
