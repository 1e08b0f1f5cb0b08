//! Gavel beside PostgreSQL, Redis and the bare disk, at the same work on this machine.
//!
//! `cargo bench -p gavel-benches --bench compare -- --runs 5 --seconds 3`. Prints a table and writes it, as Markdown, JSON and a plot too, into
//! `target/compare/`. Exits with 1 when something could not be measured, with 130 when it was stopped by Ctrl-C.

use clap::Parser;
use gavel_benches::compare::{Entry, Plan, settings};
use gavel_benches::error::BenchError;
use gavel_benches::machine::Machine;
use gavel_benches::server;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// What a shell says of a program that was interrupted.
const INTERRUPTED: u8 = 130;

/// Compare Gavel with PostgreSQL, Redis and the bare disk: durably accepted bids, on this machine, in one go.
///
/// Needs PostgreSQL 15, Redis 7 with its redis-benchmark, and a C compiler: apt-get install postgresql-15 redis-server
/// redis-tools gcc. Servers are started in fresh directories below --dir and ended again; running ones are left alone. As root,
/// PostgreSQL runs as the user `postgres`.
#[derive(Debug, Parser)]
#[command(
    name = "compare",
    after_help = "\
Names are WORK/PROGRAM-CONNECTIONSxBIDS, bids being those in flight on each connection; --list shows all.
  uniform, zipf, hot   bids evenly over 10,000 auctions, by rank (exponent 1.1), all on one
  gavel                over TCP, driven by the load generator's library
  redis-benchmark      Gavel again, driven by redis-benchmark: an auction for each connection
  postgres             one function call, and transaction, for each bid; postgres-batch: 1,000 bids in one statement
  redis                one Lua script for each bid, appendfsync always
  disk                 the bytes alone: appended or written over zeros, in commits of 1, 64 and 4,096 bids

Examples:
  cargo bench -p gavel-benches --bench compare
  cargo bench -p gavel-benches --bench compare -- --runs 1 --seconds 1 --only hot/ disk
  cargo bench -p gavel-benches --bench compare -- --only uniform/gavel uniform/postgres"
)]
struct Flags {
    /// Rounds; the median of them counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    runs: u32,
    /// Length of each load, in seconds
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Only what has one of these in its name
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    only: Vec<String>,
    /// List the names that --only chooses from, and measure nothing
    #[arg(long)]
    list: bool,
    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
    /// Where compare.txt, compare.md, compare.json and compare.svg go
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/../compare"), hide_default_value = true)]
    out: PathBuf,
    /// A release build of Gavel to measure; without it, it is built from these sources
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Where data directories are made; its disk is what is measured
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_TARGET_TMPDIR"), hide_default_value = true)]
    dir: PathBuf,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(text) => say(std::io::stdout(), &text),
        Err(error) => {
            say(std::io::stderr(), &format!("error: {error}"));
            if matches!(error, BenchError::Stopped) { ExitCode::from(INTERRUPTED) } else { ExitCode::FAILURE }
        }
    }
}

fn run(flags: &Flags) -> Result<String, BenchError> {
    let entries = Entry::named(&flags.only)?;
    if flags.list {
        return Ok(entries.iter().map(Entry::name).collect::<Vec<_>>().join("\n"));
    }
    std::fs::create_dir_all(&flags.dir)
        .map_err(|source| BenchError::Dir { path: flags.dir.clone(), source })?;
    let machine = Machine::look(&flags.dir);
    let plan = Plan {
        rounds: flags.runs,
        time: Duration::from_secs(flags.seconds),
        entries,
        server: flags.server.clone().map_or_else(server::build, Ok)?,
        dir: flags.dir.clone(),
        stop: stop_on_signals()?,
    };
    // Before anything is measured: what is missing is said at once.
    let settings = settings(&plan)?;
    let results = plan.run(|what| {
        // Where nobody reads, the measuring goes on all the same.
        let _code = say(std::io::stderr(), what);
    })?;
    results.write(&flags.out, &machine, &settings)?;
    let json = || results.json(&machine, &settings).to_string();
    Ok(if flags.json { json() } else { results.text(&machine, &settings) })
}

/// Is set by the signals that would end the bench; it then ends what it started, and itself.
fn stop_on_signals() -> Result<Arc<AtomicBool>, BenchError> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|source| BenchError::Io { what: "watching signals".to_owned(), source })?;
    }
    Ok(stop)
}

fn say(mut out: impl Write, text: &str) -> ExitCode {
    if writeln!(out, "{text}").is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
