//! Suites of the feed, and backups that live on it. One binary, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

mod backup;
mod backup_history;
mod backup_kill;
mod follow;
mod kill;
