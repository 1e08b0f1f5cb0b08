//! Suites of the log. One binary, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

mod attempts;
mod common;
mod conformance;
mod damage;
mod fixture;
mod frames;
mod identity;
mod kill;
mod lossy;
mod mark;
mod offline;
mod power_loss;
mod records;
mod rules;
mod snapshots;
mod state;
mod trim;
