//! Differences: all are counted, the first are described.

use gavel_core::AuctionId;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result as FmtResult};

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An acknowledged bid is not there.
    Missing,
    /// An acknowledged bid is answered differently now.
    Changed,
    /// Two bids have the same place in the log, or a bid has one in another shard.
    Position,
    /// A receipt does not say what the bids before it make of the bid.
    Receipt,
    /// An end moved as no rule moves it.
    End,
    /// An auction is not what its bids make it.
    Auction,
    /// The server does not show the auction.
    Unreadable,
}

/// One difference, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What kind.
    pub kind: Kind,
    /// The auction.
    pub auction: String,
    /// What is, and what should be.
    pub what: String,
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str(match self {
            Self::Missing => "acknowledged bids are missing",
            Self::Changed => "acknowledged bids are answered differently now",
            Self::Position => "positions in the log are wrong",
            Self::Receipt => "receipts are not what the bids before make them",
            Self::End => "ends moved as no rule moves them",
            Self::Auction => "auctions are not what their bids make them",
            Self::Unreadable => "auctions can't be read",
        })
    }
}

impl Display for Difference {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        write!(f, "{}: {}", self.auction, self.what)
    }
}

/// Differences as they are found.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) counts: BTreeMap<Kind, u64>,
    pub(super) details: Vec<Difference>,
    details_max: usize,
}

impl Findings {
    pub(super) fn new(details_max: usize) -> Self {
        Self { counts: BTreeMap::new(), details: Vec::new(), details_max }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Adds a difference; it is put into words only if it is among the first.
    pub(super) fn add(&mut self, kind: Kind, auction: AuctionId, what: impl FnOnce() -> String) {
        *self.counts.entry(kind).or_default() += 1;
        if self.details.len() < self.details_max {
            self.details.push(Difference { kind, auction: auction.to_string(), what: what() });
        }
    }
}
