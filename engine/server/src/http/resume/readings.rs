//! What was read from the log for subscribers who came back, kept for the next who come back to the same auction.
//!
//! Invariants:
//! - A reading holds all events of its auction between its first position and its end. What is told out of it is told from a position
//!   that is one of those, or its first: any other is held against the log itself.
//! - Readings are bounded in number, in changes and in time.

use crate::http::limits::{
    READING_CHANGES_MAX, READING_KEPT_S, READINGS_MAX, RESUME_CHANGES_MAX, RESUMES_MAX,
};
use crate::http::worker::Common;
use bytes::Bytes;
use gavel_core::{AuctionId, Lsn, Position};
use gavel_engine::FollowError;
use gavel_log::{Frame, Record, record};
use gavel_wire::event_json::{self, Form};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// The readings of all auctions that somebody has come back to lately.
pub(in crate::http) struct Readings {
    slots: Mutex<VecDeque<Slot>>,
    /// Turns of those for whom the log is read.
    turns: Semaphore,
}

struct Slot {
    auction: AuctionId,
    used: Instant,
    reading: Shared,
}

/// Locked while the log is read for it: who comes meanwhile waits for what is read, instead of reading it again.
type Shared = Arc<tokio::sync::Mutex<Option<Reading>>>;

/// The events of one auction, as they are told.
struct Reading {
    /// Where the reading began.
    began: Position,
    /// The changes are all those behind this position; later than `began` where there were too many.
    from: Position,
    changes: VecDeque<(Position, Bytes)>,
    /// The last record that was looked at.
    end: Position,
}

impl Default for Readings {
    fn default() -> Self {
        Self { slots: Mutex::default(), turns: Semaphore::new(RESUMES_MAX) }
    }
}

impl Readings {
    /// The auction's changes behind `last`, at least up to `until`. `None`: they are too many to be told.
    pub(super) async fn behind(
        &self,
        common: &Common,
        last: Position,
        auction: AuctionId,
        until: Lsn,
    ) -> Result<Option<VecDeque<Bytes>>, FollowError> {
        let slot = self.slot(auction);
        let mut shared = slot.lock().await;
        let (known, other) = match shared.take() {
            Some(reading) if reading.knows(last) => (Some(reading), None),
            other => (None, other),
        };
        let reading = match known {
            Some(reading) if reading.end.lsn >= until => reading,
            Some(reading) => self.read_on(common, reading, auction, until).await?,
            None => self.read_on(common, Reading::from(last), auction, until).await?,
        };
        let changes = reading.behind(last);
        // The one that goes back further serves more of those who will come.
        *shared = other.filter(|other| other.began.lsn < last.lsn).or(Some(reading));
        Ok(changes)
    }

    /// The place for an auction's reading, made where there is none. Old ones go.
    fn slot(&self, auction: AuctionId) -> Shared {
        let now = Instant::now();
        let mut slots = self.slots.lock();
        slots.retain(|slot| now.duration_since(slot.used) < Duration::from_secs(READING_KEPT_S));
        if let Some(slot) = slots.iter_mut().find(|slot| slot.auction == auction) {
            slot.used = now;
            return Arc::clone(&slot.reading);
        }
        if slots.len() == READINGS_MAX {
            slots.pop_front();
        }
        let reading = Shared::default();
        slots.push_back(Slot { auction, used: now, reading: Arc::clone(&reading) });
        reading
    }

    /// Reads on until the record is in. This also proves that the reading's end is a position of this log.
    async fn read_on(
        &self,
        common: &Common,
        mut reading: Reading,
        auction: AuctionId,
        until: Lsn,
    ) -> Result<Reading, FollowError> {
        // It is never closed.
        let _turn = self.turns.acquire().await;
        let mut follow = common.server.engine.follow(reading.end).await?;
        while follow.position().lsn < until {
            for frame in follow.next().await? {
                reading.take(&frame, auction);
            }
            reading.end = follow.position();
        }
        Ok(reading)
    }
}

impl Reading {
    fn from(last: Position) -> Self {
        Self { began: last, from: last, changes: VecDeque::new(), end: last }
    }

    /// Whether what happened behind this position can be told from here, if only that it is too much.
    fn knows(&self, last: Position) -> bool {
        let is_change = || self.changes.binary_search_by_key(&last.lsn, |(at, _)| at.lsn);
        last == self.began
            || last == self.from
            || is_change().is_ok_and(|place| self.changes[place].0 == last)
    }

    /// `None`: there are too many.
    fn behind(&self, last: Position) -> Option<VecDeque<Bytes>> {
        if last.lsn < self.from.lsn {
            return None;
        }
        let first = self.changes.partition_point(|(at, _)| at.lsn <= last.lsn);
        let changes = self.changes.range(first..).map(|(_, bytes)| bytes.clone());
        (changes.len() <= RESUME_CHANGES_MAX).then(|| changes.collect())
    }

    /// Takes the auction's events out of a frame.
    fn take(&mut self, frame: &Frame, auction: AuctionId) {
        for (lsn, bytes) in frame.records() {
            // What can't be decoded was written by a newer version; the state that follows knows all the same.
            if let Ok(Record::Auction(event)) = record::decode(bytes)
                && lsn > self.end.lsn
                && event.auction == auction
            {
                let position = Position { shard: frame.shard(), epoch: frame.epoch(), lsn };
                let mut out = format!("event: change\nid: {position}\ndata: ").into_bytes();
                event_json::event(&mut out, position, &event, Form::Public);
                out.extend_from_slice(b"\n\n");
                self.push(position, out.into());
            }
        }
    }

    /// Adds a change; where there are too many, the first goes.
    fn push(&mut self, position: Position, change: Bytes) {
        if self.changes.len() == READING_CHANGES_MAX
            && let Some((first, _)) = self.changes.pop_front()
        {
            self.from = first;
        }
        self.changes.push_back((position, change));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_core::{Epoch, ShardId};

    fn at(lsn: u64) -> Position {
        Position { shard: ShardId(1), epoch: Epoch(3), lsn: Lsn(lsn) }
    }

    /// A reading from behind 10 on, with changes at every third record.
    fn reading(changes: u64) -> Reading {
        let mut reading = Reading::from(at(10));
        (1..=changes).for_each(|n| reading.push(at(10 + 3 * n), Bytes::from(n.to_string())));
        reading.end = at(11 + 3 * changes);
        reading
    }

    fn told(reading: &Reading, last: u64) -> Option<Vec<Bytes>> {
        assert!(reading.knows(at(last)), "{last}");
        reading.behind(at(last)).map(Vec::from)
    }

    #[test]
    fn what_is_behind_a_change_is_told_from_it_on() {
        let reading = reading(3);
        assert_eq!(told(&reading, 10), Some(vec!["1".into(), "2".into(), "3".into()]));
        assert_eq!(told(&reading, 16), Some(vec!["3".into()]));
        assert_eq!(told(&reading, 19), Some(vec![]));
    }

    #[test]
    fn a_position_that_is_none_of_the_auctions_proves_nothing() {
        let reading = reading(3);
        for lsn in [1, 9, 11, 20, 30] {
            assert!(!reading.knows(at(lsn)), "{lsn}");
        }
        assert!(!reading.knows(Position { epoch: Epoch(2), ..at(13) }), "of another generation");
        assert!(!reading.knows(Position { epoch: Epoch(2), ..at(10) }), "of another generation");
    }

    #[test]
    fn too_many_changes_are_none() {
        let most = RESUME_CHANGES_MAX as u64;
        assert_eq!(told(&reading(most), 10).unwrap().len(), RESUME_CHANGES_MAX);
        assert_eq!(told(&reading(most + 1), 10), None);
        assert_eq!(told(&reading(most + 1), 13).unwrap().len(), RESUME_CHANGES_MAX);
        let many = reading(READING_CHANGES_MAX as u64 + 5);
        assert_eq!((many.changes.len(), many.from), (READING_CHANGES_MAX, at(10 + 3 * 5)));
        assert_eq!(told(&many, 10), None, "where it began is known still");
        assert!(!many.knows(at(13)), "what has gone is not");
    }
}
