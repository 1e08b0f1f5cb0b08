//! A shard's state as bytes: what the blocks of a snapshot hold.
//!
//! ```text
//!  block = version 1 | item | item | …        an item never runs on into the next block
//!
//!  1  auction    facts and terms; how long its lists are. What it has in lists follows in items 2 to 9
//!  2  bidders    count 4 | account 8 × count        accounts below 2^64
//!  3  bidders    count 4 | account 16 × count
//!  4  bids       count 4 | (seq 4 | Lsn 8 | bidder 4 | flags and amount 8 | price 8) × count
//!  5  chosen     count 4 | id 16 × count
//!  6  banned     count 4 | account 16 × count
//!  7  tried      count 4 | bidder 4 × count
//!  8  epochs     count 4 | (epoch 4 | seq 4) × count
//!  9  ends       count 4 | (seq 4 | time 8) × count
//! 10  given up   auction 8                          the auction begun last is void: it comes anew, or is gone
//! 11  bans       count 4 | (bidder 16 | by a seller 1 | seller 16) × count
//! 12  sequences  count 4 | (day 2 | last sequence 8) × count
//! 13  placement  Lsn 8                              all changes up to this record are in the items 14 that follow
//! 14  change     length 4 | record of form 3        one of the changes that recreate the placement
//! 15  started    time 8                             when the shard's generation began
//! ```
//!
//! All integers are little-endian. **The layout never changes** once it was released: what is new gets a new version or item, and old
//! ones are read for ever. Every bound of the domain is checked again in reading, because bytes from a disk are only bytes.
//!
//! An auction's items follow each other, in whatever blocks; its lists are as long as item 1 says. Items 11 may say the same ban
//! twice.

mod read;
mod terms;
mod write;

pub use read::{Loader, Restored, StateError};
pub use write::Encoder;

use gavel_core::{Epoch, Lsn, OpenId};

/// The version that is written, and the only one so far.
const VERSION: u8 = 1;

/// The request that opened an auction, so that it can be asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The client's id for it.
    pub id: OpenId,
    /// Digest of its content.
    pub digest: u128,
    /// The record that opened the auction.
    pub lsn: Lsn,
    /// The generation that wrote it.
    pub epoch: Epoch,
}

/// The kinds of items.
mod item {
    pub(super) const AUCTION: u8 = 1;
    pub(super) const BIDDERS: u8 = 2;
    pub(super) const WIDE_BIDDERS: u8 = 3;
    pub(super) const BIDS: u8 = 4;
    pub(super) const CHOSEN: u8 = 5;
    pub(super) const BANNED: u8 = 6;
    pub(super) const TRIED: u8 = 7;
    pub(super) const EPOCHS: u8 = 8;
    pub(super) const ENDS: u8 = 9;
    pub(super) const GIVEN_UP: u8 = 10;
    pub(super) const BANS: u8 = 11;
    pub(super) const SEQUENCES: u8 = 12;
    pub(super) const PLACEMENT: u8 = 13;
    pub(super) const CHANGE: u8 = 14;
    pub(super) const STARTED: u8 = 15;
}

/// What an auction has beside what every auction has.
mod has {
    pub(super) const RESERVE: u8 = 1;
    pub(super) const LEAD: u8 = 1 << 1;
    pub(super) const OPENING: u8 = 1 << 2;
    /// Edits, and any list but bidders and bids.
    pub(super) const RARE: u8 = 1 << 3;
    pub(super) const KNOWN: u8 = (1 << 4) - 1;
}

/// The upper bits of a bid's amount.
mod bid {
    pub(super) const STANDS: u64 = 1 << 63;
    pub(super) const LED: u64 = 1 << 62;
    pub(super) const PURCHASE: u64 = 1 << 61;
    pub(super) const CHOSEN: u64 = 1 << 60;
    pub(super) const FLAGS: u64 = STANDS | LED | PURCHASE | CHOSEN;
    pub(super) const BYTES: usize = 32;

    const _: () = assert!(gavel_core::limits::AMOUNT_MAX & FLAGS == 0);
}

/// The bits that say what terms have.
mod term {
    pub(super) const RESERVE: u16 = 1;
    pub(super) const BUY_NOW: u16 = 1 << 1;
    pub(super) const BUY_NOW_ALWAYS: u16 = 1 << 2;
    pub(super) const SOFT_CLOSE: u16 = 1 << 3;
    pub(super) const HARD_END: u16 = 1 << 4;
    pub(super) const PROXY: u16 = 1 << 5;
    pub(super) const RETRACTION: u16 = 1 << 6;
    pub(super) const KEY: u16 = 1 << 7;
    pub(super) const KNOWN: u16 = (1 << 8) - 1;
}

/// A state as one byte.
const STATES: [gavel_core::State; 7] = {
    use gavel_core::State::{Awarded, Cancelled, Closed, Offered, Open, Scheduled, Unsold};
    [Scheduled, Open, Awarded, Offered, Closed, Unsold, Cancelled]
};
