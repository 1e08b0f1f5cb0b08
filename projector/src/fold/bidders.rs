//! How the documents of one auction's bidders change: each by itself, as far as it does not know of the record yet.

use super::documents::{Held, upsert};
use crate::documents::{Bidder, BidderStatus, OwnBid, Text, Unwritable, Word, bidder_id};
use crate::limits::OWN_BIDS_MAX;
use crate::{Map, Upsert};
use bson::{DateTime, Uuid};
use gavel_core::{AccountId, AuctionId};

/// The bidders of one auction whom records have named.
#[derive(Debug, Default)]
pub(super) struct Bidders {
    /// `None`: there is no document.
    held: Map<AccountId, Option<Held<Bidder>>>,
    /// Those whose documents say that they lead.
    leading: Vec<AccountId>,
    /// Those whose documents have changed, each once.
    changed: Vec<AccountId>,
}

/// How many bids and bidders more stand after a record than before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stood {
    pub(super) bids: i64,
    pub(super) bidders: i64,
}

/// A bid as its bidder's document takes it in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    pub(super) auction: AuctionId,
    pub(super) bidder: AccountId,
    pub(super) own: OwnBid,
    pub(super) status: BidderStatus,
}

/// Bids of a bidder that a record takes out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Withdrawal {
    /// Whose.
    pub(super) bidder: AccountId,
    /// Which one; `None`: all that stand.
    pub(super) bid: Option<Uuid>,
    /// The bidder is banned by it.
    pub(super) bans: bool,
}

impl Withdrawal {
    /// All of a bidder's.
    pub(super) const fn all(bidder: AccountId) -> Self {
        Self { bidder, bid: None, bans: false }
    }
}

impl Bidders {
    /// Whether it is known if this bidder has a document.
    pub(super) fn knows(&self, bidder: AccountId) -> bool {
        self.held.contains_key(&bidder)
    }

    /// How many documents there are.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Takes down that a bidder has this document, or none.
    pub(super) fn insert(&mut self, bidder: AccountId, document: Option<Bidder>) {
        if document.as_ref().is_some_and(|document| document.status.0 == BidderStatus::Leading) {
            self.leading.push(bidder);
        }
        self.held.insert(bidder, document.map(Held::stored));
    }

    /// What the bidder is called.
    pub(super) fn pseudonym(&self, bidder: AccountId) -> Option<i64> {
        self.held.get(&bidder)?.as_ref().map(|held| held.document.pseudonym)
    }

    /// True when whoever is called so is here, and leads.
    pub(super) fn has_leader(&self, pseudonym: i64) -> bool {
        self.leading.iter().any(|leader| self.pseudonym(*leader) == Some(pseudonym))
    }

    /// Takes a bid in. `None` where the document knows of it already.
    pub(super) fn bid(&mut self, offer: &Offer) -> Option<Stood> {
        let Offer { auction, bidder, own, status } = *offer;
        let slot = self.held.entry(bidder).or_default();
        let held = slot.get_or_insert_with(|| Held::new(Bidder::new(auction, bidder, own.seq, own.at)));
        if held.document.version >= own.seq {
            return None;
        }
        if held.document.status.0 != BidderStatus::Leading && status == BidderStatus::Leading {
            self.leading.push(bidder);
        }
        let is_back = held.document.bid_count == 0;
        held.document.take_bid(own, status);
        if held.touch() {
            self.changed.push(bidder);
        }
        Some(Stood { bids: 1, bidders: i64::from(is_back) })
    }

    /// Takes bids of a bidder out. `None` where the document knows of that already.
    pub(super) fn withdraw(&mut self, seq: i64, withdrawal: Withdrawal, leads: bool) -> Option<Stood> {
        let Withdrawal { bidder, bid, bans } = withdrawal;
        self.change(bidder, seq, |document| {
            let before = document.bid_count;
            document.withdraw(bid, leads);
            document.banned |= bans;
            let left = document.bid_count;
            Stood { bids: left - before, bidders: i64::from(left > 0) - i64::from(before > 0) }
        })
    }

    /// From this record on, nobody leads but this bidder.
    pub(super) fn lead(&mut self, seq: i64, leader: Option<AccountId>) {
        let before = std::mem::take(&mut self.leading);
        for bidder in before {
            if leader != Some(bidder) {
                self.move_from(bidder, seq, &[BidderStatus::Leading], BidderStatus::Outbid);
            }
            if self.leads(bidder) {
                self.leading.push(bidder);
            }
        }
    }

    fn leads(&self, bidder: AccountId) -> bool {
        let held = self.held.get(&bidder).and_then(Option::as_ref);
        held.is_some_and(|held| held.document.status.0 == BidderStatus::Leading)
    }

    /// From this record on, the bidder stands like this.
    pub(super) fn name(&mut self, bidder: AccountId, seq: i64, status: BidderStatus) {
        self.change(bidder, seq, |document| document.status = Word(status));
        if status == BidderStatus::Leading && !self.leading.contains(&bidder) {
            self.leading.push(bidder);
        }
    }

    /// The bidder is banned, or no longer.
    pub(super) fn ban(&mut self, bidder: AccountId, seq: i64, banned: bool) {
        self.change(bidder, seq, |document| document.banned = banned);
    }

    /// From this record on, all that stand in one of these ways stand in that way.
    pub(super) fn sweep(&mut self, seq: i64, from: &[BidderStatus], to: BidderStatus) {
        let all: Vec<AccountId> = self.held.keys().copied().collect();
        all.into_iter().for_each(|bidder| self.move_from(bidder, seq, from, to));
        let before = std::mem::take(&mut self.leading);
        self.leading = before.into_iter().filter(|bidder| self.leads(*bidder)).collect();
    }

    fn move_from(&mut self, bidder: AccountId, seq: i64, from: &[BidderStatus], to: BidderStatus) {
        let held = self.held.get(&bidder).and_then(Option::as_ref);
        if held.is_some_and(|held| from.contains(&held.document.status.0)) {
            self.change(bidder, seq, |document| document.status = Word(to));
        }
    }

    /// Changes a document by a record that it does not know of yet. `None` where it does, or there is none.
    fn change<T>(&mut self, bidder: AccountId, seq: i64, how: impl FnOnce(&mut Bidder) -> T) -> Option<T> {
        let held = self.held.get_mut(&bidder)?.as_mut().filter(|held| held.document.version < seq)?;
        held.document.version = seq;
        let result = how(&mut held.document);
        if held.touch() {
            self.changed.push(bidder);
        }
        Some(result)
    }

    /// Writes the documents that have changed, in the order of their accounts.
    pub(super) fn write(&mut self, into: &mut Vec<Upsert>) -> Result<(), Unwritable> {
        self.changed.sort_unstable();
        for bidder in self.changed.drain(..) {
            if let Some(Some(held)) = self.held.get_mut(&bidder) {
                let is_new = held.written();
                let Bidder { id, version, .. } = &held.document;
                into.push(upsert(&held.document, id.clone(), *version, is_new, Bidder::FIXED)?);
            }
        }
        Ok(())
    }
}

impl Bidder {
    /// Fields that never change.
    const FIXED: &[&str] = &["bidder", "auction", "pseudonym", "first_at"];

    fn new(auction: AuctionId, bidder: AccountId, seq: i64, at: DateTime) -> Self {
        Self {
            id: bidder_id(auction, bidder),
            version: 0,
            bidder: Text(bidder),
            auction: Text(auction),
            pseudonym: seq,
            status: Word(BidderStatus::Withdrawn),
            amount: None,
            bid_count: 0,
            bids_accepted: 0,
            bids: Vec::new(),
            first_at: at,
            last_at: at,
            banned: false,
        }
    }

    fn take_bid(&mut self, own: OwnBid, status: BidderStatus) {
        self.version = own.seq;
        self.status = Word(status);
        // Who has the highest maximum buys for less than it.
        self.amount = self.amount.max(Some(own.amount));
        self.bid_count += 1;
        self.bids_accepted += 1;
        if self.bids.len() >= OWN_BIDS_MAX {
            self.bids.remove(0);
        }
        self.bids.push(own);
        self.last_at = own.at;
    }

    fn withdraw(&mut self, bid: Option<Uuid>, leads: bool) {
        match bid {
            Some(bid) => {
                self.bid_count = (self.bid_count - 1).max(0);
                self.bids.retain(|own| own.bid_id != bid);
            }
            None => {
                self.bid_count = 0;
                self.bids.clear();
            }
        }
        self.amount = self.bids.iter().map(|own| own.amount).max();
        self.status = Word(match (leads, self.bid_count) {
            (true, _) => BidderStatus::Leading,
            (false, 0) => BidderStatus::Withdrawn,
            (false, _) => BidderStatus::Outbid,
        });
    }
}
