//! Builds one shard's frames, one after the other, each chained to the one before.

use super::{Frame, Header, seal};
use crate::chain::{ChainHash, Tip};
use crate::limits::{FRAME_BYTES_MAX, FRAME_HEADER_BYTES, RECORD_BYTES_MAX, RECORD_PREFIX_BYTES};
use gavel_core::{Epoch, Lsn, ShardId};
use std::sync::Arc;

/// Collects records into a frame. One builder serves a shard for a whole generation: [`finish`](Self::finish) leaves it
/// ready for the next frame.
#[derive(Debug)]
pub struct FrameBuilder {
    shard: ShardId,
    epoch: Epoch,
    /// The next frame's first Lsn.
    first: Lsn,
    /// The hash of the frame before.
    previous: ChainHash,
    count: u32,
    /// Room for the header, then the records.
    buffer: Vec<u8>,
}

/// Why a record was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// It does not fit beside those that are there: finish the frame, then push it again.
    #[error("the frame is full")]
    Full,
    /// No frame can hold it.
    #[error("a record of {bytes} bytes; 1 ..= {RECORD_BYTES_MAX} are allowed")]
    RecordSize {
        /// The record's size.
        bytes: usize,
    },
}

impl FrameBuilder {
    /// A builder of the frames that follow `tip` in this shard, written by the generation `epoch`, which must not be
    /// older than the tip's.
    #[must_use]
    pub fn new(shard: ShardId, epoch: Epoch, tip: Tip) -> Self {
        let mut buffer = Vec::with_capacity(FRAME_BYTES_MAX);
        buffer.resize(FRAME_HEADER_BYTES, 0);
        let epoch = epoch.max(tip.epoch).max(Epoch(1));
        Self { shard, epoch, first: tip.lsn.next(), previous: tip.hash, count: 0, buffer }
    }

    /// Adds a record of 1 ..= [`RECORD_BYTES_MAX`] bytes and gives its Lsn.
    ///
    /// # Errors
    /// Nothing was added: the frame is full, or no frame could hold the record.
    pub fn push(&mut self, record: &[u8]) -> Result<Lsn, PushError> {
        let bytes = record.len();
        if !(1..=RECORD_BYTES_MAX).contains(&bytes) {
            return Err(PushError::RecordSize { bytes });
        }
        if self.buffer.len() + RECORD_PREFIX_BYTES + bytes > FRAME_BYTES_MAX {
            return Err(PushError::Full);
        }
        let lsn = self.next_lsn();
        // Lossless: `limits` proves that a record's length has 16 bits.
        self.buffer.extend_from_slice(&(bytes as u16).to_le_bytes());
        self.buffer.extend_from_slice(record);
        self.count += 1;
        Ok(lsn)
    }

    /// The Lsn that the next record will get.
    #[must_use]
    pub fn next_lsn(&self) -> Lsn {
        Lsn(self.first.0 + u64::from(self.count))
    }

    /// The generation that writes the frames.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// True when no record waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The frame of all that was pushed, or `None` when nothing was. The builder is then ready for the next one.
    pub fn finish(&mut self) -> Option<Frame> {
        if self.count == 0 {
            return None;
        }
        let header = self.header();
        if let Some(head) = self.buffer.first_chunk_mut() {
            header.write(head);
        }
        seal(&mut self.buffer);
        let hash = ChainHash::of(&self.buffer);
        let frame = Frame { bytes: Arc::from(&self.buffer[..]), header, hash };
        (self.first, self.previous, self.count) = (frame.last().next(), hash, 0);
        self.buffer.truncate(FRAME_HEADER_BYTES);
        Some(frame)
    }

    fn header(&self) -> Header {
        Header {
            shard: self.shard,
            epoch: self.epoch,
            first: self.first,
            count: self.count,
            // Lossless: `push` keeps the buffer within `FRAME_BYTES_MAX`.
            length: self.buffer.len() as u32,
            previous: self.previous,
        }
    }
}
