//! Which database a shard is written to, stored on both sides: in the database as its cursor, here as the database's own name.
//!
//! A shard that goes to another database by mistake (a changed order, a mistyped name) would leave one half of its rows here and one
//! there. So what either side remembers must fit what the configuration says, and a change is made on purpose, by a command.

use crate::{Database, DatabaseError, Routes};
use gavel_core::ShardId;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
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

/// This side's memory: a file, or nothing where there is no directory to keep one in. Several processes may share a file: it is read
/// again before it counts, and changed under a lock.
#[derive(Debug)]
pub struct Assignments {
    path: Option<PathBuf>,
    shards: Mutex<Shards>,
}

/// By the shards' numbers.
type Shards = BTreeMap<u8, Assigned>;

/// Why a shard is not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssignError {
    /// This side remembers another database.
    #[error(
        "shard {shard} was written to database `{was}` so far, and is now given to {}`{now}`: if that is on purpose, run \
         `gavel postgres assign --shard {shard} --to {now}`, and it is filled there from where that database has it, else from the beginning",
        if was == now { "another one that is called " } else { "" }
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

    /// Takes in what another process has written meanwhile.
    ///
    /// # Errors
    /// It can't be read.
    pub fn reload(&self) -> Result<(), AssignFileError> {
        if let Some(path) = &self.path {
            *self.shards.lock() = load(path)?;
        }
        Ok(())
    }

    /// Demands that what is remembered can be changed, by writing it as it is.
    ///
    /// # Errors
    /// It can't.
    pub fn demand_writable(&self) -> Result<(), AssignFileError> {
        self.change(|_| true)
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
        self.change(|shards| shards.insert(shard.0, assigned.clone()).as_ref() != Some(&assigned))
    }

    /// Changes what is remembered. Nobody else does so meanwhile. `change` says whether there is anything to write.
    fn change(&self, change: impl FnOnce(&mut Shards) -> bool) -> Result<(), AssignFileError> {
        let mut shards = self.shards.lock();
        let Some(path) = &self.path else {
            change(&mut shards);
            return Ok(());
        };
        let of_file = |source| AssignFileError::Io { path: path.clone(), source };
        let _locked = lock(path).map_err(of_file)?;
        let mut changed = load(path)?;
        if change(&mut changed) {
            save(path, &changed).map_err(of_file)?;
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
    // First, so that nothing is given away that can't be remembered.
    assignments.demand_writable()?;
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

/// Keeps other processes from changing the file until it is let go. The file itself is replaced with each change, so its directory is
/// locked.
fn lock(path: &Path) -> std::io::Result<File> {
    let directory = File::open(directory(path))?;
    directory.lock()?;
    Ok(directory)
}

/// Where the file is.
fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn load(path: &Path) -> Result<Shards, AssignFileError> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|source| AssignFileError::Content { path: path.to_owned(), source }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Shards::new()),
        Err(source) => Err(AssignFileError::Io { path: path.to_owned(), source }),
    }
}

/// Whole or not at all: a temporary name, synced, renamed, the directory synced.
fn save(path: &Path, shards: &Shards) -> std::io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(&serde_json::to_vec_pretty(shards)?)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    File::open(directory(path))?.sync_all()
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

        // What another process has changed is neither overlooked nor written over.
        assignments.set(ShardId(4), second, "second").unwrap();
        assert_eq!(again.of(ShardId(4)), None);
        again.set(ShardId(5), second, "second").unwrap();
        assignments.reload().unwrap();
        let names = [3, 4, 5].map(|shard| assignments.of(ShardId(shard)).unwrap().name);
        assert_eq!(names, ["main", "second", "second"]);

        let nowhere = Assignments::open(Some(dir.path().join("missing/postgres.json"))).unwrap();
        assert!(matches!(nowhere.demand_writable(), Err(AssignFileError::Io { .. })));

        std::fs::write(&path, "{").unwrap();
        assert!(matches!(Assignments::open(Some(path)), Err(AssignFileError::Content { .. })));
    }
}
