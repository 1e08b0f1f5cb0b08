//! The accepted bids of one auction, in order: for retries, retraction, removal and second chances.
//!
//! A bid takes 32 bytes. Where the client chose its id, 20 more hold that, and about 14 an index entry once there are many;
//! an assigned id is a function of the bid's seq and needs neither.

use super::export::BidFacts;
use crate::store::{Packed, Segmented, SplitTable};
use crate::{Amount, AuctionId, BidId, Lsn, Seq};

/// Up to so many chosen ids are found by looking through them all.
const SCAN_MAX: usize = 16;

/// One accepted bid, with what it was told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bid {
    /// The price after it.
    pub(super) price: Amount,
    /// Its record.
    pub(super) lsn: Lsn,
    /// The amount in the lower 53 bits, the flags above.
    amount_and_flags: u64,
    /// Its record's number in the auction.
    pub(super) seq: Seq,
    /// Whose it is, as a number of `Bidders`.
    pub(super) bidder: u32,
}

const _: () = assert!(size_of::<Bid>() == 32);

/// The bid stands: it was neither retracted nor removed.
const STANDS: u64 = 1 << 63;
/// The bidder led after it.
const LED: u64 = 1 << 62;
/// It is a purchase at the buy-now price.
const PURCHASE: u64 = 1 << 61;
/// The client chose its id.
const CHOSEN: u64 = 1 << 60;
const AMOUNT: u64 = crate::limits::AMOUNT_MAX;
const _: () = assert!(AMOUNT & (STANDS | LED | PURCHASE | CHOSEN) == 0);

/// How a bid came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bid after which the bidder led.
    Leading,
    /// A bid after which somebody else led.
    Outbid,
    /// A purchase.
    Purchase,
}

impl Bid {
    pub(super) fn new(seq: Seq, lsn: Lsn, bidder: u32, amount: Amount, price: Amount, kind: Kind) -> Self {
        let flags = match kind {
            Kind::Leading => STANDS | LED,
            Kind::Outbid => STANDS,
            Kind::Purchase => STANDS | LED | PURCHASE,
        };
        Self { price, lsn, amount_and_flags: amount.get() | flags, seq, bidder }
    }

    pub(super) fn amount(&self) -> Amount {
        Amount::new(self.amount_and_flags & AMOUNT).unwrap_or(Amount::MAX)
    }

    pub(super) fn stands(&self) -> bool {
        self.amount_and_flags & STANDS != 0
    }

    pub(super) fn led(&self) -> bool {
        self.amount_and_flags & LED != 0
    }

    pub(super) fn is_purchase(&self) -> bool {
        self.amount_and_flags & PURCHASE != 0
    }

    pub(super) fn is_chosen(&self) -> bool {
        self.amount_and_flags & CHOSEN != 0
    }

    pub(super) fn kind(&self) -> Kind {
        match (self.is_purchase(), self.led()) {
            (true, _) => Kind::Purchase,
            (false, true) => Kind::Leading,
            (false, false) => Kind::Outbid,
        }
    }

    /// The bid that was exported so.
    pub(super) fn from_facts(facts: &BidFacts) -> Self {
        let BidFacts { seq, lsn, bidder, amount, price, kind, stands, chosen } = *facts;
        let mut bid = Self::new(seq, lsn, bidder, amount, price, kind);
        if !stands {
            bid.amount_and_flags &= !STANDS;
        }
        if chosen {
            bid.amount_and_flags |= CHOSEN;
        }
        bid
    }

    /// Amount and flags as one number, for the digest.
    pub(super) fn amount_and_flags(&self) -> u64 {
        self.amount_and_flags
    }
}

/// All accepted bids. At most `BIDS_PER_AUCTION_MAX`.
#[derive(Clone, Debug, Default)]
pub(super) struct Bids {
    list: Segmented<Bid>,
    chosen: Option<Box<Chosen>>,
    standing: u32,
}

/// The ids that clients chose, in the order of their bids.
#[derive(Clone, Debug, Default)]
struct Chosen {
    ids: Segmented<ChosenId>,
    index: Option<Box<SplitTable<u32>>>,
}

/// Twenty bytes.
#[derive(Clone, Copy, Debug)]
struct ChosenId {
    id: Packed,
    /// The bid's place in the list.
    bid: u32,
}

const _: () = assert!(size_of::<ChosenId>() == 20);

impl ChosenId {
    fn id(&self) -> BidId {
        BidId::from_bits(self.id.bits())
    }
}

impl Bids {
    /// Without bids, but with room for so many, as far as that is reasonable.
    pub(super) fn with_room(bids: u32) -> Self {
        Self { list: Segmented::with_room(bids as usize), ..Self::default() }
    }

    /// Bids ever accepted.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Bids that stand.
    pub(super) fn standing(&self) -> u32 {
        self.standing
    }

    /// The bidder's bids that stand. Looks at every bid.
    pub(super) fn standing_of(&self, bidder: u32) -> u32 {
        self.list.iter().filter(|bid| bid.bidder == bidder && bid.stands()).count() as u32
    }

    pub(super) fn get(&self, index: usize) -> Option<&Bid> {
        self.list.get(index)
    }

    /// All bids in order, also those that stand no more.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Bid> {
        self.list.iter()
    }

    /// All bids from this place on, in order.
    pub(super) fn iter_from(&self, from: usize) -> impl Iterator<Item = &Bid> {
        self.list.iter_from(from)
    }

    /// Bids that were withdrawn. Never falls.
    pub(super) fn withdrawn(&self) -> usize {
        self.list.len() - self.standing as usize
    }

    /// Bids whose ids were chosen.
    pub(super) fn chosen(&self) -> usize {
        self.chosen.as_ref().map_or(0, |chosen| chosen.ids.len())
    }

    /// The chosen ids from this place among them on, in the order of their bids.
    pub(super) fn chosen_from(&self, from: usize) -> impl Iterator<Item = BidId> {
        self.chosen.iter().flat_map(move |chosen| chosen.ids.iter_from(from).map(ChosenId::id))
    }

    /// The first bid from this place on whose id was chosen.
    pub(super) fn next_chosen(&self, from: usize) -> Option<usize> {
        self.list.iter_from(from).position(Bid::is_chosen).map(|at| from + at)
    }

    /// All bids in order, with their ids.
    pub(super) fn with_ids(&self, auction: AuctionId) -> impl Iterator<Item = (BidId, &Bid)> {
        let mut chosen = self.chosen.iter().flat_map(|chosen| chosen.ids.iter());
        self.list.iter().map(move |bid| {
            let chosen = if bid.is_chosen() { chosen.next() } else { None };
            (chosen.map_or(BidId::assigned(auction, bid.seq), ChosenId::id), bid)
        })
    }

    /// Where the bid with this id is; `None` when there is none.
    pub(super) fn find(&self, auction: AuctionId, id: BidId) -> Option<usize> {
        match id.as_assigned() {
            Some((of, seq)) if of == auction => self.find_assigned(seq),
            Some(_) => None,
            None => self.chosen.as_ref()?.find(id),
        }
    }

    fn find_assigned(&self, seq: Seq) -> Option<usize> {
        // Mostly asked for the bid that was applied last.
        let index = match self.list.last() {
            Some(last) if last.seq == seq => self.list.len() - 1,
            _ => self.list.partition_point(|bid| bid.seq < seq),
        };
        let bid = self.list.get(index)?;
        (bid.seq == seq && !bid.is_chosen()).then_some(index)
    }

    /// Adds a bid that was accepted.
    pub(super) fn push(&mut self, auction: AuctionId, id: BidId, mut bid: Bid) {
        if id != BidId::assigned(auction, bid.seq) {
            bid.amount_and_flags |= CHOSEN;
            self.chosen.get_or_insert_default().push(id, self.list.len() as u32);
        }
        self.standing += u32::from(bid.stands());
        self.list.push(bid);
    }

    /// Adds a bid that was exported. Where its id was chosen, [`Bids::restore_chosen`] follows.
    pub(super) fn restore(&mut self, bid: Bid) {
        self.standing += u32::from(bid.stands());
        self.list.push(bid);
    }

    /// Adds the chosen id of the bid at this place. To be called in the order of the bids.
    pub(super) fn restore_chosen(&mut self, id: BidId, bid: usize) {
        self.chosen.get_or_insert_default().push(id, bid as u32);
    }

    /// Takes bids that stand out of the contest: all that `which` picks. Looks at every bid.
    pub(super) fn withdraw_all(&mut self, which: impl Fn(&Bid) -> bool) {
        for bid in self.list.iter_mut().filter(|bid| bid.stands() && which(bid)) {
            bid.amount_and_flags &= !STANDS;
            self.standing -= 1;
        }
    }

    /// Takes one bid out of the contest.
    pub(super) fn withdraw(&mut self, index: usize) {
        if let Some(bid) = self.list.get_mut(index).filter(|bid| bid.stands()) {
            bid.amount_and_flags &= !STANDS;
            self.standing -= 1;
        }
    }
}

impl Chosen {
    fn find(&self, id: BidId) -> Option<usize> {
        let packed = Packed::new(id.to_bits());
        let found = match &self.index {
            None => self.ids.iter().find(|chosen| chosen.id == packed),
            Some(index) => {
                let is = |&at: &u32| self.ids.get(at as usize).is_some_and(|chosen| chosen.id == packed);
                // Mostly asked for the bid that was applied last.
                self.ids
                    .last()
                    .filter(|last| last.id == packed)
                    .or_else(|| index.find(id.to_bits(), is).and_then(|&at| self.ids.get(at as usize)))
            }
        };
        found.map(|chosen| chosen.bid as usize)
    }

    fn push(&mut self, id: BidId, bid: u32) {
        let at = self.ids.len() as u32;
        self.ids.push(ChosenId { id: Packed::new(id.to_bits()), bid });
        if self.index.is_none() && self.ids.len() > SCAN_MAX {
            self.index = Some(Box::default());
            (0..=at).for_each(|at| self.enter(at));
        } else {
            self.enter(at);
        }
    }

    /// Enters an id into the index, where there is one.
    fn enter(&mut self, at: u32) {
        let (Some(index), Some(chosen)) = (&mut self.index, self.ids.get(at as usize)) else { return };
        index.insert_new(chosen.id.bits(), at);
    }
}
