//! `gavel restore`: a data directory made of a backup.
//!
//! Everything is checked before anything is written, and the mark, without which a directory is no data directory, is written
//! last: a restore that was cut off can't be taken for one that was not.

mod build;
mod plan;
mod report;

use crate::backup::BackupError;
use crate::exit::Exit;
use crate::output;
use clap::Args;
use gavel_log::{ArchiveError, LockError, OpenError};
use plan::Plan;
use std::path::{Path, PathBuf};

/// What `gavel restore --help` begins with.
pub(crate) const ABOUT: &str = "\
Make a data directory of a backup, and say exactly up to which record of each shard it goes.

Every file is checked first: checksums, and that each frame continues the one before it. The new directory begins an epoch of its own, \
a multiple of 1,000, so that the original, should it come back, and the copy never give one position two meanings. The backup is left \
as it is.";

/// The examples in the help.
pub(crate) const HELP: &str = "\
Examples:
  gavel restore /mnt/backup --data /srv/gavel-new
  gavel serve --data /srv/gavel-new
  gavel restore /mnt/backup --data /srv/gavel-new --up-to-damage
                                                      what a damaged backup still holds, and what is lost";

/// The flags.
#[derive(Clone, Debug, Args)]
pub(crate) struct RestoreFlags {
    /// The backup
    #[arg(value_name = "BACKUP")]
    pub(crate) backup: PathBuf,
    /// The new data directory; must be empty or missing
    #[arg(long, value_name = "NEW")]
    pub(crate) data: PathBuf,
    /// Where the backup is damaged, restore what comes before the damage
    #[arg(long)]
    pub(crate) up_to_damage: bool,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    /// There is something in the new directory.
    #[error(
        "{} is not empty: a backup is restored into an empty directory (remove what a restore that was cut off has left)",
        dir.display()
    )]
    NotEmpty {
        /// The directory.
        dir: PathBuf,
    },
    /// It is something else.
    #[error("{} is no backup: there is neither backup.json nor archive/ in it", dir.display())]
    NoBackup {
        /// The directory.
        dir: PathBuf,
    },
    /// Not all of it is there any more.
    #[error("the backup is damaged, and nothing was restored; --up-to-damage restores what is whole:\n{0}")]
    Damaged(String),
    /// Nothing of it is.
    #[error("nothing of the backup can be restored:\n{0}")]
    Nothing(String),
    /// The backup can't be read, or the new directory can't be written.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The same, about an archive file.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The same, about the new log.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The new directory can't be had.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The file system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// What it is about.
        path: PathBuf,
        /// As the operating system said it.
        source: std::io::Error,
    },
}

impl RestoreError {
    const fn exit(&self) -> Exit {
        match self {
            Self::NotEmpty { .. } | Self::NoBackup { .. } => Exit::Usage,
            Self::Damaged(_) | Self::Nothing(_) => Exit::LogRefused,
            Self::Lock(LockError::Held { .. }) => Exit::DataInUse,
            _ => Exit::Failure,
        }
    }

    fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

/// Restores a backup.
pub(crate) fn run(flags: &RestoreFlags, json: bool) -> Exit {
    match restore(flags) {
        Ok(plan) if json => output::data(&report::json(&flags.data, &plan)),
        Ok(plan) => output::data(&report::text(&flags.data, &plan)),
        Err(problem) => output::failure(problem.exit(), &problem),
    }
}

fn restore(flags: &RestoreFlags) -> Result<Plan, RestoreError> {
    let RestoreFlags { backup, data, up_to_damage } = flags;
    check_empty(data)?;
    let (plan, salvage) = plan::make(backup)?;
    if plan.shards.values().all(|shard| shard.run.is_none()) {
        return Err(RestoreError::Nothing(report::damage(&plan)));
    }
    if plan.is_damaged() && !up_to_damage {
        return Err(RestoreError::Damaged(report::damage(&plan)));
    }
    build::build(data, &plan, &salvage)?;
    Ok(plan)
}

/// Nothing is restored over anything.
fn check_empty(dir: &Path) -> Result<(), RestoreError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(RestoreError::io(dir)(error)),
    };
    for entry in entries {
        // A file system of its own has this in it from the beginning.
        if entry.map_err(RestoreError::io(dir))?.file_name() != "lost+found" {
            return Err(RestoreError::NotEmpty { dir: dir.to_owned() });
        }
    }
    Ok(())
}
