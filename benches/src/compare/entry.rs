//! Who is measured: every contestant with every work and load.

use super::postgres::Way;
use super::raw::Mode;
use super::work::{Load, Work};
use crate::error::BenchError;

/// A contestant, and how it is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contestant {
    /// Gavel, by the load generator's library.
    Gavel(Load),
    /// Gavel, by redis-benchmark.
    RedisBenchmark(Load),
    /// PostgreSQL: one bid in flight, or one batch, on each connection.
    Postgres {
        /// Connections.
        connections: u32,
        /// One bid or many in a statement.
        way: Way,
    },
    /// Redis.
    Redis(Load),
    /// Nobody: the disk alone, in commits of so many bids.
    Disk(Mode, u32),
}

/// A contestant at a work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How bids are spread.
    pub work: Work,
    /// Who takes them.
    pub contestant: Contestant,
}

/// Gavel's loads: one, eight and 64 connections, each with one bid in flight, 64, and as many as pay; and where most was measured.
const GAVEL: [(u32, u32); 10] =
    [(1, 1), (1, 64), (1, 4_096), (8, 1), (8, 64), (8, 1_024), (16, 1_024), (64, 1), (64, 64), (64, 256)];
const REDIS: [(u32, u32); 3] = [(50, 1), (50, 64), (64, 1)];
const POSTGRES: [u32; 3] = [1, 8, 64];
const POSTGRES_BATCHES: [u32; 2] = [1, 8];
/// Bids of one commit to the bare disk.
const DISK: [u32; 3] = [1, 64, 4_096];

const fn load((connections, in_flight): (u32, u32)) -> Load {
    Load { connections, in_flight }
}

impl Contestant {
    /// Its program, for tables and colours.
    #[must_use]
    pub fn family(&self) -> &'static str {
        match self {
            Self::Gavel(_) => "gavel",
            Self::RedisBenchmark(_) => "redis-benchmark",
            Self::Postgres { way: Way::One, .. } => "postgres",
            Self::Postgres { way: Way::Batch, .. } => "postgres-batch",
            Self::Redis(_) => "redis",
            Self::Disk(..) => "disk",
        }
    }

    /// Its connections and what is in flight on each.
    #[must_use]
    pub fn load(&self) -> Load {
        match *self {
            Self::Gavel(load) | Self::RedisBenchmark(load) | Self::Redis(load) => load,
            Self::Postgres { connections, way: Way::One } => Load { connections, in_flight: 1 },
            Self::Postgres { connections, way: Way::Batch } => {
                Load { connections, in_flight: super::work::BATCH as u32 }
            }
            Self::Disk(_, bids) => Load { connections: 1, in_flight: bids },
        }
    }

    /// Its name: `gavel-8x64`, `disk-append-64`.
    #[must_use]
    pub fn name(&self) -> String {
        let Load { connections, in_flight } = self.load();
        match self {
            Self::Disk(mode, bids) => format!("disk-{}-{bids}", mode.name()),
            _ => format!("{}-{connections}x{in_flight}", self.family()),
        }
    }
}

impl Entry {
    /// Its name: `zipf/gavel-8x64`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.work.name(), self.contestant.name())
    }

    /// All entries, in the order of measuring. Those of one work follow each other, so that what is compared lies close in time.
    #[must_use]
    pub fn all() -> Vec<Self> {
        Work::ALL.into_iter().flat_map(Self::of).collect()
    }

    fn of(work: Work) -> Vec<Self> {
        let mut contestants = Vec::new();
        match work {
            Work::Disk => {
                let commits = |mode| DISK.map(|bids| Contestant::Disk(mode, bids));
                contestants.extend(Mode::ALL.into_iter().flat_map(commits));
            }
            Work::Uniform | Work::Zipf | Work::Hot => {
                contestants.extend(GAVEL.map(|of| Contestant::Gavel(load(of))));
                contestants.extend(redis_benchmarks(work));
                contestants.extend(REDIS.map(|of| Contestant::Redis(load(of))));
                contestants
                    .extend(POSTGRES.map(|connections| Contestant::Postgres { connections, way: Way::One }));
                let batch = |connections| Contestant::Postgres { connections, way: Way::Batch };
                contestants.extend(POSTGRES_BATCHES.map(batch));
            }
        }
        contestants.into_iter().map(|contestant| Self { work, contestant }).collect()
    }

    /// Those whose names contain one of these; all where none is given.
    ///
    /// # Errors
    /// One is in no name.
    pub fn named(names: &[String]) -> Result<Vec<Self>, BenchError> {
        let mut all = Self::all();
        let known = || Self::all().iter().map(Self::name).collect::<Vec<_>>().join(", ");
        for name in names {
            if !all.iter().any(|entry| entry.name().contains(name.as_str())) {
                return Err(BenchError::UnknownRow { name: name.clone(), known: known() });
            }
        }
        all.retain(|entry| names.is_empty() || names.iter().any(|name| entry.name().contains(name.as_str())));
        Ok(all)
    }
}

/// An auction for each connection, or one for one: more connections on one auction would be refused, and end it.
fn redis_benchmarks(work: Work) -> Vec<Contestant> {
    let loads: &[(u32, u32)] = match work {
        Work::Uniform => &[(50, 1), (50, 64)],
        Work::Hot => &[(1, 1), (1, 64)],
        Work::Zipf | Work::Disk => &[],
    };
    loads.iter().map(|of| Contestant::RedisBenchmark(load(*of))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_all_different_and_choose_by_any_part() {
        let all = Entry::all();
        let names: BTreeSet<_> = all.iter().map(Entry::name).collect();
        assert_eq!(names.len(), all.len());
        let named =
            |names: &[&str]| Entry::named(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(named(&[]).unwrap().len(), all.len());
        let hot: Vec<_> = named(&["hot/redis-50", "disk-dsync-1"]).unwrap().iter().map(Entry::name).collect();
        assert_eq!(hot, ["hot/redis-50x1", "hot/redis-50x64", "disk/disk-dsync-1"]);
        let unknown = named(&["oracle"]).unwrap_err().to_string();
        assert!(unknown.contains("`oracle`") && unknown.contains("zipf/postgres-64x1"), "{unknown}");
    }

    #[test]
    fn every_work_has_every_peer_and_one_bid_in_flight_of_each() {
        for work in [Work::Uniform, Work::Zipf, Work::Hot] {
            let of = Entry::of(work);
            for family in ["gavel", "redis", "postgres"] {
                let alone = |entry: &&Entry| {
                    entry.contestant.family() == family && entry.contestant.load().in_flight == 1
                };
                assert!(of.iter().any(|entry| alone(&entry)), "{} {family}", work.name());
            }
        }
    }
}
