//! Every bound of the read side, in one place.

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
