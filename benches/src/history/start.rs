//! One start, in a process of its own: memory that an earlier engine of the same process has left is nobody's then.

use super::{failed, options};
use crate::error::{BenchError, io};
use gavel_engine::{Engine, EngineOptions, Failure, LogState, OpenLog, Phase};
use gavel_log::{DirLock, OpenOptions, Opened, SledLog};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// From a start to the look at what is resident.
const SETTLE: Duration = Duration::from_secs(2);

/// What a start took, and what it has left in memory.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Started {
    /// Seconds until the log was open.
    pub opened_s: f64,
    /// Seconds until bids were taken.
    pub ready_s: f64,
    /// Records of the log.
    pub records: u64,
    /// Those of them that snapshots know of.
    pub spared: u64,
    /// Resident memory of the process, two seconds after bids were taken.
    pub resident_bytes: u64,
}

/// Starts an engine on a directory, and waits until it takes bids. With the engine: seconds until the log was open, and until then.
pub(super) async fn start(options: EngineOptions, dir: &Path) -> Result<(Engine, (f64, f64)), BenchError> {
    let lock = Arc::new(DirLock::acquire(dir, "a bench").map_err(failed)?);
    let now = options.clock.now();
    let (began, opened) = (Instant::now(), Arc::new(OnceLock::new()));
    let note = Arc::clone(&opened);
    let open: OpenLog<SledLog> = Box::new(move || {
        let (log, opened) =
            SledLog::open(lock, OpenOptions::at(now)).map_err(|e| Failure::Log(e.to_string()))?;
        note.get_or_init(|| began.elapsed().as_secs_f64());
        let Opened { last_epoch: epoch, alive_until, clean, id, .. } = opened;
        Ok((log, LogState { id, epoch, alive_until, clean }))
    });
    let engine = Engine::start(options, open).map_err(failed)?;
    let phase = *engine.handle().phases().wait_for(|phase| *phase != Phase::Loading).await.map_err(failed)?;
    match phase {
        Phase::Ready => {
            Ok((engine, (opened.get().copied().unwrap_or(f64::NAN), began.elapsed().as_secs_f64())))
        }
        _ => Err(failed(format_args!("{:?}", engine.handle().failure()))),
    }
}

/// Starts this program once more, to start on the directory and say what that took.
pub(super) fn in_own_process(dir: &Path) -> Result<Started, BenchError> {
    let program = std::env::current_exe().map_err(io("this program's path"))?;
    let mut start = Command::new(program);
    start.arg("--start").arg(dir).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = start.output().map_err(io("this program, started once more"))?;
    serde_json::from_slice(&output.stdout).map_err(|error| {
        failed(format_args!("a start in a process of its own said no result ({}): {error}", output.status))
    })
}

/// Starts on the directory, stops again, and gives what that took as a line of JSON.
///
/// # Errors
/// The engine does not start, or its log fails.
pub fn say(dir: &Path) -> Result<String, BenchError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io("a runtime"))?;
    runtime.block_on(async {
        let (engine, (opened_s, ready_s)) = start(options(dir), dir).await?;
        // What a start has used and left goes back to the system a moment later.
        tokio::time::sleep(SETTLE).await;
        let (resident_bytes, handle) = (resident_bytes()?, engine.handle());
        let (records, spared) = {
            let progress = handle.progress();
            let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
            (count(&progress.records_total), count(&progress.records_in_snapshots))
        };
        engine.stop().await.map_err(failed)?;
        serde_json::to_string(&Started { opened_s, ready_s, records, spared, resident_bytes }).map_err(failed)
    })
}

/// Resident memory of this process.
fn resident_bytes() -> Result<u64, BenchError> {
    let text = std::fs::read_to_string("/proc/self/status").map_err(io("/proc/self/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or(BenchError::Missing("VmRSS"))
}
