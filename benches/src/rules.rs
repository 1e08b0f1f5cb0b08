//! The rules alone: auctions and bids to run them with, and what `decide` and `apply` of one bid cost.

use gavel_core::{
    AccountId, Amount, Auction, AuctionId, BanBook, Command, Context, Currency, Decision, Details, Epoch,
    IncrementStep, Lsn, Open, Position, ShardId, Stamp, Terms, TermsDraft, Timestamp,
};
use std::time::Instant;

/// Auctions that bids go to in turn.
pub const AUCTIONS: u64 = 10_000;
/// Bidders.
const BIDDERS: u64 = 100_000;
/// The first price, and the step between prices.
const OPENING_PRICE: u64 = 1_000;
const STEP: u64 = 100;
/// An hour, for which auctions are open.
const OPEN_FOR_US: u64 = 3_600_000_000;

/// A request to open an auction that takes bids from `now` on: proxy bidding, steps of 100. `None` would be a defect.
#[must_use]
pub fn open(now: Timestamp) -> Option<Open> {
    open_by(u64::MAX, now)
}

/// The same for one of many sellers, by whom auctions are spread over the shards.
#[must_use]
pub fn open_by(seller: u64, now: Timestamp) -> Option<Open> {
    let draft = TermsDraft {
        seller: Some(AccountId::from_integer(seller)),
        currency: Currency::new(*b"KRW"),
        ends_at: Timestamp::from_micros(now.micros() + OPEN_FOR_US),
        opening_price: Amount::new(OPENING_PRICE),
        increments: Some(vec![IncrementStep { from: Amount::new(0)?, step: Amount::new(STEP)? }]),
        ..TermsDraft::default()
    };
    let terms = Terms::validate(draft, now).ok()?;
    Some(Open { terms, details: Details("{}".into()), id: None, digest: 0 })
}

/// The bid of turn `turn` on an auction: two steps above the one before, so that it is accepted in whatever order auctions
/// are bid on. `number` chooses the bidder.
#[must_use]
pub fn bid(turn: u64, number: u64) -> Command {
    let amount = Amount::new(OPENING_PRICE + 2 * STEP * turn).unwrap_or(Amount::MAX);
    let bidder = 1 + number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % BIDDERS;
    Command::Bid { bidder: AccountId::from_integer(bidder), amount, id: None }
}

/// Nanoseconds that deciding and applying a bid takes, over `bids` bids on `auctions` auctions in turn. `None` when a bid
/// was not accepted, which would be a defect.
#[must_use]
pub fn decide_and_apply_ns(bids: u64, auctions: u64) -> Option<f64> {
    let now = Timestamp::from_micros(1_795_338_000_000_000)?;
    let mut all = (1..=auctions).map(|sequence| opened(sequence, now)).collect::<Option<Vec<Auction>>>()?;
    let bans = BanBook::default();
    let context = Context { stamp: Stamp::at(now), bans: &bans };
    let began = Instant::now();
    for number in 0..bids {
        let auction = &mut all[(number % auctions) as usize];
        let Ok(Decision::Event(event)) = auction.decide(&bid(number / auctions, number), &context) else {
            return None;
        };
        auction.apply(&event, position(number + 2));
    }
    Some(began.elapsed().as_nanos() as f64 / bids as f64)
}

fn position(lsn: u64) -> Position {
    Position { shard: ShardId(0), epoch: Epoch(1), lsn: Lsn(lsn) }
}

fn opened(sequence: u64, now: Timestamp) -> Option<Auction> {
    let id = AuctionId::new(20_779, ShardId(0), sequence)?;
    let event = Auction::open(id, open(now)?, Stamp::at(now)).ok()?;
    Auction::from_opened(&event, position(1))
}
