//! What snapshots, archive files and the log's floor begin with: which shard, after which frame, when.
//!
//! ```text
//! 0        8         10      12      16    24     56     64       68
//! | magic  | version | shard | epoch | Lsn | hash | time | CRC32C |
//! ```

use super::field;
use crate::chain::{ChainHash, Tip};
use gavel_core::{Epoch, Lsn, ShardId, Timestamp};

/// Bytes of a head.
pub(crate) const HEAD_BYTES: usize = 68;
const CRC_AT: usize = 64;

/// A head, read or to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileHead {
    pub(crate) shard: ShardId,
    pub(crate) tip: Tip,
    pub(crate) at: Timestamp,
}

/// Why bytes are no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadError {
    Magic,
    Version(u16),
    Damaged,
}

impl FileHead {
    pub(crate) fn to_bytes(self, magic: [u8; 8], version: u16) -> [u8; HEAD_BYTES] {
        let Self { shard, tip: Tip { epoch, lsn, hash }, at } = self;
        let mut bytes = [0; HEAD_BYTES];
        bytes[..8].copy_from_slice(&magic);
        bytes[8..10].copy_from_slice(&version.to_le_bytes());
        bytes[10..12].copy_from_slice(&u16::from(shard.0).to_le_bytes());
        bytes[12..16].copy_from_slice(&epoch.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&lsn.0.to_le_bytes());
        bytes[24..56].copy_from_slice(&hash.0);
        bytes[56..CRC_AT].copy_from_slice(&at.micros().to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(crate) fn parse(bytes: &[u8; HEAD_BYTES], magic: [u8; 8], version: u16) -> Result<Self, HeadError> {
        if bytes[..8] != magic {
            return Err(HeadError::Magic);
        }
        if crc32c::crc32c(&bytes[..CRC_AT]) != crc(bytes) {
            return Err(HeadError::Damaged);
        }
        let found = u16::from_le_bytes(field(bytes, 8));
        if found != version {
            return Err(HeadError::Version(found));
        }
        let shard = u16::from_le_bytes(field(bytes, 10));
        let tip = Tip {
            epoch: Epoch(u32::from_le_bytes(field(bytes, 12))),
            lsn: Lsn(u64::from_le_bytes(field(bytes, 16))),
            hash: ChainHash(field(bytes, 24)),
        };
        let at = Timestamp::from_micros(u64::from_le_bytes(field(bytes, 56))).ok_or(HeadError::Damaged)?;
        let shard = ShardId(u8::try_from(shard).map_err(|_| HeadError::Damaged)?);
        Ok(Self { shard, tip, at })
    }
}

/// The checksum that a head holds.
pub(crate) fn crc(bytes: &[u8; HEAD_BYTES]) -> u32 {
    u32::from_le_bytes(field(bytes, CRC_AT))
}
