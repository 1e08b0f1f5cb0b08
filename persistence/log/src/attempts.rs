//! The journal of attempts: commands that were refused, so that "why was I refused?" has an answer.
//!
//! It is no part of the log and proves nothing. It is lossy by design: whoever writes it drops what it can't keep up with, nothing
//! is synced, and the oldest files go when it is as large as it may be.
//!
//! ```text
//! attempts/00000007.ndjson     one JSON object per line, oldest first; a file that is full is followed by the next number
//! {"at":"2026-11-22T10:00:00.000042Z","shard":3,"auction":"20261122-003-00000042","bidder":"7","amount":10500,
//!  "command":"BID","code":"TOOLOW","words":"bid at least 10600"}                    (on one line)
//! ```
//!
//! Invariants:
//! - One writer at a time: whoever holds the data directory's lock. Readers need no lock, and never stop it.
//! - The files together never hold more than the writer was told.
//! - A line that was torn by a crash or a full disk costs that line alone.
//!
//! An amount here may be a secret maximum (of a bid refused for want of credit, say): it is as secret as the log.

mod files;
mod read;
mod text;
mod write;

pub use read::{Attempts, read};
pub use write::{Journal, WriteError};

use gavel_core::{AccountId, Amount, AuctionId, BidId, ShardId, Timestamp};
use std::borrow::Cow;

/// The journal's folder in the data directory.
pub const DIR: &str = "attempts";
/// The longest line that is written, in bytes, its end included. Longer ones are passed over by readers.
pub const LINE_BYTES_MAX: usize = 4 * 1024;
/// The longest words that are kept of one attempt, in bytes.
pub const WORDS_BYTES_MAX: usize = 512;
/// How many files the journal is kept in, at most: what goes when it is full is the oldest of them.
pub const FILES_MAX: u64 = 8;
/// The least that a journal may be given, in bytes.
pub const BYTES_MIN: u64 = 1 << 20;

/// A command that was refused.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Attempt<'a> {
    /// When the server had read it.
    #[serde(with = "text::time")]
    pub at: Timestamp,
    /// The shard that it was for.
    #[serde(with = "text::shard")]
    pub shard: ShardId,
    /// The auction that it was for; `None` for a request to open one.
    #[serde(with = "text::option", default, skip_serializing_if = "Option::is_none")]
    pub auction: Option<AuctionId>,
    /// The bidder that it names.
    #[serde(with = "text::option", default, skip_serializing_if = "Option::is_none")]
    pub bidder: Option<AccountId>,
    /// The amount that it names, in the currency's minor unit. May be a secret maximum.
    #[serde(with = "text::amount", default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// The bid's id, where the client has chosen one, or the bid that it is about.
    #[serde(with = "text::option", default, skip_serializing_if = "Option::is_none")]
    pub bid: Option<BidId>,
    /// The command's name, as over RESP: `BID`, `AUCTION EXTEND`.
    pub command: Cow<'a, str>,
    /// Why, in one word: `TOOLOW`.
    pub code: Cow<'a, str>,
    /// Why, in words; at most [`WORDS_BYTES_MAX`] bytes of them.
    pub words: Cow<'a, str>,
}

const _: () = assert!(
    // Every byte of the words may be escaped with six; the rest of a line is fields of fixed width.
    WORDS_BYTES_MAX * 6 + 512 <= LINE_BYTES_MAX,
    "the longest words fit a line"
);
