//! Bodies and paths of requests, checked: media type, size, time, content.

use super::answers::Fingerprint;
use super::key;
use super::limits::{BODY_BYTES_MAX, BODY_S};
use super::problem::Problem;
use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpRequest};
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use gavel_core::{AccountId, AuctionId, ConsumerName};
use gavel_wire::Code;
use serde::de::DeserializeOwned;
use std::future::{Ready, poll_fn, ready};
use std::pin::Pin;
use std::time::Duration;

/// The body of a request, read as JSON.
pub(super) struct Body<T> {
    pub(super) value: T,
    /// Of method, path and body, where the request has an `Idempotency-Key`; else 0.
    pub(super) asked: Fingerprint,
}

/// What a body can be read as.
pub(super) trait FromBody: Sized {
    /// True where no body at all means the same as an empty object.
    const MAY_BE_ABSENT: bool = false;

    /// Reads a whole body.
    ///
    /// # Errors
    /// What is wrong with it, and what is allowed.
    fn from_body(body: &[u8]) -> Result<Self, Problem>;
}

/// Reads JSON into what serde knows how to read.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::invalid(format_args!("the body is not what it must be: {error}")))
}

/// The media type without its parameters.
fn media_type(request: &HttpRequest) -> Option<&str> {
    let text = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next().unwrap_or_default().trim())
}

/// Refuses a body of another media type than one of these. `is_there` is false for no body at all.
///
/// # Errors
/// 415, with what is allowed.
pub(super) fn check_media_type(request: &HttpRequest, allowed: &[&str]) -> Result<(), Problem> {
    let given = media_type(request);
    if given.is_some_and(|given| allowed.iter().any(|allowed| given.eq_ignore_ascii_case(allowed))) {
        return Ok(());
    }
    let given = given.map_or_else(
        || "none".to_owned(),
        |given| gavel_wire::request::Shown::new(given.as_bytes()).to_string(),
    );
    let words = format_args!("Content-Type must be {}, got {given}", allowed.join(" or "));
    Err(Problem::invalid(words).with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE))
}

/// The body is larger than allowed.
pub(super) fn too_large() -> Problem {
    Problem::new(Code::TooLarge, format_args!("a body has at most {BODY_BYTES_MAX} bytes"))
        .with_status(StatusCode::PAYLOAD_TOO_LARGE)
}

/// The next piece of a body.
pub(super) async fn next(payload: &mut Payload) -> Option<Result<Bytes, actix_web::error::PayloadError>> {
    poll_fn(|context| Pin::new(&mut *payload).poll_next(context)).await
}

/// A whole body, within its bounds.
async fn read(mut payload: Payload) -> Result<Bytes, Problem> {
    let mut all: Option<BytesMut> = None;
    let mut first = Bytes::new();
    while let Some(piece) = next(&mut payload).await {
        let piece =
            piece.map_err(|error| Problem::invalid(format_args!("the body can't be read: {error}")))?;
        let read = all.as_ref().map_or(first.len(), BytesMut::len);
        if read + piece.len() > BODY_BYTES_MAX {
            return Err(too_large());
        }
        match &mut all {
            // Nearly every body comes in one piece.
            None if first.is_empty() => first = piece,
            None => {
                let mut bytes = BytesMut::from(&first[..]);
                bytes.extend_from_slice(&piece);
                all = Some(bytes);
            }
            Some(bytes) => bytes.extend_from_slice(&piece),
        }
    }
    Ok(all.map_or(first, BytesMut::freeze))
}

async fn read_in_time(payload: Payload) -> Result<Bytes, Problem> {
    match tokio::time::timeout(Duration::from_secs(BODY_S), read(payload)).await {
        Ok(body) => body,
        Err(_) => Err(Problem::invalid(format_args!("the body did not come within {BODY_S} s"))
            .with_status(StatusCode::REQUEST_TIMEOUT)),
    }
}

/// What the head says of the body.
fn check_head(request: &HttpRequest) -> Result<(), Problem> {
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > BODY_BYTES_MAX as u64) { Err(too_large()) } else { Ok(()) }
}

impl<T: FromBody + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            check_head(&request)?;
            if !T::MAY_BE_ABSENT {
                check_media_type(&request, &["application/json"])?;
            }
            let bytes = read_in_time(payload).await?;
            if T::MAY_BE_ABSENT && !bytes.is_empty() {
                check_media_type(&request, &["application/json"])?;
            }
            let has_key = request.headers().contains_key(key::HEADER);
            let asked = if has_key { key::asked(&request, &bytes) } else { 0 };
            let body: &[u8] = if T::MAY_BE_ABSENT && bytes.is_empty() { b"{}" } else { &bytes };
            Ok(Self { value: T::from_body(body)?, asked })
        })
    }
}

/// The auction that the path names.
pub(super) struct InAuction(pub(super) AuctionId);

/// The bidder that the path names.
pub(super) struct OfBidder(pub(super) AccountId);

/// The seller that the path names.
pub(super) struct OfSeller(pub(super) AccountId);

/// The consumer that the path names.
pub(super) struct OfConsumer(pub(super) ConsumerName);

/// Reads one part of the path.
fn part<T: super::text::FromText>(request: &HttpRequest, name: &str) -> Result<T, Problem> {
    let text = request.match_info().get(name).unwrap_or_default();
    T::from_text(text).ok_or_else(|| {
        let shown = gavel_wire::request::Shown::new(text.as_bytes());
        Problem::invalid(format_args!("{name} in the path must be {}, got {shown}", T::MUST))
    })
}

macro_rules! from_path {
    ($($type:ident $name:literal;)*) => {$(
        impl FromRequest for $type {
            type Error = Problem;
            type Future = Ready<Result<Self, Problem>>;

            fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
                ready(part(request, $name).map(Self))
            }
        }
    )*};
}
from_path! {
    InAuction "auction";
    OfBidder "bidder";
    OfSeller "seller";
    OfConsumer "consumer";
}
