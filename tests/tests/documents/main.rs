//! Suites of the read side: documents and the queries that are answered from them. One binary, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

mod harness;
mod kills;
mod queries;
mod same;
mod stores;
