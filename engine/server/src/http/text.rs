//! Ids, times and positions as texts of JSON, and JSON itself.

use gavel_core::{AccountId, AuctionId, BidId, ConsumerName, Currency, Position, Timestamp};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};
use std::fmt::Formatter;
use std::marker::PhantomData;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// What can be read from a text of JSON.
pub(super) trait FromText: Sized {
    /// What it must be, in words.
    const MUST: &'static str;

    /// Reads it; `None` when it is not one.
    fn from_text(text: &str) -> Option<Self>;
}

impl FromText for AccountId {
    const MUST: &'static str = "a string: an integer such as \"7\" up to 18446744073709551615, or a UUID whose upper half is not zero";

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text.as_bytes())
    }
}

impl FromText for AuctionId {
    const MUST: &'static str = "an auction's id such as \"20261122-003-00000042\"";

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text.as_bytes())
    }
}

impl FromText for ConsumerName {
    const MUST: &'static str = "a consumer's name: 1 to 64 letters, digits and .-_:";

    fn from_text(text: &str) -> Option<Self> {
        Self::new(text).ok()
    }
}

impl FromText for BidId {
    const MUST: &'static str = "a UUID such as \"0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3\"";

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text.as_bytes())
    }
}

impl FromText for Timestamp {
    const MUST: &'static str = "an RFC 3339 time from 1970 on, such as \"2026-11-22T10:00:00Z\"";

    fn from_text(text: &str) -> Option<Self> {
        gavel_wire::time_text::parse_time(text)
    }
}

/// Reads a text of JSON.
fn read<'de, T: FromText, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Reader<T>(PhantomData<T>);
    impl<T: FromText> Visitor<'_> for Reader<T> {
        type Value = T;

        fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
            f.write_str(T::MUST)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            T::from_text(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
        }
    }
    deserializer.deserialize_str(Reader(PhantomData))
}

/// How a text is described to the readers of `/openapi.json`.
fn described(what: &str, pattern: Option<&str>, format: Option<&str>, example: &str) -> RefOr<Schema> {
    let format = format.map(|format| SchemaFormat::Custom(format.to_owned()));
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(what))
        .pattern(pattern)
        .format(format)
        .examples([example])
        .into()
}

/// Types that are texts of JSON: written as they are displayed, read (where they can be) as they are parsed.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident($inner:ty) $shown:literal, $what:literal, $pattern:expr, $format:expr, $example:literal $(, $read:ident)?;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub(super) struct $name(pub(super) $inner);

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        $(impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $read(deserializer).map(Self)
            }
        })?

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                described($what, $pattern, $format, $example)
            }
        }

        impl ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                $shown.into()
            }
        }
    )*};
}

const UUID: &str = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";

texts! {
    /// A bidder or seller.
    AccountText(AccountId) "AccountId", "A bidder or seller: an unsigned 64-bit integer as text, or a UUID whose upper half is not zero.",
        Some("^(0|[1-9][0-9]{0,18}|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})$"), None, "7", read;
    /// An auction.
    AuctionText(AuctionId) "AuctionId", "An auction: the day it was opened on, its shard, its number.",
        Some("^[0-9]{8}-[0-9]{3}-[0-9]{8}$"), None, "20261122-003-00000042", read;
    /// A bid.
    BidText(BidId) "BidId", "A bid.", Some(UUID), Some("uuid"), "0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3", read;
    /// A place in the log.
    PositionText(Position) "Position", "A record's place in the log: shard, epoch, number.",
        Some("^[0-9]+-[0-9]+-[0-9]+$"), None, "3-1-42";
    /// A time.
    TimeText(Timestamp) "Time", "A time, RFC 3339; answered in UTC, to the microsecond.", None, Some("date-time"), "2026-11-22T10:00:00Z", read;
    /// A currency.
    CurrencyText(Currency) "Currency", "A currency, ISO 4217.", Some("^[A-Z]{3}$"), None, "KRW";
    /// A kind of problem.
    KindText(super::problem::Kind) "ProblemKind", "A kind of problem.", None, Some("uri"), "urn:gavel:problem:toolow";
}

/// A value as JSON. What is written here are structs of numbers and texts, which JSON can always hold.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
