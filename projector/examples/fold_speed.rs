//! How fast records become what is to be written, on one core and without a store: 10,000 auctions that are bid on alike, and one that
//! everybody bids on. Each line is one pass over all batches; the first has nothing in memory yet.
//!
//! `cargo run --release -p gavel-projector --example fold_speed`
#![expect(clippy::print_stdout, reason = "its output is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement stops at the first surprise")]

use gavel_core::{
    AccountId, Amount, Auction, AuctionId, BanBook, Command, Context, Currency, Decision, Details, Epoch,
    Lsn, Open, Position, ShardId, Stamp, Terms, TermsDraft, Timestamp,
};
use gavel_log::follow::Records;
use gavel_log::record::encode_event;
use gavel_projector::fold::Scope;
use gavel_projector::{Documents, Events, fold};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::time::{Duration, Instant};

const SHARD: ShardId = ShardId(0);
const BATCH: usize = 50_000;
const BATCHES: usize = 6;
const DETAILS: &str = r#"{"title":"A vase, blue","description":"Made about 1910, with a crack at the foot that was mended, thirty centimetres high","category":"ceramics","images":["https://img.example/1.jpg","https://img.example/2.jpg"]}"#;

fn time(micros: u64) -> Timestamp {
    Timestamp::from_micros(1_795_338_000_000_000 + micros).unwrap()
}

/// The shard's log while it is made.
struct Making {
    batches: Vec<Records>,
    lsn: u64,
}

impl Making {
    fn push(&mut self, event: &gavel_core::Event) -> Position {
        self.lsn += 1;
        let position = Position { shard: SHARD, epoch: Epoch(1), lsn: Lsn(self.lsn) };
        if self.batches.last().is_none_or(|batch| batch.len() >= BATCH) {
            self.batches.push(Records::new(SHARD));
        }
        let mut bytes = Vec::new();
        encode_event(event, &mut bytes);
        self.batches.last_mut().unwrap().push(position, &bytes);
        position
    }
}

/// Batches of accepted bids on so many auctions, after one batch of their openings.
fn log(auctions: u64, bidders: u64) -> Vec<Records> {
    let mut making = Making { batches: Vec::new(), lsn: 0 };
    let mut dice = ChaCha8Rng::seed_from_u64(1);
    let mut all: Vec<Auction> = (0..auctions).map(|number| open(&mut making, number)).collect();
    making.batches.push(Records::new(SHARD));
    let bans = BanBook::default();
    let mut at = 0;
    while making.batches.len() <= BATCHES || making.batches.last().unwrap().len() < BATCH {
        at += 10;
        let auction = &mut all[dice.random_range(0..auctions) as usize];
        let next = auction.view().min_next.get() + dice.random_range(0..300);
        let bidder = AccountId::from_integer(dice.random_range(1..=bidders));
        let command = Command::Bid { bidder, amount: Amount::new(next).unwrap(), id: None };
        let context = Context { stamp: Stamp::at(time(at)), bans: &bans };
        if let Ok(Decision::Event(event)) = auction.decide(&command, &context) {
            let position = making.push(&event);
            auction.apply(&event, position);
        }
    }
    making.batches
}

fn open(making: &mut Making, number: u64) -> Auction {
    let draft = TermsDraft {
        seller: Some(AccountId::from_integer(1_000_000 + number % 1_000)),
        currency: Currency::new(*b"EUR"),
        ends_at: Some(time(86_400_000_000)),
        ..TermsDraft::default()
    };
    let terms = Terms::validate(draft, time(0)).unwrap();
    let open = Open { terms, details: Details(DETAILS.into()), id: None, digest: 0 };
    let id = AuctionId::new(20_779, SHARD, number + 1).unwrap();
    let event = Auction::open(id, open, Stamp::at(time(0))).unwrap();
    let position = making.push(&event);
    Auction::from_opened(&event, position).unwrap()
}

/// Folds all batches but the first, and says how fast each step of it was.
fn measure(name: &str, batches: &[Records], scope: Scope) {
    let mut documents = Documents::new(SHARD);
    let (mut read, mut want, mut folded) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let (mut bids, mut upserts, mut bytes) = (0, 0, 0);
    for (number, records) in batches.iter().enumerate() {
        let start = Instant::now();
        let events = Events::read(records).unwrap();
        let after_read = Instant::now();
        loop {
            let wanted = documents.wanted(&events);
            if wanted.is_empty() {
                break;
            }
            documents.take(&wanted, &[]).unwrap();
        }
        let after_want = Instant::now();
        let batch = fold(&events, &mut documents, scope).unwrap();
        let end = Instant::now();
        if number > 0 {
            read += after_read - start;
            want += after_want - after_read;
            folded += end - after_want;
            bids += records.len();
            let all = batch.auctions.iter().chain(&batch.others);
            upserts += all.clone().count();
            bytes += all.map(|upsert| upsert.document.as_bytes().len()).sum::<usize>();
        }
    }
    let rate = |time: Duration| bids as f64 / time.as_secs_f64();
    println!(
        "{name:<34} {:>9.0} bids/s; read {:>10.0}/s, wanted {:>10.0}/s, fold {:>9.0}/s; {:.2} upserts, {:.0} bytes a bid",
        rate(read + want + folded),
        rate(read),
        rate(want),
        rate(folded),
        upserts as f64 / bids as f64,
        bytes as f64 / bids as f64,
    );
}

fn main() {
    let uniform = log(10_000, 10);
    let hot = log(1, 1_000);
    for _ in 0..3 {
        measure("10,000 auctions, with bids", &uniform, Scope::Whole);
        measure("10,000 auctions, without bids", &uniform, Scope::WithoutBids);
        measure("one hot auction, with bids", &hot, Scope::Whole);
        measure("one hot auction, without bids", &hot, Scope::WithoutBids);
    }
}
