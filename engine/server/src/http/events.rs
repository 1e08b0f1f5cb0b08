//! `GET /v1/auctions/{auction}/events`: an auction as server-sent events.
//!
//! ```text
//! retry: 2000
//!
//! event: gap | change …        with Last-Event-ID only: what was missed, or that it can't be told
//!
//! event: state                 the present state, then each later one; states that come faster than they can be told are one
//! id: 3-1-42                   the position of the auction's latest event: what Last-Event-ID resumes from
//! data: {"id":"20261122-003-00000042","state":"open",…}
//!
//! : heartbeat                  every 15 s in which there is nothing else to say
//! ```

use super::body::InAuction;
use super::feed::Subscription;
use super::limits::RECONNECT_MS;
use super::problem::Problem;
use super::resume::{self, Missed};
use super::schema::Refused;
use super::text::AuctionText;
use super::worker::{Common, Here};
use crate::session::limits::ALL_SUBSCRIPTIONS_MAX;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get};
use bytes::Bytes;
use futures_core::Stream;
use gavel_wire::Code;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

/// The media type of event streams.
pub(super) const EVENT_STREAM: &str = "text/event-stream";
/// The header by which a client that comes back says what it has seen.
const LAST_EVENT_ID: &str = "last-event-id";

/// Streams an auction's states as server-sent events: the present one first, then each change.
///
/// Events are `state` (the same JSON as `GET` of the auction), and for a client that comes back with `Last-Event-ID`: `change` for
/// everything that has happened since, or `gap` where that can't be told any more, and then `state`. What is sent is durable.
#[utoipa::path(
    tag = "auctions",
    params(
        ("auction" = AuctionText, Path, description = "The auction"),
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that the client has seen"),
    ),
    responses((status = 200, description = "Events, until either side ends it", content_type = "text/event-stream", body = String), Refused)
)]
#[get("/v1/auctions/{auction}/events")]
pub(super) async fn watch(
    here: Here,
    auction: InAuction,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let last = match request.headers().get(LAST_EVENT_ID) {
        Some(text) => Some(resume::position(text.as_bytes())?),
        None => None,
    };
    let live = here.0.live(auction.0)?;
    let counted = Counted::new(&here.0.common)?;
    let engine = &here.0.common.server.engine;
    // From here on nothing is missed: what happens while the log is read comes with the first state.
    let missed = match last {
        Some(last) => resume::missed(&here.0.common, last, &live).await,
        None => Missed::default(),
    };
    let start = Bytes::from(format!("retry: {RECONNECT_MS}\n\n"));
    let events = Events {
        start: Some(start),
        missed,
        states: here.0.feeds.subscribe(&live, engine),
        _counted: counted,
    };
    Ok(HttpResponse::Ok()
        .content_type(EVENT_STREAM)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Proxies that gather what they pass on must not gather this.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(events))
}

/// One of the subscriptions of the process.
struct Counted(Arc<Common>);

impl Counted {
    fn new(common: &Arc<Common>) -> Result<Self, Problem> {
        let others = common.server.subscriptions.fetch_add(1, Ordering::Relaxed);
        let counted = Self(Arc::clone(common));
        if others < ALL_SUBSCRIPTIONS_MAX {
            return Ok(counted);
        }
        let words = format_args!("{ALL_SUBSCRIPTIONS_MAX} subscriptions are the most that the server holds");
        Err(Problem::new(Code::Busy, words))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.server.subscriptions.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What one connection is sent.
struct Events {
    start: Option<Bytes>,
    missed: Missed,
    states: Subscription,
    _counted: Counted,
}

impl Stream for Events {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(piece) = this.start.take().or_else(|| this.missed.next()) {
            return Poll::Ready(Some(Ok(piece)));
        }
        this.states.poll_next(context).map(|event| event.map(Ok))
    }
}
