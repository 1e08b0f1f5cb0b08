//! The projector of this process: how far its documents are behind. Nothing where there is none.

use super::{FmtResult, Out};
use gavel_log::follow::{LaneReport, LaneState};
use gavel_projector::service::Handle;

/// Everything about it.
pub(super) fn about_projector(out: &mut Out<'_>, projector: Option<&Handle>) -> FmtResult {
    let Some(shards) = projector.map(Handle::shards) else { return Ok(()) };
    let now = gavel_log::clock::now();
    let mut each_shard = |name: &str, help: &str, value: &dyn Fn(&LaneReport) -> f64| {
        out.gauges(
            name,
            help,
            "shard",
            shards.iter().map(|shard| (shard.shard.to_string().into(), value(shard))),
        )
    };
    each_shard(
        "gavel_documents_lag_events",
        "Durable records of the shard that are not in the documents yet",
        &|shard| shard.lag_events() as f64,
    )?;
    each_shard("gavel_documents_lag_seconds", "For how long the oldest of them has waited", &|shard| {
        shard.lag_us(now) as f64 / 1e6
    })?;
    each_shard(
        "gavel_documents_following",
        "1 while the shard's documents are written, 0 while something keeps them",
        &|shard| f64::from(u8::from(shard.state == LaneState::Following)),
    )?;
    each_shard("gavel_documents_records", "Records taken in since the start", &|shard| shard.records as f64)?;
    each_shard("gavel_documents_batches", "Batches written since the start", &|shard| shard.batches as f64)
}
