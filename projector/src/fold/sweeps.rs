//! The sweeps that the fold makes: what records do to documents that they don't name.

use crate::documents::{BidderStatus, WordLike as _};
use crate::{Collection, Sweep};
use bson::{Bson, Uuid};
use gavel_core::AuctionId;

/// Bidders who stand in one of these ways stand in that way from this record on.
pub(super) fn bidders(auction: AuctionId, seq: i64, from: &[BidderStatus], to: BidderStatus) -> Sweep {
    let from = from.iter().map(|status| status.word().into()).collect();
    Sweep {
        collection: Collection::Bidders,
        auction,
        version: seq,
        only: vec![("status", from)],
        set: vec![("status", to.word().into())],
    }
}

/// A bidder's bids before this record are withdrawn by it, as far as they were not before: one, or all.
pub(super) fn bids(auction: AuctionId, seq: i64, pseudonym: i64, bid: Option<Uuid>) -> Sweep {
    let mut only = vec![("bidder", vec![pseudonym.into()]), ("withdrawn_by", vec![Bson::Null])];
    if let Some(bid) = bid {
        only.push(("bid_id", vec![bid.into()]));
    }
    Sweep {
        collection: Collection::Bids,
        auction,
        version: seq,
        only,
        set: vec![("withdrawn_by", seq.into())],
    }
}
