//! The text forms of ids. One form each is written; what is read is that form, and for auctions the hash-tag form too.

use super::{AccountId, AuctionId, BidId, OpenId, ShardId};
use std::fmt::{Debug, Display, Formatter, Result as FmtResult};
use std::str::FromStr;

/// A text that is no id. Says which form was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not an auction's id.
    #[error("an auction id looks like 20261122-003-00000042")]
    Auction,
    /// Not an account.
    #[error("an account is an integer 0 ..= 2^64 - 1 or a UUID whose upper half is not zero")]
    Account,
    /// Not a UUID.
    #[error("an id is a UUID such as 0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3")]
    Uuid,
    /// Not a shard.
    #[error("a shard is an integer 0 ..= 255")]
    Shard,
}

impl Display for ShardId {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        Display::fmt(&self.0, f)
    }
}

impl FromStr for ShardId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse().map(Self).map_err(|_| IdError::Shard)
    }
}

impl Display for AuctionId {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        self.to_text().iter().try_for_each(|&byte| std::fmt::Write::write_char(f, char::from(byte)))
    }
}

impl FromStr for AuctionId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text.as_bytes()).ok_or(IdError::Auction)
    }
}

impl AuctionId {
    /// The text form as bytes, without a formatter: bids are written by the million.
    #[must_use]
    pub fn to_text(self) -> [u8; 21] {
        let (year, month, day) = civil_from_days(self.day().into());
        let mut text = [b'-'; 21];
        let mut put = |at: std::ops::Range<usize>, mut value: u64| {
            for byte in text[at].iter_mut().rev() {
                *byte = b'0' + (value % 10) as u8;
                value /= 10;
            }
        };
        put(0..8, year * 10_000 + month * 100 + day);
        put(9..12, u64::from(self.shard().0));
        put(13..21, self.sequence());
        text
    }

    /// The id that `text` spells, as bytes from a socket; `None` when it is not one.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (date, shard, sequence) = match text.len() {
            21 if text[8] == b'-' && text[12] == b'-' => (&text[..8], &text[9..12], &text[13..]),
            23 if &text[8..10] == b"-{" && &text[13..15] == b"}-" => (&text[..8], &text[10..13], &text[15..]),
            _ => return None,
        };
        let date = digits(date)?;
        let day = days_from_civil(date / 10_000, date / 100 % 100, date % 100)?;
        let shard = u8::try_from(digits(shard)?).ok()?;
        Self::new(day, ShardId(shard), digits(sequence)?)
    }
}

/// The value of up to eight ASCII digits.
fn digits(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0, |value, &byte| byte.is_ascii_digit().then(|| value * 10 + u64::from(byte - b'0')))
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar. `None` for dates that do not exist or that 16
/// bits of days don't reach (1970-01-01 ..= 2149-06-06). Source: Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms".
fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u16> {
    if year < 1970 || !(1..=12).contains(&month) || day == 0 || day > 31 {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (y / 400, y % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = u16::try_from((era * 146_097 + day_of_era).checked_sub(719_468)?).ok()?;
    (civil_from_days(days.into()) == (year, month, day)).then_some(days)
}

/// Year, month and day of so many days since 1970-01-01. Same source.
pub(crate) fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

impl Display for AccountId {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match u64::try_from(self.0) {
            Ok(integer) => Display::fmt(&integer, f),
            Err(_) => fmt_uuid(self.0, f),
        }
    }
}

impl FromStr for AccountId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text.as_bytes()).ok_or(IdError::Account)
    }
}

impl AccountId {
    /// The account that `text` spells; `None` when it is not one.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() == 36 {
            return parse_uuid(text).filter(|bits| bits >> 64 != 0).map(Self);
        }
        if text.is_empty() || text.len() > 20 || (text[0] == b'0' && text.len() > 1) {
            return None;
        }
        let mut value: u64 = 0;
        for &byte in text {
            if !byte.is_ascii_digit() {
                return None;
            }
            value = value.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
        }
        Some(Self::from_integer(value))
    }
}

impl BidId {
    /// The id that `text` spells; `None` when it is not a hyphenated UUID.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        parse_uuid(text).map(Self)
    }
}

impl OpenId {
    /// The id that `text` spells; `None` when it is not a hyphenated UUID.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        parse_uuid(text).map(Self)
    }
}

/// Implements the text form of an id that is a UUID, and shows every id as its text when debugged.
macro_rules! uuid_text {
    ($($name:ident)*) => {$(
        impl Display for $name {
            fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
                fmt_uuid(self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text.as_bytes()).ok_or(IdError::Uuid)
            }
        }
    )*};
}
uuid_text!(BidId OpenId);

macro_rules! debug_as_text {
    ($($name:ident)*) => {$(
        impl Debug for $name {
            fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
                Display::fmt(self, f)
            }
        }
    )*};
}
debug_as_text!(AuctionId AccountId BidId OpenId);

const HYPHENS: [usize; 4] = [8, 13, 18, 23];

fn fmt_uuid(bits: u128, f: &mut Formatter<'_>) -> FmtResult {
    let (a, b) = ((bits >> 96) as u32, (bits >> 80) as u16);
    let (c, d) = ((bits >> 64) as u16, (bits >> 48) as u16);
    write!(f, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{:012x}", bits & 0xffff_ffff_ffff)
}

/// The bits of a hyphenated UUID in either case, of any version.
fn parse_uuid(text: &[u8]) -> Option<u128> {
    if text.len() != 36 {
        return None;
    }
    let mut bits: u128 = 0;
    for (index, &byte) in text.iter().enumerate() {
        if HYPHENS.contains(&index) {
            if byte != b'-' {
                return None;
            }
        } else {
            bits = bits << 4 | u128::from(char::from(byte).to_digit(16)?);
        }
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seq;

    #[test]
    fn auction_ids_read_what_they_write_in_both_forms() {
        let id = AuctionId::new(20_779, ShardId(3), 42).unwrap();
        assert_eq!(id.to_string(), "20261122-003-00000042");
        assert_eq!("20261122-003-00000042".parse(), Ok(id));
        assert_eq!("20261122-{003}-00000042".parse(), Ok(id));
        for wrong in ["20261122-003-00000000", "20260230-003-00000042", "20261122-256-00000042", "", "2026"] {
            assert_eq!(wrong.parse::<AuctionId>(), Err(IdError::Auction), "{wrong}");
        }
    }

    #[test]
    fn every_day_of_the_id_is_a_date_and_back() {
        for day in 0..=u16::MAX {
            let (y, m, d) = civil_from_days(day.into());
            assert_eq!(days_from_civil(y, m, d), Some(day));
        }
    }

    #[test]
    fn accounts_are_integers_or_uuids() {
        assert_eq!("7".parse(), Ok(AccountId::from_integer(7)));
        assert_eq!("18446744073709551615".parse(), Ok(AccountId::from_integer(u64::MAX)));
        let uuid = "0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3";
        assert_eq!(uuid.parse::<AccountId>().unwrap().to_string(), uuid);
        for wrong in ["", "-1", "18446744073709551616", "007", "00000000-0000-0000-8c5d-6e7f8091a2b3", "x"] {
            assert_eq!(wrong.parse::<AccountId>(), Err(IdError::Account), "{wrong}");
        }
    }

    #[test]
    fn an_assigned_bid_id_holds_auction_and_seq() {
        let auction = AuctionId::new(20_779, ShardId(255), crate::limits::SEQUENCE_MAX).unwrap();
        let id = BidId::assigned(auction, Seq(u32::MAX));
        assert_eq!(id.as_assigned(), Some((auction, Seq(u32::MAX))));
        assert_eq!(&id.to_string()[14..15], "8", "version 8");
        assert_eq!("0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3".parse::<BidId>().unwrap().as_assigned(), None);
    }
}
