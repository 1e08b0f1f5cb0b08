//! Snapshots, recovery and memory, measured in this process on a sled log of its own.
//!
//! `cargo bench -p gavel-benches --bench history -- --auctions 1000000 --bids 10`. It opens so many auctions of a thousand sellers with so many
//! bids each (every one by another bidder), starts again from the log alone, takes a snapshot, truncates the log, and starts again from
//! those: what that takes, and what is in memory then, each time in a process of its own. Then it takes snapshots while bids go on and says
//! how long shards were held: of a tenth of the auctions, of one auction with a million bids, of shards with as many bans as twenty seconds allow.

use clap::Parser;
use gavel_benches::history::{self, Plan};
use gavel_benches::output::{end, say};
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
    /// Start on this data directory, say what that took, and stop: how this bench starts itself
    #[arg(long, value_name = "DIR", hide = true)]
    start: Option<PathBuf>,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let Flags { auctions, bids, runs, dir, start, bench: _ } = Flags::parse();
    let measured = match start {
        Some(dir) => history::say_started(&dir).map(|line| say(&line)),
        None => history::run(&Plan { auctions, bids, runs, dir }, say),
    };
    end(measured)
}
