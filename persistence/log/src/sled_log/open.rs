//! Opening a log: look first, open sled only when everything durable is there, then look again.
//!
//! 1. Read the mark, look at the archive and scan the file, changing nothing.
//! 2. Refuse when a durable frame is missing, damaged, or lies where sled would not read; when sled's small files are
//!    damaged; when there are blobs; when there are frames but no mark.
//! 3. Clear away what an interrupted start has left: a half-made database without a mark, half-written snapshots and archive files.
//! 4. Open sled, sync `db`, `conf` and the directories (sled syncs none of them).
//! 5. Check that sled holds every durable tip; give the log its identity where it has none; write a new mark.

use super::error::{OpenError, OpenWarning};
use super::ours::check_engine_dir;
use super::reader::{Lsns, tips};
use super::trimmer::{FrameBytes, Shared};
use super::{DB_FILE, Engine, LOG_DIR, SledLog, key};
use crate::archive::{ARCHIVE_DIR, Archive};
use crate::chain::Tip;
use crate::files;
use crate::floor;
use crate::frame::Frame;
use crate::identity::{self, IDENTITY_FILE, IdentityError};
use crate::joined::Tail;
use crate::limits::{CACHE_BYTES, CLEANUP_EVERY_MS, SEGMENT_BYTES};
use crate::lock::DirLock;
use crate::log::{ReadCause, Tips};
use crate::mark::{MARK_FILE, Mark, MarkWriter};
use crate::quiet::quietly;
use crate::scanner::{Scan, latest_snapshot, scan_dir, snapshot_is_whole};
use crate::snapshot::SNAPSHOT_DIR;
use gavel_core::{Epoch, LogId, Lsn, ShardId, Timestamp};
use std::fs::File;
use std::io::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How to open a log.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    /// The engine's time, for the first mark of a new log.
    pub now: Timestamp,
    /// How often sled's own thread cleans up, in milliseconds; `None` leaves it out. Default:
    /// [`CLEANUP_EVERY_MS`]; `FORMAT.md` says why.
    pub cleanup_every_ms: Option<u64>,
}

impl OpenOptions {
    /// The defaults, at this time.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { now, cleanup_every_ms: Some(CLEANUP_EVERY_MS) }
    }
}

/// What was found when a log was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Which log it is; `None` only in what was not opened.
    pub id: Option<LogId>,
    /// The ends of all shards that have records.
    pub tips: Tips,
    /// The latest epoch that was ever begun, whether frames of it are left or not. The process that opened the log writes
    /// in the one after it.
    pub last_epoch: Epoch,
    /// The latest time at which the process before is known to have been alive; `None` for a new log.
    pub alive_until: Option<Timestamp>,
    /// True when it was stopped cleanly (and for a new log).
    pub clean: bool,
    /// Bytes of the file that were scanned.
    pub scanned_bytes: u64,
    /// What is to be told to whoever runs it: the history is not whole.
    pub warnings: Vec<OpenWarning>,
}

/// The right to have the process's one sled database open.
pub(super) struct TheOne;

static TAKEN: AtomicBool = AtomicBool::new(false);

impl TheOne {
    fn take() -> Result<Self, OpenError> {
        if TAKEN.swap(true, Ordering::AcqRel) { Err(OpenError::AlreadyOpen) } else { Ok(Self) }
    }
}

impl Drop for TheOne {
    fn drop(&mut self) {
        TAKEN.store(false, Ordering::Release);
    }
}

impl SledLog {
    /// Opens the log in the locked data directory, or makes one where there is none.
    ///
    /// # Errors
    /// Why not, naming file, shard and position where something durable is not as it was.
    pub fn open(lock: Arc<DirLock>, options: OpenOptions) -> Result<(Self, Opened), OpenError> {
        let one = TheOne::take()?;
        let dir = lock.dir().to_owned();
        let log_dir = dir.join(LOG_DIR);
        let Look { mark, archive, scan, floors, id, warnings } = look(&dir)?;
        clear_leftovers(&log_dir, mark.is_none())?;
        clear_unfinished(&dir)?;
        let db = open_engine(&log_dir, options)?;
        let file = Arc::new(sync_everything(&dir)?);
        check_no_blobs(&log_dir)?;
        let tips = tips_of(&db, &log_dir)?;
        let engine = Arc::new(Engine { db, _one: one, _lock: lock });
        let shared = shared(dir.clone(), archive, &tips);
        count_frame_bytes(&shared, scan.as_ref(), &tips, &floors);
        check_durable(&engine, &log_dir, &required(mark.as_ref(), &floors))?;
        // The time stays what it was until the engine marks: that a log is open is no sign that anybody could bid.
        let at = mark.as_ref().map_or(options.now, |mark| mark.at);
        let last_epoch = last_epoch(&tips, mark.as_ref());
        let epoch = Epoch(last_epoch.0.saturating_add(1));
        let id = ensure_identity(&dir, id)?;
        let first = Mark::new(tips.clone(), epoch, at, false);
        let writer = MarkWriter::open(&dir, mark.as_ref(), first).map_err(io(&dir.join(MARK_FILE)))?;
        let opened = Opened {
            id: Some(id),
            tips: tips.clone(),
            last_epoch,
            alive_until: mark.as_ref().map(|mark| mark.at),
            clean: mark.as_ref().is_none_or(|mark| mark.clean),
            scanned_bytes: scan.map_or(0, |scan| scan.bytes()),
            warnings,
        };
        Ok((Self { engine, file, mark: writer, tips, epoch, shared, poisoned: false }, opened))
    }
}

impl SledLog {
    /// Makes a new log that goes on after `last`, one frame for each shard: for restoring a backup, whose archive lies in the directory
    /// already and holds these frames and all before them. The mark tells that all of it was there at `at` and that the log was
    /// closed then; whoever opens it writes in the epoch after `last_epoch`. It is the log that `id` says; without one (a backup that was
    /// made by an earlier version) it gets an identity of its own when it is opened.
    ///
    /// # Errors
    /// There is a log or a mark in the directory, or one of them cannot be written. What was made by then is not a log: it has no mark.
    pub fn seed(
        lock: Arc<DirLock>,
        last: &[Frame],
        last_epoch: Epoch,
        at: Timestamp,
        id: Option<LogId>,
    ) -> Result<(), OpenError> {
        let _one = TheOne::take()?;
        let dir = lock.dir();
        let log_dir = dir.join(LOG_DIR);
        for path in [log_dir.clone(), dir.join(MARK_FILE)] {
            if path.exists() {
                return Err(OpenError::Exists { path });
            }
        }
        std::fs::create_dir_all(&log_dir).map_err(io(&log_dir))?;
        let db = open_engine(&log_dir, OpenOptions::at(at))?;
        insert_last(&db, last, at)
            .map_err(|message| OpenError::Engine { path: log_dir.join(DB_FILE), message })?;
        drop(db);
        sync_everything(dir)?;
        let tips: Tips = last.iter().map(|frame| (frame.shard(), Tip::of(frame))).collect();
        let epoch = tips.values().map(|tip| tip.epoch).fold(last_epoch, Epoch::max);
        let mark = Mark::new(tips, epoch, at, true);
        if let Some(id) = id {
            identity::write(dir, id).map_err(io(&dir.join(IDENTITY_FILE)))?;
        }
        let path = dir.join(MARK_FILE);
        let mut writer = MarkWriter::open(dir, None, mark.clone()).map_err(io(&path))?;
        writer.write(mark).map_err(io(&path))
    }
}

/// Puts the frames into sled, each on its floor.
fn insert_last(db: &sled::Db, last: &[Frame], at: Timestamp) -> Result<(), String> {
    let inserted = quietly(|| {
        for frame in last {
            let floor = Tip { epoch: Epoch(0), lsn: Lsn(frame.first().0 - 1), hash: frame.previous() };
            db.insert(key(frame.shard(), Lsn(0)), &floor::to_bytes(frame.shard(), floor, at)[..])?;
            db.insert(key(frame.shard(), frame.first()), frame.bytes())?;
        }
        db.flush()
    })?;
    inserted.map(drop).map_err(|error: sled::Error| error.to_string())
}

/// What the log shares with readers and trimmer. Everything found is in the first mark, before anything is trimmed.
fn shared(dir: PathBuf, archive: Archive, tips: &Tips) -> Shared {
    Shared {
        archive: Arc::new(archive),
        durable: Lsns::new(tips),
        marked: Lsns::new(tips),
        frame_bytes: FrameBytes::new(),
        failed: Arc::new(AtomicBool::new(false)),
        dir,
        trimming: Arc::default(),
    }
}

fn count_frame_bytes(shared: &Shared, scan: Option<&Scan>, tips: &Tips, floors: &Tips) {
    for (shard, tip) in tips {
        let floor = floors.get(shard).copied().unwrap_or_default().lsn;
        let bytes = scan.map_or(0, |scan| scan.frame_bytes(*shard, *tip, floor));
        shared.frame_bytes.add(*shard, bytes);
    }
}

pub(super) fn io(path: &Path) -> impl FnOnce(Error) -> OpenError + '_ {
    move |source| OpenError::Io { path: path.to_owned(), source }
}

/// What there is before anything is changed.
struct Look {
    mark: Option<Mark>,
    archive: Archive,
    scan: Option<Scan>,
    /// After which frame each shard's log goes on, where it was truncated.
    floors: Tips,
    /// `None` in a new log, and in one that an earlier version made.
    id: Option<LogId>,
    warnings: Vec<OpenWarning>,
}

/// Reads the mark and the file, looks at the archive, and refuses what must not be opened. Changes nothing.
fn look(dir: &Path) -> Result<Look, OpenError> {
    let path = dir.join(MARK_FILE);
    let mark = Mark::read(dir).map_err(|source| OpenError::Mark { path: path.clone(), source })?;
    let scan = scan_dir(dir).map_err(io(&dir.join(LOG_DIR)))?;
    let archive = Archive::open(dir).map_err(io(&dir.join(ARCHIVE_DIR)))?;
    let (floors, warnings) = floors(&archive, scan.as_ref());
    match (&mark, &scan) {
        (None, Some(scan)) if !scan.is_blank() => return Err(OpenError::NoMark { path }),
        (None, _) if !archive.is_blank() => return Err(OpenError::Backup { path: dir.join(ARCHIVE_DIR) }),
        (None, _) => check_engine_dir(&dir.join(LOG_DIR))?,
        (Some(mark), None) => {
            let records = mark.tips.values().map(|tip| tip.lsn.0).sum();
            return Err(OpenError::NoLog { path: dir.join(LOG_DIR).join(DB_FILE), records });
        }
        (Some(mark), Some(scan)) => {
            check_engine_files(&dir.join(LOG_DIR))?;
            scan.verify(&mark.tips, &floors)?;
        }
    }
    // Without a mark there was no log, and nobody knows what such a file says.
    let id = if mark.is_some() { identity::read(dir).map_err(of_identity(dir))? } else { None };
    Ok(Look { mark, archive, scan, floors, id, warnings })
}

/// The log's identity: as it was found, else a new one. It is durable before the log's first mark is.
fn ensure_identity(dir: &Path, found: Option<LogId>) -> Result<LogId, OpenError> {
    if let Some(id) = found {
        return Ok(id);
    }
    let id = identity::random();
    identity::write(dir, id).map_err(|error| of_identity(dir)(error.into()))?;
    Ok(id)
}

fn of_identity(dir: &Path) -> impl FnOnce(IdentityError) -> OpenError {
    let path = dir.join(IDENTITY_FILE);
    move |source| OpenError::Identity { path, source }
}

/// After which frame each shard's log goes on: where the archive ends; where that is not as far as the log's own floor, there, and the
/// history between is missing.
fn floors(archive: &Archive, scan: Option<&Scan>) -> (Tips, Vec<OpenWarning>) {
    let ends = archive.shards().into_iter().filter_map(|shard| Some((shard, archive.end(shard)?)));
    let mut floors: Tips = ends.collect();
    let mut warnings: Vec<OpenWarning> = archive.bad().into_iter().map(OpenWarning::from).collect();
    for (shard, floor) in scan.iter().flat_map(|scan| scan.floors()) {
        let archived = floors.entry(*shard).or_default();
        if archived.lsn < floor.lsn {
            let (shard, first, last) = (*shard, archived.lsn.next(), floor.lsn);
            warnings.push(OpenWarning::Missing { shard, first, last });
            *archived = *floor;
        }
    }
    (floors, warnings)
}

/// sled's `conf` for our settings: three lines and the CRC32 of them.
pub(super) fn conf() -> Vec<u8> {
    let mut conf =
        format!("segment_size: {SEGMENT_BYTES}\nuse_compression: false\nversion: 0.34\n").into_bytes();
    let crc = crc32fast::hash(&conf);
    conf.extend_from_slice(&crc.to_le_bytes());
    conf
}

pub(crate) fn check_engine_files(log_dir: &Path) -> Result<(), OpenError> {
    let path = log_dir.join("conf");
    if std::fs::read(&path).ok() != Some(conf()) {
        return Err(OpenError::EngineFile {
            path,
            problem: "the storage engine's settings are missing or damaged",
        });
    }
    if let Some((_, path)) = latest_snapshot(log_dir).map_err(io(log_dir))?
        && !snapshot_is_whole(&path).map_err(io(&path))?
    {
        return Err(OpenError::EngineFile { path, problem: "the storage engine's snapshot is damaged" });
    }
    check_no_blobs(log_dir)
}

fn check_no_blobs(log_dir: &Path) -> Result<(), OpenError> {
    let blobs = log_dir.join("blobs");
    match std::fs::read_dir(&blobs).map(|mut entries| entries.next()) {
        Ok(None) => Ok(()),
        Ok(Some(Ok(blob))) => Err(OpenError::Blob { path: blob.path() }),
        Ok(Some(Err(source))) => Err(OpenError::Io { path: blobs, source }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(OpenError::Io { path: blobs, source }),
    }
}

/// Removes what an interrupted start has left. Without a mark nothing was ever acknowledged, and `look` has made sure
/// that there are no frames either. A half-written snapshot would be taken for the newest one by sled, and refused.
fn clear_leftovers(log_dir: &Path, never_marked: bool) -> Result<(), OpenError> {
    if !log_dir.exists() {
        return std::fs::create_dir_all(log_dir).map_err(io(log_dir));
    }
    if never_marked {
        std::fs::remove_dir_all(log_dir).map_err(io(log_dir))?;
        return std::fs::create_dir_all(log_dir).map_err(io(log_dir));
    }
    for entry in std::fs::read_dir(log_dir).map_err(io(log_dir))? {
        let path = entry.map_err(io(log_dir))?.path();
        if path.extension().is_some_and(|extension| extension == "generating") {
            std::fs::remove_file(&path).map_err(io(&path))?;
        }
    }
    Ok(())
}

/// Removes the snapshots and archive files that were being written when the process before ended.
fn clear_unfinished(dir: &Path) -> Result<(), OpenError> {
    [SNAPSHOT_DIR, ARCHIVE_DIR]
        .map(|name| dir.join(name))
        .iter()
        .try_for_each(|dir| files::clear_unfinished(dir).map_err(io(dir)))
}

fn open_engine(log_dir: &Path, options: OpenOptions) -> Result<sled::Db, OpenError> {
    let config = sled::Config::new()
        .path(log_dir)
        .segment_size(SEGMENT_BYTES)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(options.cleanup_every_ms);
    let path = log_dir.join(DB_FILE);
    match quietly(|| config.open()) {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(sled::Error::Io(source))) => Err(OpenError::Io { path, source }),
        Ok(Err(error)) => Err(OpenError::Engine { path, message: error.to_string() }),
        Err(panic) => Err(OpenError::Engine { path, message: panic }),
    }
}

/// Puts on the disk what sled has only written: recovered frames count as durable from here on. Gives our own handle.
fn sync_everything(dir: &Path) -> Result<File, OpenError> {
    let log_dir = dir.join(LOG_DIR);
    let path = log_dir.join(DB_FILE);
    let file = File::options().read(true).write(true).open(&path).map_err(io(&path))?;
    file.sync_all().map_err(io(&path))?;
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).map(PathBuf::from);
    let others =
        [log_dir.join("conf"), log_dir, dir.to_owned(), parent.unwrap_or_else(|| PathBuf::from("."))];
    for path in others {
        File::open(&path).and_then(|file| file.sync_all()).map_err(io(&path))?;
    }
    Ok(file)
}

/// The latest epoch that the frames or the mark know of; 0 for a new log.
fn last_epoch(tips: &Tips, mark: Option<&Mark>) -> Epoch {
    let marked = mark.map(|mark| mark.epoch).unwrap_or_default();
    tips.values().map(|tip| tip.epoch).fold(marked, Epoch::max)
}

fn tips_of(db: &sled::Db, log_dir: &Path) -> Result<Tips, OpenError> {
    let lost = |(shard, cause)| OpenError::Lost { path: log_dir.join(DB_FILE), shard, at: Lsn(1), cause };
    tips(db).map_err(lost)
}

/// The frame that each shard has to have at least: the last that the mark or the archive tells of.
fn required(mark: Option<&Mark>, floors: &Tips) -> Tips {
    let mut required = mark.map(|mark| mark.tips.clone()).unwrap_or_default();
    for (shard, floor) in floors {
        let tip = required.entry(*shard).or_default();
        if tip.lsn < floor.lsn {
            *tip = *floor;
        }
    }
    required
}

/// Checks that sled goes on, in each shard, from the very frame that has to be there, or holds it.
fn check_durable(engine: &Arc<Engine>, log_dir: &Path, required: &Tips) -> Result<(), OpenError> {
    for (&shard, tip) in required {
        let lost = |cause| OpenError::Lost { path: log_dir.join(DB_FILE), shard, at: tip.lsn, cause };
        check_tip(engine, shard, *tip).map_err(lost)?;
    }
    Ok(())
}

fn check_tip(engine: &Arc<Engine>, shard: ShardId, required: Tip) -> Result<(), ReadCause> {
    // Before it there may be frames that were moved, and whose removal was cut off.
    let is_before = |frame: &Result<Frame, _>| frame.as_ref().is_ok_and(|frame| frame.last() < required.lsn);
    let Some(frame) = engine.frames_from(shard, required.lsn).find(|frame| !is_before(frame)).transpose()?
    else {
        return Err(ReadCause::Missing { durable: required.lsn });
    };
    let holds = (frame.last(), frame.hash()) == (required.lsn, required.hash);
    let follows = (frame.first(), frame.previous()) == (required.lsn.next(), required.hash);
    if holds || follows { Ok(()) } else { Err(ReadCause::Missing { durable: required.lsn }) }
}
