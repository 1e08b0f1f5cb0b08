//! Delivering again: records that a database has had already, or should have had, are compared with its rows, and what is missing or differs
//! is written.
//!
//! ```text
//! plan:     log up to the cursor ─▶ which records are selected, of which auctions, whose rows are not there
//! deliver:  log up to the cursor ─▶ staged ─▶ written where it is not there, or differs ─▶ how far the run is ─┐
//!                                                                                     one transaction, cursor held ┘
//! ```
//!
//! Invariants:
//! - Delivering twice changes nothing: what is there and the same is not touched, and unique keys hold the rest.
//! - The shard's cursor is held by each transaction and never moved. So the flusher writes either before or after it, and what is behind
//!   the cursor is left to the flusher: nothing is written of an auction beyond what the database has been told.
//! - A row of `auctions` that is not there is made of all of its auction's records, and these are delivered with it, selected or not.
//!   One that is there is rewritten only where its whole auction is selected.
//! - How far a run is, is moved in the same transaction. Stopped or killed at any moment, it goes on from there.
//! - What the flusher has written since the plan was made is read before the cursor is held, and each record of it once.
//! - Auctions with parked records are left alone: their rows end before what is parked (`gavel postgres retry`). So are rows that retention
//!   has dropped. Where nothing was refused and the records wait for others that are missing before them, a retry can't help: the whole
//!   auction is delivered, and what was parked of it goes from `parked` in the same transaction.

mod deliver;
mod plan;
mod runs;
mod stage;

pub use deliver::{Delivered, Pace, deliver};
pub use plan::{Plan, plan};
pub use runs::{Listed, Run, RunError, begin, finish, list, resume, selection, stop};

use crate::error::said;
use crate::offline::LookError;
use crate::verify::{self, VerifyError};
use crate::write::WriteError;
use crate::{Set, Spelling, Unreadable};
use gavel_core::event::Outcome;
use gavel_core::{AuctionId, EventKind, LogId, Lsn, Position, ShardId, Timestamp};
use gavel_log::ReadError;
use gavel_log::record::Record;
use std::collections::BTreeSet;

/// Which records are to be delivered again.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Of these auctions; of all where there are none.
    pub auctions: Set<AuctionId>,
    /// From this time on: the auction's own.
    pub from: Option<Timestamp>,
    /// Up to and including this time.
    pub until: Option<Timestamp>,
    /// Of these types; of all where there are none.
    pub types: BTreeSet<Type>,
    /// Only what is not there. Otherwise also what is there and differs.
    pub missing: bool,
}

/// What a record can be selected by: the names that events have everywhere, and two that stand for several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Type(String);

/// The names of events, and what stands for several: `bid` for bids and purchases, `won` for what makes a winner.
pub const TYPES: [&str; 24] = [
    "bid",
    "won",
    "opened",
    "started",
    "bid_accepted",
    "bought_now",
    "bid_retracted",
    "bids_removed",
    "end_moved",
    "ended",
    "cancelled",
    "details_edited",
    "reserve_lowered",
    "paid",
    "unpaid",
    "offer_accepted",
    "offer_ended",
    "bidder_banned",
    "bidder_unbanned",
    "epoch_started",
    "banned",
    "unbanned",
    "placement_changed",
    "auctions_retired",
];

/// Text that names no type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no type of event; allowed are {allowed}", text = .0, allowed = TYPES.join(", "))]
pub struct TypeError(String);

impl std::str::FromStr for Type {
    type Err = TypeError;

    fn from_str(text: &str) -> Result<Self, TypeError> {
        if TYPES.contains(&text) { Ok(Self(text.to_owned())) } else { Err(TypeError(text.to_owned())) }
    }
}

impl Type {
    /// As it was said.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why records could not be delivered.
#[derive(Debug, thiserror::Error)]
pub enum RepublishError {
    /// PostgreSQL refuses, or its connection failed.
    #[error("{}", said(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// The cursor can't be held, or an auction's row can't be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The log can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log's directory can't be looked at again.
    #[error(transparent)]
    Look(#[from] LookError),
    /// A record can't be read.
    #[error(transparent)]
    Record(#[from] Unreadable),
    /// The database knows of records that the log does not have.
    #[error(
        "shard {}: the rows are as of {cursor}, and this log ends with record {}: they were made of another log, or of one that was \
         restored to an earlier state", cursor.shard, durable.0
    )]
    Ahead {
        /// Where the database is.
        cursor: Position,
        /// Where the log ends.
        durable: Lsn,
    },
    /// The database does not have the shard.
    #[error("shard {0} is not in this database: nothing was ever flushed of it")]
    Gone(ShardId),
}

impl Selection {
    /// True when the record is selected.
    #[must_use]
    pub fn has(&self, record: &Record, event_type: &str) -> bool {
        let Self { auctions, from, until, types, missing: _ } = self;
        let is_of_auction = match record {
            Record::Auction(event) => auctions.is_empty() || auctions.contains(&event.auction),
            Record::Shard(_) => auctions.is_empty(),
        };
        let at = record.at();
        is_of_auction
            && from.is_none_or(|from| at >= from)
            && until.is_none_or(|until| at <= until)
            && (types.is_empty() || types.iter().any(|wanted| wanted.is_of(record, event_type)))
    }

    /// True when no record of an auction that is selected is left out.
    #[must_use]
    pub fn is_of_whole_auctions(&self) -> bool {
        self.from.is_none() && self.until.is_none() && self.types.is_empty()
    }
}

impl Type {
    fn is_of(&self, record: &Record, event_type: &str) -> bool {
        match (self.as_str(), record) {
            ("bid", Record::Auction(event)) => {
                matches!(event.kind, EventKind::BidAccepted(_) | EventKind::BoughtNow { .. })
            }
            ("won", Record::Auction(event)) => matches!(
                event.kind,
                EventKind::BoughtNow { .. }
                    | EventKind::Ended { outcome: Outcome::Awarded { .. }, .. }
                    | EventKind::OfferAccepted { .. }
            ),
            (wanted, _) => wanted == event_type,
        }
    }
}

/// Where a shard stands, without holding it. Its rows must be of this log.
async fn cursor(
    client: &tokio_postgres::Client,
    shard: ShardId,
    log: Option<LogId>,
) -> Result<Position, RepublishError> {
    verify::cursor(client, shard, log).await.map_err(|error| match error {
        VerifyError::Postgres(error) => RepublishError::Postgres(error),
        VerifyError::OtherLog(error) => WriteError::from(error).into(),
        _ => RepublishError::Gone(shard),
    })
}

/// What a record is called.
fn type_of(record: &Record, spelling: &Spelling) -> &'static str {
    match record {
        Record::Auction(event) => (spelling.event_type)(&event.kind),
        Record::Shard(event) => (spelling.shard_event_type)(event),
    }
}
