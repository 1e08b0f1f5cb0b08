//! A shard's floor: a small value in the log, beside the frames, that says after which frame the log goes on. It is written before frames
//! are removed, so the log itself tells where it begins, whatever becomes of the archive.
//!
//! Its key is `shard | 0`, before any frame's. Its bytes are a head as `files/head.rs` draws it, with a magic of its own, so that the
//! scanner finds it. sled recovers its writes in order: where a removal counts, so does the floor before it.

use crate::chain::Tip;
use crate::files::head::{FileHead, HEAD_BYTES};
use gavel_core::{ShardId, Timestamp};

pub(crate) const MAGIC: [u8; 8] = *b"\x8dGVLflr\n";
const VERSION: u16 = 1;

pub(crate) fn to_bytes(shard: ShardId, tip: Tip, at: Timestamp) -> [u8; HEAD_BYTES] {
    FileHead { shard, tip, at }.to_bytes(MAGIC, VERSION)
}

/// The floor that these bytes begin with, if they do.
pub(crate) fn parse(bytes: &[u8]) -> Option<(ShardId, Tip)> {
    let FileHead { shard, tip, at: _ } = FileHead::parse(bytes.first_chunk()?, MAGIC, VERSION).ok()?;
    Some((shard, tip))
}
