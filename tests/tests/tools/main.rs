//! Suites of the load generator and the tools for the log. One binary, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

mod explain;
mod loadgen;
mod log;
