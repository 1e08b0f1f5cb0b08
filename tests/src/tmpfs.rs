//! A small file system in memory, to fill up. Unmounted when dropped.

use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A mounted tmpfs.
#[derive(Debug)]
pub struct Tmpfs {
    folder: TempDir,
}

impl Tmpfs {
    /// Mounts one of so many MiB.
    ///
    /// # Panics
    /// When mounting is not permitted: the suite needs root, or `CAP_SYS_ADMIN`.
    #[must_use]
    pub fn mount(mebibytes: u32) -> Self {
        let folder =
            tempfile::Builder::new().prefix("gavel-tmpfs-").tempdir().expect("a temporary directory");
        let size = format!("size={mebibytes}m");
        run("mount", &["-t", "tmpfs", "-o", &size, "gavel-test", path_text(folder.path())]);
        Self { folder }
    }

    /// Changes its size, keeping what is in it.
    pub fn resize(&self, mebibytes: u32) {
        let options = format!("remount,size={mebibytes}m");
        run("mount", &["-o", &options, path_text(self.folder.path())]);
    }

    /// A path inside.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: a process that is just being killed may hold a file for a moment longer.
        drop(Command::new("umount").arg("--lazy").arg(self.folder.path()).status());
    }
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("a temporary directory's path is UTF-8")
}

fn run(program: &str, words: &[&str]) {
    let output =
        Command::new(program).args(words).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "this suite must be allowed to mount (root, or CAP_SYS_ADMIN): {said}");
}
