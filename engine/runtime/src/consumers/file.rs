//! `consumers.json`: the named consumers, so that they are known after a restart.
//!
//! The file appears whole or not at all (written beside it, synced, renamed). It is written by a thread of its own about once a
//! second, so that no acknowledgement waits for a disk.

use super::{Consumer, Consumers, Cursor, Seat};
use crate::limits::CONSUMERS_SAVED_EVERY_MS;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use gavel_core::{ConsumerName, Epoch, Lsn, ShardId, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// The layout that this version writes and reads.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    consumers: Vec<SavedConsumer>,
}

#[derive(Serialize, Deserialize)]
struct SavedConsumer {
    name: String,
    /// Microseconds since 1970.
    last_seen_us: u64,
    cursors: Vec<SavedCursor>,
}

#[derive(Serialize, Deserialize)]
struct SavedCursor {
    shard: u8,
    epoch: u32,
    lsn: u64,
}

/// Why the file was not read.
#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Layout(#[from] serde_json::Error),
    #[error("it has version {0}; this version of Gavel reads {VERSION}")]
    Version(u32),
    #[error("'{0}' is no consumer's name")]
    Name(String),
}

/// The file with the consumers is whole, as far as can be told, and can't be read: the engine does not start, rather than forget them.
#[derive(Debug, thiserror::Error)]
#[error(
    "the consumers' cursors in {} can't be read: {problem}. Without that file the log keeps nothing for a consumer until it follows again",
    path.display()
)]
pub struct ConsumersFileError {
    /// The file.
    pub path: PathBuf,
    /// Why, in words.
    pub problem: String,
}

/// The consumers in the file; none when there is no file. What is damaged is put aside, reported, and nobody is known.
///
/// # Errors
/// The system does not let it be read, or a newer version wrote it.
pub(super) fn load_or_put_aside(path: &Path) -> Result<BTreeMap<ConsumerName, Consumer>, ConsumersFileError> {
    load(path).or_else(|problem| match problem {
        LoadError::Io(_) | LoadError::Version(_) => {
            Err(ConsumersFileError { path: path.to_owned(), problem: problem.to_string() })
        }
        LoadError::Layout(_) | LoadError::Name(_) => {
            put_aside(path, &problem);
            Ok(BTreeMap::new())
        }
    })
}

fn put_aside(path: &Path, problem: &LoadError) {
    let aside = beside(path, "damaged");
    let kept = std::fs::rename(path, &aside);
    tracing::warn!(
        file = %path.display(), %problem, kept_as = %aside.display(), is_kept = kept.is_ok(),
        "the consumers' cursors can't be read: the log keeps nothing for a consumer until it follows again"
    );
}

fn load(path: &Path) -> Result<BTreeMap<ConsumerName, Consumer>, LoadError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error.into()),
    };
    let saved: Saved = serde_json::from_slice(&bytes)?;
    if saved.version != VERSION {
        return Err(LoadError::Version(saved.version));
    }
    saved.consumers.into_iter().map(SavedConsumer::read).collect()
}

impl SavedConsumer {
    fn read(self) -> Result<(ConsumerName, Consumer), LoadError> {
        let Self { name, last_seen_us, cursors } = self;
        let name = ConsumerName::new(&name).map_err(|_| LoadError::Name(name))?;
        let seat = |SavedCursor { shard, epoch, lsn }| {
            let cursor = Cursor { lsn: Lsn(lsn), epoch: Epoch(epoch) };
            (ShardId(shard), Seat { cursor, holder: None })
        };
        let last_seen = Timestamp::from_micros(last_seen_us).unwrap_or_default();
        Ok((name, Consumer { last_seen, shards: cursors.into_iter().map(seat).collect() }))
    }

    fn write((name, consumer): (&ConsumerName, &Consumer)) -> Self {
        let Consumer { last_seen, shards } = consumer;
        let cursor = |(shard, seat): (&ShardId, &Seat)| {
            let Cursor { lsn, epoch } = seat.cursor;
            SavedCursor { shard: shard.0, epoch: epoch.0, lsn: lsn.0 }
        };
        Self {
            name: name.to_string(),
            last_seen_us: last_seen.micros(),
            cursors: shards.iter().map(cursor).collect(),
        }
    }
}

/// Replaces the file.
pub(super) fn save(path: &Path, consumers: &BTreeMap<ConsumerName, Consumer>) -> std::io::Result<()> {
    let consumers = consumers.iter().map(SavedConsumer::write).collect();
    let bytes = serde_json::to_vec(&Saved { version: VERSION, consumers })?;
    let temporary = beside(path, "new");
    let mut file = File::create(&temporary)?;
    file.write_all(&bytes)?;
    file.sync_data()?;
    std::fs::rename(temporary, path)
}

/// The path with another ending behind its name.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// The thread that saves.
pub(crate) struct Saver {
    /// Gone: the thread saves once more and ends.
    stop: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

impl Saver {
    /// Starts it.
    pub(crate) fn start(consumers: Arc<Consumers>) -> std::io::Result<Self> {
        let (stop, is_stopped) = crossbeam::channel::bounded(0);
        let thread = std::thread::Builder::new()
            .name("gavel-consumers".into())
            .spawn(move || run(&consumers, &is_stopped))?;
        Ok(Self { stop: Mutex::new(Some((stop, thread))) })
    }

    /// Saves what has changed and ends the thread. Blocks for as long as that takes.
    pub(crate) fn stop(&self) {
        let Some((stop, thread)) = self.stop.lock().take() else { return };
        drop(stop);
        if thread.join().is_err() {
            tracing::error!("the thread that saves the consumers has panicked; this is a defect");
        }
    }
}

fn run(consumers: &Consumers, is_stopped: &Receiver<()>) {
    let mut has_failed = false;
    loop {
        let waited = is_stopped.recv_timeout(Duration::from_millis(CONSUMERS_SAVED_EVERY_MS));
        let saved = consumers.save();
        if let (Err(problem), false) = (&saved, has_failed) {
            tracing::warn!(%problem, "the consumers' cursors can't be saved; this is tried again every second");
        }
        has_failed = saved.is_err();
        if waited != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}
