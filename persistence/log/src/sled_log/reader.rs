//! Reading frames out of sled, from any thread.

use super::{Engine, key};
use crate::chain::Tip;
use crate::frame::{Frame, UncheckedFrame};
use crate::log::{CheckedFrames, Frames, LogReader, ReadCause, Tips};
use crate::quiet::quietly;
use gavel_core::limits::SHARDS_MAX;
use gavel_core::{Lsn, ShardId};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The durable Lsn of every shard, shared by the log and its readers.
#[derive(Clone)]
pub(super) struct Durable(Arc<[AtomicU64; SHARDS_MAX]>);

impl Durable {
    pub(super) fn new(tips: &Tips) -> Self {
        let durable = Self(Arc::new([const { AtomicU64::new(0) }; SHARDS_MAX]));
        durable.raise(tips);
        durable
    }

    pub(super) fn raise(&self, tips: &Tips) {
        for (shard, tip) in tips {
            self.0[usize::from(shard.0)].store(tip.lsn.0, Ordering::Release);
        }
    }

    fn get(&self, shard: ShardId) -> Lsn {
        Lsn(self.0[usize::from(shard.0)].load(Ordering::Acquire))
    }
}

/// A handle to read with.
pub(super) struct SledReader {
    engine: Arc<Engine>,
    durable: Durable,
}

impl SledReader {
    pub(super) fn new(engine: Arc<Engine>, durable: Durable) -> Self {
        Self { engine, durable }
    }
}

impl LogReader for SledReader {
    fn read_from(&self, shard: ShardId, from: Lsn) -> Frames {
        let db = &self.engine.db;
        let start = match engine(|| db.get_lt(key(shard, Lsn(from.0.saturating_add(1))))) {
            Ok(Some((found, _))) if found.starts_with(&key(shard, from)[..2]) => found,
            Ok(_) => key(shard, from)[..].into(),
            Err(cause) => {
                let failed = std::iter::once(Err(cause));
                return Box::new(CheckedFrames::new(failed, shard, from, self.durable(shard)));
            }
        };
        let mut range = db.range(start..=key(shard, Lsn(u64::MAX))[..].into());
        let open = self.engine.clone();
        let stored = std::iter::from_fn(move || {
            let _keep_open = &open;
            engine(|| range.next().transpose()).transpose()
        })
        .map(|pair| pair.and_then(|(key, value)| checked(&key, &value)));
        Box::new(CheckedFrames::new(stored, shard, from, self.durable(shard)))
    }

    fn durable(&self, shard: ShardId) -> Lsn {
        self.durable.get(shard)
    }
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

fn last_frame(db: &sled::Db, shard: ShardId) -> Result<Option<Frame>, ReadCause> {
    let range = key(shard, Lsn(0))..=key(shard, Lsn(u64::MAX));
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
