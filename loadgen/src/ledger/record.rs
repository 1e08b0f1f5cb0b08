//! The bytes of records. What is written here is read here; `LEDGER.md` is the description of both.

use super::{AckedBid, TEXT_BYTES_MAX, UnknownBid};
use gavel_core::{AccountId, AuctionId, BidId, Epoch, Lsn, Position, Seq, ShardId, Standing};

pub(super) const RUN: u8 = 1;
pub(super) const OPENED: u8 = 2;
pub(super) const ACKED: u8 = 3;
pub(super) const UNKNOWN: u8 = 4;
pub(super) const END: u8 = 5;
pub(super) const OUTCOME: u8 = 6;

const STANDING: u8 = 0b11;
const CHOSEN: u8 = 1 << 2;
const OTHER_SHARD: u8 = 1 << 3;
const ODD_ID: u8 = 1 << 4;

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The difference of two unsigned numbers, small in size wherever it is small in value.
fn put_difference(out: &mut Vec<u8>, value: u64, base: u64) {
    let difference = value.wrapping_sub(base) as i64;
    put_varint(out, (difference << 1 ^ difference >> 63) as u64);
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// What the file's auction records say about one auction, as far as bids' records refer to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base {
    pub(super) auction: AuctionId,
    pub(super) ends_us: u64,
}

pub(super) fn put_acked(out: &mut Vec<u8>, bid: &AckedBid, base: Base) {
    let AckedBid {
        auction, bidder, amount, id, chosen, standing, position, price, min_next, ends_us, ..
    } = *bid;
    let assigned = id.as_assigned().filter(|(named, _)| *named == base.auction && !chosen);
    let other_shard = position.shard != base.auction.shard();
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    let odd = assigned.is_none() && !chosen;
    out.push(ACKED);
    out.push(
        standing_code(standing) | flag(chosen, CHOSEN) | flag(other_shard, OTHER_SHARD) | flag(odd, ODD_ID),
    );
    put_varint(out, u64::from(auction));
    put_account(out, bidder);
    put_varint(out, amount);
    match assigned {
        Some((_, seq)) => put_varint(out, u64::from(seq.0)),
        None => out.extend_from_slice(&id.to_bits().to_be_bytes()),
    }
    put_varint(out, u64::from(position.epoch.0));
    put_varint(out, position.lsn.0);
    if other_shard {
        out.push(position.shard.0);
    }
    put_varint(out, price);
    put_difference(out, min_next, price);
    put_difference(out, ends_us, base.ends_us);
    put_varint(out, bid.acked_us);
    put_varint(out, bid.acked_us.saturating_sub(bid.sent_us));
}

pub(super) fn put_unknown(out: &mut Vec<u8>, bid: &UnknownBid) {
    out.push(UNKNOWN);
    out.push(if bid.id.is_some() { CHOSEN } else { 0 });
    put_varint(out, u64::from(bid.auction));
    put_account(out, bid.bidder);
    put_varint(out, bid.amount);
    if let Some(id) = bid.id {
        out.extend_from_slice(&id.to_bits().to_be_bytes());
    }
    put_varint(out, bid.sent_us);
}

/// Bidders of a pool are integers, which is all that is stored of them.
fn put_account(out: &mut Vec<u8>, account: AccountId) {
    put_varint(out, account.to_bits() as u64);
}

const fn standing_code(standing: Standing) -> u8 {
    match standing {
        Standing::Leading => 1,
        Standing::Outbid => 2,
        Standing::Sold => 3,
    }
}

/// Reads fields from the front of a payload. Every method gives `None` where the bytes are not what they should be.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                return None;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn difference(&mut self, base: u64) -> Option<u64> {
        let zigzag = self.varint()?;
        let difference = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
        Some(base.wrapping_add(difference as u64))
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.varint()?).ok().filter(|&length| length <= TEXT_BYTES_MAX)?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn id(&mut self) -> Option<BidId> {
        Some(BidId::from_bits(u128::from_be_bytes(self.bytes()?)))
    }

    fn account(&mut self) -> Option<AccountId> {
        Some(AccountId::from_integer(self.varint()?))
    }

    pub(super) fn acked(&mut self, bases: &[Base]) -> Option<AckedBid> {
        let flags = self.byte()?;
        let auction = u32::try_from(self.varint()?).ok()?;
        let base = bases.get(auction as usize)?;
        let (bidder, amount) = (self.account()?, self.varint()?);
        let id = if flags & (CHOSEN | ODD_ID) != 0 {
            self.id()?
        } else {
            BidId::assigned(base.auction, Seq(u32::try_from(self.varint()?).ok()?))
        };
        let (epoch, lsn) = (Epoch(u32::try_from(self.varint()?).ok()?), Lsn(self.varint()?));
        let shard = if flags & OTHER_SHARD != 0 { ShardId(self.byte()?) } else { base.auction.shard() };
        let price = self.varint()?;
        let (min_next, ends_us) = (self.difference(price)?, self.difference(base.ends_us)?);
        let acked_us = self.varint()?;
        Some(AckedBid {
            auction,
            bidder,
            amount,
            id,
            chosen: flags & CHOSEN != 0,
            standing: standing(flags & STANDING)?,
            position: Position { shard, epoch, lsn },
            price,
            min_next,
            ends_us,
            sent_us: acked_us.checked_sub(self.varint()?)?,
            acked_us,
        })
    }

    pub(super) fn unknown(&mut self, bases: &[Base]) -> Option<UnknownBid> {
        let flags = self.byte()?;
        let auction =
            u32::try_from(self.varint()?).ok().filter(|&auction| (auction as usize) < bases.len())?;
        let (bidder, amount) = (self.account()?, self.varint()?);
        let id = if flags & CHOSEN != 0 { Some(self.id()?) } else { None };
        Some(UnknownBid { auction, bidder, amount, id, sent_us: self.varint()? })
    }
}

const fn standing(code: u8) -> Option<Standing> {
    match code {
        1 => Some(Standing::Leading),
        2 => Some(Standing::Outbid),
        3 => Some(Standing::Sold),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_read_as_they_are_written_up_to_the_largest() {
        for value in [0, 1, 127, 128, 300, 1 << 53, u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            assert_eq!(Fields(&bytes).varint(), Some(value));
        }
        assert_eq!(Fields(&[0xff; 10]).varint(), None, "more than 64 bits");
        assert_eq!(Fields(&[0x80]).varint(), None, "cut off");
    }

    #[test]
    fn differences_go_both_ways() {
        for (value, base) in [(5, 5), (5, 9), (9, 5), (0, u64::MAX), (u64::MAX, 0)] {
            let mut bytes = Vec::new();
            put_difference(&mut bytes, value, base);
            assert_eq!(Fields(&bytes).difference(base), Some(value));
        }
    }

    #[test]
    fn texts_longer_than_the_bound_or_the_bytes_are_refused() {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, TEXT_BYTES_MAX as u64 + 1);
        assert_eq!(Fields(&bytes).text(), None);
        assert_eq!(Fields(&[3, b'a', b'b']).text(), None);
    }
}
