//! How a seller's document changes. An event says by itself what is to be counted.

use crate::documents::{Auction, Seller, Text, seller_id};
use gavel_core::event::{AfterUnpaid, Outcome};
use gavel_core::{AccountId, EventKind, Position, ShardId};
use std::collections::BTreeMap;

impl Seller {
    /// Before the first event.
    pub(super) fn new(seller: AccountId, shard: ShardId) -> Self {
        Self {
            id: seller_id(seller, shard),
            version: 0,
            seller: Text(seller),
            shard: i64::from(shard.0),
            opened: 0,
            live: 0,
            pending: 0,
            sold: 0,
            unsold: 0,
            cancelled: 0,
            failed_sales: 0,
            paid: BTreeMap::new(),
        }
    }

    /// Counts an event of one of the seller's auctions, whose document has taken it in already.
    pub(super) fn take(&mut self, position: Position, kind: &EventKind, auction: &Auction) {
        self.version = position.lsn.0.cast_signed();
        match kind {
            EventKind::Opened(_) => (self.opened, self.live) = (self.opened + 1, self.live + 1),
            EventKind::BoughtNow { .. } | EventKind::Ended { outcome: Outcome::Awarded { .. }, .. } => {
                (self.live, self.pending) = (self.live - 1, self.pending + 1);
            }
            EventKind::Ended { outcome: Outcome::Unsold(_), .. } => {
                (self.live, self.unsold) = (self.live - 1, self.unsold + 1);
            }
            EventKind::Cancelled { .. } => {
                (self.live, self.cancelled) = (self.live - 1, self.cancelled + 1);
            }
            EventKind::Paid => self.take_payment(auction),
            EventKind::Unpaid { next, .. } | EventKind::OfferEnded { next, .. } => {
                self.failed_sales += 1;
                if *next == AfterUnpaid::Unsold {
                    (self.pending, self.unsold) = (self.pending - 1, self.unsold + 1);
                }
            }
            EventKind::Started
            | EventKind::BidAccepted(_)
            | EventKind::BidRetracted(_)
            | EventKind::BidsRemoved(_)
            | EventKind::EndMoved { .. }
            | EventKind::DetailsEdited { .. }
            | EventKind::ReserveLowered { .. }
            | EventKind::OfferAccepted { .. }
            | EventKind::BidderBanned { .. }
            | EventKind::BidderUnbanned { .. } => {}
        }
    }

    fn take_payment(&mut self, auction: &Auction) {
        (self.pending, self.sold) = (self.pending - 1, self.sold + 1);
        // The price of what was awarded does not change any more, so a document that is ahead has the same one.
        let price = auction.price.map_or(0, |price| price.0.get().cast_signed());
        let sum = self.paid.entry(auction.terms.currency.clone()).or_default();
        *sum = sum.saturating_add(price);
    }
}
