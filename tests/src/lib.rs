//! The harness of the end-to-end suites: it starts real `gavel` processes in fresh directories and talks to them over TCP.
//!
//! The suites are in `tests/`, one file each; what they share is here. Rules that all of it keeps:
//!
//! - The RESP client and the price computation are written a second time here, from the specification: a mistake in the
//!   server's own codec or rules can't hide behind itself.
//! - Waiting means asking until the answer is there, never sleeping and hoping. Every wait has an end, at which it fails.
//! - A server dies with its handle; what it wrote to stderr is shown when its test fails.
//! - The harness fails by panicking, with a message that says what was expected and what came.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a harness fails by panicking, and its messages say why"
)]

pub mod backup;
pub mod binaries;
pub mod client;
pub mod command_line;
pub mod copy;
pub mod fixtures;
pub mod history;
pub mod http;
pub mod log_tool;
pub mod mongodb;
pub mod oracle;
pub mod postgres;
pub mod process;
pub mod receipt;
pub mod records;
pub mod reply;
pub mod rounds;
pub mod server;
pub mod storm;
pub mod tail;
pub mod tmpfs;
pub mod tool;
pub mod wait;

pub use client::Client;
pub use fixtures::Item;
pub use history::History;
pub use http::Http;
pub use mongodb::ReplicaSet;
pub use oracle::Ascending;
pub use postgres::Cluster;
pub use receipt::{Receipt, Standing};
pub use reply::Reply;
pub use rounds::rounds;
pub use server::{Options, Server};
pub use storm::Storm;
pub use tail::Tail;
