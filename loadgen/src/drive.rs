//! The hot part of a run: threads that make bids, send them, and take the answers in.
//!
//! ```text
//! worker (one thread) ── plan, clock, ledger block, statistics
//!   └─ lane (one connection) ── bids in flight, in order; bids to be sent again; two buffers
//! ```
//!
//! Sockets do not block; a worker sleeps in one `poll` over its lanes, reads the clock once per read or write, encodes all
//! that is due into one buffer, and decodes all that came in one pass. No bid allocates.

mod bid;
mod books;
mod face;
mod lane;
mod socket;
mod stats;
mod worker;

pub(crate) use bid::uuid_bits;
pub(crate) use stats::{Shared, Stats};
pub(crate) use worker::{Plot, Worker};
