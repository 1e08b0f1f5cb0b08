//! Suites of the relational copy. One binary, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

mod connect;
mod copy;
mod log;
mod operations;
mod outage;
mod retention;
mod schema;
mod verify;
