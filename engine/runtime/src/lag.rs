//! How far consumers are behind: in records, and by the age of the oldest record that they have not done.

use crate::consumers::ConsumerReport;
use crate::follow::Feed;

use crate::recovery::time_of;
use crate::ring::Look;
use crate::router::Handle;
use gavel_core::{ConsumerName, Lsn, Position, Timestamp};
use gavel_log::record::decode;
use gavel_log::{Frame, LogReader};
use std::sync::Arc;

/// One consumer, and how far behind it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerLag {
    /// Its name.
    pub name: ConsumerName,
    /// True while a connection follows at least one shard under this name.
    pub is_connected: bool,
    /// When it followed, acknowledged or left last.
    pub last_seen: Timestamp,
    /// Each shard that it has ever followed. Ascending.
    pub shards: Vec<Lag>,
}

/// How far behind a consumer is in one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The last record that it is done with.
    pub cursor: Position,
    /// The last record that is durable.
    pub durable: Position,
    /// Records between the two.
    pub records: u64,
    /// When the oldest of them was decided. `None` when there are none, or it can't be read any more.
    pub since: Option<Timestamp>,
}

impl Handle {
    /// All consumers, and how far behind they are. Reads at most one frame for each shard of each consumer, in a blocking task.
    pub async fn consumer_lags(&self) -> Vec<ConsumerLag> {
        let reports = self.consumers().list();
        let shared = Arc::clone(self.shared());
        let lags = tokio::task::spawn_blocking(move || {
            let reader = shared.feed.reader();
            reports.into_iter().map(|report| of_consumer(&shared.feed, reader.as_deref(), report)).collect()
        });
        lags.await.unwrap_or_default()
    }
}

fn of_consumer(feed: &Feed, reader: Option<&dyn LogReader>, report: ConsumerReport) -> ConsumerLag {
    let ConsumerReport { name, is_connected, last_seen, cursors } = report;
    let shards = cursors.into_iter().map(|cursor| of_shard(feed, reader, cursor)).collect();
    ConsumerLag { name, is_connected, last_seen, shards }
}

fn of_shard(feed: &Feed, reader: Option<&dyn LogReader>, cursor: Position) -> Lag {
    let tip = feed.rings.tip(cursor.shard);
    let durable = Position { shard: cursor.shard, epoch: tip.epoch, lsn: tip.lsn };
    let records = tip.lsn.0.saturating_sub(cursor.lsn.0);
    let since = if records == 0 { None } else { decided_after(feed, reader, cursor) };
    Lag { cursor, durable, records, since }
}

/// When the record after this one was decided.
fn decided_after(feed: &Feed, reader: Option<&dyn LogReader>, cursor: Position) -> Option<Timestamp> {
    match feed.rings.after(cursor.shard, cursor.lsn, 1) {
        Look::Frames(frames) => time_in(frames.first()?, cursor.lsn.next()),
        Look::End => None,
        Look::Behind => {
            let frame = reader?.read_from(cursor.shard, cursor.lsn.next()).next()?.ok()?;
            time_in(&frame, cursor.lsn.next())
        }
    }
}

fn time_in(frame: &Frame, lsn: Lsn) -> Option<Timestamp> {
    let (_, bytes) = frame.records().find(|(found, _)| *found == lsn)?;
    Some(time_of(&decode(bytes).ok()?))
}
