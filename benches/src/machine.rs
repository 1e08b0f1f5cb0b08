//! What the numbers were measured on. They mean nothing without it.

use serde::Serialize;
use std::fs::read_to_string;
use std::path::Path;
use std::process::Command;

/// The machine and the state of the sources.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's model.
    pub cpu: String,
    /// Processors that this process may use.
    pub cores: usize,
    /// The kernel's release.
    pub kernel: String,
    /// The kind of file system that the data lies on.
    pub file_system: String,
    /// The commit, with `+` when tracked files differ from it; `unknown` outside a repository.
    pub commit: String,
    /// Processes that wanted a processor in the last minute before the bench: above 0 when others were at work.
    pub load_before: f64,
}

/// A machine is shared when so many processes wanted a processor before the bench began.
const SHARED_FROM: f64 = 0.5;

impl Machine {
    /// Looks at this machine, and at the file system below `data`.
    #[must_use]
    pub fn look(data: &Path) -> Self {
        let unknown = || "unknown".to_owned();
        let gavel_loadgen::machine::Machine { cpu, cores, kernel, disk, .. } =
            gavel_loadgen::machine::Machine::look(Some(data));
        Self {
            cpu,
            cores,
            kernel,
            file_system: disk.map_or_else(unknown, |disk| disk.file_system),
            commit: commit().unwrap_or_else(unknown),
            load_before: load().unwrap_or(f64::NAN),
        }
    }

    /// True when others were at work, or it is not known.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.load_before.is_nan() || self.load_before >= SHARED_FROM
    }
}

fn load() -> Option<f64> {
    read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

fn commit() -> Option<String> {
    let head = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() { head } else { format!("{head}+") })
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
