//! `gavel flush` as a process of its own, beside a server and a PostgreSQL, and what the kernel knows of it.

use crate::error::{BenchError, io};
use crate::server::Server;
use gavel_tests::postgres::Cluster;
use std::fs::{File, read_to_string};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long catching up may take.
const CATCH_UP_MAX: Duration = Duration::from_secs(900);
/// Between two looks how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The kernel counts a process's time in hundredths of a second.
const TICKS_PER_S: f64 = 100.0;

/// A running flusher. Killed when dropped.
#[derive(Debug)]
pub struct Flusher {
    child: Child,
    messages: PathBuf,
    _dir: TempDir,
}

impl Flusher {
    /// Starts it.
    ///
    /// # Errors
    /// It can't be started.
    pub fn start(
        binary: &Path,
        server: &Server,
        cluster: &Cluster,
        below: &Path,
    ) -> Result<Self, BenchError> {
        let dir = TempDir::with_prefix_in("flush-", below).map_err(io("a directory for the flusher"))?;
        let messages = dir.path().join("messages");
        let child = Command::new(binary)
            .args([
                "flush",
                "--postgres",
                &cluster.url("postgres"),
                "--server",
                &server.address().to_string(),
            ])
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&messages).map_err(io("a file for the flusher's messages"))?)
            .spawn()
            .map_err(io("gavel flush"))?;
        Ok(Self { child, messages, _dir: dir })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the database has all that the server has; says how many records that are.
    ///
    /// # Errors
    /// It takes too long.
    pub fn catch_up(&self, server: &Server, cluster: &Cluster) -> Result<u64, BenchError> {
        let durable = durable(server)?;
        let ask = "SELECT coalesce(sum(lsn), 0)::bigint FROM gavel.cursors";
        let began = Instant::now();
        while began.elapsed() < CATCH_UP_MAX {
            // Until the schema is there, there is no answer.
            let has = cluster.try_sql("postgres", ask).ok().and_then(|rows| rows.first()?.first()?.clone());
            if has.and_then(|has| has.parse::<u64>().ok()).is_some_and(|has| has >= durable) {
                return Ok(durable);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let messages = read_to_string(&self.messages).unwrap_or_default();
        Err(BenchError::Check(format!("the flusher has not caught up; its messages: {messages}")))
    }

    /// Memory that it holds now, in MiB.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub fn resident_mib(&self) -> Result<f64, BenchError> {
        memory_mib(self.id(), "VmRSS:")
    }

    /// The most memory that it has held, in MiB.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub fn peak_mib(&self) -> Result<f64, BenchError> {
        memory_mib(self.id(), "VmHWM:")
    }

    /// Watches its memory until the sender is dropped; the thread gives the most that it held, in MiB.
    #[must_use]
    pub fn watch(&self) -> (Sender<()>, JoinHandle<f64>) {
        let (stop, stopped) = channel();
        let id = self.id();
        let watch = move || {
            let mut most: f64 = 0.0;
            while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                most = most.max(memory_mib(id, "VmRSS:").unwrap_or(0.0));
            }
            most
        };
        (stop, std::thread::spawn(watch))
    }

    /// Processor time since its start, in seconds.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub fn cpu_s(&self) -> Result<f64, BenchError> {
        let stat = read_to_string(format!("/proc/{}/stat", self.id())).map_err(io("/proc/<pid>/stat"))?;
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
        Ok(fields.skip(11).take(2).flat_map(str::parse::<f64>).sum::<f64>() / TICKS_PER_S)
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

fn memory_mib(id: u32, name: &'static str) -> Result<f64, BenchError> {
    let text = read_to_string(format!("/proc/{id}/status")).map_err(io("/proc/<pid>/status"))?;
    let kib =
        text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<f64>().ok());
    kib.map(|kib| kib / 1_024.0).ok_or(BenchError::Missing(name))
}

/// Durable records of all shards.
fn durable(server: &Server) -> Result<u64, BenchError> {
    let answer = server.ask(async |client| Ok(client.call(&[b"INFO", b"shards"]).await?))?;
    let count = |line: &str| {
        let facts = line.strip_prefix("shard")?.split_once(':')?.1;
        facts.strip_prefix("durable=")?.split(',').next()?.parse::<u64>().ok()
    };
    Ok(answer.as_str().unwrap_or_default().lines().filter_map(count).sum())
}

/// Keeps all threads of a process to some processors.
///
/// # Errors
/// `taskset` is not there, or refuses.
pub fn pin(id: u32, processors: &str) -> Result<(), BenchError> {
    let status = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", processors, &id.to_string()])
        .stdout(Stdio::null())
        .status()
        .map_err(io("taskset (Debian's package `util-linux`)"))?;
    if status.success() { Ok(()) } else { Err(BenchError::Check(format!("taskset ended with {status}"))) }
}
