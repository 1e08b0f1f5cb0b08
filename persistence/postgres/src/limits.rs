//! Every bound of the relational copy, in one place.

use std::time::Duration;

/// Records that one transaction takes in, at most.
pub const BATCH_RECORDS_MAX: usize = 50_000;
/// Records that one transaction takes in, at least, where so many wait and PostgreSQL is slow.
pub const BATCH_RECORDS_MIN: usize = 500;
/// Bytes of records that one transaction takes in, about: one read of the log more may be in it.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long a transaction should take: batches grow while it takes less than half of it, and shrink when it takes more than twice.
pub const BATCH_AIM: Duration = Duration::from_secs(1);
/// Bytes of the filters that spare questions, for all shards of a flusher together, about.
pub const NEWCOMERS_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of one shard's filter, at least.
pub const NEWCOMERS_BYTES_MIN: usize = 128 * 1024;
/// Auctions that one shard's filter knows of.
pub const NEWCOMERS_AUCTIONS_MAX: usize = 100_000;
/// Databases that shards are written to.
pub const DATABASES_MAX: usize = 64;
/// Batches that are written to one database at once, each on a connection of its own.
pub const CONNECTIONS_MAX: usize = 64;
/// Auctions of one shard that are held because a record of theirs is parked. Beyond it something is wrong with the database as a whole,
/// and the shard waits.
pub const HELD_MAX: usize = 100_000;
/// The longest time to the next try after a failure.
pub const RETRY_MAX: Duration = Duration::from_secs(10);
/// The time to the next try after a first failure.
pub const RETRY_MIN: Duration = Duration::from_millis(100);
/// How long it takes until a shard's trouble that has come again is said again.
pub const SAY_AGAIN: Duration = Duration::from_secs(600);
/// How long a connection to one host may take, where the connection string does not say.
pub const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long a transaction may take, getting its connection included, before its connection is given up.
pub const WRITE_MAX: Duration = Duration::from_secs(120);
/// How long a shard may take to find out where it stands in its database, beside the time that a connection may take.
pub const ATTACH_MAX: Duration = Duration::from_secs(30);
/// How long batches that are being written may take once it is to stop. What is not done then is written after the next start.
pub const STOP_MAX: Duration = Duration::from_secs(10);
/// How often the source is asked for further shards.
pub const SHARDS_EVERY: Duration = Duration::from_secs(1);
/// How often what is parked is counted.
pub const PARKED_EVERY: Duration = Duration::from_secs(5);
/// Parked records that are taken in with one transaction.
pub const RETRIED_MAX: i64 = 10_000;

const _: () = assert!(BATCH_RECORDS_MIN <= BATCH_RECORDS_MAX);
// Databases that do not answer are given up before the shard that asks them is.
const _: () = assert!(RETRY_MAX.as_secs() < ATTACH_MAX.as_secs());

/// How long dropping a partition may make readers and writers wait at a time.
pub const DROP_LOCK_MAX: Duration = Duration::from_secs(1);
/// How often it is tried before the day is left for another time.
pub const DROP_TRIES_MAX: u32 = 5;
/// How often it is looked whether a day's partitions may go.
pub const RETENTION_EVERY: Duration = Duration::from_secs(600);
/// Auctions that are compared with their rows at a time.
pub const VERIFY_AUCTIONS_MAX: usize = 1_000;
/// Bids and events of auctions that are compared at a time, about: one auction more may be among them.
pub const VERIFY_RECORDS_MAX: usize = 100_000;
/// Bytes of what events say that are compared at a time, about: one auction more may be among them.
pub const VERIFY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Records that are delivered again with one transaction.
pub const REPUBLISH_BATCH_MAX: usize = 10_000;
/// Records that a delivery may have to read while it holds the shard's cursor, about: what is before them is read earlier.
pub const CAUGHT_UP_WITHIN: u64 = 10_000;
