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
/// Questions that a shard's mailbox may hold: one inspection, and one look at its bans. Each is asked by one at a time.
pub const QUESTIONS_PER_SHARD: usize = 2;
/// Messages that a shard's mailbox takes.
pub const MAILBOX_MESSAGES: usize =
    CREDIT_MAX + OPERATOR_CREDIT + QUESTIONS_PER_SHARD + OWN_MESSAGES_PER_SHARD;
/// Messages that the channel to the log thread takes, above the credit that is set.
pub const LOG_CHANNEL_SLACK: usize = OPERATOR_CREDIT + OWN_MESSAGES;
/// Bytes of records after which the log thread stops collecting and commits.
pub const COMMIT_BYTES_MAX: usize = 8 << 20;
/// Auctions that one pulse decides before the shard looks at its mailbox again.
pub const AUCTIONS_PER_PULSE: usize = 256;
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
pub const FOLLOW_BYTES: usize = 128 << 10;
/// Followers that read the disk at the same time. The others wait for them, and nobody else does.
pub const FOLLOWERS_READING_MAX: usize = 4;
/// Milliseconds between two saves of the consumers' cursors.
pub const CONSUMERS_SAVED_EVERY_MS: u64 = 1_000;

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
