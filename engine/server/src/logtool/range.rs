//! From where and until where: a position in one shard's log, or a time.

use gavel_core::{Epoch, Lsn, Position, ShardId, Timestamp};
use gavel_wire::time_text::parse_time;
use std::str::FromStr;

/// One end of a range. Both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// A record of one shard.
    Position(Position),
    /// A time by the engine's clock: when records were decided.
    Time(Timestamp),
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        position(text).map(Self::Position).or_else(|| parse_time(text).map(Self::Time)).ok_or_else(|| {
            "must be a position such as 3-1-42 (shard-epoch-lsn) or a time such as 2026-11-22T09:00:00Z"
                .to_owned()
        })
    }
}

fn position(text: &str) -> Option<Position> {
    let mut numbers = text.splitn(3, '-');
    let mut next = || numbers.next().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let (shard, epoch, lsn) = (next()?, next()?, next()?);
    Some(Position {
        shard: ShardId(shard.parse().ok()?),
        epoch: Epoch(epoch.parse().ok()?),
        lsn: Lsn(lsn.parse().ok()?),
    })
}

/// A range of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    /// From here on.
    pub(crate) from: Option<Bound>,
    /// Up to and including this.
    pub(crate) until: Option<Bound>,
}

/// Where a record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before the range.
    Before,
    /// In it.
    Inside,
    /// Behind it.
    Behind,
}

impl Range {
    /// The shard that a position names; `None` when there is none.
    ///
    /// # Errors
    /// Two positions name different shards, or one names another than was asked for.
    pub(crate) fn shard(&self, asked: Option<ShardId>) -> Result<Option<ShardId>, String> {
        let named = [self.from, self.until].into_iter().flatten().filter_map(|bound| match bound {
            Bound::Position(position) => Some(position.shard),
            Bound::Time(_) => None,
        });
        named.into_iter().try_fold(asked, |shard, named| match shard {
            Some(shard) if shard != named => {
                Err(format!("shard {shard} and a position of shard {named}: they must name the same shard"))
            }
            _ => Ok(Some(named)),
        })
    }

    /// The record of the shard that reading can begin with, when `oldest` is the oldest.
    pub(crate) fn first(&self, oldest: Lsn) -> Lsn {
        match self.from {
            Some(Bound::Position(position)) => position.lsn.max(oldest),
            Some(Bound::Time(_)) | None => oldest,
        }
    }

    /// Where a record lies that was decided at this time.
    pub(crate) fn place(&self, position: Position, decided: Timestamp) -> Place {
        let before = match self.from {
            None => false,
            Some(Bound::Position(from)) => position.lsn < from.lsn,
            Some(Bound::Time(from)) => decided < from,
        };
        let behind = match self.until {
            None => false,
            Some(Bound::Position(until)) => position.lsn > until.lsn,
            Some(Bound::Time(until)) => decided > until,
        };
        match (before, behind) {
            (_, true) => Place::Behind,
            (true, _) => Place::Before,
            _ => Place::Inside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(text: &str) -> Bound {
        text.parse().unwrap()
    }

    fn at(shard: u8, lsn: u64) -> Position {
        Position { shard: ShardId(shard), epoch: Epoch(1), lsn: Lsn(lsn) }
    }

    fn second(second: u64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000).unwrap()
    }

    #[test]
    fn positions_and_times_are_told_apart_and_other_texts_refused() {
        assert_eq!(bound("3-1-42"), Bound::Position(at(3, 42)));
        assert_eq!(bound("1970-01-01T00:00:07Z"), Bound::Time(second(7)));
        for wrong in ["", "42", "3-1", "256-1-1", "3-1-1-1", "3-1-x", "+3-1-1", "yesterday"] {
            assert!(wrong.parse::<Bound>().unwrap_err().contains("shard-epoch-lsn"), "{wrong}");
        }
    }

    #[test]
    fn both_ends_belong_to_a_range() {
        let range = Range { from: Some(bound("3-1-5")), until: Some(bound("1970-01-01T00:00:07Z")) };
        assert_eq!(range.place(at(3, 4), second(1)), Place::Before);
        assert_eq!(range.place(at(3, 5), second(1)), Place::Inside);
        assert_eq!(range.place(at(3, 9), second(7)), Place::Inside);
        assert_eq!(range.place(at(3, 9), second(8)), Place::Behind);
        let range = Range { from: Some(bound("1970-01-01T00:00:07Z")), until: Some(bound("3-1-5")) };
        assert_eq!(range.place(at(3, 5), second(6)), Place::Before);
        assert_eq!(range.place(at(3, 5), second(7)), Place::Inside);
        assert_eq!(range.place(at(3, 6), second(7)), Place::Behind);
        assert_eq!(Range::default().place(at(3, 6), second(7)), Place::Inside);
    }

    #[test]
    fn positions_name_one_shard() {
        let range = |from: &str, until: &str| Range { from: Some(bound(from)), until: Some(bound(until)) };
        assert_eq!(range("3-1-5", "3-2-9").shard(None), Ok(Some(ShardId(3))));
        assert_eq!(range("3-1-5", "1970-01-01T00:00:07Z").shard(Some(ShardId(3))), Ok(Some(ShardId(3))));
        assert_eq!(Range::default().shard(None), Ok(None));
        assert!(range("3-1-5", "4-1-5").shard(None).is_err());
        assert!(range("3-1-5", "3-1-5").shard(Some(ShardId(4))).is_err());
    }
}
