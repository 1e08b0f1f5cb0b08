//! Counters for operators. Written by the log thread only, read by everybody; none is ever reset.

use crate::message::{Reply, Ticket};
use gavel_core::Standing;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Stats {
    /// Commits that reached the disk.
    pub commits: AtomicU64,
    /// Time that commits took in all, in microseconds.
    pub commit_us: AtomicU64,
    /// The longest commit, in microseconds.
    pub commit_us_max: AtomicU64,
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
    /// Commands refused for want of credit.
    pub busy: AtomicU64,
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
                Reply::Rejected(_) => 5,
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
