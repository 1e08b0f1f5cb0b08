//! What `INFO` and `SHARDS` tell operators.
//!
//! `INFO` has Redis's form: sections headed `# Name`, then `key:value` lines. Times are in microseconds unless the key says
//! otherwise.

use crate::server::Server;
use gavel_core::placement::{Policy, ShardStatus};
use gavel_core::{ShardId, Timestamp};
use gavel_engine::{AttemptCounts, ConsumerLag, Handle, Lag, LiveCounts, Phase};
use gavel_wire::{Protocol, reply};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// The sections, in order.
const SECTIONS: [&str; 9] =
    ["server", "clients", "persistence", "stats", "stages", "clock", "shards", "postgres", "documents"];

/// The section that is told only when it is asked for by name, as it stops each shard for as long as it takes.
pub(crate) const DIGEST: &str = "digest";

/// One section, or all of them but the digest; an unknown section is empty, as in Redis. Takes no shard's time.
pub(crate) fn text(server: &Server, section: Option<&str>) -> String {
    let engine = &server.engine;
    let all = section.is_none_or(|section| matches!(section, "all" | "default" | "everything"));
    let mut out = String::new();
    for name in SECTIONS.into_iter().filter(|name| all || section == Some(name)) {
        let mut lines = Lines(&mut out);
        lines.head(name);
        match name {
            "server" => about_server(&mut lines, server, engine),
            "clients" => about_clients(&mut lines, server, engine),
            "persistence" => about_persistence(&mut lines, server, engine),
            "stats" => about_stats(&mut lines, engine),
            "stages" => about_stages(&mut lines, engine),
            "clock" => about_clock(&mut lines, engine),
            "shards" => about_shards(&mut lines, engine),
            "postgres" => about_postgres(&mut lines, server),
            _ => about_documents(&mut lines, server),
        }
    }
    out
}

/// The state of each shard as one digest, to compare engines by.
pub(crate) async fn digest(engine: &Handle) -> String {
    let mut out = String::new();
    let mut lines = Lines(&mut out);
    lines.head(DIGEST);
    for report in engine.inspect().await {
        let facts = format_args!(
            "applied={},auctions={},digest={}",
            report.applied.0, report.auctions, report.digest
        );
        lines.put(format_args!("shard{}", report.shard.0), facts);
    }
    out
}

struct Lines<'a>(&'a mut String);

impl Lines<'_> {
    fn head(&mut self, name: &str) {
        let first = name[..1].to_ascii_uppercase();
        let gap = if self.0.is_empty() { "" } else { "\r\n" };
        self.write(format_args!("{gap}# {first}{}\r\n", &name[1..]));
    }

    fn put(&mut self, key: impl std::fmt::Display, value: impl std::fmt::Display) {
        self.write(format_args!("{key}:{value}\r\n"));
    }

    fn count(&mut self, key: &str, counter: &AtomicU64) {
        self.put(key, counter.load(Ordering::Relaxed));
    }

    fn write(&mut self, arguments: std::fmt::Arguments<'_>) {
        let written = self.0.write_fmt(arguments);
        debug_assert!(written.is_ok(), "a String takes everything");
    }
}

fn about_server(lines: &mut Lines<'_>, server: &Server, engine: &Handle) {
    lines.put("gavel_version", env!("CARGO_PKG_VERSION"));
    lines.put("process_id", std::process::id());
    lines.put("tcp_port", server.address.port());
    lines.put("tcp_address", server.address);
    lines.put(
        "phase",
        match engine.phase() {
            Phase::Loading => "loading",
            Phase::Ready => "ready",
            Phase::Closing => "closing",
            Phase::Failed => "failed",
        },
    );
}

fn about_clients(lines: &mut Lines<'_>, server: &Server, engine: &Handle) {
    let (under_way, total) = engine.credit();
    lines.put("connected_clients", server.connections.load(Ordering::Relaxed));
    lines.put("maxclients", server.connections_max);
    lines.count("total_connections_received", &server.connections_total);
    lines.count("rejected_connections", &server.connections_refused);
    lines.put("commands_under_way", under_way);
    lines.put("credit", total);
    lines.put("subscriptions", server.subscriptions.load(Ordering::Relaxed));
    lines.put("followers", server.followers.load(Ordering::Relaxed));
    lines.put("consumers", engine.consumers().list().len());
}

fn about_persistence(lines: &mut Lines<'_>, server: &Server, engine: &Handle) {
    let (stats, progress) = (engine.stats(), engine.progress());
    lines.put("loading", u8::from(engine.phase() == Phase::Loading));
    lines.count("loading_records", &progress.records);
    lines.count("loading_records_total", &progress.records_total);
    lines.count("loading_records_in_snapshots", &progress.records_in_snapshots);
    lines.count("loading_snapshot_bytes", &progress.snapshot_bytes);
    lines.put("last_stop", server.start.0.get().copied().unwrap_or("unknown"));
    lines.put("log_id", engine.log_id().map(|id| id.to_string()).unwrap_or_default());
    lines.put("epoch", engine.epoch().map_or(0, |epoch| epoch.0));
    lines.count("commits", &stats.commits);
    lines.count("commit_us_total", &stats.commit_us);
    lines.count("commit_us_max", &stats.commit_us_max);
    lines.count("frames", &stats.frames);
    lines.count("frame_bytes", &stats.frame_bytes);
    about_storage(lines, engine);
}

fn about_storage(lines: &mut Lines<'_>, engine: &Handle) {
    let (storage, slices) = (engine.storage(), &engine.stats().slices);
    let usage = &storage.usage;
    lines.put("log_bytes", usage.log_bytes);
    lines.put("log_frame_bytes", usage.log_frame_bytes);
    lines.put("archive_bytes", usage.archive_bytes);
    lines.put("archive_files", usage.archive_files);
    lines.put("snapshot_bytes", usage.snapshot_bytes);
    lines.put("snapshots_taken", storage.snapshots_taken);
    lines.put("storage_failures", storage.failures);
    lines.put("snapshot_slices", slices.len());
    lines.put("snapshot_slice_us_max", slices.max_us());
    for (shard, snapshot) in &storage.snapshots {
        let facts = format_args!(
            "from={},at={},auctions={},bytes={},took_ms={}",
            snapshot.from.0, snapshot.at, snapshot.auctions, snapshot.bytes, snapshot.took_ms
        );
        lines.put(format_args!("snapshot_shard{}", shard.0), facts);
    }
}

fn about_stats(lines: &mut Lines<'_>, engine: &Handle) {
    let stats = engine.stats();
    lines.count("bids_leading", &stats.bids_leading);
    lines.count("bids_outbid", &stats.bids_outbid);
    lines.count("sold", &stats.sold);
    lines.count("opened", &stats.opened);
    lines.count("done", &stats.done);
    lines.count("rejected", &stats.rejected);
    lines.count("busy", &stats.busy);
    let AttemptCounts { written, dropped, failed, waiting } = engine.attempts();
    lines.put("attempts_written", written);
    lines.put("attempts_dropped", dropped);
    lines.put("attempts_failed", failed);
    lines.put("attempts_waiting", waiting);
}

/// Where the time of commands went: for each stage, how many took up to so many microseconds and longer than the bound before, and the
/// sum. A load generator takes the difference of two readings.
fn about_stages(lines: &mut Lines<'_>, engine: &Handle) {
    for (name, histogram) in engine.stats().stages.named() {
        let mut facts = String::new();
        for (bound, count) in histogram.buckets() {
            let bound = bound.map_or_else(|| "inf".to_owned(), |bound| bound.to_string());
            facts.push_str(&format!("{bound}={count},"));
        }
        facts.pop();
        lines.put(format_args!("stage_{name}"), format_args!("{facts};sum_us={}", histogram.sum()));
    }
}

fn about_clock(lines: &mut Lines<'_>, engine: &Handle) {
    lines.put("now_us", engine.now().micros());
    lines.put("drift_us", engine.clock_drift_us());
}

fn about_shards(lines: &mut Lines<'_>, engine: &Handle) {
    for (shard, _) in engine.placement().shards() {
        let (counts, durable) = (engine.live_counts(shard), engine.durable(shard).0);
        let facts =
            format_args!("durable={durable},unfinished={},final={}", counts.unfinished, counts.finished);
        lines.put(format_args!("shard{}", shard.0), facts);
    }
}

/// The flusher of this process. One over the feed is a consumer like any other, and says of itself what it does.
fn about_postgres(lines: &mut Lines<'_>, server: &Server) {
    let report = server.postgres.as_ref().map(gavel_postgres::flusher::Handle::report);
    lines.put("postgres", u8::from(report.is_some()));
    let Some(report) = report else { return };
    for database in &report.databases {
        let problem = database.problem.as_deref().unwrap_or("none").replace(['\r', '\n'], " ");
        let facts = format_args!(
            "up={},batches={},failures={},problem={problem}",
            u8::from(database.problem.is_none()),
            database.batches,
            database.failures
        );
        lines.put(format_args!("postgres_database_{}", database.name), facts);
    }
    for shard in &report.shards {
        let facts = format_args!(
            "database={},state={},cursor={},lag_events={},lag_us={},batches={},parked={}",
            shard.database,
            shard.state.word(),
            shard.cursor,
            shard.lag_events(),
            shard.lag_us(),
            shard.batches,
            shard.parked
        );
        lines.put(format_args!("postgres_shard{}", shard.shard.0), facts);
    }
}

/// The projector of this process. One over the feed is a consumer like any other, and says of itself what it does.
fn about_documents(lines: &mut Lines<'_>, server: &Server) {
    lines.put("documents", u8::from(server.documents.is_some()));
    let now = gavel_log::clock::now();
    for shard in server.documents.iter().flat_map(gavel_projector::service::Handle::shards) {
        let problem = shard.problem.as_deref().unwrap_or("none").replace(['\r', '\n'], " ");
        let facts = format_args!(
            "state={},cursor={},lag_events={},lag_us={},batches={},problem={problem}",
            shard.state.word(),
            shard.cursor,
            shard.lag_events(),
            shard.lag_us(now),
            shard.batches,
        );
        lines.put(format_args!("documents_shard{}", shard.shard.0), facts);
    }
}

/// `SHARDS`: one map for each shard, then how new auctions are placed.
pub(crate) fn shards(out: &mut Vec<u8>, engine: &Handle, protocol: Protocol) {
    let placement = engine.placement();
    let now = engine.now();
    reply::map(out, 4, protocol);
    reply::bulk(out, b"shards");
    reply::array(out, placement.shards().len());
    for (shard, status) in placement.shards() {
        one_shard(out, engine, shard, status, protocol);
    }
    reply::bulk(out, b"policy");
    reply::bulk(out, placement.policy_at(now).name().as_bytes());
    reply::bulk(out, b"policies");
    reply::array(out, placement.policies().len());
    for (from, policy) in placement.policies() {
        reply::map(out, 3, protocol);
        reply::bulk(out, b"from");
        reply::bulk(out, from.to_string().as_bytes());
        reply::bulk(out, b"policy");
        reply::bulk(out, policy.name().as_bytes());
        reply::bulk(out, b"ranges");
        let ranges = if let Policy::Range(ranges) = policy { &**ranges } else { &[] };
        pairs(out, ranges.iter().map(|range| (&*range.from, range.shard)));
    }
    reply::bulk(out, b"directory");
    pairs(out, placement.directory().iter().collect::<Vec<_>>().into_iter());
}

/// `CONSUMERS LIST`: one map for each consumer, and in it one for each shard that it has ever followed.
pub(crate) async fn consumers(engine: &Handle, protocol: Protocol) -> Vec<u8> {
    let (mut out, now) = (Vec::new(), engine.now());
    let consumers = engine.consumer_lags().await;
    reply::array(&mut out, consumers.len());
    for ConsumerLag { name, is_connected, last_seen, shards } in consumers {
        reply::map(&mut out, 4, protocol);
        reply::bulk(&mut out, b"name");
        reply::bulk(&mut out, name.as_str().as_bytes());
        reply::bulk(&mut out, b"connected");
        reply::integer(&mut out, i64::from(is_connected));
        reply::bulk(&mut out, b"last_seen");
        reply::bulk(&mut out, last_seen.to_string().as_bytes());
        reply::bulk(&mut out, b"shards");
        reply::array(&mut out, shards.len());
        shards.iter().for_each(|lag| one_lag(&mut out, lag, now, protocol));
    }
    out
}

fn one_lag(out: &mut Vec<u8>, lag: &Lag, now: Timestamp, protocol: Protocol) {
    let Lag { cursor, durable, records, since } = lag;
    let behind_us = since.map_or(0, |since| now.since(since).micros());
    reply::map(out, 5, protocol);
    reply::bulk(out, b"shard");
    reply::integer(out, i64::from(cursor.shard.0));
    reply::bulk(out, b"cursor");
    reply::bulk(out, cursor.to_string().as_bytes());
    reply::bulk(out, b"durable");
    reply::bulk(out, durable.to_string().as_bytes());
    reply::bulk(out, b"records_behind");
    reply::integer(out, i64::try_from(*records).unwrap_or(i64::MAX));
    reply::bulk(out, b"behind_us");
    reply::integer(out, i64::try_from(behind_us).unwrap_or(i64::MAX));
}

/// Keys and the shards that they go to.
fn pairs<'a>(out: &mut Vec<u8>, pairs: impl ExactSizeIterator<Item = (&'a str, ShardId)>) {
    reply::array(out, pairs.len());
    for (key, shard) in pairs {
        reply::array(out, 2);
        reply::bulk(out, key.as_bytes());
        reply::integer(out, i64::from(shard.0));
    }
}

fn one_shard(out: &mut Vec<u8>, engine: &Handle, shard: ShardId, status: ShardStatus, protocol: Protocol) {
    let LiveCounts { unfinished, finished } = engine.live_counts(shard);
    let status = match (status, unfinished) {
        (ShardStatus::Active, _) => "active",
        (ShardStatus::Draining, 0) => "gone",
        (ShardStatus::Draining, _) => "draining",
    };
    reply::map(out, 5, protocol);
    reply::bulk(out, b"shard");
    reply::integer(out, i64::from(shard.0));
    reply::bulk(out, b"status");
    reply::bulk(out, status.as_bytes());
    reply::bulk(out, b"unfinished");
    reply::integer(out, i64::try_from(unfinished).unwrap_or(i64::MAX));
    reply::bulk(out, b"final");
    reply::integer(out, i64::try_from(finished).unwrap_or(i64::MAX));
    reply::bulk(out, b"durable");
    reply::integer(out, i64::try_from(engine.durable(shard).0).unwrap_or(i64::MAX));
}
