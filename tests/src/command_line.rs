//! The command-line client, run as people and scripts run it: by its words, for what it prints and how it exits.

use crate::{binaries, wait};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use tempfile::TempDir;

/// What a run has printed, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The exit code.
    pub exit: i32,
    /// Data.
    pub stdout: String,
    /// What is for people.
    pub stderr: String,
}

impl Run {
    /// The data of a run that has gone well.
    ///
    /// # Panics
    /// When it has not.
    pub fn ok(self) -> String {
        assert_eq!(self.exit, 0, "{self:?}");
        self.stdout.trim_end().to_owned()
    }

    /// The data of a run that has gone well, as JSON.
    ///
    /// # Panics
    /// When it has not, or the data is no JSON.
    #[must_use]
    pub fn json(self) -> serde_json::Value {
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|problem| panic!("{problem}: {text}"))
    }
}

/// `gavel` against the server at this address.
#[must_use]
pub fn command(server: SocketAddr, words: &[&str]) -> Command {
    let mut command = Command::new(binaries::gavel());
    command.args(words).env("GAVEL_SERVER", server.to_string()).stdin(Stdio::null());
    command
}

/// Runs `gavel` with these words against the server at this address.
///
/// # Panics
/// When it can't be run, or is ended by a signal.
#[must_use]
pub fn run(server: SocketAddr, words: &[&str]) -> Run {
    let output = command(server, words).output().expect("gavel can be run");
    Run {
        exit: output.status.code().expect("gavel exits by itself"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// `gavel` in the background. Killed when dropped.
#[derive(Debug)]
pub struct Background {
    child: Child,
    folder: TempDir,
}

impl Background {
    /// Starts it.
    #[must_use]
    pub fn start(server: SocketAddr, words: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let file = |name| File::create(folder.path().join(name)).expect("a file");
        let child = command(server, words).stdout(file("stdout")).stderr(file("stderr")).spawn();
        Self { child: child.expect("gavel can be run"), folder }
    }

    /// The lines of data so far. The last one may not be whole yet, and is left out then.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let text = self.read("stdout");
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(str::to_owned).collect()
    }

    /// What it has said to people so far.
    #[must_use]
    pub fn notes(&self) -> String {
        self.read("stderr")
    }

    /// Waits until a line of data satisfies the condition; returns it.
    pub fn wait_for_line(&self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        wait::until(what, || self.lines().into_iter().find(|line| is_it(line)))
    }

    /// Waits until it has said this.
    pub fn wait_for_note(&self, text: &str) {
        wait::until(text, || self.notes().contains(text).then_some(()));
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process is there to be signalled");
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        wait::until("the end of gavel", || self.child.try_wait().expect("a child can be waited for"))
    }

    fn read(&self, name: &str) -> String {
        let path: PathBuf = self.folder.path().join(name);
        std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
