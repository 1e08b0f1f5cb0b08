//! Holds a scan against the mark: is every frame that is known to be durable there, whole, and where sled will read it?

use super::{Damaged, Found, Scan};
use crate::chain::{ChainHash, Tip};
use crate::frame::FrameError;
use crate::log::Tips;
use gavel_core::{Lsn, ShardId};
use std::io::Error;
use std::path::{Path, PathBuf};

/// A place where the log is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}, shard {shard}, Lsn {}: {cause}", path.display(), at.0)]
pub struct Flaw {
    /// The file.
    pub path: PathBuf,
    /// The shard.
    pub shard: ShardId,
    /// The last record of the frame in question.
    pub at: Lsn,
    /// What is wrong with it.
    pub cause: Cause,
}

/// What is wrong with a durable frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// What is left of it lies here.
    #[error("a durable frame is damaged at byte {offset}: {error}")]
    Damaged {
        /// Where in the file.
        offset: u64,
        /// What is wrong.
        error: FrameError,
    },
    /// It lies nowhere in the file.
    #[error("a durable frame is missing from the file")]
    Missing,
    /// The log does not go on where the archive, or its own floor, ends.
    #[error("the log does not go on after Lsn {}, with which the archive ends", floor.0)]
    Apart {
        /// The last record before the log should begin.
        floor: Lsn,
    },
    /// It is there, but the storage engine would not read that far, and write over it.
    #[error(
        "the storage engine's own data before byte {offset} is damaged; it would not find the durable frame there"
    )]
    Hidden {
        /// Where in the file the frame lies.
        offset: u64,
    },
}

impl Scan {
    /// Finds the first durable frame that is not as it was, if there is one. `durable` is what the mark says; `floors` are the frames
    /// after which each shard's log goes on, where it was truncated.
    ///
    /// # Errors
    /// The flaw.
    pub fn verify(&self, durable: &Tips, floors: &Tips) -> Result<(), Flaw> {
        for (shard, tip) in durable {
            self.verify_shard(*shard, *tip, floors.get(shard).copied().unwrap_or_default())?;
        }
        Ok(())
    }

    /// Goes back from the tip by the hashes, to the floor. A frame that is gone is the cause of whatever sled would not
    /// reach behind it, so it is the one that is named; among those that are only hidden, the first.
    fn verify_shard(&self, shard: ShardId, tip: Tip, floor: Tip) -> Result<(), Flaw> {
        let flaw = |at, cause| Flaw { path: self.path.clone(), shard, at, cause };
        if tip.lsn < floor.lsn {
            // The archive goes further than this mark, so there is nothing here that only the log has.
            return Ok(());
        }
        let (mut hash, mut at, mut hidden) = (tip.hash, tip.lsn, None);
        while at > floor.lsn {
            let Some(frame) = self.frame(shard, hash, at) else {
                return Err(flaw(at, self.cause_of_loss(shard, at)));
            };
            if !frame.reached {
                hidden = Some(flaw(at, Cause::Hidden { offset: frame.offset }));
            }
            (hash, at) = (frame.previous, Lsn(frame.first.0 - 1));
        }
        if (hash, at) != (floor.hash, floor.lsn) {
            let cause =
                if floor == Tip::default() { Cause::Missing } else { Cause::Apart { floor: floor.lsn } };
            return Err(flaw(at, cause));
        }
        hidden.map_or(Ok(()), Err)
    }

    /// The frame with this hash, where it ends with this record.
    fn frame(&self, shard: ShardId, hash: ChainHash, last: Lsn) -> Option<&Found> {
        self.frames.get(&(shard, hash)).filter(|frame| frame.tip.lsn == last)
    }

    /// Bytes of the shard's frames after the floor, up to the tip.
    pub(crate) fn frame_bytes(&self, shard: ShardId, tip: Tip, floor: Lsn) -> u64 {
        let (mut hash, mut at, mut bytes) = (tip.hash, tip.lsn, 0);
        while at > floor
            && let Some(frame) = self.frame(shard, hash, at)
        {
            bytes += u64::from(frame.length);
            (hash, at) = (frame.previous, Lsn(frame.first.0 - 1));
        }
        bytes
    }

    /// Where there are damaged bytes that claim to be the frame that ends with this record, they are the cause.
    fn cause_of_loss(&self, shard: ShardId, at: Lsn) -> Cause {
        let claims = |damaged: &&Damaged| damaged.claims == Some((shard, at));
        match self.damaged.iter().rev().find(claims) {
            Some(Damaged { offset, error, .. }) => Cause::Damaged { offset: *offset, error: *error },
            None => Cause::Missing,
        }
    }
}

/// The Lsn and path of the newest of sled's snapshot files.
pub(crate) fn latest_snapshot(log_dir: &Path) -> Result<Option<(u64, PathBuf)>, Error> {
    let mut latest = None;
    for entry in std::fs::read_dir(log_dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(lsn) = name.strip_prefix("snap.").and_then(|hex| u64::from_str_radix(hex, 16).ok()) {
            latest = latest.max(Some((lsn, path)));
        }
    }
    Ok(latest)
}

/// Whether the snapshot file is whole: its last four bytes are the CRC32 of all but its last twelve.
pub(crate) fn snapshot_is_whole(path: &Path) -> Result<bool, Error> {
    let bytes = std::fs::read(path)?;
    let Some((rest, crc)) = bytes.split_last_chunk::<4>() else { return Ok(false) };
    let Some((body, _length)) = rest.split_last_chunk::<8>() else { return Ok(false) };
    Ok(!body.is_empty() && crc32fast::hash(body) == u32::from_le_bytes(*crc))
}
