//! Bans: each is a resource whose path says who and where. `PUT` makes it so, `DELETE` ends it.
//!
//! A ban that is in force already is what `PUT` asks for, so it is answered with 204; but where standing bids were to be removed with
//! it, they were not, and the answer is `STATE`.

use super::auctions::unexpected;
use super::body::{Body, InAuction, OfBidder, OfSeller};
use super::limits::WIDE_COMMANDS_MAX;
use super::problem::Problem;
use super::requests::{NewBan, Nothing, Standings};
use super::schema::Refused;
use super::text::{AccountText, AuctionText};
use super::worker::{Common, Here};
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, put};
use gavel_core::rejection::StateReason;
use gavel_core::{Command, Rejection};
use gavel_engine::{Reply, WideBan};
use gavel_wire::Code;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Bans a bidder from all auctions.
#[utoipa::path(
    tag = "bans", request_body = Option<NewBan>,
    params(("bidder" = AccountText, Path, description = "Who")),
    responses((status = 201, description = "In force everywhere, and on disk"), (status = 204, description = "It was in force already"), Refused)
)]
#[put("/v1/bans/{bidder}")]
pub(super) async fn ban(here: Here, bidder: OfBidder, body: Body<NewBan>) -> Result<HttpResponse, Problem> {
    let standings = body.value.standing_bids;
    let wanted = WideBan { bidder: bidder.0, seller: None, ban: Some(standings.into()) };
    banned(wide(&here, wanted).await?, standings)
}

/// Lifts a ban from all auctions.
#[utoipa::path(
    tag = "bans",
    params(("bidder" = AccountText, Path, description = "Who")),
    responses((status = 204, description = "Lifted, and on disk"), Refused)
)]
#[delete("/v1/bans/{bidder}")]
pub(super) async fn unban(
    here: Here,
    bidder: OfBidder,
    _body: Body<Nothing>,
) -> Result<HttpResponse, Problem> {
    lifted(wide(&here, WideBan { bidder: bidder.0, seller: None, ban: None }).await?)
}

/// Bans a bidder from all auctions of one seller.
#[utoipa::path(
    tag = "bans", request_body = Option<NewBan>,
    params(("bidder" = AccountText, Path, description = "Who"), ("seller" = AccountText, Path, description = "From whose auctions")),
    responses((status = 201, description = "In force everywhere, and on disk"), (status = 204, description = "It was in force already"), Refused)
)]
#[put("/v1/bans/{bidder}/sellers/{seller}")]
pub(super) async fn ban_by_seller(
    here: Here,
    bidder: OfBidder,
    seller: OfSeller,
    body: Body<NewBan>,
) -> Result<HttpResponse, Problem> {
    let standings = body.value.standing_bids;
    let wanted = WideBan { bidder: bidder.0, seller: Some(seller.0), ban: Some(standings.into()) };
    banned(wide(&here, wanted).await?, standings)
}

/// Lifts a ban from all auctions of one seller.
#[utoipa::path(
    tag = "bans",
    params(("bidder" = AccountText, Path, description = "Who"), ("seller" = AccountText, Path, description = "From whose auctions")),
    responses((status = 204, description = "Lifted, and on disk"), Refused)
)]
#[delete("/v1/bans/{bidder}/sellers/{seller}")]
pub(super) async fn unban_by_seller(
    here: Here,
    bidder: OfBidder,
    seller: OfSeller,
    _body: Body<Nothing>,
) -> Result<HttpResponse, Problem> {
    lifted(wide(&here, WideBan { bidder: bidder.0, seller: Some(seller.0), ban: None }).await?)
}

/// Bans a bidder from one auction.
#[utoipa::path(
    tag = "bans", request_body = Option<NewBan>,
    params(("bidder" = AccountText, Path, description = "Who"), ("auction" = AuctionText, Path, description = "From which auction")),
    responses((status = 201, description = "In force, and on disk"), (status = 204, description = "It was in force already"), Refused)
)]
#[put("/v1/bans/{bidder}/auctions/{auction}")]
pub(super) async fn ban_in_auction(
    here: Here,
    bidder: OfBidder,
    auction: InAuction,
    body: Body<NewBan>,
) -> Result<HttpResponse, Problem> {
    let standings = body.value.standing_bids;
    let command = Command::Ban { bidder: bidder.0, standing: standings.into() };
    banned(here.0.decide(auction.0, command).await?, standings)
}

/// Lifts a ban from one auction.
#[utoipa::path(
    tag = "bans",
    params(("bidder" = AccountText, Path, description = "Who"), ("auction" = AuctionText, Path, description = "From which auction")),
    responses((status = 204, description = "Lifted, and on disk"), Refused)
)]
#[delete("/v1/bans/{bidder}/auctions/{auction}")]
pub(super) async fn unban_in_auction(
    here: Here,
    bidder: OfBidder,
    auction: InAuction,
    _body: Body<Nothing>,
) -> Result<HttpResponse, Problem> {
    lifted(here.0.decide(auction.0, Command::Unban { bidder: bidder.0 }).await?)
}

/// Carries a ban of wider scope out in all shards.
async fn wide(here: &Here, wanted: WideBan) -> Result<Reply, Problem> {
    let turn = Turn::take(&here.0.common)?;
    let engine = here.0.common.server.engine.clone();
    // A task of its own, which goes on when the connection ends: what has begun in one shard must come to all.
    let task = actix_web::rt::spawn(async move {
        let _turn = turn;
        engine.ban(wanted).await
    });
    match task.await {
        Ok(reply) => reply.map_err(|refusal| here.0.refused(refusal)),
        Err(_panicked) => Err(unexpected()),
    }
}

/// One of the places for commands to all shards.
struct Turn(Arc<Common>);

impl Turn {
    fn take(common: &Arc<Common>) -> Result<Self, Problem> {
        let under_way = common.wide.fetch_add(1, Ordering::AcqRel);
        let turn = Self(Arc::clone(common));
        if under_way < WIDE_COMMANDS_MAX {
            return Ok(turn);
        }
        let words =
            format_args!("{WIDE_COMMANDS_MAX} commands to all shards are under way, which is the limit");
        Err(Problem::new(Code::Busy, words).with_status(StatusCode::TOO_MANY_REQUESTS))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.wide.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What `PUT` answers.
fn banned(reply: Reply, standings: Standings) -> Result<HttpResponse, Problem> {
    match (reply, standings) {
        (Reply::Rejected(Rejection::State(_, StateReason::AlreadyBanned)), Standings::Keep) => {
            Ok(HttpResponse::NoContent().finish())
        }
        (Reply::Rejected(rejection), _) => Err(Problem::rejection(&rejection, None)),
        _ => Ok(HttpResponse::Created().finish()),
    }
}

/// What `DELETE` answers.
fn lifted(reply: Reply) -> Result<HttpResponse, Problem> {
    match reply {
        Reply::Rejected(rejection) => Err(Problem::rejection(&rejection, None)),
        _ => Ok(HttpResponse::NoContent().finish()),
    }
}
