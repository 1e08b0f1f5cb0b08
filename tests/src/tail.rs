//! A `feed_tail` process: a consumer of the feed that can be killed, and what it has written down.

use crate::process::Process;
use crate::records::Line;
use gavel_core::{Lsn, ShardId};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// A consumer that writes down what it is handed.
#[derive(Debug)]
pub struct Tail {
    program: PathBuf,
    server: SocketAddr,
    file: PathBuf,
    name: String,
    process: Process,
}

impl Tail {
    /// Starts one. The program is `env!("CARGO_BIN_EXE_feed_tail")`, which only a test itself can name.
    #[must_use]
    pub fn start(program: &str, server: SocketAddr, file: &Path, name: &str) -> Self {
        let (program, file) = (PathBuf::from(program), file.to_owned());
        let process = Self::spawn(&program, server, &file, name);
        Self { program, server, file, name: name.to_owned(), process }
    }

    fn spawn(program: &Path, server: SocketAddr, file: &Path, name: &str) -> Process {
        let mut command = Command::new(program);
        command.arg(server.to_string()).arg(file).arg(name);
        Process::start(&mut command, &file.with_extension("log"))
    }

    /// SIGKILL.
    pub fn kill9(&mut self) {
        self.process.signal(Signal::KILL);
        self.process.wait();
    }

    /// Starts the same again after it has ended, on the same file.
    pub fn restart(&mut self) {
        assert!(self.process.ended().is_some(), "a consumer is started again after it has ended");
        self.process = Self::spawn(&self.program, self.server, &self.file, &self.name);
    }

    /// How it ended, if it has; it should not.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// What it said.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.output()
    }

    /// What it has written down, by shard.
    #[must_use]
    pub fn lines(&self) -> BTreeMap<ShardId, Vec<Line>> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut lines: BTreeMap<ShardId, Vec<Line>> = BTreeMap::new();
        for line in text[..whole].lines().map(Line::read) {
            lines.entry(line.position.shard).or_default().push(line);
        }
        lines
    }

    /// The last record of each shard that it has written down.
    #[must_use]
    pub fn ends(&self) -> BTreeMap<ShardId, Lsn> {
        let last = |(shard, lines): (ShardId, Vec<Line>)| Some((shard, lines.last()?.position.lsn));
        self.lines().into_iter().filter_map(last).collect()
    }
}
