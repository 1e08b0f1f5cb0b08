//! Every bound of the read side, in one place.

use std::time::Duration;

/// Bids that an auction's document shows: the latest ones.
pub const LATEST_BIDS_MAX: usize = 50;
/// Moments of an auction's timeline that its document shows: the first ones, and the latest one always.
pub const TIMELINE_MAX: usize = 200;
/// Bytes of appended details that an auction's document shows. Further ones are counted.
pub const DETAILS_ADDED_BYTES_MAX: usize = 1024 * 1024;
/// Images that an auction's document lists.
pub const IMAGES_MAX: usize = 100;
/// Bytes of a category's name. A longer one is none.
pub const CATEGORY_BYTES_MAX: usize = 256;
/// Bids that a bidder's document lists, of those that stand: the latest ones.
pub const OWN_BIDS_MAX: usize = 20;
/// Bytes of one document that MongoDB takes.
pub const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;

const _: () = assert!(
    // Details twice, once as they are and once taken apart; what is appended; a kibibyte for each bid, and for each moment with its reason.
    3 * gavel_core::limits::DETAILS_BYTES_MAX
        + 2 * DETAILS_ADDED_BYTES_MAX
        + (LATEST_BIDS_MAX + TIMELINE_MAX) * 1024
        < DOCUMENT_BYTES_MAX,
    "an auction's document fits"
);

/// Records that one batch takes in, at most.
pub const BATCH_RECORDS_MAX: usize = 50_000;
/// Records that one batch takes in, at least, where so many wait and the store is slow.
pub const BATCH_RECORDS_MIN: usize = 500;
/// Bytes of records that one batch takes in, about: one read of the log more may be in it.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long a batch should take: batches grow while it takes less than half of it, and shrink when it takes more than twice. Short,
/// because until it is written readers see nothing of it.
pub const BATCH_AIM: Duration = Duration::from_millis(250);
/// Batches that are written at once.
pub const PARALLEL_MAX: usize = 64;
/// Documents that are kept in memory to go on from, for all shards together, about.
pub const DOCUMENTS_MAX: usize = 200_000;
/// Documents that each shard may keep in any case.
pub const DOCUMENTS_MIN: usize = 1_000;
/// The longest time to the next try after a failure.
pub const RETRY_MAX: Duration = Duration::from_secs(5);
/// The time to the next try after a first failure.
pub const RETRY_MIN: Duration = Duration::from_millis(50);
/// How often the source is asked for further shards.
pub const SHARDS_EVERY: Duration = Duration::from_secs(1);

const _: () = assert!(BATCH_RECORDS_MIN <= BATCH_RECORDS_MAX);
