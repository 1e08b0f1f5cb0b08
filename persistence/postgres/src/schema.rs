//! The schema's version: migrations inside the binary, recorded in the database, checked before anything is written.
//!
//! refinery runs them: plain SQL files, each with a checksum, recorded in `gavel.schema_history`, all that are missing in one transaction: a
//! start that is cut off in the middle leaves nothing that the next one would take for an earlier gavel's. It never goes back and never changes what
//! has run, and neither do the files: a file that was released stays as it is, and what is new is a new one.

use crate::error::said;
use refinery::Runner;
use tokio_postgres::{Client, GenericClient};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Where everything is.
pub const SCHEMA: &str = "gavel";

/// Where refinery keeps what has run.
const HISTORY: &str = "schema_history";

/// How a database's schema stands to this binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// There is none: an empty database, as far as Gavel is concerned.
    Empty,
    /// An earlier one, which [`migrate`] brings up to date.
    Behind(i32),
    /// The one that this binary writes.
    Current,
    /// A later one, made by a newer binary.
    Ahead(i32),
}

/// Why a database can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// PostgreSQL refused, or its connection failed.
    #[error("{}", said(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// A migration failed. The database is as it was before it.
    #[error("a migration failed, and changed nothing: {}", in_full(.0))]
    Migration(#[from] Box<refinery::Error>),
    /// An earlier schema is there, and nobody said that it may be changed.
    #[error(
        "the database has version {found} of the schema, this gavel writes version {wanted}: run `gavel postgres migrate`"
    )]
    Behind {
        /// What is there.
        found: i32,
        /// What this binary writes.
        wanted: i32,
    },
    /// A later schema is there.
    #[error(
        "the database has version {found} of the schema, this gavel knows versions up to {wanted}: a newer gavel has migrated it; \
         run that one"
    )]
    Ahead {
        /// What is there.
        found: i32,
        /// What this binary writes.
        wanted: i32,
    },
    /// What has run there is not what this binary would run.
    #[error(
        "the database says that migration {version} of the schema has run as `{found}`, and here it is another: it was made by something \
         else than a released gavel; use another database"
    )]
    Diverged {
        /// Which.
        version: i32,
        /// Its name there.
        found: String,
    },
}

impl SchemaError {
    /// True where it passes by itself: PostgreSQL can't be asked just now.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        // Class 57: somebody has intervened, by ending the connection or the server.
        let ended = |error: &tokio_postgres::Error| {
            error.as_db_error().is_none_or(|server| server.code().code().starts_with("57"))
        };
        match self {
            Self::Postgres(_) => true,
            Self::Migration(error) => cause(error).is_some_and(ended),
            Self::Behind { .. } | Self::Ahead { .. } | Self::Diverged { .. } => false,
        }
    }
}

/// What PostgreSQL has said to a migration.
fn cause(error: &refinery::Error) -> Option<&tokio_postgres::Error> {
    std::error::Error::source(error).and_then(|source| source.downcast_ref())
}

fn in_full(error: &refinery::Error) -> String {
    cause(error).map_or_else(|| error.to_string(), said)
}

/// The version that this binary writes.
#[must_use]
pub fn wanted() -> i32 {
    runner().get_migrations().iter().map(refinery::Migration::version).max().unwrap_or_default()
}

/// How the database stands. Changes nothing.
///
/// # Errors
/// PostgreSQL refuses, or the database was migrated by something else.
pub async fn version(client: &impl GenericClient) -> Result<Version, SchemaError> {
    let exists = "SELECT to_regclass('gavel.schema_history') IS NOT NULL";
    if !client.query_one(exists, &[]).await?.try_get::<_, bool>(0)? {
        return Ok(Version::Empty);
    }
    let history = "SELECT version, name, checksum FROM gavel.schema_history ORDER BY version";
    let (migrations, mut found) = (runner().get_migrations().clone(), 0);
    for row in client.query(history, &[]).await? {
        let (version, name, checksum): (i32, String, String) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let known = migrations.iter().find(|migration| migration.version() == version);
        if known.is_some_and(|migration| migration.checksum().to_string() != checksum) {
            return Err(SchemaError::Diverged { version, found: name });
        }
        found = version;
    }
    let wanted = wanted();
    Ok(match found {
        0 => Version::Empty,
        found if found < wanted => Version::Behind(found),
        found if found > wanted => Version::Ahead(found),
        _ => Version::Current,
    })
}

/// Brings the database's schema up to date, in one transaction. Whoever does so at the same time waits. Says from which
/// version it came.
///
/// # Errors
/// PostgreSQL refuses, or the schema is none that can be brought up to date.
pub async fn migrate(client: &mut Client) -> Result<Version, SchemaError> {
    client.batch_execute("SELECT pg_advisory_lock(hashtextextended('gavel.migrate', 0))").await?;
    let migrated = migrate_alone(client).await;
    let unlock = "SELECT pg_advisory_unlock(hashtextextended('gavel.migrate', 0))";
    let unlocked = client.batch_execute(unlock).await;
    // What went wrong first says more: a connection that was lost can't be unlocked either.
    let before = migrated?;
    unlocked?;
    Ok(before)
}

async fn migrate_alone(client: &mut Client) -> Result<Version, SchemaError> {
    let before = version(client).await?;
    if let Version::Ahead(found) = before {
        return Err(SchemaError::Ahead { found, wanted: wanted() });
    }
    if before != Version::Current {
        let place = format!("CREATE SCHEMA IF NOT EXISTS {SCHEMA}; SET search_path = {SCHEMA}, pg_temp");
        client.batch_execute(&place).await?;
        runner().run_async(client).await.map_err(Box::new)?;
    }
    Ok(before)
}

/// Demands the schema that this binary writes, and makes it where there is none. Says whether it made it.
///
/// # Errors
/// PostgreSQL refuses, or the schema is another.
pub async fn ensure(client: &mut Client) -> Result<bool, SchemaError> {
    match version(client).await? {
        Version::Current => Ok(false),
        Version::Empty => Ok(migrate(client).await? == Version::Empty),
        Version::Behind(found) => Err(SchemaError::Behind { found, wanted: wanted() }),
        Version::Ahead(found) => Err(SchemaError::Ahead { found, wanted: wanted() }),
    }
}

fn runner() -> Runner {
    let mut runner = embedded::migrations::runner();
    runner.set_migration_table_name(HISTORY);
    runner.set_grouped(true)
}
