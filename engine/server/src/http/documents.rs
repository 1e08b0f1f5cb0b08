//! Queries: what pages show, from the documents. Nobody asks the engine for it, so however many look, bids are decided as fast.
//!
//! Documents are behind the log by some milliseconds. Who has just written something names its position in `Gavel-At-Least`, and is
//! answered once the documents have it.

mod query;
mod shown;

use super::body::{InAuction, OfBidder, OfSeller};
use super::limits::AT_LEAST_WAIT_MS;
use super::problem::Problem;
use super::schema::{DocumentPage, Refused, SellerSums};
use super::text::{AccountText, AuctionText, json};
use crate::documents::Reader;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, get};
use gavel_core::rejection::Missing;
use gavel_core::{AuctionId, Position, Rejection};
use gavel_projector::Collection;
use gavel_projector::documents::auction_id;
use gavel_projector::service::Waited;
use gavel_projector::store::{Filter, Listing, Page, StoreError};
use gavel_wire::Code;
use gavel_wire::request::Shown;
use query::Query;
use std::future::{Ready, ready};
use std::time::Duration;

/// The header that names the least that an answer must know of.
const AT_LEAST: &str = "gavel-at-least";

/// Who answers queries; with the requests of a process that keeps no documents there is nobody.
#[derive(Clone)]
pub(super) struct Reading(pub(super) Reader);

impl FromRequest for Reading {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let here = request.app_data::<Self>().cloned();
        ready(here.ok_or_else(|| {
            let words = "this server keeps no documents: start it with --mongodb URL or --documents embedded, or ask where \
                         `gavel project` runs";
            Problem::new(Code::Unknown, words).with_status(StatusCode::NOT_IMPLEMENTED)
        }))
    }
}

impl Reading {
    /// Waits until the documents have what the request demands.
    ///
    /// # Errors
    /// They don't have it in time, or it is no position.
    async fn wait(&self, request: &HttpRequest) -> Result<(), Problem> {
        let Some(demanded) = request.headers().get(AT_LEAST) else { return Ok(()) };
        let position = Position::parse(demanded.as_bytes()).ok_or_else(|| {
            let shown = Shown::new(demanded.as_bytes());
            Problem::invalid(format_args!("Gavel-At-Least must be a position such as 3-1-42, got {shown}"))
        })?;
        let progress = self.0.projector().progress();
        let words = match progress.wait_for(position, Duration::from_millis(AT_LEAST_WAIT_MS)).await {
            Waited::There => return Ok(()),
            Waited::Behind { known } => {
                format!(
                    "the documents of shard {} are at {known} and do not have {position} yet",
                    position.shard
                )
            }
            Waited::NoShard => format!("there are no documents of shard {} (yet)", position.shard),
        };
        Err(Problem::new(Code::Busy, words))
    }

    async fn list(&self, listing: Listing, query: &Query) -> Result<Page, Problem> {
        let paging = query.paging()?;
        Ok(self.0.ask(|store| async move { store.list(&listing, &paging).await }).await?)
    }

    /// An auction's document.
    ///
    /// # Errors
    /// There is none.
    async fn auction(&self, auction: AuctionId) -> Result<bson::RawDocumentBuf, Problem> {
        let ids = [auction_id(auction)];
        let ask = |store: std::sync::Arc<dyn gavel_projector::store::Store>| async move {
            store.load(Collection::Auctions, &ids).await
        };
        let missing = Rejection::NotFound(Missing::Auction);
        self.0.ask(ask).await?.pop().ok_or_else(|| Problem::new(Code::of(&missing), &missing))
    }
}

/// What the store says, as a problem: whether it is the request's fault, or the store's.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unsupported { .. } => {
                Self::new(Code::Unknown, error).with_status(StatusCode::NOT_IMPLEMENTED)
            }
            StoreError::After(error) => Self::invalid(error),
            error => {
                tracing::warn!(%error, "a query was not answered");
                Self::new(Code::Busy, error)
            }
        }
    }
}

fn answer(body: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("Cache-Control", "no-cache"))
        .content_type("application/json")
        .body(body)
}

fn page(page: &Page) -> Result<HttpResponse, Problem> {
    let items: Result<Vec<_>, _> = page.documents.iter().map(|document| shown::json(document)).collect();
    let next = page.next.as_ref().map(ToString::to_string);
    let items = items.map_err(|error| damaged(&error))?;
    Ok(answer(json(&serde_json::json!({ "items": items, "next": next }))))
}

fn damaged(error: &bson::error::Error) -> Problem {
    tracing::warn!(%error, "a document can't be shown");
    Problem::new(
        Code::Busy,
        format_args!("a document can't be shown: {error}; it can be made again from the log"),
    )
}

/// An auction's document: everything that its page shows, in one look-up.
///
/// Here, and where the path has `?view=document` beside the engine.
pub(super) async fn document(
    reading: &Reading,
    auction: AuctionId,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    reading.wait(request).await?;
    let document = reading.auction(auction).await?;
    Ok(answer(json(&shown::json(&document).map_err(|error| damaged(&error))?)))
}

/// Lists auctions.
///
/// Keyset paging: `next` of one page is `after` of the following one, with the same filters and order. The embedded store lists by state,
/// by seller and by end only, and answers 501 to everything else.
#[utoipa::path(
    tag = "reading",
    params(
        ("state" = Option<String>, Query, description = "Those in this state: scheduled, open, awarded, offered, closed, unsold or cancelled"),
        ("seller" = Option<String>, Query, description = "Those of this seller"),
        ("category" = Option<String>, Query, description = "Those in this category: the text `category` of the details"),
        ("price_min" = Option<String>, Query, description = "Those that cost at least this, in the minor unit"),
        ("price_max" = Option<String>, Query, description = "Those that cost at most this, in the minor unit"),
        ("q" = Option<String>, Query, description = "Those whose title or description has one of these words"),
        ("sort" = Option<String>, Query, description = "ends_at (unless said), newest, price or bids"),
        ("limit" = Option<String>, Query, description = "How many at a time, 1 to 200; 50 unless said"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("Gavel-At-Least" = Option<String>, Header, description = "A position that the documents must have"),
    ),
    responses((status = 200, description = "A page of documents", body = DocumentPage), (status = 501, description = "The embedded store can't, or there are no documents", body = super::problem::Body, content_type = "application/problem+json"), Refused)
)]
#[get("/v1/auctions")]
pub(super) async fn list(reading: Reading, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let query = Query::of(&request, query::SEARCH)?;
    let listing = Listing::Auctions(query.search(Filter::default())?);
    reading.wait(&request).await?;
    page(&reading.list(listing, &query).await?)
}

/// Lists the accepted bids of an auction, latest first.
///
/// With pseudonyms, and without secret maxima: for everybody.
#[utoipa::path(
    tag = "reading",
    params(
        ("auction" = AuctionText, Path, description = "The auction"),
        ("limit" = Option<String>, Query, description = "How many at a time, 1 to 200; 50 unless said"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("Gavel-At-Least" = Option<String>, Header, description = "A position that the documents must have"),
    ),
    responses((status = 200, description = "A page of documents", body = DocumentPage), (status = 501, description = "There are no documents", body = super::problem::Body, content_type = "application/problem+json"), Refused)
)]
#[get("/v1/auctions/{auction}/bids")]
pub(super) async fn bids(
    reading: Reading,
    auction: InAuction,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let query = Query::of(&request, query::PAGING)?;
    reading.wait(&request).await?;
    let found = reading.list(Listing::BidsOfAuction(auction.0), &query).await?;
    if found.documents.is_empty() {
        // None of an auction that there is, or of none.
        reading.auction(auction.0).await?;
    }
    page(&found)
}

/// Lists how a bidder stands in each auction, the one where they bid last first.
///
/// With the bidder's own secret maxima: for that bidder alone.
#[utoipa::path(
    tag = "reading",
    params(
        ("bidder" = AccountText, Path, description = "The bidder"),
        ("limit" = Option<String>, Query, description = "How many at a time, 1 to 200; 50 unless said"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("Gavel-At-Least" = Option<String>, Header, description = "A position that the documents must have"),
    ),
    responses((status = 200, description = "A page of documents", body = DocumentPage), (status = 501, description = "There are no documents", body = super::problem::Body, content_type = "application/problem+json"), Refused)
)]
#[get("/v1/bidders/{bidder}/bids")]
pub(super) async fn bids_of_bidder(
    reading: Reading,
    bidder: OfBidder,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let query = Query::of(&request, query::PAGING)?;
    reading.wait(&request).await?;
    page(&reading.list(Listing::BidsOfBidder(bidder.0), &query).await?)
}

/// Lists a seller's auctions.
#[utoipa::path(
    tag = "reading",
    params(
        ("seller" = AccountText, Path, description = "The seller"),
        ("sort" = Option<String>, Query, description = "newest (unless said), ends_at, price or bids"),
        ("limit" = Option<String>, Query, description = "How many at a time, 1 to 200; 50 unless said"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("Gavel-At-Least" = Option<String>, Header, description = "A position that the documents must have"),
    ),
    responses((status = 200, description = "A page of documents", body = DocumentPage), (status = 501, description = "The embedded store can't, or there are no documents", body = super::problem::Body, content_type = "application/problem+json"), Refused)
)]
#[get("/v1/sellers/{seller}/auctions")]
pub(super) async fn auctions_of_seller(
    reading: Reading,
    seller: OfSeller,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let query = Query::of(&request, query::SORTED)?;
    let search = query.search(Filter { seller: Some(seller.0), ..Filter::default() })?;
    reading.wait(&request).await?;
    page(&reading.list(Listing::Auctions(search), &query).await?)
}

/// Says how a seller's auctions have come out so far.
#[utoipa::path(
    tag = "reading",
    params(
        ("seller" = AccountText, Path, description = "The seller"),
        ("Gavel-At-Least" = Option<String>, Header, description = "A position that the documents must have"),
    ),
    responses((status = 200, description = "Counts of auctions, all shards together", body = SellerSums), (status = 501, description = "There are no documents", body = super::problem::Body, content_type = "application/problem+json"), Refused)
)]
#[get("/v1/sellers/{seller}")]
pub(super) async fn sums_of_seller(
    reading: Reading,
    seller: OfSeller,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    reading.wait(&request).await?;
    let of_shards = reading.0.ask(|store| async move { store.seller(seller.0).await }).await?;
    Ok(answer(json(&shown::sums(seller.0, &of_shards)?)))
}

/// An auction's document, where there is no engine beside it.
#[utoipa::path(
    tag = "reading",
    params(
        ("auction" = AuctionText, Path, description = "The auction"),
        ("Gavel-At-Least" = Option<String>, Header, description = "A position that the documents must have"),
    ),
    responses((status = 200, description = "Its document", body = Object), Refused)
)]
#[get("/v1/auctions/{auction}")]
pub(super) async fn show(
    reading: Reading,
    auction: InAuction,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    document(&reading, auction.0, &request).await
}
