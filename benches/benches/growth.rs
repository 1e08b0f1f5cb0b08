//! Whether a bid costs more the more there is: open auctions, and bids in the log.
//!
//! `cargo bench -p gavel-benches --bench growth`; with `-- --auctions 1000,10000000 --bids 100000000` it needs 16 GiB of memory, 16 GiB of disk,
//! and about a quarter of an hour.

use clap::Parser;
use gavel_benches::growth::{self, Plan};
use gavel_benches::output::{end, say};
use gavel_benches::server;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measure what a bid costs as auctions and log grow.
#[derive(Debug, Parser)]
#[command(name = "growth")]
struct Flags {
    /// Open auctions, ascending; the first number is what the others are compared with
    #[arg(long, value_name = "N", num_args = 1.., value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000, 1_000_000])]
    auctions: Vec<u64>,
    /// Bids that the log is made to hold
    #[arg(long, default_value_t = 10_000_000)]
    bids: u64,
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
    let Flags { auctions, bids, seconds, server, dir, bench: _ } = Flags::parse();
    let measured = server.map_or_else(server::build, Ok).and_then(|server| {
        growth::run(&Plan { auctions, bids, time: Duration::from_secs(seconds), server, dir }, say)
    });
    end(measured)
}
