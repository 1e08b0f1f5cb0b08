//! `POST /v1/bids`: a stream of bids in, a stream of answers out, in the same order, each as soon as it is on disk.
//!
//! - A line that is no bid is answered in its place, and the rest goes on.
//! - Bounded: as many bids are under way as a connection has credit for, at most [`STREAM_BIDS_MAX`]. Beyond them the stream is not
//!   read on: so a client that does not read its answers only slows itself down.

use super::body::check_media_type;
use super::key::{Key, KeyText};
use super::limits::{LINE_BYTES_MAX, STREAM_BIDS_MAX, STREAM_OUTPUT_BYTES, STREAM_SILENT_S};
use super::lines::{Line, Lines};
use super::problem::Problem;
use super::requests::{BidLine, BidReceipt};
use super::schema::{LineAnswer, Refused};
use super::text::json;
use super::worker::Here;
use crate::session::slots::{Slot, Slots};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use bytes::Bytes;
use futures_core::Stream;
use gavel_core::{AuctionId, Command};
use gavel_engine::{AuctionCommand, Handle, Phase, Port, Refusal, Reply};
use gavel_wire::Code;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

/// The media type of the answers; of the bids, the first of those that are allowed.
const NDJSON: &str = "application/x-ndjson";
/// What the answers come as.
pub(super) const PRODUCES: [&str; 1] = [NDJSON];
const ALLOWED: [&str; 3] = [NDJSON, "application/ndjson", "application/jsonl"];

/// Places bids, one JSON object for each line, and answers them line by line in the same order while they come.
///
/// Read the answers while you write: beyond 1,024 bids whose answers were not taken, the stream is not read on. With an
/// `Idempotency-Key`, a bid without an id of its own gets that of the key and its line, so that the whole stream can be sent again.
#[utoipa::path(
    tag = "bidding",
    request_body(content = BidLine, content_type = "application/x-ndjson", description = "One bid for each line"),
    params(("Idempotency-Key" = Option<String>, Header, description = "With its number of the line: the id of each bid that has none", max_length = 255)),
    responses((status = 200, description = "One answer for each line that is not blank, in order", body = LineAnswer, content_type = "application/x-ndjson"), Refused)
)]
#[post("/v1/bids")]
pub(super) async fn stream(
    here: Here,
    key: Key,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    check_media_type(&request, &ALLOWED)?;
    let engine = &here.0.common.server.engine;
    if engine.phase() == Phase::Loading {
        return Err(Refusal::Loading.into());
    }
    let stream = BidStream::new(engine.clone(), key.0, payload.into_inner());
    Ok(HttpResponse::Ok().content_type(NDJSON).streaming(stream))
}

/// The answers to a stream of bids, as they come.
struct BidStream {
    engine: Handle,
    key: Option<KeyText>,
    payload: Payload,
    has_ended: bool,
    lines: Lines,
    /// Lines read.
    line: u64,
    port: Port,
    slots: Slots,
    /// Of every slot: its line and its auction.
    places: VecDeque<(u64, Option<AuctionId>)>,
    output: Vec<u8>,
    silence: Pin<Box<Sleep>>,
}

impl BidStream {
    fn new(engine: Handle, key: Option<KeyText>, payload: Payload) -> Self {
        Self {
            port: engine.port(),
            engine,
            key,
            payload,
            has_ended: false,
            lines: Lines::default(),
            line: 0,
            slots: Slots::default(),
            places: VecDeque::new(),
            output: Vec::new(),
            silence: Box::pin(tokio::time::sleep(Duration::from_secs(STREAM_SILENT_S))),
        }
    }

    fn has_room(&self) -> bool {
        self.places.len() < STREAM_BIDS_MAX.min(self.port.credit())
    }

    /// Takes the lines on that are here, and sends the bids among them off. False when there was none.
    fn take_lines(&mut self) -> bool {
        let mut took_some = false;
        let received = self.port.receive();
        while self.has_room()
            && let Some(line) = self.lines.next(self.has_ended)
        {
            (took_some, self.line) = (true, self.lines.number());
            match self.read(line) {
                Ok(bid) => {
                    let auction = bid.auction;
                    match self.port.push(self.slots.next(), received, bid) {
                        Ok(()) => self.put(Some(auction), Slot::Waiting),
                        Err(refusal) => {
                            self.engine.count_busy(1);
                            self.put_problem(&refusal.into());
                        }
                    }
                }
                Err(problem) => self.put_problem(&problem),
            }
        }
        self.port.flush();
        took_some
    }

    fn read(&self, line: Line) -> Result<AuctionCommand, Problem> {
        let Line::Whole(line) = line else {
            return Err(Problem::new(
                Code::TooLarge,
                format_args!("a line has at most {LINE_BYTES_MAX} bytes"),
            ));
        };
        let BidLine { auction, bidder, amount, id } = serde_json::from_slice(&line)
            .map_err(|error| Problem::invalid(format_args!("the line is no bid: {error}")))?;
        let of_line = || self.key.as_ref().map(|key| key.bid_id_of_line(self.line));
        let id = id.map(|id| id.0).or_else(of_line);
        Ok(AuctionCommand { auction: auction.0, command: Command::Bid { bidder: bidder.0, amount, id } })
    }

    fn put(&mut self, auction: Option<AuctionId>, slot: Slot) {
        self.slots.push(slot);
        self.places.push_back((self.line, auction));
    }

    fn put_problem(&mut self, problem: &Problem) {
        let bytes = json(problem.body()).into_bytes().into_boxed_slice();
        self.put(None, Slot::Bytes(bytes));
    }

    /// Moves the answers to the output whose turn has come.
    fn drain(&mut self) {
        while self.output.len() < STREAM_OUTPUT_BYTES
            && let Some(slot) = self.slots.pop()
        {
            let Some((line, auction)) = self.places.pop_front() else { return };
            let body = match slot {
                Slot::Reply(reply) => self.shown(&reply, auction).into_bytes(),
                Slot::Bytes(bytes) => bytes.into_vec(),
                Slot::Waiting => return,
            };
            // The object begins with the line's number.
            self.output.extend_from_slice(format!("{{\"line\":{line},").as_bytes());
            self.output.extend_from_slice(body.get(1..).unwrap_or_default());
            self.output.push(b'\n');
        }
    }

    fn shown(&self, reply: &Reply, auction: Option<AuctionId>) -> String {
        let live = auction.and_then(|auction| self.engine.live(auction));
        match reply {
            Reply::Receipt(receipt) => {
                json(&BidReceipt::new(receipt, live.map(|live| live.terms().currency)))
            }
            Reply::Rejected(rejection) => json(Problem::rejection(rejection, live.as_deref()).body()),
            Reply::Opened(..) | Reply::Done(_) => json(super::auctions::unexpected().body()),
        }
    }

    fn take_answers(&mut self, context: &mut Context<'_>) {
        while self.port.under_way() > 0
            && let Poll::Ready(Some(answers)) = self.port.poll_answers(context)
        {
            self.port.delivered(answers.given_at, answers.replies.len());
            for (ticket, reply) in answers.replies {
                self.slots.fill(ticket, Slot::Reply(reply));
            }
        }
    }

    /// Reads on. `Pending` when nothing is there.
    fn poll_input(&mut self, context: &mut Context<'_>) -> Poll<Result<(), PayloadError>> {
        match Pin::new(&mut self.payload).poll_next(context) {
            Poll::Ready(Some(piece)) => self.lines.push(&piece?),
            Poll::Ready(None) => self.has_ended = true,
            Poll::Pending => return self.poll_silence(context).map(Ok),
        }
        self.silence.as_mut().reset(tokio::time::Instant::now() + Duration::from_secs(STREAM_SILENT_S));
        Poll::Ready(Ok(()))
    }

    /// The stream is silent: once too long, that is said, and it ends.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.places.is_empty() || self.silence.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.has_ended = true;
        self.line += 1;
        let words = format_args!("no line has come for {STREAM_SILENT_S} s");
        self.put_problem(&Problem::invalid(words).with_status(StatusCode::REQUEST_TIMEOUT));
        Poll::Ready(())
    }
}

impl Stream for BidStream {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            this.take_answers(context);
            this.drain();
            if !this.output.is_empty() {
                return Poll::Ready(Some(Ok(std::mem::take(&mut this.output).into())));
            }
            if this.has_room() && this.take_lines() {
                continue;
            }
            if this.has_ended && this.places.is_empty() {
                return Poll::Ready(None);
            }
            if this.has_ended || !this.has_room() {
                return Poll::Pending;
            }
            match this.poll_input(context) {
                Poll::Ready(Ok(())) => {}
                // What was not read whole is not answered as if it had been: the connection ends in the middle.
                Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
