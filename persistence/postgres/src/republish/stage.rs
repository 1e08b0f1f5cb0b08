//! The statements of a delivery: rows are staged, and written where they are not there or differ.

use crate::rows::{AuctionEvent, Bid, ShardFact};
use crate::value::{Account, Time, amount_number, auction_number};
use crate::write::copy::{self, INT8, TEXT, TIME, Writer, copy, epoch, lsn};
use crate::write::number;
use crate::{Map, Set};
use deadpool_postgres::Transaction;
use gavel_core::{EventKind, Lsn, Position, Seq};
use gavel_log::record::Record;
use tokio_postgres::types::Type;
use tokio_postgres::{Error, GenericClient};
use uuid::Uuid;

/// Made once for each connection.
pub(super) const SETUP: &str = "
CREATE TEMPORARY TABLE IF NOT EXISTS sent_bids (LIKE bids) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS sent_maxima (LIKE maxima) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS sent_events (LIKE events) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS sent_shard_events (LIKE shard_events) ON COMMIT DELETE ROWS;";

/// Where records are, by table.
#[derive(Debug, Default)]
pub(super) struct Keys {
    bids: Vec<(i64, i64, Lsn)>,
    events: Vec<(i64, i64, Lsn)>,
    shard_events: Vec<(i64, i64, Lsn)>,
}

impl Keys {
    pub(super) fn push(&mut self, position: Position, record: &Record) {
        let lsn = position.lsn;
        match record {
            Record::Auction(event) => {
                let key = (auction_number(event.auction), i64::from(event.seq.0), lsn);
                if matches!(event.kind, EventKind::BidAccepted(_) | EventKind::BoughtNow { .. }) {
                    self.bids.push(key);
                } else {
                    self.events.push(key);
                }
            }
            Record::Shard(_) => {
                self.shard_events.push((i64::from(position.shard.0), lsn.0.cast_signed(), lsn));
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bids.len() + self.events.len() + self.shard_events.len()
    }
}

/// A bid needs both of its rows.
const MISSING_BIDS: &str = "
SELECT number FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS wanted (auction, seq, number)
WHERE NOT EXISTS (SELECT FROM bids WHERE bids.auction = wanted.auction AND bids.seq = wanted.seq)
    OR NOT EXISTS (SELECT FROM maxima WHERE maxima.auction = wanted.auction AND maxima.seq = wanted.seq)";
const MISSING_EVENTS: &str = "
SELECT number FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS wanted (auction, seq, number)
WHERE NOT EXISTS (SELECT FROM events WHERE events.auction = wanted.auction AND events.seq = wanted.seq)";
const MISSING_SHARD_EVENTS: &str = "
SELECT number FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS wanted (shard, lsn, number)
WHERE NOT EXISTS (SELECT FROM shard_events WHERE shard_events.shard = wanted.shard AND shard_events.lsn = wanted.lsn)";

/// Which of these records are not in the database.
pub(super) async fn missing(client: &impl GenericClient, keys: &Keys) -> Result<Set<Lsn>, Error> {
    let mut found = Set::default();
    let asked = [
        (MISSING_BIDS, &keys.bids),
        (MISSING_EVENTS, &keys.events),
        (MISSING_SHARD_EVENTS, &keys.shard_events),
    ];
    for (ask, keys) in asked {
        if keys.is_empty() {
            continue;
        }
        let (first, second): (Vec<i64>, Vec<i64>) =
            keys.iter().map(|(first, second, _)| (*first, *second)).unzip();
        for row in client.query(ask, &[&first, &second]).await? {
            let number: i64 = row.try_get(0)?;
            found.extend(keys.get(number.saturating_sub(1) as usize).map(|(_, _, lsn)| *lsn));
        }
    }
    Ok(found)
}

/// A bid counts once, whichever of its rows was not there or differed.
const BIDS: &str = "
WITH new_bids AS (
    INSERT INTO bids SELECT * FROM sent_bids
    ON CONFLICT (auction, seq) DO UPDATE SET epoch = excluded.epoch, lsn = excluded.lsn, at = excluded.at,
        received = excluded.received, decided = excluded.decided, price = excluded.price, bid_id = excluded.bid_id,
        withdrawn_seq = excluded.withdrawn_seq, extended_to = excluded.extended_to, bidder = excluded.bidder, status = excluded.status
    WHERE bids IS DISTINCT FROM excluded
    RETURNING auction, seq
), new_maxima AS (
    INSERT INTO maxima SELECT * FROM sent_maxima
    ON CONFLICT (auction, seq) DO UPDATE SET amount = excluded.amount WHERE maxima.amount <> excluded.amount
    RETURNING auction, seq
)
SELECT count(*) FROM (SELECT * FROM new_bids UNION SELECT * FROM new_maxima) AS new";
const EVENTS: &str = "
INSERT INTO events SELECT * FROM sent_events
ON CONFLICT (auction, seq) DO UPDATE SET epoch = excluded.epoch, lsn = excluded.lsn, at = excluded.at, received = excluded.received,
    decided = excluded.decided, origin = excluded.origin, type = excluded.type, data = excluded.data
WHERE events IS DISTINCT FROM excluded";
const SHARD_EVENTS: &str = "
INSERT INTO shard_events SELECT * FROM sent_shard_events
ON CONFLICT (shard, lsn) DO UPDATE SET epoch = excluded.epoch, at = excluded.at, type = excluded.type, data = excluded.data
WHERE shard_events IS DISTINCT FROM excluded";

/// Which bids an event took out, by seq of the bid: only those that were.
pub(super) type Withdrawn = Map<(i64, Seq), Seq>;

/// Writes bids with what they offered; says of how many of them something was not there or differed.
pub(super) async fn bids(
    transaction: &Transaction<'_>,
    rows: &[Bid],
    withdrawn: &Withdrawn,
) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    let table = "sent_bids (auction, seq, epoch, lsn, at, received, decided, price, bid_id, withdrawn_seq, extended_to, bidder, status)";
    let types = [INT8, INT8, INT8, INT8, TIME, TIME, TIME, INT8, Type::UUID, INT8, TIME, TEXT, TEXT];
    copy(transaction, table, &types, rows, async |bid: &Bid, out: &mut Writer<'_>| {
        let Bid { auction, seq, position, at, stamp, id, bidder, price, status, extended_to, amount: _ } =
            *bid;
        let auction = auction_number(auction);
        let gone = withdrawn.get(&(auction, seq)).map(|seq| i64::from(seq.0));
        out.row(&[
            &auction,
            &i64::from(seq.0),
            &epoch(position),
            &lsn(position),
            &Time(at),
            &Time(stamp.received),
            &Time(stamp.decided),
            &amount_number(price),
            &Uuid::from_u128(id.to_bits()),
            &gone,
            &extended_to.map(Time),
            &Account(bidder),
            &status.word(),
        ])
        .await
    })
    .await?;
    copy::maxima(transaction, "sent_maxima", rows).await?;
    number(&transaction.query_one(BIDS, &[]).await?, 0)
}

/// Writes events; says how many were not there or differed.
pub(super) async fn events(transaction: &Transaction<'_>, rows: &[AuctionEvent]) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    copy::events(transaction, "sent_events", rows).await?;
    transaction.execute(EVENTS, &[]).await
}

/// Writes events of the shard; says how many were not there or differed.
pub(super) async fn shard_events(transaction: &Transaction<'_>, rows: &[ShardFact]) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    copy::shard_events(transaction, "sent_shard_events", rows).await?;
    transaction.execute(SHARD_EVENTS, &[]).await
}
