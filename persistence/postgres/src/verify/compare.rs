//! Some auctions as the log has them, held against their rows.

use super::fold::{Expected, ExpectedBid, ExpectedEvent, event_line};
use super::line::{BidLine, Place, Short};
use super::said::{Differing, differing};
use super::{Difference, VerifyError};
use crate::Map;
use crate::value::{auction_number, auction_of};
use futures_core::Stream as _;
use gavel_core::auction::View;
use gavel_core::{Amount, AuctionId, Seq, Timestamp};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use tokio_postgres::{Error, Row, Transaction};
use uuid::Uuid;

/// Times as numbers: microseconds since 1970.
const AUCTIONS: &str = "
SELECT auction, seq, epoch, lsn, state, price, leader, bid_count, bidder_count, outcome,
    (extract(epoch FROM ends_at) * 1000000)::bigint, (extract(epoch FROM at) * 1000000)::bigint, is_dropped(auction, lsn),
    EXISTS (SELECT FROM parked WHERE parked.auction = auctions.auction),
    (extract(epoch FROM deadline) * 1000000)::bigint, (extract(epoch FROM final_at) * 1000000)::bigint, reserve_price,
    (winning_bid ->> 'seq')::bigint, (runner_up_bid ->> 'seq')::bigint, (extract(epoch FROM opened_at) * 1000000)::bigint,
    (extract(epoch FROM ended_at) * 1000000)::bigint, array_to_string(tried, ' ')
FROM auctions WHERE auction = ANY ($1)";

const BIDS: &str = "
SELECT auction, seq, bids.epoch, bids.lsn, (extract(epoch FROM bids.at) * 1000000)::bigint,
    (extract(epoch FROM bids.received) * 1000000)::bigint, (extract(epoch FROM bids.decided) * 1000000)::bigint,
    bids.bid_id, bids.bidder, bids.price, bids.status, (extract(epoch FROM bids.extended_to) * 1000000)::bigint, bids.withdrawn_seq,
    maxima.amount
FROM (SELECT * FROM bids WHERE auction = ANY ($1) AND auction BETWEEN $2 AND $3) AS bids
FULL JOIN (SELECT * FROM maxima WHERE auction = ANY ($1) AND auction BETWEEN $2 AND $3) AS maxima USING (auction, seq)";

const EVENTS: &str = "
SELECT auction, seq, epoch, lsn, (extract(epoch FROM at) * 1000000)::bigint, (extract(epoch FROM received) * 1000000)::bigint,
    (extract(epoch FROM decided) * 1000000)::bigint, origin, type
FROM events
WHERE auction = ANY ($1) AND auction BETWEEN $2 AND $3";

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) differences: Vec<Difference>,
    /// Auctions whose bids and events are dropped.
    pub(super) dropped: u64,
}

/// A row of `auctions`, as far as it is compared.
struct AuctionRow {
    fields: [String; FIELDS.len()],
    is_dropped: bool,
    is_parked: bool,
}

/// A row of `bids` with its maximum.
#[derive(Clone, Copy)]
struct BidRow {
    content: Option<Short>,
    withdrawn: Option<i64>,
    maximum: Option<i64>,
}

const FIELDS: [&str; 18] = [
    "seq",
    "position",
    "state",
    "price",
    "leader",
    "bid_count",
    "bidder_count",
    "outcome",
    "ends_at",
    "at",
    "deadline",
    "final_at",
    "reserve_price",
    "winning_bid",
    "runner_up_bid",
    "opened_at",
    "ended_at",
    "tried",
];

/// Compares auctions, which are sorted by their ids.
pub(super) async fn compare(snapshot: &Transaction<'_>, all: &[Expected]) -> Result<Compared, VerifyError> {
    let ids: Vec<i64> = all.iter().map(|expected| auction_number(expected.id())).collect();
    let (least, most) =
        (ids.iter().min().copied().unwrap_or_default(), ids.iter().max().copied().unwrap_or_default());
    let mut auctions = auction_rows(snapshot, &ids).await?;
    let mut bids = bid_rows(snapshot, &ids, least, most).await?;
    let mut events = event_rows(snapshot, &ids, least, most).await?;
    let mut said = differing(snapshot, all, least, most).await?;
    let mut compared = Compared::default();
    for expected in all {
        let id = expected.id();
        let row = auctions.remove(&id).map(|row| (row, said.terms.remove(&id).unwrap_or_default()));
        let (bids, events) = (bids.remove(&id).unwrap_or_default(), events.remove(&id).unwrap_or_default());
        compare_one(&mut compared, expected, row, bids, events, &said);
    }
    Ok(compared)
}

fn compare_one(
    compared: &mut Compared,
    expected: &Expected,
    row: Option<(AuctionRow, Vec<String>)>,
    bids: BTreeMap<i64, BidRow>,
    events: BTreeMap<i64, Short>,
    said: &Differing,
) {
    let Some((row, terms)) = row else {
        let mut difference = Report::new(expected.id(), false);
        difference.add("auction", "it is there", "no row");
        compared.differences.append(&mut difference.found);
        return;
    };
    let mut report = Report::new(expected.id(), row.is_parked);
    for ((name, log), row) in FIELDS.iter().zip(fields_of(expected)).zip(row.fields) {
        if log == row {
            continue;
        }
        // What the reserve is, is the seller's secret.
        let is_secret = *name == "reserve_price";
        let (log, row) = if is_secret { ("one".to_owned(), "another".to_owned()) } else { (log, row) };
        report.add(name, log, row);
    }
    for name in terms {
        // Some are long, and some are secrets.
        report.add(&name, "one", "another");
    }
    if row.is_dropped {
        compared.dropped += 1;
    } else {
        compare_bids(&mut report, &expected.bids, bids);
        compare_events(&mut report, &expected.events, events, said);
    }
    compared.differences.append(&mut report.found);
}

fn compare_bids(report: &mut Report, expected: &[ExpectedBid], mut rows: BTreeMap<i64, BidRow>) {
    let log_digest = digest(
        expected.iter().map(|bid| (bid.seq.0.into(), Some(bid.content), bid.withdrawn, Some(bid.maximum))),
    );
    let row_digest = digest(
        rows.iter()
            .map(|(seq, row)| (*seq, row.content, row.withdrawn.map(|seq| Seq(seq as u32)), row.maximum)),
    );
    if log_digest == row_digest {
        return;
    }
    let count = rows.len();
    report.add(
        "bids",
        format!("{} with digest {log_digest}", expected.len()),
        format!("{count} with digest {row_digest}"),
    );
    for bid in expected {
        let what = format!("bid {}", bid.seq.0);
        match rows.remove(&bid.seq.0.into()) {
            None => report.add(&what, "it is there", "no row"),
            Some(BidRow { content: None, .. }) => report.add(&what, "it is there", "only its maximum"),
            Some(row) => {
                if row.content != Some(bid.content) {
                    report.add(&what, "other values", "other values");
                }
                let (log, row_seq) = (bid.withdrawn.map(|seq| i64::from(seq.0)), row.withdrawn);
                if log != row_seq {
                    report.add(&format!("{what} withdrawn_seq"), shown(log), shown(row_seq));
                }
                if row.maximum != Some(bid.maximum) {
                    // What it is, is the bidder's secret.
                    let said = if row.maximum.is_none() { "no row" } else { "another" };
                    report.add(&format!("{what} maximum"), "it is there", said);
                }
            }
        }
    }
    for seq in rows.keys() {
        report.add(&format!("bid {seq}"), "no such bid", "a row");
    }
}

fn compare_events(
    report: &mut Report,
    expected: &[ExpectedEvent],
    mut rows: BTreeMap<i64, Short>,
    said: &Differing,
) {
    for ExpectedEvent { seq, content, data: _ } in expected {
        let (what, seq) = (format!("event {}", seq.0), i64::from(seq.0));
        match rows.remove(&seq) {
            None => report.add(&what, "it is there", "no row"),
            Some(row) if row != *content => report.add(&what, "other values", "other values"),
            Some(_) => {}
        }
        if said.events.contains(&(report.auction, seq)) {
            report.add(&format!("{what} data"), "one", "another");
        }
    }
    for seq in rows.keys() {
        report.add(&format!("event {seq}"), "no such event", "a row");
    }
}

/// A digest of all bids of an auction, in their order.
fn digest(bids: impl Iterator<Item = (i64, Option<Short>, Option<Seq>, Option<i64>)>) -> String {
    let mut hasher = blake3::Hasher::new();
    for (seq, content, withdrawn, maximum) in bids {
        let withdrawn = withdrawn.map_or(0, |seq| i64::from(seq.0));
        let content = content.map_or(0, |content| content.0.cast_signed());
        for number in [seq, content, withdrawn, maximum.unwrap_or(-1)] {
            hasher.update(&number.to_le_bytes());
        }
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

struct Report {
    auction: AuctionId,
    is_parked: bool,
    found: Vec<Difference>,
}

impl Report {
    const fn new(auction: AuctionId, is_parked: bool) -> Self {
        Self { auction, is_parked, found: Vec::new() }
    }

    fn add(&mut self, what: &str, log: impl Into<String>, rows: impl Into<String>) {
        self.found.push(Difference {
            auction: Some(self.auction),
            what: what.to_owned(),
            log: log.into(),
            rows: rows.into(),
            is_parked: self.is_parked,
        });
    }
}

fn shown<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

/// A time in microseconds, as people read it; one that is none in Gavel stays a number.
fn time(micros: i64) -> String {
    let time = u64::try_from(micros).ok().and_then(Timestamp::from_micros);
    time.map_or_else(|| format!("{micros} us"), |time| time.to_string())
}

/// What the log says, in the order of [`FIELDS`].
fn fields_of(expected: &Expected) -> [String; FIELDS.len()] {
    let View { state, seq, position, price, leader, bid_count, bidder_count, ends_at, at, .. } =
        expected.auction.view();
    [
        seq.0.to_string(),
        position.to_string(),
        state.to_string(),
        shown(price.map(|price| price.get())),
        shown(leader),
        bid_count.to_string(),
        bidder_count.to_string(),
        shown(expected.outcome.map(|outcome| outcome.name())),
        ends_at.to_string(),
        at.to_string(),
        shown(expected.deadline),
        shown(expected.final_at),
        shown(expected.reserve.map(Amount::get)),
        shown(expected.award.winning.map(|seq| seq.0)),
        shown(expected.award.runner_up.map(|seq| seq.0)),
        expected.opened_at.to_string(),
        shown(expected.ended_at),
        expected.tried(),
    ]
}

async fn auction_rows(snapshot: &Transaction<'_>, ids: &[i64]) -> Result<Map<AuctionId, AuctionRow>, Error> {
    let mut found = Map::default();
    for row in snapshot.query(AUCTIONS, &[&ids]).await? {
        let Some(auction) = auction_of(row.try_get(0)?) else { continue };
        let number = |column: usize| row.try_get::<_, Option<i64>>(column);
        let text = |column: usize| row.try_get::<_, Option<String>>(column);
        let (epoch, lsn) = (row.try_get::<_, i64>(2)?, row.try_get::<_, i64>(3)?);
        let fields = [
            shown(number(1)?),
            format!("{}-{epoch}-{lsn}", auction.shard()),
            shown(text(4)?),
            shown(number(5)?),
            shown(text(6)?),
            shown(number(7)?),
            shown(number(8)?),
            shown(text(9)?),
            shown(number(10)?.map(time)),
            shown(number(11)?.map(time)),
            shown(number(14)?.map(time)),
            shown(number(15)?.map(time)),
            shown(number(16)?),
            shown(number(17)?),
            shown(number(18)?),
            shown(number(19)?.map(time)),
            shown(number(20)?.map(time)),
            text(21)?.unwrap_or_default(),
        ];
        found.insert(
            auction,
            AuctionRow { fields, is_dropped: row.try_get(12)?, is_parked: row.try_get(13)? },
        );
    }
    Ok(found)
}

type ByAuction<T> = Map<AuctionId, BTreeMap<i64, T>>;

async fn rows<T>(
    snapshot: &Transaction<'_>,
    ask: &str,
    (ids, least, most): (&[i64], i64, i64),
    read: impl Fn(&Row) -> Result<T, Error>,
) -> Result<ByAuction<T>, Error> {
    let mut found: ByAuction<T> = Map::default();
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&ids, &least, &most];
    let mut rows = pin!(snapshot.query_raw(ask, parameters).await?);
    while let Some(row) = poll_fn(|context| rows.as_mut().poll_next(context)).await {
        let row = row?;
        let Some(auction) = auction_of(row.try_get(0)?) else { continue };
        found.entry(auction).or_default().insert(row.try_get(1)?, read(&row)?);
    }
    Ok(found)
}

async fn bid_rows(
    snapshot: &Transaction<'_>,
    ids: &[i64],
    least: i64,
    most: i64,
) -> Result<ByAuction<BidRow>, Error> {
    rows(snapshot, BIDS, (ids, least, most), |row| {
        let content = match row.try_get::<_, Option<i64>>(2)? {
            None => None,
            Some(_) => Some(bid_line(row)?),
        };
        Ok(BidRow { content, withdrawn: row.try_get(12)?, maximum: row.try_get(13)? })
    })
    .await
}

fn bid_line(row: &Row) -> Result<Short, Error> {
    let (bidder, status): (&str, &str) = (row.try_get(8)?, row.try_get(10)?);
    let id: Uuid = row.try_get(7)?;
    let (price, extended_to) = (row.try_get(9)?, row.try_get(11)?);
    Ok(BidLine { place: place(row)?, id: id.as_u128(), bidder, price, status, extended_to }.short())
}

fn place(row: &Row) -> Result<Place, Error> {
    Ok(Place {
        seq: row.try_get(1)?,
        epoch: row.try_get(2)?,
        lsn: row.try_get(3)?,
        at: row.try_get(4)?,
        received: row.try_get(5)?,
        decided: row.try_get(6)?,
    })
}

async fn event_rows(
    snapshot: &Transaction<'_>,
    ids: &[i64],
    least: i64,
    most: i64,
) -> Result<ByAuction<Short>, Error> {
    rows(snapshot, EVENTS, (ids, least, most), |row| {
        Ok(event_line(place(row)?, row.try_get(7)?, row.try_get(8)?))
    })
    .await
}
