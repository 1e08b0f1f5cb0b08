//! Documents as JSON: the same fields under the same names, spelled as everywhere in this API.
//!
//! `_id` is `id`; times are RFC 3339; ids of bids are UUIDs; details are the JSON that the seller wrote, not a text of it.

use crate::http::problem::Problem;
use crate::http::schema::SellerSums;
use bson::{RawBsonRef, RawDocument, RawDocumentBuf};
use gavel_core::AccountId;
use gavel_projector::documents::{Seller, read};
use gavel_wire::Code;
use serde_json::{Map, Value};

/// Fields whose texts, or lists of texts, are JSON themselves.
const DETAILS: [&str; 2] = ["details", "details_added"];

/// A document as it is shown.
///
/// # Errors
/// It is no BSON, or has a type that no document has.
pub(super) fn json(document: &RawDocument) -> Result<Map<String, Value>, bson::error::Error> {
    let mut object = Map::new();
    for field in document {
        let (name, value) = field?;
        let name = if name == "_id" { "id" } else { name.as_str() };
        let shown = if DETAILS.contains(&name) { details(value)? } else { shown(value)? };
        object.insert(name.to_owned(), shown);
    }
    Ok(object)
}

fn shown(value: RawBsonRef<'_>) -> Result<Value, bson::error::Error> {
    Ok(match value {
        RawBsonRef::Int64(number) => number.into(),
        RawBsonRef::Int32(number) => number.into(),
        RawBsonRef::Double(number) => number.into(),
        RawBsonRef::Boolean(truth) => truth.into(),
        RawBsonRef::String(text) => text.into(),
        RawBsonRef::DateTime(at) => at.try_to_rfc3339_string()?.into(),
        RawBsonRef::Binary(bytes) => bytes.to_binary().to_uuid()?.to_string().into(),
        RawBsonRef::Document(document) => json(document)?.into(),
        RawBsonRef::Array(array) => {
            let values: Result<Vec<Value>, bson::error::Error> =
                array.into_iter().map(|value| shown(value?)).collect();
            values?.into()
        }
        // Of which no document has any other.
        _ => Value::Null,
    })
}

fn details(value: RawBsonRef<'_>) -> Result<Value, bson::error::Error> {
    // A text that is no JSON was changed by hand, and is shown as the text it is.
    let parsed = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| text.into());
    Ok(match value {
        RawBsonRef::String(text) => parsed(text),
        RawBsonRef::Array(array) => {
            let values: Result<Vec<Value>, bson::error::Error> =
                array.into_iter().map(|value| details(value?)).collect();
            values?.into()
        }
        value => shown(value)?,
    })
}

/// A seller's documents, one per shard, summed.
///
/// # Errors
/// One is not what it should be.
pub(super) fn sums(seller: AccountId, of_shards: &[RawDocumentBuf]) -> Result<SellerSums, Problem> {
    let mut sums = SellerSums::none(seller);
    for document in of_shards {
        let unfit = |error: gavel_projector::documents::Unfit| {
            tracing::warn!(%error, "a document can't be shown");
            Problem::new(Code::Busy, error)
        };
        let Seller {
            id: _,
            version: _,
            seller: _,
            shard: _,
            opened,
            live,
            pending,
            sold,
            unsold,
            cancelled,
            failed_sales,
            paid,
        } = read(document).map_err(unfit)?;
        sums.opened += opened;
        sums.live += live;
        sums.pending += pending;
        sums.sold += sold;
        sums.unsold += unsold;
        sums.cancelled += cancelled;
        sums.failed_sales += failed_sales;
        for (currency, amount) in paid {
            *sums.paid.entry(currency).or_default() += amount;
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::{DateTime, Uuid, rawdoc};

    #[test]
    fn a_document_is_spelled_as_the_api_spells() {
        let document = rawdoc! {
            "_id": "20261122-003-00000042",
            "version": 7_i64,
            "at": DateTime::from_millis(1_795_338_000_123),
            "price": bson::RawBson::Null,
            "details": r#"{"title": "A vase", "width": 1.50}"#,
            "details_added": [r#"{"crack": true}"#],
            "bids": [{ "bid_id": bson::Binary::from(Uuid::from_bytes([1; 16])), "price": 500_i64 }],
        };
        let expected = serde_json::json!({
            "id": "20261122-003-00000042",
            "version": 7,
            "at": "2026-11-22T09:00:00.123Z",
            "price": null,
            "details": { "title": "A vase", "width": 1.50 },
            "details_added": [{ "crack": true }],
            "bids": [{ "bid_id": "01010101-0101-0101-0101-010101010101", "price": 500 }],
        });
        assert_eq!(Value::from(json(&document).unwrap()), expected);
    }
}
