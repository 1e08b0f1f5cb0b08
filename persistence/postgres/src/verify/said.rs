//! What events say, and the terms and details of auctions, held against the rows by PostgreSQL itself: what JSON is the same is for `jsonb` to
//! say (`100` and `1e2` are).

use super::fold::Expected;
use crate::limits::VERIFY_BYTES_MAX;
use crate::value::{auction_number, auction_of};
use crate::{Map, Set};
use gavel_core::AuctionId;
use tokio_postgres::{Error, Transaction};

/// Events whose rows say something else.
const EVENTS: &str = "
SELECT wanted.auction, wanted.seq
FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS wanted (auction, seq, data)
JOIN events ON events.auction = wanted.auction AND events.seq = wanted.seq AND events.auction BETWEEN $4 AND $5
WHERE events.data <> wanted.data::jsonb";

/// Columns of auctions that say something else than what the auction was opened with, and how its details were edited.
const TERMS: &str = "
SELECT wanted.auction, field.name
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS wanted (auction, opened, details, added)
JOIN auctions ON auctions.auction = wanted.auction
CROSS JOIN LATERAL (SELECT wanted.opened::jsonb AS said OFFSET 0) AS opened
CROSS JOIN LATERAL (VALUES
    ('seller', to_jsonb(auctions.seller), to_jsonb(said ->> 'seller')),
    ('currency', to_jsonb(auctions.currency), said -> 'currency'),
    ('placement_key', to_jsonb(auctions.placement_key), said -> 'placement_key'),
    ('open_id', to_jsonb(auctions.open_id), said -> 'open_id'),
    ('starts_at', to_jsonb(auctions.starts_at), to_jsonb((said ->> 'starts_at')::timestamptz)),
    ('first_ends_at', to_jsonb(auctions.first_ends_at), to_jsonb((said ->> 'ends_at')::timestamptz)),
    ('opening_price', to_jsonb(auctions.opening_price), said -> 'opening_price'),
    ('first_reserve_price', to_jsonb(auctions.first_reserve_price), said -> 'reserve_price'),
    ('buy_now', auctions.buy_now, said -> 'buy_now'),
    ('increments', auctions.increments, said -> 'increments'),
    ('soft_close', auctions.soft_close, said -> 'soft_close'),
    ('retraction', auctions.retraction, said -> 'retraction'),
    ('payment_window_s', to_jsonb(auctions.payment_window_s), said -> 'payment_window_s'),
    ('offer_window_s', to_jsonb(auctions.offer_window_s), said -> 'offer_window_s'),
    ('proxy', to_jsonb(auctions.proxy), said -> 'proxy'),
    ('details', auctions.details, coalesce(wanted.details::jsonb, said -> 'details')),
    ('details_added', auctions.details_added, wanted.added::jsonb)
) AS field (name, in_row, in_log)
WHERE coalesce(field.in_row, 'null') <> coalesce(field.in_log, 'null')";

/// What is said differently.
#[derive(Debug, Default)]
pub(super) struct Differing {
    /// Events, by auction and number.
    pub(super) events: Set<(AuctionId, i64)>,
    /// Columns of auctions.
    pub(super) terms: Map<AuctionId, Vec<String>>,
}

/// Asks for all of them, about so many bytes at a time as [`VERIFY_BYTES_MAX`] says.
pub(super) async fn differing(
    snapshot: &Transaction<'_>,
    all: &[Expected],
    least: i64,
    most: i64,
) -> Result<Differing, Error> {
    let mut differing = Differing::default();
    let (mut begin, mut bytes) = (0, 0);
    for (place, expected) in all.iter().enumerate() {
        bytes += expected.said_bytes();
        if bytes >= VERIFY_BYTES_MAX || place + 1 == all.len() {
            ask(snapshot, &all[begin..=place], (least, most), &mut differing).await?;
            (begin, bytes) = (place + 1, 0);
        }
    }
    Ok(differing)
}

async fn ask(
    snapshot: &Transaction<'_>,
    some: &[Expected],
    (least, most): (i64, i64),
    into: &mut Differing,
) -> Result<(), Error> {
    let events =
        some.iter().flat_map(|expected| expected.events.iter().map(move |event| (expected.id(), event)));
    let (mut auctions, mut seqs, mut said) = (Vec::new(), Vec::new(), Vec::new());
    for (auction, event) in events {
        auctions.push(auction_number(auction));
        seqs.push(i64::from(event.seq.0));
        said.push(&*event.data);
    }
    for row in snapshot.query(EVENTS, &[&auctions, &seqs, &said, &least, &most]).await? {
        let seq = row.try_get(1)?;
        into.events.extend(auction_of(row.try_get(0)?).map(|auction| (auction, seq)));
    }
    let ids: Vec<i64> = some.iter().map(|expected| auction_number(expected.id())).collect();
    let opened: Vec<Option<&str>> = some.iter().map(Expected::opened).collect();
    let details: Vec<Option<&str>> = some.iter().map(|expected| expected.details.as_deref()).collect();
    let added: Vec<String> =
        some.iter().map(|expected| format!("[{}]", expected.details_added.join(","))).collect();
    for row in snapshot.query(TERMS, &[&ids, &opened, &details, &added]).await? {
        if let Some(auction) = auction_of(row.try_get(0)?) {
            into.terms.entry(auction).or_default().push(row.try_get(1)?);
        }
    }
    Ok(())
}
