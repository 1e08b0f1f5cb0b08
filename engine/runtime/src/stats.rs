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
