//! Who and what: shards, auctions, accounts, bids. Each has one text form, which `Display` writes and `FromStr` reads.

use crate::limits::SEQUENCE_MAX;
use crate::position::Seq;

pub(crate) mod text;

pub use text::IdError;

/// A shard, `0 ..= 255`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u8);

/// An auction: day of opening (16 bits, UTC days since 1970) | shard (8) | sequence within that day and shard (40).
///
/// Text form, of fixed width: `20261122-003-00000042`. With the shard in braces, `20261122-{003}-00000042`, it is the
/// same id (a hash tag for clients that route by one). The shard in it is final.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuctionId(u64);

impl AuctionId {
    /// `None` when the sequence is 0 or beyond [`SEQUENCE_MAX`].
    #[must_use]
    pub const fn new(day: u16, shard: ShardId, sequence: u64) -> Option<Self> {
        if sequence == 0 || sequence > SEQUENCE_MAX {
            return None;
        }
        Some(Self((day as u64) << 48 | (shard.0 as u64) << 40 | sequence))
    }

    /// `None` when the sequence part is out of range.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        Self::new((bits >> 48) as u16, ShardId((bits >> 40) as u8), bits & ((1 << 40) - 1))
    }

    /// The 64 bits.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The UTC day the auction was opened on, in days since 1970-01-01.
    #[must_use]
    pub const fn day(self) -> u16 {
        (self.0 >> 48) as u16
    }

    /// The shard that owns the auction for good.
    #[must_use]
    pub const fn shard(self) -> ShardId {
        ShardId((self.0 >> 40) as u8)
    }

    /// The auction's number within its day and shard, from 1.
    #[must_use]
    pub const fn sequence(self) -> u64 {
        self.0 & ((1 << 40) - 1)
    }
}

/// A bidder or seller: an unsigned 64-bit integer or a UUID. 128 bits inside; below 2^64 it is the integer.
///
/// Text form: the decimal integer, or the hyphenated lower-case UUID. A UUID whose upper 64 bits are zero is refused, as
/// it could not be told from an integer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(u128);

impl AccountId {
    /// The account with this integer as its id.
    #[must_use]
    pub const fn from_integer(id: u64) -> Self {
        Self(id as u128)
    }

    /// From the 128 bits inside.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The 128 bits inside.
    #[must_use]
    pub const fn to_bits(self) -> u128 {
        self.0
    }
}

/// A bid: 128 bits that the client chose, or that the engine assigned. Text form: a hyphenated lower-case UUID.
///
/// An assigned id is a function of auction and seq (a version 8 UUID that holds both), so the engine needs no index to
/// find it again and no randomness to make it. A client may not choose an id of that form for a new bid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BidId(u128);

impl BidId {
    /// From the 128 bits.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The 128 bits.
    #[must_use]
    pub const fn to_bits(self) -> u128 {
        self.0
    }

    /// The id the engine gives to the bid that is record `seq` of `auction`.
    ///
    /// Layout, from the top: `seq 32 | magic 16 | version (8) 4 | auction's high 12 | variant (2) 2 | zero 10 |
    /// auction's low 52`.
    #[must_use]
    pub const fn assigned(auction: AuctionId, seq: Seq) -> Self {
        let high = auction.0 >> 52;
        let low = auction.0 & ((1 << 52) - 1);
        let top = (seq.0 as u64) << 32 | ASSIGNED_MAGIC << 16 | 0x8000 | high;
        Self((top as u128) << 64 | (0b10 << 62 | low) as u128)
    }

    /// Auction and seq, where this is an id of the assigned form.
    #[must_use]
    pub const fn as_assigned(self) -> Option<(AuctionId, Seq)> {
        let top = (self.0 >> 64) as u64;
        let bottom = self.0 as u64;
        if (top >> 16) & 0xffff != ASSIGNED_MAGIC || (top >> 12) & 0xf != 8 || bottom >> 52 != 0b10 << 10 {
            return None;
        }
        match AuctionId::from_bits((top & 0xfff) << 52 | bottom & ((1 << 52) - 1)) {
            Some(auction) => Some((auction, Seq((top >> 32) as u32))),
            None => None,
        }
    }
}

/// Marks a [`BidId`] as assigned by the engine: "GV".
const ASSIGNED_MAGIC: u64 = 0x4756;

/// What a client calls its request to open an auction, so that a retry opens nothing twice. Text form: a UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpenId(pub u128);

/// A log: a random number that it is given when it is made and keeps for good, in its backups and what is restored of them too. Text form:
/// a UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(pub u128);
