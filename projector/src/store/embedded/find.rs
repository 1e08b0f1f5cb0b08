//! Reading: each answer from one transaction, which sees all or nothing of a batch.

use super::failed;
use super::index::{self, Index};
use super::tables::{CURSORS, documents as table, keys, reading};
use super::write::read;
use crate::Collection;
use crate::documents::WordLike as _;
use crate::store::listing::Filter;
use crate::store::{After, Listing, Page, Paging, Search, Sort, StoreError};
use bson::RawDocumentBuf;
use gavel_core::auction::State;
use gavel_core::{AccountId, AuctionId, Epoch, Lsn, Position, ShardId};
use redb::{Database, ReadTransaction};
use std::ops::Bound;

/// What is being done, for errors.
const READING: &str = "read";

pub(super) fn cursor(database: &Database, shard: ShardId) -> Result<Position, StoreError> {
    let cursors = reading(database)?.open_table(CURSORS).map_err(failed(READING))?;
    let stored = cursors.get(shard.0).map_err(failed(READING))?.map(|stored| stored.value());
    let position = |(epoch, lsn)| Position { shard, epoch: Epoch(epoch), lsn: Lsn(lsn) };
    Ok(stored.map_or(Position::start(shard), position))
}

pub(super) fn documents(
    database: &Database,
    collection: Collection,
    ids: &[String],
) -> Result<Vec<RawDocumentBuf>, StoreError> {
    let documents = reading(database)?.open_table(table(collection)).map_err(failed(READING))?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(bytes) = documents.get(id.as_str()).map_err(failed(READING))? {
            found.push(read(collection, id, bytes.value())?);
        }
    }
    Ok(found)
}

pub(super) fn seller(database: &Database, seller: AccountId) -> Result<Vec<RawDocumentBuf>, StoreError> {
    let documents = reading(database)?.open_table(table(Collection::Sellers)).map_err(failed(READING))?;
    // '0' comes right after '/'.
    let (first, end) = (format!("{seller}/"), format!("{seller}0"));
    let range = documents.range(first.as_str()..end.as_str()).map_err(failed(READING))?;
    range
        .map(|entry| {
            let (id, bytes) = entry.map_err(failed(READING))?;
            read(Collection::Sellers, id.value(), bytes.value())
        })
        .collect()
}

pub(super) fn page(database: &Database, listing: &Listing, paging: &Paging) -> Result<Page, StoreError> {
    let after = listing.place(paging)?;
    let transaction = reading(database)?;
    let limit = paging.limit() + 1;
    let documents = match listing {
        Listing::BidsOfAuction(auction) => bids(&transaction, *auction, after, limit)?,
        Listing::BidsOfBidder(bidder) => {
            walk(&transaction, listing, Index::Bidder, &[bidder.to_string()], after, limit)?
        }
        Listing::Auctions(search) => {
            let (index, values) = path(search)?;
            walk(&transaction, listing, index, &values, after, limit)?
        }
    };
    listing.page(paging, documents)
}

/// Which index answers a search, and for which values.
fn path(search: &Search) -> Result<(Index, Vec<String>), StoreError> {
    let Filter { state, seller, category, price_min, price_max, text } = search.filter();
    let unsupported = |what| Err(StoreError::Unsupported { what });
    if text.is_some() {
        return unsupported("a search for words");
    }
    if category.is_some() {
        return unsupported("a filter by category");
    }
    if price_min.is_some() || price_max.is_some() {
        return unsupported("a filter by price");
    }
    let states = || {
        let wanted = |one: &&State| state.is_none_or(|state| state == **one);
        State::ALL.iter().filter(wanted).map(|one| one.name().to_owned()).collect()
    };
    match (seller, search.sort()) {
        (_, Sort::Price) => unsupported("sorting by price"),
        (_, Sort::Bids) => unsupported("sorting by the number of bids"),
        (Some(_), _) if state.is_some() => unsupported("a filter by seller and state together"),
        (Some(_), Sort::EndsAt) => {
            unsupported("sorting a seller's auctions by their end (`newest` is there)")
        }
        (Some(seller), Sort::Newest) => Ok((Index::Seller, vec![seller.to_string()])),
        (None, Sort::EndsAt) => Ok((Index::EndsAt, states())),
        (None, Sort::Newest) => Ok((Index::OpenedAt, states())),
    }
}

/// So many documents along an index, behind a place: a walk per value, merged.
fn walk(
    transaction: &ReadTransaction,
    listing: &Listing,
    index: Index,
    values: &[String],
    after: Option<&After>,
    limit: usize,
) -> Result<Vec<RawDocumentBuf>, StoreError> {
    let descending = listing.order().descending;
    let table = transaction.open_table(keys(index)).map_err(failed(READING))?;
    let mut places: Vec<Vec<u8>> = Vec::new();
    for value in values {
        let prefix = index::prefix(value);
        let place = after.map(|after| index::key(&prefix, after.key, &after.id));
        let end = index::end(&prefix);
        let range = match (&place, descending) {
            (None, _) => (Bound::Included(prefix.as_slice()), Bound::Excluded(end.as_slice())),
            (Some(place), false) => (Bound::Excluded(place.as_slice()), Bound::Excluded(end.as_slice())),
            (Some(place), true) => (Bound::Included(prefix.as_slice()), Bound::Excluded(place.as_slice())),
        };
        let mut range = table.range::<&[u8]>(range).map_err(failed(READING))?;
        for _ in 0..limit {
            let next = if descending { range.next_back() } else { range.next() };
            let Some(entry) = next else { break };
            let (key, ()) = entry.map(|(key, _)| (key, ())).map_err(failed(READING))?;
            places.push(key.value()[prefix.len()..].to_vec());
        }
    }
    places.sort_unstable();
    if descending {
        places.reverse();
    }
    places.truncate(limit);
    fetch(transaction, listing.collection(), &places)
}

/// The documents whose ids these places end in. An index without its document is damage.
fn fetch(
    transaction: &ReadTransaction,
    collection: Collection,
    places: &[Vec<u8>],
) -> Result<Vec<RawDocumentBuf>, StoreError> {
    let documents = transaction.open_table(table(collection)).map_err(failed(READING))?;
    let fetch = |place: &Vec<u8>| {
        let id = index::id(place).unwrap_or_default();
        let missing = || StoreError::Unfit { collection, id: id.to_owned(), field: "_id" };
        let bytes = documents.get(id).map_err(failed(READING))?.ok_or_else(missing)?;
        read(collection, id, bytes.value())
    };
    places.iter().map(fetch).collect()
}

/// The bids of an auction lie side by side, in their order; the latest come first.
fn bids(
    transaction: &ReadTransaction,
    auction: AuctionId,
    after: Option<&After>,
    limit: usize,
) -> Result<Vec<RawDocumentBuf>, StoreError> {
    let documents = transaction.open_table(table(Collection::Bids)).map_err(failed(READING))?;
    let first = format!("{auction}/");
    let end = after.map_or_else(|| format!("{auction}0"), |after| after.id.clone());
    let range = documents.range(first.as_str()..end.as_str()).map_err(failed(READING))?;
    range
        .rev()
        .take(limit)
        .map(|entry| {
            let (id, bytes) = entry.map_err(failed(READING))?;
            read(Collection::Bids, id.value(), bytes.value())
        })
        .collect()
}
