//! Suites of the life of a server: start, crash, recovery, a full disk, what it keeps and what it says. One binary, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

mod disk_full;
mod graceful;
mod history;
mod kill;
mod kill_recovery;
mod logs;
mod ownership;
mod recovery;
mod snapshots;
