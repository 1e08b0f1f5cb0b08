//! A small writer and reader of logs, for the suites that need one in a process of its own: to be traced, to be killed, and
//! to see what reaches the screen.
//!
//! ```text
//! log-probe write DIR COMMITS MARK_EVERY closed|killed     appends, says what is durable after each commit, then stops
//! log-probe trim DIR COMMITS MARK_EVERY closed|killed      the same; takes snapshots and truncates after each mark
//! log-probe churn DIR                                       commits, truncates and takes snapshots all at once, until it is killed
//! log-probe read DIR                                        opens and reads everything, says what there is
//! ```
//!
//! Each says lines of `WORD shard:lsn:hash …`: `durable`, `marked`, `snapshot`, `ok`; or `refused` and why, with exit code 1. A log
//! that opens with a warning is refused too: nothing of the history may be missing.

use gavel_core::{Digest, Epoch, Lsn, ShardId, Timestamp};
use gavel_log::{
    DirLock, Frame, FrameBuilder, Log, LogError, OpenOptions, SledLog, Tip, Tips, Trim, snapshot,
};
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

const SHARDS: [ShardId; 3] = [ShardId(0), ShardId(7), ShardId(255)];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["write", dir, commits, mark_every, how] => write(Path::new(dir), commits, mark_every, how, false),
        ["trim", dir, commits, mark_every, how] => write(Path::new(dir), commits, mark_every, how, true),
        ["churn", dir] => churn(Path::new(dir)),
        ["read", dir] => read(Path::new(dir)),
        _ => Err(
            "usage: log-probe write|trim DIR COMMITS MARK_EVERY closed|killed, or log-probe churn|read DIR"
                .into(),
        ),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody listens there is nobody to tell.
            let _written = say(&format!("refused {error}"));
            ExitCode::FAILURE
        }
    }
}

fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}

fn say_tips(word: &str, log: &dyn Log) -> std::io::Result<()> {
    let tips: String = log.shards().into_iter().map(|shard| tip_words(shard, log.tip(shard))).collect();
    say(&format!("{word}{tips}"))
}

fn tip_words(shard: ShardId, Tip { epoch: _, lsn, hash }: Tip) -> String {
    format!(" {shard}:{}:{hash:?}", lsn.0)
}

fn open(dir: &Path, second: u64) -> Result<Box<SledLog>, Box<dyn Error>> {
    let lock = Arc::new(DirLock::acquire(dir, "log-probe")?);
    let (log, opened) = SledLog::open(lock, OpenOptions::at(time(second)))?;
    match opened.warnings.first() {
        Some(warning) => Err(format!("{}: {warning}", dir.display()).into()),
        None => Ok(Box::new(log)),
    }
}

fn time(second: u64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000).unwrap_or(Timestamp::MAX)
}

/// Opens, and appends a commit at a time. The sizes vary from one small record to a full frame.
fn write(dir: &Path, commits: &str, mark_every: &str, how: &str, trims: bool) -> Result<(), Box<dyn Error>> {
    let (commits, mark_every): (u64, u64) = (commits.parse()?, mark_every.parse()?);
    let mut log = open(dir, 0)?;
    let epoch = Epoch(log.shards().into_iter().map(|shard| log.tip(shard).epoch.0).max().unwrap_or(0) + 1);
    for commit in 1..=commits {
        let frames: Vec<Frame> = SHARDS
            .iter()
            .filter(|shard| (commit + u64::from(shard.0)) % 3 != 0)
            .filter_map(|&shard| frame(shard, epoch, log.tip(shard), commit))
            .collect();
        if let Err(error) = log.commit(&frames) {
            return Err(after_failure(&mut *log, &frames, error));
        }
        say_tips("durable", &*log)?;
        if commit % mark_every == 0 {
            log.mark(time(commit))?;
            say_tips("marked", &*log)?;
            if trims {
                let tips = log.shards().into_iter().map(|shard| (shard, log.tip(shard))).collect();
                trim(dir, log.trimmer().as_deref(), tips, commit)?;
            }
        }
    }
    if how == "closed" {
        log.close(time(commits + 1))?;
        return Ok(());
    }
    // No destructor runs: sled writes nothing more, as if the process had been killed.
    std::process::abort();
}

/// A snapshot of each shard, then all that may go goes into the archive.
fn trim(dir: &Path, trimmer: Option<&dyn Trim>, tips: Tips, second: u64) -> Result<(), Box<dyn Error>> {
    let trimmer = trimmer.ok_or("the log has no trimmer")?;
    for (shard, from) in tips {
        let mut snapshot = snapshot::Writer::create(dir, &snapshot::Head { shard, from, at: time(second) })?;
        (0..20).try_for_each(|block| snapshot.block(&record(shard, from.lsn, block * 100)))?;
        let foot = snapshot::Foot { until: from.lsn, auctions: 0, digest: Digest::default() };
        snapshot.finish(&foot)?;
        snapshot::remove_old(dir, shard)?;
        say(&format!("snapshot{}", tip_words(shard, from)))?;
        trimmer.archive(shard, from.lsn, time(second))?;
    }
    Ok(())
}

/// One thread commits and marks, one truncates and takes snapshots of what was marked.
fn churn(dir: &Path) -> Result<(), Box<dyn Error>> {
    let mut log = open(dir, 0)?;
    let (trimmer, marked) = (log.trimmer(), Mutex::new(Tips::new()));
    let epoch = Epoch(log.shards().into_iter().map(|shard| log.tip(shard).epoch.0).max().unwrap_or(0) + 1);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for second in 0.. {
                let tips = marked.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if let Err(error) = trim(dir, trimmer.as_deref(), tips, second) {
                    // Where nobody listens there is nobody to tell.
                    let _written = say(&format!("refused {error}"));
                    std::process::exit(1);
                }
            }
        });
        for commit in 0.. {
            let frames = SHARDS.iter().filter_map(|&shard| frame(shard, epoch, log.tip(shard), commit));
            log.commit(&frames.collect::<Vec<_>>())?;
            say_tips("durable", &*log)?;
            if commit % 5 == 4 {
                log.mark(time(commit))?;
                let tips = log.shards().into_iter().map(|shard| (shard, log.tip(shard))).collect();
                *marked.lock().unwrap_or_else(PoisonError::into_inner) = tips;
            }
        }
        Ok(())
    })
}

/// After a failure the log must take nothing more; where it does, that is what there is to say.
fn after_failure(log: &mut dyn Log, frames: &[Frame], error: LogError) -> Box<dyn Error> {
    match (log.commit(frames), log.mark(time(0))) {
        (Err(LogError::Poisoned), Err(LogError::Poisoned)) => error.into(),
        (commit, mark) => format!("after {error}, the log still works: {commit:?}, {mark:?}").into(),
    }
}

fn frame(shard: ShardId, epoch: Epoch, tip: Tip, commit: u64) -> Option<Frame> {
    let mut builder = FrameBuilder::new(shard, epoch, tip);
    let records = match commit % 5 {
        0 => 1,
        1 => 500,
        other => other * 40,
    };
    for index in 0..records {
        builder.push(&record(shard, builder.next_lsn(), index)).ok()?;
    }
    builder.finish()
}

/// Bytes that compress and repeat as little as real records do.
fn record(shard: ShardId, lsn: Lsn, index: u64) -> Vec<u8> {
    let mut state = lsn.0 << 8 | u64::from(shard.0);
    (0..50 + index % 13)
        .map(|_| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (state >> 56) as u8
        })
        .collect()
}

fn read(dir: &Path) -> Result<(), Box<dyn Error>> {
    let log = open(dir, 1_000_000)?;
    for shard in log.shards() {
        for frame in log.read_from(shard, Lsn(1)) {
            let frame = frame.map_err(|error| format!("{}/log/db, {error}", dir.display()))?;
            if frame.records().count() as u64 != u64::from(frame.count()) {
                return Err(format!("{frame:?} does not hold its records").into());
            }
        }
    }
    Ok(say_tips("ok", &*log)?)
}
