//! `backup.json`: up to which record of each shard a backup goes. Written whole, after what it speaks of is synced; so a backup that
//! has less than its manifest says has lost something.

use super::error::BackupError;
use gavel_core::{Epoch, Lsn, Position, ShardId, Timestamp};
use gavel_log::{ChainHash, Tip, Tips};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// The manifest's file name inside the backup.
pub(crate) const MANIFEST_FILE: &str = "backup.json";
const VERSION: u32 = 1;

/// Up to where a backup goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// What it is a backup of, in words.
    pub(crate) of: String,
    /// The latest time at which the log is known to have ended where the backup does, by the engine's clock.
    pub(crate) at: Timestamp,
    /// Each shard's part. Ascending.
    pub(crate) shards: BTreeMap<ShardId, ShardEnd>,
}

/// One shard's part of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShardEnd {
    /// The first record in it.
    pub(crate) first: Lsn,
    /// The last frame in it.
    pub(crate) last: Tip,
}

impl ShardEnd {
    /// The last record in it.
    pub(crate) const fn position(&self, shard: ShardId) -> Position {
        Position { shard, epoch: self.last.epoch, lsn: self.last.lsn }
    }
}

#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    gavel: String,
    of: String,
    at: String,
    at_us: u64,
    shards: Vec<WrittenShard>,
}

#[derive(Serialize, Deserialize)]
struct WrittenShard {
    shard: u8,
    first_lsn: u64,
    last: String,
    last_hash: String,
}

impl Manifest {
    /// The shards' ends.
    pub(crate) fn tips(&self) -> Tips {
        self.shards.iter().map(|(shard, end)| (*shard, end.last)).collect()
    }

    /// The manifest as JSON, on one line.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(&self.written()).unwrap_or_default()
    }

    fn written(&self) -> Written {
        let Self { of, at, shards } = self;
        let shard = |(shard, end): (&ShardId, &ShardEnd)| WrittenShard {
            shard: shard.0,
            first_lsn: end.first.0,
            last: end.position(*shard).to_string(),
            last_hash: hex(end.last.hash),
        };
        Written {
            version: VERSION,
            gavel: env!("CARGO_PKG_VERSION").to_owned(),
            of: of.clone(),
            at: at.to_string(),
            at_us: at.micros(),
            shards: shards.iter().map(shard).collect(),
        }
    }

    /// The manifest of a backup; `None` where there is none.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, BackupError> {
        let path = dir.join(MANIFEST_FILE);
        let wrong = |problem: String| BackupError::Manifest { path: path.clone(), problem };
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(error.to_string())),
        };
        let written: Written = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        let Written { version, gavel: _, of, at: _, at_us, shards } = written;
        if version != VERSION {
            return Err(wrong(format!("it has version {version}; this version of Gavel reads {VERSION}")));
        }
        let shards = shards.iter().map(WrittenShard::read).collect::<Option<_>>();
        let shards = shards.ok_or_else(|| wrong("a shard's entry is not what it must be".to_owned()))?;
        let at = Timestamp::from_micros(at_us).ok_or_else(|| wrong("a time beyond all times".to_owned()))?;
        Ok(Some(Self { of, at, shards }))
    }

    /// Replaces the backup's manifest; durable once this has returned.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), BackupError> {
        let (path, temporary) = (dir.join(MANIFEST_FILE), dir.join("backup.json.new"));
        let text = serde_json::to_string_pretty(&self.written()).unwrap_or_default();
        let write = || {
            let mut file = File::create(&temporary)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&temporary, &path)?;
            File::open(dir)?.sync_all()
        };
        write().map_err(BackupError::io(&path))
    }
}

impl WrittenShard {
    fn read(&self) -> Option<(ShardId, ShardEnd)> {
        let Position { shard, epoch, lsn } = Position::parse(self.last.as_bytes())?;
        let is_whole = shard.0 == self.shard && epoch > Epoch(0) && (1..=lsn.0).contains(&self.first_lsn);
        let last = Tip { epoch, lsn, hash: unhex(&self.last_hash)? };
        is_whole.then_some((shard, ShardEnd { first: Lsn(self.first_lsn), last }))
    }
}

fn hex(hash: ChainHash) -> String {
    hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<ChainHash> {
    let mut hash = ChainHash::default();
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != hash.0.len() {
        return None;
    }
    for (byte, pair) in hash.0.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let last = Tip { epoch: Epoch(3), lsn: Lsn(42), hash: ChainHash([0xa7; 32]) };
        Manifest {
            of: "a server".to_owned(),
            at: Timestamp::from_micros(1_795_338_000_000_000).unwrap(),
            shards: [(ShardId(7), ShardEnd { first: Lsn(5), last })].into(),
        }
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Manifest::read(dir.path()).unwrap().is_none());
        manifest().write(dir.path()).unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap(), Some(manifest()));
        assert!(manifest().to_json().contains(r#""last":"7-3-42""#), "{}", manifest().to_json());
    }

    #[test]
    fn what_is_not_a_manifest_is_refused_with_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let good = manifest().to_json();
        for wrong in [
            "{",
            &good.replace(r#""version":1"#, r#""version":2"#),
            &good.replace("7-3-42", "8-3-42"),
            &good.replace("7-3-42", "7-0-42"),
            &good.replace(r#""first_lsn":5"#, r#""first_lsn":43"#),
            &good.replace("a7a7", "a7"),
            &good.replace("a7a7", "zza7"),
        ] {
            std::fs::write(dir.path().join(MANIFEST_FILE), wrong).unwrap();
            let error = Manifest::read(dir.path()).unwrap_err();
            assert!(error.to_string().contains("backup.json: "), "{wrong}: {error}");
        }
    }
}
