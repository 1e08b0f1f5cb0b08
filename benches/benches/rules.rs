//! What the rules cost: `decide` and `apply` of one bid, and what is rare but looks at every bid.
//!
//! Every iteration is one bid; an auction is begun anew, outside the time taken, when it has taken `BIDS` of them.
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![expect(clippy::unwrap_used, reason = "a bench may fail")]

use criterion::{Criterion, criterion_group, criterion_main};
use gavel_core::*;
use std::hint::black_box;
use std::time::{Duration as Elapsed, Instant};

/// Bids that one auction takes.
const BIDS: u64 = 1_000_000;

fn time(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_795_338_000_000_000 + seconds * 1_000_000).unwrap()
}

fn position(lsn: u64) -> Position {
    Position { shard: ShardId(0), epoch: Epoch(1), lsn: Lsn(lsn) }
}

fn auction(sequence: u64) -> Auction {
    let rows = (0..10)
        .map(|n| IncrementStep { from: Amount::new(n * 1_000).unwrap(), step: Amount::new(1 + n).unwrap() });
    let draft = TermsDraft {
        seller: Some(AccountId::from_integer(u64::MAX)),
        currency: Currency::new(*b"KRW"),
        starts_at: Some(time(0)),
        ends_at: Some(time(3_600)),
        increments: Some(rows.collect()),
        retraction: Some(Retraction::Until(Duration::ZERO)),
        ..TermsDraft::default()
    };
    let open = Open {
        terms: Terms::validate(draft, time(0)).unwrap(),
        details: Details("{}".into()),
        id: None,
        digest: 0,
    };
    let id = AuctionId::new(20_779, ShardId(0), sequence).unwrap();
    let event = Auction::open(id, open, Stamp::at(time(0))).unwrap();
    Auction::from_opened(&event, position(1)).unwrap()
}

/// Spreads numbers over 64 bits, as accounts and ids are spread.
fn spread(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The nth bid: every other one is outbid at once, and the price rises all the time.
fn bid(n: u64, bidders: u64, chosen: bool) -> Command {
    let amount = Amount::new(100 * (n / 2) + if n.is_multiple_of(2) { 60 } else { 30 }).unwrap();
    // A version 4 UUID, as a client's library would make it.
    let high = spread(n) & !0xf000 | 0x4000;
    let id = chosen.then(|| BidId::from_bits(u128::from(high) << 64 | 1 << 63 | u128::from(n)));
    Command::Bid { bidder: AccountId::from_integer(spread(n % bidders)), amount, id }
}

fn take(auction: &mut Auction, command: &Command, lsn: u64, bans: &BanBook) {
    let context = Context { stamp: Stamp::at(time(1)), bans };
    if let Decision::Event(event) = auction.decide(command, &context).unwrap() {
        auction.apply(&event, position(lsn));
    }
}

/// Time of so many bids on one auction at a time.
fn bids(iterations: u64, bidders: u64, chosen: bool) -> Elapsed {
    let (bans, mut elapsed, mut left) = (BanBook::default(), Elapsed::ZERO, iterations);
    while left > 0 {
        let (mut auction, round) = (auction(1), left.min(BIDS));
        let started = Instant::now();
        for n in 0..round {
            take(&mut auction, &bid(n, bidders, chosen), n + 2, &bans);
        }
        elapsed += started.elapsed();
        left -= round;
        assert_eq!(u64::from(auction.view().bid_count), round);
    }
    elapsed
}

/// Time of so many bids, one after the other on each of 10,000 auctions.
fn bids_on_many(iterations: u64) -> Elapsed {
    const AUCTIONS: u64 = 10_000;
    let mut auctions: Vec<Auction> = (1..=AUCTIONS).map(auction).collect();
    let bans = BanBook::default();
    let started = Instant::now();
    for n in 0..iterations {
        let nth = n / AUCTIONS;
        take(&mut auctions[(n % AUCTIONS) as usize], &bid(nth, 1_000, false), n + 2, &bans);
    }
    started.elapsed()
}

fn filled(bids: u64) -> Auction {
    let (mut auction, bans) = (auction(1), BanBook::default());
    (0..bids).for_each(|n| take(&mut auction, &bid(n, 1_000, true), n + 2, &bans));
    auction
}

fn hot_path(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide and apply a bid");
    group.bench_function("one auction, 10 bidders", |b| b.iter_custom(|n| bids(n, 10, false)));
    group.bench_function("one auction, 100,000 bidders", |b| b.iter_custom(|n| bids(n, 100_000, false)));
    group.bench_function("one auction, 100,000 bidders, chosen ids", |b| {
        b.iter_custom(|n| bids(n, 100_000, true))
    });
    group.bench_function("10,000 auctions in turn", |b| b.iter_custom(bids_on_many));
    group.finish();
}

fn decisions(criterion: &mut Criterion) {
    let (auction, bans) = (filled(BIDS), BanBook::default());
    let context = Context { stamp: Stamp::at(time(1)), bans: &bans };
    let mut group = criterion.benchmark_group("decide, on an auction of 1,000,000 bids");
    let low = Command::Bid { bidder: AccountId::from_integer(7), amount: Amount::new(1).unwrap(), id: None };
    group.bench_function("a bid too low", |b| b.iter(|| auction.decide(black_box(&low), &context).is_err()));
    let mut n = 0;
    group.bench_function("a retry", |b| {
        b.iter(|| {
            n = (n + 7_919) % BIDS;
            auction.decide(black_box(&bid(n, 1_000, true)), &context).is_ok()
        });
    });
    let retract = Command::Retract { bid: auction_bid(&auction, &context), reason: Reason("because".into()) };
    group.sample_size(20);
    group
        .bench_function("a retraction", |b| b.iter(|| auction.decide(black_box(&retract), &context).is_ok()));
    group.bench_function("a view", |b| b.iter(|| black_box(&auction).view()));
    group.bench_function("a digest", |b| b.iter(|| black_box(&auction).digest()));
    group.finish();
}

/// The id of the bid in the middle.
fn auction_bid(auction: &Auction, context: &Context<'_>) -> BidId {
    let Ok(Decision::Repeat(receipt)) = auction.decide(&bid(BIDS / 2, 1_000, true), context) else {
        return BidId::from_bits(0);
    };
    receipt.bid
}

/// The longest that one bid took on the way to 4,000,000: no growth of anything may stop the others for long. The "time" that
/// is reported is this maximum; on a busy machine it is the scheduler's.
fn longest(criterion: &mut Criterion) {
    criterion.bench_function("one bid at a time up to 4,000,000 bids of 1,000,000 bidders", |b| {
        b.iter_custom(|iterations| {
            let (mut auction, bans, mut worst) = (auction(1), BanBook::default(), Elapsed::ZERO);
            for n in 0..4_000_000 {
                let command = bid(n, 1_000_000, true);
                let started = Instant::now();
                take(&mut auction, &command, n + 2, &bans);
                worst = worst.max(started.elapsed());
            }
            worst * iterations as u32
        });
    });
}

criterion_group! {
    name = rare;
    config = Criterion::default().sample_size(10).warm_up_time(Elapsed::from_millis(1));
    targets = longest
}
criterion_group!(common, hot_path, decisions);
criterion_main!(common, rare);
