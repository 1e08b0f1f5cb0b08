//! Gets every whole frame out of a directory, whatever else is damaged in it, and chains them as far as they chain.
//!
//! The pieces are frames of the log's file, archive files that are whole, and frames of whole blocks of those that are not. Each says
//! what it goes on after, so pieces become runs. Where two claim the same place, epoch tells which counts: the higher one is the
//! later. What the best runs do not cover is missing.

use super::{Progress, Stage};
use crate::archive::{self, ARCHIVE_DIR, ArchiveCause, ArchiveError, FileFrames, Summary, Writer};
use crate::chain::{ChainHash, Tip};
use crate::frame::Frame;
use crate::mark::Mark;
use crate::scanner::{Found, Scan, scan_dir_with};
use gavel_core::{Epoch, Lsn, ShardId, Timestamp};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Error;
use std::path::{Path, PathBuf};

/// What can be got out of a directory.
#[derive(Debug)]
pub struct Salvage {
    scan: Option<Scan>,
    shards: BTreeMap<ShardId, Vec<Run>>,
    marked: BTreeMap<ShardId, Tip>,
    damaged: Vec<ArchiveError>,
}

/// Frames of a shard that follow each other.
#[derive(Clone, Debug)]
pub struct Run {
    /// The frame before the first, as far as the first tells of it (its epoch may be 0: unknown).
    pub base: Tip,
    /// The last frame.
    pub last: Tip,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
struct Piece {
    shard: ShardId,
    first: Lsn,
    previous: ChainHash,
    tip: Tip,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    /// A frame in the log's file.
    Log(Found),
    /// A whole archive file.
    File(PathBuf),
    /// A frame in a damaged one.
    Block { path: PathBuf, offset: u64 },
}

impl Salvage {
    /// Looks at everything in a data directory or backup. Changes nothing.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn scan(dir: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Self, Error> {
        let scan =
            scan_dir_with(dir, &mut |done, total| progress(Progress { stage: Stage::Log, done, total }))?;
        let mut pieces: Vec<Piece> = Vec::new();
        if let Some(scan) = &scan {
            pieces.extend(scan.found().map(|(shard, found)| Piece::of_log(shard, found)));
        }
        let damaged = archive_pieces(dir, progress, &mut pieces)?;
        // A mark that is damaged too says nothing of what is missing at the end.
        let marked = Mark::read(dir).ok().flatten().map(|mark| mark.tips).unwrap_or_default();
        Ok(Self { scan, shards: runs(pieces), marked, damaged })
    }

    /// The shards of which there is anything, ascending.
    #[must_use]
    pub fn shards(&self) -> Vec<ShardId> {
        self.shards.keys().copied().collect()
    }

    /// What there is of a shard, in order.
    #[must_use]
    pub fn runs(&self, shard: ShardId) -> &[Run] {
        self.shards.get(&shard).map_or(&[], Vec::as_slice)
    }

    /// The archive files that are damaged; what is whole in them counts all the same.
    #[must_use]
    pub fn damaged(&self) -> &[ArchiveError] {
        &self.damaged
    }

    /// The records of a shard that are nowhere, from the first to the last that the mark tells of: each gap's first and last. What is
    /// before the first run may have expired.
    #[must_use]
    pub fn missing(&self, shard: ShardId) -> Vec<(Lsn, Lsn)> {
        let runs = self.runs(shard);
        let ends = std::iter::once(Lsn(0)).chain(runs.iter().map(|run| run.last.lsn));
        let marked = self.marked.get(&shard).copied().unwrap_or_default().lsn;
        let starts = runs.iter().map(|run| run.base.lsn).chain([marked]);
        let gaps = ends.zip(starts).filter(|(end, start)| end < start);
        gaps.map(|(end, start)| (end.next(), start)).collect()
    }

    /// The frames of a run in order.
    pub fn frames<'a>(&'a self, run: &'a Run) -> impl Iterator<Item = Result<Frame, ArchiveError>> + 'a {
        run.pieces.iter().flat_map(|piece| self.frames_of(piece))
    }

    fn frames_of(&self, piece: &Piece) -> Box<dyn Iterator<Item = Result<Frame, ArchiveError>> + '_> {
        match &piece.place {
            Place::Log(found) => {
                let read = self.scan.as_ref().map(|scan| scan.read(found).map_err(|error| scan.error(error)));
                Box::new(read.into_iter())
            }
            Place::File(path) => match FileFrames::open(path, piece.first) {
                Ok(frames) => Box::new(frames),
                Err(error) => Box::new(std::iter::once(Err(error))),
            },
            Place::Block { path, offset } => Box::new(std::iter::once(frame_in_block(path, *offset, piece))),
        }
    }

    /// Writes all runs of all shards as archive files into another directory, which is then a backup as far as it goes.
    ///
    /// # Errors
    /// What was found cannot be read any more, or the file system refuses.
    pub fn write(
        &self,
        to: &Path,
        now: Timestamp,
        progress: &mut dyn FnMut(ShardId, Lsn),
    ) -> Result<Vec<Summary>, ArchiveError> {
        let io = |error: Error| ArchiveError { path: to.join(ARCHIVE_DIR), cause: ArchiveCause::from(error) };
        let mut files = Vec::new();
        for (shard, run) in
            self.shards.iter().flat_map(|(shard, runs)| runs.iter().map(move |run| (*shard, run)))
        {
            let mut writer = Writer::create(to, shard, run.base, now).map_err(io)?;
            for frame in self.frames(run) {
                let frame = frame?;
                if writer.is_full() {
                    let next = Writer::create(to, shard, writer.tip(), now).map_err(io)?;
                    files.push(std::mem::replace(&mut writer, next).finish().map_err(io)?);
                }
                writer.push(&frame)?;
                progress(shard, frame.last());
            }
            files.push(writer.finish().map_err(io)?);
        }
        Ok(files)
    }
}

impl Run {
    /// The first record.
    #[must_use]
    pub fn first(&self) -> Lsn {
        self.base.lsn.next()
    }
}

impl Piece {
    fn of_log(shard: ShardId, found: &Found) -> Self {
        let Found { tip, first, previous, .. } = *found;
        Self { shard, first, previous, tip, place: Place::Log(*found) }
    }

    fn of_file(file: &Summary) -> Self {
        let (shard, first, previous, tip) = (file.shard, file.first(), file.base.hash, file.last);
        Self { shard, first, previous, tip, place: Place::File(file.path.clone()) }
    }

    fn of_block(path: &Path, offset: u64, frame: &Frame) -> Self {
        let place = Place::Block { path: path.to_owned(), offset };
        let (shard, first, previous) = (frame.shard(), frame.first(), frame.previous());
        Self { shard, first, previous, tip: Tip::of(frame), place }
    }
}

fn frame_in_block(path: &Path, offset: u64, piece: &Piece) -> Result<Frame, ArchiveError> {
    let frames = archive::block_at(path, offset)?;
    let found = frames.into_iter().find(|frame| frame.hash() == piece.tip.hash);
    found.ok_or_else(|| ArchiveError { path: path.to_owned(), cause: ArchiveCause::Damaged { offset } })
}

/// Adds what the archive holds. Gives the files that are damaged.
fn archive_pieces(
    dir: &Path,
    progress: &mut dyn FnMut(Progress),
    pieces: &mut Vec<Piece>,
) -> Result<Vec<ArchiveError>, Error> {
    let paths = archive::all_files(dir)?;
    let bytes = |path: &PathBuf| path.metadata().map_or(0, |metadata| metadata.len());
    let (mut done, total) = (0, paths.iter().map(bytes).sum());
    let mut damaged = Vec::new();
    for path in paths {
        progress(Progress { stage: Stage::Archive, done, total });
        done += bytes(&path);
        match archive::check(&path) {
            Ok(file) if file.frames > 0 => pieces.push(Piece::of_file(&file)),
            Ok(_) => {}
            Err(error) => {
                let take = |offset, frame: Frame| pieces.push(Piece::of_block(&path, offset, &frame));
                damaged.push(error);
                // What cannot even be read has been named.
                let _flaws = archive::whole_frames(&path, take);
            }
        }
    }
    Ok(damaged)
}

/// The best runs that the pieces make, by shard, in order and without overlap.
fn runs(pieces: Vec<Piece>) -> BTreeMap<ShardId, Vec<Run>> {
    let mut shards: BTreeMap<ShardId, Vec<Piece>> = BTreeMap::new();
    pieces.into_iter().for_each(|piece| shards.entry(piece.shard).or_default().push(piece));
    shards.into_iter().map(|(shard, pieces)| (shard, disjoint(chained(pieces)))).collect()
}

/// A run from each piece that goes on after nothing that there is.
fn chained(pieces: Vec<Piece>) -> Vec<Run> {
    let ends: HashSet<ChainHash> = pieces.iter().map(|piece| piece.tip.hash).collect();
    let mut followers: HashMap<ChainHash, &Piece> = HashMap::new();
    for piece in &pieces {
        let best = followers.entry(piece.previous).or_insert(piece);
        if (piece.tip.epoch, piece.tip.lsn) > (best.tip.epoch, best.tip.lsn) {
            *best = piece;
        }
    }
    let mut roots: Vec<&Piece> = pieces.iter().filter(|piece| !ends.contains(&piece.previous)).collect();
    // All pieces without one before them share the hash that stands for nothing: one of them counts.
    roots.retain(|piece| piece.first > Lsn(1) || followers[&piece.previous].tip == piece.tip);
    roots.into_iter().map(|root| run_from(root, &followers)).collect()
}

fn run_from(root: &Piece, followers: &HashMap<ChainHash, &Piece>) -> Run {
    let base = Tip { epoch: Epoch(0), lsn: Lsn(root.first.0 - 1), hash: root.previous };
    let (mut pieces, mut last) = (vec![root.clone()], root.tip);
    while let Some(piece) = followers.get(&last.hash)
        && piece.first == last.lsn.next()
    {
        pieces.push((*piece).clone());
        last = piece.tip;
    }
    Run { base, last, pieces }
}

/// Of runs that overlap the one that ends later in epoch and Lsn counts, and of those the longer one.
fn disjoint(mut runs: Vec<Run>) -> Vec<Run> {
    runs.sort_by_key(|run| {
        std::cmp::Reverse((run.last.epoch, run.last.lsn, std::cmp::Reverse(run.base.lsn)))
    });
    let mut kept: Vec<Run> = Vec::new();
    for run in runs {
        if kept.iter().all(|other| run.last.lsn <= other.base.lsn || other.last.lsn <= run.base.lsn) {
            kept.push(run);
        }
    }
    kept.sort_by_key(|run| run.base.lsn);
    kept
}
