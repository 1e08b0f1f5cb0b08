//! Goal: documents say what the log says and what the engine says, however its records come: in batches of any cut, twice, again from the
//! start, by two projectors at once, with a crash after any write.
//!
//! Method: random commands drive a few auctions of one shard by the rules themselves ([`history`]); their events become records. A store in
//! memory ([`store`]) writes batches as the guards say, document by document, and can stop anywhere. What lies in it afterwards is held against
//! a naive oracle ([`oracle`]) that looks at whole histories, and against the engine's own view. Seeds are printed with a failure.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod cuts;
mod examples;
mod history;
mod oracle;
mod secrets;
mod store;

/// How many times as many rounds as usual the random tests run.
fn rounds() -> u64 {
    std::env::var("GAVEL_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}
