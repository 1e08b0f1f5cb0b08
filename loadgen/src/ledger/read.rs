//! Reading a ledger whole. It is held in memory: at most 112 bytes for each bid.

use super::record::{self, Base, Fields};
use super::write::Totals;
use super::{AckedBid, BLOCK_BYTES_MAX, MAGIC, OpenedAuction, UnknownBid};
use crate::terms::{KnownTerms, TermsError};
use gavel_core::AuctionId;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

const _: () = assert!(size_of::<AckedBid>() <= 112, "what the header of this file says of memory");

/// What the generator knew.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// The run's own description.
    pub run: Run,
    /// The auctions, by their number in the ledger.
    pub auctions: Vec<OpenedAuction>,
    /// What of their terms matters, by the same number.
    pub terms: Vec<KnownTerms>,
    /// Bids that were acknowledged.
    pub acked: Vec<AckedBid>,
    /// Bids of unknown fate.
    pub unknown: Vec<UnknownBid>,
    /// What the server said of auctions after their ends, as JSON, with their numbers in the ledger.
    pub outcomes: Vec<(u32, String)>,
    /// True when the end record is there and names the counts that were found.
    pub complete: bool,
    /// Bytes behind the last whole block.
    pub torn_bytes: u64,
}

/// The description of a run: a JSON text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run(pub String);

/// A file that is no ledger, or holds what no ledger holds.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file can't be read.
    #[error("ledger {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another kind of file.
    #[error("{} is not a ledger of format 1", path.display())]
    Magic {
        /// The file.
        path: PathBuf,
    },
    /// A block with a good CRC that is not made of records.
    #[error("ledger {}: the block at byte {at} holds something that is no record", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Where the block begins.
        at: u64,
    },
    /// Terms that can't be read.
    #[error("ledger {}: auction {auction}: {error}", path.display())]
    Terms {
        /// The file.
        path: PathBuf,
        /// The auction.
        auction: AuctionId,
        /// What is wrong.
        error: TermsError,
    },
}

impl Ledger {
    /// Reads a ledger up to its end or its first torn block.
    ///
    /// # Errors
    /// When it can't be read, or is no ledger.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let failed = |error| ReadError::Io { path: path.to_owned(), error };
        let file = std::fs::File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut file = BufReader::with_capacity(1 << 20, file);
        let mut magic = [0; MAGIC.len()];
        match file.read_exact(&mut magic) {
            Ok(()) if &magic == MAGIC => {}
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(failed(error)),
            _ => return Err(ReadError::Magic { path: path.to_owned() }),
        }
        let mut reader = Reader { path, ledger: Self::default(), bases: Vec::new(), end: None };
        let mut at = MAGIC.len() as u64;
        while let Some(payload) = next_block(&mut file).map_err(failed)? {
            reader.take_block(&payload, at)?;
            at += 8 + payload.len() as u64;
        }
        Ok(reader.finish(size - at))
    }
}

/// The payload of the next whole block, `None` at the end or where the file is torn.
fn next_block(file: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut header = [0; 8];
    if !read_whole(file, &mut header)? {
        return Ok(None);
    }
    let [l0, l1, l2, l3, c0, c1, c2, c3] = header;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if length == 0 || length > BLOCK_BYTES_MAX {
        return Ok(None);
    }
    let mut payload = vec![0; length];
    let whole =
        read_whole(file, &mut payload)? && crc32c::crc32c(&payload) == u32::from_le_bytes([c0, c1, c2, c3]);
    Ok(whole.then_some(payload))
}

/// False when the file ends before the buffer is full.
fn read_whole(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

struct Reader<'a> {
    path: &'a Path,
    ledger: Ledger,
    bases: Vec<Base>,
    end: Option<Totals>,
}

impl Reader<'_> {
    fn take_block(&mut self, payload: &[u8], at: u64) -> Result<(), ReadError> {
        let mut fields = Fields(payload);
        while !fields.0.is_empty() {
            let no_record = || ReadError::Record { path: self.path.to_owned(), at };
            match fields.byte() {
                Some(record::RUN) => self.ledger.run = Run(fields.text().ok_or_else(no_record)?.to_owned()),
                Some(record::OPENED) => {
                    let opened = opened(&mut fields).ok_or_else(no_record)?;
                    self.take_opened(opened)?;
                }
                Some(record::ACKED) => {
                    self.ledger.acked.push(fields.acked(&self.bases).ok_or_else(no_record)?)
                }
                Some(record::UNKNOWN) => {
                    self.ledger.unknown.push(fields.unknown(&self.bases).ok_or_else(no_record)?)
                }
                Some(record::OUTCOME) => {
                    let known = self.bases.len();
                    self.ledger.outcomes.push(outcome(&mut fields, known).ok_or_else(no_record)?);
                }
                Some(record::END) => self.end = Some(end(&mut fields).ok_or_else(no_record)?),
                _ => return Err(no_record()),
            }
        }
        Ok(())
    }

    fn take_opened(&mut self, opened: OpenedAuction) -> Result<(), ReadError> {
        let auction = opened.auction;
        let terms = KnownTerms::parse(&opened.terms).map_err(|error| ReadError::Terms {
            path: self.path.to_owned(),
            auction,
            error,
        })?;
        self.bases.push(Base { auction, ends_us: terms.ends_us });
        self.ledger.terms.push(terms);
        self.ledger.auctions.push(opened);
        Ok(())
    }

    fn finish(mut self, torn_bytes: u64) -> Ledger {
        let found = Totals {
            auctions: self.ledger.auctions.len() as u64,
            acked: self.ledger.acked.len() as u64,
            unknown: self.ledger.unknown.len() as u64,
        };
        self.ledger.torn_bytes = torn_bytes;
        self.ledger.complete = torn_bytes == 0 && self.end == Some(found);
        self.ledger
    }
}

fn opened(fields: &mut Fields<'_>) -> Option<OpenedAuction> {
    let auction = AuctionId::from_bits(u64::from_le_bytes(fields.bytes()?))?;
    Some(OpenedAuction { auction, terms: fields.text()?.to_owned() })
}

fn outcome(fields: &mut Fields<'_>, known: usize) -> Option<(u32, String)> {
    let auction = u32::try_from(fields.varint()?).ok().filter(|auction| (*auction as usize) < known)?;
    Some((auction, fields.text()?.to_owned()))
}

fn end(fields: &mut Fields<'_>) -> Option<Totals> {
    Some(Totals { auctions: fields.varint()?, acked: fields.varint()?, unknown: fields.varint()? })
}
