//! A consumer that goes on over failures of either side: it connects again, and follows from the last record that was handed out.

use super::{Feed, FeedError, FeedEvent, FeedOptions};
use crate::limits::{FEED_PAUSE_MS_MAX, FEED_PAUSE_MS_MIN};
use gavel_core::{Lsn, Position, ShardId};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Follows shards for as long as it is asked to.
///
/// It goes on from what it has handed out. A process that was killed begins with the positions that it has stored, so it may be
/// handed records again that it had not stored yet, and never misses one.
#[derive(Debug)]
pub struct Consumer {
    server: SocketAddr,
    options: FeedOptions,
    /// What was handed out.
    positions: BTreeMap<ShardId, Position>,
    /// What the consumer is done with.
    done: BTreeMap<ShardId, Position>,
    feed: Option<Feed>,
    /// Before the next try to connect; zero when nothing has failed yet.
    pause: Duration,
}

impl Consumer {
    /// A consumer that has all up to these positions, one for each shard that it follows. Connects with the first
    /// [`next`](Self::next).
    #[must_use]
    pub fn new(server: SocketAddr, options: FeedOptions, from: impl IntoIterator<Item = Position>) -> Self {
        let positions: BTreeMap<_, _> = from.into_iter().map(|position| (position.shard, position)).collect();
        let done = positions.clone();
        Self { server, options, positions, done, feed: None, pause: Duration::ZERO }
    }

    /// Follows one shard more. One that is followed already is left as it is.
    pub fn follow(&mut self, after: Position) {
        if self.positions.contains_key(&after.shard) {
            return;
        }
        self.positions.insert(after.shard, after);
        self.done.insert(after.shard, after);
        if let Some(feed) = &mut self.feed
            && feed.follow(after).is_err()
        {
            self.feed = None;
        }
    }

    /// The last record of each shard that was handed out.
    pub fn positions(&self) -> impl Iterator<Item = Position> {
        self.positions.values().copied()
    }

    /// Waits for the next event: at most for the silence that the options allow (or, while nobody answers, for the time to
    /// connect and a pause of up to two seconds). After [`FeedEvent::Lost`] it tries again.
    ///
    /// # Errors
    /// Trying again can't help: a gap, or another side that does not speak this protocol.
    #[expect(clippy::should_implement_trait, reason = "an iterator would have to end after an error")]
    pub fn next(&mut self) -> Result<FeedEvent, FeedError> {
        let event = self.connect().and_then(|()| match &mut self.feed {
            Some(feed) => feed.next(),
            None => Err(FeedError::Closed),
        });
        self.took(event)
    }

    /// The next event, if it is there already: for whoever takes what there is in one go. `None` also while there is no connection.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn try_next(&mut self) -> Result<Option<FeedEvent>, FeedError> {
        let Some(feed) = &mut self.feed else { return Ok(None) };
        let event = feed.try_next();
        event.transpose().map(|event| self.took(event)).transpose()
    }

    fn took(&mut self, event: Result<FeedEvent, FeedError>) -> Result<FeedEvent, FeedError> {
        match event.and_then(|event| self.note(event)) {
            Ok(event) => {
                self.pause = Duration::ZERO;
                Ok(event)
            }
            Err(error) => {
                self.feed = None;
                if error.is_transient() { Ok(FeedEvent::Lost(error)) } else { Err(error) }
            }
        }
    }

    fn connect(&mut self) -> Result<(), FeedError> {
        if self.feed.is_none() {
            std::thread::sleep(self.pause);
            let (least, most) =
                (Duration::from_millis(FEED_PAUSE_MS_MIN), Duration::from_millis(FEED_PAUSE_MS_MAX));
            self.pause = (self.pause * 2).clamp(least, most);
            let from: Vec<Position> = self.positions().collect();
            self.feed = Some(Feed::connect(self.server, &self.options, &from)?);
        }
        Ok(())
    }

    fn note(&mut self, event: FeedEvent) -> Result<FeedEvent, FeedError> {
        match &event {
            FeedEvent::Frame(frame) => {
                self.positions.insert(frame.last().shard, frame.last());
            }
            // What was done while there was no connection, the server does not know yet.
            FeedEvent::Following(position) => {
                let done = self.done.get(&position.shard).filter(|done| done.lsn > Lsn(0));
                if let (Some(done), Some(feed)) = (done, &mut self.feed) {
                    feed.acknowledge(*done)?;
                }
            }
            FeedEvent::Heartbeat(_) | FeedEvent::Lost(_) => {}
        }
        Ok(event)
    }

    /// Tells the server that all records of the shard up to this one are done with; when there is no connection, as soon as there
    /// is.
    pub fn acknowledge(&mut self, position: Position) {
        self.done.insert(position.shard, position);
        if let Some(feed) = &mut self.feed
            && feed.acknowledge(position).is_err()
        {
            self.feed = None;
        }
    }
}
