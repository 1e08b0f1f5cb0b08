//! How one auction stands while its records are gone through: the auction itself, and what the rules looked at that it does
//! not tell.

use gavel_core::auction::View;
use gavel_core::auction::export::{BidFacts, Facts as Exported, Sink};
use gavel_core::{
    AccountId, Amount, Auction, AuctionId, BidId, Epoch, Event, EventKind, Position, Seq, Terms, Timestamp,
};

/// Items that are taken out of an auction at once.
const ITEMS_AT_ONCE: u32 = 64 * 1024;

/// An auction, and every bid that was accepted in it.
pub(super) struct Stand {
    auction: Auction,
    reserve: Option<Amount>,
    bids: Vec<Bid>,
    /// The highest maximum that stands: the leader's.
    maximum: Option<Amount>,
}

/// What the rules look at when they judge the next command, but for the terms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// What everybody sees.
    pub(super) view: View,
    /// The leader's maximum. Secret.
    pub(super) maximum: Option<Amount>,
    /// The reserve price in force. Secret.
    pub(super) reserve: Option<Amount>,
}

/// A bid that was accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bid {
    /// Its id.
    pub(super) id: BidId,
    /// Its record in the auction.
    pub(super) seq: Seq,
    /// Whose it is.
    pub(super) bidder: AccountId,
    /// What it offered. Secret.
    pub(super) amount: Amount,
    /// False once it was taken away.
    stands: bool,
}

impl Stand {
    /// The auction that this first event makes; `None` for any other event.
    pub(super) fn opened(event: &Event, position: Position) -> Option<Self> {
        let auction = Auction::from_opened(event, position)?;
        Some(Self { reserve: auction.terms().reserve_price, auction, bids: Vec::new(), maximum: None })
    }

    /// The auction as a snapshot had it.
    pub(super) fn restored(auction: Auction) -> Self {
        let mut taken = Taken::default();
        let mut export = auction.export(&mut taken);
        // Nothing happens to the auction meanwhile, so that no bid can be withdrawn from under the export.
        while !export.is_complete() && auction.export_more(&mut export, ITEMS_AT_ONCE, &mut taken).is_ok() {}
        let (reserve, bids) = (taken.reserve, taken.into_bids(auction.id()));
        let maximum = highest(&bids);
        Self { auction, reserve, bids, maximum }
    }

    /// Whether the event is the one that comes next.
    pub(super) fn is_next(&self, event: &Event) -> bool {
        self.auction.is_next(event)
    }

    /// Takes the next event in.
    pub(super) fn apply(&mut self, event: &Event, position: Position) {
        self.auction.apply(event, position);
        match &event.kind {
            EventKind::BidAccepted(bid) => {
                self.bids.push(Bid {
                    id: bid.id,
                    seq: event.seq,
                    bidder: bid.bidder,
                    amount: bid.amount,
                    stands: true,
                });
                self.maximum = self.maximum.max(Some(bid.amount));
            }
            EventKind::BidRetracted(retracted) => self.withdraw(|bid| bid.id == retracted.id),
            EventKind::BidsRemoved(removed) => self.withdraw(|bid| bid.bidder == removed.bidder),
            EventKind::BidderBanned { bidder, removed: Some(_) } => {
                self.withdraw(|bid| bid.bidder == *bidder)
            }
            EventKind::ReserveLowered { reserve, .. } => self.reserve = *reserve,
            _ => {}
        }
    }

    fn withdraw(&mut self, which: impl Fn(&Bid) -> bool) {
        self.bids.iter_mut().filter(|bid| which(bid)).for_each(|bid| bid.stands = false);
        self.maximum = highest(&self.bids);
    }

    /// The terms.
    pub(super) fn terms(&self) -> &Terms {
        self.auction.terms()
    }

    /// The auction's latest record.
    pub(super) fn seq(&self) -> Seq {
        self.auction.seq()
    }

    /// What the rules look at.
    pub(super) fn facts(&self) -> Facts {
        Facts { view: self.auction.view(), maximum: self.maximum, reserve: self.reserve }
    }

    /// An accepted bid.
    pub(super) fn bid(&self, id: BidId) -> Option<&Bid> {
        self.bids.iter().rev().find(|bid| bid.id == id)
    }
}

fn highest(bids: &[Bid]) -> Option<Amount> {
    bids.iter().filter(|bid| bid.stands).map(|bid| bid.amount).max()
}

/// What an export hands out, as far as it is of use here.
#[derive(Default)]
struct Taken {
    reserve: Option<Amount>,
    bidders: Vec<AccountId>,
    bids: Vec<BidFacts>,
    chosen: Vec<BidId>,
}

impl Taken {
    fn into_bids(self, auction: AuctionId) -> Vec<Bid> {
        let Self { reserve: _, bidders, bids, chosen } = self;
        let mut chosen = chosen.into_iter();
        let bid = |bid: BidFacts| {
            let id = if bid.chosen { chosen.next()? } else { BidId::assigned(auction, bid.seq) };
            let bidder = *bidders.get(bid.bidder as usize)?;
            Some(Bid { id, seq: bid.seq, bidder, amount: bid.amount, stands: bid.stands })
        };
        bids.into_iter().filter_map(bid).collect()
    }
}

impl Sink for Taken {
    fn facts(&mut self, facts: &Exported, _terms: &Terms) {
        self.reserve = facts.reserve;
    }

    fn banned(&mut self, _count: u32, _accounts: impl Iterator<Item = AccountId>) {}

    fn bidders(&mut self, _count: u32, accounts: impl Iterator<Item = AccountId>) {
        self.bidders.extend(accounts);
    }

    fn bids(&mut self, _count: u32, bids: impl Iterator<Item = BidFacts>) {
        self.bids.extend(bids);
    }

    fn chosen(&mut self, _count: u32, ids: impl Iterator<Item = BidId>) {
        self.chosen.extend(ids);
    }

    fn tried(&mut self, _count: u32, _bidders: impl Iterator<Item = u32>) {}

    fn epochs(&mut self, _count: u32, _epochs: impl Iterator<Item = (Epoch, Seq)>) {}

    fn ends(&mut self, _count: u32, _ends: impl Iterator<Item = (Seq, Timestamp)>) {}
}
