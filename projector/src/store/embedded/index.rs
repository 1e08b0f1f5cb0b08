//! The tables that listings walk along, as keys whose bytes sort as the listing does:
//!
//! ```text
//! what it is listed by (a text without NUL) │ 0 │ what it is sorted by (8, BE, sign bit flipped) │ _id
//! ```

use crate::Collection;
use crate::store::StoreError;
use crate::store::listing::{number, unfit};
use bson::RawDocument;

/// One such table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Index {
    /// Auctions by state, the one that ends first, first.
    EndsAt,
    /// Auctions by state, the one that was opened first, first.
    OpenedAt,
    /// Auctions by seller, the one that was opened first, first.
    Seller,
    /// How bidders stand, by bidder, in the order of ids alone.
    Bidder,
}

/// Bytes of what it is sorted by.
const SORT_BYTES: usize = 8;

impl Index {
    pub(super) const ALL: [Self; 4] = [Self::EndsAt, Self::OpenedAt, Self::Seller, Self::Bidder];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::EndsAt => "auctions_by_state_ends_at",
            Self::OpenedAt => "auctions_by_state_opened_at",
            Self::Seller => "auctions_by_seller",
            Self::Bidder => "bidders_by_bidder",
        }
    }

    /// Those of a collection.
    pub(super) const fn of(collection: Collection) -> &'static [Self] {
        match collection {
            Collection::Auctions => &[Self::EndsAt, Self::OpenedAt, Self::Seller],
            Collection::Bidders => &[Self::Bidder],
            Collection::Bids | Collection::Sellers | Collection::Reserves => &[],
        }
    }

    const fn collection(self) -> Collection {
        match self {
            Self::EndsAt | Self::OpenedAt | Self::Seller => Collection::Auctions,
            Self::Bidder => Collection::Bidders,
        }
    }

    /// The field it lists by, and the one it sorts by, if there is one.
    const fn fields(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::EndsAt => ("state", Some("ends_at")),
            Self::OpenedAt => ("state", Some("opened_at")),
            Self::Seller => ("seller", Some("opened_at")),
            Self::Bidder => ("bidder", None),
        }
    }

    /// A document's key.
    pub(super) fn key(self, document: &RawDocument) -> Result<Vec<u8>, StoreError> {
        let (by, sort) = self.fields();
        let unfit = |field| unfit(self.collection(), document, field);
        let text = |field| document.get_str(field).map_err(|_| unfit(field));
        let prefix = prefix(text(by)?);
        if prefix.iter().filter(|&&byte| byte == 0).count() != 1 {
            return Err(unfit(by));
        }
        let number = sort.map_or(Ok(0), |sort| number(document, sort).ok_or_else(|| unfit(sort)))?;
        Ok(key(&prefix, number, text("_id")?))
    }
}

/// What the keys of those with this value begin with.
pub(super) fn prefix(value: &str) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(128);
    prefix.extend(value.as_bytes());
    prefix.push(0);
    prefix
}

/// The least that comes behind all keys with this prefix.
pub(super) fn end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    *end.last_mut().unwrap_or(&mut 0) = 1;
    end
}

/// The key of a place below a prefix.
pub(super) fn key(prefix: &[u8], sort: i64, id: &str) -> Vec<u8> {
    let mut key = prefix.to_vec();
    key.extend((sort.cast_unsigned() ^ (1 << 63)).to_be_bytes());
    key.extend(id.as_bytes());
    key
}

/// The `_id` in what follows the prefix of a key.
pub(super) fn id(rest: &[u8]) -> Option<&str> {
    std::str::from_utf8(rest.get(SORT_BYTES..)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_value_then_number_then_id() {
        let open = prefix("open");
        let sorted = [
            key(&prefix("a"), i64::MAX, "z"),
            key(&open, i64::MIN, "b"),
            key(&open, -1, "b"),
            key(&open, 0, "a"),
            key(&open, 0, "b"),
            key(&open, 256, "a"),
            key(&open, i64::MAX, "a"),
            end(&open),
            key(&prefix("opened"), i64::MIN, ""),
        ];
        assert!(sorted.is_sorted(), "{sorted:?}");
        assert_eq!(id(&sorted[3][open.len()..]), Some("a"));
    }
}
