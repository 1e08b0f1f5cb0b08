//! An auction's whole state as plain data, in pieces of bounded size: what a snapshot is made of.
//!
//! An auction can have a million bids, and whoever exports it must not hold it for long. So the state is its [`Facts`] and its
//! lists, and the lists are handed out in runs, between which the auction may take further events:
//!
//! ```text
//! facts, banned bidders ─▶ bidders … ─▶ bids … ─▶ chosen ids … ─▶ tried … ─▶ epochs … ─▶ ends …
//! └──────────── one piece, at one moment ────┘    each as long as it was at that moment
//! ```
//!
//! What comes out is the state as of the facts, however many bids have come in meanwhile: the lists only grow at their ends, and
//! what changes in their midst is computed from the rest (how many of a bidder's bids stand). There is one exception: bids that
//! are withdrawn. Then what was exported is void, and [`Withdrawn`] says so; the export starts anew.

use super::bids::Bid;
use super::{Auction, State};
use crate::{AccountId, Amount, AuctionId, BidId, Epoch, Lsn, Seq, Terms, Timestamp};

pub use super::bids::Kind as BidKind;
pub use super::standing::Lead;

/// What of an auction has a fixed size, beside its terms. As read from elsewhere it proves nothing; an
/// [`Import`](super::import::Import) checks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The auction.
    pub id: AuctionId,
    /// Where it is in its life.
    pub state: State,
    /// Its latest event.
    pub seq: Seq,
    /// That event's record.
    pub lsn: Lsn,
    /// The generation that wrote it.
    pub epoch: Epoch,
    /// When it was.
    pub at: Timestamp,
    /// The end in force.
    pub ends_at: Timestamp,
    /// The deadline of payment or offer; any time where there is none.
    pub deadline: Timestamp,
    /// The reserve price in force.
    pub reserve: Option<Amount>,
    /// Leader and price.
    pub lead: Option<Lead>,
    /// Changes of the details so far.
    pub edits: u32,
    /// How long the lists are.
    pub lengths: Lengths,
}

/// How long an auction's lists are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lengths {
    /// Bidders banned from this auction.
    pub banned: u32,
    /// Everybody who has bid.
    pub bidders: u32,
    /// Accepted bids.
    pub bids: u32,
    /// Those of them whose ids the clients chose.
    pub chosen: u32,
    /// Winners and offerees with whom it came to nothing.
    pub tried: u32,
    /// Generations that ended during its life.
    pub epochs: u32,
    /// Changes of its end.
    pub ends: u32,
}

/// One accepted bid. As read from elsewhere it proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BidFacts {
    /// Its record's number in the auction.
    pub seq: Seq,
    /// Its record.
    pub lsn: Lsn,
    /// Whose it is: a place in the list of bidders.
    pub bidder: u32,
    /// The amount offered.
    pub amount: Amount,
    /// The price after it.
    pub price: Amount,
    /// How it came out.
    pub kind: BidKind,
    /// False once it was retracted or removed.
    pub stands: bool,
    /// The client chose its id, which is in the list of chosen ids.
    pub chosen: bool,
}

impl From<&Bid> for BidFacts {
    fn from(bid: &Bid) -> Self {
        Self {
            seq: bid.seq,
            lsn: bid.lsn,
            bidder: bid.bidder,
            amount: bid.amount(),
            price: bid.price,
            kind: bid.kind(),
            stands: bid.stands(),
            chosen: bid.is_chosen(),
        }
    }
}

/// Takes an exported auction: the facts first, then the runs of each list, in the order of the methods. A list has as many items
/// in all as the facts say; empty runs are left out.
pub trait Sink {
    /// Facts and terms.
    fn facts(&mut self, facts: &Facts, terms: &Terms);
    /// The next bidders banned from the auction.
    fn banned(&mut self, count: u32, accounts: impl Iterator<Item = AccountId>);
    /// The next bidders.
    fn bidders(&mut self, count: u32, accounts: impl Iterator<Item = AccountId>);
    /// The next bids.
    fn bids(&mut self, count: u32, bids: impl Iterator<Item = BidFacts>);
    /// The next chosen ids.
    fn chosen(&mut self, count: u32, ids: impl Iterator<Item = BidId>);
    /// The next who were tried, as places in the list of bidders.
    fn tried(&mut self, count: u32, bidders: impl Iterator<Item = u32>);
    /// The next generations that ended, each with the first event after it.
    fn epochs(&mut self, count: u32, epochs: impl Iterator<Item = (Epoch, Seq)>);
    /// The next changes of the end, each with its event.
    fn ends(&mut self, count: u32, ends: impl Iterator<Item = (Seq, Timestamp)>);
}

/// How far an export has got. Made by [`Auction::export`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    auction: AuctionId,
    lengths: Lengths,
    /// Bids that did not stand when it began. It never falls, so it is equal as long as none was withdrawn.
    withdrawn: usize,
    /// What was exported.
    done: Lengths,
}

/// Bids were retracted or removed since the export began: it is void, and may be begun anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bids of auction {0} were withdrawn while it was exported")]
pub struct Withdrawn(pub AuctionId);

impl Export {
    /// The auction.
    #[must_use]
    pub const fn auction(&self) -> AuctionId {
        self.auction
    }

    /// True when everything was exported.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.done == self.lengths
    }
}

/// The part of a list that comes next: from where, and how many.
fn next_run(done: &mut u32, length: u32, left: &mut u32) -> Option<(usize, u32)> {
    let (from, count) = (*done as usize, (length - *done).min(*left));
    *done += count;
    *left -= count;
    (count > 0).then_some((from, count))
}

impl Auction {
    /// Begins an export: facts, terms and bans, of which there are at most [`AUCTION_BANS_MAX`](crate::limits::AUCTION_BANS_MAX).
    pub fn export(&self, sink: &mut impl Sink) -> Export {
        let facts = self.facts();
        sink.facts(&facts, &self.terms);
        let done = Lengths { banned: facts.lengths.banned, ..Lengths::default() };
        if let Some(rare) = self.rare.as_ref().filter(|rare| !rare.banned.is_empty()) {
            sink.banned(done.banned, rare.banned.iter().copied());
        }
        Export { auction: self.id, lengths: facts.lengths, withdrawn: self.bids.withdrawn(), done }
    }

    /// Exports the next items of the lists, at most so many.
    ///
    /// # Errors
    /// Nothing of the export counts, as bids were withdrawn since it began.
    pub fn export_more(
        &self,
        export: &mut Export,
        items_max: u32,
        sink: &mut impl Sink,
    ) -> Result<(), Withdrawn> {
        if self.bids.withdrawn() != export.withdrawn {
            return Err(Withdrawn(self.id));
        }
        let Export { lengths, done, .. } = export;
        let left = &mut { items_max };
        if let Some((from, count)) = next_run(&mut done.bidders, lengths.bidders, left) {
            sink.bidders(count, self.bidders.accounts_from(from).take(count as usize));
        }
        if let Some((from, count)) = next_run(&mut done.bids, lengths.bids, left) {
            sink.bids(count, self.bids.iter_from(from).take(count as usize).map(BidFacts::from));
        }
        if let Some((from, count)) = next_run(&mut done.chosen, lengths.chosen, left) {
            sink.chosen(count, self.bids.chosen_from(from).take(count as usize));
        }
        self.export_rare(lengths, done, left, sink);
        Ok(())
    }

    fn export_rare(&self, lengths: &Lengths, done: &mut Lengths, left: &mut u32, sink: &mut impl Sink) {
        let Some(rare) = &self.rare else { return };
        if let Some((from, count)) = next_run(&mut done.tried, lengths.tried, left) {
            sink.tried(count, rare.tried[from..].iter().copied().take(count as usize));
        }
        if let Some((from, count)) = next_run(&mut done.epochs, lengths.epochs, left) {
            sink.epochs(count, rare.epochs[from..].iter().copied().take(count as usize));
        }
        if let Some((from, count)) = next_run(&mut done.ends, lengths.ends, left) {
            sink.ends(count, rare.ends.iter_from(from).take(count as usize).map(|mark| mark.parts()));
        }
    }

    fn facts(&self) -> Facts {
        let Self {
            id,
            terms: _,
            bids,
            bidders,
            lead,
            reserve,
            ends_at,
            deadline,
            at,
            lsn,
            epoch,
            seq,
            rare,
            state,
        } = self;
        let mut lengths = Lengths {
            // Lossless: no list is longer than the number of events, which has 32 bits.
            bidders: bidders.len() as u32,
            bids: bids.len() as u32,
            chosen: bids.chosen() as u32,
            ..Lengths::default()
        };
        if let Some(rare) = rare {
            lengths.banned = rare.banned.len() as u32;
            lengths.tried = rare.tried.len() as u32;
            lengths.epochs = rare.epochs.len() as u32;
            lengths.ends = rare.ends.len() as u32;
        }
        Facts {
            id: *id,
            state: *state,
            seq: *seq,
            lsn: *lsn,
            epoch: *epoch,
            at: *at,
            ends_at: *ends_at,
            deadline: *deadline,
            reserve: *reserve,
            lead: *lead,
            edits: rare.as_ref().map_or(0, |rare| rare.edits),
            lengths,
        }
    }
}
