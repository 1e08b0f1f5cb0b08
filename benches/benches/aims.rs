//! The aims of the engine, measured end to end: a table of what was aimed at and what was reached.
//!
//! `cargo bench -p gavel-benches --bench aims -- --runs 5 --seconds 5`. Exits with 0 also when an aim is missed: the table
//! says so. With 1 when something could not be measured.

use clap::Parser;
use gavel_benches::aims::{Plan, ROWS};
use gavel_benches::error::BenchError;
use gavel_benches::machine::Machine;
use gavel_benches::server;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Measure the engine against its aims.
#[derive(Debug, Parser)]
#[command(name = "aims")]
struct Flags {
    /// Rounds; the median of them counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    runs: u32,
    /// Length of each load, in seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Only these rows
    #[arg(long, value_name = "ROW", num_args = 1.., value_delimiter = ',')]
    only: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// A release build of the server to measure; without it, it is built from these sources
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Where data directories are made; its disk is what is measured
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_TARGET_TMPDIR"))]
    dir: PathBuf,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match measure(&Flags::parse()) {
        Ok(text) => say(std::io::stdout(), &text),
        Err(error) => {
            say(std::io::stderr(), &format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn measure(flags: &Flags) -> Result<String, BenchError> {
    std::fs::create_dir_all(&flags.dir)
        .map_err(|source| BenchError::Dir { path: flags.dir.clone(), source })?;
    let machine = Machine::look(&flags.dir);
    let plan = Plan {
        rounds: flags.runs,
        time: Duration::from_secs(flags.seconds),
        rows: rows(&flags.only)?,
        server: flags.server.clone().map_or_else(server::build, Ok)?,
        dir: flags.dir.clone(),
    };
    let results = plan.run(|what| {
        // Where nobody reads, the measuring goes on all the same.
        let _code = say(std::io::stderr(), what);
    })?;
    Ok(if flags.json { results.json(&machine).to_string() } else { results.text(&machine) })
}

/// The rows of these names; all of them where none is named.
fn rows(names: &[String]) -> Result<Vec<&'static str>, BenchError> {
    let all = ROWS.map(|row| row.name);
    if names.is_empty() {
        return Ok(all.to_vec());
    }
    let find = |name: &String| {
        all.into_iter()
            .find(|row| row == name)
            .ok_or_else(|| BenchError::UnknownRow { name: name.clone(), known: all.join(", ") })
    };
    names.iter().map(find).collect()
}

fn say(mut out: impl Write, text: &str) -> ExitCode {
    if writeln!(out, "{text}").is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
