//! What a stopped server has left in its log, read with the log's own reader.

use crate::fixtures;
use crate::receipt::read_position;
use gavel_core::{AuctionId, Event, Lsn, Position, ShardId, Timestamp};
use gavel_log::record::{Record, decode};
use gavel_log::{DirLock, Log, OpenOptions, SledLog};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Opens a log. Nobody else may have the directory open.
fn open(data: &Path) -> SledLog {
    let lock = Arc::new(DirLock::acquire(data, "a test").expect("the server has ended"));
    let now = Timestamp::from_micros(fixtures::now_us()).expect("a time in bounds");
    SledLog::open(lock, OpenOptions::at(now)).expect("a log that can be opened").0
}

/// All events of every auction, in order. Nobody else may have the directory open.
#[must_use]
pub fn by_auction(data: &Path) -> BTreeMap<AuctionId, Vec<Event>> {
    let log = open(data);
    let mut auctions: BTreeMap<AuctionId, Vec<Event>> = BTreeMap::new();
    for shard in log.shards() {
        for frame in log.read_from(shard, Lsn(1)) {
            for (_, record) in frame.expect("a whole frame").records() {
                if let Record::Auction(event) = decode(record).expect("a record") {
                    auctions.entry(event.auction).or_default().push(event);
                }
            }
        }
    }
    auctions
}

/// One record, told by its position and the hash of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its place.
    pub position: Position,
    /// BLAKE3 of its bytes, in hexadecimal.
    pub hash: String,
}

impl Line {
    /// `position hash`
    #[must_use]
    pub fn read(line: &str) -> Self {
        let (position, hash) = line.split_once(' ').expect("a position and a hash");
        Self { position: read_position(position), hash: hash.to_owned() }
    }
}

/// All records of every shard that there still are, in order. Nobody else may have the directory open.
#[must_use]
pub fn by_shard(data: &Path) -> BTreeMap<ShardId, Vec<Line>> {
    let log = open(data);
    let lines = |shard| {
        let oldest = log.reader().oldest(shard);
        let frames = log.read_from(shard, oldest).map(|frame| frame.expect("a whole frame"));
        let lines = frames.flat_map(|frame| {
            let line = |(lsn, record)| Line {
                position: Position { shard, epoch: frame.epoch(), lsn },
                hash: blake3::hash(record).to_string(),
            };
            frame.records().map(line).collect::<Vec<_>>()
        });
        lines.collect()
    };
    log.shards().into_iter().map(|shard| (shard, lines(shard))).collect()
}
