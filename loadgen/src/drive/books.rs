//! What a worker writes down: statistics for the report, records for the ledger. Every bid that was made ends in exactly one
//! of `accepted`, `refused`, `unknown` and `abandoned`.

use super::bid::Bid;
use super::stats::Stats;
use super::worker::Plot;
use crate::ledger::{AckedBid, BlockWriter, UnknownBid};
use crate::outcome::Outcome;
use gavel_core::Receipt;
use gavel_wire::Code;

/// One worker's statistics and its way into the ledger.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) stats: Stats,
    /// What was due in the warm-up; `None` where there is none.
    pub(super) warm: Option<Box<Stats>>,
    /// Until when bids are warm-up, by when they are due.
    pub(super) measured_ns: u64,
    pub(super) ledger: Option<BlockWriter>,
}

impl Books {
    /// Where what was due at this time is counted.
    pub(super) fn stats(&mut self, due_ns: u64) -> &mut Stats {
        match &mut self.warm {
            Some(warm) if due_ns < self.measured_ns => warm,
            _ => &mut self.stats,
        }
    }

    fn answered(&mut self, bid: &Bid, outcome: Outcome, now_ns: u64) {
        let stats = self.stats(bid.due_ns);
        stats.tally.count(outcome);
        stats.latencies.record(now_ns.saturating_sub(bid.due_ns));
    }

    pub(super) fn accepted(&mut self, plot: &Plot, bid: &Bid, receipt: &Receipt, now_ns: u64) {
        plot.board.accepted(bid.auction, bid.bidder, receipt.standing, receipt.min_next.get());
        plot.board.ends(bid.auction, receipt.ends_at.micros());
        self.answered(bid, Outcome::Accepted(receipt.standing), now_ns);
        if let Some(ledger) = &mut self.ledger {
            ledger.acked(&AckedBid {
                auction: bid.auction,
                bidder: bid.account(),
                amount: bid.amount,
                id: receipt.bid,
                chosen: bid.id.is_some(),
                standing: receipt.standing,
                position: receipt.position,
                price: receipt.price.get(),
                min_next: receipt.min_next.get(),
                ends_us: receipt.ends_at.micros(),
                sent_us: plot.clock.wall_us(bid.sent_ns),
                acked_us: plot.clock.wall_us(now_ns),
            });
        }
    }

    pub(super) fn refused(&mut self, plot: &Plot, bid: &Bid, code: Code, least: Option<u64>, now_ns: u64) {
        plot.board.refused(bid.auction, least);
        self.answered(bid, Outcome::Refused(code), now_ns);
    }

    /// `BUSY` or `LOADING`: the bid will be sent again.
    pub(super) fn not_now(&mut self, bid: &Bid, code: Code) {
        let stats = self.stats(bid.due_ns);
        if code == Code::Busy { stats.busy += 1 } else { stats.loading += 1 }
    }

    pub(super) fn unknown(&mut self, plot: &Plot, bid: &Bid) {
        plot.board.refused(bid.auction, None);
        self.stats(bid.due_ns).unknown += 1;
        if let Some(ledger) = &mut self.ledger {
            ledger.unknown(&UnknownBid {
                auction: bid.auction,
                bidder: bid.account(),
                amount: bid.amount,
                id: bid.id,
                sent_us: plot.clock.wall_us(bid.sent_ns),
            });
        }
    }

    /// Given up, and surely not accepted.
    pub(super) fn abandoned(&mut self, plot: &Plot, bid: &Bid) {
        plot.board.refused(bid.auction, None);
        self.stats(bid.due_ns).abandoned += 1;
    }
}
