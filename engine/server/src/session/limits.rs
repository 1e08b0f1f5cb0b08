//! The bounds of one connection.

/// Bytes of replies that wait for a slow reader before the connection is not read any more.
pub(crate) const OUTPUT_BYTES_MAX: usize = 1 << 20;
/// Commands whose replies were not sent yet before the connection is not read any more. More than a connection's credit
/// can be, so that one over its credit hears `BUSY` instead of nothing.
pub(crate) const SLOTS_MAX: usize = 2 * gavel_engine::limits::CONNECTION_CREDIT_MAX;
/// Moments at which answers were given that are told apart until their bytes are written.
pub(crate) const UNWRITTEN_MAX: usize = 16;
/// Bytes read at a time.
pub(crate) const READ_BYTES: usize = 64 * 1024;
/// Auctions that one connection subscribes to.
pub(crate) const SUBSCRIPTIONS_MAX: usize = 10_000;
/// Subscriptions of all connections together; each takes about half a kibibyte.
pub(crate) const ALL_SUBSCRIPTIONS_MAX: usize = 1_000_000;
/// Changes of subscribed auctions that wait in one connection; behind them each subscription holds only its latest.
pub(crate) const CHANGES_WAITING: usize = 64;
/// Connections that may follow shards at once.
pub(crate) const FOLLOWERS_MAX: usize = 128;
/// Portions of frames that wait in one connection, for all shards that it follows together.
pub(crate) const FRAMES_WAITING: usize = 2;
/// Milliseconds between two heartbeats of a followed shard.
pub(crate) const HEARTBEAT_MS: u64 = 1_000;
/// Commands to all shards that one connection has under way.
pub(crate) const WIDE_COMMANDS_MAX: usize = 16;
/// When the engine is closing, a connection ends once its client has been silent for so many milliseconds: longer than what is on its way
/// takes to arrive in any network that a bidding engine stands in.
pub(crate) const FAREWELL_SILENCE_MS: u64 = 100;
/// And after so many milliseconds whatever its client does.
pub(crate) const FAREWELL_MS: u64 = 1_000;
/// How long a closing connection is read past, so that its last replies arrive, in milliseconds.
pub(crate) const LINGER_MS: u64 = 500;

/// The most that one connection holds for a follower: what waits, what is being read, and what is encoded. The last portion may
/// be a frame larger than its bound.
const FOLLOWER_BYTES_MAX: usize = OUTPUT_BYTES_MAX
    + (FRAMES_WAITING + 1) * (gavel_engine::limits::FOLLOW_BYTES + gavel_log::limits::FRAME_BYTES_MAX);

const _: () = assert!(
    FOLLOWERS_MAX * FOLLOWER_BYTES_MAX <= 256 << 20,
    "followers that never read hold 256 MiB at most"
);
const _: () = assert!(SLOTS_MAX > gavel_engine::limits::CONNECTION_CREDIT_MAX);
