//! The feed for consumers in Rust: a server's records, in order, with their positions. Blocking: for a thread of its own.
//!
//! [`Feed`] is one connection; [`Consumer`] goes on over failures of either side. Both refuse whatever is not the next record of its
//! shard, so that what a consumer has read is the log without a gap, doubling or reordering.
//!
//! A consumer keeps its positions where its data is, in one transaction with it where there is one, and begins from them again:
//!
//! ```no_run
//! use gavel_core::{Position, ShardId};
//! use gavel_wire::feed::{Consumer, FeedError, FeedEvent, FeedOptions};
//! # fn stored() -> Vec<Position> { vec![Position::start(ShardId(0))] }
//! # fn store(_: &[(Position, Box<[u8]>)]) {}
//! # fn is_stopping() -> bool { true }
//!
//! let options = FeedOptions { name: Some("flusher".parse()?), ..FeedOptions::default() };
//! let mut consumer = Consumer::new("127.0.0.1:7400".parse()?, options, stored());
//! while !is_stopping() {
//!     match consumer.next()? {
//!         FeedEvent::Frame(frame) => {
//!             // Each is one fact; `gavel_log::record::decode` says which.
//!             let records: Vec<_> = frame.records().map(|(at, record)| (at, Box::from(record))).collect();
//!             store(&records);
//!             consumer.acknowledge(frame.last());
//!         }
//!         // Comes about once a second, so the loop can look after other things.
//!         FeedEvent::Heartbeat(_) | FeedEvent::Following(_) => {}
//!         // It connects again by itself; this is for the consumer's own log.
//!         FeedEvent::Lost(_why) => {}
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod connection;
mod consumer;
mod frame;

pub use consumer::Consumer;
pub use frame::{BadFrame, FeedFrame};

use crate::limits::{FEED_CONNECT_MS, FEED_SILENCE_MS};
use crate::value::{BadReply, ServerError, Value};
use connection::Connection;
use gavel_core::{ConsumerName, Epoch, LogId, Lsn, Position, ShardId, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

/// How a feed is read.
#[derive(Clone, Debug)]
pub struct FeedOptions {
    /// The consumer's name, under which the server keeps its cursor; `None`: the server keeps nothing.
    pub name: Option<ConsumerName>,
    /// How long connecting may take. Default: 5 s.
    pub connect_for: Duration,
    /// How long the server may be silent, which says something every second. Default: 10 s.
    pub silence_max: Duration,
}

impl Default for FeedOptions {
    fn default() -> Self {
        Self {
            name: None,
            connect_for: Duration::from_millis(FEED_CONNECT_MS),
            silence_max: Duration::from_millis(FEED_SILENCE_MS),
        }
    }
}

/// What a feed brings.
#[derive(Debug)]
pub enum FeedEvent {
    /// The server has agreed to send one shard from the record after this position on.
    Following(Position),
    /// The next records of one shard.
    Frame(FeedFrame),
    /// The server lives.
    Heartbeat(Heartbeat),
    /// The connection is lost, and a new one is being made. From a [`Consumer`] only.
    Lost(FeedError),
}

/// A sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The last durable record of one shard: how far there is to go.
    pub durable: Position,
    /// The server's time.
    pub now: Timestamp,
}

/// Why a feed has ended.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    /// The server closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// Nothing came, not even a heartbeat.
    #[error("nothing has come for {0:?}")]
    Silent(Duration),
    /// The server refuses, or ends, the following of a shard.
    #[error("{0}")]
    Refused(ServerError),
    /// What came is no message of the feed.
    #[error("the server's message is not one of the feed")]
    Message,
    /// What came is no reply at all.
    #[error(transparent)]
    Reply(#[from] BadReply),
    /// What came is no frame.
    #[error(transparent)]
    Frame(#[from] BadFrame),
    /// Another record came than the next one. Nothing of it was handed out.
    #[error(
        "after {after} came a frame that begins at {found}: records are missing, doubled or out of order"
    )]
    Order {
        /// The last record that was handed out.
        after: Position,
        /// The first record of what came.
        found: Position,
    },
    /// A frame of a shard that is not followed came.
    #[error("a frame of shard {0} came, which is not followed")]
    Stranger(ShardId),
}

impl FeedError {
    /// True when connecting again may help: the network or the server is gone for a while.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Io(_) | Self::Closed | Self::Silent(_) => true,
            Self::Refused(refusal) => matches!(refusal.code, crate::Code::Busy | crate::Code::Loading),
            Self::Message | Self::Reply(_) | Self::Frame(_) | Self::Order { .. } | Self::Stranger(_) => false,
        }
    }
}

/// One connection that follows shards. Ends at the first error.
#[derive(Debug)]
pub struct Feed {
    connection: Connection,
    log: Option<LogId>,
    name: Option<ConsumerName>,
    followed: BTreeMap<ShardId, Followed>,
    /// The shards whose `FOLLOW` was not answered yet, in the order of the commands.
    asked: VecDeque<ShardId>,
}

#[derive(Clone, Copy, Debug)]
struct Followed {
    /// The last record that was handed out.
    position: Position,
    /// Nothing was yet: the first frame may begin before the position.
    is_fresh: bool,
}

impl Feed {
    /// Connects and follows shards, each from the record after its position on ([`Position::start`] for all of it). Whether the server
    /// can is told by [`next`](Self::next).
    ///
    /// # Errors
    /// No connection, or the other side does not speak RESP3.
    pub fn connect(server: SocketAddr, options: &FeedOptions, from: &[Position]) -> Result<Self, FeedError> {
        let mut connection = Connection::open(server, options)?;
        let log = hello(&mut connection)?;
        let mut feed = Self {
            connection,
            log,
            name: options.name.clone(),
            followed: BTreeMap::new(),
            asked: VecDeque::new(),
        };
        from.iter().try_for_each(|position| feed.follow(*position))?;
        Ok(feed)
    }

    /// Which log it is that the server keeps; `None` while it is not open yet.
    #[must_use]
    pub const fn log(&self) -> Option<LogId> {
        self.log
    }

    /// Follows one shard more, or again.
    ///
    /// # Errors
    /// The connection failed.
    pub fn follow(&mut self, after: Position) -> Result<(), FeedError> {
        let (shard, after_text) = (after.shard.to_string(), after.to_string());
        let from = if after.lsn == Lsn(0) { "START" } else { &after_text };
        let mut words = vec![b"FOLLOW".as_slice(), shard.as_bytes(), from.as_bytes()];
        if let Some(name) = &self.name {
            words.extend([b"NAME".as_slice(), name.as_str().as_bytes()]);
        }
        self.connection.send(&words)?;
        self.followed.insert(after.shard, Followed { position: after, is_fresh: true });
        self.asked.push_back(after.shard);
        Ok(())
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// The feed has ended; nothing that was handed out is in doubt.
    #[expect(clippy::should_implement_trait, reason = "an iterator would have to go on after an error")]
    pub fn next(&mut self) -> Result<FeedEvent, FeedError> {
        let value = self.connection.read()?;
        self.value(value)
    }

    /// The next event, if it is there already: for whoever takes what there is in one go.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn try_next(&mut self) -> Result<Option<FeedEvent>, FeedError> {
        self.connection.try_read()?.map(|value| self.value(value)).transpose()
    }

    fn value(&mut self, value: Value) -> Result<FeedEvent, FeedError> {
        match value {
            Value::Push(parts) => self.event(parts),
            Value::Error(refusal) => Err(FeedError::Refused(refusal)),
            Value::Simple(_) => {
                let shard = self.asked.pop_front().ok_or(FeedError::Message)?;
                let followed = self.followed.get(&shard).ok_or(FeedError::Message)?;
                Ok(FeedEvent::Following(followed.position))
            }
            _ => Err(FeedError::Message),
        }
    }

    /// Tells the server that the consumer is done with all records of the shard up to this one.
    ///
    /// # Errors
    /// The connection failed. A cursor that the server refuses to move is told by [`next`](Self::next).
    pub fn acknowledge(&mut self, position: Position) -> Result<(), FeedError> {
        if self.name.is_none() {
            return Ok(());
        }
        self.connection.send(&[b"ACK", position.to_string().as_bytes()])
    }

    /// The last record of each followed shard that was handed out.
    pub fn positions(&self) -> impl Iterator<Item = Position> {
        self.followed.values().map(|followed| followed.position)
    }

    fn event(&mut self, parts: Vec<Value>) -> Result<FeedEvent, FeedError> {
        let mut parts = parts.into_iter();
        let kind = parts.next().ok_or(FeedError::Message)?;
        match (kind.as_bytes(), parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(b"frame"), Some(first), Some(Value::Integer(count)), Some(header), Some(records)) => {
                let (Value::Bulk(header), Value::Bulk(records)) = (header, records) else {
                    return Err(FeedError::Message);
                };
                let first = first.as_bytes().and_then(Position::parse).ok_or(FeedError::Message)?;
                self.frame(FeedFrame::read(first, count, header, records)?).map(FeedEvent::Frame)
            }
            (Some(b"heartbeat"), Some(durable), Some(now), None, None) => {
                let durable = durable.as_bytes().and_then(Position::parse).ok_or(FeedError::Message)?;
                let now = now.as_u64().and_then(Timestamp::from_micros).ok_or(FeedError::Message)?;
                Ok(FeedEvent::Heartbeat(Heartbeat { durable, now }))
            }
            (Some(b"unfollowed"), Some(_), Some(why), None, None) => Err(unfollowed(&why)),
            _ => Err(FeedError::Message),
        }
    }

    /// Holds a frame against what was handed out of its shard.
    fn frame(&mut self, mut frame: FeedFrame) -> Result<FeedFrame, FeedError> {
        let (first, last) = (frame.first(), frame.last());
        let followed = self.followed.get_mut(&first.shard).ok_or(FeedError::Stranger(first.shard))?;
        let Followed { position: after, is_fresh } = *followed;
        let next = after.lsn.next();
        let holds_next = if is_fresh { first.lsn <= next && next <= last.lsn } else { first.lsn == next };
        // Within a frame there is one epoch, and the server has compared it with the position's.
        let is_later =
            if first.lsn <= after.lsn { first.epoch == after.epoch } else { first.epoch >= after.epoch };
        if !holds_next || !is_later || first.epoch == Epoch(0) {
            return Err(FeedError::Order { after, found: first });
        }
        frame.skip_to(next);
        *followed = Followed { position: last, is_fresh: false };
        Ok(frame)
    }
}

fn unfollowed(why: &Value) -> FeedError {
    let text = why.as_str().unwrap_or_default();
    let (word, message) = text.split_once(' ').unwrap_or((text, ""));
    match crate::Code::parse(word.as_bytes()) {
        Some(code) => FeedError::Refused(ServerError { code, message: message.into() }),
        None => FeedError::Message,
    }
}

/// Agrees on RESP3; gives the log that the server has named.
fn hello(connection: &mut Connection) -> Result<Option<LogId>, FeedError> {
    let Value::Map(facts) = connection.call(&[b"HELLO", b"3"])? else { return Err(FeedError::Message) };
    let log = facts.iter().find(|(name, _)| name.as_bytes() == Some(b"log"));
    Ok(log.and_then(|(_, id)| LogId::parse(id.as_bytes()?)))
}

/// Which log a server keeps; `None` while it is not open yet.
///
/// # Errors
/// No connection, or the other side does not speak RESP3.
pub fn log_of(server: SocketAddr, options: &FeedOptions) -> Result<Option<LogId>, FeedError> {
    hello(&mut Connection::open(server, options)?)
}

/// The shards of a server, ascending: what there is to follow.
///
/// # Errors
/// No connection, or no list.
pub fn shards(server: SocketAddr, options: &FeedOptions) -> Result<Vec<ShardId>, FeedError> {
    Ok(durable_ends(server, options)?.into_iter().map(|(shard, _)| shard).collect())
}

/// The shards of a server, ascending, each with its last durable record.
///
/// # Errors
/// No connection, or no list.
pub fn durable_ends(server: SocketAddr, options: &FeedOptions) -> Result<Vec<(ShardId, Lsn)>, FeedError> {
    let mut connection = Connection::open(server, options)?;
    let list = match connection.call(&[b"SHARDS"])? {
        Value::Array(pairs) => pairs,
        Value::Error(refusal) => return Err(FeedError::Refused(refusal)),
        _ => return Err(FeedError::Message),
    };
    let list = list.chunks_exact(2).find(|pair| pair[0].as_bytes() == Some(b"shards"));
    let Some([_, Value::Array(list)]) = list else { return Err(FeedError::Message) };
    list.iter().map(|shard| durable_end(shard).ok_or(FeedError::Message)).collect()
}

/// Number and durable end in one shard's facts: in RESP2, keys and values in turn.
fn durable_end(facts: &Value) -> Option<(ShardId, Lsn)> {
    let Value::Array(facts) = facts else { return None };
    let fact = |name: &[u8]| facts.chunks_exact(2).find(|pair| pair[0].as_bytes() == Some(name))?[1].as_u64();
    Some((ShardId(u8::try_from(fact(b"shard")?).ok()?), Lsn(fact(b"durable")?)))
}
