//! The feed: what one follower gets over TCP, and what it costs the bidders.
//!
//! `cargo bench -p gavel-benches --bench feed -- --runs 5 --seconds 5`. Closed loops of bids without and with a follower, in turn, each
//! on a server of its own; then a follower that reads all of it from the start. Printed are medians, with the least and the greatest.

use clap::Parser;
use gavel_benches::error::BenchError;
use gavel_benches::output::{end, say_rows};
use gavel_benches::server::{self, Server};
use gavel_core::Position;
use gavel_loadgen::Options;
use gavel_wire::feed::{Feed, FeedEvent, FeedOptions, shards};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Measure the feed.
#[derive(Debug, Parser)]
#[command(name = "feed")]
struct Flags {
    /// Rounds; the median of them counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    runs: u32,
    /// Length of each load, in seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// A release build of the server to measure; without it, it is built from these sources
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Where data directories are made
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_TARGET_TMPDIR"))]
    dir: PathBuf,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    end(measure(&Flags::parse()))
}

/// What a follower has got.
#[derive(Clone, Copy, Debug, Default)]
struct Got {
    frames: u64,
    records: u64,
    bytes: u64,
}

fn measure(flags: &Flags) -> Result<(), BenchError> {
    let binary = flags.server.clone().map_or_else(server::build, Ok)?;
    std::fs::create_dir_all(&flags.dir)
        .map_err(|source| BenchError::Dir { path: flags.dir.clone(), source })?;
    let time = Duration::from_secs(flags.seconds);
    let mut rows: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for _ in 0..flags.runs {
        let (alone, _) = load(&binary, flags, time, false)?;
        let (beside, server) = load(&binary, flags, time, true)?;
        let (took, got) = catch_up(&server)?;
        let seconds = took.as_secs_f64();
        for (row, value) in [
            ("bids/s, nobody follows", alone),
            ("bids/s, one follows all shards", beside),
            ("of them, share of those alone", beside / alone),
            ("records/s to one that reads from the start", got.records as f64 / seconds),
            ("frames/s to the same", got.frames as f64 / seconds),
            ("MB/s to the same", got.bytes as f64 / seconds / 1e6),
        ] {
            rows.entry(row).or_default().push(value);
        }
    }
    say_rows(rows, 45);
    Ok(())
}

/// Accepted bids a second on a fresh server, with or without a follower.
fn load(
    binary: &Path,
    flags: &Flags,
    time: Duration,
    is_followed: bool,
) -> Result<(f64, Server), BenchError> {
    let server = Server::start(binary, &flags.dir)?;
    let stop = Arc::new(AtomicBool::new(false));
    let follower = is_followed.then(|| {
        let (address, stop) = (server.address(), Arc::clone(&stop));
        std::thread::spawn(move || follow(address, |_| !stop.load(Ordering::Relaxed)))
    });
    let options =
        Options { connections: 16, pipeline: 1_024, duration: time, ..Options::new(server.address()) };
    let report = gavel_loadgen::run(options, |_| {})?;
    stop.store(true, Ordering::Relaxed);
    if let Some(follower) = follower {
        let got =
            follower.join().map_err(|_| BenchError::Engine("the follower has panicked".to_owned()))??;
        if got.records == 0 {
            return Err(BenchError::Engine("the follower got nothing".to_owned()));
        }
    }
    Ok((report.accepted_rate, server))
}

/// Reads everything that there is.
fn catch_up(server: &Server) -> Result<(Duration, Got), BenchError> {
    let durable = server.ask(async |client| Ok(client.call(&[b"INFO", b"shards"]).await?))?;
    let count = |line: &str| {
        let facts = line.strip_prefix("shard")?.split_once(':')?.1;
        facts.strip_prefix("durable=")?.split(',').next()?.parse::<u64>().ok()
    };
    let all: u64 = durable.as_str().unwrap_or_default().lines().filter_map(count).sum();
    let began = Instant::now();
    let got = follow(server.address(), |got| got.records < all)?;
    Ok((began.elapsed(), got))
}

/// Follows all shards from their start for as long as it is wanted.
fn follow(server: SocketAddr, goes_on: impl Fn(&Got) -> bool) -> Result<Got, BenchError> {
    let feed_error = |error: gavel_wire::feed::FeedError| BenchError::Engine(error.to_string());
    let options = FeedOptions::default();
    let from: Vec<Position> =
        shards(server, &options).map_err(feed_error)?.into_iter().map(Position::start).collect();
    let mut feed = Feed::connect(server, &options, &from).map_err(feed_error)?;
    let mut got = Got::default();
    while goes_on(&got) {
        if let FeedEvent::Frame(frame) = feed.next().map_err(feed_error)? {
            let records = frame.records().inspect(|(_, record)| got.bytes += record.len() as u64).count();
            got.records += records as u64;
            got.frames += 1;
        }
    }
    Ok(got)
}
