//! The engine of the demo: this very program, as `gavel serve` in a process of its own, so that it can be killed.

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a start may take, in seconds.
const START_S: u64 = 60;
/// Between two looks whether it is ready, in milliseconds.
const LOOK_MS: u64 = 5;

/// The engine's process. Killed when dropped.
pub(super) struct EngineProcess {
    child: Child,
    /// The process, for whoever has to end it from outside; 0 while there is none.
    running: Arc<AtomicU32>,
    data: PathBuf,
    address: SocketAddr,
}

/// What went wrong with the engine's process.
#[derive(Debug, thiserror::Error)]
pub(super) enum EngineError {
    /// It could not be started or asked.
    #[error("the engine's process: {0}")]
    Io(#[from] std::io::Error),
    /// It ended by itself.
    #[error("the engine ended with {status}; its messages are in {}", log.display())]
    Ended {
        /// How.
        status: ExitStatus,
        /// Where it has said why.
        log: PathBuf,
    },
    /// It did not get ready.
    #[error("the engine did not get ready within {START_S} s; its messages are in {}", log.display())]
    NotReady {
        /// Where it has said why.
        log: PathBuf,
    },
}

impl EngineProcess {
    /// Starts it and waits until it takes bids, on the given address or on one that the system chooses.
    pub(super) fn start(data: &Path, address: Option<SocketAddr>) -> Result<Self, EngineError> {
        std::fs::create_dir_all(data)?;
        let child = spawn(data, address)?;
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let running = Arc::new(AtomicU32::new(child.id()));
        end_with_us(&running)?;
        let mut engine = Self { child, running, data: data.to_owned(), address: address.unwrap_or(any) };
        engine.wait_until_ready()?;
        Ok(engine)
    }

    /// Starts it again where it was.
    pub(super) fn restart(&mut self) -> Result<(), EngineError> {
        self.child = spawn(&self.data, Some(self.address))?;
        self.running.store(self.child.id(), Ordering::SeqCst);
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> Result<(), EngineError> {
        let deadline = Instant::now() + Duration::from_secs(START_S);
        while Instant::now() < deadline {
            self.check_running()?;
            if let Some(address) = read_address(&self.data)
                && is_ready(address)
            {
                self.address = address;
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(LOOK_MS));
        }
        Err(EngineError::NotReady { log: log_file(&self.data) })
    }

    fn check_running(&mut self) -> Result<(), EngineError> {
        match self.child.try_wait()? {
            Some(status) => Err(EngineError::Ended { status, log: log_file(&self.data) }),
            None => Ok(()),
        }
    }

    /// Lets it run for a while; an error when it ends by itself.
    pub(super) fn run_for(&mut self, time: Duration) -> Result<(), EngineError> {
        std::thread::sleep(time);
        self.check_running()
    }

    /// Kills it (SIGKILL). Returns the process that it was.
    pub(super) fn kill(&mut self) -> Result<u32, EngineError> {
        let process = self.child.id();
        self.running.store(0, Ordering::SeqCst);
        self.child.kill()?;
        self.child.wait()?;
        Ok(process)
    }

    /// Asks it to stop in order (SIGTERM), and waits until it has.
    pub(super) fn stop(mut self) -> Result<(), EngineError> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).map_err(std::io::Error::from)?;
        self.running.store(0, Ordering::SeqCst);
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(EngineError::Ended { status, log: log_file(&self.data) }) }
    }

    /// Where it takes bids.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for EngineProcess {
    fn drop(&mut self) {
        // After `stop` it is gone already; else this is the way out of an error, which is told instead.
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

/// When the demo is told to end, its engine ends with it: SIGINT, SIGTERM and SIGHUP kill the engine, then this process.
fn end_with_us(running: &Arc<AtomicU32>) -> std::io::Result<()> {
    let (mut signals, running) = (Signals::new([SIGINT, SIGTERM, SIGHUP])?, Arc::clone(running));
    std::thread::spawn(move || {
        let Some(signal) = signals.forever().next() else { return };
        let process = i32::try_from(running.load(Ordering::SeqCst)).ok().and_then(Pid::from_raw);
        if let Some(process) = process {
            // One that has just ended by itself needs no killing.
            let _gone: Result<(), rustix::io::Errno> = kill_process(process, Signal::KILL);
        }
        std::process::exit(128 + signal);
    });
    Ok(())
}

fn log_file(data: &Path) -> PathBuf {
    data.with_extension("log")
}

/// Auctions end when their terms say, whatever the crash costs: the demo's check knows the terms, not the outage.
fn spawn(data: &Path, address: Option<SocketAddr>) -> std::io::Result<Child> {
    let log = File::options().create(true).append(true).open(log_file(data))?;
    // What an earlier process has announced is not where this one is.
    match std::fs::remove_file(data.join(crate::serve::ADDRESS_FILE)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    Command::new(std::env::current_exe()?)
        .arg("serve")
        .args(["--resp", &address.map_or("127.0.0.1:0".to_owned(), |address| address.to_string())])
        .args(["--http", "off", "--outage", "off", "--data"])
        .arg(data)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
}

fn read_address(data: &Path) -> Option<SocketAddr> {
    std::fs::read_to_string(data.join(crate::serve::ADDRESS_FILE)).ok()?.trim().parse().ok()
}

/// True when it answers `PING` with `PONG`; while it reads its log it answers `LOADING`.
fn is_ready(address: SocketAddr) -> bool {
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
