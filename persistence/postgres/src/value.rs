//! Gavel's values as PostgreSQL takes them in its binary form.

use bytes::{BufMut as _, BytesMut};
use gavel_core::{AccountId, Amount, AuctionId, Timestamp};
use std::error::Error;
use std::fmt::Write as _;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// 2000-01-01T00:00:00Z, from which PostgreSQL counts, in microseconds since 1970.
const POSTGRES_EPOCH_US: i64 = 946_684_800_000_000;

type Written = Result<IsNull, Box<dyn Error + Sync + Send>>;

/// An auction's id as the number that columns have. From 2059-09-19 on it is negative: the bits are what counts.
#[must_use]
pub const fn auction_number(auction: AuctionId) -> i64 {
    auction.to_bits().cast_signed()
}

/// The auction that a column's number stands for; `None` where it stands for none.
#[must_use]
pub const fn auction_of(number: i64) -> Option<AuctionId> {
    AuctionId::from_bits(number.cast_unsigned())
}

/// An amount as a column has it: below 2^53.
#[must_use]
pub const fn amount_number(amount: Amount) -> i64 {
    amount.get().cast_signed()
}

/// A time, exact to the microsecond.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time(pub(crate) Timestamp);

impl ToSql for Time {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Written {
        // Neither can overflow: a timestamp ends with the year 9999.
        out.put_i64(self.0.micros().cast_signed() - POSTGRES_EPOCH_US);
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::TIMESTAMPTZ
    }

    to_sql_checked!();
}

/// An account in its text form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account(pub(crate) AccountId);

impl ToSql for Account {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Written {
        write!(out, "{}", self.0)?;
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::TEXT
    }

    to_sql_checked!();
}

/// JSON text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<'a>(pub(crate) &'a str);

impl ToSql for Json<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Written {
        // The version of the binary form, of which there is one.
        out.put_u8(1);
        out.put_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::JSONB
    }

    to_sql_checked!();
}
