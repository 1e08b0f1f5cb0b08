//! State into bytes.

use super::{Opening, STATES, VERSION, bid, has, item, terms};
use crate::record::encode_shard_event;
use gavel_core::auction::export::{BidFacts, BidKind, Facts, Lead, Lengths, Sink};
use gavel_core::ban::Ban;
use gavel_core::placement::PlacementChange;
use gavel_core::{AccountId, AuctionId, BidId, Epoch, Lsn, Seq, ShardEvent, Terms, Timestamp};

/// Writes items into one block. Made anew for each block, of a buffer that may have been used before.
#[derive(Debug)]
pub struct Encoder {
    bytes: Vec<u8>,
    /// The opening of the auction whose facts come next.
    opening: Option<Opening>,
}

impl Encoder {
    /// An empty block. What `buffer` holds is discarded, its room is used.
    #[must_use]
    pub fn new(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        buffer.push(VERSION);
        Self { bytes: buffer, opening: None }
    }

    /// Bytes so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True when there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == 1
    }

    /// The block.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// Says how the auction whose facts come next was asked for.
    pub fn opened_by(&mut self, opening: Option<Opening>) {
        self.opening = opening;
    }

    /// The auction begun last is void.
    pub fn give_up(&mut self, auction: AuctionId) {
        self.bytes.push(item::GIVEN_UP);
        self.put(&auction.to_bits().to_le_bytes());
    }

    /// Bans of wider scope.
    pub fn bans(&mut self, bans: impl Iterator<Item = Ban>) {
        self.counted(item::BANS, bans, |out, Ban { bidder, seller }| {
            let mut bytes = [0; 33];
            bytes[..16].copy_from_slice(&bidder.to_bits().to_le_bytes());
            bytes[16] = u8::from(seller.is_some());
            bytes[17..].copy_from_slice(&seller.map_or(0, AccountId::to_bits).to_le_bytes());
            out.extend_from_slice(&bytes);
        });
    }

    /// The last sequence of each day.
    pub fn sequences(&mut self, sequences: impl Iterator<Item = (u16, u64)>) {
        self.counted(item::SEQUENCES, sequences, |out, (day, last)| {
            out.extend_from_slice(&day.to_le_bytes());
            out.extend_from_slice(&last.to_le_bytes());
        });
    }

    /// The changes that follow recreate the placement as of this record.
    pub fn placement(&mut self, as_of: Lsn) {
        self.bytes.push(item::PLACEMENT);
        self.put(&as_of.0.to_le_bytes());
    }

    /// One change that recreates the placement.
    pub fn change(&mut self, change: PlacementChange) {
        self.bytes.push(item::CHANGE);
        let at = self.bytes.len();
        self.put(&[0; 4]);
        encode_shard_event(
            &ShardEvent::PlacementChanged { change, at: Timestamp::default() },
            &mut self.bytes,
        );
        self.put_count(at, self.bytes.len() - at - 4);
    }

    /// When the shard's generation began.
    pub fn started(&mut self, at: Timestamp) {
        self.bytes.push(item::STARTED);
        self.put(&at.micros().to_le_bytes());
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn put_count(&mut self, at: usize, count: usize) {
        // Lossless: a block has far less than 4 GiB.
        self.bytes[at..at + 4].copy_from_slice(&(count as u32).to_le_bytes());
    }

    /// An item that is a list of unknown length.
    fn counted<T>(&mut self, kind: u8, items: impl Iterator<Item = T>, write: impl Fn(&mut Vec<u8>, T)) {
        self.bytes.push(kind);
        let at = self.bytes.len();
        self.put(&[0; 4]);
        let mut count = 0;
        for item in items {
            write(&mut self.bytes, item);
            count += 1;
        }
        self.put_count(at, count);
    }

    /// An item that is a list of so many.
    fn list<T, const N: usize>(
        &mut self,
        kind: u8,
        count: u32,
        items: impl Iterator<Item = T>,
        bytes: impl Fn(T) -> [u8; N],
    ) {
        self.bytes.reserve(5 + count as usize * N);
        self.bytes.push(kind);
        self.put(&count.to_le_bytes());
        items.for_each(|item| self.bytes.extend_from_slice(&bytes(item)));
    }
}

impl Sink for Encoder {
    fn facts(&mut self, facts: &Facts, terms: &Terms) {
        let Facts { id, state, seq, lsn, epoch, at, ends_at, deadline, reserve, lead, edits, lengths } =
            *facts;
        let Lengths { banned, bidders, bids, chosen, tried, epochs, ends } = lengths;
        let opening = self.opening.take();
        let rare = edits + banned + chosen + tried + epochs + ends > 0;
        let flag = |bit, on| if on { bit } else { 0 };
        let flags = flag(has::RESERVE, reserve.is_some())
            | flag(has::LEAD, lead.is_some())
            | flag(has::OPENING, opening.is_some())
            | flag(has::RARE, rare);
        let state = STATES.iter().position(|known| *known == state).unwrap_or_default();
        self.put(&[item::AUCTION, flags, state as u8]);
        self.put(&id.to_bits().to_le_bytes());
        self.put(&seq.0.to_le_bytes());
        self.put(&epoch.0.to_le_bytes());
        for number in [lsn.0, at.micros(), ends_at.micros(), deadline.micros()] {
            self.put(&number.to_le_bytes());
        }
        [bidders, bids].iter().for_each(|length| self.put(&length.to_le_bytes()));
        if let Some(reserve) = reserve {
            self.put(&reserve.get().to_le_bytes());
        }
        if let Some(Lead { max, price, bidder }) = lead {
            self.put(&bidder.to_le_bytes());
            [max, price].iter().for_each(|amount| self.put(&amount.get().to_le_bytes()));
        }
        if let Some(Opening { id, digest, lsn, epoch }) = opening {
            [id.0, digest].iter().for_each(|number| self.put(&number.to_le_bytes()));
            self.put(&lsn.0.to_le_bytes());
            self.put(&epoch.0.to_le_bytes());
        }
        if rare {
            for number in [edits, banned, chosen, tried, epochs, ends] {
                self.put(&number.to_le_bytes());
            }
        }
        terms::write(terms, &mut self.bytes);
    }

    fn banned(&mut self, count: u32, accounts: impl Iterator<Item = AccountId>) {
        self.list(item::BANNED, count, accounts, |account| account.to_bits().to_le_bytes());
    }

    /// As narrow ones until one does not fit, then all of them as wide ones.
    fn bidders(&mut self, count: u32, accounts: impl Iterator<Item = AccountId>) {
        let start = self.bytes.len();
        let mut wide = false;
        self.bytes.reserve(5 + count as usize * 8);
        self.bytes.push(item::BIDDERS);
        self.put(&count.to_le_bytes());
        for account in accounts {
            let bits = account.to_bits();
            if !wide && bits >> 64 != 0 {
                self.widen(start);
                wide = true;
            }
            if wide { self.put(&bits.to_le_bytes()) } else { self.put(&(bits as u64).to_le_bytes()) }
        }
    }

    fn bids(&mut self, count: u32, bids: impl Iterator<Item = BidFacts>) {
        self.list(item::BIDS, count, bids, bid_bytes);
    }

    fn chosen(&mut self, count: u32, ids: impl Iterator<Item = BidId>) {
        self.list(item::CHOSEN, count, ids, |id| id.to_bits().to_le_bytes());
    }

    fn tried(&mut self, count: u32, bidders: impl Iterator<Item = u32>) {
        self.list(item::TRIED, count, bidders, u32::to_le_bytes);
    }

    fn epochs(&mut self, count: u32, epochs: impl Iterator<Item = (Epoch, Seq)>) {
        self.list(item::EPOCHS, count, epochs, |(epoch, seq)| {
            (u64::from(seq.0) << 32 | u64::from(epoch.0)).to_le_bytes()
        });
    }

    fn ends(&mut self, count: u32, ends: impl Iterator<Item = (Seq, Timestamp)>) {
        self.list(item::ENDS, count, ends, |(seq, ends_at)| {
            let mut bytes = [0; 12];
            bytes[..4].copy_from_slice(&seq.0.to_le_bytes());
            bytes[4..].copy_from_slice(&ends_at.micros().to_le_bytes());
            bytes
        });
    }
}

impl Encoder {
    /// Makes the narrow bidders that were begun at `start` wide.
    fn widen(&mut self, start: usize) {
        let narrow = self.bytes.split_off(start + 5);
        self.bytes[start] = item::WIDE_BIDDERS;
        for account in narrow.as_chunks::<8>().0 {
            self.put(&u128::from(u64::from_le_bytes(*account)).to_le_bytes());
        }
    }
}

#[inline]
fn bid_bytes(facts: BidFacts) -> [u8; bid::BYTES] {
    let BidFacts { seq, lsn, bidder, amount, price, kind, stands, chosen } = facts;
    let flags = match kind {
        BidKind::Leading => bid::LED,
        BidKind::Outbid => 0,
        BidKind::Purchase => bid::LED | bid::PURCHASE,
    } | if stands { bid::STANDS } else { 0 }
        | if chosen { bid::CHOSEN } else { 0 };
    let mut bytes = [0; bid::BYTES];
    bytes[..4].copy_from_slice(&seq.0.to_le_bytes());
    bytes[4..12].copy_from_slice(&lsn.0.to_le_bytes());
    bytes[12..16].copy_from_slice(&bidder.to_le_bytes());
    bytes[16..24].copy_from_slice(&(amount.get() | flags).to_le_bytes());
    bytes[24..].copy_from_slice(&price.get().to_le_bytes());
    bytes
}
