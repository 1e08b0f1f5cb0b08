//! Who follows the feed by name, how far behind they are, and forgetting who is gone.

use super::body::{Body, OfConsumer};
use super::problem::Problem;
use super::requests::Nothing;
use super::schema::{Consumer, ConsumerShard, Consumers, Refused};
use super::text::{PositionText, TimeText, json};
use super::worker::Here;
use actix_web::{HttpResponse, delete, get};
use gavel_core::Timestamp;
use gavel_engine::{ConsumerLag, ForgetError, Lag};
use gavel_wire::Code;

/// The consumers that follow the feed by name, and how far behind each is.
#[utoipa::path(tag = "service", responses((status = 200, description = "By name", body = Consumers), Refused))]
#[get("/v1/consumers")]
pub(super) async fn list(here: Here) -> HttpResponse {
    let engine = &here.0.common.server.engine;
    let now = engine.now();
    let consumers = engine.consumer_lags().await.into_iter().map(|consumer| shown(consumer, now)).collect();
    HttpResponse::Ok().content_type("application/json").body(json(&Consumers { consumers }))
}

fn shown(consumer: ConsumerLag, now: Timestamp) -> Consumer {
    let ConsumerLag { name, is_connected, last_seen, shards } = consumer;
    let shards = shards.iter().map(|lag| of_shard(lag, now)).collect();
    Consumer { name: name.to_string(), connected: is_connected, last_seen: TimeText(last_seen), shards }
}

fn of_shard(lag: &Lag, now: Timestamp) -> ConsumerShard {
    let Lag { cursor, durable, records, since } = *lag;
    ConsumerShard {
        shard: cursor.shard.0,
        cursor: PositionText(cursor),
        durable: PositionText(durable),
        records_behind: records,
        behind_s: behind_s(since, now),
    }
}

/// How long ago the oldest record was decided that a consumer is not done with, in seconds.
pub(super) fn behind_s(since: Option<Timestamp>, now: Timestamp) -> f64 {
    since.map_or(0.0, |since| now.since(since).micros() as f64 / 1e6)
}

/// Forgets a consumer that is gone for good: the log keeps nothing for it any more.
#[utoipa::path(
    tag = "service",
    params(("consumer" = String, Path, description = "Its name", pattern = "^[A-Za-z0-9._:-]{1,64}$")),
    responses((status = 204, description = "Forgotten"), Refused)
)]
#[delete("/v1/consumers/{consumer}")]
pub(super) async fn forget(
    here: Here,
    consumer: OfConsumer,
    _body: Body<Nothing>,
) -> Result<HttpResponse, Problem> {
    match here.0.common.server.engine.consumers().forget(&consumer.0) {
        Ok(()) => Ok(HttpResponse::NoContent().finish()),
        Err(error @ ForgetError::Unknown(_)) => Err(Problem::new(Code::NotFound, error)),
        Err(error @ ForgetError::Connected(_)) => Err(Problem::new(Code::State, error)),
    }
}
