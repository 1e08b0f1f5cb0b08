//! What the commands that compare, fill and deliver have in common: the databases, the log's files, and why it did not go.

use crate::config::Settings;
use crate::exit::Exit;
use crate::logtool::progress::Progress;
use crate::logtool::source::{NoShard, shards_of};
use crate::output;
use gavel_core::{LogId, ShardId};
use gavel_log::identity::IDENTITY_FILE;
use gavel_log::{IdentityError, Offline, OfflineError};
use gavel_postgres::assign::MoveError;
use gavel_postgres::offline::LookError;
use gavel_postgres::park::RetryError;
use gavel_postgres::rebuild::RebuildError;
use gavel_postgres::republish::{RepublishError, RunError};
use gavel_postgres::retention::RetentionError;
use gavel_postgres::schema::{self, Version};
use gavel_postgres::verify::VerifyError;
use gavel_postgres::write::WriteError;
use gavel_postgres::{Connection, Database, DatabaseError, Routes, SchemaError};
use serde_json::Value;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Why it did not go. What was done before stays.
#[derive(Debug, thiserror::Error)]
pub(super) enum ToolError {
    #[error("no database is named: say --postgres URL, or [[postgres]] in gavel.toml")]
    NoDatabase,
    #[error("database `{0}` has no schema: nothing was ever flushed to it")]
    Empty(String),
    #[error("{0}")]
    Usage(String),
    #[error("{0} (name the data directory with --data)")]
    Open(#[from] OfflineError),
    #[error("{dir}/{IDENTITY_FILE}: {source}")]
    Identity { dir: String, source: IdentityError },
    #[error("there is no record of shard {wanted} in {dir}; of these there are: {all}")]
    NoShard { wanted: ShardId, dir: String, all: String },
    #[error("database `{name}`: {source}")]
    Database { name: String, source: DatabaseError },
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
    #[error(transparent)]
    Republish(#[from] RepublishError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("database `{name}`: {source}")]
    Retention { name: String, source: RetentionError },
    #[error("database `{name}`: {source}")]
    Retry { name: String, source: RetryError },
    #[error(transparent)]
    Move(#[from] MoveError),
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl ToolError {
    /// The exit code that tells it.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::NoDatabase | Self::Usage(_) | Self::Open(_) | Self::NoShard { .. } => Exit::Usage,
            Self::Database { source, .. }
            | Self::Rebuild(RebuildError::Database { source, .. })
            | Self::Retry { source: RetryError::Database(source), .. }
            | Self::Move(MoveError::Database(source)) => of_database(source),
            Self::Verify(VerifyError::Postgres(error))
            | Self::Republish(RepublishError::Postgres(error))
            | Self::Run(RunError::Postgres(error))
            | Self::Retention { source: RetentionError::Postgres(error), .. }
            | Self::Retry { source: RetryError::Write(WriteError::Postgres(error)), .. }
                if error.as_db_error().is_none() =>
            {
                Exit::Unavailable
            }
            Self::Identity { .. }
            | Self::Verify(VerifyError::Read(_) | VerifyError::Record(_) | VerifyError::Gap { .. })
            | Self::Rebuild(RebuildError::Read(_) | RebuildError::Record(_))
            | Self::Republish(RepublishError::Read(_) | RepublishError::Record(_)) => Exit::LogRefused,
            _ => Exit::Failure,
        }
    }

    /// Says of which database.
    pub(super) fn of(name: &str) -> impl Fn(DatabaseError) -> Self {
        move |source| Self::Database { name: name.to_owned(), source }
    }
}

/// The exit code that tells what is wrong with a database: that it can't be reached, or something else.
fn of_database(error: &DatabaseError) -> Exit {
    match error {
        DatabaseError::Connect(_) | DatabaseError::Silent(_) => Exit::Unavailable,
        DatabaseError::Postgres(error) | DatabaseError::Schema(SchemaError::Postgres(error))
            if error.as_db_error().is_none() =>
        {
            Exit::Unavailable
        }
        DatabaseError::Postgres(_) | DatabaseError::Schema(_) => Exit::Failure,
    }
}

/// Asks every database. One that fails is told on stderr and hides no other; the exit code is that of the first that failed.
pub(super) async fn each<T>(
    databases: &[Database],
    ask: impl AsyncFn(&Database) -> Result<T, ToolError>,
) -> (Vec<T>, Exit) {
    let (mut answers, mut exit) = (Vec::new(), Exit::Ok);
    for database in databases {
        match ask(database).await {
            Ok(answer) => answers.push(answer),
            Err(problem) => {
                let failed = output::failure(problem.exit(), &problem);
                exit = if exit == Exit::Ok { failed } else { exit };
            }
        }
    }
    (answers, exit)
}

/// Prints what the databases have answered, as text or as JSON; nothing where none has.
pub(super) fn ended<T>(
    answers: &[T],
    exit: Exit,
    json: bool,
    text: impl FnOnce(&[T]) -> String,
    facts: impl FnOnce(&[T]) -> Vec<Value>,
) -> Exit {
    if answers.is_empty() && exit != Exit::Ok {
        return exit;
    }
    let said = if json { Value::Array(facts(answers)).to_string() } else { text(answers) };
    let printed = output::data(&said);
    if printed == Exit::Ok { exit } else { printed }
}

/// The databases that the settings name.
pub(super) fn routes(settings: &Settings) -> Result<Routes, ToolError> {
    settings.routes().map_err(|problem| ToolError::Usage(problem.to_string()))?.ok_or(ToolError::NoDatabase)
}

/// A connection to a database that has this gavel's schema.
pub(super) async fn connect(database: &Database) -> Result<Connection, ToolError> {
    let of = ToolError::of(database.name());
    let client = database.client().await.map_err(&of)?;
    let wanted = schema::wanted();
    match schema::version(&**client).await.map_err(|error| of(error.into()))? {
        Version::Current => Ok(client),
        Version::Empty => Err(ToolError::Empty(database.name().to_owned())),
        Version::Behind(found) => Err(of(SchemaError::Behind { found, wanted }.into())),
        Version::Ahead(found) => Err(of(SchemaError::Ahead { found, wanted }.into())),
    }
}

/// A runtime of this thread alone.
pub(super) fn block_on<T>(what: impl Future<Output = Result<T, ToolError>>) -> Result<T, ToolError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(what)
}

/// The log's files, read beside a running server or not. Shows how far the scan is.
pub(super) fn open(dir: &Path) -> Result<Offline, ToolError> {
    let progress = Progress::bytes();
    Ok(Offline::open_with(dir, &mut |scanned| progress.stage(scanned))?)
}

/// Which log it is; `None` where it does not say.
pub(super) fn log_id(log: &Offline) -> Result<Option<LogId>, ToolError> {
    log.id().map_err(|source| ToolError::Identity { dir: log.dir().display().to_string(), source })
}

/// Looks what has come since.
pub(super) fn look_again(log: &Offline) -> Result<(), LookError> {
    Ok(log.refresh()?)
}

/// The shards that are wanted: one, or all that have records.
pub(super) fn shards(log: &Offline, wanted: Option<ShardId>) -> Result<Vec<ShardId>, ToolError> {
    shards_of(log.shards(), wanted).map_err(|NoShard { wanted, all }| {
        let dir = log.dir().display().to_string();
        ToolError::NoShard { wanted, dir, all }
    })
}

/// Raised by Ctrl-C and SIGTERM; a second Ctrl-C ends the process at once.
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn on_signals() -> io::Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&flag))?;
            signal_hook::flag::register(signal, Arc::clone(&flag))?;
        }
        Ok(Self(flag))
    }

    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
