//! One connection's choice of auctions. No allocation, and a handful of nanoseconds per choice.

use super::{AliasTable, Chooser};
use rand::Rng;
use std::sync::Arc;

/// When auctions end: the first at `first_us`, each next one `spacing_us` later.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ends {
    /// The end of auction 0, in microseconds since 1970.
    pub first_us: u64,
    /// From one end to the next, in microseconds.
    pub spacing_us: f64,
}

impl Ends {
    /// The end of an auction, in microseconds since 1970.
    #[must_use]
    pub fn of(&self, auction: u32) -> u64 {
        self.first_us + (f64::from(auction) * self.spacing_us) as u64
    }

    /// The first of `auctions` auctions that ends at `at_us` or later; the last one where all have ended by then.
    fn first_after(&self, at_us: f64, auctions: u32) -> u32 {
        let index = ((at_us - self.first_us as f64) / self.spacing_us).ceil();
        // The cast saturates: what lies before the first end is 0.
        (index as u32).min(auctions - 1)
    }
}

/// Chooses the auction of the next bid.
#[derive(Clone, Debug)]
pub enum Picker {
    /// Evenly among `first`, `first + stride`, …: `count` auctions.
    Partition {
        /// The first auction.
        first: u32,
        /// From one auction to the next.
        stride: u32,
        /// How many.
        count: u32,
    },
    /// By weight.
    Weighted(Arc<AliasTable>),
    /// Auction 0 with this chance, else evenly one of the others.
    Hot {
        /// The chance.
        share: f64,
        /// How many others there are.
        others: u32,
    },
    /// An auction whose end is an exponentially distributed time away.
    Sniping {
        /// The mean of that time in microseconds.
        mean_us: f64,
        /// When auctions end.
        ends: Ends,
        /// How many there are.
        auctions: u32,
    },
    /// The same, and as often one whose planned end is past and that goes on.
    Storm {
        /// When auctions are planned to end.
        ends: Ends,
        /// How many there are.
        auctions: u32,
    },
}

/// In a storm, the mean of the time from a bid to the end of its auction: a second.
const STORM_MEAN_US: f64 = 1e6;
/// How many auctions are tried to find one in overtime.
const OVERTIME_TRIES: u32 = 16;

impl Picker {
    /// One of `lanes` equal parts of `auctions` auctions; `lane < lanes <= auctions`.
    #[must_use]
    pub fn partition(lane: u32, lanes: u32, auctions: u32) -> Self {
        Self::Partition { first: lane, stride: lanes, count: (auctions - lane).div_ceil(lanes) }
    }

    /// The auction for the next bid, made at `now_us` (microseconds since 1970). `end_us` is when an auction ends as far as is known.
    pub fn pick(&mut self, chooser: &mut Chooser, now_us: u64, end_us: impl Fn(u32) -> u64) -> u32 {
        match self {
            Self::Partition { first, stride, count } => *first + *stride * below(chooser, *count),
            Self::Weighted(table) => table.pick(chooser),
            Self::Hot { share, others } => {
                if *others == 0 || unit(chooser) < *share {
                    0
                } else {
                    1 + below(chooser, *others)
                }
            }
            Self::Sniping { mean_us, ends, auctions } => {
                ends.first_after(now_us as f64 + exponential(chooser, *mean_us), *auctions)
            }
            Self::Storm { ends, auctions } => {
                let next = ends.first_after(now_us as f64, *auctions);
                let over_us = super::OVERTIME_S as f64 * 1e6;
                let first = ends.first_after(now_us as f64 - over_us, *auctions);
                let goes_on = (chooser.next_u32() & 1 == 0 && first < next).then(|| {
                    let from = below(chooser, next - first);
                    let tried = (0..OVERTIME_TRIES).map(|step| first + (from + step) % (next - first));
                    tried.into_iter().find(|auction| end_us(*auction) > now_us)
                });
                goes_on.flatten().unwrap_or_else(|| {
                    ends.first_after(now_us as f64 + exponential(chooser, STORM_MEAN_US), *auctions)
                })
            }
        }
    }
}

/// An integer below `bound`, which is not 0. The bias of the multiplication is below one in 2^32 / bound.
pub(crate) fn below(chooser: &mut impl Rng, bound: u32) -> u32 {
    ((u64::from(chooser.next_u32()) * u64::from(bound)) >> 32) as u32
}

/// A number in `0 .. 1`.
pub(crate) fn unit(chooser: &mut impl Rng) -> f64 {
    (chooser.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// An exponentially distributed number with this mean.
pub(crate) fn exponential(chooser: &mut impl Rng, mean: f64) -> f64 {
    -mean * (1.0 - unit(chooser)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_their_inverse_agree() {
        let ends = Ends { first_us: 10_000, spacing_us: 2.5 };
        assert_eq!((ends.of(0), ends.of(1), ends.of(4)), (10_000, 10_002, 10_010));
        assert_eq!(ends.first_after(0.0, 10), 0);
        assert_eq!(ends.first_after(10_010.0, 10), 4);
        assert_eq!(ends.first_after(10_011.0, 10), 5);
        assert_eq!(ends.first_after(99_999.0, 10), 9);
    }

    #[test]
    fn a_partition_covers_every_auction_once() {
        let mut seen: Vec<u32> = (0..3)
            .flat_map(|lane| match Picker::partition(lane, 3, 10) {
                Picker::Partition { first, stride, count } => (0..count).map(move |i| first + stride * i),
                other => panic!("{other:?}"),
            })
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
    }
}
