//! The text forms of ids. One form each is written; what is read is that form, and for auctions the hash-tag form too.

use super::{AccountId, AuctionId, BidId, LogId, OpenId, ShardId};
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
    if let Ok(eight) = <[u8; 8]>::try_from(text) {
        return eight_digits(eight);
    }
    text.iter().try_fold(0, |value, &byte| byte.is_ascii_digit().then(|| value * 10 + u64::from(byte - b'0')))
}

/// The value of eight ASCII digits, all at once: neighbours are joined to pairs, pairs to fours, fours to the whole.
const fn eight_digits(text: [u8; 8]) -> Option<u64> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let bytes = u64::from_le_bytes(text);
    let high = 0xf0 * EACH;
    // A digit has the upper half 3, and still has it six further on.
    if bytes & high != 0x30 * EACH || bytes.wrapping_add(0x06 * EACH) & high != 0x30 * EACH {
        return None;
    }
    let ones = bytes & (0x0f * EACH);
    let pairs = (ones.wrapping_mul(1 + (10 << 8)) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(1 + (100 << 16)) >> 16) & 0x0000_ffff_0000_ffff;
    Some(fours.wrapping_mul(1 + (10_000 << 32)) >> 32)
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar. `None` for dates that do not exist or that 16
/// bits of days don't reach (1970-01-01 ..= 2149-06-06). Source: Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms".
fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u16> {
    if year < 1970 || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (y / 400, y % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    u16::try_from((era * 146_097 + day_of_era).checked_sub(719_468)?).ok()
}

/// 0 for a month that does not exist.
const fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
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

impl LogId {
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
uuid_text!(BidId OpenId LogId);

macro_rules! debug_as_text {
    ($($name:ident)*) => {$(
        impl Debug for $name {
            fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
                Display::fmt(self, f)
            }
        }
    )*};
}
debug_as_text!(AuctionId AccountId BidId OpenId LogId);

fn fmt_uuid(bits: u128, f: &mut Formatter<'_>) -> FmtResult {
    let (a, b) = ((bits >> 96) as u32, (bits >> 80) as u16);
    let (c, d) = ((bits >> 64) as u16, (bits >> 48) as u16);
    write!(f, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{:012x}", bits & 0xffff_ffff_ffff)
}

/// The bits of a hyphenated UUID in either case, of any version.
fn parse_uuid(text: &[u8]) -> Option<u128> {
    const PAIRS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let text: &[u8; 36] = text.try_into().ok()?;
    if [text[8], text[13], text[18], text[23]] != [b'-'; 4] {
        return None;
    }
    let (mut bytes, mut seen) = ([0; 16], 0);
    for (byte, at) in bytes.iter_mut().zip(PAIRS) {
        let (high, low) = (HEX[usize::from(text[at])], HEX[usize::from(text[at + 1])]);
        seen |= high | low;
        *byte = high << 4 | low;
    }
    (seen < 16).then(|| u128::from_be_bytes(bytes))
}

/// The value of each hexadecimal digit in either case; 255 for every other byte.
const HEX: [u8; 256] = {
    let mut table = [255; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value] as usize] = value as u8;
        table[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    table
};

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
        for (y, m, d) in [
            (2026, 2, 29),
            (2100, 2, 29),
            (2026, 4, 31),
            (2026, 13, 1),
            (2026, 0, 1),
            (2026, 1, 0),
            (1969, 12, 31),
            (2149, 6, 7),
        ] {
            assert_eq!(days_from_civil(y, m, d), None, "{y}-{m}-{d}");
        }
        assert!(days_from_civil(2000, 2, 29).is_some());
    }

    #[test]
    fn eight_digits_are_read_as_one_by_one() {
        for text in ["00000000", "12345678", "99999999", "20261122"] {
            assert_eq!(digits(text.as_bytes()), text.parse().ok());
        }
        for byte in (0..=255).filter(|byte: &u8| !byte.is_ascii_digit()) {
            for at in 0..8 {
                let mut text = *b"12345678";
                text[at] = byte;
                assert_eq!(digits(&text), None, "{byte} at {at}");
            }
        }
    }

    #[test]
    fn a_uuid_is_thirty_two_hexadecimal_digits_in_their_places() {
        let uuid = *b"0197b1c2-7D3E-7a4b-8c5d-6e7f8091A2B3";
        assert_eq!(parse_uuid(&uuid), Some(0x0197_b1c2_7d3e_7a4b_8c5d_6e7f_8091_a2b3));
        for at in 0..36 {
            for wrong in
                [b'g', b'/', b':', b'@', b'`', b'G', 0, 255, if uuid[at] == b'-' { b'0' } else { b'-' }]
            {
                let mut text = uuid;
                text[at] = wrong;
                assert_eq!(parse_uuid(&text), None, "{wrong} at {at}");
            }
        }
        assert_eq!(parse_uuid(&uuid[1..]), None);
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
