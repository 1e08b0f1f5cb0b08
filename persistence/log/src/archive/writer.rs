//! Packs frames into blocks, and writes them as a file that is there whole or not at all.

use super::format::{BlockHead, End, Entry, MAGIC, Summary};
use super::{ArchiveCause, ArchiveError, FORMAT_VERSION, FileFrames, path};
use crate::chain::{Chain, ChainError, Tip};
use crate::files::NewFile;
use crate::files::head::{self, FileHead, HEAD_BYTES};
use crate::frame::Frame;
use crate::limits::{ARCHIVE_BLOCK_BYTES_MAX, ARCHIVE_FILE_BYTES_MAX};
use crate::record;
use gavel_core::{ShardId, Timestamp};
use std::io::Error;
use std::path::{Path, PathBuf};

/// zstd's own default. On bids, level 1 saves a third of the time and costs a sixth more space.
const LEVEL: i32 = 3;

/// Turns frames into the bytes of an archive file. Knows no I/O.
pub(super) struct Packer {
    head: FileHead,
    chain: Chain,
    /// Frames that wait to become a block.
    raw: Vec<u8>,
    waiting: Option<BlockHead>,
    index: Vec<Entry>,
    offset: u64,
    end: End,
    /// The time of frames that do not tell theirs.
    now: Timestamp,
    zstd: zstd::bulk::Compressor<'static>,
}

impl Packer {
    /// A packer of the frames that follow `base`, and the bytes that the file begins with.
    pub(super) fn new(shard: ShardId, base: Tip, at: Timestamp) -> Result<(Self, [u8; HEAD_BYTES]), Error> {
        let head = FileHead { shard, tip: base, at };
        let packer = Self {
            head,
            chain: Chain::new(shard, base),
            raw: Vec::with_capacity(ARCHIVE_BLOCK_BYTES_MAX),
            waiting: None,
            index: Vec::new(),
            offset: HEAD_BYTES as u64,
            end: End { last: base, first_at: at, last_at: at, ..End::default() },
            now: at,
            zstd: zstd::bulk::Compressor::new(LEVEL)?,
        };
        Ok((packer, head.to_bytes(MAGIC, FORMAT_VERSION)))
    }

    /// Whether the frame fits into the block that waits.
    pub(super) fn has_room(&self, frame: &Frame) -> bool {
        self.raw.len() + frame.bytes().len() <= ARCHIVE_BLOCK_BYTES_MAX
    }

    /// Takes the next frame in, for which there is room.
    pub(super) fn push(&mut self, frame: &Frame) -> Result<(), ChainError> {
        self.chain.follow(frame)?;
        let (first_at, last_at) = self.times(frame);
        self.raw.extend_from_slice(frame.bytes());
        let block = self.waiting.get_or_insert(BlockHead {
            raw: 0,
            packed: 0,
            first: frame.first(),
            last: frame.last(),
            at: first_at,
            crc: 0,
        });
        block.last = frame.last();
        if self.end.frames == 0 {
            self.end.first_at = first_at;
        }
        self.end.last = self.chain.tip();
        self.end.last_at = last_at;
        self.end.frames += 1;
        self.end.records += u64::from(frame.count());
        self.end.frame_bytes += frame.bytes().len() as u64;
        Ok(())
    }

    /// When the frame's first and last record happened, as far as they can be read; they may be of a newer version, or a test's.
    fn times(&self, frame: &Frame) -> (Timestamp, Timestamp) {
        let at = |bytes: Option<&[u8]>| {
            bytes.and_then(|bytes| record::decode(bytes).ok()).map(|record| record.at())
        };
        let mut records = frame.records().map(|(_, bytes)| bytes);
        let first = at(records.next()).unwrap_or(self.now);
        (first, at(records.last()).unwrap_or(first))
    }

    /// Packs what waits, if anything does, and appends the block to `out`.
    pub(super) fn block(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let Some(mut block) = self.waiting.take() else { return Ok(()) };
        let packed = self.zstd.compress(&self.raw)?;
        // Lossless: both are within `PACKED_BYTES_MAX`.
        (block.raw, block.packed) = (self.raw.len() as u32, packed.len() as u32);
        out.extend_from_slice(&block.seal(&packed));
        out.extend_from_slice(&packed);
        self.took(&block);
        self.raw.clear();
        Ok(())
    }

    fn took(&mut self, block: &BlockHead) {
        let BlockHead { first, at, crc, .. } = *block;
        self.index.push(Entry { offset: self.offset, first, at, crc });
        self.offset += block.length();
        self.end.blocks += 1;
    }

    /// Takes a block in that is in the file already, with its frames.
    pub(super) fn resume(&mut self, block: &BlockHead, frames: &[Frame]) -> Result<(), ChainError> {
        frames.iter().try_for_each(|frame| self.push(frame))?;
        self.waiting = None;
        self.raw.clear();
        self.took(block);
        Ok(())
    }

    /// Appends index and end to `out`. Everything was packed before.
    pub(super) fn end(&self, out: &mut Vec<u8>) {
        debug_assert!(self.waiting.is_none(), "a block still waits");
        let index: Vec<u8> = self.index.iter().flat_map(|entry| entry.to_bytes()).collect();
        let head_crc = head::crc(&self.head.to_bytes(MAGIC, FORMAT_VERSION));
        out.extend_from_slice(&index);
        out.extend_from_slice(&self.end.to_bytes(head_crc, &index));
    }

    /// The last frame that was taken in; the base where there was none.
    pub(super) fn tip(&self) -> Tip {
        self.chain.tip()
    }

    pub(super) fn index(&self) -> &[Entry] {
        &self.index
    }

    pub(super) fn frame_bytes(&self) -> u64 {
        self.end.frame_bytes
    }

    /// Bytes of the file up to the last block that was packed.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn summary(&self, path: PathBuf, bytes: u64, sealed: bool) -> Summary {
        let End { last, first_at, last_at, frames, records, frame_bytes, blocks: _ } = self.end;
        let FileHead { shard, tip: base, at: _ } = self.head;
        Summary { path, bytes, shard, base, last, first_at, last_at, frames, records, frame_bytes, sealed }
    }
}

/// An archive file that is being written. Nobody sees it before it is [finished](Self::finish); dropped before that, it is gone.
pub struct Writer {
    packer: Packer,
    file: NewFile,
    path: PathBuf,
    block: Vec<u8>,
}

impl Writer {
    /// Begins a file, in the data (or backup) directory, of the shard's frames that follow `base`.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn create(data_dir: &Path, shard: ShardId, base: Tip, now: Timestamp) -> Result<Self, Error> {
        let path = path(data_dir, shard, base.lsn.next());
        let (packer, head) = Packer::new(shard, base, now)?;
        let mut file = NewFile::create(path.clone())?;
        file.write(&head)?;
        Ok(Self { packer, file, path, block: Vec::new() })
    }

    /// Begins a file that will replace `file`, the newest of its shard, and has all of its frames already.
    ///
    /// # Errors
    /// The file system refuses, or that file cannot be read whole; it is still there then.
    pub fn extend(data_dir: &Path, file: &Summary, now: Timestamp) -> Result<Self, ArchiveError> {
        let began = Self::create(data_dir, file.shard, file.base, file.first_at);
        let mut writer = began.map_err(|error| ArchiveCause::from(error).of(&file.path))?;
        for frame in FileFrames::open(&file.path, file.first())? {
            writer.push(&frame?)?;
        }
        if writer.tip() != file.last {
            return Err(ArchiveCause::Damaged { offset: 0 }.of(&file.path));
        }
        writer.packer.now = now;
        Ok(writer)
    }

    /// Appends the frame that follows.
    ///
    /// # Errors
    /// It does not follow, or the file system refuses; then the file is to be dropped.
    pub fn push(&mut self, frame: &Frame) -> Result<(), ArchiveError> {
        if !self.packer.has_room(frame) {
            self.write_block().map_err(|error| ArchiveCause::from(error).of(&self.path))?;
        }
        self.packer.push(frame).map_err(|error| ArchiveCause::from(error).of(&self.path))
    }

    fn write_block(&mut self) -> Result<(), Error> {
        self.block.clear();
        self.packer.block(&mut self.block)?;
        self.file.write(&self.block)
    }

    /// Whether it has as many frames as a file should have: the next ones belong into the next file.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.packer.frame_bytes() >= ARCHIVE_FILE_BYTES_MAX
    }

    /// The last frame in it; what the next file follows.
    #[must_use]
    pub fn tip(&self) -> Tip {
        self.packer.tip()
    }

    /// Completes the file and makes it durable under its name.
    ///
    /// # Errors
    /// The file system refuses; there is no file then.
    pub fn finish(mut self) -> Result<Summary, Error> {
        self.write_block()?;
        self.block.clear();
        self.packer.end(&mut self.block);
        self.file.write(&self.block)?;
        let bytes = self.file.bytes();
        let path = self.file.finish()?;
        Ok(self.packer.summary(path, bytes, true))
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("path", &self.path).field("tip", &self.tip()).finish_non_exhaustive()
    }
}
