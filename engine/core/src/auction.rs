//! One auction: its state, and the two functions `decide` and `apply`.
//!
//! ```text
//! Scheduled ──▶ Open ──▶ Awarded ──▶ Closed          Awarded, Offered: unpaid, declined or expired
//!     │          ├─────▶ Unsold ◀───┐  ▲                 ──▶ Offered to the next bidder, or Unsold
//!     └──────────┴─────▶ Cancelled  └──┴── Offered    Offered: accepted ──▶ Awarded
//! ```
//!
//! Invariants:
//! - `at` never goes back, and while bids are taken it lies before `ends_at`.
//! - The price falls only when bids are retracted or removed.
//! - The leader has the highest standing maximum, the earliest among equal ones.
//! - A price is never a bidder's maximum for its own sake, neither while bids are taken nor in an offer: opening price,
//!   reserve and the bids of the others take it there, or it stays below.
//! - Nothing changes in `Closed`, `Unsold` and `Cancelled`.
//!
//! ## Every command in every state
//!
//! "over" is an auction whose end has come but has not been decided yet: its pulse is a few milliseconds late, so that bids
//! stamped before the end and still queued are decided first. Nothing else can slip in between. An auction whose start has
//! come counts as open, whether or not its pulse has said so.
//!
//! | command | Scheduled | Open | over | Awarded | Offered | Closed, Unsold, Cancelled |
//! |---|---|---|---|---|---|---|
//! | Bid, BuyNow¹ | `NOTSTARTED` | yes | `CLOSED` | `CLOSED` | `CLOSED` | `CLOSED` |
//! | Retract, Remove | `NOTFOUND` | yes | `CLOSED` | `STATE` | `STATE` | `STATE` |
//! | End | `STATE` | yes | `CLOSED` | `STATE` | `STATE` | `STATE` |
//! | Extend, Edit, LowerReserve | yes | yes | `CLOSED` | `STATE` | `STATE` | `STATE` |
//! | Cancel | yes | yes | `CLOSED` | `STATE`² | `STATE`² | `STATE`; in Cancelled: nothing |
//! | Ban, Unban³ | yes | yes | `CLOSED` | yes | yes | `STATE` |
//! | Paid | `STATE` | `STATE` | `STATE` | yes⁴ | `STATE` | `STATE`; in Closed: nothing |
//! | Unpaid | `STATE` | `STATE` | `STATE` | yes⁴ | `STATE` | `STATE` |
//! | AcceptOffer | `STATE` | `STATE` | `STATE` | `STATE`⁵ | yes; `CLOSED` from its deadline on | `STATE` |
//! | DeclineOffer | `STATE` | `STATE` | `STATE` | `STATE` | yes⁴ | `STATE` |
//! | GiveBack | yes | yes | yes | `STATE` | `STATE` | `STATE` |
//! | Pulse | what is due: Started | Ended | Ended | Unpaid | OfferEnded | nothing |
//!
//! ¹ A retry of an accepted bid gets its first answer again, in every state. ² A winner has a contract; a sale that comes to
//! nothing ends by `Unpaid`. ³ After the end a ban removes no bids; it keeps the bidder from being offered a second chance, or
//! from taking one. ⁴ Also after the deadline, as long as no pulse has decided it: what has happened counts. ⁵ Nothing, when
//! it is the winner's own acceptance once more.

mod apply;
mod bidders;
mod bids;
mod decide;
mod digest;
pub mod export;
mod history;
pub mod import;
mod standing;
mod view;

use self::bidders::Bidders;
use self::bids::Bids;
use self::history::Rare;
use self::standing::Lead;
use crate::event::{Opened, Origin};
use crate::limits::DETAILS_BYTES_MAX;
use crate::rejection::LimitReached;
use crate::{
    AccountId, Amount, AuctionId, BanBook, BidId, Epoch, Event, EventKind, FieldError, Lsn, Open, Position,
    Rejection, Seq, Stamp, Terms, Timestamp,
};

pub use view::{ReserveStatus, View};

/// Where an auction is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Bids are not taken yet.
    Scheduled,
    /// Bids are taken.
    Open,
    /// Somebody has won and has not paid yet.
    Awarded,
    /// The runner-up has a second chance.
    Offered,
    /// Paid. Final.
    Closed,
    /// Nobody has won. Final.
    Unsold,
    /// Called off. Final.
    Cancelled,
}

impl State {
    /// True when nothing can happen any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Closed | Self::Unsold | Self::Cancelled)
    }
}

/// What a bid is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Leading, outbid or sold.
    pub standing: Standing,
    /// The price after the bid.
    pub price: Amount,
    /// One step above the price: the least amount that anybody else could bid next. The leader of a proxy auction must bid
    /// more than their own maximum instead. [`Amount::MAX`] where the price can't rise any further.
    pub min_next: Amount,
    /// The auction's end after the bid; for a purchase its time.
    pub ends_at: Timestamp,
    /// The bid.
    pub bid: BidId,
    /// The bid's record.
    pub position: Position,
}

/// How a bid stands right after it was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// `LEADING`.
    Leading,
    /// `OUTBID`: accepted, but another maximum is (at least) as high.
    Outbid,
    /// `SOLD`: bought now.
    Sold,
}

/// What a decision may look at beside the auction itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The engine's time for this command.
    pub stamp: Stamp,
    /// Bans of wider scope.
    pub bans: &'a BanBook,
}

/// What became of a command that was not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A new fact, to be applied and logged. Its origin is `Client`, but for pulses and time given back; the engine that
    /// carries out a ban of wider scope sets it to `Engine`.
    Event(Event),
    /// The same bid with the same id and content was accepted before: the first answer again.
    Repeat(Receipt),
    /// Nothing is due (a pulse), or what was asked for is so already (a repeated command without effect).
    Nothing,
}

/// One auction in memory. With ten bidders and bids it takes less than a kibibyte in all.
#[derive(Clone, Debug)]
pub struct Auction {
    id: AuctionId,
    terms: Terms,
    bids: Bids,
    bidders: Bidders,
    /// Leader (later: winner, offeree) and price; `None` while no bid stands.
    lead: Option<Lead>,
    /// The reserve price in force.
    reserve: Option<Amount>,
    /// The end in force; once it was ended early, bought or cancelled: that time.
    ends_at: Timestamp,
    /// In `Awarded` and `Offered`: the deadline.
    deadline: Timestamp,
    /// The time of the latest event.
    at: Timestamp,
    /// The latest event's record.
    lsn: Lsn,
    epoch: Epoch,
    seq: Seq,
    /// What most auctions don't need.
    rare: Option<Box<Rare>>,
    state: State,
}

impl Auction {
    /// The first event of a new auction.
    ///
    /// # Errors
    /// `InvalidTerms` when the terms do not fit the time of receipt (an end that is not in the future), `TooLarge` when the
    /// details are.
    pub fn open(id: AuctionId, open: Open, stamp: Stamp) -> Result<Event, Rejection> {
        let Open { terms, details, id: request, digest } = open;
        if terms.ends_at <= stamp.received {
            let error = FieldError { field: "ends_at", problem: "must lie in the future".into() };
            return Err(Rejection::InvalidTerms(Box::new([error])));
        }
        if details.0.len() > DETAILS_BYTES_MAX {
            return Err(Rejection::TooLarge(LimitReached::Details));
        }
        let opened = Opened { terms, details, id: request, digest };
        let kind = EventKind::Opened(Box::new(opened));
        Ok(Event { auction: id, seq: Seq(1), stamp, at: stamp.received, origin: Origin::Client, kind })
    }

    /// The auction that this first event makes. The event must be `Opened`; `None` otherwise.
    ///
    /// It is `Open` at once when its start has come by then; no `Started` follows.
    #[must_use]
    pub fn from_opened(event: &Event, position: Position) -> Option<Self> {
        let EventKind::Opened(opened) = &event.kind else { return None };
        let terms = opened.terms.clone();
        Some(Self {
            id: event.auction,
            bids: Bids::default(),
            bidders: Bidders::default(),
            lead: None,
            reserve: terms.reserve_price,
            ends_at: terms.ends_at,
            deadline: Timestamp::default(),
            at: event.at,
            lsn: position.lsn,
            epoch: position.epoch,
            seq: event.seq,
            rare: None,
            state: if event.at < terms.starts_at { State::Scheduled } else { State::Open },
            terms,
        })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> AuctionId {
        self.id
    }

    /// The terms, as they were fixed at its opening; end and reserve may have moved since.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Where it is in its life.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// The latest event.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// When the latest event was.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The latest event's record.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { shard: self.id.shard(), epoch: self.epoch, lsn: self.lsn }
    }

    /// True when the event is the one that comes next in this auction. Recovery refuses a log for which it is not.
    #[must_use]
    pub fn is_next(&self, event: &Event) -> bool {
        event.auction == self.id && Some(event.seq.0) == self.seq.0.checked_add(1) && event.at >= self.at
    }

    /// Reads what deciding a bid of this bidder will read. The answer means nothing and changes nothing.
    ///
    /// A bid is mostly waiting for memory: a handful of places that depend on each other, in one of many auctions. Whoever has
    /// several bids to decide touches all of them first, and the processor waits for all those places at once.
    #[must_use]
    pub fn touch(&self, bidder: AccountId) -> usize {
        let known = self.bidders.find(bidder).map_or(0, |number| number as usize);
        known ^ self.bids.len() ^ self.ends_at.micros() as usize
    }

    /// When something is due next: start, end, payment or offer deadline. None in final states.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        match self.state {
            State::Scheduled => Some(self.terms.starts_at),
            State::Open => Some(self.ends_at),
            State::Awarded | State::Offered => Some(self.deadline),
            State::Closed | State::Unsold | State::Cancelled => None,
        }
    }

    /// Who leads, has won or has the offer.
    fn leader(&self) -> Option<AccountId> {
        self.lead.and_then(|lead| self.bidders.account(lead.bidder))
    }

    /// The least amount that anybody but the leader can bid next; `None` where no amount is high enough.
    fn min_next(&self) -> Option<Amount> {
        self.terms.min_next(self.price())
    }

    /// True when the bidder is banned from this auction alone.
    fn is_banned_here(&self, bidder: AccountId) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.banned.binary_search(&bidder).is_ok())
    }
}
