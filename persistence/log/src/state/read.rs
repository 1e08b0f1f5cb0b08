//! Bytes into state.

use super::{Opening, STATES, VERSION, bid, has, item, terms};
use crate::record::{Record, RecordError, decode};
use gavel_core::auction::export::{BidFacts, BidKind, Facts, Lead, Lengths};
use gavel_core::auction::import::{Import, ImportError};
use gavel_core::ban::Ban;
use gavel_core::placement::PlacementChange;
use gavel_core::{
    AccountId, Amount, Auction, AuctionId, BidId, Duration, Epoch, Lsn, OpenId, Seq, ShardEvent, Timestamp,
};

/// A part of a shard's state, whole and within its bounds.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all of them are auctions, which go straight to their place"
)]
pub enum Restored {
    /// An auction, and how it was asked for.
    Auction(Auction, Option<Opening>),
    /// A ban of wider scope. May come twice.
    Ban(Ban),
    /// The last sequence of a day.
    Sequence {
        /// The day.
        day: u16,
        /// The last sequence given on it.
        last: u64,
    },
    /// The changes that follow recreate the placement as of this record.
    Placement(Lsn),
    /// One change that recreates the placement.
    Change(PlacementChange),
    /// When the shard's generation began.
    Started(Timestamp),
}

/// Why bytes are no shard's state. The block's checksum holds, so this means a newer writer or a defect, not a bad disk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// A version this code does not know.
    #[error("state version {found}; this version reads version {VERSION}")]
    Version {
        /// The version found.
        found: u8,
    },
    /// An item this version does not know.
    #[error("state item {found}; this version reads items 1 to 15")]
    Item {
        /// The item found.
        found: u8,
    },
    /// The bytes end before the item does.
    #[error("a block of state that ends inside an item")]
    CutOff,
    /// A field is outside the domain's bounds.
    #[error("a state whose {field} is out of bounds")]
    Field {
        /// The field.
        field: &'static str,
    },
    /// An auction's list without the auction before it.
    #[error("a part of an auction that was not begun")]
    NoAuction,
    /// Another item where an auction's lists should have gone on.
    #[error("auction {0} is not complete")]
    Incomplete(AuctionId),
    /// An auction's data contradicts itself.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A change of placement that is none.
    #[error(transparent)]
    Record(#[from] RecordError),
}

pub(super) const fn field(field: &'static str) -> StateError {
    StateError::Field { field }
}

/// Puts blocks together to a shard's state. Blocks are given in their order; see [`Loader::finish`] for the end.
#[derive(Debug, Default)]
pub struct Loader {
    /// The auction whose lists are not complete yet.
    begun: Option<Begun>,
}

#[derive(Debug)]
struct Begun {
    import: Import,
    opening: Option<Opening>,
}

impl Loader {
    /// Reads one block and hands out what is complete.
    ///
    /// # Errors
    /// The block is no state of a version that this code reads, or does not follow the block before.
    pub fn block(&mut self, block: &[u8], mut take: impl FnMut(Restored)) -> Result<(), StateError> {
        let mut bytes = Bytes(block);
        match bytes.u8()? {
            VERSION => {}
            found => return Err(StateError::Version { found }),
        }
        while !bytes.0.is_empty() {
            self.item(&mut bytes, &mut take)?;
        }
        Ok(())
    }

    /// To be called after the last block.
    ///
    /// # Errors
    /// An auction was begun and is not complete.
    pub fn finish(self) -> Result<(), StateError> {
        self.nothing_begun()
    }

    fn nothing_begun(&self) -> Result<(), StateError> {
        self.begun.as_ref().map_or(Ok(()), |begun| Err(StateError::Incomplete(begun.import.id())))
    }

    fn item(&mut self, bytes: &mut Bytes<'_>, take: &mut impl FnMut(Restored)) -> Result<(), StateError> {
        let kind = bytes.u8()?;
        match kind {
            item::BIDDERS..=item::ENDS => {
                let Some(begun) = &mut self.begun else { return Err(StateError::NoAuction) };
                list(&mut begun.import, kind, bytes)?;
            }
            item::GIVEN_UP => {
                let id = bytes.auction()?;
                let Some(begun) = self.begun.take() else { return Err(StateError::NoAuction) };
                return if begun.import.id() == id {
                    Ok(())
                } else {
                    Err(StateError::Incomplete(begun.import.id()))
                };
            }
            _ => {
                self.nothing_begun()?;
                match kind {
                    item::AUCTION => self.begun = Some(auction(bytes)?),
                    kind => return whole(kind, bytes, take),
                }
            }
        }
        if let Some(Begun { import, opening }) = self.begun.take_if(|begun| begun.import.is_complete()) {
            take(Restored::Auction(import.finish()?, opening));
        }
        Ok(())
    }
}

/// Items that need no other.
fn whole(kind: u8, bytes: &mut Bytes<'_>, take: &mut impl FnMut(Restored)) -> Result<(), StateError> {
    match kind {
        item::BANS => {
            for entry in bytes.list::<33>()? {
                let mut entry = Bytes(entry);
                let (bidder, by_seller, seller) = (entry.u128()?, entry.u8()?, entry.u128()?);
                let seller = match by_seller {
                    0 => None,
                    1 => Some(AccountId::from_bits(seller)),
                    _ => return Err(field("ban")),
                };
                take(Restored::Ban(Ban { bidder: AccountId::from_bits(bidder), seller }));
            }
        }
        item::SEQUENCES => {
            for entry in bytes.list::<10>()? {
                let mut entry = Bytes(entry);
                let (day, last) = (entry.u16()?, entry.u64()?);
                AuctionId::new(day, gavel_core::ShardId(0), last).ok_or_else(|| field("sequence"))?;
                take(Restored::Sequence { day, last });
            }
        }
        item::PLACEMENT => take(Restored::Placement(Lsn(bytes.u64()?))),
        item::CHANGE => {
            let length = bytes.u32()?;
            match decode(bytes.take(length as usize)?)? {
                Record::Shard(ShardEvent::PlacementChanged { change, .. }) => take(Restored::Change(change)),
                _ => return Err(field("change of placement")),
            }
        }
        item::STARTED => take(Restored::Started(bytes.time("start of the generation")?)),
        found => return Err(StateError::Item { found }),
    }
    Ok(())
}

fn auction(bytes: &mut Bytes<'_>) -> Result<Begun, StateError> {
    let (flags, state) = (bytes.u8()?, bytes.u8()?);
    if flags & !has::KNOWN != 0 {
        return Err(field("auction"));
    }
    let has = |bit| flags & bit != 0;
    let mut facts = Facts {
        state: *STATES.get(usize::from(state)).ok_or_else(|| field("state"))?,
        id: bytes.auction()?,
        seq: Seq(bytes.u32()?),
        epoch: Epoch(bytes.u32()?),
        lsn: Lsn(bytes.u64()?),
        at: bytes.time("latest event")?,
        ends_at: bytes.time("end")?,
        deadline: bytes.time("deadline")?,
        lengths: Lengths { bidders: bytes.u32()?, bids: bytes.u32()?, ..Lengths::default() },
        reserve: bytes.when(has(has::RESERVE), |bytes| bytes.amount("reserve price"))?,
        lead: bytes.when(has(has::LEAD), |bytes| {
            let bidder = bytes.u32()?;
            Ok(Lead { bidder, max: bytes.amount("maximum")?, price: bytes.amount("price")? })
        })?,
        edits: 0,
    };
    let opening = bytes.when(has(has::OPENING), |bytes| {
        let (id, digest) = (OpenId(bytes.u128()?), bytes.u128()?);
        Ok(Opening { id, digest, lsn: Lsn(bytes.u64()?), epoch: Epoch(bytes.u32()?) })
    })?;
    if has(has::RARE) {
        facts.edits = bytes.u32()?;
        let Lengths { banned, chosen, tried, epochs, ends, .. } = &mut facts.lengths;
        for length in [banned, chosen, tried, epochs, ends] {
            *length = bytes.u32()?;
        }
    }
    let terms = terms::read(bytes)?;
    Ok(Begun { import: Import::begin(&facts, terms)?, opening })
}

/// One run of one of an auction's lists.
fn list(import: &mut Import, kind: u8, bytes: &mut Bytes<'_>) -> Result<(), StateError> {
    let wide = |account: &[u8; 16]| AccountId::from_bits(u128::from_le_bytes(*account));
    match kind {
        item::BIDDERS => import.bidders(
            bytes.list::<8>()?.iter().map(|account| AccountId::from_integer(u64::from_le_bytes(*account))),
        )?,
        item::WIDE_BIDDERS => import.bidders(bytes.list::<16>()?.iter().map(wide))?,
        item::BIDS => {
            let mut checked = Ok(());
            let bids = bytes.list::<{ bid::BYTES }>()?.iter().map_while(|bid| match bid_of(bid) {
                Ok(bid) => Some(bid),
                Err(error) => {
                    checked = Err(error);
                    None
                }
            });
            import.bids(bids)?;
            checked?;
        }
        item::CHOSEN => {
            import.chosen(bytes.list::<16>()?.iter().map(|id| BidId::from_bits(u128::from_le_bytes(*id))))?
        }
        item::BANNED => import.banned(bytes.list::<16>()?.iter().map(wide))?,
        item::TRIED => import.tried(bytes.list::<4>()?.iter().map(|bidder| u32::from_le_bytes(*bidder)))?,
        item::EPOCHS => import.epochs(bytes.list::<8>()?.iter().map(|bytes| {
            let both = u64::from_le_bytes(*bytes);
            (Epoch(both as u32), Seq((both >> 32) as u32))
        }))?,
        _ => {
            let ends = bytes.list::<12>()?.iter().map(|entry| {
                let mut entry = Bytes(entry);
                Ok((Seq(entry.u32()?), entry.time("end")?))
            });
            let ends: Vec<_> = ends.collect::<Result<_, StateError>>()?;
            import.ends(ends.into_iter())?;
        }
    }
    Ok(())
}

#[inline]
fn bid_of(bytes: &[u8; bid::BYTES]) -> Result<BidFacts, StateError> {
    let mut bytes = Bytes(bytes);
    let (seq, lsn, bidder) = (Seq(bytes.u32()?), Lsn(bytes.u64()?), bytes.u32()?);
    let amount = bytes.u64()?;
    let flag = |bit| amount & bit != 0;
    let kind = match (flag(bid::PURCHASE), flag(bid::LED)) {
        (true, true) => BidKind::Purchase,
        (true, false) => return Err(field("bid")),
        (false, true) => BidKind::Leading,
        (false, false) => BidKind::Outbid,
    };
    Ok(BidFacts {
        seq,
        lsn,
        bidder,
        amount: Amount::new(amount & !bid::FLAGS).ok_or_else(|| field("amount"))?,
        price: bytes.amount("price")?,
        kind,
        stands: flag(bid::STANDS),
        chosen: flag(bid::CHOSEN),
    })
}

/// Bytes that are read from their front.
pub(super) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], StateError> {
        let Some((head, rest)) = self.0.split_first_chunk::<N>() else { return Err(StateError::CutOff) };
        self.0 = rest;
        Ok(*head)
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], StateError> {
        let Some((head, rest)) = self.0.split_at_checked(length) else { return Err(StateError::CutOff) };
        self.0 = rest;
        Ok(head)
    }

    /// A count, and so many entries of `N` bytes.
    fn list<const N: usize>(&mut self) -> Result<&'a [[u8; N]], StateError> {
        let count = self.u32()? as usize;
        let Some(length) = count.checked_mul(N) else { return Err(StateError::CutOff) };
        let bytes = self.take(length)?;
        Ok(bytes.as_chunks::<N>().0)
    }

    /// What only some have.
    pub(super) fn when<T>(
        &mut self,
        there: bool,
        read: impl FnOnce(&mut Self) -> Result<T, StateError>,
    ) -> Result<Option<T>, StateError> {
        if there { read(self).map(Some) } else { Ok(None) }
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Result<u8, StateError> {
        self.array::<1>().map(|[byte]| byte)
    }

    #[inline]
    pub(super) fn u16(&mut self) -> Result<u16, StateError> {
        self.array().map(u16::from_le_bytes)
    }

    #[inline]
    fn u32(&mut self) -> Result<u32, StateError> {
        self.array().map(u32::from_le_bytes)
    }

    #[inline]
    fn u64(&mut self) -> Result<u64, StateError> {
        self.array().map(u64::from_le_bytes)
    }

    #[inline]
    pub(super) fn u128(&mut self) -> Result<u128, StateError> {
        self.array().map(u128::from_le_bytes)
    }

    pub(super) fn time(&mut self, name: &'static str) -> Result<Timestamp, StateError> {
        Timestamp::from_micros(self.u64()?).ok_or_else(|| field(name))
    }

    pub(super) fn duration(&mut self) -> Result<Duration, StateError> {
        self.u64().map(Duration::from_micros)
    }

    #[inline]
    pub(super) fn amount(&mut self, name: &'static str) -> Result<Amount, StateError> {
        Amount::new(self.u64()?).ok_or_else(|| field(name))
    }

    fn auction(&mut self) -> Result<AuctionId, StateError> {
        AuctionId::from_bits(self.u64()?).ok_or_else(|| field("auction"))
    }
}
