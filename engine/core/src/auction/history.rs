//! What most auctions don't need: bans, edits, second chances, and when end and epoch changed, for the receipts of old bids.

use super::Auction;
use crate::store::Segmented;
use crate::{AccountId, Epoch, Seq, Timestamp};

/// Allocated when the first of these things happens.
#[derive(Clone, Debug, Default)]
pub(super) struct Rare {
    /// Bidders banned from this auction, ascending. At most `AUCTION_BANS_MAX`.
    pub(super) banned: Vec<AccountId>,
    /// Winners and offerees who did not pay or accept, in that order, as bidder numbers.
    pub(super) tried: Vec<u32>,
    /// Changes of the details so far.
    pub(super) edits: u32,
    /// The epochs that ended, each with the first event after it. One entry per restart at most.
    pub(super) epochs: Vec<(Epoch, Seq)>,
    /// Every change of the end, in order.
    pub(super) ends: Segmented<EndMark>,
}

/// From this event on the end is this. Twelve bytes: under a rule that extends with every bid there is one per bid.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndMark {
    seq: Seq,
    high: u32,
    low: u32,
}

impl EndMark {
    pub(super) fn new(seq: Seq, ends_at: Timestamp) -> Self {
        Self { seq, high: (ends_at.micros() >> 32) as u32, low: ends_at.micros() as u32 }
    }

    /// Event and end.
    pub(super) fn parts(self) -> (Seq, Timestamp) {
        let micros = u64::from(self.high) << 32 | u64::from(self.low);
        (self.seq, Timestamp::from_micros(micros).unwrap_or(Timestamp::MAX))
    }
}

impl Rare {
    /// The epoch an event was written in, given the present one.
    pub(super) fn epoch_at(&self, seq: Seq, present: Epoch) -> Epoch {
        self.epochs.iter().find(|(_, after)| seq < *after).map_or(present, |(epoch, _)| *epoch)
    }

    /// The end right after an event, given the first one.
    pub(super) fn end_at(&self, seq: Seq, first: Timestamp) -> Timestamp {
        // Mostly asked for the event that was applied last.
        let after = match self.ends.last() {
            Some(last) if last.seq <= seq => self.ends.len(),
            _ => self.ends.partition_point(|mark| mark.seq <= seq),
        };
        let mark = after.checked_sub(1).and_then(|index| self.ends.get(index));
        mark.map_or(first, |mark| mark.parts().1)
    }
}

impl Auction {
    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Moves the end, and remembers from which event on.
    pub(super) fn set_end(&mut self, ends_at: Timestamp, seq: Seq) {
        if ends_at != self.ends_at {
            self.ends_at = ends_at;
            self.rare_mut().ends.push(EndMark::new(seq, ends_at));
        }
    }

    /// Takes the epoch of the event `seq`, and remembers the one before.
    pub(super) fn set_epoch(&mut self, epoch: Epoch, seq: Seq) {
        if epoch != self.epoch {
            let before = std::mem::replace(&mut self.epoch, epoch);
            self.rare_mut().epochs.push((before, seq));
        }
    }
}
