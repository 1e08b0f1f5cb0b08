//! The fixed terms under which an item is sold. Validated as a whole, once; every `Terms` in the system is valid.
//!
//! `TermsDraft` is what a client sent, `ValidDraft` is complete but unproven (as read from a log), `Terms` is proven. What a marketplace
//! says the same of most of its items, [`HouseRules`], lies in memory once for many of them.

use crate::{AccountId, Amount, Currency, Duration, Timestamp};
use std::sync::Arc;

pub mod defaults;
mod house;
mod increments;
mod validate;

pub use house::HouseRules;
pub use increments::{IncrementStep, Increments};

/// Valid terms, shared: a clone costs a counter. Made by [`Terms::validate`] or [`Terms::from_record`] only; the fields
/// can be read, not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    draft: Arc<ValidDraft>,
}

/// The fields of terms, all present; valid inside [`Terms`] only. Those of the house rules can be read as if they were its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidDraft {
    /// Who sells.
    pub seller: AccountId,
    /// Bids are taken from here on.
    pub starts_at: Timestamp,
    /// Bids at or after it are refused. Soft close and commands can move it later.
    pub ends_at: Timestamp,
    /// The least first bid.
    pub opening_price: Amount,
    /// Below it the item is not sold.
    pub reserve_price: Option<Amount>,
    /// A price at which the item can be had at once.
    pub buy_now: Option<BuyNow>,
    /// Placement goes by this text; by the seller where it is absent.
    pub placement_key: Option<Box<str>>,
    /// What many items have in common; from [`HouseRules::shared`].
    pub rules: Arc<HouseRules>,
}

// One of these for each auction: with the counters of its `Arc` exactly one size of memory that allocators have.
const _: () = assert!(size_of::<ValidDraft>() == 96);

/// Terms as a client sent them: nothing is checked yet, and what was absent is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `ValidDraft`, which documents them")]
pub struct TermsDraft {
    pub seller: Option<AccountId>,
    pub currency: Option<Currency>,
    /// Default: when the command was received. One in the past opens the auction at once.
    pub starts_at: Option<Timestamp>,
    /// Either this or `duration`.
    pub ends_at: Option<Timestamp>,
    /// From the start to the end; either this or `ends_at`.
    pub duration: Option<Duration>,
    /// Default: [`defaults::OPENING_PRICE`].
    pub opening_price: Option<Amount>,
    pub reserve_price: Option<Amount>,
    pub buy_now: Option<BuyNow>,
    /// Pairs of `from` and `step`. Default: [`defaults::STEP`] at every price.
    pub increments: Option<Vec<IncrementStep>>,
    pub soft_close: Option<SoftClose>,
    /// Default: [`defaults::PROXY`].
    pub proxy: Option<bool>,
    /// Default: [`defaults::RETRACTION`].
    pub retraction: Option<Retraction>,
    pub placement_key: Option<String>,
    /// Default: [`defaults::PAYMENT_WINDOW`].
    pub payment_window: Option<Duration>,
    /// Default: [`defaults::OFFER_WINDOW`].
    pub offer_window: Option<Duration>,
}

/// A price at which the item can be had at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuyNow {
    /// The price.
    pub price: Amount,
    /// When it goes away.
    pub policy: BuyNowPolicy,
}

/// When a buy-now price goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuyNowPolicy {
    /// The first accepted bid removes it.
    UntilFirstBid,
    /// It stays as long as the next bid could be had for no more than it.
    Always,
}

impl BuyNowPolicy {
    /// Its one spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UntilFirstBid => "until_first_bid",
            Self::Always => "always",
        }
    }
}

/// Late bids move the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SoftClose {
    /// Where the new end is counted from.
    pub mode: SoftCloseMode,
    /// Which bids count.
    pub trigger: SoftCloseTrigger,
    /// A bid counts when no more than this is left to the end.
    pub window: Duration,
    /// By how much the end moves.
    pub extension: Duration,
    /// The end never moves beyond this.
    pub hard_end: Option<Timestamp>,
}

/// Where a new end is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SoftCloseMode {
    /// The bid's time plus the extension (never earlier than the present end).
    FromBid,
    /// The present end plus the extension.
    FromEnd,
    /// The remaining time is set to the extension: the bid's time plus it, even where that is less than the present end
    /// leaves (an extension shorter than the window). So is it said in public: "the time period will reset to 10 minutes
    /// remaining" (BidSpotter, "What is timed bidding"). With an extension not below the window it is the same as
    /// `FromBid`.
    Reset,
}

/// Which bids move the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SoftCloseTrigger {
    /// Every accepted bid.
    Any,
    /// A bid that raised the price.
    Price,
    /// A bid that made a new leader.
    Leader,
}

impl SoftCloseMode {
    /// Its one spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FromBid => "from_bid",
            Self::FromEnd => "from_end",
            Self::Reset => "reset",
        }
    }
}

impl SoftCloseTrigger {
    /// Its one spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Price => "price",
            Self::Leader => "leader",
        }
    }
}

/// Whether and until when a bid can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retraction {
    /// Never.
    Never,
    /// As long as more than this is left to the end. Zero: any time before the end.
    Until(Duration),
}

/// What readers are shown of an item: a JSON object of at most
/// [`DETAILS_BYTES_MAX`](crate::limits::DETAILS_BYTES_MAX) bytes. Passed on through the log, never looked into here, and not kept in
/// the shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details(pub Box<str>);

/// What is wrong with one field of the terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field as the client spells it, e.g. `soft_close.window_s`.
    pub field: &'static str,
    /// What is wrong and what is allowed, in words.
    pub problem: std::borrow::Cow<'static, str>,
}

impl Terms {
    /// The least amount that anybody but the leader can bid at a price; `None` where no amount is high enough. Without a price: while no
    /// bid stands.
    #[must_use]
    pub fn min_next(&self, price: Option<Amount>) -> Option<Amount> {
        price.map_or(Some(self.opening_price), |price| self.increments.above(price))
    }
}

impl std::ops::Deref for ValidDraft {
    type Target = HouseRules;

    fn deref(&self) -> &HouseRules {
        &self.rules
    }
}

impl std::ops::Deref for Terms {
    type Target = ValidDraft;

    fn deref(&self) -> &ValidDraft {
        &self.draft
    }
}
