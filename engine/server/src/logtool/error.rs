//! What can stop a tool, and with which exit code.

use crate::exit::Exit;
use gavel_core::{AuctionId, Lsn, Position, Seq};
use gavel_engine::{ReplayError, ReplicaError};
use gavel_log::archive::ArchiveCause;
use gavel_log::offline::OfflineError;
use gavel_log::{ArchiveError, ReadError, RecordError};
use std::path::PathBuf;

/// Why a tool could not do what was asked for. It has changed nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolError {
    /// The directory holds nothing of Gavel's, or can't be read.
    #[error("{0} (name the data directory with --data)")]
    Open(#[from] OfflineError),
    /// The operating system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// As it said it.
        source: std::io::Error,
    },
    /// The frames can't be read on.
    #[error("{0} (`gavel log verify` lists all that is wrong)")]
    Read(#[from] ReadError),
    /// A record's bytes are none.
    #[error("the record at {position}: {cause}")]
    Record {
        /// Where.
        position: Position,
        /// Why.
        cause: RecordError,
    },
    /// A record can't follow on those before it.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A snapshot is of no use.
    #[error(transparent)]
    Snapshot(#[from] ReplicaError),
    /// Archive files can't be read or written.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// There is not one whole frame.
    #[error("{}: there is not one whole frame here", dir.display())]
    NothingWhole {
        /// The directory.
        dir: PathBuf,
    },
    /// A record can't follow on those of its auction before it.
    #[error("the record at {position} does not follow on what there is of auction {auction} before it")]
    Gap {
        /// Where.
        position: Position,
        /// The auction.
        auction: AuctionId,
    },
    /// There is no record of the auction.
    #[error("there is no record of auction {auction}: the history of shard {} begins at record {}", auction.shard(), oldest.0)]
    NoAuction {
        /// The auction.
        auction: AuctionId,
        /// The oldest record of its shard that there is; 1 when nothing is gone.
        oldest: Lsn,
    },
    /// The auction has no such record.
    #[error("auction {auction} has no record {}: its last is {}", at.0, last.0)]
    NoRecord {
        /// The auction.
        auction: AuctionId,
        /// What was asked for.
        at: Seq,
        /// Its last.
        last: Seq,
    },
    /// What was asked for contradicts itself.
    #[error("{0}")]
    Usage(String),
    /// Whoever reads stdout has gone away. No failure.
    #[error("stdout was closed")]
    Closed,
    /// Stdout can't be written.
    #[error("stdout can't be written: {0}")]
    Stdout(std::io::Error),
    /// A defect of Gavel itself.
    #[error("a defect of Gavel: {0}")]
    Defect(&'static str),
}

impl ToolError {
    /// The exit code that tells it.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Open(_) | Self::Usage(_) => Exit::Usage,
            Self::Archive(error) if matches!(error.cause, ArchiveCause::Io { .. }) => Exit::Failure,
            Self::Io { .. } | Self::NoAuction { .. } | Self::NoRecord { .. } | Self::Stdout(_) => {
                Exit::Failure
            }
            Self::Archive(_)
            | Self::Snapshot(_)
            | Self::NothingWhole { .. }
            | Self::Read(_)
            | Self::Record { .. }
            | Self::Replay(_)
            | Self::Gap { .. } => Exit::LogRefused,
            Self::Closed => Exit::Ok,
            Self::Defect(_) => Exit::Defect,
        }
    }

    /// Wraps what the operating system says about a path.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
