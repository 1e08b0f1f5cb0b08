//! The scanner: reads sled's file without sled, and without changing a byte of it.
//!
//! Opening is not reading: sled takes a damaged message for the end of the log, opens with what is before it and writes
//! over the rest. So before sled opens, this finds every frame that lies in the file, whole or damaged, and what sled would
//! make of the file. It is also how offline tools read a log, and how frames are got out of a file that sled does not open.
//!
//! - `find` looks for frames: magic, length, CRC32C. A value lies contiguous in the file, inside one segment.
//! - `reach` follows sled's own messages the way its recovery does, to know which bytes it would read at all.
//! - `verify` holds both against the mark.
//!
//! Segments are looked at on all processors, as none needs what lies in another, and put together in their order in the file.
//!
//! The file holds old copies of frames (sled writes pages anew), and may hold frames of a commit that never finished, and
//! of generations that a crash cut off. Epoch and chain tell which count: going back from a tip by the hashes, there is
//! one way to the first frame; going on from a tip, the higher epoch is the later one.

mod find;
mod reach;
mod verify;

pub(crate) use reach::begins_like_a_segment;
pub use verify::{Cause, Flaw};
pub(crate) use verify::{latest_snapshot, snapshot_is_whole};

use crate::archive::{ArchiveCause, ArchiveError};
use crate::chain::{ChainHash, Tip};
use crate::frame::{Frame, FrameError, UncheckedFrame};
use crate::limits::SEGMENT_BYTES;
use crate::log::Tips;
use crate::sled_log::{DB_FILE, LOG_DIR};
use find::Finds;
use gavel_core::{Lsn, ShardId};
use reach::Reach;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What lies in a log's file.
#[derive(Debug)]
pub struct Scan {
    path: PathBuf,
    file: File,
    /// Every whole frame, by shard and hash; of several copies the one that sled would read.
    frames: HashMap<(ShardId, ChainHash), Found>,
    /// What begins like a frame and is none.
    damaged: Vec<Damaged>,
    /// Where each shard's frames begin, where the log was truncated.
    floors: Tips,
    bytes: u64,
}

/// A whole frame in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it ends in its shard, and its hash.
    pub tip: Tip,
    /// Its first record.
    pub first: Lsn,
    /// The hash of the frame before it.
    pub previous: ChainHash,
    /// Where in the file it lies.
    pub offset: u64,
    /// Its length.
    pub length: u32,
    /// Whether sled would read this copy.
    pub reached: bool,
}

/// Bytes that begin like a frame and are none: damaged, or an old copy that was partly written over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Where in the file they lie.
    pub offset: u64,
    /// Its shard and last record as its header says them, as far as a damaged header can be believed.
    pub claims: Option<(ShardId, Lsn)>,
    /// What is wrong.
    pub error: FrameError,
}

/// Scans the log in a data directory, read-only. `None` when there is no log.
///
/// # Errors
/// The file cannot be read.
pub fn scan_dir(dir: &Path) -> Result<Option<Scan>, Error> {
    scan_dir_with(dir, &mut |_, _| {})
}

/// As [`scan_dir`], and tells after every 8 MiB how many bytes were read, and of how many.
///
/// # Errors
/// The file cannot be read.
pub fn scan_dir_with(dir: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Option<Scan>, Error> {
    let path = dir.join(LOG_DIR).join(DB_FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut reach = Reach::new(&dir.join(LOG_DIR))?;
    let segments = read_segments(&file, &reach, progress)?;
    let bytes = segments.iter().map(|segment| segment.bytes).sum();
    let mut finds = Finds::default();
    for segment in segments {
        finds.add(segment.finds);
        reach.add(segment.reach);
    }
    let Finds { frames, damaged, floors } = finds;
    let mut scan = Scan { path, file, frames: HashMap::new(), damaged, floors, bytes };
    scan.keep(frames, &reach.finish());
    Ok(Some(scan))
}

/// What one segment of the file holds.
struct Segment {
    number: u64,
    bytes: u64,
    finds: Finds,
    reach: Option<reach::Segment>,
}

/// Looks at every segment, on as many threads as there are processors, this one included. Gives them in the order of the file.
fn read_segments(
    file: &File,
    reach: &Reach,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<Segment>, Error> {
    let (next, read) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = |progress: &mut dyn FnMut(u64, u64)| -> Result<Vec<Segment>, Error> {
        let (mut segments, mut buffer) = (Vec::new(), vec![0; SEGMENT_BYTES]);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let base = number * SEGMENT_BYTES as u64;
            let length = read_full(file, &mut buffer, base)?;
            if length == 0 {
                return Ok(segments);
            }
            let (segment, bytes) = (&buffer[..length], length as u64);
            let (finds, reach) = (Finds::in_segment(segment, base), reach.look_at(segment, base));
            segments.push(Segment { number, bytes, finds, reach });
            let read = read.fetch_add(bytes, Ordering::Relaxed) + bytes;
            // Beside a running server it may grow meanwhile.
            progress(read, file.metadata()?.len().max(read));
        }
    };
    let others = std::thread::available_parallelism().map_or(0, |threads| threads.get() - 1);
    let others = others.min(usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX) / SEGMENT_BYTES);
    let mut segments = std::thread::scope(|scope| {
        let others: Vec<_> = (0..others).map(|_| scope.spawn(|| work(&mut |_, _| {}))).collect();
        let mut segments = work(progress)?;
        for other in others {
            let found =
                other.join().map_err(|_| Error::other("a thread that scanned the log has panicked"))?;
            segments.extend(found?);
        }
        Ok::<_, Error>(segments)
    })?;
    segments.sort_unstable_by_key(|segment| segment.number);
    Ok(segments)
}

/// Reads until the buffer is full or the file ends.
fn read_full(file: &File, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64)? {
            0 => break,
            length => filled += length,
        }
    }
    Ok(filled)
}

impl Scan {
    fn keep(&mut self, found: Vec<(ShardId, Found)>, reached: &reach::Reached) {
        for (shard, mut frame) in found {
            frame.reached = reached.contains(frame.offset, frame.length);
            let kept = self.frames.entry((shard, frame.tip.hash)).or_insert(frame);
            if frame.reached && !kept.reached {
                *kept = frame;
            }
        }
    }

    /// The file's length.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many different frames there are, over all shards and whether they count or not.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames.len()
    }

    /// What begins like a frame and is none.
    #[must_use]
    pub fn damaged(&self) -> &[Damaged] {
        &self.damaged
    }

    /// True when nothing in the file ever was, or was about to be, a frame.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.frames.is_empty() && self.damaged.is_empty()
    }

    /// After which frame each shard's log goes on, where it was truncated: by what the log itself says.
    #[must_use]
    pub fn floors(&self) -> &Tips {
        &self.floors
    }

    /// Every whole frame, in no order; whether it counts is another question. For salvage.
    pub fn found(&self) -> impl Iterator<Item = (ShardId, &Found)> {
        self.frames.iter().map(|((shard, _), found)| (*shard, found))
    }

    /// Each shard's unbroken log from its floor on (where there is none, from its first frame on), as far as it can be followed.
    #[must_use]
    pub fn logs(&self) -> BTreeMap<ShardId, Vec<Found>> {
        self.logs_after(&self.floors)
    }

    /// Each shard's unbroken log after these frames (a shard that is not named: from its first frame on), as far as it can be
    /// followed.
    #[must_use]
    pub fn logs_after(&self, floors: &Tips) -> BTreeMap<ShardId, Vec<Found>> {
        let mut followers: HashMap<(ShardId, ChainHash), Found> = HashMap::new();
        for ((shard, _), frame) in &self.frames {
            let latest = followers.entry((*shard, frame.previous)).or_insert(*frame);
            if frame.tip.epoch > latest.tip.epoch {
                *latest = *frame;
            }
        }
        let mut logs = BTreeMap::new();
        for shard in followers.keys().map(|(shard, _)| *shard) {
            logs.entry(shard).or_insert_with(|| {
                follow(&followers, shard, floors.get(&shard).copied().unwrap_or_default())
            });
        }
        logs.retain(|_, frames| !frames.is_empty());
        logs
    }

    /// Each shard's end, as far as its log can be followed.
    #[must_use]
    pub fn tips(&self) -> Tips {
        self.logs().into_iter().filter_map(|(shard, frames)| Some((shard, frames.last()?.tip))).collect()
    }

    /// Reads a frame that was found.
    ///
    /// # Errors
    /// The file cannot be read, or has changed since.
    pub fn read(&self, found: &Found) -> Result<Frame, Error> {
        let mut bytes = vec![0; found.length as usize];
        self.file.read_exact_at(&mut bytes, found.offset)?;
        let frame = UncheckedFrame(&bytes).check().map_err(Error::other)?;
        if frame.hash() == found.tip.hash { Ok(frame) } else { Err(Error::other("the file has changed")) }
    }

    /// Adds the frames that an earlier scan of the same file has found and this one has not: beside a running process a frame can be
    /// moved past the place that is being read.
    pub(crate) fn remember(&mut self, before: &Self) {
        for (name, found) in &before.frames {
            self.frames.entry(*name).or_insert(Found { reached: true, ..*found });
        }
    }

    /// An error of reading, with the file's path.
    pub(crate) fn error(&self, error: Error) -> ArchiveError {
        ArchiveError { path: self.path.clone(), cause: ArchiveCause::from(error) }
    }
}

/// The frames of a shard that follow each other from `tip` on.
fn follow(followers: &HashMap<(ShardId, ChainHash), Found>, shard: ShardId, mut tip: Tip) -> Vec<Found> {
    let mut log: Vec<Found> = Vec::new();
    while let Some(frame) = followers.get(&(shard, tip.hash))
        && frame.first == tip.lsn.next()
        && frame.tip.epoch >= tip.epoch
    {
        log.push(*frame);
        tip = frame.tip;
    }
    log
}
