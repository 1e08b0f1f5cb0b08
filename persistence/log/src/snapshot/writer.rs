//! Writes a snapshot, block by block.

use super::{Foot, Head, checksum, head as file_head, prefix};
use crate::files::NewFile;
use crate::limits::SNAPSHOT_BLOCK_BYTES_MAX;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

/// A snapshot that is being written. Nobody sees it before it is [finished](Self::finish); dropped before that, it is gone.
#[derive(Debug)]
pub struct Writer {
    file: NewFile,
    crc: u32,
    /// Of all bytes so far.
    hasher: blake3::Hasher,
    blocks: u64,
}

impl Writer {
    /// Begins a snapshot in the data directory.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn create(data_dir: &Path, head: &Head) -> Result<Self, Error> {
        let mut file = NewFile::create(head.path(data_dir))?;
        let bytes = head.to_bytes();
        file.write(&bytes)?;
        let (crc, mut hasher) = (file_head::crc(&bytes), blake3::Hasher::new());
        hasher.update(&bytes);
        Ok(Self { file, crc, hasher, blocks: 0 })
    }

    /// Appends a block of 1 ..= [`SNAPSHOT_BLOCK_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// The block is empty or too large (`InvalidInput`), or the file system refuses; then the snapshot is to be dropped.
    pub fn block(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if !(1..=SNAPSHOT_BLOCK_BYTES_MAX).contains(&bytes.len()) {
            let said =
                format!("a block of {} bytes; 1 ..= {SNAPSHOT_BLOCK_BYTES_MAX} are allowed", bytes.len());
            return Err(Error::new(ErrorKind::InvalidInput, said));
        }
        self.blocks += 1;
        // Lossless: the length was just held to its bound.
        self.append(bytes.len() as u32, bytes)
    }

    fn append(&mut self, length: u32, bytes: &[u8]) -> Result<(), Error> {
        self.crc = checksum(self.crc, length, bytes);
        let prefix = prefix(length, self.crc);
        self.hasher.update(&prefix).update(bytes);
        self.file.write(&prefix)?;
        self.file.write(bytes)
    }

    /// Bytes of the file so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.file.bytes()
    }

    /// Completes the snapshot and makes it durable under its name. Not to be called before `foot.until` is durable in the log.
    ///
    /// # Errors
    /// The file system refuses. The snapshots before this one are still there.
    pub fn finish(mut self, foot: &Foot) -> Result<PathBuf, Error> {
        let hash = *self.hasher.finalize().as_bytes();
        self.append(0, &foot.to_bytes(self.blocks, hash))?;
        self.file.finish()
    }
}
