//! What figures depend on beside the machine: versions and settings of all that is measured.

use super::postgres::{self, POSTGRES};
use super::redis::{self, REDIS};
use super::redis_benchmark::{COMPILER, REDIS_BENCHMARK};
use super::{Entry, Plan};
use crate::error::{BenchError, io};
use serde::Serialize;
use std::path::Path;
use std::process::Command;

/// The bids, in words.
const WORK: &str = "100,000 bidders, secret maxima, opening price 1000, steps of 100, bids 0 to 4 steps above the least \
                    acceptable";

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Of what.
    pub name: &'static str,
    /// Version and settings.
    pub value: String,
}

/// The versions and settings of all that is to be measured; so it is also the proof, before the first load, that all of it is there.
///
/// # Errors
/// A program is not there.
pub fn settings(plan: &Plan) -> Result<Vec<Setting>, BenchError> {
    let wants = |families: &[&str]| {
        let family = |entry: &Entry| families.contains(&entry.contestant.family());
        plan.entries.iter().any(family)
    };
    let mut all = vec![Setting { name: "Gavel", value: gavel(&plan.server)? }];
    if wants(&["postgres", "postgres-batch"]) {
        let value = format!("{}, Unix socket, {}", POSTGRES.version()?, postgres::SETTINGS.join(" "));
        all.push(Setting { name: "PostgreSQL", value });
    }
    if wants(&["redis"]) {
        let value = format!("{}, Unix socket, {}", REDIS.version()?, redis_flags());
        all.push(Setting { name: "Redis", value });
    }
    if wants(&["redis-benchmark"]) {
        COMPILER.find()?;
        all.push(Setting { name: "redis-benchmark", value: REDIS_BENCHMARK.version()? });
    }
    all.push(Setting { name: "work", value: WORK.to_owned() });
    let rounds = format!("{} of {} s each, interleaved", plan.rounds, plan.time.as_secs_f64());
    all.push(Setting { name: "rounds", value: rounds });
    Ok(all)
}

fn gavel(server: &Path) -> Result<String, BenchError> {
    let output = Command::new(server).arg("--version").output().map_err(io(server.display().to_string()))?;
    Ok(format!("{}, over TCP, default settings", String::from_utf8_lossy(&output.stdout).trim()))
}

/// As a shell would take them.
fn redis_flags() -> String {
    let flag = |(name, value): (&str, &str)| {
        if value.is_empty() { format!("{name} \"\"") } else { format!("{name} {value}") }
    };
    redis::SETTINGS.map(flag).join(" ")
}
