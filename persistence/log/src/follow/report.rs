//! What a consumer says of itself: how far each shard's lane is, and what keeps it.

use gavel_core::{Lsn, Position, ShardId, Timestamp};

/// What a lane is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneState {
    /// It has not reached its target yet.
    Starting,
    /// It follows the log.
    Following,
    /// Something failed, and is tried again.
    Retrying,
    /// It can't go on until somebody does something about it.
    Refused,
}

impl LaneState {
    /// One word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Following => "following",
            Self::Retrying => "retrying",
            Self::Refused => "refused",
        }
    }
}

/// One shard's lane.
#[derive(Clone, Debug)]
pub struct LaneReport {
    /// The shard.
    pub shard: ShardId,
    /// What it is doing.
    pub state: LaneState,
    /// Why, where it does not follow.
    pub problem: Option<String>,
    /// The last record that was taken in.
    pub cursor: Position,
    /// The log's durable end.
    pub durable: Lsn,
    /// Since when it has been behind; `None` while it is not.
    pub behind_since: Option<Timestamp>,
    /// Records that were taken in since the start.
    pub records: u64,
    /// Batches written since the start.
    pub batches: u64,
}

impl LaneReport {
    /// One that has not begun.
    #[must_use]
    pub const fn new(shard: ShardId) -> Self {
        Self {
            shard,
            state: LaneState::Starting,
            problem: None,
            cursor: Position::start(shard),
            durable: Lsn(0),
            behind_since: None,
            records: 0,
            batches: 0,
        }
    }

    /// It follows: it has taken in all up to `cursor`, and knows of all up to `durable`. `latest` is the time of the last record that it
    /// took in, where it took in any; `now` that of the clock.
    pub fn follows(&mut self, cursor: Position, durable: Lsn, latest: Option<Timestamp>, now: Timestamp) {
        (self.state, self.problem, self.cursor) = (LaneState::Following, None, cursor);
        self.knows(durable, latest, now);
    }

    /// Takes in where the log ends, which a lane can't see while its target is away.
    pub fn knows(&mut self, durable: Lsn, latest: Option<Timestamp>, now: Timestamp) {
        self.durable = self.durable.max(durable);
        self.behind_since = match self.lag_events() {
            0 => None,
            // What comes next is no older than what came last.
            _ => latest.or(self.behind_since).or(Some(now)),
        };
    }

    /// Records that are durable and not taken in.
    #[must_use]
    pub const fn lag_events(&self) -> u64 {
        self.durable.0.saturating_sub(self.cursor.lsn.0)
    }

    /// For how long the oldest of them has waited, in microseconds.
    #[must_use]
    pub fn lag_us(&self, now: Timestamp) -> u64 {
        self.behind_since.map_or(0, |since| now.since(since).micros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_core::Epoch;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).unwrap()
    }

    #[test]
    fn it_is_behind_from_the_first_record_it_does_not_have_until_it_has_all() {
        let shard = ShardId(3);
        let cursor = |lsn| Position { shard, epoch: Epoch(1), lsn: Lsn(lsn) };
        let mut report = LaneReport::new(shard);
        report.knows(Lsn(10), None, at(5));
        assert_eq!((report.lag_events(), report.lag_us(at(7))), (10, 2_000_000));
        report.knows(Lsn(12), None, at(8));
        assert_eq!((report.lag_events(), report.lag_us(at(8))), (12, 3_000_000), "since the first of them");
        report.follows(cursor(4), Lsn(11), Some(at(6)), at(9));
        assert_eq!(
            (report.lag_events(), report.lag_us(at(9))),
            (8, 3_000_000),
            "an older end is not believed"
        );
        report.follows(cursor(12), Lsn(12), Some(at(8)), at(10));
        assert_eq!((report.lag_events(), report.lag_us(at(11))), (0, 0));
        assert_eq!(report.state, LaneState::Following);
    }
}
