//! A shard's state from a snapshot. What comes after it in the log is then replayed.

use super::Book;
use gavel_core::{Digest, Lsn};
use gavel_log::Tip;
use gavel_log::state::Restored;

impl Book {
    /// Takes a part of a snapshot's state in.
    pub(crate) fn restore(&mut self, part: Restored) {
        match part {
            Restored::Auction(auction, opening) => drop(self.enter(auction, opening)),
            Restored::Ban(ban) => {
                self.bans.ban(ban.bidder, ban.seller);
            }
            Restored::Sequence { day, last } => {
                self.auctions.reserve(day, last);
                self.note_sequence(day, last);
            }
            Restored::Started(at) => self.started = Some(at),
            // Not the shard's own business.
            Restored::Placement(_) | Restored::Change(_) => {}
        }
    }

    /// Replay goes on after this frame; the state may know of records up to `until`.
    pub(crate) fn restored(&mut self, from: Tip, until: Lsn) {
        self.journal.epoch = from.epoch;
        self.journal.next = from.lsn.next();
        self.fuzzy_until = until;
    }

    /// When the generation began.
    pub(crate) fn started(&self) -> Option<gavel_core::Timestamp> {
        self.started
    }
}

/// The digest of one part of a state, of which a snapshot's digest is the sum.
pub(crate) fn digest_of(part: &Restored) -> Digest {
    match part {
        Restored::Auction(auction, _) => auction.digest().into(),
        Restored::Ban(ban) => ban.digest(),
        Restored::Sequence { .. } | Restored::Placement(_) | Restored::Change(_) | Restored::Started(_) => {
            Digest::default()
        }
    }
}
