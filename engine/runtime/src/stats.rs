//! Counters for operators. Written by the log thread only, read by everybody; none is ever reset.

use crate::histogram::Histogram;
use crate::message::{Reply, Ticket};
use gavel_core::{Rejection, Standing};
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the start.
#[derive(Debug)]
pub struct Stats {
    /// Commits that reached the disk.
    pub commits: AtomicU64,
    /// Time that commits took in all, in microseconds.
    pub commit_us: AtomicU64,
    /// The longest commit, in microseconds.
    pub commit_us_max: AtomicU64,
    /// Records of each commit.
    pub commit_records: Histogram,
    /// Time of each commit, in microseconds.
    pub commit_times_us: Histogram,
    /// Frames written.
    pub frames: AtomicU64,
    /// Their bytes.
    pub frame_bytes: AtomicU64,
    /// Bids accepted that led.
    pub bids_leading: AtomicU64,
    /// Bids accepted that did not lead.
    pub bids_outbid: AtomicU64,
    /// Purchases.
    pub sold: AtomicU64,
    /// Auctions opened (repeated requests included).
    pub opened: AtomicU64,
    /// Other commands carried out.
    pub done: AtomicU64,
    /// Commands refused by the rules.
    pub rejected: AtomicU64,
    /// The same, one by one.
    pub refusals: Refusals,
    /// Commands refused for want of credit.
    pub busy: AtomicU64,
}

/// Commands refused by the rules, by why.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields are the variants of `Rejection`, which documents them")]
pub struct Refusals {
    pub not_found: AtomicU64,
    pub not_started: AtomicU64,
    pub closed: AtomicU64,
    pub too_low: AtomicU64,
    pub seller_bid: AtomicU64,
    pub banned: AtomicU64,
    pub id_conflict: AtomicU64,
    pub state: AtomicU64,
    pub invalid: AtomicU64,
    pub too_large: AtomicU64,
}

impl Refusals {
    fn count(&self, rejection: &Rejection) {
        let counter = match rejection {
            Rejection::NotFound(_) => &self.not_found,
            Rejection::NotStarted(_) => &self.not_started,
            Rejection::Closed(_) => &self.closed,
            Rejection::TooLow(_) => &self.too_low,
            Rejection::SellerBid => &self.seller_bid,
            Rejection::Banned => &self.banned,
            Rejection::IdConflict => &self.id_conflict,
            Rejection::State(..) => &self.state,
            Rejection::Invalid(_) | Rejection::InvalidTerms(_) => &self.invalid,
            Rejection::TooLarge(_) => &self.too_large,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            commits: AtomicU64::default(),
            commit_us: AtomicU64::default(),
            commit_us_max: AtomicU64::default(),
            commit_records: Histogram::of_records(),
            commit_times_us: Histogram::of_micros(),
            frames: AtomicU64::default(),
            frame_bytes: AtomicU64::default(),
            bids_leading: AtomicU64::default(),
            bids_outbid: AtomicU64::default(),
            sold: AtomicU64::default(),
            opened: AtomicU64::default(),
            done: AtomicU64::default(),
            rejected: AtomicU64::default(),
            refusals: Refusals::default(),
            busy: AtomicU64::default(),
        }
    }
}

impl Stats {
    /// Counts answers, durable now.
    pub(crate) fn count(&self, answers: &[(Ticket, Reply)]) {
        let mut counts = [0_u64; 6];
        for (_, reply) in answers {
            let index = match reply {
                Reply::Receipt(receipt) => match receipt.standing {
                    Standing::Leading => 0,
                    Standing::Outbid => 1,
                    Standing::Sold => 2,
                },
                Reply::Opened(..) => 3,
                Reply::Done(_) => 4,
                Reply::Rejected(rejection) => {
                    self.refusals.count(rejection);
                    5
                }
            };
            counts[index] += 1;
        }
        let counters =
            [&self.bids_leading, &self.bids_outbid, &self.sold, &self.opened, &self.done, &self.rejected];
        for (counter, count) in counters.into_iter().zip(counts) {
            if count > 0 {
                counter.fetch_add(count, Ordering::Relaxed);
            }
        }
    }
}
