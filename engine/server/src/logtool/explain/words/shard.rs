//! Events of the whole shard, as far as they touch an auction.

use super::Words;
use gavel_core::command::StandingBids;
use gavel_core::{AccountId, AuctionId, ShardEvent, Timestamp};

/// The words for an event of the auction's shard, and when it was. `None` for what does not touch the auction.
pub(in super::super) fn shard_words(
    event: &ShardEvent,
    auction: AuctionId,
    seller: AccountId,
) -> Option<(Timestamp, Words)> {
    let touches = |of: &Option<AccountId>| of.is_none_or(|of| of == seller);
    let scope = |of: &Option<AccountId>| match of {
        None => "every auction".to_owned(),
        Some(seller) => format!("the auctions of seller {seller}"),
    };
    let (at, title, line) = match event {
        ShardEvent::Banned { bidder, seller, standing, at } if touches(seller) => {
            let bids = match standing {
                StandingBids::Keep => "standing bids stay",
                StandingBids::Remove => {
                    "standing bids are removed, as the records that follow say for each auction"
                }
            };
            let here = if seller.is_none() { "any auction".to_owned() } else { scope(seller) };
            let line = format!("{bidder} may not bid in {here} any more; {bids}");
            (at, format!("{bidder} banned from {}", scope(seller)), line)
        }
        ShardEvent::Unbanned { bidder, seller, at } if touches(seller) => {
            let line = format!("the ban of {bidder} from {} is lifted", scope(seller));
            (at, format!("{bidder} no longer banned"), line)
        }
        ShardEvent::AuctionsRetired { auctions, at } if auctions.contains(&auction) => {
            let line =
                "final for some hours, it has left the engine's memory; its records stay in the history"
                    .to_owned();
            (at, "retired".to_owned(), line)
        }
        ShardEvent::Banned { .. }
        | ShardEvent::Unbanned { .. }
        | ShardEvent::AuctionsRetired { .. }
        | ShardEvent::EpochStarted { .. }
        | ShardEvent::PlacementChanged { .. } => return None,
    };
    Some((*at, Words { title, lines: vec![line] }))
}
