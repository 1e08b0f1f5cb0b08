//! One mongod: its process, its directory, its port.

use super::{COMMAND_MAX, NAME, ReplicaSetError, direct, io, last_messages, program};
use crate::process::Process;
use crate::server::unused_address;
use crate::wait::PATIENCE;
use mongodb::bson::{Document, doc};
use rustix::process::Signal;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What it runs with beside its directory and port. Small, as several run at once; test commands are for failpoints.
const FLAGS: [&str; 15] = [
    "--bind_ip",
    "127.0.0.1",
    // A killed one would leave its socket behind in /tmp.
    "--nounixsocket",
    "--replSet",
    NAME,
    "--oplogSize",
    "256",
    "--wiredTigerCacheSizeGB",
    "0.5",
    "--setParameter",
    "ttlMonitorSleepSecs=1",
    "--setParameter",
    "enableTestCommands=1",
    "--setParameter",
    "diagnosticDataCollectionEnabled=false",
];
/// What it ends with when its port is taken.
const PORT_TAKEN: i32 = 48;
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A mongod. Killed, and its directory removed, when dropped.
#[derive(Debug)]
pub struct Node {
    // Before its directory, so that it has ended when that is removed.
    server: Option<Process>,
    port: u16,
    dir: TempDir,
}

impl Node {
    /// One with a fresh directory below `below`, on a free port. It is in no replica set yet.
    pub(super) fn start(below: &Path) -> Result<Self, ReplicaSetError> {
        let dir = TempDir::with_prefix_in("gavel-mongodb-", below).map_err(io("a directory for MongoDB"))?;
        std::fs::create_dir(dir.path().join("data")).map_err(io("a directory for MongoDB"))?;
        let mut node = Self { server: None, port: 0, dir };
        let give_up_at = Instant::now() + PATIENCE;
        loop {
            // Another may have taken it meanwhile; then there is a next one.
            node.port = unused_address().port();
            match node.run() {
                Err(ReplicaSetError::Ended { status, .. })
                    if status.code() == Some(PORT_TAKEN) && Instant::now() < give_up_at => {}
                result => return result.map(|()| node),
            }
        }
    }

    /// Starts it again on its directory and port, unless it runs, and waits until it answers.
    ///
    /// # Errors
    /// It does not start.
    pub fn run(&mut self) -> Result<(), ReplicaSetError> {
        if self.server.is_some() {
            return Ok(());
        }
        let mut command = Command::new(program()?);
        command.current_dir(self.dir.path()).arg("--dbpath").arg(self.dir.path().join("data"));
        command.args(["--port", &self.port.to_string()]).args(FLAGS);
        let mut server = Process::start(&mut command, &self.dir.path().join("messages"));
        let give_up_at = Instant::now() + PATIENCE;
        while self.admin(&doc! { "ping": 1 }).is_err() {
            if let Some(status) = server.ended() {
                return Err(ReplicaSetError::Ended { status, messages: last_messages(&server) });
            }
            if Instant::now() > give_up_at {
                return Err(ReplicaSetError::NotReady { port: self.port });
            }
            std::thread::sleep(LOOK_EVERY);
        }
        self.server = Some(server);
        Ok(())
    }

    /// SIGKILL: it is gone in the middle of whatever it was doing.
    pub fn kill9(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.signal(Signal::KILL);
            server.wait();
        }
    }

    /// SIGSTOP or SIGCONT: connections stay, and nothing answers, or goes on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn signal(&self, signal: Signal) {
        self.server.as_ref().expect("a running mongod").signal(signal);
    }

    /// True from its start to its end.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.server.is_some()
    }

    /// Its process id; `None` while it does not run.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.server.as_ref().map(Process::id)
    }

    /// Where its directory is.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Where it listens, as a replica set names its members.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// True where it takes writes at present.
    #[must_use]
    pub fn is_primary(&self) -> bool {
        let hello = self.is_running().then(|| self.admin(&doc! { "hello": 1 }).ok()).flatten();
        hello.is_some_and(|hello| hello.get_bool("isWritablePrimary").unwrap_or(false))
    }

    /// Runs one command on it, in the database `admin`.
    ///
    /// # Errors
    /// What MongoDB says, or that it does not answer.
    pub fn admin(&self, command: &Document) -> Result<Document, mongodb::error::Error> {
        self.command("admin", command)
    }

    /// Runs one command on it, in this database.
    ///
    /// # Errors
    /// What MongoDB says, or that it does not answer.
    pub fn command(&self, database: &str, command: &Document) -> Result<Document, mongodb::error::Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let answer =
                async { direct(&self.host()).await?.database(database).run_command(command.clone()).await };
            tokio::time::timeout(COMMAND_MAX, answer)
                .await
                .unwrap_or_else(|_| Err(mongodb::error::Error::custom("mongod does not answer")))
        })
    }
}
