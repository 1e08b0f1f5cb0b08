//! A PostgreSQL cluster of its own: fresh, in a directory on the disk that is measured, on a Unix socket.

use crate::compare::peer::Program;
use crate::error::BenchError;
use gavel_tests::postgres;
use std::path::Path;
use tokio_postgres::Client;

/// The server. Debian keeps it out of `PATH`.
pub const POSTGRES: Program =
    Program { name: "postgres", package: "postgresql-15", folder: Some("/usr/lib/postgresql/15/bin") };

/// What it runs with, beside the defaults. Durability is PostgreSQL's own: `fsync`, `synchronous_commit` and `full_page_writes` are on.
/// Nothing that is not a commit is in its way: no checkpoint falls into a load, nothing is vacuumed, nothing replicated. `commit_delay`
/// was tried at 200 and 1,000 microseconds, from 8 and 64 connections: no difference beyond the noise.
pub const SETTINGS: [&str; 18] = [
    "max_connections=100",
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "wal_sync_method=fdatasync",
    "wal_level=minimal",
    "max_wal_senders=0",
    "wal_buffers=64MB",
    "wal_writer_delay=10ms",
    "min_wal_size=4GB",
    "max_wal_size=16GB",
    "checkpoint_timeout=1h",
    "shared_buffers=512MB",
    "huge_pages=off",
    "autovacuum=off",
    "jit=off",
    "track_activities=off",
    "statement_timeout=60s",
];

/// A running cluster. Ended, and its directory removed, when dropped.
#[derive(Debug)]
pub struct Cluster(postgres::Cluster);

impl Cluster {
    /// Makes a cluster below `below` and starts it.
    ///
    /// # Errors
    /// PostgreSQL is not there, or does not start.
    pub fn start(below: &Path) -> Result<Self, BenchError> {
        Ok(Self(postgres::Cluster::start(below, &SETTINGS)?))
    }

    /// A connection. Its other half runs as a task of the present `LocalSet`'s runtime.
    ///
    /// # Errors
    /// It can't be made.
    pub async fn connect(&self) -> Result<Client, BenchError> {
        Ok(self.0.connect("postgres").await?)
    }
}
