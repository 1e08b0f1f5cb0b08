//! What is kept and who still needs it: log, archive, snapshots, consumers.

use super::{FmtResult, Out};
use crate::http::consumers::behind_s;
use gavel_engine::{ConsumerLag, Handle};
use gavel_log::trim::Usage;
use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

/// Bytes on the disk, and the work of keeping them few.
pub(super) fn about_storage(out: &mut Out<'_>, engine: &Handle) -> FmtResult {
    let (storage, slices) = (engine.storage(), &engine.stats().slices);
    let Usage { log_bytes, log_frame_bytes, archive_bytes, archive_files, archive_files_bad, .. } =
        storage.usage;
    out.gauge("gavel_log_bytes", "The log's file, as it lies on the disk", log_bytes as f64)?;
    out.gauge("gavel_log_frame_bytes", "Frames in the log", log_frame_bytes as f64)?;
    out.gauge("gavel_archive_bytes", "Archive files", archive_bytes as f64)?;
    out.gauge("gavel_archive_files", "How many archive files there are", archive_files as f64)?;
    out.gauge(
        "gavel_archive_files_bad",
        "Archive files that were damaged at the start; what is in them can't be read",
        archive_files_bad as f64,
    )?;
    out.gauge("gavel_snapshot_bytes", "Snapshots", storage.usage.snapshot_bytes as f64)?;
    let now = engine.now();
    out.gauges(
        "gavel_snapshot_age_seconds",
        "How long ago each shard's newest snapshot was begun, which says how much a start has to read",
        "shard",
        storage.newest.iter().map(|(shard, at)| (shard.to_string().into(), behind_s(Some(*at), now))),
    )?;
    out.counter("gavel_snapshots_taken", "Snapshots taken since the start", storage.snapshots_taken)?;
    out.counter(
        "gavel_storage_failures",
        "Snapshots, truncations and expiries that came to nothing; why is in the messages",
        storage.failures,
    )?;
    out.gauge(
        "gavel_snapshot_hold_seconds_max",
        "The longest that a snapshot has held a shard at a time",
        slices.max_us() as f64 / 1e6,
    )
}

/// How far behind the feed's named consumers are. Their number is bounded.
pub(super) fn about_consumers(out: &mut Out<'_>, engine: &Handle, consumers: &[ConsumerLag]) -> FmtResult {
    let now = engine.now();
    let connected = |consumer: &ConsumerLag| f64::from(u8::from(consumer.is_connected));
    out.gauges(
        "gavel_consumer_connected",
        "1 while a connection follows under the consumer's name",
        "consumer",
        consumers.iter().map(|consumer| (consumer.name.as_str().into(), connected(consumer))),
    )?;
    let events = |lag: &gavel_engine::Lag| lag.records as f64;
    each_shard(
        out,
        "gavel_consumer_lag_events",
        "Records that the consumer is not done with",
        consumers,
        &events,
    )?;
    let seconds = |lag: &gavel_engine::Lag| behind_s(lag.since, now);
    let help = "How long ago the oldest record was decided that the consumer is not done with";
    each_shard(out, "gavel_consumer_lag_seconds", help, consumers, &seconds)
}

fn each_shard(
    out: &mut Out<'_>,
    name: &str,
    help: &str,
    consumers: &[ConsumerLag],
    value: &dyn Fn(&gavel_engine::Lag) -> f64,
) -> FmtResult {
    let mut family = out.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for consumer in consumers {
        for lag in &consumer.shards {
            let shard = lag.cursor.shard.to_string();
            let labels = [("consumer", consumer.name.as_str()), ("shard", &*shard)];
            ConstGauge::new(value(lag)).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}
