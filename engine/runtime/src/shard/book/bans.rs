//! Bans of wider scope than one auction, as one shard carries them out.

use super::Book;
use crate::message::{Reply, WideBan};
use gavel_core::ban::Ban;
use gavel_core::command::{Reason, StandingBids};
use gavel_core::event::ShardEvent;
use gavel_core::{BanBook, Command, Rejection, Stamp, Timestamp};

impl Book {
    pub(super) fn ban(&mut self, wide: WideBan, stamp: Stamp) -> Result<Reply, Rejection> {
        let WideBan { bidder, seller, ban } = wide;
        let (scope, at) = (Ban { bidder, seller }, stamp.received);
        let Some(standing) = ban else {
            self.bans.check_unban(scope)?;
            self.bans.unban(bidder, seller);
            return Ok(Reply::Done(Some(self.journal.shard_event(&ShardEvent::Unbanned {
                bidder,
                seller,
                at,
            }))));
        };
        let first = self.journal.next_position();
        let checked = self.bans.check_ban(scope);
        match &checked {
            Ok(()) => {
                self.bans.ban(bidder, seller);
                self.journal.shard_event(&ShardEvent::Banned { bidder, seller, standing, at });
            }
            Err(Rejection::TooLarge(_)) => return checked.map(|()| Reply::Done(None)),
            Err(_) => {}
        }
        if standing == StandingBids::Remove {
            self.remove_everywhere(scope, stamp);
        }
        // A ban that was there already is refused, unless it had bids left to remove (a crash may have come between).
        if self.journal.next == first.lsn {
            checked?;
        }
        Ok(Reply::Done(Some(first)))
    }

    /// Bans of wider scope than one auction.
    pub(crate) fn bans(&self) -> &BanBook {
        &self.bans
    }

    /// Takes over the bans of another shard that this one lacks, as it is to obey what is in force everywhere.
    pub(crate) fn take_bans_over(&mut self, bans: &[Ban], at: Timestamp) {
        let stamp = Stamp::at(at);
        for &Ban { bidder, seller } in bans {
            if self.bans.contains(Ban { bidder, seller }) {
                continue;
            }
            let wide = WideBan { bidder, seller, ban: Some(StandingBids::Keep) };
            if let Err(rejection) = self.ban(wide, stamp) {
                tracing::error!(%bidder, %rejection, "a ban could not be taken over");
            }
        }
    }

    /// Removes the bids of a bidder who was banned from all auctions within the ban's scope. An auction that is over refuses,
    /// and keeps its bids: a ban changes nothing that is decided.
    ///
    /// Looks at every auction of the shard: bans that remove are rare, and an index by bidder would cost every bid.
    fn remove_everywhere(&mut self, scope: Ban, stamp: Stamp) {
        let command = Command::Remove { bidder: scope.bidder, reason: Reason("banned".into()) };
        for id in self.ids() {
            let Some(entry) = self.auctions.get(id) else { continue };
            if scope.seller.is_none_or(|seller| seller == entry.auction.terms().seller) {
                self.carry_out(id, &command, stamp);
            }
        }
    }
}
