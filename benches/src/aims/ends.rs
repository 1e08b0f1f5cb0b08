//! How late the end of an auction is decided: while nobody bids, and while everybody does.
//!
//! - Row `end-late`: from the end to the message that tells a subscriber. It comes behind the commit and crosses a socket, so what is
//!   measured is more than the decision alone.
//! - Row `storm`: from each end, moved by late bids or not, to its decision, by the server's own times.

use super::Plan;
use super::table::Sample;
use crate::error::BenchError;
use crate::server::Server;
use gavel_core::Timestamp;
use gavel_loadgen::Options;
use gavel_loadgen::distribution::Distribution;
use gavel_loadgen::latency::Latencies;
use gavel_wire::Client;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Auctions that end one after the other.
const AUCTIONS: u64 = 200;
/// From the last opening to the first end, in microseconds.
const LEAD_US: u64 = 1_000_000;
/// Between two ends, in microseconds: each finds the engine idle.
const APART_US: u64 = 10_000;
/// Auctions of the closing storm, and the seconds within which they were to end before late bids moved them.
const STORM: (u32, f64) = (10_000, 10.0);
/// How long the storm is bid in: before its first end, through all of them, and over the time that late bids add.
const STORM_S: u64 = 30;
/// The storm's connections and bids in flight on each: more than the engine can keep up with.
const STORM_LOAD: (u32, u32) = (16, 256);

fn now_us() -> u64 {
    // A clock before 1970 reads as 1970.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

/// Row `end-late`.
pub(super) fn late(plan: &Plan) -> Result<Sample, BenchError> {
    let server = Server::start(&plan.server, &plan.dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| BenchError::Io { what: "a runtime".to_owned(), source })?;
    let late = runtime.block_on(listen(&server))?.quantiles();
    Ok(Sample::new("end-late", late.p99 / 1e3).with("ms p50", late.p50 / 1e3).with("ms max", late.max / 1e3))
}

/// Row `storm`.
pub(super) fn storm(plan: &Plan) -> Result<Sample, BenchError> {
    let server = Server::start(&plan.server, &plan.dir)?;
    let ((auctions, window_s), (connections, pipeline)) = (STORM, STORM_LOAD);
    let options = Options {
        auctions,
        connections,
        pipeline,
        distribution: Distribution::Storm(window_s),
        duration: Duration::from_secs(STORM_S),
        ..Options::new(server.address())
    };
    let report = gavel_loadgen::run(options, |_| {})?;
    let ending = report.ending.as_ref().ok_or(BenchError::Missing("ending"))?;
    Ok(Sample::new("storm", ending.late_us.p99_9 / 1e3)
        .with("ms p50", ending.late_us.p50 / 1e3)
        .with("ms max", ending.late_us.max / 1e3)
        .with("ends decided", ending.decided as f64)
        .with("of them moved", ending.extended as f64)
        .with("answered bids/s meanwhile", report.achieved_rate))
}

/// Opens the auctions, subscribes, and notes how late the end of each is heard.
async fn listen(server: &Server) -> Result<Latencies, BenchError> {
    let mut client = Client::connect(server.address()).await?;
    let first_us = now_us() + Duration::from_secs(1).as_micros() as u64 + LEAD_US;
    let mut ends = Vec::new();
    for number in 0..AUCTIONS {
        let end_us = first_us + number * APART_US;
        let end = Timestamp::from_micros(end_us).ok_or(BenchError::Missing("time"))?;
        let terms = format!(r#"{{"seller":"1","currency":"KRW","ends_at":"{end}"}}"#);
        ends.push((client.open(&terms, None).await?, end_us));
    }
    client.subscribe(&ends.iter().map(|(id, _)| *id).collect::<Vec<_>>()).await?;
    let mut late = Latencies::default();
    for _ in &ends {
        let message = client.next_message().await?;
        let heard_us = now_us();
        let ended = ends.iter().find(|(id, _)| message.channel.ends_with(&id.to_string()));
        let (_, end_us) = ended.ok_or(BenchError::Missing("auction"))?;
        late.record(heard_us.saturating_sub(*end_us) * 1_000);
    }
    Ok(late)
}
