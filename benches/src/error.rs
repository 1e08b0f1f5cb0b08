//! Why something could not be measured. A missed aim is a result, not an error.

use gavel_loadgen::RunError;
use gavel_loadgen::terms::TermsError;
use gavel_wire::client::ClientError;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why something could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A file, a process or a socket.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server could not be built.
    #[error("`cargo build --release -p gavel` ended with {0}; or name a server with --server")]
    Build(ExitStatus),
    /// The server ended by itself, or not as it should.
    #[error("the server ended with {status}; its messages: {messages}")]
    Ended {
        /// How.
        status: ExitStatus,
        /// The end of what it said.
        messages: String,
    },
    /// The server did not get ready.
    #[error("the server did not get ready within {0} s")]
    NotReady(u64),
    /// The load could not be run.
    #[error("the load: {0}")]
    Run(#[from] RunError),
    /// Terms for the load that it can't use; a defect of the bench.
    #[error("the load's terms: {0}")]
    Terms(#[from] TermsError),
    /// A question to the server was not answered.
    #[error("the server was asked and: {0}")]
    Client(#[from] ClientError),
    /// What the server answered has not what was looked for.
    #[error("the server's answer has no `{0}`")]
    Missing(&'static str),
    /// The engine in this process.
    #[error("the engine in process: {0}")]
    Engine(String),
    /// A name that is no row.
    #[error("`{name}` is none of: {known}")]
    UnknownRow {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A thread of the bench has panicked.
    #[error("a thread of the bench has panicked; this is a defect")]
    Panicked,
    /// A program of others is not installed.
    #[error("`{name}` is not there; it is in Debian's package `{package}` (apt-get install {package})")]
    MissingProgram {
        /// Its file name.
        name: &'static str,
        /// Where it is from.
        package: &'static str,
    },
    /// A program of others has ended by itself, or not as it should.
    #[error("{name} ended with {status}; its messages: {messages}")]
    PeerEnded {
        /// Which one.
        name: &'static str,
        /// How.
        status: ExitStatus,
        /// What it said.
        messages: String,
    },
    /// PostgreSQL refused a statement, or its connection failed.
    #[error("PostgreSQL: {}", in_full(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// There is no PostgreSQL to be had.
    #[error(transparent)]
    Cluster(#[from] gavel_tests::postgres::ClusterError),
    /// Redis refused a command.
    #[error("Redis: {0}")]
    Redis(String),
    /// What is stored is not what was acknowledged. Figures of such a contestant mean nothing.
    #[error("the check after the load: {0}")]
    Check(String),
    /// A load did not come to its end.
    #[error("the load did not end within {0} s")]
    Stuck(u64),
    /// One contestant could not be measured.
    #[error("{name}: {source}")]
    Entry {
        /// Which one, at which work.
        name: String,
        /// Why.
        source: Box<BenchError>,
    },
    /// Ended early, as it was told to.
    #[error("stopped; what was measured until then is not shown, and no server is left running")]
    Stopped,
    /// A directory that should be removed or made.
    #[error("{}: {source}", path.display())]
    Dir {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The driver's own text leaves out what the server said.
fn in_full(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |said| said.to_string())
}

/// Names what was being done when the system said no.
pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> BenchError {
    let what = what.into();
    move |source| BenchError::Io { what, source }
}
