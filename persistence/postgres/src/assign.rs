//! Which database a shard is written to, stored on both sides: in the database as its cursor, here as the database's own name.
//!
//! A shard that goes to another database by mistake (a changed order, a mistyped name) would leave one half of its rows here and one
//! there. So what either side remembers must fit what the configuration says, and a change is made on purpose, by a command.

use crate::{Database, DatabaseError, Routes};
use gavel_core::ShardId;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// What is remembered of a shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned {
    /// The database's name of itself.
    pub database: Uuid,
    /// What the configuration called it.
    pub name: String,
}

/// This side's memory: a file, or nothing where there is no directory to keep one in.
#[derive(Debug)]
pub struct Assignments {
    path: Option<PathBuf>,
    shards: Mutex<BTreeMap<u8, Assigned>>,
}

/// Why a shard is not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssignError {
    /// This side remembers another database.
    #[error(
        "shard {shard} was written to database `{was}` so far, and is now given to `{now}`: if that is on purpose, run \
         `gavel postgres assign --shard {shard} --to {now}`, and it is filled there from where that database has it, else from the beginning"
    )]
    Elsewhere {
        /// Which.
        shard: ShardId,
        /// What it was called.
        was: String,
        /// What the configuration says now.
        now: String,
    },
    /// Another database of the configuration has it.
    #[error(
        "shard {shard} is given to `{now}`, and `{holder}` has its rows: if that is on purpose, run \
         `gavel postgres assign --shard {shard} --to {now}`, and it is filled there from the beginning"
    )]
    Held {
        /// Which.
        shard: ShardId,
        /// Who has it.
        holder: String,
        /// What the configuration says.
        now: String,
    },
    /// The database has given it away on purpose.
    #[error(
        "shard {shard} was taken from database `{now}` on purpose: run `gavel postgres assign --shard {shard} --to {now}` to give it back"
    )]
    Released {
        /// Which.
        shard: ShardId,
        /// The database.
        now: String,
    },
    /// The configuration has no database for it.
    #[error("shard {0} has no database: name one with its `shards` in [postgres]")]
    NoDatabase(ShardId),
}

/// Why the file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum AssignFileError {
    /// It can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what was written.
    #[error("{}: {source}; it says which database each shard is written to; without it, what the databases say counts", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

impl Assignments {
    /// What the file remembers; nothing where there is none yet.
    ///
    /// # Errors
    /// It can't be read.
    pub fn open(path: Option<PathBuf>) -> Result<Self, AssignFileError> {
        let shards = path.as_deref().map(load).transpose()?.unwrap_or_default();
        Ok(Self { path, shards: Mutex::new(shards) })
    }

    /// What is remembered of a shard.
    #[must_use]
    pub fn of(&self, shard: ShardId) -> Option<Assigned> {
        self.shards.lock().get(&shard.0).cloned()
    }

    /// Demands that a shard may be written to this database, as far as this side remembers.
    ///
    /// # Errors
    /// It was written to another.
    pub fn check(&self, shard: ShardId, database: Uuid, name: &str) -> Result<(), AssignError> {
        match self.of(shard) {
            Some(assigned) if assigned.database != database => {
                Err(AssignError::Elsewhere { shard, was: assigned.name, now: name.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// Remembers where a shard is written.
    ///
    /// # Errors
    /// The file can't be written. Nothing changed.
    pub fn set(&self, shard: ShardId, database: Uuid, name: &str) -> Result<(), AssignFileError> {
        let assigned = Assigned { database, name: name.to_owned() };
        let mut shards = self.shards.lock();
        if shards.get(&shard.0) == Some(&assigned) {
            return Ok(());
        }
        let mut changed = shards.clone();
        changed.insert(shard.0, assigned);
        if let Some(path) = &self.path {
            save(path, &changed).map_err(|source| AssignFileError::Io { path: path.clone(), source })?;
        }
        *shards = changed;
        Ok(())
    }
}

/// What giving a shard to another database on purpose has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Databases that had the shard and write nothing more of it.
    pub released: Vec<String>,
    /// Databases that could not be asked, and why.
    pub unreachable: Vec<(String, String)>,
}

/// Gives a shard to a database on purpose: every other one that has it releases it, and it is filled in the new one from the beginning of
/// what log and archive hold. Its rows in the old ones stay. The configuration has to say the same.
///
/// # Errors
/// The new database can't be worked with, or this side's memory can't be written.
pub async fn assign(
    routes: &Routes,
    assignments: &Assignments,
    shard: ShardId,
    to: &Database,
) -> Result<Moved, MoveError> {
    to.ensure_schema().await?;
    let id = to.id().await?;
    let number = i16::from(shard.0);
    let mut moved = Moved { released: Vec::new(), unreachable: Vec::new() };
    for other in routes.databases().iter().filter(|other| other.name() != to.name()) {
        match release(other, number).await {
            Ok(0) => {}
            Ok(_) => moved.released.push(other.name().to_owned()),
            Err(error) => moved.unreachable.push((other.name().to_owned(), error.to_string())),
        }
    }
    let insert = "
        INSERT INTO cursors (shard, epoch, lsn) VALUES ($1, 0, 0)
        ON CONFLICT (shard) DO UPDATE SET released_at = NULL";
    to.client().await?.execute(insert, &[&number]).await.map_err(DatabaseError::from)?;
    assignments.set(shard, id, to.name())?;
    Ok(moved)
}

async fn release(database: &Database, shard: i16) -> Result<u64, DatabaseError> {
    let client = database.client().await?;
    let exists = client.query_one("SELECT to_regclass('gavel.cursors') IS NOT NULL", &[]).await?;
    if !exists.try_get::<_, bool>(0)? {
        return Ok(0);
    }
    let release = "UPDATE cursors SET released_at = now() WHERE shard = $1 AND released_at IS NULL";
    Ok(client.execute(release, &[&shard]).await?)
}

/// Why a shard was not given to another database.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The new one can't be worked with.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// This side's memory can't be written.
    #[error(transparent)]
    Remember(#[from] AssignFileError),
}

fn load(path: &Path) -> Result<BTreeMap<u8, Assigned>, AssignFileError> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|source| AssignFileError::Content { path: path.to_owned(), source }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(source) => Err(AssignFileError::Io { path: path.to_owned(), source }),
    }
}

/// Whole or not at all: a temporary name, synced, renamed, the directory synced.
fn save(path: &Path, shards: &BTreeMap<u8, Assigned>) -> std::io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = std::fs::File::create(&temporary)?;
    file.write_all(&serde_json::to_vec_pretty(shards)?)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), |parent| std::fs::File::open(parent)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_assigned_is_remembered_and_another_database_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("postgres.json");
        let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let assignments = Assignments::open(Some(path.clone())).unwrap();
        assert_eq!(assignments.check(ShardId(3), first, "main"), Ok(()));
        assignments.set(ShardId(3), first, "main").unwrap();

        let again = Assignments::open(Some(path.clone())).unwrap();
        assert_eq!(again.check(ShardId(3), first, "renamed"), Ok(()));
        assert_eq!(again.check(ShardId(4), second, "second"), Ok(()));
        let refused = again.check(ShardId(3), second, "second").unwrap_err().to_string();
        assert!(
            refused.contains("`main`") && refused.contains("gavel postgres assign --shard 3 --to second"),
            "{refused}"
        );

        std::fs::write(&path, "{").unwrap();
        assert!(matches!(Assignments::open(Some(path)), Err(AssignFileError::Content { .. })));
    }
}
