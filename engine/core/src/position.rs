//! Places in the log. A record's place in the world is `shard-epoch-lsn`.

use crate::id::ShardId;

/// A record's number in its shard: 1, 2, 3, … without gaps. 0 is "before the first".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

/// A record's number in its auction: 1, 2, 3, … without gaps. 0 is "before the first".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u32);

/// A shard's generation, raised at every start and every change of owner. The first is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

/// A record's place in the world. Text form: `shard-epoch-lsn` in plain decimals, e.g. `3-1-42`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The shard whose log holds the record.
    pub shard: ShardId,
    /// The shard's generation when it was written.
    pub epoch: Epoch,
    /// The record's number in the shard.
    pub lsn: Lsn,
}

impl Lsn {
    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Seq {
    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Position {
    /// Before a shard's first record: where whoever has nothing yet stands.
    #[must_use]
    pub const fn start(shard: ShardId) -> Self {
        Self { shard, epoch: Epoch(0), lsn: Lsn(0) }
    }

    /// Reads the text form; `None` for anything else.
    #[inline]
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let first = text.iter().position(|&byte| byte == b'-')?;
        let second = first + 1 + text[first + 1..].iter().position(|&byte| byte == b'-')?;
        Some(Self {
            shard: ShardId(u8::try_from(number(&text[..first])?).ok()?),
            epoch: Epoch(u32::try_from(number(&text[first + 1..second])?).ok()?),
            lsn: Lsn(number(&text[second + 1..])?),
        })
    }
}

/// Decimal digits, at most what 64 bits hold.
#[inline]
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// A text that is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position looks like 3-1-42: shard, epoch and the record's number")]
pub struct PositionError;

impl std::str::FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        Self::parse(text.as_bytes()).ok_or(PositionError)
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.shard.0, self.epoch.0, self.lsn.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_written_and_nothing_else_is_one() {
        for (shard, epoch, lsn) in [(0, 0, 0), (3, 1, 42), (255, u32::MAX, u64::MAX)] {
            let position = Position { shard: ShardId(shard), epoch: Epoch(epoch), lsn: Lsn(lsn) };
            assert_eq!(Position::parse(position.to_string().as_bytes()), Some(position));
        }
        for wrong in [
            "",
            "3",
            "3-1",
            "3-1-",
            "-1-1",
            "3--1",
            "3-1-1-1",
            "256-1-1",
            "3-4294967296-1",
            "3-1-18446744073709551616",
            "3-1-x",
            " 3-1-1",
        ] {
            assert_eq!(Position::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
