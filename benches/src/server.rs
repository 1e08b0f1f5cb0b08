//! The release build of `gavel serve` as a process of its own, in a fresh directory, and what the kernel knows of it.

use crate::error::{BenchError, io};
use gavel_wire::client::Client;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs::{File, read_to_string};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a start may take, in seconds.
const START_S: u64 = 300;
/// Between two looks whether it is ready: as exact as a start is measured.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// The kernel counts a process's time in hundredths of a second, on every platform Gavel runs on.
const TICKS_PER_S: f64 = 100.0;
/// The file in the data directory that tells where RESP is spoken.
const ADDRESS_FILE: &str = "resp.addr";

/// A running server. Killed when dropped; its directory goes with it.
pub struct Server {
    child: Child,
    binary: PathBuf,
    dir: TempDir,
    address: SocketAddr,
    /// From the start of the process to its first `PONG`.
    pub started_in: Duration,
}

/// Processor time of a group of threads, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadTime {
    /// Spent on a processor.
    pub ran_ns: u64,
    /// Spent ready to run, waiting for a processor: high where the machine is shared or full.
    pub waited_ns: u64,
}

impl Server {
    /// Starts a server in a fresh directory below `below`, and waits until it takes bids.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(binary: &Path, below: &Path) -> Result<Self, BenchError> {
        let dir = TempDir::with_prefix_in("aims-", below).map_err(io("a directory for the server"))?;
        let (began, child) = (Instant::now(), spawn(binary, dir.path())?);
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { child, binary: binary.to_owned(), dir, address, started_in: Duration::ZERO };
        server.wait_until_ready(began)?;
        Ok(server)
    }

    /// Stops it in order, and starts it again on the same data.
    ///
    /// # Errors
    /// It does not stop as it should, or not start.
    pub fn restart(&mut self) -> Result<(), BenchError> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)
            .map_err(std::io::Error::from)
            .map_err(io("SIGTERM"))?;
        let status = self.child.wait().map_err(io("waiting for the server"))?;
        if !status.success() {
            return Err(BenchError::Ended { status, messages: messages(self.dir.path()) });
        }
        std::fs::remove_file(self.data().join(ADDRESS_FILE)).map_err(io("the old address"))?;
        let began = Instant::now();
        self.child = spawn(&self.binary, self.dir.path())?;
        self.wait_until_ready(began)
    }

    fn wait_until_ready(&mut self, began: Instant) -> Result<(), BenchError> {
        while began.elapsed() < Duration::from_secs(START_S) {
            if let Some(status) = self.child.try_wait().map_err(io("the server"))? {
                return Err(BenchError::Ended { status, messages: messages(self.dir.path()) });
            }
            let announced = read_to_string(self.data().join(ADDRESS_FILE)).unwrap_or_default();
            if let Ok(address) = announced.trim().parse()
                && says_pong(address)
            {
                (self.address, self.started_in) = (address, began.elapsed());
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err(BenchError::NotReady(START_S))
    }

    /// Puts the server's own reason in the place of what was seen from outside, where the server has ended.
    ///
    /// # Errors
    /// `result`'s, or [`BenchError::Ended`].
    pub fn or_why_it_ended<T>(&mut self, result: Result<T, BenchError>) -> Result<T, BenchError> {
        match (result, self.child.try_wait()) {
            (Err(_), Ok(Some(status))) => {
                Err(BenchError::Ended { status, messages: messages(self.dir.path()) })
            }
            (result, _) => result,
        }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it takes bids.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its data directory.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Runs something with a connection to it.
    ///
    /// # Errors
    /// No connection, or what `ask` says.
    pub fn ask<T>(
        &self,
        ask: impl AsyncFnOnce(&mut Client) -> Result<T, BenchError>,
    ) -> Result<T, BenchError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(io("a runtime"))?.block_on(async {
            let mut client = Client::connect(self.address).await?;
            ask(&mut client).await
        })
    }

    /// A number that `INFO` tells.
    ///
    /// # Errors
    /// No answer, or none with this key.
    pub fn info(&self, section: &str, key: &'static str) -> Result<u64, BenchError> {
        let answer = self.ask(async |client| Ok(client.call(&[b"INFO", section.as_bytes()]).await?))?;
        let value = answer.as_str().and_then(|text| {
            text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')?.trim().parse().ok())
        });
        value.ok_or(BenchError::Missing(key))
    }

    /// Bytes that it has made the kernel write to disks since its start.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub fn written_bytes(&self) -> Result<u64, BenchError> {
        let text = read_to_string(format!("/proc/{}/io", self.child.id())).map_err(io("/proc/<pid>/io"))?;
        let value = text.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok());
        value.ok_or(BenchError::Missing("write_bytes"))
    }

    /// Where it speaks HTTP.
    ///
    /// # Errors
    /// It has not said so.
    pub fn http(&self) -> Result<SocketAddr, BenchError> {
        let text = read_to_string(self.data().join("http.addr")).map_err(io("http.addr"))?;
        text.trim().parse().map_err(|_| BenchError::Missing("address of HTTP"))
    }

    /// Memory that it holds, in bytes.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub fn resident_bytes(&self) -> Result<u64, BenchError> {
        let text =
            read_to_string(format!("/proc/{}/status", self.child.id())).map_err(io("/proc/<pid>/status"))?;
        let kib = text
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse::<u64>().ok());
        kib.map(|kib| kib * 1_024).ok_or(BenchError::Missing("VmRSS"))
    }

    /// Processor time of all its threads since its start, of those that have ended too, in seconds.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub fn cpu_s(&self) -> Result<f64, BenchError> {
        let stat =
            read_to_string(format!("/proc/{}/stat", self.child.id())).map_err(io("/proc/<pid>/stat"))?;
        // The name, in parentheses, may hold anything; behind it, user and system time are the 12th and 13th field.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
        let ticks: Vec<f64> = fields.skip(11).take(2).flat_map(str::parse).collect();
        if ticks.len() == 2 {
            Ok(ticks.iter().sum::<f64>() / TICKS_PER_S)
        } else {
            Err(BenchError::Missing("utime"))
        }
    }

    /// Processor time since its start, by the name of the thread with its number taken off.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub fn thread_times(&self) -> Result<BTreeMap<String, ThreadTime>, BenchError> {
        thread_times(self.child.id())
    }
}

/// Processor time of a process since its start, by the name of the thread with its number taken off.
///
/// # Errors
/// The kernel does not tell.
pub fn thread_times(process: u32) -> Result<BTreeMap<String, ThreadTime>, BenchError> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).map_err(io("its threads"))?;
    let mut times: BTreeMap<String, ThreadTime> = BTreeMap::new();
    for task in tasks.flatten() {
        // A thread that has ended meanwhile is not counted.
        let read = |file| read_to_string(task.path().join(file)).ok();
        let (Some(name), Some(times_of)) = (read("comm"), read("schedstat")) else { continue };
        let mut numbers = times_of.split_whitespace().map(|number| number.parse().unwrap_or(0));
        let group = name.trim().trim_end_matches(|c: char| c.is_ascii_digit() || "-:#".contains(c));
        let time = times.entry(group.to_owned()).or_default();
        time.ran_ns += numbers.next().unwrap_or(0);
        time.waited_ns += numbers.next().unwrap_or(0);
    }
    Ok(times)
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

/// Builds the server of these sources, and says where it is: beside this bench.
///
/// # Errors
/// It does not build.
pub fn build() -> Result<PathBuf, BenchError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "-p", "gavel"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .map_err(io("building the server"))?;
    if !status.success() {
        return Err(BenchError::Build(status));
    }
    let bench = std::env::current_exe().map_err(io("building the server"))?;
    Ok(bench.ancestors().nth(2).unwrap_or(Path::new(".")).join("gavel"))
}

fn spawn(binary: &Path, dir: &Path) -> Result<Child, BenchError> {
    let messages = File::options().create(true).append(true).open(dir.join("messages"));
    Command::new(binary)
        .args(["serve", "--resp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--outage", "off", "--data"])
        .arg(dir.join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(messages.map_err(io("a file for the server's messages"))?)
        .spawn()
        .map_err(io(binary.display().to_string()))
}

fn messages(dir: &Path) -> String {
    read_to_string(dir.join("messages")).unwrap_or_default()
}

/// True when it answers `PING` with `PONG`; while it reads its log it answers `LOADING`.
fn says_pong(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer)?;
        Ok(answer == *b"+PONG\r\n")
    };
    ask().unwrap_or(false)
}
