//! Suites of the rules. One binary, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]
#![allow(clippy::inconsistent_digit_grouping, reason = "1_00 is one dollar in cents")]

mod answers;
mod common;
mod examples;
mod image;
mod invariants;
mod offers;
mod oracle;
mod placement;
mod random;
mod rules;
mod table;
mod terms;
