//! Moves frames out of sled into the archive.
//!
//! The order, on which everything rests: the archive file is synced, renamed, its directory synced; then it is published to the
//! readers; then the floor is written; only then do the frames go, a few at a time, so that commits come in between. A crash before
//! the removal leaves frames in both places, where the archive counts; the next call removes them from the log.

use super::reader::{Lsns, SledReader, first_of, last_frame};
use super::{Engine, key};
use crate::archive::{self, Archive};
use crate::chain::Tip;
use crate::floor;
use crate::frame::Frame;
use crate::joined::Tail;
use crate::limits::{
    ARCHIVE_EXTEND_BYTES_MAX, ARCHIVE_EXTEND_SPAN_SECS_MAX, TRIM_PAUSE_MS, TRIM_STEP_BYTES, TRIM_STEP_FRAMES,
};
use crate::log::{LogReader, ReadError};
use crate::quiet::quietly;
use crate::snapshot;
use crate::trim::{Expired, Expiry, Moved, ShardUsage, Trim, TrimError, Usage};
use gavel_core::limits::SHARDS_MAX;
use gavel_core::{Duration, Epoch, Lsn, ShardId, Timestamp};
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of every shard's frames in the log.
#[derive(Clone)]
pub(super) struct FrameBytes(Arc<[AtomicU64; SHARDS_MAX]>);

impl FrameBytes {
    pub(super) fn new() -> Self {
        Self(Arc::new([const { AtomicU64::new(0) }; SHARDS_MAX]))
    }

    pub(super) fn add(&self, shard: ShardId, bytes: u64) {
        self.0[usize::from(shard.0)].fetch_add(bytes, Ordering::Relaxed);
    }

    fn take(&self, shard: ShardId, bytes: u64) {
        let less = |now: u64| Some(now.saturating_sub(bytes));
        // It always gives something.
        let _before = self.0[usize::from(shard.0)].fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    fn get(&self, shard: ShardId) -> u64 {
        self.0[usize::from(shard.0)].load(Ordering::Relaxed)
    }
}

/// What the log shares with its trimmer.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) archive: Arc<Archive>,
    pub(super) durable: Lsns,
    /// What the mark tells of. The archive never goes beyond it, so that the mark always tells of something the log holds.
    pub(super) marked: Lsns,
    pub(super) frame_bytes: FrameBytes,
    /// The log or its trimmer has failed: neither writes any more.
    pub(super) failed: Arc<AtomicBool>,
    pub(super) dir: PathBuf,
    /// One call at a time.
    pub(super) trimming: Arc<Mutex<()>>,
}

/// The trimmer of a log on sled.
pub(super) struct SledTrimmer {
    pub(super) engine: Arc<Engine>,
    pub(super) file: Arc<File>,
    pub(super) shared: Shared,
}

impl Trim for SledTrimmer {
    fn archive(&self, shard: ShardId, up_to: Lsn, now: Timestamp) -> Result<Moved, TrimError> {
        let _one = self.shared.trimming.lock().unwrap_or_else(PoisonError::into_inner);
        let mut moved = Moved::default();
        loop {
            self.check_alive()?;
            moved.removed += self.remove_archived(shard, now)?;
            let Some(file) = self.write_file(shard, up_to, now, &mut moved)? else { break };
            self.shared.archive.publish(file);
        }
        moved.archived = self.shared.archive.end(shard).unwrap_or_default().lsn;
        Ok(moved)
    }

    fn expire(&self, limits: Expiry) -> Result<Expired, TrimError> {
        let _one = self.shared.trimming.lock().unwrap_or_else(PoisonError::into_inner);
        let Expiry { now, keep, bytes_max } = limits;
        let mut expired = Expired::default();
        for shard in self.shared.archive.shards() {
            while let Some(file) = self.expendable(shard)?
                && file.last_at.saturating_add(keep) < now
            {
                self.remove_file(&file, &mut expired)?;
            }
        }
        let Some(bytes_max) = bytes_max else { return Ok(expired) };
        loop {
            let over = self.shared.archive.bytes_and_files().0.saturating_sub(bytes_max);
            let Some(file) = self.oldest_expendable()?.filter(|_| over > 0) else {
                expired.bytes_over = over;
                return Ok(expired);
            };
            self.remove_file(&file, &mut expired)?;
        }
    }

    fn nearness(&self, shard: ShardId, lsn: Lsn, limits: Expiry) -> Option<u64> {
        let Expiry { now, keep, bytes_max } = limits;
        let archive = &self.shared.archive;
        let file = archive.find(shard, lsn)?;
        if archive.end(shard).is_none_or(|end| end == file.last) {
            return None;
        }
        let by_age = percent(now.since(file.last_at).micros(), keep.micros());
        // The oldest go first; so it stays as long as it fits in together with what is newer.
        let by_size = bytes_max.map_or(0, |most| percent(archive.bytes_since(file.last_at), most));
        Some(by_age.max(by_size))
    }

    fn usage(&self) -> Result<Usage, TrimError> {
        use std::os::unix::fs::MetadataExt;
        let Shared { archive, durable, marked: _, frame_bytes, failed: _, dir, trimming: _ } = &self.shared;
        let reader =
            SledReader { engine: self.engine.clone(), archive: archive.clone(), durable: durable.clone() };
        let shard_usage = |shard| ShardUsage {
            oldest: reader.oldest(shard),
            archived: archive.end(shard).unwrap_or_default().lsn,
            log_first: self.engine.first(shard).unwrap_or(Lsn(1)),
            durable: durable.get(shard),
            log_frame_bytes: frame_bytes.get(shard),
        };
        let shards = (0..=u8::MAX).map(ShardId).filter(|shard| durable.get(*shard) > Lsn(0));
        let (archive_bytes, archive_files) = archive.bytes_and_files();
        let shards: std::collections::BTreeMap<_, _> =
            shards.map(|shard| (shard, shard_usage(shard))).collect();
        Ok(Usage {
            log_bytes: self.file.metadata()?.blocks() * 512,
            log_frame_bytes: shards.values().map(|shard| shard.log_frame_bytes).sum(),
            archive_bytes,
            archive_files,
            archive_files_bad: archive.bad().len() as u64,
            snapshot_bytes: snapshot::bytes(dir)?,
            shards,
        })
    }
}

impl SledTrimmer {
    fn check_alive(&self) -> Result<(), TrimError> {
        if self.shared.failed.load(Ordering::Acquire) { Err(TrimError::Poisoned) } else { Ok(()) }
    }

    /// Writes the next archive file of the shard, if there is a frame to move, and counts it in.
    fn write_file(
        &self,
        shard: ShardId,
        up_to: Lsn,
        now: Timestamp,
        moved: &mut Moved,
    ) -> Result<Option<archive::Summary>, TrimError> {
        let Shared { archive, durable, marked, .. } = &self.shared;
        let limit = up_to.min(marked.get(shard));
        let next = archive.end(shard).unwrap_or_default().lsn.next();
        let next = next.max(self.engine.first(shard).unwrap_or(Lsn(1)));
        let mut writer: Option<archive::Writer> = None;
        for frame in self.engine.frames_from(shard, next) {
            let frame = frame.map_err(|cause| ReadError { shard, at: next, cause })?;
            if frame.last() > limit || frame.last() >= durable.get(shard) {
                break;
            }
            let writer = match &mut writer {
                Some(writer) => writer,
                None => writer.insert(self.begin_file(&frame, now)?),
            };
            writer.push(&frame)?;
            moved.frames += 1;
            moved.frame_bytes += frame.bytes().len() as u64;
            if writer.is_full() {
                break;
            }
        }
        let file = writer.map(|writer| writer.finish()).transpose()?;
        moved.files += u64::from(file.is_some());
        moved.archive_bytes += file.as_ref().map_or(0, |file| file.bytes);
        Ok(file)
    }

    /// The file that the frame goes into: the newest anew, while it is short and not old; else the next.
    fn begin_file(&self, frame: &Frame, now: Timestamp) -> Result<archive::Writer, TrimError> {
        let Shared { archive, dir, .. } = &self.shared;
        let base = self.base(frame);
        let newest =
            archive.newest(frame.shard()).filter(|newest| newest.last == base && is_extended(newest, now));
        if let Some(newest) = newest {
            match archive::Writer::extend(dir, &newest, now) {
                Ok(writer) => return Ok(writer),
                // Damaged or not: it stays as it is, and what follows does not depend on it.
                Err(error) if error.path == newest.path => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(archive::Writer::create(dir, frame.shard(), base, now)?)
    }

    /// What the archive goes on after: its end; where it has none that fits, what the frame itself says is before it.
    fn base(&self, frame: &Frame) -> Tip {
        let before = before(frame);
        let end = self.shared.archive.end(frame.shard()).unwrap_or_default();
        if (end.lsn, end.hash) == (before.lsn, before.hash) { end } else { before }
    }

    /// Removes from the log what the archive holds, but for the shard's last frame. Gives how many frames.
    fn remove_archived(&self, shard: ShardId, now: Timestamp) -> Result<u64, TrimError> {
        let Some(end) = self.shared.archive.end(shard) else { return Ok(0) };
        let last =
            last_frame(&self.engine.db, shard).map_err(|cause| ReadError { shard, at: end.lsn, cause })?;
        let Some(last) = last else { return Ok(0) };
        let stop = last.first().min(end.lsn.next());
        if self.engine.first(shard).is_none_or(|first| first >= stop) {
            return Ok(0);
        }
        self.write_floor(shard, stop, &last, end, now)?;
        let mut removed = 0;
        loop {
            self.check_alive()?;
            let step = self.engine(|db| remove_some(db, shard, stop))?;
            if step.is_empty() {
                return Ok(removed);
            }
            removed += step.len() as u64;
            self.shared.frame_bytes.take(shard, step.into_iter().sum());
            std::thread::sleep(std::time::Duration::from_millis(TRIM_PAUSE_MS));
        }
    }

    fn write_floor(
        &self,
        shard: ShardId,
        stop: Lsn,
        last: &Frame,
        end: Tip,
        now: Timestamp,
    ) -> Result<(), TrimError> {
        let floor = if stop == end.lsn.next() { end } else { before(last) };
        let bytes = floor::to_bytes(shard, floor, now);
        self.engine(|db| db.insert(key(shard, Lsn(0)), &bytes[..]).map(drop))
    }

    /// Runs what writes to sled. A failure is the log's.
    fn engine<T>(&self, call: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, TrimError> {
        let failed = match quietly(|| call(&self.engine.db)) {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic,
        };
        self.shared.failed.store(true, Ordering::Release);
        Err(TrimError::Engine { message: failed })
    }

    /// The shard's oldest archive file, where nobody needs it and it is not the last.
    fn expendable(&self, shard: ShardId) -> Result<Option<Arc<archive::Summary>>, TrimError> {
        let files = self.shared.archive.files(shard);
        let Some([oldest, ..]) = files.get(..2) else { return Ok(None) };
        let replayed_after = snapshot::oldest_from(&self.shared.dir, shard)?.unwrap_or(Lsn(0));
        Ok((oldest.last.lsn <= replayed_after).then(|| oldest.clone()))
    }

    fn oldest_expendable(&self) -> Result<Option<Arc<archive::Summary>>, TrimError> {
        let mut oldest: Option<Arc<archive::Summary>> = None;
        for shard in self.shared.archive.shards() {
            let file = self.expendable(shard)?;
            oldest = oldest.into_iter().chain(file).min_by_key(|file| file.last_at);
        }
        Ok(oldest)
    }

    fn remove_file(&self, file: &archive::Summary, expired: &mut Expired) -> Result<(), TrimError> {
        self.shared.archive.remove_oldest(file.shard)?;
        expired.files += 1;
        expired.bytes += file.bytes;
        Ok(())
    }
}

fn percent(part: u64, of: u64) -> u64 {
    part.saturating_mul(100) / of.max(1)
}

/// Whether further frames go into this archive file.
fn is_extended(newest: &archive::Summary, now: Timestamp) -> bool {
    let span = Duration::from_secs(ARCHIVE_EXTEND_SPAN_SECS_MAX);
    newest.sealed && newest.frame_bytes < ARCHIVE_EXTEND_BYTES_MAX && now.since(newest.first_at) < span
}

/// The frame before this one, as far as this one tells: not its epoch.
fn before(frame: &Frame) -> Tip {
    Tip { epoch: Epoch(0), lsn: Lsn(frame.first().0 - 1), hash: frame.previous() }
}

/// Removes a shard's first frames, a few of those that begin before `stop`. Gives their lengths.
fn remove_some(db: &sled::Db, shard: ShardId, stop: Lsn) -> sled::Result<Vec<u64>> {
    let (mut keys, mut bytes) = (Vec::new(), 0);
    for frame in db.range(key(shard, Lsn(1))..key(shard, stop)).take(TRIM_STEP_FRAMES) {
        let (key, value) = frame?;
        debug_assert!(first_of(&key).is_some_and(|first| first < stop));
        bytes += value.len();
        keys.push(key);
        if bytes >= TRIM_STEP_BYTES {
            break;
        }
    }
    let mut lengths = Vec::with_capacity(keys.len());
    for key in keys {
        lengths.extend(db.remove(&key)?.map(|value| value.len() as u64));
    }
    Ok(lengths)
}
