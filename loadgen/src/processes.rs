//! One load from several processes of this program, for machines on which one process is not enough.
//!
//! The processes run beside each other, each with its part of the connections, the auctions and the rate, and a ledger of its own; their
//! reports are added up, histograms bucket by bucket. Each process opens its own auctions, so `hot` is one hot auction for each of them.

use crate::options::Options;
use crate::report::{MergeError, Report};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::fmt::{Display, Formatter, Result as FmtResult};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

/// Processes of one load at most.
pub const PROCESSES_MAX: u32 = 64;
/// The flag that tells a process which part is its own. Not for people.
pub const PART_FLAG: &str = "--part";
/// Between two looks whether the processes have ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One process's part of a load: number `index` (from 0) of `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    index: u32,
    of: u32,
}

/// Why there is no report of all processes.
#[derive(Debug, thiserror::Error)]
pub enum ProcessesError {
    /// A process could not be started, or its output not be read.
    #[error("process {number} of the load: {source}")]
    Io {
        /// Which one, from 1.
        number: u32,
        /// Why.
        source: io::Error,
    },
    /// A process has failed.
    #[error("process {number} of the load has failed: {said}")]
    Failed {
        /// Which one, from 1.
        number: u32,
        /// What it said.
        said: String,
    },
    /// The reports can't be added up.
    #[error(transparent)]
    Merge(#[from] MergeError),
}

impl Part {
    /// This part of a number of things: all parts together are all of them, and no two differ by more than one.
    #[must_use]
    pub const fn of(self, all: u32) -> u32 {
        all / self.of + (self.index < all % self.of) as u32
    }

    /// The ledger of this part: `FILE.p1`, `FILE.p2` …
    #[must_use]
    pub fn ledger(self, path: &Path) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".p{}", self.index + 1));
        name.into()
    }

    /// A seed of its own.
    #[must_use]
    pub const fn seed(self, seed: u64) -> u64 {
        seed.wrapping_add((self.index as u64) << 32)
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (index, of) = text.split_once('/').ok_or("INDEX/OF")?;
        match (index.parse(), of.parse()) {
            (Ok(index), Ok(of)) if index < of && of <= PROCESSES_MAX => Ok(Self { index, of }),
            _ => Err("INDEX/OF".to_owned()),
        }
    }
}

impl Display for Part {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// A process that is bidding.
struct Running {
    child: Child,
    output: JoinHandle<io::Result<String>>,
    errors: JoinHandle<io::Result<String>>,
}

/// Runs `processes` processes with these arguments (those of this process, without its name), and adds their reports up. `options` are those
/// of the whole.
///
/// # Errors
/// A process fails, or the reports can't be added up. Then the others are stopped.
pub fn run(arguments: &[OsString], processes: u32, options: &Options) -> Result<Report, ProcessesError> {
    let mut running = Vec::new();
    for index in 0..processes {
        match start(arguments, Part { index, of: processes }) {
            Ok(process) => running.push(process),
            Err(source) => {
                stop(&running);
                drop(finish(running));
                return Err(ProcessesError::Io { number: index + 1, source });
            }
        }
    }
    wait(&mut running, &options.stop);
    let mut report = Report::merged(finish(running)?)?;
    // A shape that is no constant rate was told by each process for its own part.
    report.settings.arrivals = options.arrivals.to_string();
    Ok(report)
}

fn start(arguments: &[OsString], part: Part) -> io::Result<Running> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(arguments.iter().filter(|word| !["--json", "--quiet", "-q"].iter().any(|flag| word == flag)))
        .args(["--json", "--quiet", PART_FLAG, &part.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let output = read_all(child.stdout.take());
    let errors = read_all(child.stderr.take());
    Ok(Running { child, output, errors })
}

/// Reads on a thread of its own, so that no process waits for room in a pipe.
fn read_all(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<io::Result<String>> {
    std::thread::spawn(move || {
        let mut text = String::new();
        pipe.map_or(Ok(0), |mut pipe| pipe.read_to_string(&mut text)).map(|_| text)
    })
}

/// Waits until all have ended. When this process is to stop, or one of them has failed, the others are told once.
fn wait(running: &mut [Running], stops: &AtomicBool) {
    let mut told = false;
    loop {
        let ended: Vec<Option<bool>> = running
            .iter_mut()
            .map(|process| process.child.try_wait().map_or(Some(false), |status| Some(status?.success())))
            .collect();
        if ended.iter().all(Option::is_some) {
            return;
        }
        if !told && (stops.load(Relaxed) || ended.contains(&Some(false))) {
            told = true;
            stop(running);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn stop(running: &[Running]) {
    let ids = running.iter().filter_map(|process| Pid::from_raw(process.child.id().cast_signed()));
    // One that has ended already needs not be told.
    ids.for_each(|id| {
        let _told = kill_process(id, Signal::INT);
    });
}

/// The reports of all; the first failure where there is one.
fn finish(running: Vec<Running>) -> Result<Vec<Report>, ProcessesError> {
    (1..).zip(running).map(|(number, process)| report_of(number, process)).collect()
}

fn report_of(number: u32, process: Running) -> Result<Report, ProcessesError> {
    let Running { mut child, output, errors } = process;
    let io = |source| ProcessesError::Io { number, source };
    let panicked = || io::Error::other("the thread that reads it has panicked");
    child.wait().map_err(io)?;
    let text = output.join().unwrap_or_else(|_| Err(panicked())).map_err(io)?;
    let said = errors.join().unwrap_or_else(|_| Err(panicked())).map_err(io)?;
    // A run that did not go well has a report all the same, and that says so.
    serde_json::from_str(&text).map_err(|_| {
        let said = said.trim().strip_prefix("error: ").unwrap_or(said.trim());
        ProcessesError::Failed {
            number,
            said: if said.is_empty() { "without a word".into() } else { said.into() },
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_all_of_it_and_even() {
        for (all, of) in [(10, 3), (64, 64), (7, 1), (2, 5)] {
            let parts: Vec<u32> = (0..of).map(|index| Part { index, of }.of(all)).collect();
            assert_eq!(parts.iter().sum::<u32>(), all);
            assert!(parts.iter().max().unwrap() - parts.iter().min().unwrap() <= 1, "{parts:?}");
        }
    }

    #[test]
    fn a_part_is_read_as_it_is_written() {
        let part = Part { index: 2, of: 3 };
        assert_eq!(part.to_string().parse(), Ok(part));
        assert_eq!(part.ledger(Path::new("a/b")), Path::new("a/b.p3"));
        assert_ne!(part.seed(1), Part { index: 1, of: 3 }.seed(1));
        for wrong in ["", "3", "3/3", "0/65", "a/b"] {
            assert!(wrong.parse::<Part>().is_err(), "{wrong}");
        }
    }
}
