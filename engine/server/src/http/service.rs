//! How the server is: health, shards, consumers, the description of all this.

use super::documents::Reading;
use super::problem::Problem;
use super::schema::{Health, Policy, Range, Refused, Shard, Shards};
use super::text::{TimeText, json};
use super::worker::Here;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get};
use bytes::Bytes;
use gavel_core::placement::{self, ShardStatus};
use gavel_engine::{Handle, LiveCounts, Phase, Refusal};
use gavel_log::follow::{LaneReport, LaneState};

/// `/openapi.json`, made once on each thread.
pub(super) struct Description(pub(super) Bytes);

fn health(status: StatusCode, phase: Phase) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.content_type("application/json").insert_header(("Cache-Control", "no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header(("Retry-After", super::limits::RETRY_AFTER_S));
    }
    response.body(json(&Health { status: phase_word(phase) }))
}

/// The phase as every face spells it.
fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Loading => "loading",
        Phase::Ready => "ready",
        Phase::Closing => "closing",
        Phase::Failed => "failed",
    }
}

/// Whether the process works: also while it reads its log or stops.
#[utoipa::path(
    tag = "service",
    responses((status = 200, description = "It works", body = Health), (status = 503, description = "Its log has failed; it is about to end", body = Health))
)]
#[get("/health/live")]
pub(super) async fn live(here: Here) -> HttpResponse {
    let phase = here.0.common.server.engine.phase();
    let status = if phase == Phase::Failed { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    health(status, phase)
}

/// Whether bids are taken: not before the log is read, and not any more once the server stops.
#[utoipa::path(
    tag = "service",
    responses((status = 200, description = "Bids are taken", body = Health), (status = 503, description = "Not yet, or not any more", body = Health))
)]
#[get("/health/ready")]
pub(super) async fn ready(here: Here) -> HttpResponse {
    let phase = here.0.common.server.engine.phase();
    let status = if phase == Phase::Ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    health(status, phase)
}

/// Whether documents are being written: how far they are behind, shard by shard.
#[utoipa::path(
    tag = "service",
    responses((status = 200, description = "Every shard is followed", body = Object), (status = 503, description = "One is not, or none is known yet", body = Object))
)]
#[get("/health/ready")]
pub(super) async fn projecting(reading: Reading) -> HttpResponse {
    let (projector, now) = (reading.0.projector(), gavel_log::clock::now());
    let lanes = projector.shards();
    let problem = projector.progress().problem();
    let is_ready =
        problem.is_none() && !lanes.is_empty() && lanes.iter().all(|lane| lane.state == LaneState::Following);
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let one = |lane: &LaneReport| {
        serde_json::json!({
            "shard": lane.shard.0, "state": lane.state.word(), "problem": lane.problem,
            "cursor": lane.cursor.to_string(), "records_behind": lane.lag_events(),
            "behind_s": lane.lag_us(now) as f64 / 1e6,
        })
    };
    let body = serde_json::json!({
        "status": if is_ready { "ready" } else { "behind" },
        "problem": problem,
        "shards": lanes.iter().map(one).collect::<Vec<_>>(),
    });
    let mut response = HttpResponse::build(status);
    response.content_type("application/json").insert_header(("Cache-Control", "no-store"));
    response.body(json(&body))
}

/// The shards, and where new auctions go.
#[utoipa::path(tag = "service", responses((status = 200, description = "As it is now", body = Shards), Refused))]
#[get("/v1/shards")]
pub(super) async fn shards(here: Here) -> Result<HttpResponse, Problem> {
    let engine = &here.0.common.server.engine;
    // The placement is not there yet; showing the one that everything begins with would mislead.
    if engine.phase() == Phase::Loading {
        return Err(Refusal::Loading.into());
    }
    Ok(HttpResponse::Ok().content_type("application/json").body(json(&placed(engine))))
}

fn placed(engine: &Handle) -> Shards {
    let placement = engine.placement();
    let one = |(shard, status)| {
        let LiveCounts { unfinished, finished } = engine.live_counts(shard);
        let status = match (status, unfinished) {
            (ShardStatus::Active, _) => "active",
            (ShardStatus::Draining, 0) => "gone",
            (ShardStatus::Draining, _) => "draining",
        };
        Shard { shard: shard.0, status, unfinished, r#final: finished, durable: engine.durable(shard).0 }
    };
    let policy = |(from, policy): &(gavel_core::Timestamp, placement::Policy)| {
        let ranges = if let placement::Policy::Range(ranges) = policy { &**ranges } else { &[] };
        let range =
            |range: &placement::KeyRange| Range { from: range.from.to_string(), shard: range.shard.0 };
        Policy { from: TimeText(*from), policy: policy.name(), ranges: ranges.iter().map(range).collect() }
    };
    Shards {
        shards: placement.shards().map(one).collect(),
        policy: placement.policy_at(engine.now()).name(),
        policies: placement.policies().iter().map(policy).collect(),
        directory: placement.directory().iter().map(|(key, shard)| (key.to_owned(), shard.0)).collect(),
    }
}

/// This description, as OpenAPI 3.1.
#[utoipa::path(tag = "service", responses((status = 200, description = "OpenAPI 3.1", body = Object, content_type = "application/json")))]
#[get("/openapi.json")]
pub(super) async fn openapi(request: HttpRequest) -> HttpResponse {
    let description = request.app_data::<Description>().map(|description| description.0.clone());
    HttpResponse::Ok().content_type("application/json").body(description.unwrap_or_default())
}
