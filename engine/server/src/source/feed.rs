//! A consumer's source in a process of its own: a server's feed, one connection for each shard, so that a shard whose target is slow holds
//! back no other.

use super::Consumer;
use gavel_core::{LogId, Lsn, Position, ShardId};
use gavel_log::follow::{Follow, Records, Source, SourceError};
use gavel_wire::Code;
use gavel_wire::feed::{Feed, FeedError, FeedEvent, FeedFrame, FeedOptions, durable_ends, log_of};
use std::collections::VecDeque;
use std::net::SocketAddr;
use tokio::task::JoinHandle;

/// Bytes of frames that are read ahead of a batch, at most; one frame more may be.
const AHEAD_BYTES: usize = 1 << 20;

/// A running server.
#[derive(Clone, Debug)]
pub(crate) struct FeedSource {
    server: SocketAddr,
    /// Under whose name the server keeps what was taken in.
    consumer: Consumer,
}

impl FeedSource {
    pub(crate) const fn new(server: SocketAddr, consumer: Consumer) -> Self {
        Self { server, consumer }
    }
}

impl Source for FeedSource {
    type Follow = FeedFollow;

    async fn shards(&self) -> Result<Vec<(ShardId, Lsn)>, SourceError> {
        let server = self.server;
        blocking(self.consumer.go_on, move || durable_ends(server, &FeedOptions::default())).await
    }

    async fn log(&self) -> Result<Option<LogId>, SourceError> {
        let server = self.server;
        let id = blocking(self.consumer.go_on, move || log_of(server, &FeedOptions::default())).await?;
        let none =
            "the server does not say which log it keeps: it is still opening it, or is older than this gavel";
        id.map(Some).ok_or_else(|| SourceError::Unavailable(none.to_owned()))
    }

    async fn follow(&self, after: Position, log: Option<LogId>) -> Result<FeedFollow, SourceError> {
        let Self { server, consumer: Consumer { name, go_on } } = self.clone();
        let options = FeedOptions { name, ..FeedOptions::default() };
        let reader = blocking(go_on, move || Reader::begin(server, &options, after)).await?;
        if reader.feed.log() != log {
            return Err(SourceError::Unavailable(
                "the server was replaced by one with another log".to_owned(),
            ));
        }
        Ok(FeedFollow {
            go_on,
            position: after,
            durable: after.lsn,
            reader: Some(reader),
            reading: None,
            done: None,
        })
    }
}

/// One shard of it.
pub(crate) struct FeedFollow {
    go_on: &'static str,
    position: Position,
    durable: Lsn,
    /// Here while nobody reads.
    reader: Option<Reader>,
    /// Kept here, so that whoever gives up waiting loses nothing.
    reading: Option<JoinHandle<(Reader, Result<(), FeedError>)>>,
    /// What is to be acknowledged.
    done: Option<Position>,
}

/// The connection and what was read of it.
struct Reader {
    feed: Feed,
    frames: VecDeque<FeedFrame>,
    durable: Lsn,
}

impl Reader {
    /// Follows, and waits for the server's word that it can.
    fn begin(server: SocketAddr, options: &FeedOptions, after: Position) -> Result<Self, FeedError> {
        let mut reader = Self {
            feed: Feed::connect(server, options, &[after])?,
            frames: VecDeque::new(),
            durable: after.lsn,
        };
        let event = reader.feed.next()?;
        reader.note(event)?;
        Ok(reader)
    }

    /// Reads until there is a frame, and then what has come already.
    fn read(&mut self, done: Option<Position>) -> Result<(), FeedError> {
        if let Some(done) = done {
            self.feed.acknowledge(done)?;
        }
        let event = self.feed.next()?;
        self.note(event)?;
        let mut bytes: usize = self.frames.iter().map(FeedFrame::len).sum();
        while bytes < AHEAD_BYTES
            && let Some(event) = self.feed.try_next()?
        {
            self.note(event)?;
            bytes = self.frames.iter().map(FeedFrame::len).sum();
        }
        Ok(())
    }

    fn note(&mut self, event: FeedEvent) -> Result<(), FeedError> {
        match event {
            FeedEvent::Frame(frame) => {
                self.durable = self.durable.max(frame.last().lsn);
                self.frames.push_back(frame);
            }
            FeedEvent::Heartbeat(heartbeat) => self.durable = self.durable.max(heartbeat.durable.lsn),
            FeedEvent::Following(_) => {}
            FeedEvent::Lost(error) => return Err(error),
        }
        Ok(())
    }
}

impl FeedFollow {
    /// One read of the connection: at most until the next heartbeat. Cancel safe.
    async fn read(&mut self) -> Result<(), SourceError> {
        let done = self.done.take();
        let reading = match (&mut self.reading, self.reader.take()) {
            (Some(reading), _) => reading,
            (none, Some(mut reader)) => none.insert(tokio::task::spawn_blocking(move || {
                let read = reader.read(done);
                (reader, read)
            })),
            (None, None) => {
                return Err(SourceError::Unavailable("the connection to the server has failed".to_owned()));
            }
        };
        let joined = reading.await;
        self.reading = None;
        let (reader, read) = joined.map_err(|error| SourceError::Unavailable(error.to_string()))?;
        self.durable = reader.durable;
        self.reader = Some(reader);
        read.map_err(|error| {
            self.reader = None;
            source_error(&error, self.go_on)
        })
    }

    fn has_frames(&self) -> bool {
        self.reader.as_ref().is_some_and(|reader| !reader.frames.is_empty())
    }
}

impl Follow for FeedFollow {
    async fn ready(&mut self) -> Result<(), SourceError> {
        while !self.has_frames() {
            self.read().await?;
        }
        Ok(())
    }

    async fn take(&mut self, into: &mut Records) -> Result<(), SourceError> {
        self.ready().await?;
        let frames =
            self.reader.as_mut().map(|reader| std::mem::take(&mut reader.frames)).unwrap_or_default();
        for frame in frames {
            frame.records().for_each(|(position, record)| into.push(position, record));
            self.position = frame.last();
        }
        Ok(())
    }

    fn durable(&self) -> Lsn {
        self.durable
    }

    fn position(&self) -> Position {
        self.position
    }

    fn acknowledge(&mut self, done: Position) {
        self.done = Some(done);
    }
}

async fn blocking<T: Send + 'static>(
    go_on: &'static str,
    ask: impl FnOnce() -> Result<T, FeedError> + Send + 'static,
) -> Result<T, SourceError> {
    let asked = tokio::task::spawn_blocking(ask).await;
    let asked = asked.map_err(|error| SourceError::Unavailable(error.to_string()))?;
    asked.map_err(|error| source_error(&error, go_on))
}

fn source_error(error: &FeedError, go_on: &str) -> SourceError {
    match error {
        FeedError::Refused(refusal) if refusal.code == Code::Gap => {
            SourceError::Unfit(format!("{error}; {go_on}"))
        }
        FeedError::Refused(refusal) if refusal.code == Code::State => SourceError::Unavailable(format!(
            "{error}: another consumer has the same name; stop one, or, if it writes somewhere else, give this one a --name of its own"
        )),
        _ => SourceError::Unavailable(error.to_string()),
    }
}
