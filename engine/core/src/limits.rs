//! Every bound of the rules, in one place, with their relations proved at compile time.

/// The largest [`Amount`](crate::Amount): 2^53 - 1, the largest integer that every JSON reader keeps exact.
pub const AMOUNT_MAX: u64 = (1 << 53) - 1;
/// The largest [`Timestamp`](crate::Timestamp) in microseconds: 9999-12-31T00:00:00Z, the last day RFC 3339 can write.
pub const TIMESTAMP_MAX_US: u64 = 253_402_214_400_000_000;
/// Shards that one deployment can have: the id keeps 8 bits for it.
pub const SHARDS_MAX: usize = 256;
/// Auctions that one shard can open on one day: the text form of an id has eight digits for it.
pub const SEQUENCE_MAX: u64 = 99_999_999;
/// Auctions that one shard holds in memory.
pub const AUCTIONS_PER_SHARD_MAX: usize = 1 << 24;
/// Accepted bids that one auction remembers, for retries, retraction and removal.
pub const BIDS_PER_AUCTION_MAX: u32 = 1 << 24;
/// Steps in one increment table.
pub const INCREMENTS_MAX: usize = 32;
/// Bytes of an auction's details as JSON text.
pub const DETAILS_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a reason given for a retraction, removal or cancellation (UTF-8).
pub const REASON_BYTES_MAX: usize = 256;
/// Bytes of a consumer's name.
pub const CONSUMER_NAME_BYTES_MAX: usize = 64;
/// Bytes of a placement key (UTF-8).
pub const PLACEMENT_KEY_BYTES_MAX: usize = 128;
/// Ranges in one placement policy.
pub const RANGES_MAX: usize = 512;
/// Bytes of all keys of one range table together (UTF-8).
pub const RANGE_KEYS_BYTES_MAX: usize = 16 * 1024;
/// Placement policies that wait for their time.
pub const POLICIES_PENDING_MAX: usize = 64;
/// Explicit entries of the placement directory.
pub const DIRECTORY_ENTRIES_MAX: usize = 100_000;
/// The longest time from an auction's start to its hard end, in seconds: 366 days.
pub const AUCTION_DURATION_MAX_S: u64 = 366 * 86_400;
/// The farthest an auction's start may lie in the future, in seconds: 366 days.
pub const START_AHEAD_MAX_S: u64 = 366 * 86_400;
/// The longest soft-close window and extension, in seconds: one day.
pub const SOFT_CLOSE_MAX_S: u64 = 86_400;
/// Bans (over all scopes) that one shard remembers.
pub const BANS_MAX: usize = 1_000_000;
/// Bidders banned in one auction.
pub const AUCTION_BANS_MAX: usize = 10_000;
/// Appended or edited details per auction, so that one auction's history stays bounded.
pub const EDITS_PER_AUCTION_MAX: u32 = 1_000;
/// Events of one auction after which clients' commands other than bids are refused, so that a [`Seq`](crate::Seq) never
/// overflows: bids have their own bound, and the engine's own events are few.
pub const EVENTS_PER_AUCTION_MAX: u32 = 1 << 31;
/// Auctions that leave memory by one event.
pub const RETIRED_PER_EVENT_MAX: usize = 256;
/// The longest time a winner can have to pay, in seconds: 90 days.
pub const PAYMENT_WINDOW_MAX_S: u64 = 90 * 86_400;
/// The longest time a runner-up can have to take an offer, in seconds: 30 days.
pub const OFFER_WINDOW_MAX_S: u64 = 30 * 86_400;

const _: () = assert!(SEQUENCE_MAX < 1 << 40, "the sequence has 40 bits in an AuctionId");
const _: () = assert!(SHARDS_MAX <= 1 << 8, "the shard has 8 bits in an AuctionId");
const _: () =
    assert!(TIMESTAMP_MAX_US / 86_400_000_000 > u16::MAX as u64, "AuctionId's day bounds opening, not time");
const _: () = assert!(AMOUNT_MAX.checked_add(AMOUNT_MAX).is_some(), "two amounts can be added in 64 bits");
const _: () = assert!(
    RANGE_KEYS_BYTES_MAX + RANGES_MAX * 16 < 28 * 1024,
    "a range table fits into one record of one frame"
);
const _: () = assert!(
    EVENTS_PER_AUCTION_MAX.checked_add(BIDS_PER_AUCTION_MAX * 2).is_some(),
    "bids and the engine's own events fit a Seq beside the clients' commands"
);
const _: () = assert!(
    TIMESTAMP_MAX_US
        > (65_536 * 86_400 + START_AHEAD_MAX_S + AUCTION_DURATION_MAX_S + PAYMENT_WINDOW_MAX_S) * 1_000_000,
    "no deadline of an auction opened on a day that an AuctionId can name is cut off by the end of time"
);
