//! Redis: a Lua script for each bid, called by its hash, with an append-only file that is synced before anything is answered.
//!
//! `bid.lua` has the rules. Connections are Unix sockets, as with PostgreSQL. The server is fresh for each load.

mod client;

pub use client::Connection;

use super::check::{self, StoredAuction, StoredBid};
use super::peer::{Peer, Program};
use super::work::{Bid, Lane, OPENING_PRICE, STEP, Tally, Until, Verdict, Work, seller};
use crate::error::{BenchError, io};
use gavel_wire::value::Value;
use rustix::process::Signal;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::task::LocalSet;

/// The server.
pub const REDIS: Program = Program { name: "redis-server", package: "redis-server", folder: None };

/// What it runs with, beside the defaults: every write synced before it is answered, and nothing written for any other reason.
pub const SETTINGS: [(&str, &str); 6] = [
    ("--port", "0"),
    ("--appendonly", "yes"),
    ("--appendfsync", "always"),
    ("--auto-aof-rewrite-percentage", "0"),
    ("--save", ""),
    ("--maxclients", "1000"),
];

const SCRIPT: &str = include_str!("redis/bid.lua");
/// An hour, for which auctions are open, in seconds.
const OPEN_FOR_S: u64 = 3_600;
/// Stored bids that are asked for at once.
const PAGE: usize = 1_000;

/// A running server. Ended, and its directory removed, when dropped.
#[derive(Debug)]
pub struct Server {
    // Declared in the order in which they have to go.
    _process: Peer,
    _data: TempDir,
    sockets: TempDir,
}

impl Server {
    /// Starts a server in a fresh directory below `below`.
    ///
    /// # Errors
    /// Redis is not there, or does not start.
    pub fn start(below: &Path) -> Result<Self, BenchError> {
        let data = TempDir::with_prefix_in("compare-redis-", below).map_err(io("a directory for Redis"))?;
        // A socket's path may have no more than 107 bytes, so it does not lie with the data.
        let sockets = TempDir::with_prefix("compare-").map_err(io("a directory for Redis's socket"))?;
        let socket = sockets.path().join("socket");
        let mut command = Command::new(REDIS.find()?);
        command.args(SETTINGS.iter().flat_map(|(name, value)| [name, value]));
        command.arg("--dir").arg(data.path()).arg("--unixsocket").arg(&socket);
        let messages = sockets.path().join("messages");
        let mut process = Peer::start(&mut command, REDIS.name, &messages, Signal::KILL)?;
        process.wait_for(|| std::os::unix::net::UnixStream::connect(&socket).ok())?;
        Ok(Self { _process: process, _data: data, sockets })
    }

    /// Where it takes connections.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.sockets.path().join("socket")
    }
}

/// Makes the auctions of this work.
///
/// # Errors
/// What Redis says.
pub async fn prepare(server: &Server, auctions: u32) -> Result<(), BenchError> {
    let mut connection = Connection::open(&server.socket()).await?;
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let fields =
        |auction| [now + OPEN_FOR_S, seller(auction), OPENING_PRICE, STEP].map(|field| field.to_string());
    for auction in 0..auctions {
        let [ends, seller, opening, step] = fields(auction);
        let key = key('a', auction);
        let words = ["HSET", &key, "ends", &ends, "seller", &seller, "opening", &opening, "step", &step];
        connection.call(&words.map(str::as_bytes)).await?;
    }
    Ok(())
}

/// `a:7`, an auction; `b:7`, its bids.
fn key(kind: char, auction: u32) -> String {
    format!("{kind}:{auction}")
}

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

/// Holds what is stored for so many auctions against how many bids were acknowledged.
///
/// # Errors
/// What is not as it should be, or what Redis says.
pub async fn verify(server: &Server, auctions: u32, acknowledged: u64) -> Result<(), BenchError> {
    let mut connection = Connection::open(&server.socket()).await?;
    let mut stored = 0;
    for auction in 0..auctions {
        let length = connection.call(&[b"LLEN", key('b', auction).as_bytes()]).await?;
        stored += integer(&length).ok_or(BenchError::Missing("length"))?.cast_unsigned();
    }
    check::counts(stored, acknowledged)?;
    for auction in check::sample(auctions) {
        check::auction(&stored_auction(&mut connection, auction).await?)?;
    }
    Ok(())
}

async fn stored_auction(connection: &mut Connection, auction: u32) -> Result<StoredAuction, BenchError> {
    let mut bids = Vec::new();
    loop {
        let (from, to) = (bids.len().to_string(), (bids.len() + PAGE - 1).to_string());
        let page = connection.call(&["LRANGE", &key('b', auction), &from, &to].map(str::as_bytes)).await?;
        let Value::Array(page) = page else { return Err(BenchError::Missing("page of bids")) };
        if page.is_empty() {
            break;
        }
        bids.extend(
            page.iter().map(stored_bid).collect::<Option<Vec<_>>>().ok_or(BenchError::Missing("bid"))?,
        );
    }
    let state = connection.call(&["HMGET", &key('a', auction), "leader", "price"].map(str::as_bytes)).await?;
    let Value::Array(state) = state else { return Err(BenchError::Missing("state")) };
    let number = |place: usize| state.get(place).and_then(Value::as_str).and_then(|text| text.parse().ok());
    Ok(StoredAuction { bids, leader: number(0), price: number(1) })
}

/// As `bid.lua` writes it: bidder, amount, price, whether it leads.
fn stored_bid(value: &Value) -> Option<StoredBid> {
    let numbers: Vec<u64> = value.as_str()?.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [bidder, amount, price, leads] = numbers[..] else { return None };
    Some(StoredBid { bidder, amount, price, leading: leads == 1 })
}
