//! Records over time, from the frames that are still in the log.

use crate::logtool::error::ToolError;
use crate::logtool::progress::Progress;
use crate::logtool::source::Source;
use gavel_core::{Epoch, Lsn, ShardId, Timestamp};
use gavel_log::Frame;
use gavel_log::record::decode;
use std::collections::BTreeMap;

/// How many rows are shown at most.
const ROWS_MAX: u64 = 12;
/// How long a row may last, in seconds.
const ROW_LENGTHS_S: [u64; 12] =
    [1, 5, 15, 60, 300, 900, 3_600, 4 * 3_600, 12 * 3_600, 86_400, 7 * 86_400, 30 * 86_400];

/// What frames tell without all of their records being read: a frame's records all count for the time of its first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rates {
    /// Records by second since 1970.
    seconds: BTreeMap<u64, u64>,
    epochs: BTreeMap<(ShardId, Epoch), Lsn>,
    /// Records, and bytes of their frames.
    records: u64,
    bytes: u64,
}

/// So many records in a time of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) from: Timestamp,
    pub(super) seconds: u64,
    pub(super) records: u64,
}

impl Rates {
    pub(super) fn read(source: &Source) -> Result<Self, ToolError> {
        let mut rates = Self::default();
        let first = |shard| match source.offline().archive().end(shard) {
            Some(end) => end.lsn.next(),
            None => source.oldest(shard),
        };
        let shards = source.shards();
        let total = shards.iter().map(|&shard| source.records_from(shard, first(shard))).sum();
        let progress = Progress::records("reading", total);
        for shard in shards {
            for frame in source.read_from(shard, first(shard)) {
                // What can't be read is for `verify` to tell; what is before it counts.
                let Ok(frame) = frame else { break };
                rates.add(&frame);
                progress.add(frame.count().into());
            }
        }
        Ok(rates)
    }

    fn add(&mut self, frame: &Frame) {
        let at = frame.records().next().and_then(|(_, bytes)| decode(bytes).ok()).map(|record| record.at());
        self.count(at, frame.shard(), frame.epoch(), frame.first(), frame.count().into());
        self.bytes += frame.bytes().len() as u64;
    }

    fn count(&mut self, at: Option<Timestamp>, shard: ShardId, epoch: Epoch, first: Lsn, records: u64) {
        if let Some(at) = at {
            *self.seconds.entry(at.micros() / 1_000_000).or_default() += records;
        }
        self.epochs.entry((shard, epoch)).or_insert(first);
        self.records += records;
    }

    /// The epochs of a shard's records in the log, each with its first there.
    pub(super) fn epochs(&self, shard: ShardId) -> Vec<(Epoch, Lsn)> {
        let of_shard = (shard, Epoch(0))..=(shard, Epoch(u32::MAX));
        self.epochs.range(of_shard).map(|((_, epoch), first)| (*epoch, *first)).collect()
    }

    /// Records in the log, and the bytes of their frames.
    pub(super) fn totals(&self) -> (u64, u64) {
        (self.records, self.bytes)
    }

    /// The second with the most records.
    pub(super) fn busiest(&self) -> Option<(Timestamp, u64)> {
        let (second, records) = self.seconds.iter().max_by_key(|(second, records)| (**records, **second))?;
        Some((time(*second), *records))
    }

    /// The log's time in rows of equal length, those without a record left out.
    pub(super) fn rows(&self) -> Vec<Row> {
        let (Some((first, _)), Some((last, _))) =
            (self.seconds.first_key_value(), self.seconds.last_key_value())
        else {
            return Vec::new();
        };
        let fits = |length: &&u64| last / **length - first / **length < ROWS_MAX;
        let length = ROW_LENGTHS_S.iter().find(fits).copied().unwrap_or((last - first) / ROWS_MAX + 1);
        let mut rows: BTreeMap<u64, u64> = BTreeMap::new();
        for (second, records) in &self.seconds {
            *rows.entry(second / length).or_default() += records;
        }
        rows.into_iter()
            .map(|(row, records)| Row { from: time(row * length), seconds: length, records })
            .collect()
    }
}

fn time(second: u64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(seconds: &[(u64, u64)]) -> Rates {
        let mut rates = Rates::default();
        for (second, records) in seconds {
            rates.count(Some(time(*second)), ShardId(3), Epoch(1), Lsn(1), *records);
        }
        rates
    }

    #[test]
    fn rows_are_as_long_as_it_takes_to_fit_the_table() {
        let starts = |rates: &Rates| {
            rates
                .rows()
                .iter()
                .map(|row| (row.from.micros() / 1_000_000, row.seconds, row.records))
                .collect::<Vec<_>>()
        };
        assert_eq!(starts(&Rates::default()), []);
        assert_eq!(starts(&rates(&[(100, 3), (102, 4)])), [(100, 1, 3), (102, 1, 4)]);
        assert_eq!(starts(&rates(&[(100, 3), (101, 1), (130, 4)])), [(100, 5, 4), (130, 5, 4)]);
        let years = rates(&[(0, 1), (400 * 86_400, 2)]);
        assert!(years.rows().len() <= ROWS_MAX as usize && years.rows()[0].seconds > 30 * 86_400);
    }

    #[test]
    fn the_busiest_second_and_all_of_them_are_told() {
        let rates = rates(&[(100, 3), (101, 7), (102, 4)]);
        assert_eq!(rates.busiest(), Some((time(101), 7)));
        assert_eq!(rates.totals().0, 14);
        assert_eq!(rates.epochs(ShardId(3)), [(Epoch(1), Lsn(1))]);
        assert_eq!(rates.epochs(ShardId(2)), []);
    }
}
