//! Suites of what people hold in their hands: the command line, clients that are not ours, the demo, the pages. One binary, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

mod command_line;
mod demo;
mod pages;
mod strangers;
mod watch;
