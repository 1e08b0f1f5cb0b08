//! Programs of others: where they are, and a process of one of them that ends with its handle.

use crate::error::{BenchError, io};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{File, read_to_string};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take to get ready.
const START_MAX: Duration = Duration::from_secs(60);
/// How long one may take to end when it is asked to, before it is killed.
const END_MAX: Duration = Duration::from_secs(10);
/// Between two looks at a process.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A program, and where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its file name.
    pub name: &'static str,
    /// The Debian package that has it.
    pub package: &'static str,
    /// A folder that is looked into before those of `PATH`.
    pub folder: Option<&'static str>,
}

impl Program {
    /// Where it is.
    ///
    /// # Errors
    /// Nowhere; names the package.
    pub fn find(&self) -> Result<PathBuf, BenchError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = self.folder.map(PathBuf::from).into_iter().chain(std::env::split_paths(&path));
        let mut files = folders.map(|folder| folder.join(self.name));
        let Self { name, package, .. } = *self;
        files.find(|file| file.is_file()).ok_or(BenchError::MissingProgram { name, package })
    }

    /// What it says of its version.
    ///
    /// # Errors
    /// It is not there, or does not say.
    pub fn version(&self) -> Result<String, BenchError> {
        let output = Command::new(self.find()?).arg("--version").output().map_err(io(self.name))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// A running process. Ended when dropped, with its children where the signal makes it do so.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    name: &'static str,
    messages: PathBuf,
    end: Signal,
}

impl Peer {
    /// Starts it in a process group of its own, so that Ctrl-C in a terminal reaches only the bench, which ends it in order. Its output
    /// goes to `messages`; `end` is the signal that it ends by at once.
    ///
    /// # Errors
    /// It can't be started.
    pub fn start(
        command: &mut Command,
        name: &'static str,
        messages: &Path,
        end: Signal,
    ) -> Result<Self, BenchError> {
        let file = File::create(messages).map_err(io(messages.display().to_string()))?;
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(io("a second handle"))?)
            .stderr(file)
            .spawn()
            .map_err(io(name))?;
        Ok(Self { child, name, messages: messages.to_owned(), end })
    }

    /// Asks until there is an answer.
    ///
    /// # Errors
    /// It ended instead, or took too long.
    pub fn wait_for<T>(&mut self, mut ready: impl FnMut() -> Option<T>) -> Result<T, BenchError> {
        let began = Instant::now();
        while began.elapsed() < START_MAX {
            self.runs()?;
            if let Some(answer) = ready() {
                return Ok(answer);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err(BenchError::NotReady(START_MAX.as_secs()))
    }

    /// Demands that it still runs.
    ///
    /// # Errors
    /// It has ended; says how, and its last words.
    pub fn runs(&mut self) -> Result<(), BenchError> {
        let Some(status) = self.child.try_wait().map_err(io(self.name))? else { return Ok(()) };
        let messages = read_to_string(&self.messages).unwrap_or_default();
        Err(BenchError::PeerEnded { name: self.name, status, messages })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let asked = kill_process(Pid::from_child(&self.child), self.end);
        let began = Instant::now();
        while asked.is_ok() && began.elapsed() < END_MAX {
            // Whatever it says: it has ended, or it can't be asked.
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_named_with_its_package() {
        let program = Program { name: "no-such-program", package: "some-package", folder: None };
        let message = program.find().unwrap_err().to_string();
        assert!(message.contains("no-such-program") && message.contains("some-package"), "{message}");
    }

    #[test]
    fn a_process_ends_with_its_handle_and_one_that_ended_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let messages = dir.path().join("messages");
        let start = |script| {
            Peer::start(Command::new("sh").args(["-c", script]), "sh", &messages, Signal::TERM).unwrap()
        };
        let peer = start("exec sleep 600");
        let pid = Pid::from_child(&peer.child);
        drop(peer);
        assert!(rustix::process::test_kill_process(pid).is_err(), "it still runs");
        let error = start("echo why; exit 7").wait_for(|| None::<()>).unwrap_err().to_string();
        assert!(error.contains("why") && error.contains('7'), "{error}");
    }
}
