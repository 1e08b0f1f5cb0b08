//! What everybody may see of an auction: no maximum of anybody, and no reserve price.

use super::{Auction, Receipt, Standing, State};
use crate::auction::bids::Bid;
use crate::{AccountId, Amount, BidId, Position, Seq, Timestamp};

/// What everybody may see of an auction's present state. Small and `Copy`: it is published once per commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Where it is in its life.
    pub state: State,
    /// The latest event.
    pub seq: Seq,
    /// That event's record.
    pub position: Position,
    /// The price; `None` while no bid stands.
    pub price: Option<Amount>,
    /// The least amount that anybody else than the leader could bid next. (The leader of a proxy auction must bid more than
    /// their own maximum, which only they know.) [`Amount::MAX`] where the price can't rise any further.
    pub min_next: Amount,
    /// Who leads, or has won, or has the offer. `None` in `Unsold` and `Cancelled`.
    pub leader: Option<AccountId>,
    /// Bids that stand.
    pub bid_count: u32,
    /// Bidders whose bids stand.
    pub bidder_count: u32,
    /// None, not met or met.
    pub reserve: ReserveStatus,
    /// The buy-now price, while it can be had.
    pub buy_now: Option<Amount>,
    /// When bids are taken from.
    pub starts_at: Timestamp,
    /// When they end. Once it was ended early, bought or cancelled: that time.
    pub ends_at: Timestamp,
    /// When the latest event was.
    pub at: Timestamp,
}

/// What is told about the reserve price, which itself is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReserveStatus {
    /// There is none.
    None,
    /// The price is below it.
    NotMet,
    /// It is reached.
    Met,
}

impl ReserveStatus {
    /// Its one spelling, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NotMet => "not_met",
            Self::Met => "met",
        }
    }
}

impl Auction {
    /// What everybody may see.
    #[must_use]
    pub fn view(&self) -> View {
        let takes_bids = matches!(self.state, State::Scheduled | State::Open);
        View {
            state: self.state,
            seq: self.seq,
            position: self.position(),
            price: self.price(),
            min_next: self.min_next().unwrap_or(Amount::MAX),
            leader: if matches!(self.state, State::Unsold | State::Cancelled) { None } else { self.leader() },
            bid_count: self.bids.standing(),
            bidder_count: self.bidders.standing(),
            reserve: self.reserve_status(),
            buy_now: if takes_bids { self.buy_now().ok() } else { None },
            starts_at: self.terms.starts_at,
            ends_at: self.ends_at,
            at: self.at,
        }
    }

    /// The price; `None` while no bid stands.
    pub(super) fn price(&self) -> Option<Amount> {
        self.lead.map(|lead| lead.price)
    }

    pub(super) fn reserve_status(&self) -> ReserveStatus {
        match self.reserve {
            None => ReserveStatus::None,
            Some(reserve) if self.price().is_some_and(|price| price >= reserve) => ReserveStatus::Met,
            Some(_) => ReserveStatus::NotMet,
        }
    }

    /// What an accepted bid was told, whatever has become of it since. Right after `apply` of `BidAccepted` or `BoughtNow`
    /// it is what the bidder is to be told now. Retracted and removed bids keep theirs. `None` for an unknown bid.
    #[must_use]
    pub fn receipt(&self, bid: BidId) -> Option<Receipt> {
        let index = self.bids.find(self.id, bid)?;
        Some(self.receipt_of(bid, self.bids.get(index)?))
    }

    pub(super) fn receipt_of(&self, id: BidId, bid: &Bid) -> Receipt {
        let epoch = self.rare.as_ref().map_or(self.epoch, |rare| rare.epoch_at(bid.seq, self.epoch));
        let first_end = self.terms.ends_at;
        Receipt {
            standing: match (bid.is_purchase(), bid.led()) {
                (true, _) => Standing::Sold,
                (false, true) => Standing::Leading,
                (false, false) => Standing::Outbid,
            },
            price: bid.price,
            min_next: self.terms.increments.above(bid.price).unwrap_or(Amount::MAX),
            ends_at: self.rare.as_ref().map_or(first_end, |rare| rare.end_at(bid.seq, first_end)),
            bid: id,
            position: Position { shard: self.id.shard(), epoch, lsn: bid.lsn },
        }
    }
}
