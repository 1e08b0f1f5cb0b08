//! What a stopped server has left in its log, read with the log's own reader.

use crate::fixtures;
use gavel_core::{AuctionId, Event, Lsn, Timestamp};
use gavel_log::record::{Record, decode};
use gavel_log::{DirLock, Log, OpenOptions, SledLog};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// All events of every auction, in order. Nobody else may have the directory open.
#[must_use]
pub fn by_auction(data: &Path) -> BTreeMap<AuctionId, Vec<Event>> {
    let lock = Arc::new(DirLock::acquire(data, "a test").expect("the server has ended"));
    let now = Timestamp::from_micros(fixtures::now_us()).expect("a time in bounds");
    let (log, _) = SledLog::open(lock, OpenOptions::at(now)).expect("a log that can be opened");
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
