//! Counters for operators. Read by everybody; none is ever reset.

use crate::histogram::Histogram;
use crate::message::{Reply, Ticket};
use crate::stages::Stages;
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
    /// Where the time of commands went.
    pub stages: Stages,
    /// How long shards were held by slices of snapshots.
    pub slices: HoldTimes,
}

/// Times, counted by how long they were, in steps of [`HoldTimes::STEP_US`].
#[derive(Debug)]
pub struct HoldTimes {
    counts: [AtomicU64; Self::STEPS],
    max_us: AtomicU64,
}

impl Default for HoldTimes {
    fn default() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; Self::STEPS], max_us: AtomicU64::new(0) }
    }
}

impl HoldTimes {
    /// Microseconds of one step.
    pub const STEP_US: u64 = 20;
    /// Times of so many steps and longer are counted as one.
    const STEPS: usize = 250;

    pub(crate) fn count(&self, time: std::time::Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let step = usize::try_from(us / Self::STEP_US).unwrap_or(usize::MAX).min(Self::STEPS - 1);
        self.counts[step].fetch_add(1, Ordering::Relaxed);
        self.max_us.fetch_max(us, Ordering::Relaxed);
    }

    /// How many there were.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// True when there were none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The longest, in microseconds.
    #[must_use]
    pub fn max_us(&self) -> u64 {
        self.max_us.load(Ordering::Relaxed)
    }

    /// The time in microseconds, rounded up to a step, that a share of them (0 ..= 1) did not exceed.
    #[must_use]
    pub fn quantile_us(&self, share: f64) -> u64 {
        let wanted = (self.len() as f64 * share).ceil() as u64;
        let mut seen = 0;
        let reached = self.counts.iter().position(|count| {
            seen += count.load(Ordering::Relaxed);
            seen >= wanted
        });
        reached.map_or(0, |step| (step as u64 + 1) * Self::STEP_US).min(self.max_us())
    }
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
            stages: Stages::default(),
            slices: HoldTimes::default(),
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
