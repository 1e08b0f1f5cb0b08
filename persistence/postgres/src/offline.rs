//! Archive and log of a directory as a [`Source`]: what there was when it was opened, and nothing after it.

use crate::{Follow, Records, Set, Source, SourceError, Unreadable};
use gavel_core::{AuctionId, LogId, Lsn, Position, ShardId};
use gavel_log::record::{Record, decode};
use gavel_log::{Frame, Frames, LogReader, OfflineError, ReadError};
use std::sync::Arc;

/// Bytes of records that are taken at a time, about.
const TAKE_BYTES: usize = 1 << 20;

/// A log that grows while it is read.
#[derive(Clone, Copy)]
pub struct Beside<'a> {
    /// To read it.
    pub log: &'a dyn LogReader,
    /// Which log it is; `None` where it does not say.
    pub id: Option<LogId>,
    /// Looks what has come since.
    pub look_again: &'a dyn Fn() -> Result<(), LookError>,
}

/// Why it can't be looked at again.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct LookError(#[from] pub OfflineError);

impl Beside<'_> {
    /// The shard's end, which should not be before this record. Where it is, it is looked again.
    ///
    /// # Errors
    /// It can't be looked at.
    pub fn end_at_least(&self, shard: ShardId, lsn: Lsn) -> Result<Lsn, LookError> {
        if self.log.durable(shard) < lsn {
            (self.look_again)()?;
        }
        Ok(self.log.durable(shard))
    }
}

/// A frame's records behind the first of these up to and including the second, each with its position.
pub(crate) fn records_of(
    frame: &Frame,
    after: Lsn,
    until: Lsn,
) -> impl Iterator<Item = Result<(Position, Record), Unreadable>> {
    let (shard, epoch) = (frame.shard(), frame.epoch());
    let wanted = frame.records().filter(move |(lsn, _)| *lsn > after && *lsn <= until);
    wanted.map(move |(lsn, bytes)| {
        let position = Position { shard, epoch, lsn };
        let record = decode(bytes).map_err(|source| Unreadable { position, source })?;
        Ok((position, record))
    })
}

/// Some shards of a log, each up to a record.
#[derive(Clone)]
pub struct OfflineSource {
    log: Arc<dyn LogReader>,
    id: Option<LogId>,
    ends: Arc<[(ShardId, Lsn)]>,
    left_out: Arc<Set<AuctionId>>,
}

impl OfflineSource {
    /// These shards, each up to this record; `id` is which log it is, where it says so.
    #[must_use]
    pub fn new(log: Arc<dyn LogReader>, id: Option<LogId>, ends: &[(ShardId, Lsn)]) -> Self {
        Self { log, id, ends: ends.into(), left_out: Arc::default() }
    }

    /// Without these auctions. The last record of a shard must be of none of them, or the cursor does not get there.
    #[must_use]
    pub fn without(self, auctions: Set<AuctionId>) -> Self {
        Self { left_out: Arc::new(auctions), ..self }
    }
}

impl Source for OfflineSource {
    type Follow = OfflineFollow;

    async fn shards(&self) -> Result<Vec<(ShardId, Lsn)>, SourceError> {
        Ok(self.ends.to_vec())
    }

    async fn log(&self) -> Result<Option<LogId>, SourceError> {
        Ok(self.id)
    }

    async fn follow(&self, after: Position, _: Option<LogId>) -> Result<OfflineFollow, SourceError> {
        let end = self.ends.iter().find(|(shard, _)| *shard == after.shard).map_or(Lsn(0), |(_, end)| *end);
        if after.lsn > end {
            return Err(SourceError::Unfit(format!(
                "the rows are as of {after}, and this log ends with record {}",
                end.0
            )));
        }
        // From the record itself on: it tells whether this is the log that was read up to there.
        let from = if after.lsn == Lsn(0) { self.log.oldest(after.shard) } else { after.lsn };
        let frames = self.log.read_from(after.shard, from);
        let left_out = Arc::clone(&self.left_out);
        let mut follow = OfflineFollow { position: after, end, frames, next: None, left_out };
        follow.check(after)?;
        Ok(follow)
    }
}

/// One shard of it.
pub struct OfflineFollow {
    position: Position,
    end: Lsn,
    frames: Frames,
    /// Read, and not handed out.
    next: Option<Frame>,
    left_out: Arc<Set<AuctionId>>,
}

impl OfflineFollow {
    /// Demands that the record at the position is of the generation that the position says.
    fn check(&mut self, after: Position) -> Result<(), SourceError> {
        if self.end == Lsn(0) {
            return Ok(());
        }
        let frame = self.frames.next().transpose().map_err(source_error)?;
        if let Some(frame) = &frame
            && after.lsn > Lsn(0)
            && frame.epoch() != after.epoch
        {
            let found = frame.epoch().0;
            return Err(SourceError::Unfit(format!(
                "the rows are as of {after}, and here that record is of epoch {found}"
            )));
        }
        self.next = frame;
        Ok(())
    }
}

impl OfflineFollow {
    fn is_left_out(&self, bytes: &[u8]) -> bool {
        // What can't be read is not left out: whoever takes it says so.
        !self.left_out.is_empty()
            && matches!(decode(bytes), Ok(Record::Auction(event)) if self.left_out.contains(&event.auction))
    }
}

impl Follow for OfflineFollow {
    async fn ready(&mut self) -> Result<(), SourceError> {
        if self.position.lsn < self.end { Ok(()) } else { std::future::pending().await }
    }

    async fn take(&mut self, into: &mut Records) -> Result<(), SourceError> {
        let mut taken = 0;
        while taken < TAKE_BYTES && self.position.lsn < self.end {
            let frame = match self.next.take() {
                Some(frame) => frame,
                None => match self.frames.next() {
                    Some(frame) => frame.map_err(source_error)?,
                    None => break,
                },
            };
            let (shard, epoch) = (frame.shard(), frame.epoch());
            for (lsn, record) in frame.records().filter(|(lsn, _)| *lsn <= self.end) {
                let position = Position { shard, epoch, lsn };
                if lsn > self.position.lsn {
                    self.position = position;
                    if !self.is_left_out(record) {
                        into.push(position, record);
                        taken += record.len();
                    }
                }
            }
        }
        // Other shards have their turn in between.
        tokio::task::yield_now().await;
        Ok(())
    }

    fn durable(&self) -> Lsn {
        self.end
    }

    fn position(&self) -> Position {
        self.position
    }

    fn acknowledge(&mut self, _: Position) {}
}

fn source_error(error: ReadError) -> SourceError {
    SourceError::Unfit(error.to_string())
}
