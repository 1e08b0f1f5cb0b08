//! The bounds of HTTP. Sessions of RESP have their own; credit and open files are shared by both.

/// Bytes of a JSON body. Terms with the largest details that the rules allow fit.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one line of a stream of bids.
pub(crate) const LINE_BYTES_MAX: usize = 1_024;
/// Bids of one stream that are under way, or whose answers were not taken by the reader yet. At most a connection's credit.
pub(crate) const STREAM_BIDS_MAX: usize = 1_024;
/// Bytes of answers that one stream puts together before the reader takes them.
pub(crate) const STREAM_OUTPUT_BYTES: usize = 32 * 1024;
/// Characters of an `Idempotency-Key`.
pub(crate) const KEY_CHARS_MAX: usize = 255;
/// Answers that are remembered by their `Idempotency-Key`, for the requests whose ids the log does not keep; the oldest go first.
pub(crate) const ANSWERS_MAX: usize = 65_536;
/// How long they are remembered, in seconds: one day.
pub(crate) const ANSWERS_S: u64 = 86_400;
/// Requests with such a key that are under way at once.
pub(crate) const KEYED_REQUESTS_MAX: usize = 4_096;
/// Commands to all shards that are under way; they are carried out one at a time.
pub(crate) const WIDE_COMMANDS_MAX: usize = 64;

/// How long the head of a connection's first request may take, in seconds.
pub(crate) const HEAD_S: u64 = 10;
/// How long a body may take, in seconds; a stream of bids has its own time.
pub(crate) const BODY_S: u64 = 10;
/// How long a stream of bids may be silent while none of its bids is under way, in seconds.
pub(crate) const STREAM_SILENT_S: u64 = 60;
/// How long a connection may be idle between two requests, in seconds.
pub(crate) const KEEP_ALIVE_S: u64 = 75;
/// How long what was sent may stay unread by the other side before the connection is cut, in seconds.
pub(crate) const UNREAD_S: u32 = 30;
/// How long connections may take to end once the engine has stopped, in seconds.
pub(crate) const END_S: u64 = 2;
/// What `Retry-After` says, in seconds.
pub(crate) const RETRY_AFTER_S: u32 = 1;

/// How long a query waits for the documents to have what it demands, in milliseconds.
pub(crate) const AT_LEAST_WAIT_MS: u64 = 2_000;

/// Connections that wait to be taken.
pub(crate) const BACKLOG: u32 = 4_096;

/// Seconds between two signs of life on a stream of events that has nothing else to say.
pub(crate) const HEARTBEAT_S: u64 = 15;
/// What a client is told to wait before it connects again, in milliseconds.
pub(crate) const RECONNECT_MS: u32 = 2_000;
/// Between two states of one auction on the same thread, for each of its subscribers there, in microseconds: what writing to all of
/// them takes. So bidders keep the processor, and states that come faster are told as one.
pub(crate) const PACE_US_PER_SUBSCRIBER: u64 = 12;
/// Records of the shard that are looked through for what a subscriber has missed.
pub(crate) const RESUME_RECORDS_MAX: u64 = 1_000_000;
/// Changes that a subscriber is told of when it comes back.
pub(crate) const RESUME_CHANGES_MAX: usize = 1_000;
/// Auctions for whose subscribers the log is read at the same time, in the whole process.
pub(crate) const RESUMES_MAX: usize = 2;
/// Auctions whose latest changes are kept for those who come back.
pub(crate) const READINGS_MAX: usize = 32;
/// How many changes are kept of each; some 300 bytes a change.
pub(crate) const READING_CHANGES_MAX: usize = 2 * RESUME_CHANGES_MAX;
/// How long they are kept after somebody came back for them, in seconds.
pub(crate) const READING_KEPT_S: u64 = 60;
/// How long a subscriber waits for its turn, in seconds, before it is told the state only.
pub(crate) const RESUME_WAIT_S: u64 = 5;

const _: () = assert!(
    BODY_BYTES_MAX > 2 * gavel_core::limits::DETAILS_BYTES_MAX,
    "the largest details fit a body, with the terms around them"
);
const _: () = assert!(STREAM_BIDS_MAX <= gavel_engine::limits::CONNECTION_CREDIT_MAX);
