//! Goal: the comparison compares like with like. All contestants decide bids by the same rules.
//!
//! Method: one seeded sequence of bids, made so that every verdict comes up often, is given to the rules of `gavel-core`, to the function of PostgreSQL, to
//! its batch function in uneven batches, and to the script of Redis; each is demanded to answer every bid alike. What is stored
//! afterwards is held against the load generator's oracle. The servers are real.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "that is how a test fails")]

use gavel_benches::compare::postgres::{self, Cluster, Way};
use gavel_benches::compare::redis;
use gavel_benches::compare::work::{Bid, OPENING_PRICE, STEP, Verdict, seller};
use gavel_benches::rules;
use gavel_core::{
    AccountId, Amount, Auction, AuctionId, BanBook, Command, Context, Decision, Epoch, EventKind, Lsn,
    Position, Rejection, ShardId, Stamp, Timestamp,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;

/// Auctions with bids; one more number has no auction.
const AUCTIONS: u32 = 6;
/// The last auction has ended before the first bid.
const ENDED: u32 = AUCTIONS - 1;
const BIDS: usize = 2_400;
const BIDDERS: u64 = 6;

fn now() -> Timestamp {
    Timestamp::from_micros(1_795_338_000_000_000).expect("a time in bounds")
}

fn position(lsn: u64) -> Position {
    Position { shard: ShardId(0), epoch: Epoch(1), lsn: Lsn(lsn) }
}

/// The rules that all are held against.
struct Rules {
    auctions: Vec<Auction>,
    lsn: u64,
}

impl Rules {
    fn new() -> Self {
        let open = |number: u32| {
            let id = AuctionId::new(20_779, ShardId(0), u64::from(number) + 1).expect("an id");
            let terms = rules::open_by(seller(number), now()).expect("valid terms");
            let event = Auction::open(id, terms, Stamp::at(now())).expect("an opening");
            Auction::from_opened(&event, position(1)).expect("an auction")
        };
        Self { auctions: (0..AUCTIONS).map(open).collect(), lsn: 1 }
    }

    fn bid(&mut self, bid: Bid) -> Verdict {
        let Some(auction) = self.auctions.get_mut(bid.auction as usize) else { return Verdict::Missing };
        let at = if bid.auction == ENDED { auction.terms().ends_at } else { now() };
        let command = Command::Bid {
            bidder: AccountId::from_integer(bid.bidder),
            amount: Amount::new(bid.amount).expect("an amount"),
            id: None,
        };
        let bans = BanBook::default();
        match auction.decide(&command, &Context { stamp: Stamp::at(at), bans: &bans }) {
            Ok(Decision::Event(event)) => {
                self.lsn += 1;
                auction.apply(&event, position(self.lsn));
                let EventKind::BidAccepted(accepted) = event.kind else { panic!("{event:?}") };
                Verdict::Accepted { leading: accepted.leading, price: accepted.price.get() }
            }
            Err(Rejection::TooLow(least)) => Verdict::TooLow(least.get()),
            Err(Rejection::Closed(_)) => Verdict::Closed,
            Err(Rejection::SellerBid) => Verdict::SellerBid,
            other => panic!("{bid:?} was answered {other:?}"),
        }
    }
}

/// Bids around what would be acceptable, and what the rules say of each.
fn judged() -> (Vec<Bid>, Vec<Verdict>) {
    let (mut rules, mut chooser) = (Rules::new(), ChaCha8Rng::seed_from_u64(4));
    let mut below = |bound: u64| chooser.next_u64() % bound;
    let mut floors = [OPENING_PRICE; AUCTIONS as usize + 1];
    let (mut bids, mut verdicts) = (Vec::new(), Vec::new());
    for _ in 0..BIDS {
        let auction = below(u64::from(AUCTIONS) + 1) as u32;
        let floor = &mut floors[auction as usize];
        // From below the least acceptable to a few steps above it, mostly no whole number of steps.
        let amount = (*floor + below(8 * STEP)).saturating_sub(3 * STEP).max(1);
        let bidder = if below(20) == 0 { seller(auction) } else { 1 + below(BIDDERS) };
        let bid = Bid { auction, bidder, amount };
        let verdict = rules.bid(bid);
        if let Verdict::Accepted { price, .. } = verdict {
            *floor = price + STEP;
        }
        bids.push(bid);
        verdicts.push(verdict);
    }
    (bids, verdicts)
}

fn demand_same(who: &str, bids: &[Bid], verdicts: &[Verdict], answers: &[Verdict]) {
    assert_eq!(answers.len(), bids.len(), "{who}");
    for (place, ((bid, verdict), answer)) in bids.iter().zip(verdicts).zip(answers).enumerate() {
        assert_eq!(answer, verdict, "{who}, bid {place} (seed 4): {bid:?}");
    }
}

fn accepted(verdicts: &[Verdict]) -> u64 {
    verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Accepted { .. })).count() as u64
}

fn block_on<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(what)
}

#[test]
fn the_sequence_brings_every_verdict_up_often() {
    let (_, verdicts) = judged();
    let count = |which: fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| which(verdict)).count();
    for (name, count) in [
        ("leading", count(|verdict| matches!(verdict, Verdict::Accepted { leading: true, .. }))),
        ("outbid", count(|verdict| matches!(verdict, Verdict::Accepted { leading: false, .. }))),
        ("too low", count(|verdict| matches!(verdict, Verdict::TooLow(_)))),
        ("closed", count(|verdict| *verdict == Verdict::Closed)),
        ("missing", count(|verdict| *verdict == Verdict::Missing)),
        ("seller", count(|verdict| *verdict == Verdict::SellerBid)),
    ] {
        assert!(count >= 50, "{name} came up {count} times only");
    }
}

#[test]
fn postgres_decides_as_gavel_does_bid_by_bid_and_in_batches() {
    let (bids, verdicts) = judged();
    let dir = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("a directory");
    // PostgreSQL runs as another user where the tests run as root, and has to get to its own directory inside.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(dir.path(), open).expect("permissions");
    let cluster = Cluster::start(dir.path()).expect("a cluster");
    block_on(async {
        for way in [Way::One, Way::Batch] {
            let client = cluster.connect().await.expect("a connection");
            postgres::prepare(&client, AUCTIONS).await.expect("tables");
            let end = format!("UPDATE auctions SET ends_at = now() - interval '1 s' WHERE id = {ENDED}");
            client.batch_execute(&end).await.expect("an end");
            let bidder = postgres::Bidder::connect(&cluster, way).await.expect("a bidder");
            let mut answers = Vec::new();
            match way {
                Way::One => {
                    for &bid in &bids {
                        answers.push(bidder.bid(bid).await.expect("an answer"));
                    }
                }
                Way::Batch => {
                    // Uneven, so that auctions are met in the middle of batches and at their edges.
                    for batch in bids.chunks(37) {
                        answers.extend(bidder.bids(batch).await.expect("answers"));
                    }
                }
            }
            demand_same(&format!("PostgreSQL, {way:?}"), &bids, &verdicts, &answers);
            postgres::verify(&client, AUCTIONS, accepted(&verdicts)).await.expect("what is stored");
        }
    });
}

#[test]
fn redis_decides_as_gavel_does() {
    let (bids, verdicts) = judged();
    let dir = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("a directory");
    let server = redis::Server::start(dir.path()).expect("a server");
    block_on(async {
        redis::prepare(&server, AUCTIONS).await.expect("auctions");
        let mut connection = redis::Connection::open(&server.socket()).await.expect("a connection");
        let key = format!("a:{ENDED}");
        connection.call(&[b"HSET", key.as_bytes(), b"ends", b"1"]).await.expect("an end");
        let mut bidder = redis::Bidder::connect(&server).await.expect("a bidder");
        let mut answers = Vec::new();
        for &bid in &bids {
            answers.push(bidder.bid(bid).await.expect("an answer"));
        }
        demand_same("Redis", &bids, &verdicts, &answers);
        redis::verify(&server, AUCTIONS, accepted(&verdicts)).await.expect("what is stored");
    });
}
