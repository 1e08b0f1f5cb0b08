//! The engine as a whole, over logs in memory: real shards, real log thread, real recovery. One file per subject.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "that is how a test fails")]

mod acknowledgement;
mod attempts;
mod bans;
mod clock;
mod common;
mod credit;
mod follow;
mod history;
mod opening;
mod outage;
mod pipeline;
mod placement;
mod recovery;
mod retiring;
mod stages;
mod stop;
mod subscriptions;
mod time;
