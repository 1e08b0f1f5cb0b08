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
        Self {
            cpu: line("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            kernel: read_to_string("/proc/sys/kernel/osrelease")
                .map_or_else(|_| unknown(), |release| release.trim().to_owned()),
            file_system: file_system(data).unwrap_or_else(unknown),
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

fn unknown() -> String {
    "unknown".to_owned()
}

fn line(path: &str, key: &str) -> Option<String> {
    let text = read_to_string(path).ok()?;
    let value = text.lines().find(|line| line.starts_with(key))?.split_once(':')?.1;
    Some(value.trim().to_owned())
}

fn load() -> Option<f64> {
    read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

/// The type of the mount with the longest path above `data`.
fn file_system(data: &Path) -> Option<String> {
    let data = data.canonicalize().ok()?;
    let mounts = read_to_string("/proc/self/mounts").ok()?;
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let above = fields.filter(|fields| fields.len() > 2 && data.starts_with(fields[1]));
    above.max_by_key(|fields| fields[1].len()).map(|fields| fields[2].to_owned())
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
