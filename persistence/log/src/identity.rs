//! The identity: a small file that says which log this is. Positions alone do not tell one log from another: each begins with Lsn 1 of
//! epoch 1. Whoever keeps rows that were made of a log keeps this with them, and takes nothing from any other.
//!
//! ```text
//!  0        8         10      12      28       32
//!  | magic  | version | zero  | id    | CRC32C |
//! ```
//!
//! Invariants: it is written whole, before the log's first mark, and never changed; a backup of the log has it too, and so has what is
//! restored of that: a log that was restored is the same log, in an epoch of its own.

use crate::files::{NewFile, field};
use gavel_core::LogId;
use std::io::{Error, ErrorKind};
use std::path::Path;
use uuid::Uuid;

/// The file's name inside a data directory, and inside a backup.
pub const IDENTITY_FILE: &str = "identity";
/// What it is called until it is whole.
pub const IDENTITY_NEW_FILE: &str = "identity.new";

const MAGIC: [u8; 8] = *b"\x8dGVLidn\n";
const VERSION: u16 = 1;
const BYTES: usize = 32;
const CRC_AT: usize = 28;

/// An identity that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// It is not what was written.
    #[error(
        "the file that says which log this is is damaged. Put it back from a backup of this log. Without one, remove it: the log gets a new \
         one at its next start, and PostgreSQL, which takes it for another log then, is to be filled anew by `gavel rebuild postgres`"
    )]
    Damaged,
    /// A newer version wrote it.
    #[error("identity format {found}; this version reads format {VERSION}")]
    Version {
        /// The version found.
        found: u16,
    },
    /// It can't be read or written.
    #[error(transparent)]
    Io(#[from] Error),
}

/// The identity in a data directory or a backup; `None` where there is none: an earlier version made it, or it is not there yet.
///
/// # Errors
/// There is one, but it can't be used.
pub fn read(dir: &Path) -> Result<Option<LogId>, IdentityError> {
    match std::fs::read(dir.join(IDENTITY_FILE)) {
        Ok(bytes) => parse(&bytes).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Puts an identity into a directory, in place of one that may be there. Durable once this has returned.
///
/// # Errors
/// The file system refuses.
pub fn write(dir: &Path, id: LogId) -> Result<(), Error> {
    let mut file = NewFile::create(dir.join(IDENTITY_FILE))?;
    file.write(&to_bytes(id))?;
    file.finish().map(drop)
}

/// A new log's.
pub(crate) fn random() -> LogId {
    LogId(Uuid::new_v4().as_u128())
}

fn to_bytes(id: LogId) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..CRC_AT].copy_from_slice(&id.0.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..CRC_AT]);
    bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn parse(bytes: &[u8]) -> Result<LogId, IdentityError> {
    let Some(bytes) = <&[u8; BYTES]>::try_from(bytes).ok().filter(|bytes| bytes[..8] == MAGIC) else {
        return Err(IdentityError::Damaged);
    };
    if crc32c::crc32c(&bytes[..CRC_AT]) != u32::from_le_bytes(field(bytes, CRC_AT)) {
        return Err(IdentityError::Damaged);
    }
    match u16::from_le_bytes(field(bytes, 8)) {
        VERSION => Ok(LogId(u128::from_le_bytes(field(bytes, 12)))),
        found => Err(IdentityError::Version { found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written_and_no_changed_byte_passes() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).unwrap().is_none());
        let id = random();
        write(dir.path(), id).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Some(id));
        assert_ne!(random(), id, "each log gets one of its own");
        let path = dir.path().join(IDENTITY_FILE);
        let whole = std::fs::read(&path).unwrap();
        for place in 0..BYTES {
            let mut wrong = whole.clone();
            wrong[place] ^= 1;
            std::fs::write(&path, wrong).unwrap();
            assert!(matches!(read(dir.path()), Err(IdentityError::Damaged)), "byte {place}");
        }
        std::fs::write(&path, &whole[..BYTES - 1]).unwrap();
        assert!(matches!(read(dir.path()), Err(IdentityError::Damaged)));
    }

    #[test]
    fn a_later_format_is_told_apart_from_damage() {
        let mut bytes = to_bytes(LogId(7));
        bytes[8] = 2;
        let crc = crc32c::crc32c(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        assert!(matches!(parse(&bytes), Err(IdentityError::Version { found: 2 })));
    }
}
