//! Every bound of the relational copy, in one place.

/// Records that one transaction takes in, at most.
pub const BATCH_RECORDS_MAX: usize = 50_000;
/// Bytes of records that one transaction takes in, about: one read of the log more may be in it.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
