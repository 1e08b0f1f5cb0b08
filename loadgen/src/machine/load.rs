//! Who used the processors during a run: generator, server, others, and the host that lends them.
//!
//! From `/proc/stat` and `/proc/<process>/stat`, read before and after. Linux only counts ticks (10 ms), so that a run of less than a
//! second is told roughly.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fs::read_to_string;

/// Below so many ticks of all processors, shares would be chance: nothing is said.
const TICKS_LEAST: u64 = 50;

/// The processors' use during a run, in percent of all processors of the generator's machine. `null`: unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Load {
    /// Processes that wanted a processor in the minute before the run (the load average).
    pub before: Option<f64>,
    /// Time that the host took away.
    pub steal_percent: Option<f64>,
    /// Used by the generator.
    pub generator_percent: Option<f64>,
    /// Used by the server; only where it runs on the same machine.
    pub server_percent: Option<f64>,
    /// Used by others; only where the server's share is known, or the server runs elsewhere.
    pub other_percent: Option<f64>,
}

impl Load {
    /// What two generators saw: on one machine their own shares add up; of different machines the worst is told.
    pub(crate) fn add(&mut self, other: &Self, is_same_machine: bool) {
        let worst = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::max);
        self.generator_percent = match (self.generator_percent, other.generator_percent) {
            (Some(own), Some(more)) if is_same_machine => Some(own + more),
            (own, more) => worst(own, more),
        };
        self.before = worst(self.before, other.before);
        self.steal_percent = worst(self.steal_percent, other.steal_percent);
        self.server_percent = worst(self.server_percent, other.server_percent);
        self.other_percent = worst(self.other_percent, other.other_percent);
    }
}

/// Reads before and after.
#[derive(Debug)]
pub struct LoadMeter {
    before: Option<f64>,
    server: Option<u32>,
    is_server_here: bool,
    start: Ticks,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ticks {
    all: Option<[u64; 8]>,
    own: Option<u64>,
    server: Option<u64>,
}

impl LoadMeter {
    /// Begins to measure. `server` is the server's process, where it is known; `is_server_here` tells whether it runs on this machine.
    #[must_use]
    pub fn start(server: Option<u32>, is_server_here: bool) -> Self {
        let before = read_to_string("/proc/loadavg").ok();
        Self {
            before: before.and_then(|text| text.split(' ').next()?.parse().ok()),
            server,
            is_server_here,
            start: Ticks::read(server),
        }
    }

    /// What has been used since the start.
    #[must_use]
    pub fn stop(&self) -> Load {
        let (now, then) = (Ticks::read(self.server), &self.start);
        let less = |now: Option<u64>, then: Option<u64>| now?.checked_sub(then?);
        let unknown = Load { before: self.before, ..Load::default() };
        let Some(all) = now.all.zip(then.all).map(|(now, then)| difference(now, then)) else {
            return unknown;
        };
        let total: u64 = all.iter().sum();
        if total < TICKS_LEAST {
            return unknown;
        }
        let percent = |ticks: u64| 100.0 * ticks as f64 / total as f64;
        let (own, server) = (less(now.own, then.own), less(now.server, then.server));
        let known = if self.is_server_here { own.zip(server).map(|(own, server)| own + server) } else { own };
        Load {
            before: self.before,
            steal_percent: Some(percent(all[STEAL])),
            generator_percent: own.map(percent),
            server_percent: server.map(percent),
            other_percent: known.map(|known| percent(busy(all).saturating_sub(known))),
        }
    }
}

/// The columns of `cpu` in `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal.
const IDLE: usize = 3;
const IOWAIT: usize = 4;
const STEAL: usize = 7;

fn busy(all: [u64; 8]) -> u64 {
    all.iter().sum::<u64>() - all[IDLE] - all[IOWAIT] - all[STEAL]
}

/// Idle time may go back a little between readings; nothing else does.
fn difference(now: [u64; 8], then: [u64; 8]) -> [u64; 8] {
    std::array::from_fn(|column| now[column].saturating_sub(then[column]))
}

impl Ticks {
    fn read(server: Option<u32>) -> Self {
        // A server in this very process is counted once, as the generator.
        let other = server.filter(|&process| process != std::process::id());
        Self {
            all: read_to_string("/proc/stat").ok().and_then(|text| columns(&text)),
            own: process_ticks("self"),
            server: match (server, other) {
                (Some(_), None) => Some(0),
                (_, other) => other.and_then(|process| process_ticks(&process.to_string())),
            },
        }
    }
}

fn columns(text: &str) -> Option<[u64; 8]> {
    let numbers = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let numbers: Vec<u64> = numbers.map_while(|number| number.parse().ok()).take(8).collect();
    numbers.try_into().ok()
}

/// User and system time. The name of the process may hold spaces and parentheses.
fn process_ticks(process: &str) -> Option<u64> {
    let text = read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_all_processors_and_busy_leaves_out_waiting() {
        let all = columns("cpu  10 1 5 100 7 2 3 4 0 0\ncpu0 1 1 1 1\n").unwrap();
        assert_eq!((busy(all), all[STEAL]), (21, 4));
        assert_eq!(columns("cpu 1 2\n"), None);
        assert_eq!(difference([5; 8], [6; 8]), [0; 8]);
    }

    #[test]
    fn own_time_is_counted_and_a_process_that_is_gone_is_unknown() {
        assert!(process_ticks("self").is_some());
        assert_eq!(process_ticks("0"), None);
        let load = LoadMeter::start(Some(0), true).stop();
        assert_eq!((load.server_percent, load.other_percent), (None, None));
    }
}
