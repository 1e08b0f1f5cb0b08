//! `gavel demo`: an engine process of its own in a directory of its own, a closing-minute storm over TCP, a crash in the
//! middle, a recovery, and the verdict of a check that knows nothing but what was acknowledged.
//!
//! The crash is a real one: SIGKILL, in the middle of the load. The generator does what a client would: it connects again
//! and sends what was not answered once more, with the same ids.

mod engine;

use crate::cli::DemoFlags;
use crate::exit::Exit;
use crate::output;
use engine::{EngineError, EngineProcess};
use gavel_loadgen::distribution::Distribution;
use gavel_loadgen::progress::ProgressLine;
use gavel_loadgen::{Options, Report, RunError, Verdict, VerifyError, VerifyOptions};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Auctions that end in the storm.
const AUCTIONS: u32 = 1_000;
/// Connections that bid.
const CONNECTIONS: u32 = 16;
/// Mean time from a bid to the end of its auction, in seconds.
const SNIPING_S: f64 = 2.0;
/// How long the generator tries to reach the engine again.
const RECONNECT_S: u64 = 60;

/// Why there was no demo to its end.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("{} is not empty: the demo needs a directory of its own", .0.display())]
    NotEmpty(PathBuf),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("the load could not be run: {0}")]
    Run(#[from] RunError),
    #[error("the check could not be made: {0}")]
    Verify(#[from] VerifyError),
    #[error("the load generator has panicked; this is a defect")]
    Panicked,
}

/// What the demo has shown.
#[derive(serde::Serialize)]
struct Story {
    data: PathBuf,
    /// From the kill to the first answer, in seconds.
    outage_s: f64,
    report: Report,
    verdict: Verdict,
}

/// Shows it all. Exit 0 when the verdict is good.
pub(crate) fn run(flags: &DemoFlags, json: bool) -> Exit {
    match show(flags, json) {
        Ok(story) => conclude(&story, json),
        Err(error) => output::failure(Exit::Failure, &error),
    }
}

fn show(flags: &DemoFlags, json: bool) -> Result<Story, DemoError> {
    let data = directory(flags.data.as_deref())?;
    let mut engine = EngineProcess::start(&data.join("engine"), None)?;
    say(json, &introduction(&engine, &data, flags.seconds));
    let ledger = data.join("ledger");
    let options = storm(&engine, &ledger, flags.seconds);
    let (report, outage_s) = std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut line = ProgressLine::new(json);
            gavel_loadgen::run(options, |progress| line.show(progress))
        });
        let outage_s = crash(&mut engine, Duration::from_secs(flags.seconds) / 2, json);
        let report = load.join().map_err(|_| DemoError::Panicked)??;
        Ok::<_, DemoError>((report, outage_s?))
    })?;
    say(
        json,
        "\nAll auctions have ended. Every acknowledged bid is asked for again, and every auction is computed anew from\nthe ledger alone …",
    );
    let wait_for_ends = Duration::from_secs(30);
    let options = VerifyOptions { wait_for_ends, ..VerifyOptions::new(engine.address(), vec![ledger]) };
    let verdict = gavel_loadgen::verify(&options, |_| {})?;
    engine.stop()?;
    Ok(Story { data, outage_s, report, verdict })
}

/// The directory asked for, which must be empty or missing; else a fresh one.
fn directory(asked: Option<&Path>) -> Result<PathBuf, DemoError> {
    let path = asked.map_or_else(fresh_directory, Path::to_owned);
    let io = |source| DemoError::Io { path: path.clone(), source };
    std::fs::create_dir_all(&path).map_err(io)?;
    if std::fs::read_dir(&path).map_err(io)?.next().is_some() {
        return Err(DemoError::NotEmpty(path));
    }
    Ok(path)
}

fn fresh_directory() -> PathBuf {
    std::env::temp_dir().join(format!("gavel-demo-{}", std::process::id()))
}

/// Auctions that end one after the other during the run, while bids crowd into their last seconds.
fn storm(engine: &EngineProcess, ledger: &Path, seconds: u64) -> Options {
    Options {
        auctions: AUCTIONS,
        connections: CONNECTIONS,
        duration: Duration::from_secs(seconds),
        distribution: Distribution::Sniping(SNIPING_S),
        retry_ids: 1.0,
        reconnect_for: Duration::from_secs(RECONNECT_S),
        drain_for: Duration::from_secs(RECONNECT_S),
        ledger: Some(ledger.to_owned()),
        ..Options::new(engine.address())
    }
}

/// Waits for the middle of the storm, kills the engine's process, starts it again. Returns how long it was gone.
fn crash(engine: &mut EngineProcess, after: Duration, json: bool) -> Result<f64, EngineError> {
    engine.run_for(after)?;
    let killed = Instant::now();
    let process = engine.kill()?;
    say(json, &format!("\n\n*** kill -9 {process}: the engine is dead, in the middle of the storm ***"));
    engine.restart()?;
    let outage_s = killed.elapsed().as_secs_f64();
    say(
        json,
        &format!(
            "*** process {} has read the log and takes bids again, {outage_s:.2} s later ***\n",
            engine.process()
        ),
    );
    Ok(outage_s)
}

fn introduction(engine: &EngineProcess, data: &Path, seconds: u64) -> String {
    let (process, address) = (engine.process(), engine.address());
    format!(
        "An engine runs as process {process}. Its data is in {}.\n\
         {AUCTIONS} auctions are opened that end within the next {seconds} s; {CONNECTIONS} connections bid in their last seconds.\n\
         Bid yourself meanwhile:\n\
         \x20 redis-cli -p {port} AUCTION OPEN '{{\"seller\":\"1\",\"currency\":\"KRW\",\"duration_s\":600}}'\n\
         \x20 redis-cli -p {port} BID <the id it answers> 7 5000\n",
        data.display(),
        port = address.port(),
    )
}

/// Tells people; a program that wants JSON is told nothing but that.
fn say(json: bool, text: &str) {
    if !json {
        // Where nobody reads, the demo goes on all the same.
        let _exit = output::data(text);
    }
}

fn conclude(story: &Story, json: bool) -> Exit {
    let Story { data, outage_s, report, verdict } = story;
    let shown = if json {
        output::data(&serde_json::to_string(story).unwrap_or_default())
    } else {
        output::data(&format!(
            "\nThe storm\n{report}\nThe check\n{verdict}\n{}\n\nThe engine was gone for {outage_s:.2} s. Its data stays in {data}:\n\
             \x20 gavel serve --data {data}/engine",
            if verdict.ok {
                "VERDICT: every acknowledged bid is there, and every auction has the right winner at the right price."
            } else {
                "VERDICT: FAILED. This is a defect; the ledger and the log are in the data directory."
            },
            data = data.display(),
        ))
    };
    if verdict.ok { shown } else { Exit::Failure }
}
