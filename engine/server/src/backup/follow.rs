//! A backup that follows a running server until it is stopped.
//!
//! All frames that have come are put into the backup together and synced, while the next ones gather; then they are
//! acknowledged. So the server never takes a record for safe that is not, and a slow disk makes the steps larger, not the queue.

mod status;

use super::BackupFlags;
use super::error::BackupError;
use super::manifest::Manifest;
use super::shelf::Shelf;
use gavel_core::{Position, ShardId, Timestamp};
use gavel_log::{Frame, UncheckedFrame};
use gavel_wire::Code;
use gavel_wire::feed::{Consumer, FeedError, FeedEvent, FeedFrame, FeedOptions, log_of, shards};
use signal_hook::consts::{SIGINT, SIGTERM};
use status::Status;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Bytes of frames that are synced at a time, at most; the feed is not read meanwhile.
const STEP_BYTES: usize = 4 << 20;
/// Between two looks whether the server has more shards: what is bid on a new one is in no copy until then.
const SHARDS_EVERY: Duration = Duration::from_secs(1);
/// The same, while none are known.
const FIRST_SHARDS_EVERY: Duration = Duration::from_millis(500);
/// Between two manifests.
const MANIFEST_EVERY: Duration = Duration::from_secs(1);

pub(super) fn run(flags: &BackupFlags, json: bool) -> Result<Manifest, BackupError> {
    let stop = stop_flag()?;
    let shelf = Shelf::open(&flags.dir, &format!("a backup that follows {}", flags.server))?;
    let options = FeedOptions { name: Some(flags.name.clone()), ..FeedOptions::default() };
    let from: Vec<Position> = shelf.ends().iter().map(|(shard, end)| end.position(*shard)).collect();
    let consumer = Consumer::new(flags.server.0, options.clone(), from);
    let mut follower = Follower {
        server: flags.server.0,
        options,
        shelf,
        consumer,
        pending: BTreeMap::new(),
        pending_bytes: 0,
        now: Timestamp::default(),
        looked_for_shards: None,
        knows_log: false,
        written: None,
        status: Status::new(json),
    };
    while !stop.load(Ordering::Relaxed) {
        follower.step()?;
    }
    follower.flush()?;
    follower.write_manifest()?;
    let manifest = follower.manifest();
    if manifest.shards.is_empty() {
        Err(BackupError::NothingCame { server: flags.server.0 })
    } else {
        Ok(manifest)
    }
}

/// Raised by Ctrl-C and SIGTERM.
fn stop_flag() -> Result<Arc<AtomicBool>, BackupError> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|source| BackupError::Io { path: "signals".into(), source })?;
    }
    Ok(stop)
}

struct Follower {
    server: SocketAddr,
    options: FeedOptions,
    shelf: Shelf,
    consumer: Consumer,
    /// Frames that have come and are not synced yet, by shard.
    pending: BTreeMap<ShardId, Vec<Frame>>,
    pending_bytes: usize,
    /// The server's time, as it was told last.
    now: Timestamp,
    looked_for_shards: Option<Instant>,
    /// True once the backup says which log it is of.
    knows_log: bool,
    /// When the manifest was written last, and with which ends.
    written: Option<(Instant, Manifest)>,
    status: Status,
}

impl Follower {
    /// Waits for something to come, takes all that is there with it, syncs it, acknowledges it.
    fn step(&mut self) -> Result<(), BackupError> {
        self.look_for_shards();
        if self.consumer.positions().next().is_none() {
            std::thread::sleep(FIRST_SHARDS_EVERY);
            return Ok(());
        }
        let mut event = Some(self.consumer.next().map_err(feed_error)?);
        while let Some(happened) = event {
            self.take(happened)?;
            event = match self.pending_bytes < STEP_BYTES {
                true => self.consumer.try_next().map_err(feed_error)?,
                false => None,
            };
        }
        self.flush()?;
        if self.written.as_ref().is_none_or(|(at, _)| at.elapsed() >= MANIFEST_EVERY) {
            self.write_manifest()?;
        }
        self.status.show(&self.shelf, self.now);
        Ok(())
    }

    fn take(&mut self, event: FeedEvent) -> Result<(), BackupError> {
        match event {
            FeedEvent::Frame(frame) => self.take_frame(&frame),
            FeedEvent::Following(position) => {
                self.status.following(position);
                Ok(())
            }
            FeedEvent::Heartbeat(heartbeat) => {
                self.now = self.now.max(heartbeat.now);
                self.status.durable(heartbeat.durable);
                Ok(())
            }
            FeedEvent::Lost(why) => {
                self.status.lost(&why);
                Ok(())
            }
        }
    }

    /// Checks a frame by itself; whether it continues the backup, appending tells.
    fn take_frame(&mut self, frame: &FeedFrame) -> Result<(), BackupError> {
        let bytes = frame.to_bytes();
        let frame = UncheckedFrame(&bytes).check()?;
        self.pending_bytes += bytes.len();
        self.pending.entry(frame.shard()).or_default().push(frame);
        Ok(())
    }

    /// Syncs what has come, then acknowledges it. A shard that the manifest does not tell of yet comes into it before that.
    fn flush(&mut self) -> Result<(), BackupError> {
        let pending = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        for (shard, frames) in &pending {
            self.shelf.append(*shard, frames, self.now)?;
            self.status.synced(frames);
        }
        let is_told = |shard| self.written.as_ref().is_some_and(|(_, told)| told.shards.contains_key(shard));
        if !pending.keys().all(is_told) {
            self.write_manifest()?;
        }
        for shard in pending.into_keys() {
            let tip = self.shelf.tip(shard);
            self.consumer.acknowledge(Position { shard, epoch: tip.epoch, lsn: tip.lsn });
        }
        Ok(())
    }

    /// Follows the shards that the server has got since. While it can't be asked, those that are known will do.
    fn look_for_shards(&mut self) {
        let is_first = self.consumer.positions().next().is_none();
        let every = if is_first { FIRST_SHARDS_EVERY } else { SHARDS_EVERY };
        if self.looked_for_shards.is_some_and(|at| at.elapsed() < every) {
            return;
        }
        self.looked_for_shards = Some(Instant::now());
        match shards(self.server, &self.options) {
            Ok(shards) => {
                shards.into_iter().for_each(|shard| self.consumer.follow(Position::start(shard)));
            }
            Err(why) if is_first => self.status.lost(&why),
            // The feed itself tells when the server is gone.
            Err(_) => {}
        }
    }

    fn manifest(&self) -> Manifest {
        Manifest { of: format!("the server at {}", self.server), at: self.now, shards: self.shelf.ends() }
    }

    /// Notes which log it is a backup of: what the server has sent continues it. While the server can't be asked, the next manifest will do.
    fn note_log(&mut self) -> Result<(), BackupError> {
        if !self.knows_log
            && let Ok(Some(log)) = log_of(self.server, &self.options)
        {
            self.shelf.set_log(Some(log))?;
            self.knows_log = true;
        }
        Ok(())
    }

    /// Writes down how far the backup goes, where that has changed.
    fn write_manifest(&mut self) -> Result<(), BackupError> {
        let manifest = self.manifest();
        if manifest.shards.is_empty()
            || self.written.as_ref().is_some_and(|(_, written)| *written == manifest)
        {
            return Ok(());
        }
        self.note_log()?;
        manifest.write(self.shelf.dir())?;
        self.written = Some((Instant::now(), manifest));
        Ok(())
    }
}

/// A gap is said with what to do about it.
fn feed_error(error: FeedError) -> BackupError {
    match &error {
        FeedError::Refused(refusal) if refusal.code == Code::Gap => BackupError::FeedGap(error),
        _ => BackupError::Feed(error),
    }
}
