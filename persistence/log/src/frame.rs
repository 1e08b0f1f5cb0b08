//! Frames: the records that one shard commits together, as one value in the log.
//!
//! ```text
//!  0        8       10      12      16          24      28       32       36            68
//!  | magic  |version| shard | epoch | first Lsn | count | length | CRC32C | previous    | records …
//!  | 8      | 2     | 2     | 4     | 8         | 4     | 4      | 4      | 32, BLAKE3  | (length 2, bytes) × count
//! ```
//!
//! All integers are little-endian. Invariants, which every [`Frame`] in the process keeps, because only the builder and
//! [`UncheckedFrame::check`] make one:
//!
//! - `length` is all the bytes, header and all, and at most [`FRAME_BYTES_MAX`];
//! - the CRC32C covers every byte but its own four;
//! - the records fill the rest exactly, `count` of them, at least one;
//! - Lsns run from `first Lsn` without gaps and do not overflow.
//!
//! What `previous` says is checked where frames are read in order, by a [`Chain`](crate::Chain).

mod builder;
mod records;

pub use builder::{FrameBuilder, PushError};
pub use records::Records;

use crate::chain::ChainHash;
use crate::limits::{FRAME_BYTES_MAX, FRAME_HEADER_BYTES};
use gavel_core::{Epoch, Lsn, ShardId};
use std::sync::Arc;

/// The first bytes of every frame. The high bit keeps it from being text, and the scanner finds frames by it.
pub const MAGIC: [u8; 8] = *b"\x8dGVLfrm\n";
/// The version of the frame's layout that this code writes, and the only one so far.
pub const FORMAT_VERSION: u16 = 1;

const CRC_AT: usize = 32;
const PREVIOUS_AT: usize = 36;

/// A frame that has been checked: whole, undamaged, well formed. Cheap to clone.
#[derive(Clone)]
pub struct Frame {
    bytes: Arc<[u8]>,
    header: Header,
    hash: ChainHash,
}

/// The fields of a header, apart from magic and checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    shard: ShardId,
    epoch: Epoch,
    first: Lsn,
    count: u32,
    length: u32,
    previous: ChainHash,
}

impl Frame {
    /// Whose records these are.
    #[must_use]
    pub fn shard(&self) -> ShardId {
        self.header.shard
    }

    /// The generation that wrote it.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.header.epoch
    }

    /// The first record's Lsn.
    #[must_use]
    pub fn first(&self) -> Lsn {
        self.header.first
    }

    /// The last record's Lsn.
    #[must_use]
    pub fn last(&self) -> Lsn {
        self.header.last()
    }

    /// How many records there are, at least one.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.header.count
    }

    /// The hash of the frame before this one in the shard.
    #[must_use]
    pub fn previous(&self) -> ChainHash {
        self.header.previous
    }

    /// The hash of this frame's bytes, which the next frame of the shard holds.
    #[must_use]
    pub fn hash(&self) -> ChainHash {
        self.hash
    }

    /// The bytes, header and all.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The records in order, each with its Lsn.
    #[must_use]
    pub fn records(&self) -> Records<'_> {
        Records::new(self.header.first, &self.bytes[FRAME_HEADER_BYTES..])
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Header { shard, epoch, first, length, .. } = self.header;
        write!(f, "Frame({shard}-{}-{}..={}, {length} bytes)", epoch.0, first.0, self.last().0)
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Frame {}

/// Bytes that claim to be a frame. Become a [`Frame`] by [`check`](Self::check) only.
#[derive(Clone, Copy, Debug)]
pub struct UncheckedFrame<'a>(pub &'a [u8]);

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Fewer bytes than a header has, or than the header says.
    #[error("the frame is cut off: {found} bytes of {expected}")]
    CutOff {
        /// Bytes there are.
        found: usize,
        /// Bytes there should be.
        expected: usize,
    },
    /// More bytes than the header says.
    #[error("{found} bytes where the frame has {expected}")]
    TooLong {
        /// Bytes there are.
        found: usize,
        /// Bytes there should be.
        expected: usize,
    },
    /// The magic is wrong: this never was a frame, or its first bytes are damaged.
    #[error("no frame: the magic is wrong")]
    Magic,
    /// A newer version wrote it.
    #[error("frame format {found}; this version reads format {FORMAT_VERSION}")]
    Version {
        /// The version found.
        found: u16,
    },
    /// A header field is out of its bounds.
    #[error("the frame's header is damaged")]
    Header,
    /// The checksum does not fit.
    #[error("the frame is damaged: CRC32C {found:08x} where its bytes give {computed:08x}")]
    Checksum {
        /// As stored.
        found: u32,
        /// As computed.
        computed: u32,
    },
    /// The checksum fits, but the records do not fill the frame. Never written by this code.
    #[error("the frame's records do not fill it")]
    Records,
}

impl<'a> UncheckedFrame<'a> {
    /// The length the header claims, where the bytes begin like a frame of a version that this code reads.
    ///
    /// # Errors
    /// As [`check`](Self::check), but for the checks that need all of the bytes.
    pub fn claimed_length(self) -> Result<usize, FrameError> {
        Header::read(self.0).map(|(header, _)| header.length as usize)
    }

    /// Whose frame the header claims this is and with which record it ends, though the frame may be damaged. `None` when
    /// the header visibly is.
    #[must_use]
    pub fn claims(self) -> Option<(ShardId, Lsn)> {
        Header::read(self.0).ok().map(|(header, _)| (header.shard, header.last()))
    }

    /// Checks everything that can be checked about one frame alone, and copies it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(self) -> Result<Frame, FrameError> {
        let header = self.check_in_place()?;
        Ok(Frame { bytes: Arc::from(self.0), header, hash: ChainHash::of(self.0) })
    }

    fn check_in_place(self) -> Result<Header, FrameError> {
        let (header, stored) = Header::read(self.0)?;
        let (expected, found) = (header.length as usize, self.0.len());
        if found < expected {
            return Err(FrameError::CutOff { found, expected });
        }
        if found > expected {
            return Err(FrameError::TooLong { found, expected });
        }
        let computed = checksum(self.0);
        if computed != stored {
            return Err(FrameError::Checksum { found: stored, computed });
        }
        Records::count_exactly(&self.0[FRAME_HEADER_BYTES..], header.count).ok_or(FrameError::Records)?;
        Ok(header)
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }
}

impl Header {
    fn last(&self) -> Lsn {
        Lsn(self.first.0 + u64::from(self.count) - 1)
    }

    /// The header and the checksum beside it, with every field within its bounds.
    fn read(bytes: &[u8]) -> Result<(Self, u32), FrameError> {
        let Some(header) = bytes.first_chunk::<FRAME_HEADER_BYTES>() else {
            return Err(FrameError::CutOff { found: bytes.len(), expected: FRAME_HEADER_BYTES });
        };
        if header[..8] != MAGIC {
            return Err(FrameError::Magic);
        }
        let version = u16::from_le_bytes(at(header, 8));
        if version != FORMAT_VERSION {
            return Err(FrameError::Version { found: version });
        }
        let shard = u8::try_from(u16::from_le_bytes(at(header, 10))).map_err(|_| FrameError::Header)?;
        let parsed = Self {
            shard: ShardId(shard),
            epoch: Epoch(u32::from_le_bytes(at(header, 12))),
            first: Lsn(u64::from_le_bytes(at(header, 16))),
            count: u32::from_le_bytes(at(header, 24)),
            length: u32::from_le_bytes(at(header, 28)),
            previous: ChainHash(at(header, PREVIOUS_AT)),
        };
        let stored = u32::from_le_bytes(at(header, CRC_AT));
        if parsed.is_within_bounds() { Ok((parsed, stored)) } else { Err(FrameError::Header) }
    }

    fn is_within_bounds(&self) -> bool {
        let Self { shard: _, epoch, first, count, length, previous: _ } = *self;
        epoch.0 > 0
            && first.0 > 0
            && count > 0
            && first.0.checked_add(u64::from(count)).is_some()
            && (FRAME_HEADER_BYTES..=FRAME_BYTES_MAX).contains(&(length as usize))
    }

    /// Writes everything but the checksum, which [`seal`] adds.
    fn write(&self, bytes: &mut [u8; FRAME_HEADER_BYTES]) {
        let Self { shard, epoch, first, count, length, previous } = *self;
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[10..12].copy_from_slice(&u16::from(shard.0).to_le_bytes());
        bytes[12..16].copy_from_slice(&epoch.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&first.0.to_le_bytes());
        bytes[24..28].copy_from_slice(&count.to_le_bytes());
        bytes[28..32].copy_from_slice(&length.to_le_bytes());
        bytes[PREVIOUS_AT..].copy_from_slice(&previous.0);
    }
}

/// Writes the checksum over all the other bytes into its place.
fn seal(bytes: &mut [u8]) {
    let crc = checksum(bytes);
    bytes[CRC_AT..PREVIOUS_AT].copy_from_slice(&crc.to_le_bytes());
}

/// CRC32C over every byte but those of the checksum itself.
fn checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[..CRC_AT]), &bytes[PREVIOUS_AT..])
}

/// `N` bytes from a fixed place. The place lies inside the header by construction.
fn at<const N: usize>(header: &[u8; FRAME_HEADER_BYTES], from: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&header[from..from + N]);
    field
}
