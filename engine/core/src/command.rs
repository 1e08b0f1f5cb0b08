//! Requests to one auction, before the rules have judged them.

use crate::{AccountId, Amount, AuctionId, BidId, Details, OpenId, ShardId, Terms, Timestamp};

/// Words given for a retraction, removal or cancellation: 1 ..= [`REASON_BYTES_MAX`](crate::limits::REASON_BYTES_MAX) bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(pub Box<str>);

/// What happens to the standing bids of a bidder who is banned. Part of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandingBids {
    /// They stay as they are.
    Keep,
    /// They are removed, and the price is computed anew from the bids that remain.
    Remove,
}

/// A request to an auction that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Offers up to `amount` (with proxy bidding) or exactly `amount` (without).
    Bid {
        /// Who bids.
        bidder: AccountId,
        /// The secret maximum, or the price itself where the terms have no proxy bidding.
        amount: Amount,
        /// The client's id for it; the engine assigns one where there is none.
        id: Option<BidId>,
    },
    /// Takes the auction at its buy-now price.
    BuyNow {
        /// Who buys.
        bidder: AccountId,
        /// The client's id for it; the engine assigns one where there is none.
        id: Option<BidId>,
    },
    /// Takes one bid back, where the terms allow it.
    Retract {
        /// The bid.
        bid: BidId,
        /// Why.
        reason: Reason,
    },
    /// Removes all bids of one bidder.
    Remove {
        /// Whose.
        bidder: AccountId,
        /// Why.
        reason: Reason,
    },
    /// Moves the end to a later time.
    Extend {
        /// The new end.
        ends_at: Timestamp,
    },
    /// Ends the auction now, by the same rules as at its end.
    End,
    /// Calls the auction off: nobody wins.
    Cancel {
        /// Why.
        reason: Reason,
    },
    /// Replaces the details before the first bid, appends to them after it.
    Edit {
        /// The new or further details.
        details: Details,
    },
    /// Lowers the reserve price, or drops it.
    LowerReserve {
        /// The new reserve; `None` drops it.
        reserve: Option<Amount>,
    },
    /// The winner has paid.
    Paid,
    /// The winner will not pay: the auction is offered to the runner-up, or is unsold.
    Unpaid,
    /// The runner-up takes the offer.
    AcceptOffer {
        /// Who; must be the one it was made to.
        bidder: AccountId,
    },
    /// The runner-up does not take the offer.
    DeclineOffer {
        /// Who; must be the one it was made to.
        bidder: AccountId,
    },
    /// Bans a bidder from this auction.
    Ban {
        /// Who.
        bidder: AccountId,
        /// What happens to their bids.
        standing: StandingBids,
    },
    /// Lifts a ban from this auction.
    Unban {
        /// Who.
        bidder: AccountId,
    },
    /// Time has passed: starts, ends or expires what is due at the stamp. Decides nothing when nothing is due.
    Pulse,
    /// Gives an auction back the time it lost to an outage.
    GiveBack {
        /// The new end.
        ends_at: Timestamp,
    },
}

/// A request to open an auction, its terms already validated as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The terms, for good.
    pub terms: Terms,
    /// What readers are shown; passed on, not kept.
    pub details: Details,
    /// The client's id for the request, so that a retry opens nothing twice.
    pub id: Option<OpenId>,
    /// Digest of the request as it was sent, from [`Open::digest_of`]: equal for a retry, however much later, because
    /// nothing in it depends on when it was received.
    pub digest: u128,
}

/// Names the shard a command belongs to. What has no shard key cannot be routed, and does not compile.
pub trait ShardKeyed {
    /// The shard that owns what the command is about.
    fn shard(&self) -> ShardId;
}

impl ShardKeyed for AuctionId {
    fn shard(&self) -> ShardId {
        AuctionId::shard(*self)
    }
}
