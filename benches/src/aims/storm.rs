//! Closed loops that ask for all there is: uniform, hot; and what a uniform one leaves on the disk, and its recovery.

use super::Plan;
use super::table::Sample;
use crate::error::{BenchError, io};
use crate::server::{Server, ThreadTime};
use gavel_loadgen::distribution::Distribution;
use gavel_loadgen::{Options, Report};
use std::collections::BTreeMap;
use std::path::Path;

/// Connections of the uniform load, and bids in flight on each. What a read brings goes to each shard as one message, so
/// depth pays: 8 x 128 costs the server twice the processor time per bid. Beyond 16 x 1024 only the waiting grows.
const UNIFORM: (u32, u32) = (16, 1_024);
/// The hot auction's: one connection. The bids of several race, and those that are overtaken come too low: a tenth of all
/// with 2 connections, a quarter or more with 8.
const HOT: (u32, u32) = (1, 4_096);
/// Bidders who wait for each answer before they bid again.
const LANES: (u32, u32) = (64, 1);

/// The options of a closed loop.
fn closed(server: &Server, plan: &Plan, (connections, pipeline): (u32, u32)) -> Options {
    Options { connections, pipeline, duration: plan.time, ..Options::new(server.address()) }
}

/// A run, and the processor time that the server's threads took meanwhile.
fn measure(server: &Server, options: Options) -> Result<(Report, BTreeMap<String, ThreadTime>), BenchError> {
    let before = server.thread_times()?;
    let report = gavel_loadgen::run(options, |_| {})?;
    let mut times = server.thread_times()?;
    for (group, time) in &mut times {
        let before = before.get(group).copied().unwrap_or_default();
        // Threads that have ended take their time with them.
        time.ran_ns = time.ran_ns.saturating_sub(before.ran_ns);
        time.waited_ns = time.waited_ns.saturating_sub(before.waited_ns);
    }
    Ok((report, times))
}

/// A rate, and what explains it.
fn rate(row: &'static str, report: &Report, times: &BTreeMap<String, ThreadTime>) -> Sample {
    let refused = report.answered - report.accepted;
    let sample = Sample::new(row, report.accepted_rate)
        .with("connections", f64::from(report.settings.connections))
        .with("in flight on each", f64::from(report.settings.pipeline))
        .with("accepted", report.accepted as f64)
        .with("refused", refused as f64)
        .with("ms p50", report.latency_us.p50 / 1e3)
        .with("ms p99", report.latency_us.p99 / 1e3);
    let micros = |ns: u64| ns as f64 / 1e3 / report.answered.max(1) as f64;
    let (ran, waited) =
        times.values().fold((0, 0), |(ran, waited), t| (ran + t.ran_ns, waited + t.waited_ns));
    let sample = sample
        .with("us/bid of the server's CPU", micros(ran))
        .with("us/bid waiting for a CPU", micros(waited));
    times
        .iter()
        .filter(|(_, time)| micros(time.ran_ns) >= 0.01)
        .fold(sample, |sample, (group, time)| sample.with(format!("us/bid in {group}"), micros(time.ran_ns)))
}

/// Rows `uniform`, `written`, `kept` and `recovery`, of one server.
pub(super) fn uniform(plan: &Plan) -> Result<Vec<Sample>, BenchError> {
    let mut server = Server::start(&plan.server, &plan.dir)?;
    let empty_start = server.started_in;
    let (written_before, kept_before) = (server.written_bytes()?, disk_bytes(&server.data())?);
    let (report, times) = measure(&server, closed(&server, plan, UNIFORM))?;
    let per_bid = |bytes: u64| bytes as f64 / report.accepted.max(1) as f64;
    let frame_bytes = server.info("persistence", "frame_bytes")?;
    let commits = server.info("persistence", "commits")?;
    let commit_us = server.info("persistence", "commit_us_total")?;
    let mut samples = vec![
        rate("uniform", &report, &times)
            .with("bids per commit", report.accepted as f64 / commits.max(1) as f64)
            .with("ms per commit", commit_us as f64 / 1e3 / commits.max(1) as f64),
        Sample::new("written", per_bid(server.written_bytes()? - written_before))
            .with("bytes of frames", per_bid(frame_bytes)),
        Sample::new("kept", per_bid(disk_bytes(&server.data())?.saturating_sub(kept_before))),
    ];
    if plan.wants(&["recovery"]) {
        server.restart()?;
        samples.push(recovery(&server, empty_start.as_secs_f64())?);
    }
    Ok(samples)
}

/// Of a server that has just started again. Its shards were replayed in parallel.
fn recovery(server: &Server, empty_start_s: f64) -> Result<Sample, BenchError> {
    let records = server.info("persistence", "loading_records_total")? as f64;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64;
    let took_s = server.started_in.as_secs_f64() - empty_start_s;
    let cpu_s = server.cpu_s()?;
    Ok(Sample::new("recovery", records / took_s / cores)
        .with("records", records)
        .with("s from start to PONG", server.started_in.as_secs_f64())
        .with("s of an empty start", empty_start_s)
        .with("cores", cores)
        .with("s of CPU", cpu_s)
        .with("records per s of CPU", records / cpu_s))
}

/// Row `hot`.
pub(super) fn hot(plan: &Plan) -> Result<Sample, BenchError> {
    let server = Server::start(&plan.server, &plan.dir)?;
    let options = closed(&server, plan, HOT);
    let options = Options { auctions: 1, distribution: Distribution::Hot(1.0), ..options };
    let (report, times) = measure(&server, options)?;
    Ok(rate("hot", &report, &times))
}

/// Row `lanes`.
pub(super) fn lanes(plan: &Plan) -> Result<Sample, BenchError> {
    let server = Server::start(&plan.server, &plan.dir)?;
    let (report, times) = measure(&server, closed(&server, plan, LANES))?;
    let commits = server.info("persistence", "commits")?;
    Ok(rate("lanes", &report, &times).with("bids per commit", report.accepted as f64 / commits.max(1) as f64))
}

/// Bytes that the blocks of all files below a directory take, as `du` counts them.
fn disk_bytes(dir: &Path) -> Result<u64, BenchError> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir).map_err(io(dir.display().to_string()))? {
        let path = entry.map_err(io(dir.display().to_string()))?.path();
        // A file that is gone meanwhile takes nothing.
        let Ok(metadata) = path.symlink_metadata() else { continue };
        bytes += if metadata.is_dir() { disk_bytes(&path)? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}
