//! Final auctions leave memory some hours after they are final, by an event: so that every replay forgets what the engine has
//! forgotten, and knows that nothing is missing.

use super::Book;
use gavel_core::event::ShardEvent;
use gavel_core::{AuctionId, Timestamp};

impl Book {
    /// Lets final auctions leave.
    pub(super) fn retire(&mut self, auctions: Vec<AuctionId>, at: Timestamp) {
        if auctions.is_empty() {
            return;
        }
        for auction in &auctions {
            self.forget(*auction);
        }
        self.journal.shard_event(&ShardEvent::AuctionsRetired { auctions: auctions.into(), at });
    }

    /// Forgets an auction, and the request that opened it. Its sequence is not given again. False when it is not known.
    pub(super) fn forget(&mut self, auction: AuctionId) -> bool {
        let Some(entry) = self.auctions.remove(auction) else { return false };
        let open_id = entry.opening.as_ref().map(|opening| opening.id);
        if let Some(id) = open_id {
            self.openings.remove(id, |other| *other == auction);
        }
        self.retired.push((auction, open_id));
        true
    }
}
