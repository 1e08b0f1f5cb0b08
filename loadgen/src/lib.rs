//! Load for a Gavel server, the ledger of what it acknowledged, and the proof that it kept its word.
//!
//! ```text
//! run:    options ─▶ open auctions ─▶ workers (one thread, many connections) ─▶ Report ─▶ text, JSON, hlog, page
//!                                        └─▶ ledger: every acknowledged bid, every bid of unknown fate
//! verify: ledger + server ─▶ ask every bid again ─▶ compute every auction anew ─▶ compare ─▶ Verdict
//! ```
//!
//! Both are plain blocking functions that make their own threads: [`run()`] and [`verify()`]. An asynchronous caller
//! puts them on a blocking thread. Nothing here shares code with the engine beyond ids and the wire format, so that a
//! mistake in the rules cannot hide itself in the check.

pub mod board;
pub mod cli;
pub mod distribution;
mod drive;
mod ending;
mod info;
pub mod latency;
pub mod ledger;
mod link;
pub mod machine;
mod opening;
pub mod options;
pub mod oracle;
pub mod outcome;
pub mod processes;
pub mod progress;
mod reply;
pub mod report;
mod run;
pub mod saturate;
pub mod schedule;
mod series;
mod surroundings;
pub mod terms;
mod units;
pub mod verify;

pub use options::{Options, OptionsError};
pub use progress::{Phase, Progress};
pub use report::Report;
pub use run::{RunError, run};
pub use saturate::{Saturation, Search, saturate};
pub use verify::{Verdict, VerifyError, VerifyOptions, verify};
