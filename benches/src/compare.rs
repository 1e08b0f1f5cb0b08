//! Gavel beside others, at the same work on the same machine in one go: `cargo bench -p gavel-benches --bench compare`.
//!
//! The work is to accept bids durably: each is decided by the same rules, and acknowledged once it is on the disk. A test
//! (`benches/tests/equivalence.rs`) feeds the same bids to all contestants and demands the same answers. After each load, what is stored
//! is held against what was acknowledged, and an oracle computes some auctions anew.
//!
//! Every contestant is measured once in each round, and rounds are repeated: what drifts on the machine drifts for all alike. Only one
//! server works at a time, and nothing of the one before is left to be written. Where something could not be made the same, the others have
//! it easier than Gavel: they are spoken to over Unix sockets, keep no index of bids and remember no ids for retries.

pub mod check;
mod entry;
mod gavel;
pub mod lane;
pub mod peer;
pub mod postgres;
pub mod raw;
pub mod redis;
mod redis_benchmark;
mod render;
mod results;
mod settings;
pub mod work;

pub use entry::{Contestant, Entry};
pub use results::{Line, Results};
pub use settings::{Setting, settings};

use crate::error::BenchError;
use lane::{Lane, Tally, Until};
use postgres::Cluster;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use work::{Load, Work};

/// What a load may take beyond its time before it is given up: setting up, the last answers and the check.
const SLACK: Duration = Duration::from_secs(120);

/// What to measure, and how long.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Rounds; the median of them is what counts.
    pub rounds: u32,
    /// How long each load lasts.
    pub time: Duration,
    /// What is measured, in the order in which it is.
    pub entries: Vec<Entry>,
    /// Gavel's binary.
    pub server: PathBuf,
    /// Where data directories are made; its disk is what is measured.
    pub dir: PathBuf,
    /// Set it to end early; no server is left running.
    pub stop: Arc<AtomicBool>,
}

/// What one load measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Bids accepted.
    pub accepted: u64,
    /// Bids refused.
    pub refused: u64,
    /// Bids accepted per second, to the last answer.
    pub rate: f64,
    /// From sending to answer, in microseconds; where it is known.
    pub p50_us: Option<f64>,
    /// See `p50_us`.
    pub p99_us: Option<f64>,
}

impl Sample {
    /// Of what was counted over so long.
    pub(crate) fn of(tally: &Tally, took: Duration) -> Self {
        let quantiles = tally.latencies.quantiles();
        Self {
            accepted: tally.accepted,
            refused: tally.refused,
            rate: tally.accepted as f64 / took.as_secs_f64(),
            p50_us: Some(quantiles.p50),
            p99_us: Some(quantiles.p99),
        }
    }
}

impl Plan {
    /// Measures all rounds. `tell` hears what is being measured.
    ///
    /// # Errors
    /// A contestant is not there, fails, or has not stored what it acknowledged; or the plan was stopped.
    pub fn run(&self, tell: impl Fn(&str)) -> Result<Results, BenchError> {
        let mut results = Results::new(&self.entries);
        // Started by the first load that needs it.
        let mut cluster = None;
        for round in 1..=self.rounds {
            for (place, entry) in self.entries.iter().enumerate() {
                let name = entry.name();
                tell(&format!(
                    "round {round} of {}, {} of {}: {name}",
                    self.rounds,
                    place + 1,
                    self.entries.len()
                ));
                let sample = self.measure(entry, &mut cluster);
                if self.stop.load(Ordering::Relaxed) {
                    return Err(BenchError::Stopped);
                }
                results.take(
                    place,
                    sample.map_err(|source| BenchError::Entry { name, source: Box::new(source) })?,
                );
            }
        }
        Ok(results)
    }

    fn measure(&self, entry: &Entry, cluster: &mut Option<Cluster>) -> Result<Sample, BenchError> {
        match entry.contestant {
            Contestant::Gavel(load) => gavel::load(self, entry.work, load),
            Contestant::RedisBenchmark(load) => redis_benchmark::load(self, load),
            Contestant::Disk(mode, bids) => raw::load(self, mode, bids),
            Contestant::Redis(load) => self.redis(entry.work, load),
            Contestant::Postgres { connections, way } => {
                let cluster = match cluster {
                    Some(cluster) => cluster,
                    none => none.insert(Cluster::start(&self.dir)?),
                };
                self.postgres(cluster, entry.work, connections, way)
            }
        }
    }

    fn redis(&self, work: Work, load: Load) -> Result<Sample, BenchError> {
        let server = redis::Server::start(&self.dir)?;
        let lanes = Lane::all(work, load.connections)?;
        self.within(async {
            redis::prepare(&server, work.auctions()).await?;
            redis::load(&server, work, lanes, load.in_flight, || self.until()).await
        })
    }

    fn postgres(
        &self,
        cluster: &Cluster,
        work: Work,
        connections: u32,
        way: postgres::Way,
    ) -> Result<Sample, BenchError> {
        let lanes = Lane::all(work, connections)?;
        self.within(async {
            postgres::prepare(&cluster.connect().await?, work.auctions()).await?;
            postgres::load(cluster, work, lanes, way, || self.until()).await
        })
    }

    fn until(&self) -> Until {
        Until::after(self.time, &self.stop)
    }

    /// Runs a load to its end, unless that does not come.
    fn within(
        &self,
        load: impl Future<Output = Result<(Tally, Duration), BenchError>>,
    ) -> Result<Sample, BenchError> {
        let most = self.time + SLACK;
        let (tally, took) = postgres::runtime()?.block_on(async {
            tokio::time::timeout(most, load).await.map_err(|_| BenchError::Stuck(most.as_secs()))?
        })?;
        Ok(Sample::of(&tally, took))
    }
}
