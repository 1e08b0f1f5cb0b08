//! A real PostgreSQL cluster in a directory of its own, on a Unix socket: started, killed, paused and started again by whoever tests or
//! measures.
//!
//! Debian's PostgreSQL 15 (or another, whose programs `GAVEL_TEST_POSTGRES_BIN` names) refuses to run as root; then it runs as Debian's user
//! `postgres`.

pub mod copy;
mod sql;

pub use sql::Row;

use crate::process::Process;
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// Where Debian keeps the programs, which are not in `PATH`.
const FOLDER: &str = "/usr/lib/postgresql/15/bin";
/// Names another folder.
const FOLDER_VARIABLE: &str = "GAVEL_TEST_POSTGRES_BIN";
/// How long a cluster may take to get ready: after a kill it recovers first.
const START_MAX: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What a cluster of a test runs with beside the defaults. Each is small, and several run at once.
const FOR_TESTS: [&str; 3] = ["shared_buffers=32MB", "max_connections=60", "jit=off"];

/// A cluster. Ended, and its directories removed, when dropped.
#[derive(Debug)]
pub struct Cluster {
    server: Option<Process>,
    settings: Vec<String>,
    data: TempDir,
    sockets: TempDir,
}

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// A program is not installed.
    #[error("`{0}` is not there; it is in Debian's package `postgresql-15` (apt-get install postgresql-15)")]
    Missing(&'static str),
    /// Nobody to run it as.
    #[error("PostgreSQL refuses to run as root, and there is no user `postgres` to run it as")]
    NoUser,
    /// A file or a process.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// It ended instead of starting.
    #[error("{name} ended with {status}; its messages: {messages}")]
    Ended {
        /// Which program.
        name: &'static str,
        /// How.
        status: ExitStatus,
        /// What it said.
        messages: String,
    },
    /// It did not get ready.
    #[error("PostgreSQL did not get ready within {} s", START_MAX.as_secs())]
    NotReady,
}

fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> ClusterError {
    move |source| ClusterError::Io { what, source }
}

/// Where a program of PostgreSQL is.
///
/// # Errors
/// Nowhere.
pub fn program(name: &'static str) -> Result<PathBuf, ClusterError> {
    let chosen = std::env::var_os(FOLDER_VARIABLE).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = chosen.into_iter().chain([PathBuf::from(FOLDER)]).chain(std::env::split_paths(&path));
    let mut files = folders.map(|folder| folder.join(name));
    files.find(|file| file.is_file()).ok_or(ClusterError::Missing(name))
}

impl Cluster {
    /// A cluster for a test, with further settings (`name=value`).
    ///
    /// # Panics
    /// When there is none to be had.
    #[must_use]
    pub fn fresh(settings: &[&str]) -> Self {
        let all: Vec<&str> = FOR_TESTS.iter().chain(settings).copied().collect();
        Self::start(&std::env::temp_dir(), &all).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A cluster for a test that listens on this port, too: `listen_addresses` among the settings says where.
    ///
    /// # Panics
    /// When there is none to be had.
    #[must_use]
    pub fn on_port(port: u16, settings: &[&str]) -> Self {
        let port = format!("port={port}");
        let all: Vec<&str> = settings.iter().copied().chain([port.as_str()]).collect();
        Self::fresh(&all)
    }

    /// Makes a cluster below `below` and starts it with these settings (`name=value`). Whoever is on its Unix socket may be anybody; over
    /// TCP, which `listen_addresses` turns on, a password is asked for.
    ///
    /// # Errors
    /// PostgreSQL is not there, or does not start.
    pub fn start(below: &Path, settings: &[&str]) -> Result<Self, ClusterError> {
        let initdb = program("initdb")?;
        let data = owned_dir("gavel-postgres-", below)?;
        // A socket's path may have no more than 107 bytes, so it does not lie with the data.
        let sockets = owned_dir("gavel-pg-", &std::env::temp_dir())?;
        create(&initdb, data.path())?;
        let no_tcp = ["listen_addresses="];
        let settings = no_tcp.iter().chain(settings).map(|&setting| setting.to_owned()).collect();
        let mut cluster = Self { server: None, settings, data, sockets };
        cluster.run()?;
        Ok(cluster)
    }

    /// Starts it again after it has ended.
    ///
    /// # Errors
    /// It does not start.
    pub fn run(&mut self) -> Result<(), ClusterError> {
        let mut command = command(&program("postgres")?, self.data.path())?;
        command
            .process_group(0)
            .arg("-D")
            .arg(self.data.path().join("data"))
            .arg("-k")
            .arg(self.sockets.path());
        command.args(self.settings.iter().flat_map(|setting| ["-c", setting]));
        let messages = self.sockets.path().join("messages");
        let runtime = runtime()?;
        let began = Instant::now();
        let mut server = Process::start(&mut command, &messages);
        while runtime.block_on(self.connect("postgres")).is_err() {
            if began.elapsed() > START_MAX {
                return Err(ClusterError::NotReady);
            }
            if let Some(status) = server.ended() {
                // The children of one that was killed take a moment to notice, and hold its memory until then.
                let messages = server.output();
                if !messages.contains("is still in use") {
                    return Err(ClusterError::Ended { name: "postgres", status, messages });
                }
                server = Process::start(&mut command, &self.sockets.path().join("messages"));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        self.server = Some(server);
        Ok(())
    }

    /// A connection as the superuser. Its other half runs as a task of the present runtime.
    ///
    /// # Errors
    /// It can't be made.
    pub async fn connect(&self, database: &str) -> Result<Client, tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        config.host_path(self.sockets.path()).port(self.port()).user("postgres").dbname(database);
        let (client, connection) = config.connect(NoTls).await?;
        // It ends with its client; what goes wrong on it is told to whoever waits for an answer.
        tokio::spawn(async move { drop(connection.await) });
        Ok(client)
    }

    /// The connection string of a database, for the superuser. Holds no space.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.url_of("postgres", database)
    }

    /// The connection string of a database, for a role.
    #[must_use]
    pub fn url_of(&self, role: &str, database: &str) -> String {
        let (folder, port) = (self.sockets.path().display(), self.port());
        format!("postgresql:///{database}?host={folder}&port={port}&user={role}")
    }

    /// The last setting of the port, or PostgreSQL's own.
    fn port(&self) -> u16 {
        let ports =
            self.settings.iter().rev().filter_map(|setting| setting.strip_prefix("port=")?.parse().ok());
        ports.into_iter().next().unwrap_or(5_432)
    }

    /// SIGKILL to the postmaster: its children end by themselves, and the next start recovers.
    pub fn kill9(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.signal(Signal::KILL);
            server.wait();
        }
    }

    /// Ends it in order, without waiting for its clients.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.signal(Signal::INT);
            server.wait();
        }
    }

    /// SIGSTOP or SIGCONT to all of it: connections stay, and nothing answers, or goes on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn signal_all(&self, signal: Signal) {
        let server = self.server.as_ref().expect("a running cluster");
        server.signal(signal);
        for child in children(server.id()) {
            // One that has ended meanwhile can't be signalled, and needs not be.
            let _sent: Result<(), rustix::io::Errno> = kill_process(child, signal);
        }
    }

    /// The postmaster's process id; `None` while it does not run.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.server.as_ref().map(Process::id)
    }
}

impl Cluster {
    /// The process ids of all of it, the postmaster's first.
    #[must_use]
    pub fn ids(&self) -> Vec<u32> {
        let postmaster = self.id();
        let children = postmaster.map(children).unwrap_or_default();
        postmaster
            .into_iter()
            .chain(children.into_iter().map(|id| id.as_raw_nonzero().get().cast_unsigned()))
            .collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // SIGQUIT: at once, without a checkpoint, with all its children.
            server.signal(Signal::QUIT);
            server.wait();
        }
    }
}

/// The processes whose parent this is.
fn children(parent: u32) -> Vec<Pid> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let child_of = |entry: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name in brackets may hold anything; state and parent follow it.
        let of: u32 = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()?;
        let id = entry.file_name().to_str()?.parse().ok()?;
        if of == parent { Pid::from_raw(id) } else { None }
    };
    processes.flatten().filter_map(child_of).collect()
}

fn runtime() -> Result<tokio::runtime::Runtime, ClusterError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io("a runtime"))
}

/// Whom it runs as: PostgreSQL refuses to run as root.
fn owner() -> Result<Option<(u32, u32)>, ClusterError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").map_err(io("/etc/passwd"))?;
    let fields = users.lines().find_map(|line| line.strip_prefix("postgres:"));
    let mut fields = fields.into_iter().flat_map(|line| line.split(':')).skip(1).map(str::parse);
    match (fields.next(), fields.next()) {
        (Some(Ok(user)), Some(Ok(group))) => Ok(Some((user, group))),
        _ => Err(ClusterError::NoUser),
    }
}

fn owned_dir(prefix: &str, below: &Path) -> Result<TempDir, ClusterError> {
    let dir = TempDir::with_prefix_in(prefix, below).map_err(io("a directory for PostgreSQL"))?;
    if let Some((user, group)) = owner()? {
        std::os::unix::fs::chown(dir.path(), Some(user), Some(group)).map_err(io("chown"))?;
    }
    Ok(dir)
}

fn command(program: &Path, dir: &Path) -> Result<Command, ClusterError> {
    let mut command = Command::new(program);
    command.current_dir(dir).stdin(Stdio::null());
    if let Some((user, group)) = owner()? {
        command.uid(user).gid(group);
    }
    Ok(command)
}

fn create(initdb: &Path, dir: &Path) -> Result<(), ClusterError> {
    let mut command = command(initdb, dir)?;
    command.args(["--auth-local=trust", "--auth-host=scram-sha-256", "--username=postgres"]);
    command.args(["--encoding=UTF8", "--locale=C", "--no-sync", "-D"]);
    let output = command.arg(dir.join("data")).output().map_err(io("initdb"))?;
    if output.status.success() {
        return Ok(());
    }
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(ClusterError::Ended { name: "initdb", status: output.status, messages })
}
