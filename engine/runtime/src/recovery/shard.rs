//! One shard's recovery: its newest whole snapshot, then the frames behind it.
//!
//! A snapshot that is damaged, does not hold what its foot says, or is not of this log is left aside with a warning: the one before
//! it is tried, and then the start of the history. What a snapshot spares is time, never truth: the frames lead to the same state.

use crate::engine::{Failure, Phase, Shared};
use crate::options::EngineOptions;
use crate::shard::{Book, ReplayError};
use gavel_core::event::ShardEvent;
use gavel_core::placement::PlacementChange;
use gavel_core::{Duration, Lsn, Position, ShardId, Timestamp};
use gavel_log::record::{Record, decode};
use gavel_log::snapshot::{self, Foot, Head, SnapshotError};
use gavel_log::state::{Loader, Restored, StateError};
use gavel_log::{Frame, LogReader, Tip};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// One shard's state, and what its log says about all of them.
pub(super) struct Recovered {
    pub(super) book: Book,
    /// Changes of placement with their times, from shard 0.
    pub(super) changes: Vec<(PlacementChange, Timestamp)>,
    /// The latest record of the changes that came from a snapshot.
    placement_as_of: Lsn,
    /// When its last generation started.
    started: Option<Timestamp>,
    /// The time of the last record beyond those that a start itself writes.
    pub(super) alive_at: Option<Timestamp>,
}

impl Recovered {
    pub(super) fn new(shard: ShardId, retire_after: Duration) -> Self {
        let (book, changes) = (Book::new(shard, retire_after), Vec::new());
        Self { book, changes, placement_as_of: Lsn(0), started: None, alive_at: None }
    }

    /// Notes what a record of this time says about when the shard was alive.
    ///
    /// What a start writes is no sign of life: a crash may have cut it short when it had moved the ends of some auctions and not
    /// of others, so the outage went on. A start that was completed is marked, and everything else comes after that.
    fn note(&mut self, record: &Record, at: Timestamp) {
        if let Record::Shard(ShardEvent::EpochStarted { .. }) = record {
            self.started = Some(at);
        } else if self.started.is_none_or(|started| at > started) {
            self.alive_at = self.alive_at.max(Some(at));
        }
    }

    /// Takes a part of a snapshot in.
    fn restore(&mut self, part: Restored) {
        match part {
            Restored::Placement(as_of) => self.placement_as_of = as_of,
            Restored::Change(change) => self.changes.push((change, Timestamp::default())),
            part => self.book.restore(part),
        }
    }

    fn replay(&mut self, frame: &Frame) -> Result<(), Failure> {
        for (lsn, bytes) in frame.records() {
            let position = Position { shard: frame.shard(), epoch: frame.epoch(), lsn };
            let record = decode(bytes)
                .map_err(|error| Failure::Refused(format!("the record at {position}: {error}")))?;
            let at = time_of(&record);
            self.note(&record, at);
            let change = self
                .book
                .replay(record, position)
                .map_err(|error: ReplayError| Failure::Refused(error.to_string()))?;
            if let Some(change) = change.filter(|_| lsn > self.placement_as_of) {
                self.changes.push((change, at));
            }
        }
        Ok(())
    }
}

/// When the engine decided what the record says.
pub(crate) fn time_of(record: &Record) -> Timestamp {
    match record {
        Record::Auction(event) => event.stamp.decided,
        Record::Shard(
            ShardEvent::EpochStarted { at, .. }
            | ShardEvent::Banned { at, .. }
            | ShardEvent::Unbanned { at, .. }
            | ShardEvent::PlacementChanged { at, .. }
            | ShardEvent::AuctionsRetired { at, .. },
        ) => *at,
    }
}

/// Why a snapshot is not used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    File(#[from] SnapshotError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("its foot tells of {said} auctions, it holds {found}")]
    Auctions { said: u64, found: u64 },
    #[error("it ends without a foot")]
    NoFoot,
    #[error("it is of shard {0}")]
    Shard(ShardId),
    #[error("it goes up to Lsn {}, but the log ends at {}", until.0, durable.0)]
    Ahead { until: Lsn, durable: Lsn },
    #[error("the frame that it was taken after is not the one in the log")]
    OtherHistory,
    #[error("recovery was stopped")]
    Stopped,
}

/// Takes a snapshot that can't be used out of those that count: else it would stand for the newest, and the next one would push out
/// the one that was of use.
fn put_aside(path: &Path) {
    match snapshot::put_aside(path) {
        Ok(aside) => tracing::warn!(path = %aside.display(), "the snapshot was put aside"),
        Err(error) => tracing::error!(%error, "the snapshot can't be put aside: remove it by hand"),
    }
}

/// The recovery of one shard.
pub(super) struct Recovery<'a> {
    pub(super) shared: &'a Shared,
    pub(super) options: &'a EngineOptions,
    pub(super) reader: &'a dyn LogReader,
    pub(super) shard: ShardId,
    /// The end of its log.
    pub(super) tip: Tip,
}

impl Recovery<'_> {
    pub(super) fn run(&self) -> Result<Recovered, Failure> {
        let (snapshot, unusable) = self.newest_snapshot()?;
        let mut recovered = snapshot.unwrap_or_else(|| Recovered::new(self.shard, self.options.retire_after));
        let from = recovered.book.last();
        self.count(&self.shared.progress.records, from.0);
        self.count(&self.shared.progress.records_in_snapshots, from.0);
        for frame in self.reader.read_from(self.shard, from.next()) {
            let frame = frame.map_err(|error| Failure::Refused(error.to_string()))?;
            recovered.replay(&frame)?;
            self.count(&self.shared.progress.records, u64::from(frame.count()));
            if self.stopped() {
                return Ok(recovered);
            }
        }
        // Only now it is certain that nothing needs them.
        unusable.iter().for_each(|path| put_aside(path));
        // Nobody looks yet: as long as the log is read, everybody hears so.
        self.shared.live.insert_all(self.shard, recovered.book.live_auctions());
        Ok(recovered)
    }

    fn count(&self, counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }

    fn stopped(&self) -> bool {
        self.shared.phase() != Phase::Loading
    }

    /// The state of the newest snapshot that is whole, `None` where there is none; and those newer ones that are not.
    fn newest_snapshot(&self) -> Result<(Option<Recovered>, Vec<PathBuf>), Failure> {
        let mut unusable = Vec::new();
        let Some(history) = &self.options.history else { return Ok((None, unusable)) };
        let files = snapshot::list(&history.dir, self.shard)
            .map_err(|error| Failure::Log(format!("the snapshots can't be listed: {error}")))?;
        for path in files {
            match self.load(&path) {
                Ok(recovered) => return Ok((Some(recovered), unusable)),
                Err(Unusable::Stopped) => break,
                Err(error) => {
                    let (shard, file) = (self.shard, path.display());
                    tracing::warn!(%shard, path = %file, %error, "a snapshot can't be used; recovery goes back further");
                    unusable.push(path);
                }
            }
        }
        Ok((None, unusable))
    }

    fn load(&self, path: &Path) -> Result<Recovered, Unusable> {
        let progress = &self.shared.progress;
        let mut reader = snapshot::Reader::open(path)?;
        let head = *reader.head();
        self.check_head(&head)?;
        self.count(&progress.snapshot_bytes_total, reader.bytes());
        let mut recovered = Recovered::new(self.shard, self.options.retire_after);
        let (mut loader, mut auctions) = (Loader::default(), 0);
        while let Some(block) = reader.next_block()? {
            self.count(&progress.snapshot_bytes, block.len() as u64);
            loader.block(block, |part| {
                auctions += u64::from(matches!(part, Restored::Auction(..)));
                recovered.restore(part);
            })?;
            if self.stopped() {
                return Err(Unusable::Stopped);
            }
        }
        loader.finish()?;
        let foot = *reader.foot().ok_or(Unusable::NoFoot)?;
        self.check_foot(&foot, auctions)?;
        recovered.book.restored(head.from, foot.until);
        // That a snapshot was begun is a sign of life: none is before the start that it belongs to was completed.
        recovered.started = recovered.book.started();
        recovered.alive_at = Some(head.at);
        Ok(recovered)
    }

    /// The snapshot was taken of this log, which goes on after it.
    fn check_head(&self, head: &Head) -> Result<(), Unusable> {
        let Head { shard, from, at: _ } = *head;
        if shard != self.shard {
            return Err(Unusable::Shard(shard));
        }
        if from.lsn > self.tip.lsn {
            return Err(Unusable::Ahead { until: from.lsn, durable: self.tip.lsn });
        }
        let goes_on = match self.reader.read_from(shard, from.lsn.next()).next() {
            None => self.tip == from,
            Some(Ok(frame)) => frame.previous() == from.hash && frame.first() == from.lsn.next(),
            Some(Err(_)) => false,
        };
        if goes_on { Ok(()) } else { Err(Unusable::OtherHistory) }
    }

    /// The bytes are those that were written: the reader has held them against the foot's hash. What they lead to was read back when they
    /// were written, and `gavel log verify` holds it against the foot's digest: at a start that would take a third of the time.
    fn check_foot(&self, foot: &Foot, auctions: u64) -> Result<(), Unusable> {
        let Foot { until, auctions: said, digest: _ } = *foot;
        if until > self.tip.lsn {
            return Err(Unusable::Ahead { until, durable: self.tip.lsn });
        }
        if said != auctions {
            return Err(Unusable::Auctions { said, found: auctions });
        }
        Ok(())
    }
}
