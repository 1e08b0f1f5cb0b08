//! Is a directory Gavel's to write to? Asked before anything is written where there is no mark yet: whoever names the wrong directory must
//! find it as it was, and what lies in a `log/` that is somebody else's is not cleared away as the leftovers of an interrupted start.

use super::error::OpenError;
use super::open::{conf, io};
use super::{DB_FILE, LOG_DIR};
use crate::archive::ARCHIVE_DIR;
use crate::attempts;
use crate::identity::{IDENTITY_FILE, IDENTITY_NEW_FILE};
use crate::lock::LOCK_FILE;
use crate::mark::{MARK_FILE, MARK_NEW_FILE};
use crate::scanner::begins_like_a_segment;
use crate::snapshot::SNAPSHOT_DIR;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::path::Path;

/// What file systems put into a directory by themselves.
const LOST_AND_FOUND: &str = "lost+found";
/// Of sled's file, what is looked at.
const BEGIN_BYTES: u64 = 64;

/// Checks that a directory is a data directory, or one that may become one: new, or with nothing in it but what Gavel makes before a log
/// has its first mark. `others` are the names of files that the caller puts there. Changes nothing.
///
/// # Errors
/// [`OpenError::Foreign`] names what is somebody else's; [`OpenError::Backup`] says that it is a backup; or it cannot be read.
pub fn check_ours(dir: &Path, others: &[&str]) -> Result<(), OpenError> {
    if dir.join(MARK_FILE).exists() {
        return Ok(());
    }
    if !names(&dir.join(ARCHIVE_DIR))?.is_empty() {
        return Err(OpenError::Backup { path: dir.join(ARCHIVE_DIR) });
    }
    let own = [
        LOCK_FILE,
        IDENTITY_FILE,
        IDENTITY_NEW_FILE,
        MARK_NEW_FILE,
        LOG_DIR,
        ARCHIVE_DIR,
        SNAPSHOT_DIR,
        attempts::DIR,
        LOST_AND_FOUND,
    ];
    for name in names(dir)? {
        if !own.iter().chain(others).any(|own| name == *own) {
            return Err(OpenError::Foreign { path: dir.join(name) });
        }
    }
    check_engine_dir(&dir.join(LOG_DIR))
}

/// Checks that everything in a log's directory without a mark is what sled makes there.
pub(super) fn check_engine_dir(log_dir: &Path) -> Result<(), OpenError> {
    for name in names(log_dir)? {
        let text = name.to_string_lossy();
        let is_sled_s = matches!(&*text, "conf" | "blobs" | DB_FILE)
            || text.starts_with("snap.")
            || text.ends_with(".generating");
        if !is_sled_s {
            return Err(OpenError::Foreign { path: log_dir.join(name) });
        }
    }
    let path = log_dir.join(DB_FILE);
    let has_conf = std::fs::read(log_dir.join("conf")).is_ok_and(|found| found == conf());
    if has_conf || begins_like_sled(&path).map_err(io(&path))? {
        Ok(())
    } else {
        Err(OpenError::Foreign { path })
    }
}

/// True for a file that is not there, is empty, begins with zeros (a power cut has left its length and not its bytes), or begins as sled's.
fn begins_like_sled(path: &Path) -> Result<bool, Error> {
    let mut begin = Vec::new();
    match File::open(path) {
        Ok(file) => drop(file.take(BEGIN_BYTES).read_to_end(&mut begin)?),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(begin.iter().all(|byte| *byte == 0) || begins_like_a_segment(&begin))
}

/// The names in a directory; none where it is not there.
fn names(dir: &Path) -> Result<Vec<OsString>, OpenError> {
    match std::fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| Ok(entry.map_err(io(dir))?.file_name())).collect(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(io(dir)(source)),
    }
}
