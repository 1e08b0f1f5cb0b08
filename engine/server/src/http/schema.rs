//! The JSON of other crates as it is described in `/openapi.json`: written there by hand, so described here by hand; tests hold the two
//! together.

use super::problem;
use super::requests::BidReceipt;
use super::text::{AccountText, AuctionText, PositionText, TimeText};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::{IntoResponses, ToSchema};

/// The terms of a new auction. Amounts are integers of the currency's minor unit; what is null is as if it was not there.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what gavel-wire reads")]
pub(super) struct Terms {
    /// Who sells.
    seller: AccountText,
    /// ISO 4217, three capitals.
    #[schema(pattern = "^[A-Z]{3}$", example = "KRW")]
    currency: String,
    /// When bids are taken from; when the request was received, unless said.
    starts_at: Option<TimeText>,
    /// When they end; this or `duration_s` is required.
    ends_at: Option<TimeText>,
    /// Seconds from the start to the end.
    #[schema(minimum = 1, example = 3600)]
    duration_s: Option<u32>,
    /// The least first bid; 1 unless said.
    #[schema(minimum = 1, maximum = 9007199254740991u64)]
    opening_price: Option<u64>,
    /// Below it the item is not sold; secret.
    #[schema(minimum = 1, maximum = 9007199254740991u64)]
    reserve_price: Option<u64>,
    /// A price at which the item can be had at once.
    buy_now: Option<BuyNow>,
    /// The steps by price; 1 at every price unless said.
    #[schema(min_items = 1, max_items = 32)]
    increments: Option<Vec<Step>>,
    /// Late bids move the end.
    soft_close: Option<SoftClose>,
    /// True, unless said: a bid is a secret maximum. False: it is the price itself.
    proxy: Option<bool>,
    /// Until when a bid can be taken back; never unless said.
    retraction: Option<Retractable>,
    /// Placement goes by this text; by the seller unless said.
    #[schema(min_length = 1, max_length = 128)]
    placement_key: Option<String>,
    /// How long the winner has to pay, in seconds; 7 days unless said.
    #[schema(minimum = 1, maximum = 7776000)]
    payment_window_s: Option<u32>,
    /// How long a second chance stands, in seconds; 1 day unless said.
    #[schema(minimum = 1, maximum = 2592000)]
    offer_window_s: Option<u32>,
    /// For the readers; at most 16,384 bytes without spaces, at most 32 deep.
    #[schema(value_type = Option<Object>)]
    details: Option<()>,
}

/// An auction's present state, durable; what everybody may see. Amounts are integers of the currency's minor unit.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what gavel-wire writes")]
pub(super) struct Auction {
    id: AuctionText,
    state: AuctionState,
    /// Null while no bid stands.
    #[schema(required = true)]
    price: Option<u64>,
    /// The least amount that anybody but the leader could bid next.
    min_next: u64,
    /// Who leads, has won, or has the offer.
    #[schema(required = true)]
    leader: Option<AccountText>,
    /// Bids that stand.
    bid_count: u32,
    /// Bidders whose bids stand.
    bidder_count: u32,
    reserve_status: ReserveStatus,
    starts_at: TimeText,
    /// The present end.
    ends_at: TimeText,
    /// The number of the latest event of the auction.
    seq: u32,
    /// Its place in the log.
    position: PositionText,
    /// When it was.
    at: TimeText,
    seller: AccountText,
    /// ISO 4217.
    currency: String,
    /// How many decimals its minor unit is; null where ISO 4217 says none.
    #[schema(required = true)]
    currency_exponent: Option<u8>,
    opening_price: u64,
    /// There as long as it can be had.
    #[schema(required = true)]
    buy_now: Option<BuyNow>,
    increments: Vec<Step>,
    #[schema(required = true)]
    soft_close: Option<SoftClose>,
    proxy: bool,
    retraction: Retractable,
    payment_window_s: u32,
    offer_window_s: u32,
}

/// Where an auction is in its life.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what gavel-wire writes")]
pub(super) enum AuctionState {
    Scheduled,
    Open,
    Awarded,
    Offered,
    Closed,
    Unsold,
    Cancelled,
}

/// What is told of the reserve price.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what gavel-wire writes")]
pub(super) enum ReserveStatus {
    None,
    NotMet,
    Met,
}

/// A price at which the item can be had at once.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what gavel-wire reads and writes")]
pub(super) struct BuyNow {
    #[schema(minimum = 1, maximum = 9007199254740991u64)]
    price: u64,
    /// `until_first_bid` unless said.
    policy: Option<BuyNowPolicy>,
}

/// What removes a buy-now price.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what gavel-wire reads and writes")]
pub(super) enum BuyNowPolicy {
    UntilFirstBid,
    Always,
}

/// From this price on, the next bid must be at least so much higher.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what gavel-wire reads and writes")]
pub(super) struct Step {
    #[schema(maximum = 9007199254740991u64)]
    from: u64,
    #[schema(minimum = 1, maximum = 9007199254740991u64)]
    step: u64,
}

/// Late bids move the end.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what gavel-wire reads and writes")]
pub(super) struct SoftClose {
    /// From where the extension counts; `from_bid` unless said.
    mode: Option<SoftCloseMode>,
    /// What moves the end; `any` unless said.
    trigger: Option<SoftCloseTrigger>,
    /// How long before the end a bid counts as late, in seconds.
    #[schema(minimum = 1, maximum = 86400)]
    window_s: u32,
    /// By how much the end moves, in seconds; as the window unless said.
    #[schema(minimum = 1, maximum = 86400)]
    extension_s: Option<u32>,
    /// The end never moves beyond it.
    hard_end: Option<TimeText>,
}

/// From where a soft close counts.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what gavel-wire reads and writes")]
pub(super) enum SoftCloseMode {
    FromBid,
    FromEnd,
    Reset,
}

/// What moves the end.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what gavel-wire reads and writes")]
pub(super) enum SoftCloseTrigger {
    Any,
    Price,
    Leader,
}

/// Until when a bid can be taken back.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what gavel-wire reads and writes")]
pub(super) enum Retractable {
    Never(Never),
    Until {
        /// So many seconds before the end.
        until_s: u32,
    },
}

/// Never.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what gavel-wire reads and writes")]
pub(super) enum Never {
    Never,
}

/// The answer to one line of a stream of bids: its number (from 1, blank lines not counted), and a receipt or a problem.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes lines that are put together as texts")]
pub(super) enum LineAnswer {
    Accepted(BidReceipt),
    Refused(problem::Body),
}

/// A page of documents.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes documents, which are written as they are stored")]
pub(super) struct DocumentPage {
    /// The documents, in order. `projector/DOCUMENTS.md` tells of every field; here `_id` is `id`, and times are RFC 3339.
    items: Vec<serde_json::Map<String, serde_json::Value>>,
    /// `after` of the following page; null on the last one.
    #[schema(required = true)]
    next: Option<String>,
}

/// How a seller's auctions have come out so far. Every count is of auctions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SellerSums {
    /// The seller.
    pub(super) seller: AccountText,
    /// Ever opened.
    pub(super) opened: i64,
    /// Whose end has not come.
    pub(super) live: i64,
    /// To be paid, or offered to the runner-up.
    pub(super) pending: i64,
    /// Paid.
    pub(super) sold: i64,
    /// Ended without anybody having won, or paid.
    pub(super) unsold: i64,
    /// Called off.
    pub(super) cancelled: i64,
    /// Winners who did not pay, and second chances that came to nothing.
    pub(super) failed_sales: i64,
    /// What was paid, by currency, in its minor unit.
    pub(super) paid: BTreeMap<String, i64>,
}

impl SellerSums {
    /// Of a seller who has sold nothing.
    pub(super) const fn none(seller: gavel_core::AccountId) -> Self {
        Self {
            seller: AccountText(seller),
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
}

/// How the process is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `loading`, `ready`, `closing` or `failed`.
    pub(super) status: &'static str,
}

/// The shards, and where new auctions go.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Shards {
    /// By number.
    pub(super) shards: Vec<Shard>,
    /// The policy in force.
    pub(super) policy: &'static str,
    /// It and those that come, by time.
    pub(super) policies: Vec<Policy>,
    /// The explicit entries: keys and their shards.
    pub(super) directory: BTreeMap<String, u8>,
}

/// One shard.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Shard {
    /// Its number.
    pub(super) shard: u8,
    /// `active`; `draining`: no new auctions; `gone`: its last one is final.
    pub(super) status: &'static str,
    /// Auctions that something can still happen to.
    pub(super) unfinished: u64,
    /// Auctions in a final state that are still in memory.
    pub(super) r#final: u64,
    /// Its last durable record.
    pub(super) durable: u64,
}

/// A placement policy.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Policy {
    /// From when on.
    pub(super) from: TimeText,
    /// `key`, `sequence`, `range` or `directory`.
    pub(super) policy: &'static str,
    /// Of `range`: the ranges.
    pub(super) ranges: Vec<Range>,
}

/// Keys from `from` on, up to the next range's, go to this shard.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Range {
    /// The first key.
    pub(super) from: String,
    /// Where they go.
    pub(super) shard: u8,
}

/// The feed's named consumers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Consumers {
    /// By name.
    pub(super) consumers: Vec<Consumer>,
}

/// One that follows by name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Consumer {
    /// Its name.
    pub(super) name: String,
    /// Whether a connection follows under this name now.
    pub(super) connected: bool,
    /// When it followed, acknowledged or left last.
    pub(super) last_seen: TimeText,
    /// Each shard that it has ever followed.
    pub(super) shards: Vec<ConsumerShard>,
}

/// How far a consumer has got in one shard.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConsumerShard {
    /// The shard.
    pub(super) shard: u8,
    /// The last record that it is done with.
    pub(super) cursor: PositionText,
    /// The last record that is durable.
    pub(super) durable: PositionText,
    /// Records between the two.
    pub(super) records_behind: u64,
    /// How long ago the oldest of them was decided, in seconds.
    pub(super) behind_s: f64,
}

/// Why a request was not carried out; `code` says it in one word. Statuses go by the code, but for what only HTTP knows.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes what any request may be answered")]
pub(super) enum Refused {
    /// `INVALID`: something in the request is not what it must be
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(problem::Body),
    /// `SELLERBID`, `BANNED`: this bidder may not; or a browser's page of another site has asked
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(problem::Body),
    /// `NOTFOUND`: there is no such auction, bid or ban
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(problem::Body),
    /// The answer's media type is not among those of `Accept`
    #[response(status = 406, content_type = "application/problem+json")]
    NotAcceptable(problem::Body),
    /// The body came too slowly
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(problem::Body),
    /// `TOOLOW`, `CLOSED`, `NOTSTARTED`, `STATE`, `IDCONFLICT`: not as things stand
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(problem::Body),
    /// The body is too large
    #[response(status = 413, content_type = "application/problem+json")]
    BodyTooLarge(problem::Body),
    /// The body's media type is another than is read here
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(problem::Body),
    /// `TOOLARGE`: a bound is reached
    #[response(status = 422, content_type = "application/problem+json")]
    TooLarge(problem::Body),
    /// `BUSY`: too many requests of this kind are under way
    #[response(status = 429, content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds")))]
    TooMany(problem::Body),
    /// `BUSY`, `LOADING`: not now; try again
    #[response(status = 503, content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds")))]
    Unavailable(problem::Body),
}
