//! The flusher: how fast it writes to PostgreSQL, what that costs the bidders, and an outage.
//!
//! `cargo bench -p gavel-benches --bench postgres -- --runs 3 --seconds 10`. A real PostgreSQL and every process on the same machine; the
//! flusher is `gavel flush`, a process of its own, so that its memory and time can be told.
//!
//! - **flush**: a server takes bids as fast as it can, then a flusher begins with an empty database. Records a second, from its start until
//!   it has caught up, into the tables with all their indexes; the server is idle meanwhile.
//! - **beside**: closed loops of bids, alone and with a flusher that writes what is bid; the same with server and load on the first processor
//!   and PostgreSQL and flusher on the others, which takes their need for processors out.
//! - **outage**: PostgreSQL is stopped, bids go on at `--rate` for `--outage` seconds; the flusher's memory before, the most meanwhile, and
//!   how long it takes to catch up once PostgreSQL is back.

use clap::{Parser, ValueEnum};
use gavel_benches::error::BenchError;
use gavel_benches::output::{end, say_rows};
use gavel_benches::postgres::{Flusher, pin};
use gavel_benches::server::{self, Server};
use gavel_loadgen::Options;
use gavel_loadgen::schedule::{Arrivals, Shape, Spacing};
use gavel_tests::postgres::Cluster;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Settings of PostgreSQL, beside its defaults: durable, with room for what is written in a run.
const SETTINGS: [&str; 6] = [
    "shared_buffers=1GB",
    "max_wal_size=8GB",
    "min_wal_size=2GB",
    "wal_buffers=64MB",
    "checkpoint_timeout=15min",
    "jit=off",
];

/// Measure the flusher.
#[derive(Debug, Parser)]
#[command(name = "postgres")]
struct Flags {
    /// What to measure; everything without it
    #[arg(long, value_name = "PART")]
    part: Vec<Part>,
    /// Rounds; the median of them counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    runs: u32,
    /// Length of each load, in seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Length of the outage, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    outage: u64,
    /// Bids a second during the outage
    #[arg(long, default_value_t = 100_000)]
    rate: u32,
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

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Flush,
    Beside,
    Outage,
}

/// Figures by name, one for each round.
type Rows = BTreeMap<&'static str, Vec<f64>>;

fn main() -> ExitCode {
    end(measure(&Flags::parse()))
}

fn measure(flags: &Flags) -> Result<(), BenchError> {
    let binary = flags.server.clone().map_or_else(server::build, Ok)?;
    std::fs::create_dir_all(&flags.dir)
        .map_err(|source| BenchError::Dir { path: flags.dir.clone(), source })?;
    let wants = |part| flags.part.is_empty() || flags.part.contains(&part);
    let mut rows = Rows::new();
    for _ in 0..flags.runs {
        if wants(Part::Flush) {
            flush(&binary, flags, &mut rows)?;
        }
        if wants(Part::Beside) {
            beside(&binary, flags, &mut rows)?;
        }
        if wants(Part::Outage) {
            outage(&binary, flags, &mut rows)?;
        }
    }
    say_rows(rows, 66);
    Ok(())
}

fn closed(server: &Server, seconds: u64) -> Options {
    let duration = Duration::from_secs(seconds);
    Options { connections: 16, pipeline: 256, duration, ..Options::new(server.address()) }
}

fn flush(binary: &Path, flags: &Flags, rows: &mut Rows) -> Result<(), BenchError> {
    let (server, cluster) = (Server::start(binary, &flags.dir)?, Cluster::start(&flags.dir, &SETTINGS)?);
    gavel_loadgen::run(closed(&server, flags.seconds), |_| {})?;
    let began = Instant::now();
    let flusher = Flusher::start(binary, &server, &cluster, &flags.dir)?;
    let records = flusher.catch_up(&server, &cluster)?;
    let took = began.elapsed().as_secs_f64();
    add(rows, "flush: records/s from an empty database until caught up", records as f64 / took);
    add(
        rows,
        "flush: the flusher's own processor time, us for each record",
        flusher.cpu_s()? * 1e6 / records as f64,
    );
    add(rows, "flush: the flusher's memory at its most, MiB", flusher.peak_mib()?);
    Ok(())
}

fn beside(binary: &Path, flags: &Flags, rows: &mut Rows) -> Result<(), BenchError> {
    for (pinned, names) in [
        (false, ["beside: bids/s alone", "beside: bids/s while flushing", "beside: share of those alone"]),
        (
            true,
            [
                "beside: bids/s alone, server and load on one processor",
                "beside: bids/s the same while PostgreSQL and flusher have the others",
                "beside: share of those alone, apart",
            ],
        ),
    ] {
        let alone = load(binary, flags, pinned, false)?;
        let flushing = load(binary, flags, pinned, true)?;
        for (name, value) in names.into_iter().zip([alone, flushing, flushing / alone]) {
            add(rows, name, value);
        }
    }
    pin(std::process::id(), "0-1023")
}

/// Accepted bids a second, with or without a flusher beside them.
fn load(binary: &Path, flags: &Flags, pinned: bool, is_flushed: bool) -> Result<f64, BenchError> {
    let server = Server::start(binary, &flags.dir)?;
    let beside = if is_flushed {
        let cluster = Cluster::start(&flags.dir, &SETTINGS)?;
        let flusher = Flusher::start(binary, &server, &cluster, &flags.dir)?;
        flusher.catch_up(&server, &cluster)?;
        Some((flusher, cluster))
    } else {
        None
    };
    if pinned {
        pin(server.id(), "0")?;
        pin(std::process::id(), "0")?;
        if let Some((flusher, cluster)) = &beside {
            pin(flusher.id(), "1-1023")?;
            cluster.ids().into_iter().try_for_each(|id| pin(id, "1-1023"))?;
        }
    }
    Ok(gavel_loadgen::run(closed(&server, flags.seconds), |_| {})?.accepted_rate)
}

fn outage(binary: &Path, flags: &Flags, rows: &mut Rows) -> Result<(), BenchError> {
    let (server, mut cluster) = (Server::start(binary, &flags.dir)?, Cluster::start(&flags.dir, &SETTINGS)?);
    let flusher = Flusher::start(binary, &server, &cluster, &flags.dir)?;
    let arrivals = |rate| Arrivals::Open { shape: Shape::Constant(rate), spacing: Spacing::Even };
    let at = |rate: u32, seconds| Options { arrivals: arrivals(rate), ..closed(&server, seconds) };
    // What it holds in ordinary work.
    gavel_loadgen::run(at(flags.rate / 4, 5), |_| {})?;
    flusher.catch_up(&server, &cluster)?;
    let before = flusher.resident_mib()?;
    cluster.stop();
    let (stop, watching) = flusher.watch();
    let report = gavel_loadgen::run(at(flags.rate, flags.outage), |_| {});
    drop(stop);
    let most = watching.join().map_err(|_| BenchError::Panicked)?;
    add(rows, "outage: bids/s accepted meanwhile", report?.accepted_rate);
    add(rows, "outage: the flusher's memory before, MiB", before);
    add(rows, "outage: the flusher's memory at its most meanwhile, MiB", most);
    cluster.run()?;
    let began = Instant::now();
    let records = flusher.catch_up(&server, &cluster)?;
    let took = began.elapsed().as_secs_f64();
    add(rows, "outage: records at the end", records as f64);
    add(rows, "outage: seconds until caught up", took);
    add(rows, "outage: the flusher's memory at its most in all, MiB", flusher.peak_mib()?);
    Ok(())
}

fn add(rows: &mut Rows, row: &'static str, value: f64) {
    rows.entry(row).or_default().push(value);
    let _said = writeln!(std::io::stderr(), "{row}: {value:.2}");
}
