//! The text forms of the journal's fields: the same that every face has.

use gavel_core::{Amount, ShardId, Timestamp};
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};
use std::fmt::Display;
use std::str::FromStr;

/// RFC 3339.
pub(super) mod time {
    use super::{Deserialize, Deserializer, Error, Serializer, Timestamp};

    pub(crate) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        let time: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
        let micros = u64::try_from(time.as_microsecond()).ok();
        micros.and_then(Timestamp::from_micros).ok_or_else(|| D::Error::custom("not a time since 1970"))
    }
}

/// An integer.
pub(super) mod shard {
    use super::{Deserialize, Deserializer, Serialize, Serializer, ShardId};

    pub(crate) fn serialize<S: Serializer>(shard: &ShardId, to: S) -> Result<S::Ok, S::Error> {
        shard.0.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ShardId, D::Error> {
        u8::deserialize(from).map(ShardId)
    }
}

/// An integer that may be absent.
pub(super) mod amount {
    use super::{Amount, Deserialize, Deserializer, Error, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(amount: &Option<Amount>, to: S) -> Result<S::Ok, S::Error> {
        amount.map(Amount::get).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Amount>, D::Error> {
        let Some(number) = Option::<u64>::deserialize(from)? else { return Ok(None) };
        Amount::new(number).map(Some).ok_or_else(|| D::Error::custom("not an amount"))
    }
}

/// Whatever has a text form, and may be absent.
pub(super) mod option {
    use super::{Deserialize, Deserializer, Display, Error, FromStr, Serializer};

    pub(crate) fn serialize<S: Serializer, T: Display>(id: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => to.collect_str(id),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
    where
        D: Deserializer<'de>,
        T: FromStr<Err: Display>,
    {
        let text = Option::<std::borrow::Cow<'_, str>>::deserialize(from)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}
