//! The mark: a small file that says what was durable when. Without it a log whose tail is damaged could not be told from
//! one whose last commit was cut off; with it, only damage younger than the latest mark (about a second) cannot.
//!
//! ```text
//!  slot 0: 16 KiB | slot 1: 16 KiB          written in turn; the valid slot with the higher generation counts
//!
//!  0        8         10      12      16           24     32      36       40
//!  | magic  | version | flags | count | generation | time | epoch | CRC32C | entries …
//!  entry: | shard 2 | epoch 4 | Lsn 8 | hash 32 |
//! ```
//!
//! Invariants: a slot is only overwritten while the other one is valid and synced; the CRC covers all of a slot's used
//! bytes but its own; a mark never says more than is durable; flag 1 is set by a clean stop only; an epoch is in a mark
//! before the first frame of it is written, so that no epoch is ever used twice, whatever became of its frames.

use crate::chain::{ChainHash, Tip};
use crate::files::field;
use crate::log::Tips;
use gavel_core::{Epoch, Lsn, ShardId, Timestamp};
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The mark's file name inside the data directory.
pub const MARK_FILE: &str = "mark";
/// What it is called until it is whole.
pub(crate) const MARK_NEW_FILE: &str = "mark.new";

const MAGIC: [u8; 8] = *b"\x8dGVLmrk\n";
const VERSION: u16 = 1;
const CLEAN: u16 = 1;
const SLOT_BYTES: usize = 16 * 1024;
const HEADER_BYTES: usize = 40;
const ENTRY_BYTES: usize = 46;
const CRC_AT: usize = 36;
const _: () = assert!(HEADER_BYTES + gavel_core::limits::SHARDS_MAX * ENTRY_BYTES <= SLOT_BYTES);

/// What was known to be durable at some time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The durable ends of all shards that had records.
    pub tips: Tips,
    /// The latest epoch that frames may have been written in.
    pub epoch: Epoch,
    /// When, by the engine's clock.
    pub at: Timestamp,
    /// True when the log was closed then, and nothing was committed after it.
    pub clean: bool,
    /// Counts the marks of this log.
    generation: u64,
}

/// A mark file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MarkError {
    /// Neither slot is whole.
    #[error("both slots of the mark are damaged")]
    Damaged,
    /// A newer version wrote it.
    #[error("mark format {found}; this version reads format {VERSION}")]
    Version {
        /// The version found.
        found: u16,
    },
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] Error),
}

impl Mark {
    /// What was durable at this time, and whether the log was closed then.
    #[must_use]
    pub fn new(tips: Tips, epoch: Epoch, at: Timestamp, clean: bool) -> Self {
        Self { tips, epoch, at, clean, generation: 0 }
    }

    /// The mark in a data directory; `None` where there is no such file.
    ///
    /// # Errors
    /// There is one, but it cannot be used.
    pub fn read(dir: &Path) -> Result<Option<Self>, MarkError> {
        let bytes = match std::fs::read(dir.join(MARK_FILE)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let slots = [0, SLOT_BYTES].map(|at| Self::parse(bytes.get(at..).unwrap_or_default()));
        let newest = slots.iter().filter_map(|slot| slot.as_ref().ok()).max_by_key(|mark| mark.generation);
        match (newest, slots.iter().find_map(|slot| slot.as_ref().err().copied())) {
            (Some(mark), _) => Ok(Some(mark.clone())),
            (None, Some(SlotError::Version(found))) => Err(MarkError::Version { found }),
            (None, _) => Err(MarkError::Damaged),
        }
    }

    fn parse(slot: &[u8]) -> Result<Self, SlotError> {
        let header = slot.first_chunk::<HEADER_BYTES>().ok_or(SlotError::Damaged)?;
        let count = u32::from_le_bytes(field(header, 12)) as usize;
        let used =
            slot.get(..HEADER_BYTES + count.min(SLOT_BYTES) * ENTRY_BYTES).ok_or(SlotError::Damaged)?;
        if header[..8] != MAGIC || checksum(used) != u32::from_le_bytes(field(header, CRC_AT)) {
            return Err(SlotError::Damaged);
        }
        let version = u16::from_le_bytes(field(header, 8));
        if version != VERSION {
            return Err(SlotError::Version(version));
        }
        let (entries, _) = used[HEADER_BYTES..].as_chunks::<ENTRY_BYTES>();
        Ok(Self {
            tips: entries.iter().map(entry).collect::<Option<_>>().ok_or(SlotError::Damaged)?,
            epoch: Epoch(u32::from_le_bytes(field(header, 32))),
            at: Timestamp::from_micros(u64::from_le_bytes(field(header, 24))).ok_or(SlotError::Damaged)?,
            clean: u16::from_le_bytes(field(header, 10)) & CLEAN != 0,
            generation: u64::from_le_bytes(field(header, 16)),
        })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let Self { tips, epoch, at, clean, generation } = self;
        let mut bytes = Vec::with_capacity(HEADER_BYTES + tips.len() * ENTRY_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(if *clean { CLEAN } else { 0 }).to_le_bytes());
        // Lossless: there are at most 256 shards.
        bytes.extend_from_slice(&(tips.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&generation.to_le_bytes());
        bytes.extend_from_slice(&at.micros().to_le_bytes());
        bytes.extend_from_slice(&epoch.0.to_le_bytes());
        bytes.extend_from_slice(&[0; HEADER_BYTES - CRC_AT]);
        for (shard, Tip { epoch, lsn, hash }) in tips {
            bytes.extend_from_slice(&u16::from(shard.0).to_le_bytes());
            bytes.extend_from_slice(&epoch.0.to_le_bytes());
            bytes.extend_from_slice(&lsn.0.to_le_bytes());
            bytes.extend_from_slice(&hash.0);
        }
        let crc = checksum(&bytes);
        bytes[CRC_AT..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
        bytes
    }
}

#[derive(Clone, Copy)]
enum SlotError {
    Damaged,
    Version(u16),
}

fn entry(bytes: &[u8; ENTRY_BYTES]) -> Option<(ShardId, Tip)> {
    let shard = ShardId(u8::try_from(u16::from_le_bytes(field(bytes, 0))).ok()?);
    let (epoch, lsn) = (Epoch(u32::from_le_bytes(field(bytes, 2))), Lsn(u64::from_le_bytes(field(bytes, 6))));
    Some((shard, Tip { epoch, lsn, hash: ChainHash(field(bytes, 14)) }))
}

/// CRC32C over every byte but those of the checksum itself.
fn checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[..CRC_AT]), &bytes[HEADER_BYTES..])
}

/// Writes marks, each into the slot that the one before it is not in.
#[derive(Debug)]
pub struct MarkWriter {
    file: File,
    generation: u64,
}

impl MarkWriter {
    /// Opens the mark file, or makes it with `first` in it. Once this has returned, a mark is on the disk.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn open(dir: &Path, found: Option<&Mark>, first: Mark) -> Result<Self, Error> {
        let path = dir.join(MARK_FILE);
        let generation = found.map_or(0, |mark| mark.generation);
        if found.is_none() {
            create(dir, &path)?;
        }
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let mut writer = Self { file, generation };
        writer.write(first)?;
        Ok(writer)
    }

    /// Writes a mark and syncs it.
    ///
    /// # Errors
    /// The file system refuses; the mark before this one still counts.
    pub fn write(&mut self, mark: Mark) -> Result<(), Error> {
        let generation = self.generation + 1;
        let slot = (generation % 2) * SLOT_BYTES as u64;
        self.file.write_all_at(&Mark { generation, ..mark }.to_bytes(), slot)?;
        self.file.sync_data()?;
        self.generation = generation;
        Ok(())
    }
}

/// Makes a whole file of an empty mark appear at once: a mark that exists is never half written.
fn create(dir: &Path, path: &Path) -> Result<(), Error> {
    let temporary = dir.join(MARK_NEW_FILE);
    let mut bytes = Mark::default().to_bytes();
    bytes.resize(2 * SLOT_BYTES, 0);
    std::fs::write(&temporary, &bytes)?;
    File::open(&temporary)?.sync_all()?;
    std::fs::rename(&temporary, path)?;
    File::open(dir)?.sync_all()
}
