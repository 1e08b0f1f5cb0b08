//! Named consumers of the feed: how far each has got in each shard.
//!
//! The log keeps what they still need, and operators see how far behind they are. A consumer's own data says where it is; what
//! is kept here follows it, and may be a second behind, which keeps too much and never too little.
//!
//! Invariants:
//! - A cursor moves forward by an acknowledgement only, and back only when the consumer itself follows from an earlier record
//!   again.
//! - One connection holds a consumer's cursor in a shard. A newer one takes it over: the older may be a connection whose other
//!   end is long gone.
//! - Consumers and their names are bounded, and a consumer goes only when it is forgotten on purpose.

mod file;

pub use file::ConsumersFileError;
pub(crate) use file::Saver;

use crate::clock::Clock;
use crate::limits::CONSUMERS_MAX;
use gavel_core::{ConsumerName, Epoch, Lsn, Position, ShardId, Timestamp};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The last record of a shard that a consumer is done with. The default stands before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The record's number; 0 stands before the first.
    pub lsn: Lsn,
    /// The generation that wrote it; 0 where there is none.
    pub epoch: Epoch,
}

impl Cursor {
    /// The cursor as a place in the world.
    #[must_use]
    pub const fn of(self, shard: ShardId) -> Position {
        Position { shard, epoch: self.epoch, lsn: self.lsn }
    }
}

impl From<Position> for Cursor {
    fn from(Position { shard: _, epoch, lsn }: Position) -> Self {
        Self { lsn, epoch }
    }
}

/// All named consumers of the engine.
pub struct Consumers {
    state: Mutex<State>,
    clock: Clock,
    /// Where they are kept; `None`: in memory only.
    path: Option<PathBuf>,
}

#[derive(Debug, Default)]
struct State {
    consumers: BTreeMap<ConsumerName, Consumer>,
    /// Connections that ever held a cursor: their numbers tell the newer from the older.
    connections: u64,
    /// Something has changed since it was last saved.
    is_changed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Consumer {
    last_seen: Timestamp,
    shards: BTreeMap<ShardId, Seat>,
}

/// A consumer's place in one shard, and the connection that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seat {
    cursor: Cursor,
    holder: Option<u64>,
}

/// One consumer, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerReport {
    /// Its name.
    pub name: ConsumerName,
    /// True while a connection follows at least one shard under this name.
    pub is_connected: bool,
    /// When it followed, acknowledged or left last.
    pub last_seen: Timestamp,
    /// How far it has got, in each shard that it has ever followed. Ascending.
    pub cursors: Vec<Position>,
}

/// Why a consumer was not forgotten.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForgetError {
    /// There is none of that name.
    #[error("there is no consumer {0}; CONSUMERS LIST names them")]
    Unknown(ConsumerName),
    /// It would come back at once.
    #[error("consumer {0} is connected: stop it first, then forget it")]
    Connected(ConsumerName),
}

/// There are as many consumers as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{CONSUMERS_MAX} consumers are the most that are kept; CONSUMERS FORGET <name> makes room for another"
)]
pub struct TooManyConsumers;

/// A newer connection follows the shard under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another connection follows this shard under the same name now")]
pub struct TakenOver;

impl Consumers {
    /// Those that the file knows. One that is damaged is put aside and reported: cursors that are gone keep nothing in the
    /// log, which the archive makes good.
    ///
    /// # Errors
    /// The file can't be read for another reason.
    pub(crate) fn open(path: Option<PathBuf>, clock: Clock) -> Result<Arc<Self>, ConsumersFileError> {
        let consumers = path.as_deref().map(file::load_or_put_aside).transpose()?.unwrap_or_default();
        let state = State { consumers, connections: 0, is_changed: false };
        Ok(Arc::new(Self { state: Mutex::new(state), clock, path }))
    }

    /// The last record of a shard that every consumer of it is done with: what comes after it, somebody still needs. `None` when
    /// the shard has no named consumer.
    #[must_use]
    pub fn floor(&self, shard: ShardId) -> Option<Lsn> {
        self.slowest(shard).map(|(_, has)| has)
    }

    /// The consumer that is farthest behind in a shard, and the last record that it is done with.
    #[must_use]
    pub fn slowest(&self, shard: ShardId) -> Option<(ConsumerName, Lsn)> {
        let state = self.state.lock();
        let cursor = |(name, consumer): (_, &Consumer)| Some((name, consumer.shards.get(&shard)?.cursor.lsn));
        let slowest = state.consumers.iter().filter_map(cursor).min_by_key(|(_, has)| *has);
        slowest.map(|(name, has)| (ConsumerName::clone(name), has))
    }

    /// All consumers by name.
    #[must_use]
    pub fn list(&self) -> Vec<ConsumerReport> {
        let state = self.state.lock();
        let report = |(name, consumer): (&ConsumerName, &Consumer)| {
            let Consumer { last_seen, shards } = consumer;
            ConsumerReport {
                name: name.clone(),
                is_connected: consumer.is_connected(),
                last_seen: *last_seen,
                cursors: shards.iter().map(|(shard, seat)| seat.cursor.of(*shard)).collect(),
            }
        };
        state.consumers.iter().map(report).collect()
    }

    /// Forgets a consumer that is gone for good, so that the log keeps nothing for it any more.
    ///
    /// # Errors
    /// There is none of that name, or it is connected.
    pub fn forget(&self, name: &ConsumerName) -> Result<(), ForgetError> {
        let mut state = self.state.lock();
        match state.consumers.get(name) {
            None => Err(ForgetError::Unknown(name.clone())),
            Some(consumer) if consumer.is_connected() => Err(ForgetError::Connected(name.clone())),
            Some(_) => {
                state.consumers.remove(name);
                state.is_changed = true;
                Ok(())
            }
        }
    }

    /// Takes a consumer's cursor in a shard over. A new one is set to the last record that the consumer has; one that there is
    /// goes back to it where that is earlier, and never forward: what a consumer holds is not what it is done with.
    ///
    /// # Errors
    /// It is new, and there are as many as there may be.
    pub(crate) fn attach(
        self: &Arc<Self>,
        name: ConsumerName,
        has: Position,
    ) -> Result<Attached, TooManyConsumers> {
        let mut state = self.state.lock();
        if !state.consumers.contains_key(&name) && state.consumers.len() >= CONSUMERS_MAX {
            return Err(TooManyConsumers);
        }
        state.connections += 1;
        state.is_changed = true;
        let (connection, now) = (state.connections, self.clock.now());
        let new = || Consumer { last_seen: now, shards: BTreeMap::new() };
        let consumer = state.consumers.entry(name.clone()).or_insert_with(new);
        consumer.last_seen = now;
        let seat = consumer.shards.entry(has.shard).or_insert(Seat { cursor: has.into(), holder: None });
        *seat = Seat { cursor: seat.cursor.min(has.into()), holder: Some(connection) };
        Ok(Attached { consumers: Arc::clone(self), name, shard: has.shard, connection })
    }

    /// Saves what has changed. Called about once a second, and at the end.
    fn save(&self) -> std::io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let consumers = {
            let mut state = self.state.lock();
            if !std::mem::take(&mut state.is_changed) {
                return Ok(());
            }
            state.consumers.clone()
        };
        file::save(path, &consumers).inspect_err(|_| self.state.lock().is_changed = true)
    }
}

impl Consumer {
    fn is_connected(&self) -> bool {
        self.shards.values().any(|seat| seat.holder.is_some())
    }
}

impl std::fmt::Debug for Consumers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumers").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A connection's hold on a consumer's cursor in one shard, until dropped.
#[derive(Debug)]
pub struct Attached {
    consumers: Arc<Consumers>,
    name: ConsumerName,
    shard: ShardId,
    connection: u64,
}

impl Attached {
    /// Moves the cursor. One that lies behind it already changes nothing.
    ///
    /// # Errors
    /// The cursor is another connection's now.
    pub fn acknowledge(&self, cursor: Cursor) -> Result<(), TakenOver> {
        let now = self.consumers.clock.now();
        self.with_seat(|consumer_seen, seat| {
            *consumer_seen = now;
            seat.cursor = seat.cursor.max(cursor);
        })
        .ok_or(TakenOver)
    }

    /// True until a newer connection takes the cursor over.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let state = self.consumers.state.lock();
        let seat = state.consumers.get(&self.name).and_then(|consumer| consumer.shards.get(&self.shard));
        seat.is_some_and(|seat| seat.holder == Some(self.connection))
    }

    fn with_seat<T>(&self, change: impl FnOnce(&mut Timestamp, &mut Seat) -> T) -> Option<T> {
        let mut state = self.consumers.state.lock();
        let consumer = state.consumers.get_mut(&self.name)?;
        let seat = consumer.shards.get_mut(&self.shard)?;
        if seat.holder != Some(self.connection) {
            return None;
        }
        let changed = change(&mut consumer.last_seen, seat);
        state.is_changed = true;
        Some(changed)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let now = self.consumers.clock.now();
        // Whoever has taken it over goes on holding it.
        let _left: Option<()> = self.with_seat(|seen, seat| {
            *seen = now;
            seat.holder = None;
        });
    }
}

#[cfg(test)]
mod tests;
