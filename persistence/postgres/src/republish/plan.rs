//! What a run would deliver: counted, and the auctions that it touches. Changes nothing.

use super::stage::{Keys, missing};
use super::{RepublishError, Selection, cursor, type_of};
use crate::limits::REPUBLISH_BATCH_MAX;
use crate::offline::{Beside, records_of};
use crate::value::{auction_number, auction_of};
use crate::{Map, Set, Spelling};
use gavel_core::{AuctionId, Lsn, Position, ShardId};
use gavel_log::record::Record;
use std::collections::BTreeMap;
use tokio_postgres::Client;

/// What a run would deliver of one shard.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which.
    pub shard: ShardId,
    /// Up to where: the database's cursor. What is behind it is still to come from the flusher.
    pub cursor: Position,
    /// The first record that the log and the archive still have.
    pub oldest: Lsn,
    /// Records that are selected, by what they are called.
    pub by_type: BTreeMap<&'static str, u64>,
    /// Of these, records that are not in the database; counted only where nothing else is to be sent.
    pub missing: Option<u64>,
    /// Rows of `auctions` that are not there, though records of the auction are selected.
    pub missing_auctions: u64,
    /// Records of auctions that have records which PostgreSQL has refused, and which are parked: left alone.
    pub parked: u64,
    /// Records of auctions whose rows retention has dropped: left alone.
    pub dropped: u64,
    /// Records that are selected and still to come from the flusher.
    pub pending: u64,
    /// Selected records of auctions whose opening is in neither log nor archive, and whose row is not there: without it they can't be.
    pub headless: u64,
    /// Auctions that are touched.
    pub(super) touched: Set<AuctionId>,
    /// Auctions whose row is to be made of all of their records.
    pub(super) whole: Set<AuctionId>,
    /// Auctions of them that have parked records which nobody has refused: they wait for records that are missing before them.
    pub(super) orphans: Set<AuctionId>,
    /// Auctions that are left alone.
    pub(super) left: Map<AuctionId, Left>,
}

/// Why an auction is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Parked,
    Dropped,
    Headless,
}

impl Plan {
    /// Records that are selected, those that are left alone among them.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.by_type.values().sum()
    }
}

/// What is known of a selected auction in the database.
const STAND: &str = "
SELECT wanted.auction, auctions.auction IS NOT NULL,
    EXISTS (SELECT FROM parked WHERE parked.auction = wanted.auction),
    (SELECT parked.sqlstate IS NULL FROM parked WHERE parked.auction = wanted.auction ORDER BY parked.seq LIMIT 1),
    coalesce(is_dropped(wanted.auction, auctions.lsn), false)
        OR (auctions.auction IS NULL AND EXISTS (
            SELECT FROM dropped WHERE dropped.day = auction_day(wanted.auction) AND dropped.shard = auction_shard(wanted.auction)
                AND dropped.lsn >= wanted.lsn))
FROM unnest($1::bigint[], $2::bigint[]) AS wanted (auction, lsn) LEFT JOIN auctions USING (auction)";

/// Goes through a shard and says what a run would deliver. `on_records` hears how many records further it is.
///
/// # Errors
/// The log can't be read, or the database not asked.
pub async fn plan(
    client: &Client,
    log: Beside<'_>,
    shard: ShardId,
    selection: &Selection,
    spelling: &Spelling,
    on_records: &mut impl FnMut(u64),
) -> Result<Plan, RepublishError> {
    let cursor = cursor(client, shard, log.id).await?;
    let durable = log.end_at_least(shard, cursor.lsn)?;
    if durable < cursor.lsn {
        return Err(RepublishError::Ahead { cursor, durable });
    }
    let mut seen = Seen::default();
    for frame in log.log.read_from(shard, log.log.oldest(shard)) {
        let frame = frame?;
        for read in records_of(&frame, Lsn(0), frame.last()) {
            let (position, record) = read?;
            seen.take(position, &record, cursor.lsn, selection, type_of(&record, spelling));
        }
        on_records(frame.count().into());
    }
    let mut plan = Plan {
        shard,
        cursor,
        oldest: log.log.oldest(shard),
        by_type: seen.by_type,
        missing: None,
        missing_auctions: 0,
        parked: 0,
        dropped: 0,
        pending: seen.pending,
        headless: 0,
        touched: seen.auctions.keys().copied().collect(),
        whole: Set::default(),
        orphans: Set::default(),
        left: Map::default(),
    };
    look(client, &mut plan, &seen.auctions, selection).await?;
    if selection.missing {
        plan.missing = Some(count_missing(client, log, &plan, selection, spelling, on_records).await?);
    }
    Ok(plan)
}

/// What is selected.
#[derive(Default)]
struct Seen {
    by_type: BTreeMap<&'static str, u64>,
    pending: u64,
    /// Selected records of each auction.
    auctions: Map<AuctionId, Auction>,
    /// Openings that were read.
    opened: Set<AuctionId>,
}

struct Auction {
    records: u64,
    /// The last of them.
    lsn: Lsn,
    is_opened: bool,
}

impl Seen {
    fn take(
        &mut self,
        position: Position,
        record: &Record,
        cursor: Lsn,
        selection: &Selection,
        event_type: &'static str,
    ) {
        if let Record::Auction(event) = record
            && event.seq.0 == 1
        {
            self.opened.insert(event.auction);
        }
        if !selection.has(record, event_type) {
            return;
        }
        if position.lsn > cursor {
            self.pending += 1;
            return;
        }
        *self.by_type.entry(event_type).or_default() += 1;
        if let Record::Auction(event) = record {
            let is_opened = self.opened.contains(&event.auction);
            let auction = self.auctions.entry(event.auction);
            let auction = auction.or_insert(Auction { records: 0, lsn: position.lsn, is_opened });
            auction.records += 1;
            auction.lsn = position.lsn;
        }
    }
}

/// Asks how the database stands to the auctions that are touched.
async fn look(
    client: &Client,
    plan: &mut Plan,
    auctions: &Map<AuctionId, Auction>,
    selection: &Selection,
) -> Result<(), RepublishError> {
    let all: Vec<(&AuctionId, &Auction)> = auctions.iter().collect();
    for some in all.chunks(REPUBLISH_BATCH_MAX) {
        let (ids, lsns): (Vec<i64>, Vec<i64>) =
            some.iter().map(|(id, auction)| (auction_number(**id), auction.lsn.0.cast_signed())).unzip();
        for row in client.query(STAND, &[&ids, &lsns]).await? {
            let Some(id) = auction_of(row.try_get(0)?) else { continue };
            let (is_there, is_parked, is_dropped): (bool, bool, bool) =
                (row.try_get(1)?, row.try_get(2)?, row.try_get(4)?);
            let Some(auction) = auctions.get(&id) else { continue };
            // Of records that wait, the first says why.
            let is_orphan = row.try_get::<_, Option<bool>>(3)? == Some(true) && auction.is_opened;
            if is_parked && is_orphan && !is_dropped {
                plan.missing_auctions += u64::from(!is_there);
                plan.whole.insert(id);
                plan.orphans.insert(id);
            } else if is_parked {
                plan.parked += auction.records;
                plan.left.insert(id, Left::Parked);
            } else if is_dropped {
                plan.dropped += auction.records;
                plan.left.insert(id, Left::Dropped);
            } else if !is_there && !auction.is_opened {
                plan.headless += auction.records;
                plan.left.insert(id, Left::Headless);
            } else {
                plan.missing_auctions += u64::from(!is_there);
                let is_whole = !selection.missing && selection.is_of_whole_auctions() && auction.is_opened;
                if !is_there || is_whole {
                    plan.whole.insert(id);
                }
            }
        }
    }
    Ok(())
}

/// Goes through the log once more, and asks which of the selected records are not there.
async fn count_missing(
    client: &Client,
    log: Beside<'_>,
    plan: &Plan,
    selection: &Selection,
    spelling: &Spelling,
    on_records: &mut impl FnMut(u64),
) -> Result<u64, RepublishError> {
    let (mut keys, mut count) = (Keys::default(), 0);
    for frame in log.log.read_from(plan.shard, plan.oldest) {
        let frame = frame?;
        for read in records_of(&frame, Lsn(0), plan.cursor.lsn) {
            let (position, record) = read?;
            if plan.wants(&record, selection, type_of(&record, spelling)) {
                keys.push(position, &record);
            }
        }
        on_records(frame.count().into());
        if keys.len() >= REPUBLISH_BATCH_MAX {
            count += missing(client, &std::mem::take(&mut keys)).await?.len() as u64;
        }
        if frame.last() >= plan.cursor.lsn {
            break;
        }
    }
    Ok(count + missing(client, &keys).await?.len() as u64)
}

impl Plan {
    /// True when a record is to be delivered: as it is selected, or as its auction's row needs it.
    pub(super) fn wants(&self, record: &Record, selection: &Selection, event_type: &str) -> bool {
        match record {
            Record::Auction(event) if self.left.contains_key(&event.auction) => false,
            Record::Auction(event) if self.whole.contains(&event.auction) => true,
            record => selection.has(record, event_type),
        }
    }
}
