//! Suites of bids, auctions and those who bid, over RESP. One binary, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

mod attempts;
mod bans;
mod busy;
mod idle;
mod input;
mod late;
mod placement;
mod race;
mod retries;
mod subscribe;
