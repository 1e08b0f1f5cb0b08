//! The bounds of one connection.

/// Bytes of replies that wait for a slow reader before the connection is not read any more.
pub(crate) const OUTPUT_BYTES_MAX: usize = 1 << 20;
/// Commands whose replies were not sent yet before the connection is not read any more. More than a connection's credit
/// can be, so that one over its credit hears `BUSY` instead of nothing.
pub(crate) const SLOTS_MAX: usize = 2 * gavel_engine::limits::CONNECTION_CREDIT_MAX;
/// Bytes read at a time.
pub(crate) const READ_BYTES: usize = 64 * 1024;
/// Auctions that one connection subscribes to.
pub(crate) const SUBSCRIPTIONS_MAX: usize = 10_000;
/// Subscriptions of all connections together; each takes about half a kibibyte.
pub(crate) const ALL_SUBSCRIPTIONS_MAX: usize = 1_000_000;
/// Changes of subscribed auctions that wait in one connection; behind them each subscription holds only its latest.
pub(crate) const CHANGES_WAITING: usize = 64;
/// Commands to all shards that one connection has under way.
pub(crate) const WIDE_COMMANDS_MAX: usize = 16;
/// How long a closing connection is read past, so that its last replies arrive, in milliseconds.
pub(crate) const LINGER_MS: u64 = 500;

const _: () = assert!(SLOTS_MAX > gavel_engine::limits::CONNECTION_CREDIT_MAX);
