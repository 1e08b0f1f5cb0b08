//! What the generator knows about a run, on disk: auctions opened, bids acknowledged, bids of unknown fate. The format is
//! drawn in `LEDGER.md`.
//!
//! **Invariants.** A record is written only after the answer it records was read. An auction's record comes before its
//! bids'. The end record is the last of a ledger that was closed, and there only.

use gavel_core::{AccountId, AuctionId, BidId, Position, Standing};

mod read;
mod record;
mod write;

pub use read::{Ledger, ReadError, Run};
pub use write::{Bases, BlockWriter, LedgerFile, Totals, WriteError};

/// The first bytes of a ledger.
pub const MAGIC: &[u8; 8] = b"GAVLEDG1";
/// A block is handed over once its payload has grown to this many bytes.
pub const BLOCK_BYTES: usize = 64 * 1024;
/// The largest payload that is read.
pub const BLOCK_BYTES_MAX: usize = 1024 * 1024;
/// The longest JSON text of one record.
pub const TEXT_BYTES_MAX: usize = 512 * 1024;
/// Blocks that may wait for the writer thread.
pub const BLOCKS_WAITING_MAX: usize = 64;

const _: () =
    assert!(BLOCK_BYTES + TEXT_BYTES_MAX + 64 < BLOCK_BYTES_MAX, "a block with one more record can be read");

/// An auction that was opened by the generator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedAuction {
    /// The auction.
    pub auction: AuctionId,
    /// Its terms, as they were sent.
    pub terms: String,
}

/// A bid that was answered with a receipt. Amounts in minor units, times in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AckedBid {
    /// The auction's number in the ledger.
    pub auction: u32,
    /// Who bid.
    pub bidder: AccountId,
    /// The amount that was offered.
    pub amount: u64,
    /// The bid's id.
    pub id: BidId,
    /// True when the generator chose the id, false when the engine assigned it.
    pub chosen: bool,
    /// Leading, outbid or sold.
    pub standing: Standing,
    /// The bid's record in the log.
    pub position: Position,
    /// The price after the bid.
    pub price: u64,
    /// The least next amount after the bid.
    pub min_next: u64,
    /// The auction's end after the bid.
    pub ends_us: u64,
    /// When the bid was first sent, by the generator's clock.
    pub sent_us: u64,
    /// When the receipt was read, by the generator's clock.
    pub acked_us: u64,
}

/// A bid that was sent and never answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownBid {
    /// The auction's number in the ledger.
    pub auction: u32,
    /// Who bid.
    pub bidder: AccountId,
    /// The amount that was offered.
    pub amount: u64,
    /// The id that the generator chose, if it did.
    pub id: Option<BidId>,
    /// When the bid was first sent.
    pub sent_us: u64,
}

#[cfg(test)]
mod tests;
