//! What the tools read: a data directory or a backup, without opening the log and without changing a byte. A server may hold the
//! directory meanwhile.

use super::error::ToolError;
use gavel_core::{Auction, AuctionId, Lsn, ShardId};
use gavel_log::scanner::Found;
use gavel_log::snapshot;
use gavel_log::state::{Loader, Restored};
use gavel_log::{Frames, ReadCause, ReadError, Scan, Tip, scan_dir};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An open directory.
#[derive(Debug)]
pub(crate) struct Source {
    dir: PathBuf,
    scan: Arc<Scan>,
    logs: BTreeMap<ShardId, Vec<Found>>,
}

impl Source {
    /// Opens a directory.
    pub(crate) fn open(dir: &Path) -> Result<Self, ToolError> {
        let scan = scan_dir(dir).map_err(ToolError::io(dir))?;
        let scan = scan.ok_or_else(|| ToolError::NoData { dir: dir.to_owned() })?;
        Ok(Self { dir: dir.to_owned(), logs: scan.logs(), scan: Arc::new(scan) })
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The shards that have records, ascending.
    pub(crate) fn shards(&self) -> Vec<ShardId> {
        self.logs.keys().copied().collect()
    }

    /// A shard's last record.
    pub(crate) fn tip(&self, shard: ShardId) -> Tip {
        self.logs.get(&shard).and_then(|log| log.last()).map(|last| last.tip).unwrap_or_default()
    }

    /// A shard's oldest record that there is; 1 when nothing is gone.
    pub(crate) fn oldest(&self, shard: ShardId) -> Lsn {
        self.logs.get(&shard).and_then(|log| log.first()).map_or(Lsn(1), |first| first.first)
    }

    /// A shard's frames from the one that holds this record on.
    pub(crate) fn read_from(&self, shard: ShardId, from: Lsn) -> Frames {
        let log = self.logs.get(&shard).map_or(&[][..], Vec::as_slice);
        let rest = log[log.partition_point(|found| found.tip.lsn < from)..].to_vec();
        let scan = Arc::clone(&self.scan);
        Box::new(rest.into_iter().map(move |found| {
            scan.read(&found).map_err(|error| ReadError {
                shard,
                at: found.first,
                cause: ReadCause::Engine(error.to_string()),
            })
        }))
    }

    /// The auction as the oldest whole snapshot that knows it has it.
    pub(crate) fn auction_in_snapshot(&self, auction: AuctionId) -> Option<Auction> {
        let snapshots = snapshot::list(&self.dir, auction.shard()).unwrap_or_default();
        snapshots.iter().rev().find_map(|path| auction_in(path, auction))
    }
}

/// The auction as a snapshot has it. `None` when it has not, or when it is not whole.
fn auction_in(path: &Path, auction: AuctionId) -> Option<Auction> {
    let mut reader = snapshot::Reader::open(path).ok()?;
    let (mut loader, mut found) = (Loader::default(), None);
    while let Some(block) = reader.next_block().ok()? {
        let take = |part| match part {
            Restored::Auction(restored, _) if restored.id() == auction => found = Some(restored),
            _ => {}
        };
        loader.block(block, take).ok()?;
    }
    found
}
