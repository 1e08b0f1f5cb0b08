//! The documents in memory that the fold goes on from.

use super::events::{Events, is_counted, named};
use super::group::Group;
use super::{FoldError, Output};
use crate::documents::{
    Auction, Bidder, Reserve, Seller, Stored, Unfit, Unwritable, auction_id, bidder_id, read, seller_id,
    write,
};
use crate::{Collection, Map, Set, Upsert};
use bson::RawDocumentBuf;
use gavel_core::auction::ReserveStatus;
use gavel_core::{AccountId, AuctionId, Event, EventKind, Position, ShardId};

/// Documents of one shard as they are stored, or as the fold has left them.
#[derive(Debug)]
pub struct Documents {
    shard: ShardId,
    groups: Map<AuctionId, Group>,
    sellers: Map<AccountId, Option<Held<Seller>>>,
    /// What the present batch has touched, in that order.
    auctions_touched: Vec<AuctionId>,
    sellers_touched: Vec<AccountId>,
}

/// A document, and whether it must be written.
#[derive(Clone, Debug)]
pub(super) struct Held<T> {
    pub(super) document: T,
    is_new: bool,
    is_changed: bool,
}

/// Documents that a batch needs and that are not in memory.
#[derive(Debug, Default)]
pub struct Wanted {
    auctions: Vec<AuctionId>,
    bidders: Vec<(AuctionId, AccountId)>,
    sellers: Vec<AccountId>,
    reserves: Vec<AuctionId>,
}

impl<T> Held<T> {
    /// One that there was none of.
    pub(super) const fn new(document: T) -> Self {
        Self { document, is_new: true, is_changed: false }
    }

    /// One as it is stored.
    pub(super) const fn stored(document: T) -> Self {
        Self { document, is_new: false, is_changed: false }
    }

    /// Takes down that it is changed. False when it was already.
    pub(super) const fn touch(&mut self) -> bool {
        !std::mem::replace(&mut self.is_changed, true)
    }

    /// Takes down that it is written as it is. True when it is a new one.
    pub(super) const fn written(&mut self) -> bool {
        self.is_changed = false;
        std::mem::replace(&mut self.is_new, false)
    }

    /// Whether it is changed.
    pub(super) const fn is_changed(&self) -> bool {
        self.is_changed
    }
}

impl Wanted {
    /// True when nothing more is needed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        let Self { auctions, bidders, sellers, reserves } = self;
        auctions.is_empty() && bidders.is_empty() && sellers.is_empty() && reserves.is_empty()
    }

    /// The ids to load, by collection. Those of one collection can be loaded in any number of parts.
    #[must_use]
    pub fn ids(&self, shard: ShardId) -> Vec<(Collection, Vec<String>)> {
        let Self { auctions, bidders, sellers, reserves } = self;
        let ids = [
            // Before the auctions: another projector writes those first, and so what is read here is not ahead of them.
            (
                Collection::Bidders,
                bidders.iter().map(|(auction, bidder)| bidder_id(*auction, *bidder)).collect(),
            ),
            (Collection::Reserves, reserves.iter().copied().map(auction_id).collect()),
            (Collection::Auctions, auctions.iter().copied().map(auction_id).collect()),
            (Collection::Sellers, sellers.iter().map(|seller| seller_id(*seller, shard)).collect::<Vec<_>>()),
        ];
        ids.into_iter().filter(|(_, ids)| !ids.is_empty()).collect()
    }
}

impl Documents {
    /// None in memory.
    #[must_use]
    pub fn new(shard: ShardId) -> Self {
        Self {
            shard,
            groups: Map::default(),
            sellers: Map::default(),
            auctions_touched: Vec::new(),
            sellers_touched: Vec::new(),
        }
    }

    /// The shard.
    #[must_use]
    pub const fn shard(&self) -> ShardId {
        self.shard
    }

    /// How many there are in memory, about: what is known to have no document counts too.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sellers.len() + self.groups.values().map(Group::len).sum::<usize>()
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.sellers.is_empty()
    }

    /// Forgets those that the latest batch did not need, where there are more than so many.
    pub fn shrink(&mut self, most: usize) {
        if self.len() > most {
            let auctions: Set<AuctionId> = self.auctions_touched.iter().copied().collect();
            let sellers: Set<AccountId> = self.sellers_touched.iter().copied().collect();
            self.groups.retain(|auction, _| auctions.contains(auction));
            self.sellers.retain(|seller, _| sellers.contains(seller));
        }
        if self.len() > most {
            *self = Self::new(self.shard);
        }
    }

    /// What a batch needs and is not here. To be asked until it is empty: which seller's document is needed, an auction's says.
    #[must_use]
    pub fn wanted(&self, events: &Events) -> Wanted {
        let mut wanted = Wanted::default();
        for (_, event) in events.iter() {
            self.want(event, &mut wanted);
        }
        wanted.auctions.sort_unstable();
        wanted.auctions.dedup();
        wanted.bidders.sort_unstable();
        wanted.bidders.dedup();
        wanted.sellers.sort_unstable();
        wanted.sellers.dedup();
        wanted.reserves.sort_unstable();
        wanted.reserves.dedup();
        wanted
    }

    fn want(&self, event: &Event, wanted: &mut Wanted) {
        let id = event.auction;
        let group = self.groups.get(&id);
        if group.is_none_or(|group| !group.knows_auction()) {
            wanted.auctions.push(id);
        }
        let unknown =
            named(&event.kind).filter(|bidder| group.is_none_or(|group| !group.bidders.knows(*bidder)));
        wanted.bidders.extend(unknown.map(|bidder| (id, bidder)));
        let auction = group.and_then(Group::auction);
        if let Some(group) = group
            && auction.is_some_and(|auction| auction.reserve_status.0 != ReserveStatus::None)
            && !group.knows_reserve()
        {
            wanted.reserves.push(id);
        }
        if is_counted(&event.kind) {
            let seller = match &event.kind {
                EventKind::Opened(opened) => Some(opened.terms.seller),
                _ => auction.map(|auction| auction.seller.0),
            };
            wanted.sellers.extend(seller.filter(|seller| !self.sellers.contains_key(seller)));
        }
    }

    /// Takes in what was found of what was wanted; what was not found is not there.
    ///
    /// # Errors
    /// A stored document is not what it should be.
    pub fn take(&mut self, wanted: &Wanted, found: &[(Collection, RawDocumentBuf)]) -> Result<(), Unfit> {
        let Wanted { auctions, bidders, sellers, reserves } = wanted;
        for id in auctions {
            self.groups.entry(*id).or_default().set_auction(None);
        }
        for (id, bidder) in bidders {
            self.groups.entry(*id).or_default().bidders.insert(*bidder, None);
        }
        for id in reserves {
            self.groups.entry(*id).or_default().set_reserve(None);
        }
        self.sellers.extend(sellers.iter().map(|seller| (*seller, None)));
        found.iter().try_for_each(|(collection, document)| self.insert(*collection, document))
    }

    fn insert(&mut self, collection: Collection, document: &RawDocumentBuf) -> Result<(), Unfit> {
        match collection {
            Collection::Auctions => {
                let auction: Auction = read(document)?;
                self.groups.entry(auction.id.0).or_default().set_auction(Some(auction));
            }
            Collection::Bidders => {
                let bidder: Bidder = read(document)?;
                let group = self.groups.entry(bidder.auction.0).or_default();
                group.bidders.insert(bidder.bidder.0, Some(bidder));
            }
            Collection::Sellers => {
                let seller: Seller = read(document)?;
                self.sellers.insert(seller.seller.0, Some(Held::stored(seller)));
            }
            Collection::Reserves => {
                let reserve: Reserve = read(document)?;
                self.groups.entry(reserve.id.0).or_default().set_reserve(Some(reserve));
            }
            // Nothing goes on from a bid.
            Collection::Bids => {}
        }
        Ok(())
    }

    /// A batch begins.
    pub(super) fn begin(&mut self) {
        self.auctions_touched.clear();
        self.sellers_touched.clear();
    }

    /// Takes the next event in.
    pub(super) fn fold_in(
        &mut self,
        position: Position,
        event: &Event,
        output: &mut Output,
    ) -> Result<(), FoldError> {
        let group = self.groups.entry(event.auction).or_default();
        if group.touch() {
            self.auctions_touched.push(event.auction);
        }
        group.take(position, event, output)?;
        match group.auction() {
            Some(auction) if is_counted(&event.kind) => {
                let seller = auction.seller.0;
                let slot = self.sellers.entry(seller).or_default();
                let held = slot.get_or_insert_with(|| Held::new(Seller::new(seller, self.shard)));
                if held.document.version < position.lsn.0.cast_signed() {
                    held.document.take(position, &event.kind, auction);
                    if held.touch() {
                        self.sellers_touched.push(seller);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What must be written: the auctions, and into `others` the rest.
    pub(super) fn write(&mut self, others: &mut Vec<Upsert>) -> Result<Vec<Upsert>, Unwritable> {
        let mut auctions = Vec::with_capacity(self.auctions_touched.len());
        for id in &self.auctions_touched {
            if let Some(group) = self.groups.get_mut(id) {
                auctions.extend(group.write(others)?);
            }
        }
        for seller in &self.sellers_touched {
            if let Some(Some(held)) = self.sellers.get_mut(seller) {
                let is_new = held.written();
                let document = &held.document;
                others.push(upsert(
                    document,
                    document.id.clone(),
                    document.version,
                    is_new,
                    &["seller", "shard"],
                )?);
            }
        }
        Ok(auctions)
    }
}

/// The guarded write of a document.
pub(super) fn upsert<T: Stored>(
    document: &T,
    id: String,
    version: i64,
    is_new: bool,
    unchanged: &'static [&'static str],
) -> Result<Upsert, Unwritable> {
    let collection = T::COLLECTION;
    Ok(Upsert { collection, id, version, is_new, unchanged, document: write(document)? })
}
