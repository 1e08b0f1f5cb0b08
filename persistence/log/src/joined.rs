//! Archive and log, read as one, also while frames are being moved from the log into the archive.
//!
//! A frame is published in the archive before it leaves the log, so whenever the log turns out not to go on with the record that
//! is next, the archive is asked again; only when it does not hold the record either, something is wrong.

use crate::archive::{Archive, ArchiveCause, ArchiveError, FileFrames};
use crate::frame::Frame;
use crate::log::{CheckedFrames, Frames, ReadCause};
use gavel_core::{Lsn, ShardId};
use std::io::ErrorKind;
use std::sync::Arc;

/// Frames as they are stored, each checked by itself.
pub(crate) type Stored = Box<dyn Iterator<Item = Result<Frame, ReadCause>> + Send>;

/// What is not in the archive, or not only there.
pub(crate) trait Tail: Send + 'static {
    /// The frames of a shard in order, from the one that holds `from` on; where none does, from the one after.
    fn frames_from(&self, shard: ShardId, from: Lsn) -> Stored;

    /// The first record of a shard; `None` where it has none.
    fn first(&self, shard: ShardId) -> Option<Lsn>;
}

/// Reads a shard from the record `from` on, up to what is durable.
pub(crate) fn read<T: Tail>(
    archive: Arc<Archive>,
    log: T,
    shard: ShardId,
    from: Lsn,
    durable: Lsn,
) -> Frames {
    let next = from.max(Lsn(1));
    let joined = Joined { archive, log, shard, next, source: Source::Unknown };
    Box::new(CheckedFrames::new(joined, shard, from, durable))
}

/// The first record that there still is; 1 for a shard without any.
pub(crate) fn oldest<T: Tail>(archive: &Archive, log: &T, shard: ShardId) -> Lsn {
    archive.oldest(shard).or_else(|| log.first(shard)).unwrap_or(Lsn(1))
}

struct Joined<T> {
    archive: Arc<Archive>,
    log: T,
    shard: ShardId,
    next: Lsn,
    source: Source,
}

enum Source {
    Unknown,
    Archive(Box<FileFrames>),
    Log(Stored),
}

impl<T: Tail> Joined<T> {
    /// Finds where the next record lies.
    fn locate(&self) -> Result<Source, ReadCause> {
        let (shard, next) = (self.shard, self.next);
        let Some(file) = self.archive.find(shard, next) else {
            let oldest = oldest(&self.archive, &self.log, shard);
            if next < oldest {
                // Before what there is may lie what is damaged, which has not expired.
                let bad = self.archive.bad_at(shard, next);
                return Err(bad.map_or(ReadCause::Gone { oldest }, ReadCause::from));
            }
            return Ok(Source::Log(self.log.frames_from(shard, next)));
        };
        match FileFrames::open(&file.path, next) {
            Ok(frames) => Ok(Source::Archive(Box::new(frames))),
            Err(error) => Err(self.missing_file(error)),
        }
    }

    /// A file that is not there any more has expired; then there is an older oldest record.
    fn missing_file(&self, error: ArchiveError) -> ReadCause {
        let oldest = oldest(&self.archive, &self.log, self.shard);
        let expired = matches!(error.cause, ArchiveCause::Io { kind: ErrorKind::NotFound, .. });
        if expired && self.next < oldest { ReadCause::Gone { oldest } } else { error.into() }
    }

    /// What to make of a log that does not go on where it should: `None` when the archive goes on there.
    fn broken(&self, found: Option<Result<Frame, ReadCause>>) -> Option<Option<Result<Frame, ReadCause>>> {
        if self.archive.find(self.shard, self.next).is_some() {
            return None;
        }
        if found.as_ref().is_some_and(Result::is_err) {
            return Some(found);
        }
        Some(self.archive.bad_at(self.shard, self.next).map(|error| Err(error.into())).or(found))
    }

    fn took(&mut self, frame: Frame) -> Option<Result<Frame, ReadCause>> {
        self.next = frame.last().next();
        Some(Ok(frame))
    }
}

impl<T: Tail> Iterator for Joined<T> {
    type Item = Result<Frame, ReadCause>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match &mut self.source {
                Source::Unknown => match self.locate() {
                    Ok(source) => self.source = source,
                    Err(cause) => return Some(Err(cause)),
                },
                Source::Archive(frames) => match frames.next() {
                    Some(Ok(frame)) => return self.took(frame),
                    Some(Err(error)) => return Some(Err(error.into())),
                    None => self.source = Source::Unknown,
                },
                Source::Log(frames) => match frames.next() {
                    Some(Ok(frame)) if frame.first() <= self.next => return self.took(frame),
                    found => match self.broken(found) {
                        Some(found) => return found,
                        None => self.source = Source::Unknown,
                    },
                },
            }
        }
    }
}
