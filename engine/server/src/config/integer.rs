//! Numbers of the settings file, with words for people where there is none.

use serde::de::{Deserializer, Error, Unexpected, Visitor};
use std::fmt::{Formatter, Result as FmtResult};
use std::marker::PhantomData;

struct Integer<T>(PhantomData<T>);

impl<T: TryFrom<i64>> Visitor<'_> for Integer<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str("an integer without quotes, 0 or more")
    }

    /// The file has no other integers.
    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        let wrong = |_| E::invalid_value(Unexpected::Signed(number), &self);
        T::try_from(number).map(Some).map_err(wrong)
    }
}

/// Reads one; whether it is within its bounds is judged with all the others.
pub(super) fn read<'de, T: TryFrom<i64>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    from.deserialize_any(Integer(PhantomData))
}
