//! What a bid waits for when the engine is not asked for all it has, beside what the disk alone takes.

use super::Plan;
use super::table::Sample;
use crate::disk::{FRAME_BYTES, ONE_BID_BYTES, RawDisk};
use crate::error::BenchError;
use crate::server::Server;
use gavel_loadgen::schedule::{Arrivals, Shape, Spacing};
use gavel_loadgen::{Options, Report};

/// Connections of the open loop, and room on each, so that the plan is never held up by it.
const CONNECTIONS: u32 = 8;
const ROOM: u32 = 8_192;

/// Runs a load, with the raw disk before and after it.
fn beside_raw(
    plan: &Plan,
    bytes: usize,
    options: impl Fn(&Server) -> Options,
) -> Result<(Report, RawDisk), BenchError> {
    let server = Server::start(&plan.server, &plan.dir)?;
    let mut raw = RawDisk::default();
    raw.measure(&plan.dir, bytes)?;
    let report = gavel_loadgen::run(options(&server), |_| {})?;
    raw.measure(&plan.dir, bytes)?;
    Ok((report, raw))
}

/// Row `one-by-one`: one connection, the next bid when the one before is answered.
pub(super) fn one_by_one(plan: &Plan) -> Result<Sample, BenchError> {
    let (report, raw) = beside_raw(plan, ONE_BID_BYTES, |server| Options {
        connections: 1,
        pipeline: 1,
        auctions: 1,
        duration: plan.time,
        ..Options::new(server.address())
    })?;
    let raw_p50_us = raw.quantile_us(0.5);
    Ok(Sample::new("one-by-one", report.latency_us.p50 / raw_p50_us)
        .with("ms p50", report.latency_us.p50 / 1e3)
        .with("ms raw p50", raw_p50_us / 1e3)
        .with("ms p99", report.latency_us.p99 / 1e3)
        .with("ms raw p99", raw.quantile_us(0.99) / 1e3)
        .with("bids/s", report.achieved_rate))
}

/// Row `half`: an open loop at half of `capacity` (bids/s), at random times; latency counts from the planned time.
pub(super) fn half(plan: &Plan, capacity: f64) -> Result<Sample, BenchError> {
    let rate = (capacity / 2.0).max(1.0) as u32;
    let (report, raw) = beside_raw(plan, FRAME_BYTES, |server| Options {
        connections: CONNECTIONS,
        pipeline: ROOM,
        duration: plan.time,
        arrivals: Arrivals::Open { shape: Shape::Constant(rate), spacing: Spacing::Poisson },
        ..Options::new(server.address())
    })?;
    let allowed_us = 3.0 * raw.quantile_us(0.99) + 1_000.0;
    Ok(Sample::new("half", report.latency_us.p99 / allowed_us)
        .with("bids/s offered", report.offered_rate)
        .with("bids/s achieved", report.achieved_rate)
        .with("ms p50", report.latency_us.p50 / 1e3)
        .with("ms p99", report.latency_us.p99 / 1e3)
        .with("ms allowed", allowed_us / 1e3)
        .with("ms raw p99", raw.quantile_us(0.99) / 1e3)
        .with("ms p99.9", report.latency_us.p99_9 / 1e3)
        .with(
            "% sent late by the generator",
            100.0 * report.late_sends as f64 / report.answered.max(1) as f64,
        ))
}
