//! Gavel's values as documents have them.

use bson::{DateTime, Uuid};
use gavel_core::auction::{ReserveStatus, State};
use gavel_core::event::Resolution;
use gavel_core::{Amount, BidId, Timestamp};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

/// An amount: an Int64, the count of the currency's minor unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(pub Amount);

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0.get().cast_signed())
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        let amount = u64::try_from(number).ok().and_then(Amount::new);
        amount.map(Self).ok_or_else(|| D::Error::custom(format_args!("{number} is no amount")))
    }
}

/// A value in its text form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text<T>(pub T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// A value of a few, each of which has a name.
pub trait WordLike: Copy + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// Its one spelling.
    fn word(self) -> &'static str;
}

/// Such a value, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word<T>(pub T);

impl<T: WordLike> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.word())
    }
}

impl<'de, T: WordLike> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let known = T::ALL.iter().copied().find(|value| value.word() == text);
        known
            .map(Self)
            .ok_or_else(|| D::Error::custom(format_args!("{text:?} is none of the words it can be")))
    }
}

impl WordLike for State {
    const ALL: &'static [Self] = &[
        Self::Scheduled,
        Self::Open,
        Self::Awarded,
        Self::Offered,
        Self::Closed,
        Self::Unsold,
        Self::Cancelled,
    ];

    fn word(self) -> &'static str {
        self.name()
    }
}

impl WordLike for Resolution {
    const ALL: &'static [Self] = Self::ALL;

    fn word(self) -> &'static str {
        self.name()
    }
}

impl WordLike for ReserveStatus {
    const ALL: &'static [Self] = &[Self::None, Self::NotMet, Self::Met];

    fn word(self) -> &'static str {
        self.name()
    }
}

/// A time as a date, cut to the millisecond.
#[must_use]
pub const fn time(at: Timestamp) -> DateTime {
    DateTime::from_millis((at.micros() / 1_000).cast_signed())
}

/// A bid's id.
#[must_use]
pub const fn bid_uuid(bid: BidId) -> Uuid {
    Uuid::from_bytes(bid.to_bits().to_be_bytes())
}

/// A table of steps as a list of what each row says. Only a valid one is read.
pub(super) mod steps {
    use super::Money;
    use gavel_core::{IncrementStep, Increments};
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Row {
        from: Money,
        step: Money,
    }

    pub(crate) fn serialize<S: Serializer>(table: &Increments, serializer: S) -> Result<S::Ok, S::Error> {
        let row = |row: &IncrementStep| Row { from: Money(row.from), step: Money(row.step) };
        serializer.collect_seq(table.rows().iter().map(row))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Increments, D::Error> {
        let rows = Vec::<Row>::deserialize(deserializer)?;
        let rows = rows.into_iter().map(|row| IncrementStep { from: row.from.0, step: row.step.0 });
        Increments::new(rows.collect()).map_err(D::Error::custom)
    }
}
