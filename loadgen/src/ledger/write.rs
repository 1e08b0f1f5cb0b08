//! Writing a ledger off the hot path: workers fill blocks, one thread writes them.

use super::record::{self, Base, put_text, put_varint};
use super::{AckedBid, BLOCK_BYTES, BLOCKS_WAITING_MAX, MAGIC, OpenedAuction, UnknownBid};
use crate::terms::KnownTerms;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// The ledger could not be written.
#[derive(Debug, thiserror::Error)]
#[error("ledger {}: {error}", path.display())]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

/// How many records of each kind were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Auctions opened.
    pub auctions: u64,
    /// Bids acknowledged.
    pub acked: u64,
    /// Bids of unknown fate.
    pub unknown: u64,
}

/// A ledger being written. Must be closed to be complete.
#[derive(Debug)]
pub struct LedgerFile {
    path: PathBuf,
    blocks: SyncSender<Vec<u8>>,
    thread: JoinHandle<io::Result<u64>>,
}

impl LedgerFile {
    /// A new ledger, under a name beside its own until it [begins](Self::begin): a run that comes to nothing costs no earlier ledger.
    ///
    /// # Errors
    /// When the file can't be made.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let failed = |error| WriteError { path: path.to_owned(), error };
        let mut file = File::create(unbegun(path)).map_err(failed)?;
        file.write_all(MAGIC).map_err(failed)?;
        let (blocks, waiting) = sync_channel(BLOCKS_WAITING_MAX);
        let thread =
            std::thread::Builder::new().name("ledger".into()).spawn(move || write_blocks(file, &waiting));
        Ok(Self { path: path.to_owned(), blocks, thread: thread.map_err(failed)? })
    }

    /// Gives the ledger its name; an existing file is replaced. From now on something may depend on it.
    ///
    /// # Errors
    /// When it can't be renamed.
    pub fn begin(&self) -> Result<(), WriteError> {
        let failed = |error| WriteError { path: self.path.clone(), error };
        std::fs::rename(unbegun(&self.path), &self.path).map_err(failed)
    }

    /// Removes what was made, where it has not begun.
    pub fn discard(self) {
        // One that can't be removed is in nobody's way: the next one is written over it.
        let _removed = std::fs::remove_file(unbegun(&self.path));
    }

    /// Somebody who can write about these auctions, numbered by their place in the slice. Their own records and the
    /// run's (`run`, a JSON text) must be written once, by [`BlockWriter::start`].
    #[must_use]
    pub fn writer(&self, bases: Bases) -> BlockWriter {
        BlockWriter {
            block: Vec::with_capacity(BLOCK_BYTES * 2),
            blocks: self.blocks.clone(),
            bases,
            totals: Totals::default(),
        }
    }

    /// Writes the end record and waits until all is written; gives the file's size in bytes. All writers must be gone.
    ///
    /// # Errors
    /// When any block could not be written.
    pub fn close(self, totals: Totals) -> Result<u64, WriteError> {
        let mut end = vec![record::END];
        [totals.auctions, totals.acked, totals.unknown].iter().for_each(|&total| put_varint(&mut end, total));
        // Where the writer thread has given up, its own error says more than the failed hand-over.
        let _handed_over = self.blocks.send(end);
        drop(self.blocks);
        let written =
            self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the writing thread panicked")));
        written.map_err(|error| WriteError { path: self.path, error })
    }
}

/// The name of a ledger whose run has not begun.
fn unbegun(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// Writes blocks until all senders are gone or one fails; gives the bytes of the file.
fn write_blocks(mut file: File, waiting: &Receiver<Vec<u8>>) -> io::Result<u64> {
    let mut bytes = MAGIC.len() as u64;
    for payload in waiting {
        let mut header = [0; 8];
        header[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        header[4..].copy_from_slice(&crc32c::crc32c(&payload).to_le_bytes());
        file.write_all(&header)?;
        file.write_all(&payload)?;
        bytes += (header.len() + payload.len()) as u64;
    }
    Ok(bytes)
}

/// What bids' records refer to.
#[derive(Clone, Debug)]
pub struct Bases(Arc<[Base]>);

impl Bases {
    /// Of these auctions; the terms are those that they were opened with.
    #[must_use]
    pub fn new(auctions: &[OpenedAuction], terms: &[KnownTerms]) -> Self {
        let base = |(opened, terms): (&OpenedAuction, &KnownTerms)| Base {
            auction: opened.auction,
            ends_us: terms.ends_us,
        };
        Self(auctions.iter().zip(terms).map(base).collect())
    }
}

/// One worker's way into the ledger.
#[derive(Debug)]
pub struct BlockWriter {
    block: Vec<u8>,
    blocks: SyncSender<Vec<u8>>,
    bases: Bases,
    totals: Totals,
}

impl BlockWriter {
    /// Writes what comes first: the run's description and the auctions.
    pub fn start(&mut self, run: &str, auctions: &[OpenedAuction]) {
        self.block.push(record::RUN);
        put_text(&mut self.block, run);
        for opened in auctions {
            self.block.push(record::OPENED);
            self.block.extend_from_slice(&opened.auction.to_bits().to_le_bytes());
            put_text(&mut self.block, &opened.terms);
            self.totals.auctions += 1;
            self.hand_over_full();
        }
        // Bids of other writers must come after all of these.
        self.hand_over();
    }

    /// Writes what the server said of an auction after its end.
    pub fn outcome(&mut self, auction: u32, text: &str) {
        self.block.push(record::OUTCOME);
        put_varint(&mut self.block, u64::from(auction));
        put_text(&mut self.block, text);
        self.hand_over_full();
    }

    /// Writes a bid that was acknowledged.
    pub fn acked(&mut self, bid: &AckedBid) {
        record::put_acked(&mut self.block, bid, self.bases.0[bid.auction as usize]);
        self.totals.acked += 1;
        self.hand_over_full();
    }

    /// Writes a bid whose fate was never learned.
    pub fn unknown(&mut self, bid: &UnknownBid) {
        record::put_unknown(&mut self.block, bid);
        self.totals.unknown += 1;
        self.hand_over_full();
    }

    fn hand_over_full(&mut self) {
        if self.block.len() >= BLOCK_BYTES {
            self.hand_over();
        }
    }

    /// Hands over what there is, so that at most this much is lost if the generator is killed. Waits where
    /// [`BLOCKS_WAITING_MAX`] blocks are waiting already. A write that failed is reported by [`LedgerFile::close`].
    pub fn hand_over(&mut self) {
        if !self.block.is_empty() {
            let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK_BYTES * 2));
            let _gone_only_after_an_error = self.blocks.send(block);
        }
    }

    /// Hands over the rest; gives what was written by this writer.
    #[must_use]
    pub fn finish(mut self) -> Totals {
        self.hand_over();
        self.totals
    }
}

impl std::ops::AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        let Self { auctions, acked, unknown } = other;
        self.auctions += auctions;
        self.acked += acked;
        self.unknown += unknown;
    }
}
