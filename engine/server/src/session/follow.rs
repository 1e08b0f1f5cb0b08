//! `FOLLOW`, `ACK` and `CONSUMERS`: the feed of a connection, as commands and messages.

use super::Session;
use super::feed::{AckError, Feed, FeedEvent, StartError};
use super::limits::FOLLOWERS_MAX;
use super::slots::Slot;
use crate::info;
use gavel_core::{Position, ShardId};
use gavel_engine::{FollowError, ForgetError, Phase, Refusal, TakenOver, Ticket};
use gavel_log::Frame;
use gavel_log::limits::FRAME_HEADER_BYTES;
use gavel_wire::request::{ConsumersRequest, Follow};
use gavel_wire::{Code, reply};
use std::fmt::Display;

impl Session {
    /// The next event of the feed; none ever where nothing is followed. Cancel safe.
    pub(super) async fn feed_event(feed: &mut Option<Box<Feed>>) -> FeedEvent {
        match feed {
            Some(feed) => feed.next().await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn follow(&mut self, request: Follow) {
        let Follow { after, name } = request;
        if self.feed.is_none() {
            match Feed::new(&self.server.followers) {
                Some(feed) => self.feed = Some(Box::new(feed)),
                None => {
                    let words = format!("{FOLLOWERS_MAX} connections follow, which is the limit");
                    return self.answer_error(Code::Busy, &words);
                }
            }
        }
        let ticket = self.slots.next();
        let Some(feed) = &mut self.feed else { return };
        if feed.has(after.shard) {
            let words = format!("shard {} is followed on this connection already", after.shard);
            return self.answer_error(Code::State, &words);
        }
        tracing::debug!(connection = self.id, %after, consumer = name.as_ref().map(tracing::field::display), "follows");
        feed.follow(self.server.engine.clone(), ticket, after, name);
        self.slots.push(Slot::Waiting);
    }

    /// `ACK` has no answer, but it has a place in the order like any command.
    pub(super) fn acknowledge(&mut self, position: Position) {
        let none = || Err(AckError::NotFollowed(position.shard));
        match self.feed.as_ref().map_or_else(none, |feed| feed.acknowledge(position)) {
            Ok(()) => self.answer(|_| {}),
            Err(error) => self.answer_error(ack_code(&error), &error),
        }
    }

    pub(super) fn consumers(&mut self, request: ConsumersRequest) {
        if self.server.engine.phase() == Phase::Loading {
            return self.refuse(Refusal::Loading);
        }
        match request {
            ConsumersRequest::List => {
                let protocol = self.protocol;
                self.wide(async move |engine| info::consumers(&engine, protocol).await);
            }
            ConsumersRequest::Forget(name) => match self.server.engine.consumers().forget(&name) {
                Ok(()) => self.answer(reply::ok),
                Err(error @ ForgetError::Unknown(_)) => self.answer_error(Code::NotFound, &error),
                Err(error @ ForgetError::Connected(_)) => self.answer_error(Code::State, &error),
            },
        }
    }

    /// Takes in what has happened to a followed shard. Only while there is room for what it makes.
    pub(super) fn take_feed_event(&mut self, event: FeedEvent) {
        match event {
            FeedEvent::Started(ticket, shard, started) => {
                let reply = match started {
                    Ok(started) => {
                        self.with_feed(|feed| feed.started(shard, started));
                        bytes(reply::ok)
                    }
                    Err(error) => {
                        self.with_feed(|feed| feed.end(shard));
                        bytes(|out| reply::error(out, start_code(&error), &error))
                    }
                };
                self.fill_slot(ticket, reply);
            }
            FeedEvent::Frames(shard, frames) => frames.iter().for_each(|frame| self.push_frame(shard, frame)),
            FeedEvent::Ended(shard, error) => self.unfollow(shard, follow_code(&error), &error),
            FeedEvent::Heartbeat => self.heartbeats(),
        }
    }

    fn with_feed(&mut self, change: impl FnOnce(&mut Feed)) {
        if let Some(feed) = &mut self.feed {
            change(feed);
        }
    }

    fn fill_slot(&mut self, ticket: Ticket, reply: Vec<u8>) {
        self.slot_bytes += reply.len();
        self.slots.fill(ticket, Slot::Bytes(reply.into_boxed_slice()));
        self.drain_slots();
    }

    fn push_frame(&mut self, shard: ShardId, frame: &Frame) {
        // It has ended while these were under way.
        if !self.feed.as_ref().is_some_and(|feed| feed.has(shard)) {
            return;
        }
        let protocol = self.protocol;
        let first = Position { shard, epoch: frame.epoch(), lsn: frame.first() };
        let parts = frame.bytes().split_at(FRAME_HEADER_BYTES);
        self.answer(|out| reply::followed_frame(out, first, frame.count(), parts, protocol));
        self.with_feed(|feed| feed.sent(shard, frame));
    }

    /// Nothing more of the shard comes.
    fn unfollow(&mut self, shard: ShardId, code: Code, why: &dyn Display) {
        self.with_feed(|feed| feed.end(shard));
        let protocol = self.protocol;
        self.answer(|out| reply::unfollowed(out, shard, code, why, protocol));
    }

    /// Says how far each followed shard is durable, and ends those that another connection follows under the same name now.
    fn heartbeats(&mut self) {
        let Some(feed) = &self.feed else { return };
        let (now, protocol) = (self.server.engine.now(), self.protocol);
        for shard in feed.shards() {
            if self.feed.as_ref().is_some_and(|feed| feed.is_taken_over(shard)) {
                self.unfollow(shard, Code::State, &TakenOver);
                continue;
            }
            let tip = self.server.engine.durable_tip(shard);
            let durable = Position { shard, epoch: tip.epoch, lsn: tip.lsn };
            self.answer(|out| reply::heartbeat(out, durable, now, protocol));
        }
    }
}

fn bytes(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

fn start_code(error: &StartError) -> Code {
    match error {
        StartError::Follow(error) => follow_code(error),
        StartError::Name(_) => Code::TooLarge,
    }
}

fn follow_code(error: &FollowError) -> Code {
    match error {
        FollowError::Loading => Code::Loading,
        FollowError::Stopped => Code::Busy,
        FollowError::NoShard(_) => Code::NotFound,
        FollowError::Ahead { .. }
        | FollowError::Diverged { .. }
        | FollowError::Gone { .. }
        | FollowError::Read(_)
        | FollowError::Broken(_) => Code::Gap,
    }
}

fn ack_code(error: &AckError) -> Code {
    match error {
        AckError::NotSent { .. } => Code::Invalid,
        AckError::NotFollowed(_) | AckError::NoName(_) | AckError::TakenOver(_) => Code::State,
    }
}
