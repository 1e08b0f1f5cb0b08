//! Binary COPY of rows: into their tables where rows are only appended, else into staging tables.
//!
//! Going through staging as well costs a bid half as much again: COPY fills whole pages and logs them as such, INSERT row by row.

use crate::rows::standing::Counts;
use crate::rows::{AuctionEvent, Bid, Change, HeldRecord, Opening, ShardFact, Withdrawal};
use crate::value::{Account, Json, Time, amount_number, auction_number};
use deadpool_postgres::Transaction;
use gavel_core::{Amount, Duration, Position};
use std::pin::pin;
use tokio_postgres::Error;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

pub(crate) const INT8: Type = Type::INT8;
pub(crate) const TEXT: Type = Type::TEXT;
pub(crate) const TIME: Type = Type::TIMESTAMPTZ;
const BOOL: Type = Type::BOOL;

/// A row's values, in the order of its table's columns.
pub(crate) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Copies rows, if there are any: `each` hands the values of a row to what it is given.
pub(crate) async fn copy<R, const N: usize>(
    transaction: &Transaction<'_>,
    table: &str,
    types: &[Type; N],
    rows: impl IntoIterator<Item = R>,
    values: impl AsyncFn(R, &mut Writer<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    let sink = transaction.copy_in(&format!("COPY {table} FROM STDIN (FORMAT binary)")).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, types));
    for row in rows {
        values(row, &mut Writer(writer.as_mut())).await?;
    }
    writer.finish().await.map(drop)
}

/// Takes the values of a row.
pub(crate) struct Writer<'a>(std::pin::Pin<&'a mut BinaryCopyInWriter>);

impl Writer<'_> {
    pub(crate) async fn row(&mut self, values: Values<'_>) -> Result<(), Error> {
        self.0.as_mut().write(values).await
    }
}

pub(crate) const fn epoch(position: Position) -> i64 {
    position.epoch.0 as i64
}

pub(crate) const fn lsn(position: Position) -> i64 {
    position.lsn.0.cast_signed()
}

const fn seconds(duration: Duration) -> i64 {
    (duration.micros() / 1_000_000).cast_signed()
}

pub(super) async fn bids(transaction: &Transaction<'_>, rows: &[Bid]) -> Result<(), Error> {
    let types = [INT8, INT8, INT8, INT8, TIME, TIME, TIME, INT8, Type::UUID, TIME, TEXT, TEXT];
    let table =
        "bids (auction, seq, epoch, lsn, at, received, decided, price, bid_id, extended_to, bidder, status)";
    copy(transaction, table, &types, rows, async |bid: &Bid, out: &mut Writer<'_>| {
        // The amount is secret, and goes elsewhere.
        let Bid { auction, seq, position, at, stamp, id, bidder, price, status, extended_to, amount: _ } =
            *bid;
        out.row(&[
            &auction_number(auction),
            &i64::from(seq.0),
            &epoch(position),
            &lsn(position),
            &Time(at),
            &Time(stamp.received),
            &Time(stamp.decided),
            &amount_number(price),
            &Uuid::from_u128(id.to_bits()),
            &extended_to.map(Time),
            &Account(bidder),
            &status.word(),
        ])
        .await
    })
    .await
}

/// Into a table like `maxima`.
pub(crate) async fn maxima(transaction: &Transaction<'_>, table: &str, rows: &[Bid]) -> Result<(), Error> {
    let types = [INT8, INT8, INT8];
    let table = format!("{table} (auction, seq, amount)");
    copy(transaction, &table, &types, rows, async |bid: &Bid, out: &mut Writer<'_>| {
        out.row(&[&auction_number(bid.auction), &i64::from(bid.seq.0), &amount_number(bid.amount)]).await
    })
    .await
}

pub(super) async fn withdrawals(transaction: &Transaction<'_>, rows: &[Withdrawal]) -> Result<(), Error> {
    let types = [INT8, INT8, TEXT, Type::UUID];
    copy(transaction, "staged_withdrawals", &types, rows, async |gone: &Withdrawal, out: &mut Writer<'_>| {
        let Withdrawal { auction, seq, bidder, bid } = *gone;
        let bid = bid.map(|bid| Uuid::from_u128(bid.to_bits()));
        out.row(&[&auction_number(auction), &i64::from(seq.0), &Account(bidder), &bid]).await
    })
    .await
}

/// Into a table like `events`.
pub(crate) async fn events(
    transaction: &Transaction<'_>,
    table: &str,
    rows: &[AuctionEvent],
) -> Result<(), Error> {
    let types = [INT8, INT8, INT8, INT8, TIME, TIME, TIME, TEXT, TEXT, Type::JSONB];
    let table = format!("{table} (auction, seq, epoch, lsn, at, received, decided, origin, type, data)");
    copy(transaction, &table, &types, rows, async |event: &AuctionEvent, out: &mut Writer<'_>| {
        let AuctionEvent { auction, seq, position, at, stamp, origin, name, data } = event;
        out.row(&[
            &auction_number(*auction),
            &i64::from(seq.0),
            &epoch(*position),
            &lsn(*position),
            &Time(*at),
            &Time(stamp.received),
            &Time(stamp.decided),
            origin,
            name,
            &Json(data),
        ])
        .await
    })
    .await
}

/// Into a table like `shard_events`.
pub(crate) async fn shard_events(
    transaction: &Transaction<'_>,
    table: &str,
    rows: &[ShardFact],
) -> Result<(), Error> {
    let types = [Type::INT2, INT8, INT8, TIME, TEXT, Type::JSONB];
    let table = format!("{table} (shard, lsn, epoch, at, type, data)");
    copy(transaction, &table, &types, rows, async |event: &ShardFact, out: &mut Writer<'_>| {
        let ShardFact { position, at, name, data } = event;
        let shard = i16::from(position.shard.0);
        out.row(&[&shard, &lsn(*position), &epoch(*position), &Time(*at), name, &Json(data)]).await
    })
    .await
}

/// Each record with PostgreSQL's code, if it was PostgreSQL that refused it, and the reason.
pub(super) async fn parked<'a>(
    transaction: &Transaction<'_>,
    rows: impl Iterator<Item = (&'a HeldRecord, Option<&'a str>, &'a str)>,
) -> Result<(), Error> {
    let types = [Type::INT2, INT8, INT8, INT8, INT8, TIME, TEXT, TEXT, Type::BYTEA];
    let table = "parked (shard, lsn, epoch, auction, seq, at, sqlstate, reason, record)";
    copy(transaction, table, &types, rows, async |(held, sqlstate, reason), out: &mut Writer<'_>| {
        let HeldRecord { position, auction, at, record }: &HeldRecord = held;
        let auction = auction.map(|(auction, seq)| (auction_number(auction), i64::from(seq.0)));
        let ((auction, seq), shard) = (auction.unzip(), i16::from(position.shard.0));
        out.row(&[
            &shard,
            &lsn(*position),
            &epoch(*position),
            &auction,
            &seq,
            &Time(*at),
            &sqlstate,
            &reason,
            &&**record,
        ])
        .await
    })
    .await
}

pub(super) async fn openings(transaction: &Transaction<'_>, rows: &[Opening]) -> Result<(), Error> {
    let types = [
        INT8,
        INT8,
        INT8,
        INT8,
        TIME,
        TEXT,
        TIME,
        TIME,
        INT8,
        INT8,
        INT8,
        INT8,
        Type::UUID,
        BOOL,
        TEXT,
        TEXT,
        Type::JSONB,
    ];
    copy(transaction, "staged_openings", &types, rows, async |opening: &Opening, out: &mut Writer<'_>| {
        let Opening { auction, seq, position, at, state, terms, id, json } = opening;
        out.row(&[
            &auction_number(*auction),
            &i64::from(seq.0),
            &epoch(*position),
            &lsn(*position),
            &Time(*at),
            &state.to_string(),
            &Time(terms.starts_at),
            &Time(terms.ends_at),
            &amount_number(terms.opening_price),
            &terms.reserve_price.map(amount_number),
            &seconds(terms.payment_window),
            &seconds(terms.offer_window),
            &id.map(|id| Uuid::from_u128(id.0)),
            &terms.proxy,
            &Account(terms.seller),
            &terms.currency.to_string(),
            &Json(json),
        ])
        .await
    })
    .await
}

pub(super) async fn changes(transaction: &Transaction<'_>, rows: &[(&Change, Counts)]) -> Result<(), Error> {
    let types = [
        INT8,
        INT8,
        INT8,
        INT8,
        INT8,
        TIME,
        TEXT,
        BOOL,
        INT8,
        BOOL,
        TEXT,
        BOOL,
        INT8,
        TIME,
        BOOL,
        TIME,
        TEXT,
        TIME,
        TIME,
        Type::JSONB,
        Type::JSONB,
        BOOL,
        Type::TEXT_ARRAY,
        INT8,
        INT8,
        BOOL,
    ];
    let amount = |change: Option<Option<Amount>>| change.flatten().map(amount_number);
    copy(
        transaction,
        "staged_changes",
        &types,
        rows,
        async |row: &(&Change, Counts), out: &mut Writer<'_>| {
            let (change, counts) = row;
            let added =
                (!change.details_added.is_empty()).then(|| format!("[{}]", change.details_added.join(",")));
            let tried: Vec<_> = change.tried.accounts.iter().map(|account| Account(*account)).collect();
            out.row(&[
                &auction_number(change.auction),
                &(i64::from(change.first.0) - 1),
                &i64::from(change.seq.0),
                &epoch(change.position),
                &lsn(change.position),
                &Time(change.at),
                &change.state.map(|state| state.to_string()),
                &change.price.is_some(),
                &amount(change.price),
                &change.leader.is_some(),
                &change.leader.flatten().map(Account),
                &change.reserve.is_some(),
                &amount(change.reserve),
                &change.ends_at.map(Time),
                &change.deadline.is_some(),
                &change.deadline.flatten().map(Time),
                &change.outcome.map(|outcome| outcome.name()),
                &change.ended_at.map(Time),
                &change.final_at.map(Time),
                &change.details.as_deref().map(Json),
                &added.as_deref().map(Json),
                &change.tried.row_leader,
                &tried,
                &counts.bids,
                &counts.bidders,
                &change.award,
            ])
            .await
        },
    )
    .await
}
