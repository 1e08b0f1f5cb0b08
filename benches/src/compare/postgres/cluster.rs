//! A PostgreSQL cluster of its own: fresh, in a directory on the disk that is measured, on a Unix socket.

use crate::compare::peer::{Peer, Program};
use crate::error::{BenchError, io};
use rustix::process::Signal;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// Its programs. Debian keeps them out of `PATH`.
const fn program(name: &'static str) -> Program {
    Program { name, package: "postgresql-15", folder: Some("/usr/lib/postgresql/15/bin") }
}

/// The server.
pub const POSTGRES: Program = program("postgres");
const INITDB: Program = program("initdb");

/// What it runs with, beside the defaults. Durability is PostgreSQL's own: `fsync`, `synchronous_commit` and `full_page_writes` are on.
/// Nothing that is not a commit is in its way: no checkpoint falls into a load, nothing is vacuumed, nothing replicated. `commit_delay`
/// was tried at 200 and 1,000 microseconds, from 8 and 64 connections: no difference beyond the noise.
pub const SETTINGS: [&str; 19] = [
    "listen_addresses=",
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
pub struct Cluster {
    // Declared in the order in which they have to go.
    _server: Peer,
    _data: TempDir,
    sockets: TempDir,
}

impl Cluster {
    /// Makes a cluster below `below` and starts it.
    ///
    /// # Errors
    /// PostgreSQL is not there, or does not start.
    pub fn start(below: &Path) -> Result<Self, BenchError> {
        let (postgres, initdb) = (POSTGRES.find()?, INITDB.find()?);
        let owner = owner()?;
        let data = owned_dir("compare-postgres-", below, owner)?;
        // A socket's path may have no more than 107 bytes, so it does not lie with the data.
        let sockets = owned_dir("compare-", &std::env::temp_dir(), owner)?;
        create(&initdb, data.path(), owner)?;
        let mut command = command(&postgres, owner, data.path());
        command.arg("-D").arg(data.path().join("data")).arg("-k").arg(sockets.path());
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        // SIGQUIT: at once, without a checkpoint, with all its children.
        let messages = sockets.path().join("messages");
        let mut server = Peer::start(&mut command, "postgres", &messages, Signal::QUIT)?;
        let runtime = super::runtime()?;
        server.wait_for(|| runtime.block_on(connect(sockets.path())).ok())?;
        Ok(Self { _server: server, _data: data, sockets })
    }

    /// A connection. Its other half runs as a task of the present `LocalSet`'s runtime.
    ///
    /// # Errors
    /// It can't be made.
    pub async fn connect(&self) -> Result<Client, BenchError> {
        Ok(connect(self.sockets.path()).await?)
    }
}

async fn connect(sockets: &Path) -> Result<Client, tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config.host_path(sockets).user("postgres").dbname("postgres");
    let (client, connection) = config.connect(NoTls).await?;
    // It ends with its client; what goes wrong on it is told to whoever waits for an answer.
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}

/// PostgreSQL refuses to run as root: then it runs as Debian's `postgres`, by user and group.
fn owner() -> Result<Option<(u32, u32)>, BenchError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").map_err(io("/etc/passwd"))?;
    let fields = users.lines().find_map(|line| line.strip_prefix("postgres:"));
    let mut fields = fields.into_iter().flat_map(|line| line.split(':')).skip(1).map(str::parse);
    match (fields.next(), fields.next()) {
        (Some(Ok(user)), Some(Ok(group))) => Ok(Some((user, group))),
        _ => Err(BenchError::Missing("user `postgres`, which PostgreSQL needs where the bench runs as root")),
    }
}

fn owned_dir(prefix: &str, below: &Path, owner: Option<(u32, u32)>) -> Result<TempDir, BenchError> {
    let dir = TempDir::with_prefix_in(prefix, below).map_err(io("a directory for PostgreSQL"))?;
    if let Some((user, group)) = owner {
        std::os::unix::fs::chown(dir.path(), Some(user), Some(group)).map_err(io("chown"))?;
    }
    Ok(dir)
}

fn command(program: &Path, owner: Option<(u32, u32)>, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).stdin(Stdio::null());
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    command
}

fn create(initdb: &Path, dir: &Path, owner: Option<(u32, u32)>) -> Result<(), BenchError> {
    let mut command = command(initdb, owner, dir);
    command.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"]);
    let output = command.arg(dir.join("data")).output().map_err(io("initdb"))?;
    if output.status.success() {
        return Ok(());
    }
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(BenchError::PeerEnded { name: "initdb", status: output.status, messages })
}
