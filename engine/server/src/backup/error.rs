//! Why there is no backup, or none that goes on.

use crate::exit::Exit;
use gavel_core::{Lsn, Position, ShardId};
use gavel_log::identity::IDENTITY_FILE;
use gavel_log::{ArchiveError, FrameError, IdentityError, LockError, OfflineError, ReadError, SnapshotError};
use gavel_wire::feed::FeedError;
use std::path::{Path, PathBuf};

/// Why there is no backup, or none that goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    /// The directory is something else.
    #[error("{} is {what}: a backup needs a directory of its own, empty or with an earlier backup of the same log", dir.display())]
    NoBackup {
        /// The directory.
        dir: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// Somebody else is writing to it, or it can't be made.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// What is in it already is damaged.
    #[error(
        "the backup is damaged: {0}; begin another one in a new directory (`gavel restore` still restores what is whole)"
    )]
    Damaged(ArchiveError),
    /// It can't be told which log it is.
    #[error("{}: {source}", dir.join(IDENTITY_FILE).display())]
    Identity {
        /// The log's directory.
        dir: PathBuf,
        /// Why.
        source: IdentityError,
    },
    /// The backup goes beyond the log.
    #[error(
        "the backup goes up to {has}, but the log ends at {end}: it is a backup of another log, or the log was restored from an \
         older state; begin another one in a new directory"
    )]
    Ahead {
        /// Where the backup ends.
        has: Position,
        /// Where the log ends.
        end: Position,
    },
    /// The log has something else where the backup ends.
    #[error(
        "the backup is not of this log: they have different records at {has}; begin another one in a new directory"
    )]
    Other {
        /// Where the backup ends.
        has: Position,
    },
    /// What comes after the backup is gone.
    #[error(
        "the backup ends at {has}, and the oldest record that the log and its archive still have is Lsn {}: what is between is \
         gone; begin another one in a new directory, and make them more often than the archive is kept",
        oldest.0
    )]
    Gone {
        /// Where the backup ends.
        has: Position,
        /// The first record there is.
        oldest: Lsn,
    },
    /// A shard's history begins later than its first record, and there is no snapshot to begin with.
    #[error("shard {shard}: the records before Lsn {} are gone, and no whole snapshot makes up for them", oldest.0)]
    NoSnapshot {
        /// The shard.
        shard: ShardId,
        /// The first record there is.
        oldest: Lsn,
    },
    /// It was stopped before anything had come.
    #[error("nothing has come from {server} yet: there is no backup")]
    NothingCame {
        /// The server.
        server: std::net::SocketAddr,
    },
    /// The feed has ended for good.
    #[error("the server's feed can't be followed: {0}")]
    Feed(#[from] FeedError),
    /// A frame that the server has sent is damaged.
    #[error("the server has sent a damaged frame: {0}")]
    Frame(#[from] FrameError),
    /// The feed's first records are gone from the server.
    #[error(
        "the server's feed can't be followed: {0} (where the first records are gone, begin with `gavel backup DIR --data …` on the \
         server's machine, then follow into the same directory)"
    )]
    FeedGap(FeedError),
    /// The data directory can't be read.
    #[error(transparent)]
    Offline(#[from] OfflineError),
    /// The log is damaged.
    #[error("the log can't be read: {0}; `gavel log verify` says what is damaged")]
    Read(#[from] ReadError),
    /// The backup can't be written.
    #[error("the backup can't be written: {0}")]
    Write(ArchiveError),
    /// A snapshot can't be copied.
    #[error("{0}")]
    Snapshot(#[from] SnapshotError),
    /// The file system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// What it is about.
        path: PathBuf,
        /// As the operating system said it.
        source: std::io::Error,
    },
    /// The manifest can't be read.
    #[error("{}: {problem}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl BackupError {
    /// The exit code that says it.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Lock(LockError::Held { .. }) => Exit::DataInUse,
            Self::NoBackup { .. } => Exit::Usage,
            Self::Read(_) => Exit::LogRefused,
            _ => Exit::Failure,
        }
    }

    /// An error of the operating system about this path.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
