//! The work that all contestants are given: auctions, bids, and what a bid can be answered.

use gavel_loadgen::distribution::Distribution;
use gavel_loadgen::terms::{FIRST_SELLER, KnownTerms, TermsError, TermsPlan};
use serde::Serialize;

/// Auctions of the spread loads.
pub const AUCTIONS: u32 = 10_000;
/// Bidders.
pub const BIDDERS: u32 = 100_000;
/// The exponent of the skewed load: the first auction gets about a sixth of all bids.
pub const ZIPF: f64 = 1.1;
/// The first price of every auction, and the step between prices.
pub const OPENING_PRICE: u64 = 1_000;
/// See [`OPENING_PRICE`].
pub const STEP: u64 = 100;
/// Bids of one statement, where bids are made in batches.
pub const BATCH: usize = 1_000;

/// How bids are spread over auctions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// Evenly over 10,000; each connection has auctions of its own.
    Uniform,
    /// By rank over 10,000; connections share them.
    Zipf,
    /// All on one.
    Hot,
    /// The disk alone: no auctions, only the bytes.
    Disk,
}

impl Work {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 4] = [Self::Uniform, Self::Zipf, Self::Hot, Self::Disk];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Zipf => "zipf",
            Self::Hot => "hot",
            Self::Disk => "disk",
        }
    }

    /// What it is, in words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Uniform => "uniform over 10,000 auctions",
            Self::Zipf => "zipf (exponent 1.1) over 10,000 auctions",
            Self::Hot => "all on one auction",
            Self::Disk => "the disk alone, the same bytes",
        }
    }

    /// How many auctions there are.
    #[must_use]
    pub fn auctions(self) -> u32 {
        match self {
            Self::Uniform | Self::Zipf => AUCTIONS,
            Self::Hot => 1,
            Self::Disk => 0,
        }
    }

    /// As the load generator calls it.
    #[must_use]
    pub fn distribution(self) -> Distribution {
        match self {
            Self::Uniform | Self::Disk => Distribution::Uniform,
            Self::Zipf => Distribution::Zipf(ZIPF),
            Self::Hot => Distribution::Hot(1.0),
        }
    }
}

/// Connections, and what is in flight on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Load {
    /// Connections.
    pub connections: u32,
    /// Bids that are sent and not answered, on each.
    pub in_flight: u32,
}

/// The terms of every auction, as the load generator and its oracle know them.
///
/// # Errors
/// A defect: the standard terms are not readable.
pub fn terms() -> Result<KnownTerms, TermsError> {
    KnownTerms::parse(&TermsPlan::standard(true).json(0, 0))
}

/// The seller of an auction.
#[must_use]
pub fn seller(auction: u32) -> u64 {
    FIRST_SELLER + u64::from(auction)
}

/// A bid to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bid {
    /// The auction's number, from 0 on.
    pub auction: u32,
    /// Who bids.
    pub bidder: u64,
    /// How much at most.
    pub amount: u64,
}

/// What a bid was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Accepted.
    Accepted {
        /// Whether the bidder leads after it.
        leading: bool,
        /// The price after it.
        price: u64,
    },
    /// Refused: below this.
    TooLow(u64),
    /// Refused: the auction takes no bids any more.
    Closed,
    /// Refused: no such auction.
    Missing,
    /// Refused: the seller's own.
    SellerBid,
}

impl Verdict {
    /// As the peers' functions answer: see `schema.sql`. `None` for what is none of their answers.
    #[must_use]
    pub fn read(verdict: i64, price: Option<i64>, enough: Option<i64>) -> Option<Self> {
        let unsigned = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
        Some(match verdict {
            0 | 1 => Self::Accepted { leading: verdict == 1, price: unsigned(price)? },
            -1 => Self::TooLow(unsigned(enough)?),
            -2 => Self::Closed,
            -3 => Self::Missing,
            -4 => Self::SellerBid,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peers_answers_are_read_and_nonsense_is_not() {
        assert_eq!(
            Verdict::read(1, Some(1_000), None),
            Some(Verdict::Accepted { leading: true, price: 1_000 })
        );
        assert_eq!(Verdict::read(-1, Some(1_000), Some(1_100)), Some(Verdict::TooLow(1_100)));
        assert_eq!(Verdict::read(0, None, None), None);
        assert_eq!(Verdict::read(7, Some(1), Some(1)), None);
    }
}
