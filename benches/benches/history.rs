//! Snapshots, recovery and memory, measured in this process on a sled log of its own.
//!
//! `cargo bench -p gavel-benches --bench history -- --auctions 1000000 --bids 10`. It opens so many auctions with so many bids each (every one
//! by another bidder), says what memory they take, takes a snapshot while further bids go on and says how long shards were held,
//! and starts again: from the snapshot, and from the log alone. Then one auction with a million bids, and a million bans.

use clap::Parser;
use gavel_benches::error::BenchError;
use gavel_benches::history::{self, Plan};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measure snapshots, recovery and memory.
#[derive(Debug, Parser)]
#[command(name = "history")]
struct Flags {
    /// Open auctions
    #[arg(long, default_value_t = 1_000_000)]
    auctions: u64,
    /// Bids on each
    #[arg(long, default_value_t = 10)]
    bids: u64,
    /// Starts of each kind; the medians count
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Where data directories are made
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_TARGET_TMPDIR"))]
    dir: PathBuf,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let Flags { auctions, bids, runs, dir, bench: _ } = Flags::parse();
    match measure(&Plan { auctions, bids, runs, dir }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _said = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(plan: &Plan) -> Result<(), BenchError> {
    history::run(plan, |line| {
        // Where nobody reads, the measuring goes on all the same.
        let _said = writeln!(std::io::stdout(), "{line}");
    })
}
