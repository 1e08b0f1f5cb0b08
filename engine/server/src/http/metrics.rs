//! `/metrics`: what the server counts, as Prometheus reads it. Nothing is counted twice: everything is read from where it is kept, at
//! the moment that it is asked for.

mod documents;
mod history;
mod postgres;
mod retention;

use super::guard::is_accepted;
use super::schema::Refused;
use super::worker::Here;
use crate::server::Server;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get};
use gavel_engine::{ConsumerLag, Handle, Histogram, Phase, Refusals, Stats};
use gavel_wire::Code;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt::{Debug, Formatter, Result as FmtResult};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What metrics come as: the text form of Prometheus, or OpenMetrics for those who ask for it.
pub(super) const MEDIA_TYPES: [&str; 2] = ["text/plain", OPEN_METRICS];
const OPEN_METRICS: &str = "application/openmetrics-text";

/// Auctions that are named among the hottest, so that their names never become many.
const HOTTEST: usize = 10;

/// Counters and levels for Prometheus.
#[utoipa::path(tag = "service", responses((status = 200, description = "Prometheus's text form, or OpenMetrics", content_type = "text/plain", body = String), Refused))]
#[get("/metrics")]
pub(super) async fn metrics(here: Here, request: HttpRequest) -> HttpResponse {
    let accepts = request.headers().get_all(header::ACCEPT).filter_map(|text| text.to_str().ok());
    let accepts: Vec<&str> = accepts.filter(|text| text.contains(OPEN_METRICS)).collect();
    let mut registry = Registry::default();
    let server = Arc::clone(&here.0.common.server);
    let consumers = server.engine.consumer_lags().await;
    registry.register_collector(Box::new(Metrics { server, consumers }));
    let mut out = String::with_capacity(16 * 1024);
    let (written, media_type) = if is_accepted(&accepts, OPEN_METRICS) {
        (text::encode(&mut out, &registry), "application/openmetrics-text; version=1.0.0; charset=utf-8")
    } else {
        (prometheus_text::encode(&mut out, &registry), "text/plain; version=0.0.4; charset=utf-8")
    };
    if let Err(error) = written {
        tracing::error!(%error, "metrics could not be written; this is a defect");
        return HttpResponse::InternalServerError().finish();
    }
    HttpResponse::Ok().content_type(media_type).insert_header((header::CACHE_CONTROL, "no-store")).body(out)
}

/// Reads everything when it is asked.
struct Metrics {
    server: Arc<Server>,
    consumers: Vec<ConsumerLag>,
}

impl Debug for Metrics {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str("Metrics")
    }
}

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> FmtResult {
        let (server, mut out) = (&*self.server, Out(encoder));
        about_engine(&mut out, &server.engine)?;
        about_commands(&mut out, server.engine.stats())?;
        about_commits(&mut out, server.engine.stats())?;
        about_shards(&mut out, &server.engine)?;
        history::about_storage(&mut out, &server.engine)?;
        history::about_consumers(&mut out, &server.engine, &self.consumers)?;
        postgres::about_flusher(&mut out, server.postgres.as_ref())?;
        retention::about_retention(&mut out, server.retention.as_ref())?;
        documents::about_projector(&mut out, server.documents.as_ref())?;
        about_clients(&mut out, server)
    }
}

/// Writes metrics one by one.
struct Out<'a>(DescriptorEncoder<'a>);

impl Out<'_> {
    fn counter(&mut self, name: &str, help: &str, value: u64) -> FmtResult {
        ConstCounter::new(value).encode(self.0.encode_descriptor(name, help, None, MetricType::Counter)?)
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) -> FmtResult {
        ConstGauge::new(value).encode(self.0.encode_descriptor(name, help, None, MetricType::Gauge)?)
    }

    /// One value for each label.
    fn counters(&mut self, name: &str, help: &str, label: &str, values: &[(&str, &AtomicU64)]) -> FmtResult {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        values.iter().try_for_each(|(value, counter)| {
            ConstCounter::new(counter.load(Ordering::Relaxed))
                .encode(family.encode_family(&[(label, *value)])?)
        })
    }

    fn gauges<'l>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        mut values: impl Iterator<Item = (std::borrow::Cow<'l, str>, f64)>,
    ) -> FmtResult {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        values.try_for_each(|(value, gauge)| {
            ConstGauge::new(gauge).encode(family.encode_family(&[(label, &*value)])?)
        })
    }

    /// `unit` as for [`scaled`].
    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram, unit: f64) -> FmtResult {
        let (buckets, count) = scaled(histogram, unit);
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        encoder.encode_histogram::<NoLabelSet>(histogram.sum() as f64 / unit, count, &buckets, None)
    }
}

fn about_engine(out: &mut Out<'_>, engine: &Handle) -> FmtResult {
    let (under_way, credit) = engine.credit();
    let is_ready = engine.phase() == Phase::Ready;
    out.gauge("gavel_ready", "1 while bids are taken", f64::from(u8::from(is_ready)))?;
    out.gauge(
        "gavel_epoch",
        "The generation of this process",
        engine.epoch().map_or(0.0, |epoch| f64::from(epoch.0)),
    )?;
    let progress = engine.progress();
    let records = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
    out.gauge(
        "gavel_recovery_records",
        "Records of the log that recovery has read",
        records(&progress.records),
    )?;
    out.gauge(
        "gavel_recovery_records_expected",
        "Records of the log that recovery reads",
        records(&progress.records_total),
    )?;
    out.gauge(
        "gavel_commands_under_way",
        "Commands that hold credit: taken and not answered yet",
        under_way as f64,
    )?;
    out.gauge("gavel_credit", "Commands that may be under way; beyond them BUSY is answered", credit as f64)?;
    out.gauge(
        "gavel_log_queue_batches",
        "Batches of decided commands that wait for the log thread",
        engine.log_queue() as f64,
    )?;
    out.gauge(
        "gavel_clock_drift_seconds",
        "By how much the system's clock has parted from the engine's",
        engine.clock_drift_us() as f64 / 1e6,
    )?;
    let hottest = engine.hottest(HOTTEST);
    out.gauges(
        "gavel_hottest_auction_events_per_second",
        "The ten auctions that most happens to, with an estimate of their events per second over the last seconds",
        "auction",
        hottest.into_iter().map(|(auction, rate)| (auction.to_string().into(), rate)),
    )
}

fn about_commands(out: &mut Out<'_>, stats: &Stats) -> FmtResult {
    let accepted = [("leading", &stats.bids_leading), ("outbid", &stats.bids_outbid), ("sold", &stats.sold)];
    out.counters(
        "gavel_bids_accepted",
        "Bids and purchases accepted, durable, by how they stood",
        "outcome",
        &accepted,
    )?;
    let Refusals { not_found, not_started, closed, too_low, seller_bid, banned, .. } = &stats.refusals;
    let Refusals { id_conflict, state, invalid, too_large, .. } = &stats.refusals;
    let refused = [
        (Code::NotFound, not_found),
        (Code::NotStarted, not_started),
        (Code::Closed, closed),
        (Code::TooLow, too_low),
        (Code::SellerBid, seller_bid),
        (Code::Banned, banned),
        (Code::IdConflict, id_conflict),
        (Code::State, state),
        (Code::Invalid, invalid),
        (Code::TooLarge, too_large),
        (Code::Busy, &stats.busy),
    ];
    let refused = refused.map(|(code, counter)| (code.as_str(), counter));
    out.counters("gavel_commands_refused", "Bids and other commands refused, by code", "code", &refused)?;
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    out.counter("gavel_auctions_opened", "Auctions opened, repeated requests included", load(&stats.opened))?;
    out.counter(
        "gavel_commands_done",
        "Commands carried out that are neither bids nor openings",
        load(&stats.done),
    )
}

fn about_commits(out: &mut Out<'_>, stats: &Stats) -> FmtResult {
    out.histogram("gavel_commit_records", "Records of each commit", &stats.commit_records, 1.0)?;
    out.histogram(
        "gavel_commit_duration_seconds",
        "How long each commit took, its sync included",
        &stats.commit_times_us,
        1e6,
    )?;
    about_stages(out, stats)?;
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    out.counter("gavel_log_frames_written", "Frames written to the log", load(&stats.frames))?;
    out.counter("gavel_log_frame_bytes_written", "Bytes of those frames", load(&stats.frame_bytes))
}

/// One histogram for each stage of a command's way.
fn about_stages(out: &mut Out<'_>, stats: &Stats) -> FmtResult {
    let help = "How long commands were in each stage: waiting for their shard, being decided, waiting for the disk, being answered";
    let mut family =
        out.0.encode_descriptor("gavel_stage_duration_seconds", help, None, MetricType::Histogram)?;
    stats.stages.named().into_iter().try_for_each(|(stage, histogram)| {
        let (buckets, count) = scaled(histogram, 1e6);
        family.encode_family(&[("stage", stage)])?.encode_histogram::<NoLabelSet>(
            histogram.sum() as f64 / 1e6,
            count,
            &buckets,
            None,
        )
    })
}

/// A histogram's upper bounds in another unit and its counts, and how many there are in all. `unit`: how many of what was counted make
/// one of what is told.
fn scaled(histogram: &Histogram, unit: f64) -> (Vec<(f64, u64)>, u64) {
    let bound = |bound: Option<u64>| bound.map_or(f64::INFINITY, |bound| bound as f64 / unit);
    let buckets: Vec<(f64, u64)> = histogram.buckets().map(|(upper, count)| (bound(upper), count)).collect();
    let count = buckets.iter().map(|(_, count)| count).sum();
    (buckets, count)
}

fn about_shards(out: &mut Out<'_>, engine: &Handle) -> FmtResult {
    let placement = engine.placement();
    let mut each = |name: &str, help: &str, value: &dyn Fn(gavel_core::ShardId) -> u64| {
        let values = placement.shards().map(|(shard, _)| (shard.to_string().into(), value(shard) as f64));
        out.gauges(name, help, "shard", values)
    };
    each("gavel_shard_applied_lsn", "The last record that the shard has decided", &|shard| {
        engine.applied(shard).0
    })?;
    each("gavel_shard_durable_lsn", "The last record of the shard that is on disk", &|shard| {
        engine.durable(shard).0
    })?;
    each("gavel_shard_auctions_unfinished", "Auctions that something can still happen to", &|shard| {
        engine.live_counts(shard).unfinished
    })?;
    each("gavel_shard_auctions_final", "Auctions in a final state that are still in memory", &|shard| {
        engine.live_counts(shard).finished
    })
}

fn about_clients(out: &mut Out<'_>, server: &Server) -> FmtResult {
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    out.gauge(
        "gavel_connections",
        "Connections that are open, of all faces",
        server.connections.load(Ordering::Relaxed) as f64,
    )?;
    out.gauge("gavel_connections_max", "Connections that may be open", server.connections_max as f64)?;
    out.counter(
        "gavel_connections_received",
        "Connections since the start",
        load(&server.connections_total),
    )?;
    out.counter(
        "gavel_connections_refused",
        "Connections turned away because there were too many",
        load(&server.connections_refused),
    )?;
    out.gauge(
        "gavel_subscriptions",
        "Subscriptions to auctions, of all faces",
        server.subscriptions.load(Ordering::Relaxed) as f64,
    )?;
    out.counter(
        "gavel_http_resumed",
        "Subscribers that were told from the log what they had missed",
        load(&server.http.resumed),
    )?;
    let [second, third, fourth, fifth] = &server.http.answers;
    let answers = [("2xx", second), ("3xx", third), ("4xx", fourth), ("5xx", fifth)];
    out.counters("gavel_http_answers", "Answers over HTTP, by the class of their status", "status", &answers)
}
