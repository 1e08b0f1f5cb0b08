//! The document stores: how fast they take batches, and how soon they answer.
//!
//! `cargo bench -p gavel-benches --bench documents -- --runs 3 --seconds 20`. A genuine mongod, which is a replica set of one, and the file of
//! the embedded store, on the same machine as what writes to them and asks them.
//!
//! - **load**: for `--seconds`, batches of 1,000 new auctions, each a whole document of about 9 kB (50 bids, details, terms) with all its
//!   indexes; each batch acknowledged (journaled by a majority, or synced) before the next.
//! - **again**: as many batches again, of auctions that are there, each with another price and end.
//! - **bids**: batches of 1,000 documents of `bids`, as small as they are.
//! - **by id**, **ending soon**: one question at a time, over all that was loaded: a document; the 50 open auctions that end first.
#![allow(clippy::expect_used, reason = "what is measured here has no values that are unfit")]

use bson::{DateTime, RawDocumentBuf, doc};
use clap::{Parser, ValueEnum};
use gavel_benches::error::BenchError;
use gavel_benches::output::{end, say_rows};
use gavel_benches::spread::quantile;
use gavel_core::auction::State;
use gavel_core::{AuctionId, Epoch, Lsn, Position, ShardId};
use gavel_projector::store::{Address, Embedded, Filter, Listing, MongoDb, Paging, Search, Sort};
use gavel_projector::{Batch, Collection, Store, StoreError, Upsert};
use gavel_tests::ReplicaSet;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Documents of one batch.
const BATCH: u64 = 1_000;
/// Questions of each kind.
const QUESTIONS: u64 = 2_000;
/// The least time of any document, in milliseconds since 1970.
const EPOCH_MS: i64 = 1_760_000_000_000;

/// Measure the document stores.
#[derive(Debug, Parser)]
#[command(name = "documents")]
struct Flags {
    /// What to measure; both without it
    #[arg(long, value_name = "STORE")]
    store: Vec<Kind>,
    /// Rounds; the median of them counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    runs: u32,
    /// How long auctions are loaded, in seconds
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Where the stores' directories are made
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_TARGET_TMPDIR"))]
    dir: PathBuf,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// A store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Mongodb,
    Embedded,
}

/// Figures by name, one for each round.
type Rows = BTreeMap<&'static str, Vec<f64>>;
/// The names of the figures of one store.
type Names = [&'static str; 6];

const MONGODB: Names = [
    "mongodb: auctions loaded, thousands",
    "mongodb: new auctions/s",
    "mongodb: auctions/s that were there",
    "mongodb: new bids/s",
    "mongodb: by id, p50 ms",
    "mongodb: ending soon, p50 ms",
];
const EMBEDDED: Names = [
    "embedded: auctions loaded, thousands",
    "embedded: new auctions/s",
    "embedded: auctions/s that were there",
    "embedded: new bids/s",
    "embedded: by id, p50 ms",
    "embedded: ending soon, p50 ms",
];

fn main() -> ExitCode {
    end(measure(&Flags::parse()))
}

fn measure(flags: &Flags) -> Result<(), BenchError> {
    std::fs::create_dir_all(&flags.dir)
        .map_err(|source| BenchError::Dir { path: flags.dir.clone(), source })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let wants = |kind| flags.store.is_empty() || flags.store.contains(&kind);
    let mut rows = Rows::new();
    for _ in 0..flags.runs {
        if wants(Kind::Mongodb) {
            let set = ReplicaSet::start(&flags.dir, 1).expect("a mongod");
            let store = runtime.block_on(async {
                let address = Address::parse(&set.url("documents")).await.expect("an address");
                MongoDb::new(address).expect("a store")
            });
            runtime.block_on(round(&store, flags, &MONGODB, &mut rows)).expect("a store that works");
        }
        if wants(Kind::Embedded) {
            let dir = tempfile::TempDir::with_prefix_in("documents-", &flags.dir).expect("a directory");
            let store = Embedded::open(&dir.path().join("documents.redb")).expect("a store");
            runtime.block_on(round(&store, flags, &EMBEDDED, &mut rows)).expect("a store that works");
        }
    }
    say_rows(rows, 44);
    Ok(())
}

async fn round(store: &impl Store, flags: &Flags, names: &Names, rows: &mut Rows) -> Result<(), StoreError> {
    store.prepare().await?;
    let began = Instant::now();
    let mut writing = Duration::ZERO;
    let mut loaded = 0;
    while began.elapsed() < Duration::from_secs(flags.seconds) {
        writing += write(store, auctions(loaded, 1)).await?;
        loaded += BATCH;
    }
    let batches = loaded / BATCH;
    let mut again = Duration::ZERO;
    for batch in 0..batches {
        again += write(store, auctions(batch * BATCH, 2)).await?;
    }
    let mut bids = Duration::ZERO;
    for batch in 0..batches {
        bids += write(store, bids_from(batch * BATCH)).await?;
    }
    let rate = |took: Duration| loaded as f64 / took.as_secs_f64();
    let figures = [
        loaded as f64 / 1e3,
        rate(writing),
        rate(again),
        rate(bids),
        by_id(store, loaded).await?,
        ending_soon(store).await?,
    ];
    for (name, figure) in names.iter().zip(figures) {
        rows.entry(name).or_default().push(figure);
    }
    Ok(())
}

/// How long a batch takes to be acknowledged.
async fn write(store: &impl Store, upserts: Vec<Upsert>) -> Result<Duration, StoreError> {
    let cursor = Position { shard: ShardId(0), epoch: Epoch(1), lsn: Lsn(1) };
    let (auctions, others) =
        upserts.into_iter().partition(|upsert| upsert.collection == Collection::Auctions);
    let batch = Batch { shard: ShardId(0), auctions, others, sweeps: Vec::new(), cursor };
    let began = Instant::now();
    store.write(&batch).await?;
    Ok(began.elapsed())
}

async fn by_id(store: &impl Store, loaded: u64) -> Result<f64, StoreError> {
    let mut took = Vec::new();
    for question in 0..QUESTIONS {
        let id = [auction_id(question.wrapping_mul(0x9E37_79B9_7F4A_7C15) % loaded)];
        let began = Instant::now();
        let found = store.load(Collection::Auctions, &id).await?;
        took.push(began.elapsed().as_secs_f64() * 1e3);
        assert_eq!(found.len(), 1, "each one that is asked for is there");
    }
    Ok(p50(took))
}

async fn ending_soon(store: &impl Store) -> Result<f64, StoreError> {
    let filter = Filter { state: Some(State::Open), ..Filter::default() };
    let listing = Listing::Auctions(Search::new(filter, Sort::EndsAt).expect("a search"));
    let paging = Paging::new(None, 50).expect("a page");
    let mut took = Vec::new();
    for _ in 0..QUESTIONS / 10 {
        let began = Instant::now();
        let page = store.list(&listing, &paging).await?;
        took.push(began.elapsed().as_secs_f64() * 1e3);
        assert_eq!(page.documents.len(), 50, "a page is full");
    }
    Ok(p50(took))
}

fn p50(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}

fn auction_id(number: u64) -> String {
    AuctionId::new(20_779, ShardId(0), number + 1).expect("a number that an id can have").to_string()
}

fn auctions(first: u64, version: i64) -> Vec<Upsert> {
    (first..first + BATCH)
        .map(|number| upsert(Collection::Auctions, version, &auction(number, version)))
        .collect()
}

fn bids_from(first: u64) -> Vec<Upsert> {
    let bid = |number: u64| {
        doc! { "_id": format!("{}/{:010}", auction_id(number), 2), "version": 2_i64, "bid_id": bson::Uuid::from_bytes(u128::from(number).to_be_bytes()),
        "bidder": 2_i64, "price": 10_500_i64, "status": "leading", "at": DateTime::from_millis(EPOCH_MS), "extended_to": null, "withdrawn_by": null }
    };
    (first..first + BATCH).map(|number| upsert(Collection::Bids, 2, &bid(number))).collect()
}

fn upsert(collection: Collection, version: i64, document: &bson::Document) -> Upsert {
    let id = document.get_str("_id").expect("an id").to_owned();
    let document = RawDocumentBuf::try_from(document).expect("a document");
    Upsert { collection, id, version, is_new: version == 1, unchanged: &[], document }
}

/// As the fold makes them once 50 bids are in, in size and fields.
fn auction(number: u64, version: i64) -> bson::Document {
    let spread = (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20).cast_signed();
    let time = |ms: i64| DateTime::from_millis(EPOCH_MS + ms);
    let bid = |seq: i64| {
        doc! { "seq": seq, "bid_id": bson::Uuid::from_bytes(u128::from(number).to_be_bytes()), "bidder": seq % 7, "price": 10_000 + seq * 100,
        "status": "leading", "at": time(seq), "extended_to": null, "withdrawn_by": null }
    };
    let details =
        format!(r#"{{"title":"a lamp no {number}","description":"{}"}}"#, "brass and glass ".repeat(40));
    doc! {
        "_id": auction_id(number), "version": version, "position": format!("0-1-{}", number + 1),
        "state": if number.is_multiple_of(3) { "closed" } else { "open" }, "seller": (number % 5_000).to_string(),
        "title": format!("a lamp no {number}"), "description": "brass and glass ".repeat(40), "category": format!("category {}", number % 50),
        "images": ["https://images.example.com/1.jpg", "https://images.example.com/2.jpg"], "details": details, "details_added": [],
        "details_omitted": 0_i64, "opened_at": time(number.cast_signed()), "starts_at": time(number.cast_signed()),
        "ends_at": time(spread % 1_000_000_000 + version), "at": time(version), "ended_at": null, "deadline": null, "final_at": null,
        "price": 15_000 + version, "current_price": 15_000 + version, "min_next": 15_100 + version, "buy_now": null, "leader": 2_i64,
        "reserve_status": "met", "bid_count": 50 + version, "bidder_count": 7_i64, "bids_accepted": 50 + version, "extensions": 0_i64,
        "bids": (0..50).map(bid).collect::<Vec<_>>(), "timeline": [{ "seq": 1_i64, "type": "opened", "at": time(0) }],
        "timeline_omitted": 0_i64, "outcome": null, "terms": { "currency": "KRW", "opening_price": 10_000_i64, "proxy": true },
    }
}
