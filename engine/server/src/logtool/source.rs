//! What the tools read: a data directory or a backup, without opening the log and without changing a byte. A server may hold the
//! directory meanwhile.

use super::error::ToolError;
use super::progress::Progress;
use gavel_core::{Auction, AuctionId, Lsn, ShardId};
use gavel_log::offline::Offline;
use gavel_log::snapshot;
use gavel_log::state::{Loader, Restored};
use gavel_log::{Frames, LogReader, Tip, Tips};
use std::path::{Path, PathBuf};

/// There is no record of the shard that was asked for.
#[derive(Debug)]
pub(crate) struct NoShard {
    pub(crate) wanted: ShardId,
    /// The shards that have records, in words.
    pub(crate) all: String,
}

/// The shards that are wanted: one, or all that have records.
///
/// # Errors
/// The one that is wanted has none.
pub(crate) fn shards_of(all: Vec<ShardId>, wanted: Option<ShardId>) -> Result<Vec<ShardId>, NoShard> {
    match wanted {
        None => Ok(all),
        Some(wanted) if all.contains(&wanted) => Ok(vec![wanted]),
        Some(wanted) => {
            let all: Vec<String> = all.iter().map(ToString::to_string).collect();
            let all = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
            Err(NoShard { wanted, all })
        }
    }
}

/// An open directory, as it was when it was opened.
#[derive(Debug)]
pub(crate) struct Source {
    offline: Offline,
    tips: Tips,
}

impl Source {
    /// Opens a directory. Shows how far the scan of the log's file is.
    pub(crate) fn open(dir: &Path) -> Result<Self, ToolError> {
        let progress = Progress::bytes();
        let offline = Offline::open_with(dir, &mut |scanned| progress.stage(scanned))?;
        Ok(Self { tips: offline.tips(), offline })
    }

    /// The directory, read without the storage engine.
    pub(crate) fn offline(&self) -> &Offline {
        &self.offline
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &Path {
        self.offline.dir()
    }

    /// The shards that have records, ascending.
    pub(crate) fn shards(&self) -> Vec<ShardId> {
        self.tips.keys().copied().collect()
    }

    /// The shards that are wanted: one, or all that have records.
    ///
    /// # Errors
    /// The one that is wanted has none.
    pub(crate) fn shards_of(&self, wanted: Option<ShardId>) -> Result<Vec<ShardId>, ToolError> {
        shards_of(self.shards(), wanted).map_err(|NoShard { wanted, all }| {
            ToolError::Usage(format!("there is no record of shard {wanted} here; of these there are: {all}"))
        })
    }

    /// A shard's last record.
    pub(crate) fn tip(&self, shard: ShardId) -> Tip {
        self.tips.get(&shard).copied().unwrap_or_default()
    }

    /// A shard's oldest record that there is; 1 when nothing is gone.
    pub(crate) fn oldest(&self, shard: ShardId) -> Lsn {
        self.offline.oldest(shard)
    }

    /// How many records there are of a shard from this one on.
    pub(crate) fn records_from(&self, shard: ShardId, from: Lsn) -> u64 {
        self.tip(shard).lsn.next().0.saturating_sub(from.0)
    }

    /// A shard's frames from the one that holds this record on.
    pub(crate) fn read_from(&self, shard: ShardId, from: Lsn) -> Frames {
        self.offline.read_from(shard, from)
    }

    /// A shard's snapshots, the newest first.
    pub(crate) fn snapshots(&self, shard: ShardId) -> Result<Vec<PathBuf>, ToolError> {
        snapshot::list(self.dir(), shard).map_err(ToolError::io(self.dir().join(snapshot::SNAPSHOT_DIR)))
    }

    /// The auction as the oldest whole snapshot that knows it has it.
    pub(crate) fn auction_in_snapshot(&self, auction: AuctionId) -> Result<Option<Auction>, ToolError> {
        let snapshots = self.snapshots(auction.shard())?;
        Ok(snapshots.iter().rev().find_map(|path| auction_in(path, auction)))
    }
}

/// The auction as a snapshot has it. `None` when it has not, or when it is not whole: there is another, or it is said that there is
/// none; `gavel log verify` tells why.
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
