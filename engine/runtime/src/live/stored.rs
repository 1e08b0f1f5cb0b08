//! A view as it is kept: without what the auction's id and terms say, and without gaps. There is one for every auction.

use gavel_core::auction::{ReserveStatus, View};
use gavel_core::{AccountId, Amount, AuctionId, Epoch, Lsn, Position, Seq, State, Terms, Timestamp};

/// A [`View`] in 68 bytes. It is aligned to four, so that it, its lock and what else a live auction is make 128 bytes with the counters
/// of their `Arc`.
#[derive(Debug)]
pub(super) struct Stored {
    lsn: Halves,
    /// One more than it is; zero for none.
    price: Halves,
    ends_at: Halves,
    at: Halves,
    /// Nobody's is zero, and `has_leader` is false.
    leader: [Halves; 2],
    epoch: Epoch,
    seq: Seq,
    bid_count: u32,
    bidder_count: u32,
    pub(super) state: State,
    reserve: ReserveStatus,
    has_leader: bool,
    has_buy_now: bool,
}

const _: () = assert!(size_of::<Stored>() == 68);

/// A number of 64 bits, the lower half first.
#[derive(Clone, Copy, Debug)]
struct Halves([u32; 2]);

impl Halves {
    const fn new(number: u64) -> Self {
        Self([number as u32, (number >> 32) as u32])
    }

    const fn get(self) -> u64 {
        let Self([low, high]) = self;
        (high as u64) << 32 | low as u64
    }

    fn time(self) -> Timestamp {
        // It was one.
        Timestamp::from_micros(self.get()).unwrap_or_default()
    }
}

impl Stored {
    pub(super) fn of(view: &View) -> Self {
        let View {
            state,
            seq,
            position,
            price,
            min_next: _,
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
        Self {
            lsn: Halves::new(lsn.0),
            price: Halves::new(price.map_or(0, |price| price.get() + 1)),
            ends_at: Halves::new(ends_at.micros()),
            at: Halves::new(at.micros()),
            leader: [Halves::new(bits as u64), Halves::new((bits >> 64) as u64)],
            epoch,
            seq,
            bid_count,
            bidder_count,
            state,
            reserve,
            has_leader: leader.is_some(),
            has_buy_now: buy_now.is_some(),
        }
    }

    /// The view of the auction that this was kept for.
    pub(super) fn view(&self, id: AuctionId, terms: &Terms) -> View {
        let Self {
            lsn,
            price,
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
            has_buy_now,
        } = *self;
        let price = price.get().checked_sub(1).and_then(Amount::new);
        let leader = AccountId::from_bits(u128::from(high.get()) << 64 | u128::from(low.get()));
        View {
            state,
            seq,
            position: Position { shard: id.shard(), epoch, lsn: Lsn(lsn.get()) },
            price,
            min_next: terms.min_next(price).unwrap_or(Amount::MAX),
            leader: has_leader.then_some(leader),
            bid_count,
            bidder_count,
            reserve,
            buy_now: terms.buy_now.filter(|_| has_buy_now).map(|buy_now| buy_now.price),
            starts_at: terms.starts_at,
            ends_at: ends_at.time(),
            at: at.time(),
        }
    }
}
