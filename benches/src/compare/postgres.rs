//! PostgreSQL: one function call for each bid, or batches of 1,000 in one statement. `schema.sql` has the tables and functions.
//!
//! Statements are prepared, and answers come over a Unix socket, which is faster than the TCP that Gavel is spoken to over. All
//! loads use one cluster, whose write-ahead log therefore has its files already; the tables are made anew for each.

mod cluster;

pub use cluster::{Cluster, POSTGRES, SETTINGS};

use super::check::{self, StoredAuction, StoredBid};
use super::lane::{Lane, Tally, Until};
use super::work::{BATCH, Bid, OPENING_PRICE, STEP, Verdict, Work, seller};
use crate::error::{BenchError, io};
use std::time::{Duration, Instant};
use tokio::task::LocalSet;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row, Statement};

const SCHEMA: &str = include_str!("postgres/schema.sql");
const ONE: &str = "SELECT verdict, new_price, enough FROM bid($1, $2, $3)";
const MANY: &str = "SELECT verdicts, prices, enoughs FROM bid_batch($1, $2, $3)";

/// How bids are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// One bid in each statement and transaction.
    One,
    /// A thousand.
    Batch,
}

/// A runtime of one thread.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, BenchError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io("a runtime"))
}

/// Makes tables and functions anew, with the auctions of this work, and writes all of it to the disk.
///
/// # Errors
/// What PostgreSQL says.
pub async fn prepare(client: &Client, auctions: u32) -> Result<(), BenchError> {
    client.batch_execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await?;
    client.batch_execute(SCHEMA).await?;
    let open = format!(
        "INSERT INTO auctions SELECT number, {first_seller} + number, {OPENING_PRICE}, {STEP}, true, now() + '1 h', 0
         FROM generate_series(0, {auctions} - 1) AS number; ANALYZE; CHECKPOINT",
        first_seller = seller(0)
    );
    Ok(client.batch_execute(&open).await?)
}

/// Makes bids on all lanes, each on a connection of its own, until the time is up, which begins with the first bid; then checks what is
/// stored. Says how long it was until the last answer.
///
/// # Errors
/// What PostgreSQL says, or what the check finds.
pub async fn load(
    cluster: &Cluster,
    work: Work,
    lanes: Vec<Lane>,
    way: Way,
    until: impl Fn() -> Until,
) -> Result<(Tally, Duration), BenchError> {
    let mut bidders = Vec::with_capacity(lanes.len());
    for lane in lanes {
        bidders.push((Bidder::connect(cluster, way).await?, lane));
    }
    let (local, until, began) = (LocalSet::new(), until(), Instant::now());
    let run = |(mut bidder, lane): (Bidder, Lane)| {
        let until = until.clone();
        local.spawn_local(async move { bidder.run(lane, way, &until).await })
    };
    let tasks: Vec<_> = bidders.into_iter().map(run).collect();
    local.await;
    let took = began.elapsed();
    let mut all = Tally::default();
    for task in tasks {
        all.merge(&task.await.map_err(|_| BenchError::Panicked)??);
    }
    verify(&cluster.connect().await?, work.auctions(), all.accepted).await?;
    Ok((all, took))
}

/// A connection with its prepared statement.
#[derive(Debug)]
pub struct Bidder {
    client: Client,
    statement: Statement,
}

impl Bidder {
    /// Connects and prepares.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn connect(cluster: &Cluster, way: Way) -> Result<Self, BenchError> {
        let client = cluster.connect().await?;
        let statement = match way {
            Way::One => client.prepare_typed(ONE, &[Type::INT4, Type::INT8, Type::INT8]).await?,
            Way::Batch => {
                let types = [Type::INT4_ARRAY, Type::INT8_ARRAY, Type::INT8_ARRAY];
                client.prepare_typed(MANY, &types).await?
            }
        };
        Ok(Self { client, statement })
    }

    async fn run(&mut self, mut lane: Lane, way: Way, until: &Until) -> Result<Tally, BenchError> {
        let size = if way == Way::One { 1 } else { BATCH };
        let mut bids = Vec::with_capacity(size);
        while !until.is_over() {
            bids.clear();
            bids.extend((0..size).map(|_| lane.next_bid()));
            let sent = Instant::now();
            let verdicts = match way {
                Way::One => vec![self.bid(bids[0]).await?],
                Way::Batch => self.bids(&bids).await?,
            };
            lane.tally.latencies.record(sent.elapsed().as_nanos() as u64);
            bids.iter().zip(verdicts).for_each(|(bid, verdict)| lane.settle(*bid, verdict));
        }
        Ok(lane.tally)
    }

    /// Makes one bid.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn bid(&self, bid: Bid) -> Result<Verdict, BenchError> {
        let (auction, bidder, amount) = (bid.auction as i32, bid.bidder as i64, bid.amount as i64);
        let row = self.client.query_one(&self.statement, &[&auction, &bidder, &amount]).await?;
        let answer = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        Verdict::read(answer.0, answer.1, answer.2).ok_or(BenchError::Missing("verdict"))
    }

    /// Makes many bids in one statement, each decided after those before it.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn bids(&self, bids: &[Bid]) -> Result<Vec<Verdict>, BenchError> {
        let auctions: Vec<i32> = bids.iter().map(|bid| bid.auction as i32).collect();
        let bidders: Vec<i64> = bids.iter().map(|bid| bid.bidder as i64).collect();
        let amounts: Vec<i64> = bids.iter().map(|bid| bid.amount as i64).collect();
        let row = self.client.query_one(&self.statement, &[&auctions, &bidders, &amounts]).await?;
        let verdicts: Vec<i64> = row.try_get(0)?;
        let (prices, enoughs): (Vec<Option<i64>>, Vec<Option<i64>>) = (row.try_get(1)?, row.try_get(2)?);
        let answers = verdicts.into_iter().zip(prices).zip(enoughs);
        let verdicts = answers.map(|((verdict, price), enough)| Verdict::read(verdict, price, enough));
        let verdicts = verdicts.collect::<Option<Vec<_>>>().ok_or(BenchError::Missing("verdict"))?;
        if verdicts.len() == bids.len() {
            Ok(verdicts)
        } else {
            Err(BenchError::Missing("verdict of every bid"))
        }
    }
}

/// Holds what is stored for so many auctions against how many bids were acknowledged, and leaves nothing to be written in the background of
/// the next load.
///
/// # Errors
/// What is not as it should be, or what PostgreSQL says.
pub async fn verify(client: &Client, auctions: u32, acknowledged: u64) -> Result<(), BenchError> {
    let stored: i64 = client.query_one("SELECT count(*) FROM bids", &[]).await?.try_get(0)?;
    check::counts(stored as u64, acknowledged)?;
    for auction in check::sample(auctions) {
        check::auction(&stored_auction(client, auction as i32).await?)?;
    }
    Ok(client.batch_execute("CHECKPOINT").await?)
}

async fn stored_auction(client: &Client, auction: i32) -> Result<StoredAuction, BenchError> {
    let bids = "SELECT bidder, amount, price, leads FROM bids WHERE auction = $1 ORDER BY seq";
    let bids = client.query(bids, &[&auction]).await?;
    let row = client.query_one("SELECT leader, price FROM auctions WHERE id = $1", &[&auction]).await?;
    let unsigned = |number: Option<i64>| number.map(i64::cast_unsigned);
    Ok(StoredAuction {
        bids: bids.iter().map(stored_bid).collect::<Result<_, _>>()?,
        leader: unsigned(row.try_get(0)?),
        price: unsigned(row.try_get(1)?),
    })
}

fn stored_bid(row: &Row) -> Result<StoredBid, BenchError> {
    let number = |place| row.try_get::<_, i64>(place).map(i64::cast_unsigned);
    Ok(StoredBid { bidder: number(0)?, amount: number(1)?, price: number(2)?, leading: row.try_get(3)? })
}
