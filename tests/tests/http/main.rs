//! Suites of HTTP. One binary, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

mod api;
mod clients;
mod events;
mod hostile;
mod lines;
