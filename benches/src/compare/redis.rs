//! Redis: a Lua script for each bid, called by its hash, with an append-only file that is synced before anything is answered.
//!
//! `bid.lua` has the rules. Connections are Unix sockets, as with PostgreSQL. The server is fresh for each load.

mod auctions;
mod client;
mod server;

pub use auctions::{prepare, verify};
pub use client::Connection;
pub use server::{REDIS, SETTINGS, Server};

use super::lane::{Lane, Tally, Until};
use super::work::{Bid, Verdict, Work};
use crate::error::BenchError;
use auctions::key;
use gavel_wire::value::Value;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokio::task::LocalSet;

const SCRIPT: &str = include_str!("redis/bid.lua");

/// A connection that bids.
#[derive(Debug)]
pub struct Bidder {
    connection: Connection,
    /// The script's hash.
    script: String,
}

impl Bidder {
    /// Connects, and gives Redis the script.
    ///
    /// # Errors
    /// What Redis says.
    pub async fn connect(server: &Server) -> Result<Self, BenchError> {
        let mut connection = Connection::open(&server.socket()).await?;
        let answer = connection.call(&[b"SCRIPT", b"LOAD", SCRIPT.as_bytes()]).await?;
        let script = answer.as_str().ok_or(BenchError::Missing("hash of the script"))?.to_owned();
        Ok(Self { connection, script })
    }

    fn put(&mut self, bid: Bid) {
        let (auction, bids) = (key('a', bid.auction), key('b', bid.auction));
        let (bidder, amount) = (bid.bidder.to_string(), bid.amount.to_string());
        let words = ["EVALSHA", &self.script, "2", &auction, &bids, &bidder, &amount];
        self.connection.put(&words.map(str::as_bytes));
    }

    /// Makes one bid, while nothing else is in flight.
    ///
    /// # Errors
    /// What Redis says.
    pub async fn bid(&mut self, bid: Bid) -> Result<Verdict, BenchError> {
        self.put(bid);
        self.connection.flush().await?;
        verdict(&self.connection.answer().await?)
    }

    /// Keeps `in_flight` bids in flight until the time is up.
    async fn run(&mut self, mut lane: Lane, in_flight: usize, until: &Until) -> Result<Tally, BenchError> {
        let mut pending = VecDeque::with_capacity(in_flight);
        loop {
            while pending.len() < in_flight && !until.is_over() {
                let bid = lane.next_bid();
                self.put(bid);
                pending.push_back((bid, Instant::now()));
            }
            if pending.is_empty() {
                return Ok(lane.tally);
            }
            self.connection.flush().await?;
            self.connection.fill().await?;
            let now = Instant::now();
            while let Some(answer) = self.connection.take()? {
                let (bid, sent) = pending.pop_front().ok_or(BenchError::Missing("bid to an answer"))?;
                lane.tally.latencies.record((now - sent).as_nanos() as u64);
                lane.settle(bid, verdict(&answer)?);
            }
        }
    }
}

fn verdict(answer: &Value) -> Result<Verdict, BenchError> {
    let numbers = match answer {
        Value::Array(values) => values.iter().map(integer).collect::<Option<Vec<_>>>(),
        _ => None,
    };
    match numbers.as_deref() {
        Some(&[verdict, price, enough]) => Verdict::read(verdict, Some(price), Some(enough)),
        _ => None,
    }
    .ok_or(BenchError::Missing("verdict"))
}

fn integer(value: &Value) -> Option<i64> {
    if let Value::Integer(number) = value { Some(*number) } else { None }
}

/// Makes bids on all lanes, each on a connection of its own, until the time is up, which begins with the first bid; then checks what is
/// stored. Says how long it was until the last answer.
///
/// # Errors
/// What Redis says, or what the check finds.
pub async fn load(
    server: &Server,
    work: Work,
    lanes: Vec<Lane>,
    in_flight: u32,
    until: impl Fn() -> Until,
) -> Result<(Tally, Duration), BenchError> {
    let mut bidders = Vec::with_capacity(lanes.len());
    for lane in lanes {
        bidders.push((Bidder::connect(server).await?, lane));
    }
    let (local, until, began) = (LocalSet::new(), until(), Instant::now());
    let run = |(mut bidder, lane): (Bidder, Lane)| {
        let until = until.clone();
        local.spawn_local(async move { bidder.run(lane, in_flight as usize, &until).await })
    };
    let tasks: Vec<_> = bidders.into_iter().map(run).collect();
    local.await;
    let took = began.elapsed();
    let mut all = Tally::default();
    for task in tasks {
        all.merge(&task.await.map_err(|_| BenchError::Panicked)??);
    }
    verify(server, work.auctions(), all.accepted).await?;
    Ok((all, took))
}
