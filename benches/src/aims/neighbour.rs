//! A trickle of bids on one auction while another one takes all it can get: on the same shard, and on another.

use super::Plan;
use super::table::Sample;
use crate::error::BenchError;
use crate::server::Server;
use gavel_core::ShardId;
use gavel_loadgen::distribution::Distribution;
use gavel_loadgen::schedule::{Arrivals, Shape, Spacing};
use gavel_loadgen::terms::TermsPlan;
use gavel_loadgen::{Options, Phase, Report};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// Bids per second of the trickle, on one connection.
const TRICKLE: u32 = 1_000;
/// The hot auction's connection.
const HOT_PIPELINE: u32 = 4_096;
/// The hot load lasts until the trickle is over, and in no case longer than this.
const HOT_MOST: Duration = Duration::from_secs(3_600);
/// Placement keys that are tried until every shard has one.
const KEYS: u32 = 64;

/// The three rows.
pub(super) fn all(plan: &Plan) -> Result<Vec<Sample>, BenchError> {
    let server = Server::start(&plan.server, &plan.dir)?;
    let (here, there) = keys(&server)?;
    let alone = gavel_loadgen::run(trickle(&server, plan, &here)?, |_| {})?;
    Ok(vec![
        sample("neighbour-alone", &alone, None),
        beside(&server, plan, "neighbour-same", &here, &here)?,
        beside(&server, plan, "neighbour-other", &here, &there)?,
    ])
}

/// The trickle with key `here` beside a hot auction with key `hot`.
fn beside(
    server: &Server,
    plan: &Plan,
    row: &'static str,
    here: &str,
    hot: &str,
) -> Result<Sample, BenchError> {
    let stop = Arc::new(AtomicBool::new(false));
    let options = hot_load(server, hot, &stop)?;
    let trickle = trickle(server, plan, here)?;
    let (bidding, is_bidding) = mpsc::sync_channel(1);
    std::thread::scope(|scope| {
        let load = scope.spawn(move || {
            gavel_loadgen::run(options, |progress| {
                if progress.phase == Phase::Bidding {
                    // Only the first is waited for; there is room for no more.
                    let _sent = bidding.try_send(());
                }
            })
        });
        // When the load could not begin, its sender is gone, and its error is told below.
        let began = is_bidding.recv().is_ok();
        let report = began.then(|| gavel_loadgen::run(trickle, |_| {}));
        stop.store(true, Ordering::Relaxed);
        let load = load.join().map_err(|_| BenchError::Panicked)??;
        let report = report.ok_or(BenchError::Panicked)??;
        Ok(sample(row, &report, Some(&load)))
    })
}

fn sample(row: &'static str, report: &Report, load: Option<&Report>) -> Sample {
    let sample = Sample::new(row, report.latency_us.p99 / 1e3)
        .with("ms p50", report.latency_us.p50 / 1e3)
        .with("ms p99.9", report.latency_us.p99_9 / 1e3)
        .with("sent late by the generator", report.late_sends as f64);
    match load {
        Some(load) => sample.with("bids/s accepted on the hot auction", load.accepted_rate),
        None => sample,
    }
}

fn trickle(server: &Server, plan: &Plan, key: &str) -> Result<Options, BenchError> {
    Ok(Options {
        auctions: 1,
        connections: 1,
        pipeline: 8_192,
        duration: plan.time,
        arrivals: Arrivals::Open { shape: Shape::Constant(TRICKLE), spacing: Spacing::Poisson },
        terms: placed(key)?,
        ..Options::new(server.address())
    })
}

fn hot_load(server: &Server, key: &str, stop: &Arc<AtomicBool>) -> Result<Options, BenchError> {
    Ok(Options {
        auctions: 1,
        connections: 1,
        pipeline: HOT_PIPELINE,
        duration: HOT_MOST,
        distribution: Distribution::Hot(1.0),
        terms: placed(key)?,
        stop: Arc::clone(stop),
        ..Options::new(server.address())
    })
}

fn placed(key: &str) -> Result<TermsPlan, BenchError> {
    Ok(TermsPlan::standard(true).overlaid(&serde_json::json!({ "placement_key": key }).to_string())?)
}

/// Placement keys of two different shards: auctions are opened until there are two.
fn keys(server: &Server) -> Result<(String, String), BenchError> {
    server.ask(async |client| {
        let mut first: Option<(ShardId, String)> = None;
        for number in 0..KEYS {
            let key = format!("bench:{number}");
            let terms = serde_json::json!({
                "seller": "1", "currency": "KRW", "duration_s": 3_600, "placement_key": key,
            });
            let shard = client.open(&terms.to_string(), None).await?.shard();
            match &first {
                None => first = Some((shard, key)),
                Some((known, first)) if *known != shard => return Ok((first.clone(), key)),
                Some(_) => {}
            }
        }
        Err(BenchError::Missing("second shard"))
    })
}
