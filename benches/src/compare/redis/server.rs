//! A Redis server of its own: fresh, in a directory on the disk that is measured, on a Unix socket.

use crate::compare::peer::{Peer, Program};
use crate::error::{BenchError, io};
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The server.
pub const REDIS: Program = Program { name: "redis-server", package: "redis-server", folder: None };

/// What it runs with, beside the defaults: every write synced before it is answered, and nothing written for any other reason.
pub const SETTINGS: [(&str, &str); 6] = [
    ("--port", "0"),
    ("--appendonly", "yes"),
    ("--appendfsync", "always"),
    ("--auto-aof-rewrite-percentage", "0"),
    ("--save", ""),
    ("--maxclients", "1000"),
];

/// A running server. Ended, and its directory removed, when dropped.
#[derive(Debug)]
pub struct Server {
    // Declared in the order in which they have to go.
    _process: Peer,
    _data: TempDir,
    sockets: TempDir,
}

impl Server {
    /// Starts a server in a fresh directory below `below`.
    ///
    /// # Errors
    /// Redis is not there, or does not start.
    pub fn start(below: &Path) -> Result<Self, BenchError> {
        let data = TempDir::with_prefix_in("compare-redis-", below).map_err(io("a directory for Redis"))?;
        // A socket's path may have no more than 107 bytes, so it does not lie with the data.
        let sockets = TempDir::with_prefix("compare-").map_err(io("a directory for Redis's socket"))?;
        let socket = sockets.path().join("socket");
        let mut command = Command::new(REDIS.find()?);
        command.args(SETTINGS.iter().flat_map(|(name, value)| [name, value]));
        command.arg("--dir").arg(data.path()).arg("--unixsocket").arg(&socket);
        let messages = sockets.path().join("messages");
        let mut process = Peer::start(&mut command, REDIS.name, &messages, Signal::KILL)?;
        process.wait_for(|| std::os::unix::net::UnixStream::connect(&socket).ok())?;
        Ok(Self { _process: process, _data: data, sockets })
    }

    /// Where it takes connections.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.sockets.path().join("socket")
    }
}
