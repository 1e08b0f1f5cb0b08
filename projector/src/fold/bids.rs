//! Bids as everybody may see them.

use crate::documents::{Bid, BidStatus, LatestBid, Money, Word, bid_id, bid_uuid, time};
use gavel_core::event::BidAccepted;
use gavel_core::{AuctionId, Event, EventKind, Seq};

impl LatestBid {
    /// The bid that an event is, if it is one; its bidder by their pseudonym.
    pub(super) fn of(event: &Event, bidder: i64) -> Option<Self> {
        let (id, price, status, extended_to) = match &event.kind {
            EventKind::BidAccepted(bid) => {
                // The amount is the bidder's secret.
                let BidAccepted { id, bidder: _, amount: _, price, leading, extended_to } = *bid;
                (id, price, if leading { BidStatus::Leading } else { BidStatus::Outbid }, extended_to)
            }
            EventKind::BoughtNow { id, buyer: _, price, pay_by: _ } => (*id, *price, BidStatus::Sold, None),
            _ => return None,
        };
        Some(Self {
            seq: event.seq.0.into(),
            bid_id: bid_uuid(id),
            bidder,
            price: Money(price),
            status: Word(status),
            at: time(event.at),
            extended_to: extended_to.map(time),
            withdrawn_by: None,
        })
    }
}

impl Bid {
    /// The document of a bid that was just accepted.
    pub(super) fn new(auction: AuctionId, seq: Seq, bid: LatestBid) -> Self {
        let LatestBid { seq: version, bid_id: id, bidder, price, status, at, extended_to, withdrawn_by } =
            bid;
        let _id = bid_id(auction, seq);
        Self { id: _id, version, bid_id: id, bidder, price, status, at, extended_to, withdrawn_by }
    }
}
