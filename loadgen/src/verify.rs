//! Ledger against engine: is everything acknowledged still there, and is every auction what its bids make it?
//!
//! 1. **Every acknowledged bid is asked for again**, with its own id (the chosen one, or the one the engine assigned). The
//!    very first answer must come again, field for field.
//! 2. **Bids of unknown fate are resolved.** One with a chosen id is sent once more: an auction that still takes bids accepts
//!    it now or repeats its receipt, one that has ended repeats the receipt or refuses. Either answer settles it, and a
//!    receipt makes it a bid like any other. One without an id cannot be sent again. It can only hide behind a seq that
//!    no known bid of its auction has: it is asked for under such assigned ids, which the engine never takes for new
//!    bids, until as many are found as the auction has bids that are not known. Where that would be more than
//!    [`PROBES_MAX`] questions, or the auction is no longer in memory, it stays *unresolved*.
//! 3. **Every auction is computed anew** by [`oracle`](crate::oracle), bid by bid in the order of the log, and compared:
//!    each receipt's standing, price, next amount and end; and the auction's price, leader, number of bids, end,
//!    reserve status and outcome as the engine shows them.
//!
//! **Ambiguity that is allowed**, and nothing else: an auction with unresolved bids, or of a ledger that was not closed, is
//! *bounded* instead of computed. Its positions must be unique, its prices and ends must not fall along the log, it must
//! have at least the known bids (and no more than the unresolved ones besides), and its price must not be below the last
//! receipt's. No finer bound holds: one unknown bid can make a later known one cheaper, by turning it from a new leader's
//! bid into a raise of the leader's own maximum.

use crate::ledger::ReadError;
use crate::link::{Link, LinkError};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result as FmtResult};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

mod again;
mod book;
mod compare;
mod findings;
mod resolve;
mod state;

pub use findings::{Difference, Kind};

pub(crate) use state::AuctionState;

use book::Book;
use findings::Findings;

/// Questions that resolving one auction's bids without ids may take.
pub const PROBES_MAX: u64 = 2_000_000;

/// The settings of a verification.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// Where the server takes RESP.
    pub server: SocketAddr,
    /// The ledgers, of one or several runs against this server.
    pub ledgers: Vec<PathBuf>,
    /// How long a server that does not answer (or answers `BUSY` or `LOADING`) is asked again. Default 30 s.
    pub patience: Duration,
    /// Waits for auctions that end within this time, so that their outcomes are checked too. Default: none.
    pub wait_for_ends: Duration,
    /// How many differences are described; all are counted. Default 50.
    pub details_max: usize,
    /// Asks no server: receipts are held against each other, and against the outcomes that the ledgers tell of. Default: false.
    pub offline: bool,
}

impl VerifyOptions {
    /// The defaults.
    #[must_use]
    pub fn new(server: SocketAddr, ledgers: Vec<PathBuf>) -> Self {
        let patience = Duration::from_secs(30);
        Self { server, ledgers, patience, wait_for_ends: Duration::ZERO, details_max: 50, offline: false }
    }
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] ReadError),
    /// Nothing was promised to anybody.
    #[error("there is no auction in {}: nothing to verify", ledgers.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "))]
    Nothing {
        /// The ledgers.
        ledgers: Vec<PathBuf>,
    },
    /// The server could not be asked.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// How far a verification has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyProgress {
    /// What is being done.
    pub step: &'static str,
    /// How much of it is done.
    pub done: u64,
    /// How much there is.
    pub of: u64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// True when there are no differences.
    pub ok: bool,
    /// True when no server was asked.
    pub offline: bool,
    /// Acknowledged bids that were asked for again.
    pub acked: u64,
    /// Bids of unknown fate that turned out, or were now, accepted.
    pub unknown_accepted: u64,
    /// Bids of unknown fate that turned out refused, or never to have arrived.
    pub unknown_refused: u64,
    /// Bids of unknown fate that could not be resolved.
    pub unresolved: u64,
    /// Auctions computed anew and compared.
    pub auctions: u64,
    /// Auctions of these that could only be bounded.
    pub auctions_bounded: u64,
    /// Auctions of these whose outcome was decided and compared.
    pub outcomes: u64,
    /// Ledgers that were not closed.
    pub incomplete_ledgers: u64,
    /// Bytes at the end of ledgers that were torn.
    pub torn_bytes: u64,
    /// Differences by kind.
    pub differences: BTreeMap<Kind, u64>,
    /// The first of them, described.
    pub details: Vec<Difference>,
}

/// Checks ledgers against a server. Blocks until it is done; `progress` is told now and then.
///
/// # Errors
/// When there can be no verdict: a ledger can't be read, or the server does not answer.
pub fn verify(
    options: &VerifyOptions,
    mut progress: impl FnMut(&VerifyProgress),
) -> Result<Verdict, VerifyError> {
    let mut book = Book::read(&options.ledgers)?;
    if book.auctions.is_empty() {
        return Err(VerifyError::Nothing { ledgers: options.ledgers.clone() });
    }
    let mut findings = Findings::new(options.details_max);
    let acked = book.acked.len() as u64;
    let (fates, states) = if options.offline {
        (resolve::leave(&book), state::written(&book, &mut findings))
    } else {
        let mut link = Link::new(options.server, options.patience);
        again::ask(&mut link, &book, &mut findings, &mut progress)?;
        let fates = resolve::resolve(&mut link, &mut book)?;
        book.sort();
        state::wait_for_ends(&book, options.wait_for_ends);
        (fates, state::read(&mut link, &book, &mut findings, &mut progress)?)
    };
    let compared = compare::compare(&book, &fates, &states, &mut findings);
    Ok(Verdict {
        ok: findings.is_empty(),
        offline: options.offline,
        acked,
        unknown_accepted: fates.accepted,
        unknown_refused: fates.refused,
        unresolved: fates.unresolved.values().sum(),
        auctions: book.auctions.len() as u64,
        auctions_bounded: compared.bounded,
        outcomes: compared.outcomes,
        incomplete_ledgers: book.incomplete_ledgers,
        torn_bytes: book.torn_bytes,
        differences: findings.counts,
        details: findings.details,
    })
}

impl Verdict {
    /// The verdict as one line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        // A struct of numbers and texts always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let Self {
            acked,
            unknown_accepted,
            unknown_refused,
            unresolved,
            auctions,
            auctions_bounded,
            outcomes,
            ..
        } = self;
        let how = if self.offline { "from the ledger alone" } else { "each asked for again" };
        writeln!(f, "acknowledged {acked:>12} bids, {how}")?;
        let unknown = unknown_accepted + unknown_refused + unresolved;
        if unknown > 0 {
            writeln!(
                f,
                "unknown      {unknown:>12} bids: {unknown_accepted} accepted, {unknown_refused} not, {unresolved} unresolved"
            )?;
        }
        writeln!(f, "auctions     {auctions:>12} computed from the ledger, {outcomes} with an outcome")?;
        if *auctions_bounded > 0 {
            writeln!(
                f,
                "             {auctions_bounded:>12} of them bounded only (unresolved bids, or an open ledger)"
            )?;
        }
        if self.incomplete_ledgers > 0 {
            writeln!(
                f,
                "ledgers      {:>12} not closed, {} bytes torn",
                self.incomplete_ledgers, self.torn_bytes
            )?;
        }
        for (kind, count) in &self.differences {
            writeln!(f, "difference   {count:>12} {kind}")?;
        }
        self.details.iter().try_for_each(|difference| writeln!(f, "  {difference}"))?;
        let described = self.details.len() as u64;
        let left = self.differences.values().sum::<u64>().saturating_sub(described);
        if left > 0 {
            writeln!(f, "  and {left} more")?;
        }
        f.write_str(match self.ok {
            true if self.offline => {
                "verdict      every receipt and every outcome is what the bids make it; whether the server still has them, only it can say"
            }
            true => {
                "verdict      nothing acknowledged is missing, and every auction is what its bids make it"
            }
            false => "verdict      THE ENGINE DOES NOT HOLD WHAT IT ACKNOWLEDGED",
        })
    }
}

#[cfg(test)]
mod tests;
