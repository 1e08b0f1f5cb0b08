//! A `gavel serve` process in a directory of its own, on a free port.
//!
//! Unless a test says otherwise, the port is the server's own choice (`--resp 127.0.0.1:0`), which it writes to
//! `<data>/resp.addr`, so that no two tests can want the same one.

use crate::process::Process;
use crate::{Client, Reply, binaries, wait};
use rustix::process::Signal;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use tempfile::TempDir;

/// A port of this machine that the system chooses.
const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// How to start a server.
#[derive(Clone, Debug, Default)]
pub struct Options {
    flags: Vec<String>,
    data: Option<PathBuf>,
    address: Option<SocketAddr>,
    http: Option<SocketAddr>,
}

impl Options {
    /// Defaults for everything, in a fresh directory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With further command line words, separated by spaces.
    #[must_use]
    pub fn with(mut self, flags: &str) -> Self {
        self.flags.extend(flags.split(' ').map(str::to_owned));
        self
    }

    /// At this address, also after it was started again.
    #[must_use]
    pub fn at(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// With HTTP at this address, also after it was started again.
    #[must_use]
    pub fn http_at(mut self, address: SocketAddr) -> Self {
        self.http = Some(address);
        self
    }

    /// With this data directory, which stays behind.
    #[must_use]
    pub fn data(mut self, directory: &Path) -> Self {
        self.data = Some(directory.to_owned());
        self
    }
}

/// A server. It can be killed or stopped, and started again on the same data.
#[derive(Debug)]
pub struct Server {
    options: Options,
    data: PathBuf,
    process: Process,
    address: SocketAddr,
    folder: TempDir,
}

impl Server {
    /// Starts a server and waits until it takes commands.
    #[must_use]
    pub fn start(options: Options) -> Self {
        let server = Self::start_recovering(options);
        server.wait_until_ready();
        server
    }

    /// Starts a server and waits until it takes connections; it may still be recovering.
    #[must_use]
    pub fn start_recovering(options: Options) -> Self {
        let folder = tempfile::Builder::new().prefix("gavel-test-").tempdir().expect("a temporary directory");
        let data = options.data.clone().unwrap_or_else(|| folder.path().join("data"));
        let mut process = Self::spawn(&options, &data, folder.path());
        let address = Self::wait_for_address(&mut process, &data);
        Self { options, data, process, address, folder }
    }

    /// Starts the same again after it has ended, on the same data, and waits until it takes commands.
    pub fn restart(&mut self) {
        self.restart_recovering();
        self.wait_until_ready();
    }

    /// Starts the same again after it has ended, and waits until it takes connections; it may still be recovering.
    pub fn restart_recovering(&mut self) {
        assert!(self.process.ended().is_some(), "a server is started again after it has ended");
        self.process = Self::spawn(&self.options, &self.data, self.folder.path());
        self.address = Self::wait_for_address(&mut self.process, &self.data);
    }

    /// SIGKILL: the process is gone in the middle of whatever it was doing.
    pub fn kill9(&mut self) {
        self.process.signal(Signal::KILL);
        self.process.wait();
    }

    /// Stops it in order (SIGTERM).
    ///
    /// # Panics
    /// When it does not exit with 0.
    pub fn terminate(&mut self) {
        self.stop(Signal::TERM);
    }

    /// Stops it in order, by this signal.
    ///
    /// # Panics
    /// When it does not exit with 0.
    pub fn stop(&mut self, signal: Signal) {
        self.process.signal(signal);
        let status = self.process.wait();
        assert_eq!(status.code(), Some(0), "a stop in order exits with 0");
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait()
    }

    /// True while the process is there.
    pub fn is_running(&mut self) -> bool {
        self.process.ended().is_none()
    }

    /// A new connection.
    #[must_use]
    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for HTTP.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        let text = std::fs::read_to_string(self.data.join("http.addr")).expect("the address of HTTP");
        text.trim().parse().expect("an address")
    }

    /// Its data directory.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What its processes have written to their outputs so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.output()
    }

    fn spawn(options: &Options, data: &Path, folder: &Path) -> Process {
        // The address of the process before must not be taken for the new one's.
        drop(std::fs::remove_file(data.join("resp.addr")));
        let address = options.address.unwrap_or(ANY_PORT);
        let http = options.http.unwrap_or(ANY_PORT);
        Process::start(command_at(data, address, http).args(&options.flags), &folder.join("server.log"))
    }

    fn wait_for_address(process: &mut Process, data: &Path) -> SocketAddr {
        wait::until("the server's address", || {
            if let Some(status) = process.ended() {
                panic!("the server ended ({status}) instead of starting:\n{}", process.output());
            }
            std::fs::read_to_string(data.join("resp.addr")).ok()?.trim().parse().ok()
        })
    }

    /// Recovery is over when a command on data is no longer answered `LOADING`.
    pub fn wait_until_ready(&self) {
        let mut client = self.connect();
        wait::until("the end of recovery", || match client.line("AUCTION GET 19700101-000-00000001") {
            Reply::Error(text) if text.starts_with("LOADING") => None,
            other => Some(other),
        });
    }
}

/// The command line of a server, with HTTP on a port that the system chooses.
#[must_use]
pub fn command(data: &Path, address: SocketAddr) -> Command {
    command_at(data, address, ANY_PORT)
}

fn command_at(data: &Path, address: SocketAddr, http: SocketAddr) -> Command {
    let mut command = Command::new(binaries::gavel());
    command.arg("serve").arg("--data").arg(data);
    command.args(["--resp", &address.to_string(), "--http", &http.to_string()]);
    command
}

/// A free address whose port lies below those that the system gives out by itself, so that no connection takes it while the
/// server is down.
///
/// # Panics
/// When none of a thousand is free.
#[must_use]
pub fn unused_address() -> SocketAddr {
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let first = 20_000 + (std::process::id() % 5_000) as u16;
    let port = (first..).take(1_000).find(free).expect("a free port among a thousand");
    SocketAddr::from(([127, 0, 0, 1], port))
}

impl Drop for Server {
    #[expect(clippy::print_stderr, reason = "the runner shows the output of a test that failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- what the server wrote ---\n{}---", self.log());
        }
    }
}
