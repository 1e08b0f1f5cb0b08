//! Reading frames out of sled, and out of the archive before them, from any thread.

use super::{Engine, key};
use crate::archive::Archive;
use crate::chain::Tip;
use crate::frame::{Frame, UncheckedFrame};
use crate::joined::{self, Stored, Tail};
use crate::log::{Frames, LogReader, ReadCause, Tips};
use crate::quiet::quietly;
use gavel_core::limits::SHARDS_MAX;
use gavel_core::{Lsn, ShardId};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// An Lsn of every shard, shared by the log, its readers and its trimmer: what is durable, what the mark tells.
#[derive(Clone)]
pub(super) struct Lsns(Arc<[AtomicU64; SHARDS_MAX]>);

impl Lsns {
    pub(super) fn new(tips: &Tips) -> Self {
        let lsns = Self(Arc::new([const { AtomicU64::new(0) }; SHARDS_MAX]));
        lsns.raise(tips);
        lsns
    }

    pub(super) fn raise(&self, tips: &Tips) {
        for (shard, tip) in tips {
            self.0[usize::from(shard.0)].store(tip.lsn.0, Ordering::Release);
        }
    }

    pub(super) fn get(&self, shard: ShardId) -> Lsn {
        Lsn(self.0[usize::from(shard.0)].load(Ordering::Acquire))
    }
}

/// A handle to read with.
pub(super) struct SledReader {
    pub(super) engine: Arc<Engine>,
    pub(super) archive: Arc<Archive>,
    pub(super) durable: Lsns,
}

impl LogReader for SledReader {
    fn read_from(&self, shard: ShardId, from: Lsn) -> Frames {
        joined::read(self.archive.clone(), self.engine.clone(), shard, from, self.durable(shard))
    }

    fn durable(&self, shard: ShardId) -> Lsn {
        self.durable.get(shard)
    }

    fn oldest(&self, shard: ShardId) -> Lsn {
        joined::oldest(&self.archive, &self.engine, shard)
    }
}

impl Tail for Arc<Engine> {
    fn frames_from(&self, shard: ShardId, from: Lsn) -> Stored {
        let db = &self.db;
        let start = match engine(|| db.get_lt(key(shard, Lsn(from.0.saturating_add(1))))) {
            Ok(Some((found, _))) if key(shard, Lsn(1))[..] <= found[..] => found,
            Ok(_) => key(shard, from)[..].into(),
            Err(cause) => return Box::new(std::iter::once(Err(cause))),
        };
        let mut range = db.range(start..=key(shard, Lsn(u64::MAX))[..].into());
        let open = self.clone();
        let stored = std::iter::from_fn(move || {
            let _keep_open = &open;
            engine(|| range.next().transpose()).transpose()
        });
        Box::new(stored.map(|pair| pair.and_then(|(key, value)| checked(&key, &value))))
    }

    fn first(&self, shard: ShardId) -> Option<Lsn> {
        let frames = key(shard, Lsn(1))..=key(shard, Lsn(u64::MAX));
        // A failure to read shows when the frame itself is read.
        let (key, _) = engine(|| self.db.range(frames).next().transpose()).ok()??;
        first_of(&key)
    }
}

/// The Lsn in a key.
pub(super) fn first_of(key: &[u8]) -> Option<Lsn> {
    key.last_chunk().map(|lsn| Lsn(u64::from_be_bytes(*lsn)))
}

/// The ends of all shards as sled holds them.
pub(super) fn tips(db: &sled::Db) -> Result<Tips, (ShardId, ReadCause)> {
    let mut tips = Tips::new();
    for shard in (0..=u8::MAX).map(ShardId) {
        if let Some(frame) = last_frame(db, shard).map_err(|cause| (shard, cause))? {
            tips.insert(shard, Tip::of(&frame));
        }
    }
    Ok(tips)
}

pub(super) fn last_frame(db: &sled::Db, shard: ShardId) -> Result<Option<Frame>, ReadCause> {
    let range = key(shard, Lsn(1))..=key(shard, Lsn(u64::MAX));
    let last = engine(|| db.range(range).next_back().transpose())?;
    last.map(|(key, value)| checked(&key, &value)).transpose()
}

fn checked(found: &[u8], value: &[u8]) -> Result<Frame, ReadCause> {
    let frame = UncheckedFrame(value).check()?;
    if found != key(frame.shard(), frame.first()) {
        return Err(ReadCause::Engine(format!("{frame:?} lies under the key {found:02x?}")));
    }
    Ok(frame)
}

fn engine<T>(call: impl FnOnce() -> Result<T, sled::Error>) -> Result<T, ReadCause> {
    quietly(call).map_err(ReadCause::Engine)?.map_err(|error| ReadCause::Engine(error.to_string()))
}
