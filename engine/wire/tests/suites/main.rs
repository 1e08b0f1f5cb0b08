//! Suites of the wire. One binary, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

mod client;
mod commands_page;
mod decode;
mod feed;
mod replies;
mod requests;
mod terms;
