//! Documents of `auctions`: all that a page of one auction shows.

use super::value::{Money, Text, Word, WordLike, steps};
use super::{BidStatus, Stored};
use crate::Collection;
use bson::{DateTime, Uuid};
use gavel_core::auction::{ReserveStatus, State};
use gavel_core::event::Resolution;
use gavel_core::terms::{BuyNowPolicy, SoftCloseMode, SoftCloseTrigger};
use gavel_core::{AccountId, AuctionId, Increments, Position};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// One auction as of its record `version`.
///
/// Bidders are called by their pseudonym in this auction: the number of the record of their first accepted bid. It says nothing that the
/// history of bids does not show anyway, and can't be led back to an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Auction {
    /// The auction.
    #[serde(rename = "_id")]
    pub id: Text<AuctionId>,
    /// The latest record's number in the auction.
    pub version: i64,
    /// That record's place in the log.
    pub position: Text<Position>,
    /// Where the auction is in its life.
    pub state: Word<State>,
    /// Who sells.
    pub seller: Text<AccountId>,
    /// The text `title` of the details.
    pub title: Option<String>,
    /// The text `description` of the details.
    pub description: Option<String>,
    /// The text `category` of the details.
    pub category: Option<String>,
    /// The texts `images` of the details, and of what was appended to them.
    pub images: Vec<String>,
    /// The details in force: the JSON as the seller wrote it.
    pub details: String,
    /// What was appended to them, in order.
    pub details_added: Vec<String>,
    /// How many more were appended than are kept here.
    pub details_omitted: i64,
    /// When it was opened.
    pub opened_at: DateTime,
    /// From when on bids are taken.
    pub starts_at: DateTime,
    /// The end in force. Once it was ended early, bought or cancelled: that time.
    pub ends_at: DateTime,
    /// When the latest event was.
    pub at: DateTime,
    /// When it ended: nobody can bid any more.
    pub ended_at: Option<DateTime>,
    /// Until when it must be paid, or the offer taken.
    pub deadline: Option<DateTime>,
    /// When nothing could happen any more.
    pub final_at: Option<DateTime>,
    /// The price; null while no bid stands.
    pub price: Option<Money>,
    /// What a list shows and sorts by: the price, or the opening price while no bid stands.
    pub current_price: Money,
    /// The least amount that anybody but the leader can bid next; null where no amount is high enough.
    pub min_next: Option<Money>,
    /// The buy-now price, while it can be had.
    pub buy_now: Option<Money>,
    /// The pseudonym of whoever leads, has won, or has the offer. Null in `unsold` and `cancelled`.
    pub leader: Option<i64>,
    /// None, not met or met.
    pub reserve_status: Word<ReserveStatus>,
    /// Bids that stand.
    pub bid_count: i64,
    /// Bidders of whom a bid stands.
    pub bidder_count: i64,
    /// Bids ever accepted.
    pub bids_accepted: i64,
    /// How often a bid has moved the end.
    pub extensions: i64,
    /// The latest bids, latest first; those that were withdrawn say so.
    pub bids: VecDeque<LatestBid>,
    /// What else has happened, in order.
    pub timeline: Vec<Moment>,
    /// How many moments are left out before the last one.
    pub timeline_omitted: i64,
    /// How it has come out, as far as it has.
    pub outcome: Option<Word<Resolution>>,
    /// The fixed terms, but for the reserve price.
    pub terms: Terms,
}

/// One of the latest bids.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatestBid {
    /// Its record's number in the auction.
    pub seq: i64,
    /// The bid.
    pub bid_id: Uuid,
    /// Its bidder's pseudonym.
    pub bidder: i64,
    /// The price after it.
    pub price: Money,
    /// How it came out at the time.
    pub status: Word<BidStatus>,
    /// When it was.
    pub at: DateTime,
    /// The new end, where it moved the end.
    pub extended_to: Option<DateTime>,
    /// The number of the record that took it out again, if one did.
    pub withdrawn_by: Option<i64>,
}

/// Something that happened, other than a bid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Its record's number in the auction.
    pub seq: i64,
    /// What: the type of the event, as every face spells it.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub at: DateTime,
    /// The pseudonym of whom it was about: who bought, won, was offered it, or lost their bids.
    pub bidder: Option<i64>,
    /// The price after it, where it says one.
    pub price: Option<Money>,
    /// A new end or a deadline, where it sets one.
    pub until: Option<DateTime>,
    /// What a bidder or the seller gave as the reason. The operator's reasons are not shown.
    pub reason: Option<String>,
}

/// The fixed terms, as far as everybody may know them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// The currency that all amounts count the minor unit of.
    pub currency: String,
    /// The first end.
    pub ends_at: DateTime,
    /// The least first bid.
    pub opening_price: Money,
    /// The price at which it can be had at once.
    pub buy_now: Option<BuyNow>,
    /// The steps by price: from which price on, the next bid must be at least how much higher.
    #[serde(with = "steps")]
    pub increments: Increments,
    /// Late bids move the end.
    pub soft_close: Option<Extension>,
    /// True: a bid is a secret maximum. False: it is the price itself.
    pub proxy: bool,
    /// A bid can be taken back as long as more seconds than this are left; null: never.
    pub retraction_until_s: Option<i64>,
    /// How long the winner has to pay.
    pub payment_window_s: i64,
    /// How long the runner-up has to take a second chance.
    pub offer_window_s: i64,
}

/// A price at which the item can be had at once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BuyNow {
    /// The price.
    pub price: Money,
    /// When it goes away.
    pub policy: Word<BuyNowPolicy>,
}

/// How late bids move the end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extension {
    /// Where the new end is counted from.
    pub mode: Word<SoftCloseMode>,
    /// Which bids count.
    pub trigger: Word<SoftCloseTrigger>,
    /// A bid counts when no more seconds than this are left.
    pub window_s: i64,
    /// By how much the end moves.
    pub extension_s: i64,
    /// The end never moves beyond this.
    pub hard_end: Option<DateTime>,
}

impl Stored for Auction {
    const COLLECTION: Collection = Collection::Auctions;
}

impl WordLike for BuyNowPolicy {
    const ALL: &'static [Self] = &[Self::UntilFirstBid, Self::Always];

    fn word(self) -> &'static str {
        self.name()
    }
}

impl WordLike for SoftCloseMode {
    const ALL: &'static [Self] = &[Self::FromBid, Self::FromEnd, Self::Reset];

    fn word(self) -> &'static str {
        self.name()
    }
}

impl WordLike for SoftCloseTrigger {
    const ALL: &'static [Self] = &[Self::Any, Self::Price, Self::Leader];

    fn word(self) -> &'static str {
        self.name()
    }
}
