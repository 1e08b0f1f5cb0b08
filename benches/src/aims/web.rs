//! HTTP: one bid for each request on connections that are kept alive; and ten thousand who watch one auction while it is bid on.
//!
//! The client is as little as one can be: requests are texts made before the clock runs, and of an answer it reads no more than where
//! it ends and whether the bid was accepted. It takes its part of the processors all the same.

use super::Plan;
use super::table::Sample;
use crate::error::{BenchError, io};
use crate::server::Server;
use gavel_core::AuctionId;
use gavel_loadgen::latency::{Latencies, Quantiles};
use gavel_wire::Client;
use gavel_wire::time_text::parse_time;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Connections that bid, each with one request under way.
const BIDDERS: usize = 256;
/// Auctions of each of them; nobody else bids there, so every bid is accepted.
const AUCTIONS_PER_BIDDER: usize = 40;
/// Connections that watch one auction.
const WATCHERS: usize = 10_000;
/// Bids per second on the watched auction.
const WATCHED_BIDS_PER_S: u64 = 200;
/// Handles beside the connections.
const OTHER_FILES: u64 = 200;

fn runtime() -> Result<tokio::runtime::Runtime, BenchError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io("a runtime"))
}

/// Opens auctions that anybody may bid on.
async fn open(server: &Server, count: usize) -> Result<Vec<AuctionId>, BenchError> {
    let mut client = Client::connect(server.address()).await?;
    let mut auctions = Vec::with_capacity(count);
    for number in 0..count {
        let terms = format!(
            r#"{{"seller":"9000","currency":"EUR","duration_s":36000,"placement_key":"{number}","increments":[{{"from":0,"step":1}}]}}"#
        );
        auctions.push(client.open(&terms, None).await?);
    }
    Ok(auctions)
}

/// Row `http`.
pub(super) fn bids(plan: &Plan) -> Result<Sample, BenchError> {
    let server = Server::start(&plan.server, &plan.dir)?;
    let (address, before) = (server.http()?, server.thread_times()?);
    let (accepted, quantiles, took) = runtime()?.block_on(async {
        let auctions = open(&server, BIDDERS * AUCTIONS_PER_BIDDER).await?;
        let all: Rc<RefCell<Latencies>> = Rc::default();
        let began = Instant::now();
        let until = began + plan.time;
        let tasks = tokio::task::LocalSet::new();
        let bidders: Vec<_> = auctions
            .chunks(AUCTIONS_PER_BIDDER)
            .enumerate()
            .map(|(number, auctions)| {
                tasks.spawn_local(bid(address, number, auctions.to_vec(), until, Rc::clone(&all)))
            })
            .collect();
        tasks.await;
        let took = began.elapsed();
        let mut accepted = 0;
        for bidder in bidders {
            accepted += bidder.await.map_err(|_| BenchError::Panicked)??;
        }
        let quantiles = all.borrow().quantiles();
        Ok::<_, BenchError>((accepted, quantiles, took))
    })?;
    let ran_ns: u64 = server
        .thread_times()?
        .iter()
        .map(|(group, time)| time.ran_ns.saturating_sub(before.get(group).map_or(0, |time| time.ran_ns)))
        .sum();
    Ok(Sample::new("http", f64::from(accepted) / took.as_secs_f64())
        .with("connections", BIDDERS as f64)
        .with("ms p50", quantiles.p50 / 1e3)
        .with("ms p99", quantiles.p99 / 1e3)
        .with("us/bid of the server's CPU", ran_ns as f64 / 1e3 / f64::from(accepted.max(1))))
}

/// Bids until the time is up; how many were accepted.
async fn bid(
    address: SocketAddr,
    number: usize,
    auctions: Vec<AuctionId>,
    until: Instant,
    latencies: Rc<RefCell<Latencies>>,
) -> Result<u32, BenchError> {
    let mut stream = connect(address).await?;
    let (mut buffer, mut accepted) = (Vec::with_capacity(4_096), 0);
    let mut round = 0_u64;
    while Instant::now() < until {
        round += 1;
        let auction = auctions[(round % auctions.len() as u64) as usize];
        let body = format!(r#"{{"bidder":"{}","amount":{}}}"#, number as u64 * 2 + round % 2, round * 10);
        let request = format!(
            "POST /v1/auctions/{auction}/bids HTTP/1.1\r\nHost: gavel\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).await.map_err(io("a request"))?;
        accepted += u32::from(answer(&mut stream, &mut buffer).await?);
        latencies.borrow_mut().record(u64::try_from(sent.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    Ok(accepted)
}

async fn connect(address: SocketAddr) -> Result<TcpStream, BenchError> {
    let stream = TcpStream::connect(address).await.map_err(io("a connection"))?;
    stream.set_nodelay(true).map_err(io("TCP_NODELAY"))?;
    Ok(stream)
}

/// Reads one answer; true when the bid was accepted.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<bool, BenchError> {
    buffer.clear();
    loop {
        let read = stream.read_buf(buffer).await.map_err(io("an answer"))?;
        if read == 0 {
            return Err(BenchError::Missing("answer"));
        }
        if let Some(length) = whole(buffer)
            && buffer.len() >= length
        {
            return Ok(buffer.starts_with(b"HTTP/1.1 200 "));
        }
    }
}

/// How long the answer is, once its head is there.
fn whole(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&buffer[..head]).ok()?;
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    Some(head + 4 + length.parse::<usize>().ok()?)
}

/// Row `watchers`.
pub(super) fn watchers(plan: &Plan) -> Result<Sample, BenchError> {
    raise_open_files()?;
    let server = Server::start(&plan.server, &plan.dir)?;
    let address = server.http()?;
    let heard = runtime()?.block_on(async {
        let auction = open(&server, 1).await?[0];
        let tasks = tokio::task::LocalSet::new();
        let time = plan.time;
        tasks.run_until(watched(&server, address, auction, time)).await
    })?;
    let Heard { quantiles, states, messages } = heard;
    Ok(Sample::new("watchers", quantiles.p99 / 1e3)
        .with("watchers", WATCHERS as f64)
        .with("bids/s", WATCHED_BIDS_PER_S as f64)
        .with("states/s to each", states as f64 / plan.time.as_secs_f64())
        .with("messages/s", messages as f64 / plan.time.as_secs_f64())
        .with("ms p50", quantiles.p50 / 1e3)
        .with("ms max", quantiles.max / 1e3)
        .with("MiB of the server", server.resident_bytes()? as f64 / (1 << 20) as f64))
}

/// Texts of times, and the microseconds that they are.
type Times = RefCell<HashMap<Vec<u8>, u64>>;

/// What all watchers have heard.
struct Heard {
    quantiles: Quantiles,
    /// Of the one that heard the most.
    states: u64,
    messages: u64,
}

async fn watched(
    server: &Server,
    address: SocketAddr,
    auction: AuctionId,
    time: Duration,
) -> Result<Heard, BenchError> {
    let mut streams = Vec::with_capacity(WATCHERS);
    for _ in 0..WATCHERS {
        let mut stream = connect(address).await?;
        let request = format!("GET /v1/auctions/{auction}/events HTTP/1.1\r\nHost: gavel\r\n\r\n");
        stream.write_all(request.as_bytes()).await.map_err(io("a request"))?;
        streams.push(stream);
    }
    // Everybody is there once the last has its first state.
    let mut first = vec![0; 4_096];
    for stream in &mut streams {
        let read = stream.read(&mut first).await.map_err(io("the first state"))?;
        if read == 0 {
            return Err(BenchError::Missing("first state"));
        }
    }
    let times: Rc<Times> = Rc::default();
    let latencies: Rc<RefCell<Latencies>> = Rc::default();
    let until = Instant::now() + time;
    let watchers: Vec<_> = streams
        .into_iter()
        .map(|stream| {
            tokio::task::spawn_local(watch(stream, until, Rc::clone(&times), Rc::clone(&latencies)))
        })
        .collect();
    let mut client = Client::connect(server.address()).await?;
    let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / WATCHED_BIDS_PER_S));
    let mut round = 0;
    while Instant::now() < until {
        tick.tick().await;
        round += 1;
        let words =
            ["BID".to_owned(), auction.to_string(), (round % 2 + 1).to_string(), (round * 10).to_string()];
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        client.call(&words).await?;
    }
    let (mut most, mut messages) = (0, 0);
    for watcher in watchers {
        let states = watcher.await.map_err(|_| BenchError::Panicked)??;
        most = most.max(states);
        messages += states;
    }
    let quantiles = latencies.borrow().quantiles();
    Ok(Heard { quantiles, states: most, messages })
}

/// Listens, and notes how long after its latest event each state has come.
async fn watch(
    mut stream: TcpStream,
    until: Instant,
    times: Rc<Times>,
    latencies: Rc<RefCell<Latencies>>,
) -> Result<u64, BenchError> {
    let (mut states, mut buffer) = (0, Vec::with_capacity(2_048));
    loop {
        let read = tokio::time::timeout_at(until.into(), stream.read_buf(&mut buffer)).await;
        let Ok(read) = read else { return Ok(states) };
        if read.map_err(io("a state"))? == 0 {
            return Err(BenchError::Missing("stream"));
        }
        let now_us = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_micros() as u64);
        while let Some(end) = buffer.windows(4).position(|window| window == b"}\n\n\r") {
            if let Some(at_us) = time_of(&buffer[..end], &times) {
                latencies.borrow_mut().record(now_us.saturating_sub(at_us) * 1_000);
                states += 1;
            }
            buffer.drain(..end + 4);
        }
    }
}

/// The time of the latest event in a state; each text is read once, as all watchers get the same.
fn time_of(state: &[u8], times: &Times) -> Option<u64> {
    let at = state.windows(6).rposition(|window| window == br#","at":"#)? + 7;
    let end = at + state[at..].iter().position(|byte| *byte == b'"')?;
    let text = &state[at..end];
    if let Some(known) = times.borrow().get(text) {
        return Some(*known);
    }
    let micros = parse_time(std::str::from_utf8(text).ok()?)?.micros();
    times.borrow_mut().insert(text.to_vec(), micros);
    Some(micros)
}

fn raise_open_files() -> Result<(), BenchError> {
    let wanted = WATCHERS as u64 + OTHER_FILES;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_some_and(|current| current < wanted) {
        let maximum = maximum.map(|maximum| maximum.max(wanted));
        let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
        raised.map_err(std::io::Error::from).map_err(io("a limit of 10,200 open files"))?;
    }
    Ok(())
}
