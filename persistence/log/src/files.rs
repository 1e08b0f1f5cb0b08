//! Plain files that are there whole or not at all: written under a temporary name, synced, renamed, and their directory synced.
//! What a crash leaves of one that was being written is only the temporary file, which [`clear_unfinished`] removes.
//!
//! Snapshots and archive files share their way of being named: `SSS-LLLLLLLLLLLLLLLLLLLL.kind`, shard and Lsn in decimals of fixed
//! width, so that a listing sorts as the log does.

pub(crate) mod head;

use gavel_core::{Lsn, ShardId};
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What stands behind the name of a file that is not whole yet.
const UNFINISHED: &str = "new";
/// How much is written before it is synced. Dirty pages in bulk would make the log's next sync wait for them.
const SYNC_EVERY_BYTES: u64 = 4 * 1024 * 1024;
/// What is collected before it is written.
const BUFFER_BYTES: usize = 256 * 1024;

/// The file name of this shard and Lsn.
pub(crate) fn name(shard: ShardId, lsn: Lsn, kind: &str) -> String {
    format!("{:03}-{:020}.{kind}", shard.0, lsn.0)
}

/// What a file name says, where it is exactly a name of this kind.
pub(crate) fn parse_name(file_name: &str, kind: &str) -> Option<(ShardId, Lsn)> {
    let (shard, lsn) = file_name.strip_suffix(kind)?.strip_suffix('.')?.split_once('-')?;
    let (shard, lsn) = (ShardId(shard.parse().ok()?), Lsn(lsn.parse().ok()?));
    (name(shard, lsn, kind) == file_name).then_some((shard, lsn))
}

/// The files of this kind, ascending by shard and Lsn; none where the directory is not there.
pub(crate) fn list(dir: &Path, kind: &str) -> Result<Vec<(ShardId, Lsn, PathBuf)>, Error> {
    let mut files = Vec::new();
    for path in paths(dir)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some((shard, lsn)) = parse_name(name, kind) {
            files.push((shard, lsn, path));
        }
    }
    files.sort();
    Ok(files)
}

/// Everything in a directory; nothing where it is not there.
fn paths(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(about(dir)(error)),
    };
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(about(dir))).collect()
}

/// Removes what writers that were interrupted have left. For whoever holds the directory's lock, before anything is written.
///
/// # Errors
/// The file system refuses. A directory that is not there is no error.
pub fn clear_unfinished(dir: &Path) -> Result<(), Error> {
    for path in paths(dir)? {
        if path.extension().is_some_and(|extension| extension == UNFINISHED) {
            std::fs::remove_file(&path).map_err(about(&path))?;
        }
    }
    Ok(())
}

/// Makes a directory, so that it is there after a power cut too; one that is there already is left as it is.
pub(crate) fn make_dir(dir: &Path) -> Result<(), Error> {
    match std::fs::create_dir(dir) {
        Ok(()) => sync_dir(dir.parent().unwrap_or(Path::new("."))),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        Err(error) => Err(about(dir)(error)),
    }
}

/// Makes what was done to a directory's entries durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(about(dir))
}

/// Says which path an error of the operating system is about, and keeps its kind.
pub(crate) fn about(path: &Path) -> impl Fn(Error) -> Error + '_ {
    move |error| Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// `N` bytes from a fixed place, which lies inside by construction.
pub(crate) fn field<const N: usize>(bytes: &[u8], from: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[from..from + N]);
    field
}

/// A file that is being written. Dropped unfinished, it is gone.
#[derive(Debug)]
pub(crate) struct NewFile {
    path: PathBuf,
    temporary: PathBuf,
    file: File,
    buffer: Vec<u8>,
    /// Written and in the buffer.
    bytes: u64,
    /// Written, but not synced.
    unsynced: u64,
    finished: bool,
}

impl NewFile {
    /// Begins the file that will be called `path`, in a directory that is made where it is not there.
    pub(crate) fn create(path: PathBuf) -> Result<Self, Error> {
        if let Some(dir) = path.parent() {
            make_dir(dir)?;
        }
        let mut temporary = path.clone().into_os_string();
        temporary.push(".");
        temporary.push(UNFINISHED);
        let temporary = PathBuf::from(temporary);
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&temporary);
        let file = file.map_err(about(&temporary))?;
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Ok(Self { path, temporary, file, buffer, bytes: 0, unsynced: 0, finished: false })
    }

    /// How long the file is so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.empty_buffer()?;
        }
        if bytes.len() > BUFFER_BYTES {
            return self.write_through(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn empty_buffer(&mut self) -> Result<(), Error> {
        let buffer = std::mem::take(&mut self.buffer);
        self.write_through(&buffer)?;
        self.buffer = buffer;
        self.buffer.clear();
        Ok(())
    }

    fn write_through(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(about(&self.temporary))?;
        self.unsynced += bytes.len() as u64;
        if self.unsynced >= SYNC_EVERY_BYTES {
            self.file.sync_data().map_err(about(&self.temporary))?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Makes the file durable under its name. Once this has returned it is there whole, whatever happens.
    pub(crate) fn finish(mut self) -> Result<PathBuf, Error> {
        self.empty_buffer()?;
        self.file.sync_all().map_err(about(&self.temporary))?;
        std::fs::rename(&self.temporary, &self.path).map_err(about(&self.path))?;
        self.finished = true;
        sync_dir(self.path.parent().unwrap_or(Path::new(".")))?;
        Ok(std::mem::take(&mut self.path))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.finished {
            // Where it cannot be removed now, the next start removes it.
            let _removed = std::fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_shard_and_lsn_and_nothing_else_passes_for_one() {
        let text = name(ShardId(3), Lsn(12_345), "snap");
        assert_eq!(text, "003-00000000000000012345.snap");
        assert_eq!(parse_name(&text, "snap"), Some((ShardId(3), Lsn(12_345))));
        assert_eq!(
            parse_name(&name(ShardId(255), Lsn(u64::MAX), "arc"), "arc"),
            Some((ShardId(255), Lsn(u64::MAX)))
        );
        for wrong in [
            "003-00000000000000012345.snap.new",
            "3-12345.snap",
            "256-00000000000000012345.snap",
            "+03-00000000000000012345.snap",
            "x",
        ] {
            assert_eq!(parse_name(wrong, "snap"), None, "{wrong}");
        }
    }
}
