//! Copies of snapshots: a restored server begins with them instead of with the first record.

use super::error::BackupError;
use gavel_core::{Lsn, ShardId};
use gavel_log::snapshot::{self, KEPT, SNAPSHOT_DIR};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, copy};
use std::path::{Path, PathBuf};

/// Copies every shard's newest whole snapshots that the backup has not got; each is there whole, or not at all. A running server
/// replaces its snapshots: one that is gone before it could be copied is left out, and so is one that is damaged.
pub(super) fn copy_all(data: &Path, backup: &Path) -> Result<(), BackupError> {
    let listed = snapshot::list_all(data).map_err(BackupError::io(data))?;
    for path in listed.values().flat_map(|paths| paths.iter().take(KEPT)) {
        let Some(name) = path.file_name() else { continue };
        let to = backup.join(SNAPSHOT_DIR).join(name);
        if !to.exists() && snapshot::check(path).is_ok() {
            copy_whole(path, &to)?;
        }
    }
    Ok(())
}

/// Copies a file so that it is there whole or not at all, and durable once this has returned. One that is not there any more is
/// left out.
pub(crate) fn copy_whole(from: &Path, to: &Path) -> Result<(), BackupError> {
    let mut source = match File::open(from) {
        Ok(source) => source,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(BackupError::Io { path: from.to_owned(), source }),
    };
    let dir = to.parent().unwrap_or(Path::new("."));
    let mut temporary = to.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let mut write = || {
        std::fs::create_dir_all(dir)?;
        let mut file = File::create(&temporary)?;
        copy(&mut source, &mut file)?;
        file.sync_all()?;
        std::fs::rename(&temporary, to)?;
        File::open(dir)?.sync_all()
    };
    write().map_err(BackupError::io(to))
}

/// Keeps each shard's newest two, and of those only what the backup's records go beyond.
pub(super) fn keep_newest(backup: &Path, ends: &BTreeMap<ShardId, Lsn>) -> Result<(), BackupError> {
    for (shard, paths) in snapshot::list_all(backup).map_err(BackupError::io(backup))? {
        let end = ends.get(&shard).copied().unwrap_or_default();
        let is_covered = |path: &PathBuf| snapshot::check(path).is_ok_and(|(_, foot)| foot.until <= end);
        let (covered, others): (Vec<_>, Vec<_>) = paths.into_iter().partition(is_covered);
        for path in covered.iter().skip(KEPT).chain(&others) {
            std::fs::remove_file(path).map_err(BackupError::io(path))?;
        }
    }
    Ok(())
}
