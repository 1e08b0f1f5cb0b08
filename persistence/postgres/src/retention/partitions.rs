//! The days that have partitions, and what holds each.

use crate::value::{Time, auction_of};
use crate::write::number;
use gavel_core::{AuctionId, Duration, ShardId, Timestamp};
use tokio_postgres::{Error, GenericClient, Row};

/// A day's partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// The opening day of its auctions, as `2026-11-22`.
    pub day: String,
    /// When that day ended.
    pub ended: Timestamp,
    /// Rows of bids, maxima and events together: counted, or as PostgreSQL's statistics have them.
    pub rows: u64,
    /// Bytes of the three tables with their indexes.
    pub bytes: u64,
    /// Auctions that were opened that day.
    pub auctions: u64,
    /// What holds it.
    pub hold: Hold,
}

/// What holds a day's partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Auctions that are not final.
    Unfinished {
        /// How many.
        count: u64,
        /// The one that was opened first.
        oldest: AuctionId,
    },
    /// A shard is being caught up and has not passed the time at which the day could go: it may still have auctions of that day.
    CatchingUp(ShardId),
    /// Its age: it may go at this time.
    Until(Timestamp),
    /// Nothing.
    Free,
}

/// How rows are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// As PostgreSQL's statistics have them: at once, and a little off.
    Estimated,
    /// One by one: exact, and as slow as reading all of it.
    Counted,
}

impl Partition {
    /// True where only what holds it keeps it from being dropped.
    #[must_use]
    pub fn is_old(&self, keep: Duration, now: Timestamp) -> bool {
        self.ended.saturating_add(keep) <= now
    }

    /// A table's rows of this day, as a part of a statement. They are asked for through the table itself, on which there are rights.
    pub(super) fn rows_of(&self, table: &str) -> String {
        let first = format!("first_auction('{}')", self.day);
        format!("{table} WHERE auction >= {first} AND auction <= {first} + 281474976710655")
    }
}

/// All days that have partitions, the oldest first.
const DAYS: &str = "
SELECT to_char(days.day, 'YYYY-MM-DD') AS name,
    (extract(epoch FROM days.day + 1) * 1000000)::bigint AS ended,
    size.bytes, size.live_rows, found.auctions, found.unfinished, found.oldest,
    (extract(epoch FROM found.last_final) * 1000000)::bigint AS last_final
FROM days
CROSS JOIN LATERAL (
    SELECT coalesce(sum(pg_total_relation_size(class.oid)), 0)::bigint AS bytes,
        coalesce(sum(pg_stat_get_live_tuples(class.oid)), 0)::bigint AS live_rows
    FROM pg_class AS class
    WHERE class.relnamespace = 'gavel'::regnamespace
        AND class.relname IN ('bids' || to_char(days.day, '_YYYYMMDD'), 'maxima' || to_char(days.day, '_YYYYMMDD'),
            'events' || to_char(days.day, '_YYYYMMDD'))
) AS size
CROSS JOIN LATERAL (
    SELECT count(*) AS auctions, count(*) FILTER (WHERE final_at IS NULL) AS unfinished,
        min(auction) FILTER (WHERE final_at IS NULL) AS oldest, max(final_at) AS last_final
    FROM auctions
    WHERE auction >= first_auction(days.day) AND auction <= first_auction(days.day) + 281474976710655
) AS found
WHERE days.dropped_at IS NULL
ORDER BY days.day";

/// Shards that were moved within the last hour and are not past a time yet.
const CATCHING_UP: &str = "
SELECT shard FROM cursors
WHERE released_at IS NULL AND moved_at > now() - interval '1 hour' AND coalesce(at, '-infinity') < $1
ORDER BY shard LIMIT 1";

/// Lists the days that have partitions, the oldest first.
///
/// # Errors
/// PostgreSQL refuses.
pub async fn partitions(
    client: &impl GenericClient,
    keep: Duration,
    now: Timestamp,
    size: Size,
) -> Result<Vec<Partition>, Error> {
    let mut partitions = Vec::new();
    for row in client.query(DAYS, &[]).await? {
        let mut partition = read(&row, keep)?;
        if size == Size::Counted {
            partition.rows = count(client, &partition).await?.iter().sum();
        }
        if matches!(partition.hold, Hold::Until(until) if until <= now) {
            partition.hold = caught_up(client, partition.ended.saturating_add(keep)).await?;
        }
        partitions.push(partition);
    }
    Ok(partitions)
}

fn read(row: &Row, keep: Duration) -> Result<Partition, Error> {
    let time = |micros: i64| Timestamp::from_micros(micros.cast_unsigned()).unwrap_or(Timestamp::MAX);
    let ended = time(row.try_get("ended")?);
    let unfinished: i64 = row.try_get("unfinished")?;
    let oldest = row.try_get::<_, Option<i64>>("oldest")?.and_then(auction_of);
    let last_final = row.try_get::<_, Option<i64>>("last_final")?.map_or(ended, time);
    let hold = match oldest {
        Some(oldest) => Hold::Unfinished { count: unfinished.cast_unsigned(), oldest },
        None => Hold::Until(last_final.max(ended).saturating_add(keep)),
    };
    Ok(Partition {
        day: row.try_get("name")?,
        ended,
        rows: number(row, 3)?,
        bytes: number(row, 2)?,
        auctions: number(row, 4)?,
        hold,
    })
}

async fn caught_up(client: &impl GenericClient, past: Timestamp) -> Result<Hold, Error> {
    let behind = client.query_opt(CATCHING_UP, &[&Time(past)]).await?;
    let shard = behind.map(|row| row.try_get::<_, i16>(0)).transpose()?;
    Ok(shard
        .and_then(|shard| u8::try_from(shard).ok())
        .map_or(Hold::Free, |shard| Hold::CatchingUp(ShardId(shard))))
}

/// Counts the rows of a day's tables: bids, maxima, events.
pub(super) async fn count(client: &impl GenericClient, partition: &Partition) -> Result<[u64; 3], Error> {
    let counts = ["bids", "maxima", "events"]
        .map(|table| format!("(SELECT count(*) FROM {})", partition.rows_of(table)));
    let count = format!("SELECT {}", counts.join(", "));
    let row = client.query_one(&count, &[]).await?;
    Ok([number(&row, 0)?, number(&row, 1)?, number(&row, 2)?])
}
