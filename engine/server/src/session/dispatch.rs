//! What is done for each request: sent to a shard, asked of all shards, or answered on the spot.

use super::limits::{ALL_SUBSCRIPTIONS_MAX, SUBSCRIPTIONS_MAX, WIDE_COMMANDS_MAX};
use super::slots::Slot;
use super::{Session, encode};
use crate::info;
use gavel_core::placement::PlacementChange;
use gavel_core::rejection::Missing;
use gavel_core::{AuctionId, Command, Rejection, ShardId, Timestamp};
use gavel_engine::{
    AuctionCommand, ChangeError, Handle, LiveAuction, Opening, Phase, PushedOpening, Refusal, Ticket, WideBan,
};
use gavel_wire::reply::{self, ServerInfo};
use gavel_wire::request::{ClientRequest, Hello, OpenRequest, ShardsRequest};
use gavel_wire::{Code, Protocol, Request, view_json};
use std::fmt::Display;
use std::sync::Arc;
use tokio::task::JoinError;

impl Session {
    /// Takes one request on. Its reply, now or later, has the next place in the order.
    pub(super) fn dispatch(&mut self, request: Request, received: Timestamp) {
        if self.listens_only() && !allowed_while_subscribed(&request) {
            let words = "with subscriptions, or while following, RESP2 allows SUBSCRIBE, UNSUBSCRIBE, FOLLOW, ACK, PING and QUIT only; HELLO 3 lifts this";
            return self.answer_error(Code::State, &words);
        }
        match request {
            Request::Bid { auction, bidder, amount, id } => {
                self.submit(auction, Command::Bid { bidder, amount, id }, received);
            }
            Request::BuyNow { auction, bidder, id } => {
                self.submit(auction, Command::BuyNow { bidder, id }, received);
            }
            Request::Act(act) => self.submit(act.auction, act.command, received),
            Request::Open(open) => self.open(*open, received),
            Request::Get(auction) => self.get(auction),
            Request::Ban(ban) => {
                self.ban(WideBan { bidder: ban.bidder, seller: ban.seller, ban: Some(ban.standing) });
            }
            Request::Unban(ban) => self.ban(WideBan { bidder: ban.bidder, seller: ban.seller, ban: None }),
            Request::Subscribe(auctions) => self.subscribe(&auctions),
            Request::Unsubscribe(auctions) => self.unsubscribe(&auctions),
            Request::Shards(request) => self.shards(*request),
            Request::Follow(request) => self.follow(*request),
            Request::Ack(position) => self.acknowledge(position),
            Request::Consumers(request) => self.consumers(*request),
            Request::Info(section) => self.info(section),
            other => self.service(other),
        }
    }

    /// Requests about the connection itself.
    fn service(&mut self, request: Request) {
        let protocol = self.protocol;
        match request {
            Request::Hello(hello) => self.hello(*hello),
            Request::Ping(message) => self.ping(message.as_deref()),
            Request::Echo(message) => self.answer(|out| reply::bulk(out, &message)),
            Request::Quit => {
                self.answer(reply::ok);
                self.ending = true;
            }
            Request::Select => self.answer(reply::ok),
            Request::Command(query) => self.answer(|out| reply::catalogue(out, &query, protocol)),
            Request::Client(request) => self.client(*request),
            // `dispatch` has taken all others.
            _ => self.answer_error(Code::Unknown, &"this command is not about the connection"),
        }
    }

    /// A reply that needs no shard.
    pub(super) fn answer(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        if self.slots.is_empty() {
            // Nothing waits before it; the ticket is used up all the same, so that it stays the command's number.
            self.slots.skip();
            return encode(&mut self.output);
        }
        let mut bytes = Vec::new();
        encode(&mut bytes);
        self.slot_bytes += bytes.len();
        self.slots.push(Slot::Bytes(bytes.into_boxed_slice()));
    }

    pub(super) fn answer_error(&mut self, code: Code, words: &dyn Display) {
        self.answer(|out| reply::error(out, code, words));
    }

    pub(super) fn refuse(&mut self, refusal: Refusal) {
        if encode::refusal_code(refusal) == Code::Busy {
            self.server.engine.count_busy(1);
        }
        self.answer_error(encode::refusal_code(refusal), &refusal);
    }

    fn submit(&mut self, auction: AuctionId, command: Command, received: Timestamp) {
        let ticket = self.slots.next();
        match self.port.push(ticket, received, AuctionCommand { auction, command }) {
            Ok(()) => self.slots.push(Slot::Waiting),
            Err(refusal) => self.refuse(refusal),
        }
    }

    fn open(&mut self, request: OpenRequest, received: Timestamp) {
        let OpenRequest { terms, id } = request;
        let opening = Opening { id, digest: terms.digest(), judged: terms.validate(id, received) };
        match self.port.push_open(self.slots.next(), received, Box::new(opening)) {
            Ok(PushedOpening::Taken) => self.slots.push(Slot::Waiting),
            Ok(PushedOpening::Rejected(rejection)) => self.answer(|out| reply::rejection(out, &rejection)),
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// An auction of the live view, or the reply when there is none.
    fn live(&self, auction: AuctionId) -> Result<Arc<LiveAuction>, (Code, String)> {
        if self.server.engine.phase() == Phase::Loading {
            return Err((Code::Loading, Refusal::Loading.to_string()));
        }
        let missing = Rejection::NotFound(Missing::Auction);
        self.server.engine.live(auction).ok_or_else(|| (Code::of(&missing), missing.to_string()))
    }

    fn get(&mut self, auction: AuctionId) {
        match self.live(auction) {
            Ok(live) => self.answer(|out| reply::bulk(out, &json(&live))),
            Err((code, words)) => self.answer_error(code, &words),
        }
    }

    /// Takes a command to all shards (or one that reads the disk) on: it runs beside the connection, and its reply comes in its turn.
    pub(super) fn wide<F: Future<Output = Vec<u8>> + Send + 'static>(
        &mut self,
        command: impl FnOnce(Handle) -> F,
    ) {
        if self.wide.len() >= WIDE_COMMANDS_MAX {
            let words = format!(
                "{WIDE_COMMANDS_MAX} commands to all shards are under way on this connection, which is the limit"
            );
            return self.answer_error(Code::Busy, &words);
        }
        let ticket = self.slots.next();
        self.slots.push(Slot::Waiting);
        // A task of its own, which goes on when the connection ends: what has begun in one shard must come to all.
        let run = tokio::spawn(command(self.server.engine.clone()));
        self.wide.spawn(async move { Ok((ticket, Slot::Bytes(run.await?.into_boxed_slice()))) });
    }

    /// A command to all shards is done.
    pub(super) fn wide_done(&mut self, done: Result<(Ticket, Slot), JoinError>) {
        match done {
            Ok((ticket, slot)) => {
                if let Slot::Bytes(bytes) = &slot {
                    self.slot_bytes += bytes.len();
                }
                self.slots.fill(ticket, slot);
                self.drain_slots();
            }
            // It has panicked: its reply will never come, and none after it could.
            Err(error) => {
                tracing::error!(%error, "a command to all shards has failed; this is a defect");
                self.ending = true;
                self.slots.clear();
            }
        }
    }

    fn ban(&mut self, ban: WideBan) {
        self.wide(async move |engine| {
            let mut out = Vec::new();
            match engine.ban(ban).await {
                Ok(answer) => encode::reply(&mut out, &answer),
                Err(refusal) => reply::error(&mut out, encode::refusal_code(refusal), refusal),
            }
            out
        });
    }

    fn shards(&mut self, request: ShardsRequest) {
        match request {
            // The placement is not there yet; showing the one that everything begins with would mislead.
            ShardsRequest::List if self.server.engine.phase() == Phase::Loading => {
                self.refuse(Refusal::Loading)
            }
            ShardsRequest::List => {
                let (protocol, engine) = (self.protocol, self.server.engine.clone());
                self.answer(|out| info::shards(out, &engine, protocol));
            }
            ShardsRequest::Add { count } => self.wide(async move |engine| add_shards(&engine, count).await),
            ShardsRequest::Drain(shard) => self.change(PlacementChange::ShardDrained(shard)),
            ShardsRequest::Undrain(shard) => {
                self.wide(async move |engine| encode::changed(engine.undrain(shard).await));
            }
            ShardsRequest::Policy { policy, from } => {
                let effective_at = from.unwrap_or_else(|| self.server.engine.now());
                self.change(PlacementChange::PolicySet { effective_at, policy });
            }
            ShardsRequest::Place { key, shard } => self.change(PlacementChange::DirectorySet { key, shard }),
        }
    }

    fn change(&mut self, change: PlacementChange) {
        self.wide(async move |engine| encode::changed(engine.change_placement(change).await));
    }

    fn info(&mut self, section: Option<Box<str>>) {
        let server = Arc::clone(&self.server);
        if section.as_deref() != Some(info::DIGEST) {
            return self.answer(|out| reply::bulk(out, info::text(&server, section.as_deref()).as_bytes()));
        }
        self.wide(async move |engine| {
            let mut out = Vec::new();
            reply::bulk(&mut out, info::digest(&engine).await.as_bytes());
            out
        });
    }

    fn hello(&mut self, hello: Hello) {
        let Hello { protocol, name } = hello;
        self.protocol = protocol.unwrap_or(self.protocol);
        if let Some(name) = name {
            self.name = name;
        }
        let log = self.server.engine.log_id();
        let (protocol, info) =
            (self.protocol, ServerInfo { version: env!("CARGO_PKG_VERSION"), connection: self.id, log });
        self.answer(|out| reply::hello(out, info, protocol));
    }

    /// While loading, `PING` says so, as Redis does: who waits for it waits until bids are taken.
    fn ping(&mut self, message: Option<&[u8]>) {
        if self.server.engine.phase() == Phase::Loading {
            return self.refuse(Refusal::Loading);
        }
        let subscribed = self.listens_only();
        self.answer(|out| match message {
            _ if subscribed => reply::pong_subscribed(out, message.unwrap_or_default()),
            Some(message) => reply::bulk(out, message),
            None => reply::simple(out, "PONG"),
        });
    }

    fn client(&mut self, request: ClientRequest) {
        match request {
            ClientRequest::Id => {
                let id = i64::try_from(self.id).unwrap_or(i64::MAX);
                self.answer(|out| reply::integer(out, id));
            }
            ClientRequest::GetName => {
                let (name, protocol) = (self.name.clone(), self.protocol);
                self.answer(|out| {
                    if name.is_empty() {
                        reply::null(out, protocol)
                    } else {
                        reply::bulk(out, name.as_bytes())
                    }
                });
            }
            ClientRequest::SetName(name) => {
                self.name = name;
                self.answer(reply::ok);
            }
            ClientRequest::LibName(_) | ClientRequest::LibVer(_) => self.answer(reply::ok),
        }
    }

    /// RESP2 can't tell a message from a reply, so a connection that is sent messages takes no other commands.
    fn listens_only(&self) -> bool {
        let follows = self.feed.as_ref().is_some_and(|feed| !feed.is_empty());
        self.protocol == Protocol::Resp2 && (self.subscriptions.len() > 0 || follows)
    }

    fn subscribe(&mut self, auctions: &[AuctionId]) {
        let protocol = self.protocol;
        for &auction in auctions {
            if self.subscriptions.len() >= SUBSCRIPTIONS_MAX && !self.subscriptions.has(auction) {
                let words =
                    format!("{SUBSCRIPTIONS_MAX} subscriptions are the most that one connection may have");
                self.answer_error(Code::TooLarge, &words);
                continue;
            }
            match self.live(auction) {
                Ok(live) if self.subscriptions.add(&live) => {
                    let count = self.subscriptions.len();
                    self.answer(|out| reply::subscribed(out, auction, count, protocol));
                }
                Ok(_) => {
                    let words =
                        format!("{ALL_SUBSCRIPTIONS_MAX} subscriptions are the most that the server holds");
                    self.answer_error(Code::Busy, &words);
                }
                Err((code, words)) => self.answer_error(code, &words),
            }
        }
    }

    fn unsubscribe(&mut self, auctions: &[AuctionId]) {
        let protocol = self.protocol;
        let auctions = if auctions.is_empty() { self.subscriptions.ids() } else { auctions.to_vec() };
        if auctions.is_empty() {
            return self.answer(|out| reply::unsubscribed(out, None, 0, protocol));
        }
        for auction in auctions {
            self.subscriptions.remove(auction);
            let count = self.subscriptions.len();
            self.answer(|out| reply::unsubscribed(out, Some(auction), count, protocol));
        }
    }

    /// Tells a subscriber how an auction stands now. A message takes its place behind the replies to what was asked before
    /// it: RESP2 could not tell it from one of them, and `SUBSCRIBE` itself may still wait for its turn.
    pub(super) fn publish(&mut self, live: &LiveAuction) {
        if self.subscriptions.has(live.id()) {
            let protocol = self.protocol;
            self.answer(|out| reply::message(out, live.id(), &json(live), protocol));
        }
    }
}

fn allowed_while_subscribed(request: &Request) -> bool {
    use Request::{Ack, Follow, Hello, Ping, Quit, Subscribe, Unsubscribe};
    matches!(request, Subscribe(_) | Unsubscribe(_) | Follow(_) | Ack(_) | Ping(_) | Quit | Hello(_))
}

fn json(live: &LiveAuction) -> Vec<u8> {
    let mut out = Vec::new();
    view_json::auction(&mut out, live.id(), live.terms(), &live.view());
    out
}

/// Adds shards one by one; answers with their numbers. Each is logged on its own, so when one fails, those before it stay, and
/// the error names them.
async fn add_shards(engine: &Handle, count: u8) -> Vec<u8> {
    let mut out = Vec::new();
    let mut added: Vec<ShardId> = Vec::new();
    for _ in 0..count {
        let one = async {
            let shard = engine.placement().next_shard()?;
            engine.change_placement(PlacementChange::ShardAdded(shard)).await?;
            Ok::<_, ChangeError>(shard)
        };
        match one.await {
            Ok(shard) => added.push(shard),
            Err(error) => {
                encode::addition_error(&mut out, &error, &added);
                return out;
            }
        }
    }
    reply::array(&mut out, added.len());
    added.iter().for_each(|shard| reply::integer(&mut out, i64::from(shard.0)));
    out
}
