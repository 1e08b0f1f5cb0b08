//! Following a shard: its durable frames, in order, from any record on, for as long as the engine runs.
//!
//! ```text
//! ring (the latest frames, in memory) ◀── behind it: log and archive, in blocking tasks, a few at a time
//! ```
//!
//! Invariants:
//! - No frame is handed out that is not durable.
//! - Frames come without a gap and in order, each the continuation of the one before: a break in the chain is an error.
//! - A follower takes no time of the log thread, of a shard or of a session, however slow it is or how far behind.

mod start;

pub use start::FollowError;

use crate::consumers::{Attached, Consumers, TooManyConsumers};
use crate::engine::{Phase, Shared};
use crate::limits::{FOLLOW_BYTES, FOLLOWERS_READING_MAX};
use crate::ring::{Look, Rings};
use crate::router::Handle;
use gavel_core::{ConsumerName, Lsn, Position, ShardId};
use gavel_log::{Chain, Frame, Log, LogReader, ReadCause, ReadError, Tip};
use parking_lot::RwLock;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// What followers are fed from.
pub(crate) struct Feed {
    pub(crate) rings: Rings,
    pub(crate) consumers: Arc<Consumers>,
    /// There while the log is open: a reader that lives on would keep it from being opened again.
    reader: RwLock<Option<Arc<dyn LogReader>>>,
    /// Bounds how many read the disk at once.
    reading: Arc<Semaphore>,
}

impl Feed {
    pub(crate) fn new(consumers: Arc<Consumers>) -> Self {
        Self {
            rings: Rings::new(),
            consumers,
            reader: RwLock::default(),
            reading: Arc::new(Semaphore::new(FOLLOWERS_READING_MAX)),
        }
    }

    /// Takes in how a log that was just opened stands.
    pub(crate) fn begin(&self, log: &impl Log) {
        log.shards().into_iter().for_each(|shard| self.rings.begin(shard, log.tip(shard)));
        *self.reader.write() = Some(log.reader());
    }

    /// Lets go of the log.
    pub(crate) fn end(&self) {
        self.reader.write().take();
    }

    /// A handle to read with, until the log is closed.
    pub(crate) fn reader(&self) -> Option<Arc<dyn LogReader>> {
        self.reader.read().clone()
    }
}

/// One follower of one shard.
pub struct Follow {
    shared: Arc<Shared>,
    /// The last record that was handed out.
    position: Position,
    /// What the next frame has to continue; `None` until the first, of which the beginning may lie before the position.
    chain: Option<Chain>,
    tips: watch::Receiver<Tip>,
    phases: watch::Receiver<Phase>,
    /// Frames that are being read from disk. Kept here, so that a caller that gives up waiting loses none.
    reading: Option<JoinHandle<Result<Vec<Frame>, ReadError>>>,
}

impl Handle {
    /// Follows a shard from the record after this one on; `epoch` and `lsn` 0 stand before the first. The position is checked:
    /// following goes on only where the log is the one that the follower has read so far.
    ///
    /// # Errors
    /// The log is not open, or has not what the follower needs.
    pub async fn follow(&self, after: Position) -> Result<Follow, FollowError> {
        let (tips, phases) = (self.shared().feed.rings.tips(after.shard), self.phases());
        let chain = start::check(self.shared(), after).await?;
        Ok(Follow { shared: Arc::clone(self.shared()), position: after, chain, tips, phases, reading: None })
    }

    /// Takes a consumer's cursor in a shard over from whichever connection held it. A new one is set to the last record that the
    /// consumer has; one that there is goes back to it where that is earlier, and never forward.
    ///
    /// # Errors
    /// The consumer is new, and there are as many as there may be.
    pub fn attach(&self, name: ConsumerName, has: Position) -> Result<Attached, TooManyConsumers> {
        self.shared().feed.consumers.attach(name, has)
    }
}

impl Follow {
    /// The last record that was handed out, or followed from.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The shard's durable end.
    #[must_use]
    pub fn tip(&self) -> Tip {
        *self.tips.borrow()
    }

    /// Waits until there are frames behind the position. Cancel safe.
    ///
    /// # Errors
    /// The engine has stopped.
    pub async fn ready(&mut self) -> Result<(), FollowError> {
        let lsn = self.position.lsn;
        tokio::select! {
            biased;
            _ = self.phases.wait_for(|phase| *phase >= Phase::Closing) => Err(FollowError::Stopped),
            more = self.tips.wait_for(|tip| tip.lsn > lsn) => more.map(drop).map_err(|_| FollowError::Stopped),
        }
    }

    /// The next frames, at least one, and as many as it takes to reach [`FOLLOW_BYTES`]. The first may begin before the
    /// position, when that lies in the middle of a frame: its first records are known already. Cancel safe.
    ///
    /// # Errors
    /// The engine has stopped, or what comes next can't be read any more. Nothing follows.
    pub async fn next(&mut self) -> Result<Vec<Frame>, FollowError> {
        loop {
            if self.reading.is_none() {
                self.ready().await?;
            }
            let frames = match self.reading.as_mut() {
                Some(_) => self.read().await?,
                None => {
                    match self.shared.feed.rings.after(self.position.shard, self.position.lsn, FOLLOW_BYTES) {
                        Look::Frames(frames) => frames,
                        // The tip says that there is more, so there is: look again.
                        Look::End => {
                            tokio::task::yield_now().await;
                            continue;
                        }
                        Look::Behind => self.read().await?,
                    }
                }
            };
            self.take(&frames)?;
            return Ok(frames);
        }
    }

    /// Reads the next frames from log and archive.
    async fn read(&mut self) -> Result<Vec<Frame>, FollowError> {
        let from = self.position.lsn.next();
        if self.reading.is_none() {
            let feed = &self.shared.feed;
            let reader = feed.reader().ok_or(FollowError::Stopped)?;
            let reading = Arc::clone(&feed.reading);
            let shard = self.position.shard;
            self.reading = Some(tokio::spawn(async move {
                let _permit = reading.acquire_owned().await;
                let read = tokio::task::spawn_blocking(move || read_some(&*reader, shard, from)).await;
                read.unwrap_or_else(|ended| {
                    Err(ReadError { shard, at: from, cause: ReadCause::Engine(ended.to_string()) })
                })
            }));
        }
        let Some(reading) = self.reading.as_mut() else { return Err(FollowError::Stopped) };
        let read = reading.await;
        self.reading = None;
        match read {
            Ok(Ok(frames)) => Ok(frames),
            Ok(Err(error)) => Err(FollowError::read(self.position, error)),
            Err(_) => Err(FollowError::Stopped),
        }
    }

    /// Checks that the frames go on where the last one ended.
    fn take(&mut self, frames: &[Frame]) -> Result<(), FollowError> {
        for frame in frames {
            match &mut self.chain {
                Some(chain) => chain.follow(frame).map_err(FollowError::Broken)?,
                None => self.chain = Some(Chain::new(frame.shard(), Tip::of(frame))),
            }
            self.position = Position { shard: frame.shard(), epoch: frame.epoch(), lsn: frame.last() };
        }
        Ok(())
    }
}

/// A few frames from the one that holds this record on. Never none: it is asked for what is durable only.
fn read_some(reader: &dyn LogReader, shard: ShardId, from: Lsn) -> Result<Vec<Frame>, ReadError> {
    let (mut frames, mut bytes) = (Vec::new(), 0);
    for frame in reader.read_from(shard, from) {
        // What comes before an error is still good; the error comes again, first, the next time.
        let frame = match frame {
            Err(_) if !frames.is_empty() => break,
            frame => frame?,
        };
        bytes += frame.bytes().len();
        frames.push(frame);
        if bytes >= FOLLOW_BYTES {
            break;
        }
    }
    Ok(frames)
}

impl std::fmt::Debug for Follow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follow").field("position", &self.position).finish_non_exhaustive()
    }
}
