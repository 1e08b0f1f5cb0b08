//! Why a log was not opened.

use crate::archive::ArchiveError;
use crate::identity::IdentityError;
use crate::log::ReadCause;
use crate::mark::MarkError;
use crate::scanner::Flaw;
use gavel_core::{Lsn, ShardId};
use std::io::Error;
use std::path::PathBuf;

/// Why a log was not opened. Nothing was changed on the disk unless the error says so.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// This process has a log open already. Two sled databases in one process slow each other down tenfold.
    #[error("this process already has a log open; there can be one")]
    AlreadyOpen,
    /// A durable frame is damaged, missing or hidden. sled was not opened.
    #[error("{0}. {WhatNext}")]
    Flaw(#[from] Flaw),
    /// The log holds frames, but there is no mark that says how many there should be.
    #[error("{}: there is a log but no mark beside it, so what is durable is not known. {WhatNext}", path.display())]
    NoMark {
        /// The mark file.
        path: PathBuf,
    },
    /// The mark cannot be read.
    #[error("{}: {source}. {WhatNext}", path.display())]
    Mark {
        /// The mark file.
        path: PathBuf,
        /// Why.
        source: MarkError,
    },
    /// The mark tells of records, but there is no log.
    #[error("{}: missing, but the mark tells of {records} durable records. {WhatNext}", path.display())]
    NoLog {
        /// sled's file.
        path: PathBuf,
        /// How many records, over all shards.
        records: u64,
    },
    /// It can't be told which log this is.
    #[error("{}: {source}", path.display())]
    Identity {
        /// The file.
        path: PathBuf,
        /// Why.
        source: IdentityError,
    },
    /// There is an archive, but neither log nor mark.
    #[error(
        "{}: there is an archive but no log, as in a backup. `gavel restore` makes a data directory of a backup",
        path.display()
    )]
    Backup {
        /// The archive's directory.
        path: PathBuf,
    },
    /// Something that is not Gavel's lies in a directory that has no log of its own.
    #[error("{} is not Gavel's: a data directory is a new or empty one, or has a log already", path.display())]
    Foreign {
        /// What is there.
        path: PathBuf,
    },
    /// A log was to be made where there is one.
    #[error("{}: there is a log here already", path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// One of sled's small files is missing or damaged. sled was not opened.
    #[error("{}: {problem}. {WhatNext}", path.display())]
    EngineFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// sled has written a blob: a file that it never syncs.
    #[error("{}: the storage engine has put data where it does not sync it. {WhatNext}", path.display())]
    Blob {
        /// The blob.
        path: PathBuf,
    },
    /// sled would not open, or panicked.
    #[error("{}: the storage engine does not open it: {message}. {WhatNext}", path.display())]
    Engine {
        /// sled's file.
        path: PathBuf,
        /// In its words.
        message: String,
    },
    /// sled opened, but does not hold what is durable.
    #[error("{}, shard {shard}, Lsn {}: {cause}. {WhatNext}", path.display(), at.0)]
    Lost {
        /// sled's file.
        path: PathBuf,
        /// The shard.
        shard: ShardId,
        /// The durable record that is not there.
        at: Lsn,
        /// What was found instead.
        cause: ReadCause,
    },
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// As the operating system said it.
        source: Error,
    },
}

/// Something to be told about a log that was opened all the same: no durable record that the log itself should hold is missing, but its
/// history is not whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenWarning {
    /// An archive file cannot be used.
    #[error("{0}. What it held cannot be read; a backup may hold it")]
    Archive(#[from] ArchiveError),
    /// The archive does not hold what the log has given to it.
    #[error("shard {shard}: the history from Lsn {} to {} is missing from the archive; a backup may hold it", first.0, last.0)]
    Missing {
        /// The shard.
        shard: ShardId,
        /// The first record that is missing.
        first: Lsn,
        /// The last one.
        last: Lsn,
    },
}

/// What to do about a log that was refused, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WhatNext;

impl std::fmt::Display for WhatNext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "Do not start again on this directory: copy it whole and check the disk. Then `gavel restore` a backup of it; \
             without one, `gavel log salvage` gets every whole record out of the copy and says what is missing",
        )
    }
}
