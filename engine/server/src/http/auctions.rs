//! Auctions: opening, looking, bidding.

use super::body::{Body, FromBody, InAuction};
use super::documents::{self, Reading};
use super::key::Key;
use super::problem::Problem;
use super::requests::{BidReceipt, ByBidder, Done, NewBid};
use super::schema::{Auction, Refused, Terms};
use super::text::{AuctionText, PositionText, json};
use super::worker::{Here, Worker};
use actix_web::http::header;
use actix_web::{FromRequest as _, HttpRequest, HttpResponse, get, post};
use gavel_core::{AuctionId, Command};
use gavel_engine::{LiveAuction, Opening, Reply};
use gavel_wire::terms::TermsRequest;
use gavel_wire::{Code, view_json};

/// The terms of a new auction, as over RESP.
pub(super) struct NewAuction(TermsRequest);

impl FromBody for NewAuction {
    fn from_body(body: &[u8]) -> Result<Self, Problem> {
        Ok(Self(TermsRequest::parse(body)?))
    }
}

/// Opens an auction.
///
/// With an `Idempotency-Key`, sent again it opens nothing twice: the first answer is given again, for as long as the auction is in
/// memory, also after a restart.
#[utoipa::path(
    tag = "auctions",
    request_body = Terms,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a retry the same request", max_length = 255)),
    responses((status = 201, description = "Open, and on disk", body = Auction, headers(("Location" = String, description = "Where it can be seen"))), Refused)
)]
#[post("/v1/auctions")]
pub(super) async fn open(here: Here, key: Key, body: Body<NewAuction>) -> Result<HttpResponse, Problem> {
    let (id, NewAuction(terms)) = (key.open_id(), body.value);
    let judge = |received| Opening { id, digest: terms.digest(), judged: terms.validate(id, received) };
    let Reply::Opened(auction, _) = here.0.open(judge).await? else { return Err(unexpected()) };
    let live = here.0.live(auction)?;
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/v1/auctions/{auction}")))
        .content_type("application/json")
        .body(shown(&live)))
}

/// Shows an auction's present state.
///
/// It is durable: what is seen here is never lost. Nobody is asked for it, so looking does not delay bidding.
#[utoipa::path(
    tag = "auctions",
    params(
        ("auction" = AuctionText, Path, description = "The auction"),
        ("view" = Option<String>, Query, description = "`document`: its document, with details, latest bids and timeline, instead of its state; also once it has left the engine's memory"),
        ("Gavel-At-Least" = Option<String>, Header, description = "With `view=document`: a position that the document must have"),
    ),
    responses(
        (status = 200, description = "Its state", body = Auction, headers(("ETag" = String, description = "Changes with every event"))),
        (status = 304, description = "Not changed since `If-None-Match`"),
        Refused,
    )
)]
#[get("/v1/auctions/{auction}")]
pub(super) async fn show(
    here: Here,
    auction: InAuction,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    match request.query_string() {
        "" => {}
        "view=document" => {
            return documents::document(&Reading::extract(&request).await?, auction.0, &request).await;
        }
        other => {
            let shown = gavel_wire::request::Shown::new(other.as_bytes());
            return Err(Problem::invalid(format_args!(
                "behind the `?`, view=document is allowed, got {shown}"
            )));
        }
    }
    let live = here.0.live(auction.0)?;
    let tag = format!("\"{}\"", live.view().position);
    let is_known = request.headers().get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    if is_known
        .is_some_and(|known| known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag))
    {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, tag)).finish());
    }
    Ok(HttpResponse::Ok()
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .content_type("application/json")
        .body(shown(&live)))
}

/// Bids.
///
/// Answered when it is on disk. With an `Idempotency-Key`, sent again it is the same bid and gets its first answer again, also after
/// a restart; a refused bid is judged anew.
#[utoipa::path(
    tag = "bidding",
    request_body = NewBid,
    params(
        ("auction" = AuctionText, Path, description = "The auction"),
        ("Idempotency-Key" = Option<String>, Header, description = "Becomes the bid's id: a UUID as it is, other text by a hash", max_length = 255),
    ),
    responses((status = 200, description = "Accepted, and on disk", body = BidReceipt), Refused)
)]
#[post("/v1/auctions/{auction}/bids")]
pub(super) async fn bid(
    here: Here,
    auction: InAuction,
    key: Key,
    body: Body<NewBid>,
) -> Result<HttpResponse, Problem> {
    let NewBid { bidder, amount } = body.value;
    place(&here.0, auction.0, Command::Bid { bidder: bidder.0, amount, id: key.bid_id() }).await
}

/// Takes an auction at its buy-now price.
#[utoipa::path(
    tag = "bidding",
    request_body = ByBidder,
    params(
        ("auction" = AuctionText, Path, description = "The auction"),
        ("Idempotency-Key" = Option<String>, Header, description = "Becomes the purchase's id: a UUID as it is, other text by a hash", max_length = 255),
    ),
    responses((status = 200, description = "Sold, and on disk", body = BidReceipt), Refused)
)]
#[post("/v1/auctions/{auction}/buy-now")]
pub(super) async fn buy_now(
    here: Here,
    auction: InAuction,
    key: Key,
    body: Body<ByBidder>,
) -> Result<HttpResponse, Problem> {
    place(&here.0, auction.0, Command::BuyNow { bidder: body.value.bidder.0, id: key.bid_id() }).await
}

/// Sends a bid or purchase, and answers with its receipt.
async fn place(worker: &Worker, auction: AuctionId, command: Command) -> Result<HttpResponse, Problem> {
    let Reply::Receipt(receipt) = worker.ask(auction, command).await? else { return Err(unexpected()) };
    let currency = worker.common.server.engine.live(auction).map(|live| live.terms().currency);
    Ok(HttpResponse::Ok().content_type("application/json").body(json(&BidReceipt::new(&receipt, currency))))
}

/// A command other than a bid was carried out.
pub(super) fn done(position: Option<gavel_core::Position>) -> HttpResponse {
    let position = position.map(PositionText);
    HttpResponse::Ok().content_type("application/json").body(json(&Done { position }))
}

/// The state as it is shown, here and to subscribers.
pub(super) fn shown(live: &LiveAuction) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    view_json::auction(&mut out, live.id(), live.terms(), &live.view());
    out
}

/// The engine has answered something else than was asked.
pub(super) fn unexpected() -> Problem {
    Problem::new(Code::Busy, "the engine's answer belongs to another request; this is a defect")
}
