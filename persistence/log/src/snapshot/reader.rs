//! Reads a snapshot, block by block, and believes nothing that its checksum does not cover.

use super::{
    FOOT_BYTES, Foot, HEAD_BYTES, Head, KIND, PREFIX_BYTES, SnapshotCause, SnapshotError, checksum,
    head as file_head,
};
use crate::files;
use crate::limits::SNAPSHOT_BLOCK_BYTES_MAX;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// A snapshot that is being read.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    head: Head,
    foot: Option<Foot>,
    block: Vec<u8>,
    crc: u32,
    /// Of all bytes before `offset`.
    hasher: blake3::Hasher,
    blocks: u64,
    offset: u64,
}

/// Reads a snapshot whole and gives its ends.
///
/// # Errors
/// What is wrong with it.
pub fn check(path: &Path) -> Result<(Head, Foot), SnapshotError> {
    let mut reader = Reader::open(path)?;
    while reader.next_block()?.is_some() {}
    let cut_off = SnapshotCause::CutOff { bytes: reader.offset };
    let foot = reader.foot.ok_or_else(|| reader.error(cut_off))?;
    Ok((reader.head, foot))
}

impl Reader {
    /// Opens a snapshot and reads its header.
    ///
    /// # Errors
    /// The header is not one, is damaged, or tells of another snapshot than the name.
    pub fn open(path: &Path) -> Result<Self, SnapshotError> {
        let error = |cause| SnapshotError { path: path.to_owned(), cause };
        let file = File::open(path).map_err(|source| error(source.into()))?;
        let mut file = BufReader::with_capacity(256 * 1024, file);
        let mut bytes = [0; HEAD_BYTES];
        read(&mut file, &mut bytes, 0).map_err(error)?;
        let (head, crc) = (Head::parse(&bytes).map_err(error)?, file_head::crc(&bytes));
        let Head { shard, from, at: _ } = head;
        if path.file_name().and_then(|name| name.to_str()) != Some(&files::name(shard, from.lsn, KIND)) {
            return Err(error(SnapshotCause::Name { shard, lsn: from.lsn }));
        }
        let (path, offset, mut hasher) = (path.to_owned(), HEAD_BYTES as u64, blake3::Hasher::new());
        hasher.update(&bytes);
        Ok(Self { path, file, head, foot: None, block: Vec::new(), crc, hasher, blocks: 0, offset })
    }

    /// What the snapshot is of.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// What was known at its end; `None` before [`next_block`](Self::next_block) has said that there are no more.
    #[must_use]
    pub fn foot(&self) -> Option<&Foot> {
        self.foot.as_ref()
    }

    /// Bytes of the file that were read so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.offset
    }

    /// The next block, checked; `None` after the last, when the foot was there and whole, and nothing behind it.
    ///
    /// # Errors
    /// What is wrong with the file. Nothing that was read from it before is to be used then.
    pub fn next_block(&mut self) -> Result<Option<&[u8]>, SnapshotError> {
        if self.foot.is_some() {
            return Ok(None);
        }
        match self.read_next() {
            Ok(true) => Ok(Some(&self.block)),
            Ok(false) => Ok(None),
            Err(cause) => Err(self.error(cause)),
        }
    }

    fn error(&self, cause: SnapshotCause) -> SnapshotError {
        SnapshotError { path: self.path.clone(), cause }
    }

    /// Reads a block into `self.block`, or the foot.
    fn read_next(&mut self) -> Result<bool, SnapshotCause> {
        let damaged = SnapshotCause::Damaged { offset: self.offset };
        let mut prefix = [0; PREFIX_BYTES];
        read(&mut self.file, &mut prefix, self.offset)?;
        let (length, crc) =
            (u32::from_le_bytes(files::field(&prefix, 0)), u32::from_le_bytes(files::field(&prefix, 4)));
        let bytes = if length == 0 { FOOT_BYTES } else { length as usize };
        if bytes > SNAPSHOT_BLOCK_BYTES_MAX {
            return Err(damaged);
        }
        self.block.resize(bytes, 0);
        read(&mut self.file, &mut self.block, self.offset + PREFIX_BYTES as u64)?;
        if checksum(self.crc, length, &self.block) != crc {
            return Err(damaged);
        }
        (self.crc, self.offset) = (crc, self.offset + (PREFIX_BYTES + bytes) as u64);
        if length == 0 {
            return self.end(damaged).map(|()| false);
        }
        self.hasher.update(&prefix).update(&self.block);
        self.blocks += 1;
        Ok(true)
    }

    /// Takes the foot in and makes sure that it is the end.
    fn end(&mut self, damaged: SnapshotCause) -> Result<(), SnapshotCause> {
        let Some(bytes) = self.block.first_chunk::<FOOT_BYTES>() else { return Err(damaged) };
        let (foot, blocks, hash) = Foot::parse(bytes);
        if blocks != self.blocks || self.hasher.finalize() != hash {
            return Err(damaged);
        }
        if self.file.read(&mut [0])? != 0 {
            return Err(SnapshotCause::Damaged { offset: self.offset });
        }
        self.foot = Some(foot);
        Ok(())
    }
}

/// Fills the buffer from where the file stands, which is at `offset`.
fn read(file: &mut BufReader<File>, buffer: &mut [u8], offset: u64) -> Result<(), SnapshotCause> {
    file.read_exact(buffer).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => SnapshotCause::CutOff { bytes: offset },
        _ => SnapshotCause::Io(error),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{checksum, prefix};
    use super::*;
    use crate::snapshot::Writer;
    use crate::{ChainHash, Tip};
    use gavel_core::{Digest, Epoch, Lsn, ShardId, Timestamp};

    /// A change that happens to leave every checksum right.
    #[test]
    fn the_hash_finds_what_passes_the_checksums() {
        let dir = tempfile::tempdir().unwrap();
        let from = Tip { epoch: Epoch(1), lsn: Lsn(5), hash: ChainHash([7; 32]) };
        let mut writer =
            Writer::create(dir.path(), &Head { shard: ShardId(0), from, at: Timestamp::default() }).unwrap();
        writer.block(b"a block").unwrap();
        let foot = Foot { until: Lsn(5), auctions: 0, digest: Digest::default() };
        let path = writer.finish(&foot).unwrap();
        assert_eq!(check(&path).unwrap().1, foot);

        let mut bytes = std::fs::read(&path).unwrap();
        let (block, end) = (HEAD_BYTES + PREFIX_BYTES, HEAD_BYTES + PREFIX_BYTES + 7);
        bytes[block..end].copy_from_slice(b"another");
        let head: [u8; HEAD_BYTES] = *bytes.first_chunk().unwrap();
        let crc = checksum(file_head::crc(&head), 7, b"another");
        bytes[HEAD_BYTES..block].copy_from_slice(&prefix(7, crc));
        let crc = checksum(crc, 0, &bytes[end + PREFIX_BYTES..]);
        bytes[end..end + PREFIX_BYTES].copy_from_slice(&prefix(0, crc));
        std::fs::write(&path, bytes).unwrap();
        let error = check(&path).unwrap_err();
        assert!(matches!(error.cause, SnapshotCause::Damaged { offset } if offset == end as u64), "{error}");
    }
}
