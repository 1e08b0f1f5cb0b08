//! The flusher of this process: how far behind, how its databases are, what is parked. Nothing where there is none.

use super::{FmtResult, Out};
use gavel_postgres::flusher::{DatabaseReport, Handle, LaneState, ShardReport};

/// Everything about it.
pub(super) fn about_flusher(out: &mut Out<'_>, flusher: Option<&Handle>) -> FmtResult {
    let Some(report) = flusher.map(Handle::report) else { return Ok(()) };
    let mut each_shard = |name: &str, help: &str, value: &dyn Fn(&ShardReport) -> f64| {
        let values = report.shards.iter().map(|shard| (shard.shard.to_string().into(), value(shard)));
        out.gauges(name, help, "shard", values)
    };
    each_shard(
        "gavel_postgres_lag_events",
        "Durable records of the shard that are not in PostgreSQL yet",
        &|shard| shard.lag_events() as f64,
    )?;
    each_shard("gavel_postgres_lag_seconds", "For how long the oldest of them has waited", &|shard| {
        shard.lag_us() as f64 / 1e6
    })?;
    each_shard(
        "gavel_postgres_parked_records",
        "Records that PostgreSQL refused, or that wait behind one it refused",
        &|shard| shard.parked as f64,
    )?;
    each_shard(
        "gavel_postgres_following",
        "1 while the shard is written, 0 while something keeps it",
        &|shard| f64::from(u8::from(shard.state == LaneState::Following)),
    )?;
    each_shard("gavel_postgres_shard_batches", "Batches written of the shard since the start", &|shard| {
        shard.batches as f64
    })?;
    let mut each_database = |name: &str, help: &str, value: &dyn Fn(&DatabaseReport) -> f64| {
        let values = report.databases.iter().map(|database| (database.name.as_str().into(), value(database)));
        out.gauges(name, help, "database", values)
    };
    each_database("gavel_postgres_up", "1 while the database takes what is written", &|database| {
        f64::from(u8::from(database.problem.is_none()))
    })?;
    each_database("gavel_postgres_batches", "Batches written since the start", &|database| {
        database.batches as f64
    })?;
    each_database("gavel_postgres_failures", "Tries that failed since the start", &|database| {
        database.failures as f64
    })
}
