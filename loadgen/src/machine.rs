//! What numbers were measured on. They mean nothing without it.
//!
//! Everything is read from `/proc`; what can't be read is said to be unknown.

mod load;

pub use load::{Load, LoadMeter};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter, Result as FmtResult};
use std::fs::read_to_string;
use std::net::IpAddr;
use std::path::Path;

/// A machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// The processor's model.
    pub cpu: String,
    /// Processors that this process may use.
    pub cores: usize,
    /// The kernel's release.
    pub kernel: String,
    /// Memory in bytes; `null` when unknown.
    pub memory_bytes: Option<u64>,
    /// The kind of file system that the data (of a load: the ledger) lies on, and its device.
    pub disk: Option<Disk>,
}

/// A mounted file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Disk {
    /// Its kind, such as `ext4`.
    pub file_system: String,
    /// Its device.
    pub device: String,
}

impl Machine {
    /// Looks at this machine, and at the file system below `data`.
    #[must_use]
    pub fn look(data: Option<&Path>) -> Self {
        let unknown = || "unknown".to_owned();
        let kernel = read_to_string("/proc/sys/kernel/osrelease").ok();
        Self {
            cpu: line("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            kernel: kernel.map_or_else(unknown, |release| release.trim().to_owned()),
            memory_bytes: line("/proc/meminfo", "MemTotal").and_then(|text| kib(&text)),
            disk: data.and_then(Disk::below),
        }
    }
}

impl Machine {
    /// The same, as far as the disk does not matter.
    #[must_use]
    pub fn without_disk(&self) -> Self {
        Self { disk: None, ..self.clone() }
    }
}

impl Disk {
    /// The mount with the longest path above `path`, or above its directory where it is not there yet.
    #[must_use]
    pub fn below(path: &Path) -> Option<Self> {
        let parent =
            path.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
        let path = path.canonicalize().ok().or_else(|| parent?.canonicalize().ok())?;
        let mounts = read_to_string("/proc/self/mounts").ok()?;
        let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let above = fields.filter(|fields| fields.len() > 2 && path.starts_with(fields[1]));
        let mount = above.max_by_key(|fields| fields[1].len())?;
        Some(Self { file_system: mount[2].to_owned(), device: mount[0].to_owned() })
    }
}

impl Display for Disk {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        write!(f, "{} on {}", self.file_system, self.device)
    }
}

impl Display for Machine {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        write!(f, "{}, {} core(s)", self.cpu, self.cores)?;
        if let Some(bytes) = self.memory_bytes {
            write!(f, ", {:.1} GiB", bytes as f64 / f64::from(1_u32 << 30))?;
        }
        write!(f, ", Linux {}", self.kernel)?;
        self.disk.as_ref().map_or(Ok(()), |disk| write!(f, ", {disk}"))
    }
}

/// True for an address of this machine by its form: loopback.
pub(crate) fn is_here(address: IpAddr) -> bool {
    address.is_loopback()
}

fn line(path: &str, key: &str) -> Option<String> {
    let text = read_to_string(path).ok()?;
    let value = text.lines().find(|line| line.starts_with(key))?.split_once(':')?.1;
    Some(value.trim().to_owned())
}

fn kib(text: &str) -> Option<u64> {
    Some(text.strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_and_a_file_that_is_not_there_yet_has_its_directorys_disk() {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::look(Some(&folder.path().join("later")));
        assert!(machine.cores >= 1 && machine.kernel != "unknown", "{machine}");
        assert!(machine.memory_bytes > Some(1 << 20));
        assert_eq!(machine.disk, Disk::below(folder.path()));
        assert!(machine.disk.is_some() && Disk::below(Path::new("relative")).is_some());
        assert_eq!(kib("16 kB"), Some(16_384));
        assert_eq!(kib("16 MB"), None);
    }
}
