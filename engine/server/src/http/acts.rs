//! Everything else that is done to an auction: each is one command, answered when it is on disk.

use super::answers::Entered;
use super::auctions::{done, unexpected};
use super::body::{Body, InAuction};
use super::key::{Key, KeyText};
use super::problem::Problem;
use super::requests::{
    ByBidder, Cancellation, DetailsBody, Done, Extension, NewDetails, NewReserve, Nothing, Removal,
    Retraction,
};
use super::schema::Refused;
use super::text::AuctionText;
use super::worker::{Here, Worker};
use actix_web::{HttpResponse, patch, post};
use gavel_core::{AuctionId, Command, Position, Rejection};
use gavel_engine::Reply;
use gavel_wire::Code;
use std::rc::Rc;
use std::time::Instant;

/// Carries a command out, once for each key.
async fn act<T>(
    here: Here,
    auction: InAuction,
    key: Key,
    body: Body<T>,
    command: impl FnOnce(T) -> Command,
) -> Result<HttpResponse, Problem> {
    let Body { value, asked } = body;
    let command = command(value);
    let position = match key.0 {
        None => carry_out(&here.0, auction.0, command).await?,
        Some(key) => carry_out_once(here.0, auction.0, command, key, asked).await?,
    };
    Ok(done(position))
}

async fn carry_out(
    worker: &Worker,
    auction: AuctionId,
    command: Command,
) -> Result<Option<Position>, Problem> {
    match worker.ask(auction, command).await? {
        Reply::Done(position) => Ok(position),
        _ => Err(unexpected()),
    }
}

async fn carry_out_once(
    worker: Rc<Worker>,
    auction: AuctionId,
    command: Command,
    key: KeyText,
    asked: u128,
) -> Result<Option<Position>, Problem> {
    // A task of its own, which goes on when the connection ends: what is carried out must be remembered.
    let task = actix_web::rt::spawn(async move {
        let common = std::sync::Arc::clone(&worker.common);
        loop {
            match common.answers.enter(key.fingerprint(), asked, Instant::now()) {
                Entered::First(under_way) => {
                    let position = carry_out(&worker, auction, command).await?;
                    under_way.done(position, Instant::now());
                    return Ok(position);
                }
                Entered::Done(position) => return Ok(position),
                // An error is what the receiver says when the first is over.
                Entered::Wait(mut over) => while over.changed().await.is_ok() {},
                Entered::Conflict => return Err(Problem::rejection(&Rejection::IdConflict, None)),
                Entered::Full => {
                    return Err(Problem::new(
                        Code::Busy,
                        "too many requests with an Idempotency-Key are under way",
                    ));
                }
            }
        }
    });
    task.await.unwrap_or_else(|_panicked| Err(unexpected()))
}

macro_rules! acts {
    ($($(#[doc = $doc:literal])* $name:ident, $method:ident $path:literal, $tag:literal, $body:ty [$shown:ty], $value:pat => $command:expr;)*) => {$(
        $(#[doc = $doc])*
        #[utoipa::path(
            tag = $tag,
            request_body = $shown,
            params(
                ("auction" = AuctionText, Path, description = "The auction"),
                ("Idempotency-Key" = Option<String>, Header, description = "Makes a retry the same request, while it is remembered", max_length = 255),
            ),
            responses((status = 200, description = "Carried out, and on disk", body = Done), Refused)
        )]
        #[$method($path)]
        pub(super) async fn $name(here: Here, auction: InAuction, key: Key, body: Body<$body>) -> Result<HttpResponse, Problem> {
            act(here, auction, key, body, |$value| $command).await
        }
    )*};
}

acts! {
    /// Takes one bid back, where the terms allow it.
    retract, post "/v1/auctions/{auction}/retractions", "bidding", Retraction [Retraction],
        Retraction { bid_id, reason } => Command::Retract { bid: bid_id.0, reason };
    /// Removes all bids of one bidder.
    remove, post "/v1/auctions/{auction}/removals", "selling", Removal [Removal],
        Removal { bidder, reason } => Command::Remove { bidder: bidder.0, reason };
    /// Moves the end to a later time.
    extend, post "/v1/auctions/{auction}/extend", "selling", Extension [Extension],
        Extension { ends_at } => Command::Extend { ends_at: ends_at.0 };
    /// Calls the auction off: nobody wins.
    cancel, post "/v1/auctions/{auction}/cancel", "selling", Cancellation [Cancellation],
        Cancellation { reason } => Command::Cancel { reason };
    /// The runner-up takes the second chance.
    accept_offer, post "/v1/auctions/{auction}/offer/accept", "bidding", ByBidder [ByBidder],
        ByBidder { bidder } => Command::AcceptOffer { bidder: bidder.0 };
    /// The runner-up does not take the second chance.
    decline_offer, post "/v1/auctions/{auction}/offer/decline", "bidding", ByBidder [ByBidder],
        ByBidder { bidder } => Command::DeclineOffer { bidder: bidder.0 };
    /// Lowers the reserve price, or drops it.
    lower_reserve, patch "/v1/auctions/{auction}/reserve", "selling", NewReserve [NewReserve],
        NewReserve { amount } => Command::LowerReserve { reserve: amount };
    /// Replaces the details before the first bid, appends to them after it.
    edit, patch "/v1/auctions/{auction}", "selling", NewDetails [DetailsBody],
        NewDetails(details) => Command::Edit { details };
}

macro_rules! acts_without_body {
    ($($(#[doc = $doc:literal])* $name:ident, $path:literal, $tag:literal, $command:expr;)*) => {$(
        $(#[doc = $doc])*
        #[utoipa::path(
            tag = $tag,
            params(
                ("auction" = AuctionText, Path, description = "The auction"),
                ("Idempotency-Key" = Option<String>, Header, description = "Makes a retry the same request, while it is remembered", max_length = 255),
            ),
            responses((status = 200, description = "Carried out, and on disk", body = Done), Refused)
        )]
        #[post($path)]
        pub(super) async fn $name(here: Here, auction: InAuction, key: Key, body: Body<Nothing>) -> Result<HttpResponse, Problem> {
            act(here, auction, key, body, |Nothing {}| $command).await
        }
    )*};
}

acts_without_body! {
    /// Ends the auction now, by the same rules as at its end.
    end, "/v1/auctions/{auction}/end", "selling", Command::End;
    /// The winner has paid.
    paid, "/v1/auctions/{auction}/paid", "selling", Command::Paid;
    /// The winner will not pay: the auction is offered to the runner-up, or is unsold.
    unpaid, "/v1/auctions/{auction}/unpaid", "selling", Command::Unpaid;
}
