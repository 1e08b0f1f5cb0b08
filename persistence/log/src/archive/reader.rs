//! Reads archive files: what one tells of itself, its frames in order, and of a damaged one every block that is whole.

use super::format::{
    ArchiveCause, ArchiveError, BLOCK_HEAD_BYTES, BLOCK_MAGIC, BlockHead, END_BYTES, ENTRY_BYTES, End, Entry,
    Summary, parse_head,
};
use super::writer::Packer;
use super::{GROWING_KIND, KIND};
use crate::chain::{Chain, Tip};
use crate::files;
use crate::files::head::{self, FileHead, HEAD_BYTES};
use crate::frame::{Frame, FrameError, UncheckedFrame};
use gavel_core::Lsn;
use memchr::memmem;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// An archive file whose head and index were read and checked.
struct OpenFile {
    file: File,
    index: Vec<Entry>,
    summary: Summary,
}

/// What a growing file was found to be: as far as it is whole.
pub(super) struct Recovered {
    pub(super) packer: Packer,
    /// Where the last whole block ends.
    pub(super) end: u64,
}

/// What an archive file tells of itself. Reads all of it only while it still grows.
///
/// # Errors
/// It is no archive file, or its head, index or end is damaged. Blocks are not looked at.
pub fn summary(path: &Path) -> Result<Summary, ArchiveError> {
    OpenFile::open(path).map(|file| file.summary)
}

/// Reads an archive file whole: every checksum, every frame, the chain from its head to its end.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn check(path: &Path) -> Result<Summary, ArchiveError> {
    let file = OpenFile::open(path)?;
    let (summary, end) = (file.summary.clone(), file.summary.last);
    let mut chain = Chain::new(summary.shard, summary.base);
    let mut expected = HEAD_BYTES as u64;
    for (index, entry) in file.index.iter().enumerate() {
        if entry.offset != expected {
            return Err(ArchiveCause::Damaged { offset: expected }.of(path));
        }
        let (block, frames) = file.block(index).map_err(|cause| cause.of(path))?;
        frames
            .iter()
            .try_for_each(|frame| chain.follow(frame))
            .map_err(|error| ArchiveCause::from(error).of(path))?;
        expected += block.length();
    }
    if chain.tip() != end {
        return Err(ArchiveCause::Damaged { offset: expected }.of(path));
    }
    Ok(summary)
}

impl OpenFile {
    fn open(path: &Path) -> Result<Self, ArchiveError> {
        Self::read(path).map_err(|cause| cause.of(path))
    }

    fn read(path: &Path) -> Result<Self, ArchiveCause> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let mut head_bytes = [0; HEAD_BYTES];
        read_at(&file, &mut head_bytes, 0)?;
        let head = parse_head(&head_bytes)?;
        let first = head.tip.lsn.next();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let sealed = name == files::name(head.shard, first, KIND);
        if !sealed && name != files::name(head.shard, first, GROWING_KIND) {
            return Err(ArchiveCause::Name { shard: head.shard, after: head.tip.lsn });
        }
        if !sealed {
            let Recovered { packer, end: _ } = recover(&file, head, bytes)?;
            let summary = packer.summary(path.to_owned(), bytes, false);
            return Ok(Self { file, index: packer.index().to_vec(), summary });
        }
        let (index, end) = read_end(&file, bytes, head::crc(&head_bytes))?;
        let End { last, first_at, last_at, frames, records, frame_bytes, blocks: _ } = end;
        let FileHead { shard, tip: base, at: _ } = head;
        let summary = Summary {
            path: path.to_owned(),
            bytes,
            shard,
            base,
            last,
            first_at,
            last_at,
            frames,
            records,
            frame_bytes,
            sealed,
        };
        Ok(Self { file, index, summary })
    }

    /// Reads the block with this number, which has to be what the index says.
    fn block(&self, number: usize) -> Result<(BlockHead, Vec<Frame>), ArchiveCause> {
        let entry = self.index[number];
        let damaged = ArchiveCause::Damaged { offset: entry.offset };
        let (block, frames) = read_block(&self.file, entry.offset)?.ok_or_else(|| damaged.clone())?;
        let as_told = block.crc == entry.crc && block.first == entry.first && block.at == entry.at;
        if as_told { Ok((block, frames)) } else { Err(damaged) }
    }

    /// The block that holds the record, if any does.
    fn block_of(&self, lsn: Lsn) -> usize {
        self.index.partition_point(|entry| entry.first <= lsn).saturating_sub(1)
    }
}

/// The index and what the end says.
fn read_end(file: &File, bytes: u64, head_crc: u32) -> Result<(Vec<Entry>, End), ArchiveCause> {
    let blocks_at = HEAD_BYTES as u64;
    let end_at = bytes.saturating_sub(END_BYTES as u64).max(blocks_at);
    let damaged = || ArchiveCause::Damaged { offset: end_at };
    let mut end_bytes = [0; END_BYTES];
    read_at(file, &mut end_bytes, end_at)?;
    let length =
        End::index_bytes(&end_bytes).filter(|length| *length <= end_at - blocks_at).ok_or_else(damaged)?;
    // Lossless: it is no longer than the file, which is bounded.
    let mut index = vec![0; length as usize];
    read_at(file, &mut index, end_at - length)?;
    let end = End::parse(&end_bytes, head_crc, &index).ok_or_else(damaged)?;
    let (entries, _) = index.as_chunks::<ENTRY_BYTES>();
    Ok((entries.iter().map(Entry::parse).collect::<Option<_>>().ok_or_else(damaged)?, end))
}

/// Follows a growing file's blocks as far as they are whole. What comes after may be a block that was being written; a whole one
/// behind one that is not means damage, and then nothing may be cut off.
pub(super) fn recover(file: &File, head: FileHead, bytes: u64) -> Result<Recovered, ArchiveCause> {
    let (mut packer, _) = Packer::new(head.shard, head.tip, head.at)?;
    loop {
        let offset = packer.offset();
        match read_block(file, offset)? {
            Some((block, frames)) => packer.resume(&block, &frames)?,
            None if has_block_after(file, offset, bytes)? => return Err(ArchiveCause::Damaged { offset }),
            None => return Ok(Recovered { packer, end: offset }),
        }
    }
}

fn has_block_after(file: &File, offset: u64, bytes: u64) -> Result<bool, ArchiveCause> {
    // Lossless: files are bounded by what is put into one.
    let mut rest = vec![0; bytes.saturating_sub(offset) as usize];
    read_at(file, &mut rest, offset)?;
    Ok(memmem::find_iter(&rest, &BLOCK_MAGIC)
        .any(|at| parse_block(&rest[at..]).is_ok_and(|found| found.is_some())))
}

/// The block that begins here; `None` when there is no whole one.
fn read_block(file: &File, offset: u64) -> Result<Option<(BlockHead, Vec<Frame>)>, ArchiveCause> {
    let mut bytes = vec![0; BLOCK_HEAD_BYTES];
    if !read_all_at(file, &mut bytes, offset)? {
        return Ok(None);
    }
    let Some(head) = bytes.first_chunk().and_then(BlockHead::parse) else { return Ok(None) };
    bytes.resize(BLOCK_HEAD_BYTES + head.packed as usize, 0);
    if !read_all_at(file, &mut bytes[BLOCK_HEAD_BYTES..], offset + BLOCK_HEAD_BYTES as u64)? {
        return Ok(None);
    }
    parse_block(&bytes)
}

/// The block that these bytes begin with; `None` when there is no whole one.
fn parse_block(bytes: &[u8]) -> Result<Option<(BlockHead, Vec<Frame>)>, ArchiveCause> {
    let Some((head_bytes, rest)) = bytes.split_first_chunk::<BLOCK_HEAD_BYTES>() else { return Ok(None) };
    let Some(head) = BlockHead::parse(head_bytes) else { return Ok(None) };
    let Some(packed) = rest.get(..head.packed as usize).filter(|packed| head.is_whole(head_bytes, packed))
    else {
        return Ok(None);
    };
    let raw = zstd::bulk::decompress(packed, head.raw as usize)?;
    Ok(Some((head, frames_of(&raw)?)))
}

fn frames_of(mut raw: &[u8]) -> Result<Vec<Frame>, FrameError> {
    let mut frames = Vec::new();
    while !raw.is_empty() {
        let expected = UncheckedFrame(raw).claimed_length()?;
        let (frame, rest) =
            raw.split_at_checked(expected).ok_or(FrameError::CutOff { found: raw.len(), expected })?;
        frames.push(UncheckedFrame(frame).check()?);
        raw = rest;
    }
    Ok(frames)
}

/// The frames of one file in order, from the one that holds a record on. Each is checked; whether they follow each other is left
/// to whoever reads several files as one. Nothing follows an error.
pub struct FileFrames {
    file: OpenFile,
    /// The next block's number; none after an error.
    next: Option<usize>,
    frames: std::vec::IntoIter<Frame>,
    from: Lsn,
}

impl FileFrames {
    /// Opens a file.
    ///
    /// # Errors
    /// As [`summary`].
    pub fn open(path: &Path, from: Lsn) -> Result<Self, ArchiveError> {
        let file = OpenFile::open(path)?;
        let next = Some(file.block_of(from));
        Ok(Self { file, next, frames: Vec::new().into_iter(), from })
    }

    /// The frame before the file's first.
    #[must_use]
    pub fn base(&self) -> Tip {
        self.file.summary.base
    }
}

impl Iterator for FileFrames {
    type Item = Result<Frame, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(frame) = self.frames.by_ref().find(|frame| frame.last() >= self.from) {
                return Some(Ok(frame));
            }
            let number = self.next.filter(|number| *number < self.file.index.len())?;
            match self.file.block(number) {
                Ok((_, frames)) => (self.next, self.frames) = (Some(number + 1), frames.into_iter()),
                Err(cause) => {
                    self.next = None;
                    return Some(Err(cause.of(&self.file.summary.path)));
                }
            }
        }
    }
}

/// Where bytes of an archive file lie that are no whole block, by their offsets, and what else is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    /// Places that begin like a block and are none.
    pub blocks: Vec<u64>,
    /// How many whole blocks there were.
    pub whole: u64,
}

/// Gives every frame of every whole block of a file, with the block's offset, whatever else is damaged in it, head and index too. For
/// salvage.
///
/// # Errors
/// The file cannot be read at all.
pub fn whole_frames(path: &Path, mut take: impl FnMut(u64, Frame)) -> Result<Flaws, ArchiveError> {
    let bytes = std::fs::read(path).map_err(|error| ArchiveCause::from(error).of(path))?;
    let (mut flaws, mut at) = (Flaws::default(), 0);
    while let Some(distance) = memmem::find(&bytes[at..], &BLOCK_MAGIC) {
        at += distance;
        if let Ok(Some((block, frames))) = parse_block(&bytes[at..]) {
            frames.into_iter().for_each(|frame| take(at as u64, frame));
            flaws.whole += 1;
            at += BLOCK_HEAD_BYTES + block.packed as usize;
        } else {
            flaws.blocks.push(at as u64);
            at += BLOCK_MAGIC.len();
        }
    }
    Ok(flaws)
}

/// The frames of the block that lies at `offset`, as [`whole_frames`] has told it.
///
/// # Errors
/// The file cannot be read, or has changed since.
pub fn block_at(path: &Path, offset: u64) -> Result<Vec<Frame>, ArchiveError> {
    let read = File::open(path).map_err(ArchiveCause::from).and_then(|file| read_block(&file, offset));
    let block = read.and_then(|block| block.ok_or(ArchiveCause::Damaged { offset }));
    block.map(|(_, frames)| frames).map_err(|cause| cause.of(path))
}

/// Fills the buffer from here; a file that ends before that is damaged.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> Result<(), ArchiveCause> {
    if read_all_at(file, buffer, offset)? { Ok(()) } else { Err(ArchiveCause::Damaged { offset }) }
}

/// Fills the buffer from here; `false` when the file ends before that.
fn read_all_at(file: &File, buffer: &mut [u8], offset: u64) -> Result<bool, ArchiveCause> {
    match file.read_exact_at(buffer, offset) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error.into()),
    }
}
