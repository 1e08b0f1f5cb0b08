//! A view as it is kept: without what the auction's id and terms say, and without gaps. There is one for every auction.

use gavel_core::auction::{ReserveStatus, View};
use gavel_core::{AccountId, Amount, AuctionId, Epoch, Lsn, Position, Seq, State, Terms, Timestamp};

/// A [`View`] in 88 bytes.
#[derive(Debug)]
pub(super) struct Stored {
    lsn: Lsn,
    price: Option<Amount>,
    min_next: Amount,
    buy_now: Option<Amount>,
    ends_at: Timestamp,
    at: Timestamp,
    /// The leader's account, its lower half first; an account of 128 bits would be aligned to sixteen bytes.
    leader: [u64; 2],
    epoch: Epoch,
    seq: Seq,
    bid_count: u32,
    bidder_count: u32,
    pub(super) state: State,
    reserve: ReserveStatus,
    has_leader: bool,
}

const _: () = assert!(size_of::<Stored>() == 88);

impl Stored {
    pub(super) fn of(view: &View) -> Self {
        let View {
            state,
            seq,
            position,
            price,
            min_next,
            leader,
            bid_count,
            bidder_count,
            reserve,
            buy_now,
            starts_at: _,
            ends_at,
            at,
        } = *view;
        let Position { shard: _, epoch, lsn } = position;
        let bits = leader.map_or(0, AccountId::to_bits);
        let leader_bits = [bits as u64, (bits >> 64) as u64];
        Self {
            lsn,
            price,
            min_next,
            buy_now,
            ends_at,
            at,
            leader: leader_bits,
            epoch,
            seq,
            bid_count,
            bidder_count,
            state,
            reserve,
            has_leader: leader.is_some(),
        }
    }

    /// The view of the auction that this was kept for.
    pub(super) fn view(&self, id: AuctionId, terms: &Terms) -> View {
        let Self {
            lsn,
            price,
            min_next,
            buy_now,
            ends_at,
            at,
            leader: [low, high],
            epoch,
            seq,
            bid_count,
            bidder_count,
            state,
            reserve,
            has_leader,
        } = *self;
        let leader = AccountId::from_bits(u128::from(high) << 64 | u128::from(low));
        View {
            state,
            seq,
            position: Position { shard: id.shard(), epoch, lsn },
            price,
            min_next,
            leader: has_leader.then_some(leader),
            bid_count,
            bidder_count,
            reserve,
            buy_now,
            starts_at: terms.starts_at,
            ends_at,
            at,
        }
    }
}
