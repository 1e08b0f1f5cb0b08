//! Every bound of the engine, in one place, with the proof that nothing behind a session can block or overflow.
//!
//! Credit is counted in commands. A message between threads carries at least one command that holds credit, so there are
//! never more messages than credit, and a queue as long as all credit together can never be full.

/// Commands that may be under way in the whole process at once, at most (a setting chooses less).
pub const CREDIT_MAX: usize = 1 << 18;
/// Commands that may be under way in the whole process at once, unless set.
pub const CREDIT_DEFAULT: usize = 1 << 16;
/// Commands of one connection that may be under way at once, at most (a setting chooses less).
pub const CONNECTION_CREDIT_MAX: usize = 1 << 16;
/// Commands of one connection that may be under way at once, unless set.
pub const CONNECTION_CREDIT_DEFAULT: usize = 1 << 13;
/// Credit that a port takes from the process at a time, so that bids don't each touch the shared counter.
pub const CREDIT_CHUNK: usize = 64;
/// Messages without credit that one shard may have in the log thread's channel: its first records, then what its pulses have
/// decided. A pulse that finds so many there waits until the log thread has taken some.
pub const OWN_MESSAGES_PER_SHARD: usize = 4;
/// Messages without credit in the process.
pub const OWN_MESSAGES: usize = OWN_MESSAGES_PER_SHARD * gavel_core::limits::SHARDS_MAX;
/// Credit of operators' commands, apart from the bidders': a ban must not wait for the storm it is meant for. One such command is
/// under way at a time, with one message for each shard.
pub const OPERATOR_CREDIT: usize = gavel_core::limits::SHARDS_MAX;
/// Questions that a shard's mailbox may hold: one inspection, one look at its bans, one slice of a snapshot. Each is asked by one at
/// a time, who waits for the answer before they ask the next.
pub const QUESTIONS_PER_SHARD: usize = 3;
/// Messages that a shard's mailbox takes.
pub const MAILBOX_MESSAGES: usize =
    CREDIT_MAX + OPERATOR_CREDIT + QUESTIONS_PER_SHARD + OWN_MESSAGES_PER_SHARD;
/// Messages that the channel to the log thread takes, above the credit that is set.
pub const LOG_CHANNEL_SLACK: usize = OPERATOR_CREDIT + OWN_MESSAGES;
/// Refused commands that may wait for the journal of attempts; more are dropped and counted.
pub const ATTEMPTS_WAITING_MAX: usize = 1 << 14;
/// Batches of refused commands that may wait for the journal.
pub const ATTEMPT_BATCHES_MAX: usize = 1 << 12;
/// Refused commands that a port gathers before it hands them over, at most.
pub const ATTEMPTS_PER_PORT: usize = 256;
/// Milliseconds between two looks of the journal's thread: with the room that the queue has, the bound of how many refused
/// commands a second are written, and so of what a storm of them costs.
pub const ATTEMPTS_LOOK_MS: u64 = 100;
/// Bytes of records after which the log thread stops collecting and commits.
pub const COMMIT_BYTES_MAX: usize = 8 << 20;
/// Auctions that one pulse decides before the shard looks at its mailbox again.
pub const AUCTIONS_PER_PULSE: usize = 256;
/// Bytes after which a slice of a snapshot ends: what a shard is held for at a time is the writing of so many, well under a
/// millisecond.
pub const SLICE_BYTES: usize = 64 * 1024;
/// Items of one auction's lists that go into a slice in one go.
pub const SLICE_ITEMS: u32 = 1_024;
/// Places of auctions that a slice looks at, as many of them may be empty.
pub const SLICE_PLACES: usize = 16 * 1024;
/// The most that a slice can have beyond its end: an auction's terms, bans and one run of its lists, or a part of the bans of
/// wider scope.
const SLICE_OVERRUN: usize =
    32 * 1024 + 16 * gavel_core::limits::AUCTION_BANS_MAX + 33 * SLICE_ITEMS as usize * 2;
/// Threads for shards, at most.
pub const THREADS_MAX: usize = 64;
/// How late after an auction's time its pulse may be set to come, in milliseconds.
pub const PULSE_GRACE_MS_MAX: u64 = 1_000;
/// How late after an auction's time its pulse comes unless set, in milliseconds.
pub const PULSE_GRACE_MS_DEFAULT: u64 = 5;
/// How far the system clock may part from the engine's before it is reported, in milliseconds.
pub const DRIFT_REPORTED_MS: u64 = 1_000;
/// Microseconds between two synced marks.
pub const MARK_INTERVAL_US: u64 = 1_000_000;
/// Named consumers that are kept.
pub const CONSUMERS_MAX: usize = 64;
/// Bytes of the latest frames that the ring of one shard keeps for followers.
pub const RING_BYTES_MAX: usize = 4 << 20;
/// Bytes of frames that the rings of all shards keep together, above what each may always keep.
pub const RINGS_BYTES_MAX: usize = 32 << 20;
/// Bytes of frames that the ring of a shard may keep however many others there are.
pub const RING_BYTES_MIN: usize = 64 << 10;
/// Bytes of frames that a follower is handed at a time, from the ring or from disk; a frame more at most.
pub const FOLLOW_BYTES: usize = 256 << 10;
/// Followers that read the disk at the same time. The others wait for them, and nobody else does.
pub const FOLLOWERS_READING_MAX: usize = 4;
/// Milliseconds between two saves of the consumers' cursors.
pub const CONSUMERS_SAVED_EVERY_MS: u64 = 1_000;

/// How long final auctions stay in memory unless set, in seconds: 4 hours.
pub const RETIRE_AFTER_S_DEFAULT: u64 = 4 * 3_600;
/// How long final auctions may be set to stay in memory, in seconds: 31 days.
pub const RETIRE_AFTER_S_MAX: u64 = 31 * 86_400;
/// Seconds after which a shard with new records gets a snapshot unless set.
pub const SNAPSHOT_EVERY_S_DEFAULT: u64 = 300;
/// The most seconds that can be set for it: one day.
pub const SNAPSHOT_EVERY_S_MAX: u64 = 86_400;
/// New records after which a shard gets a snapshot unless set.
pub const SNAPSHOT_EVERY_RECORDS_DEFAULT: u64 = 1_000_000;
/// The least that can be set for it.
pub const SNAPSHOT_EVERY_RECORDS_MIN: u64 = 1_000;
/// The most that can be set for it.
pub const SNAPSHOT_EVERY_RECORDS_MAX: u64 = 1_000_000_000;
/// What the log's file may take unless set, in MiB.
pub const LOG_MAX_MB_DEFAULT: u64 = 1_024;
/// The least that can be set for it, in MiB: eight of sled's segments.
pub const LOG_MAX_MB_MIN: u64 = 64;
/// The most that can be set for it, in MiB: 1 TiB.
pub const LOG_MAX_MB_MAX: u64 = 1 << 20;
/// Days that archive files are kept unless set.
pub const ARCHIVE_KEEP_DAYS_DEFAULT: u64 = 30;
/// The most days that can be set: a hundred years.
pub const ARCHIVE_KEEP_DAYS_MAX: u64 = 36_500;
/// The most that can be set for the size of the archive, in MiB: 1 PiB.
pub const ARCHIVE_MAX_MB_MAX: u64 = 1 << 30;

const _: () = assert!(
    MAILBOX_MESSAGES > CREDIT_MAX + OPERATOR_CREDIT + QUESTIONS_PER_SHARD,
    "a mailbox has room for all credit, all questions and a pulse: it can never be full"
);
const _: () = assert!(
    LOG_CHANNEL_SLACK >= OPERATOR_CREDIT + OWN_MESSAGES,
    "the log's channel has room for all credit and all messages without: it can never be full"
);
const _: () =
    assert!(CONNECTION_CREDIT_MAX <= CREDIT_MAX, "a connection has no more credit than the process");
const _: () = assert!(
    RINGS_BYTES_MAX + RING_BYTES_MIN * gavel_core::limits::SHARDS_MAX <= 48 << 20,
    "the rings of all shards hold at most 48 MiB"
);
const _: () = assert!(
    gavel_log::limits::FRAME_BYTES_MAX <= RING_BYTES_MIN
        && RING_BYTES_MIN <= RING_BYTES_MAX
        && RING_BYTES_MAX <= RINGS_BYTES_MAX,
    "every ring holds its latest frame, whatever the others hold"
);
const _: () = assert!(CREDIT_DEFAULT <= CREDIT_MAX && CONNECTION_CREDIT_DEFAULT <= CONNECTION_CREDIT_MAX);
const _: () =
    assert!(CREDIT_CHUNK <= CONNECTION_CREDIT_DEFAULT, "a chunk is not more than a connection may have");
const _: () = assert!(
    SLICE_BYTES + SLICE_OVERRUN <= gavel_log::limits::SNAPSHOT_BLOCK_BYTES_MAX,
    "every slice fits a block of a snapshot"
);
