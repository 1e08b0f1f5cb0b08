//! The engine's settings, with meaning, unit, default and bounds of each.

use crate::attempts::AttemptsOptions;
use crate::clock::Clock;
use crate::limits::{
    ARCHIVE_KEEP_DAYS_DEFAULT, ARCHIVE_KEEP_DAYS_MAX, ARCHIVE_MAX_MB_MAX, CONNECTION_CREDIT_DEFAULT,
    CONNECTION_CREDIT_MAX, CREDIT_DEFAULT, CREDIT_MAX, LOG_MAX_MB_DEFAULT, LOG_MAX_MB_MAX, LOG_MAX_MB_MIN,
    PULSE_GRACE_MS_DEFAULT, PULSE_GRACE_MS_MAX, RETIRE_AFTER_S_DEFAULT, RETIRE_AFTER_S_MAX,
    SNAPSHOT_EVERY_RECORDS_DEFAULT, SNAPSHOT_EVERY_RECORDS_MAX, SNAPSHOT_EVERY_RECORDS_MIN,
    SNAPSHOT_EVERY_S_DEFAULT, SNAPSHOT_EVERY_S_MAX, THREADS_MAX,
};
use gavel_core::Duration;
use gavel_core::limits::SHARDS_MAX;
use std::path::PathBuf;

/// The engine's settings.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Shards of a new data directory, 1 ..= 256. One that exists keeps its own. Default: the cores, at least 2.
    pub shards: usize,
    /// Threads that the shards share, 1 ..= 64. Default: the cores. Log thread and sessions need some of them too, but
    /// a shard that waits for one of two threads holds up more than it spares (`docs/performance.md`).
    pub threads: usize,
    /// Commands that may be under way in the process, 1 ..= 262,144.
    pub credit: usize,
    /// Commands of one connection that may be under way, 1 ..= 65,536 and at most `credit`.
    pub connection_credit: usize,
    /// How long after an auction's time it is decided, so that bids stamped before it can still arrive. At most 1 s.
    pub pulse_grace: Duration,
    /// What is done for auctions that an outage has cost time.
    pub outage: OutagePolicy,
    /// Auctions that would have ended up to this long after the outage are given time, too. Default: 300 s.
    pub outage_window: Duration,
    /// The file that the feed's named consumers are kept in. Default: none; they are known until the engine stops.
    pub consumers: Option<PathBuf>,
    /// Where refused commands are written down; `None`: nowhere.
    pub attempts: Option<AttemptsOptions>,
    /// How long after its last event a final auction leaves memory, 1 s ..= 31 days. Default: 4 hours.
    pub retire_after: Duration,
    /// Snapshots and archive; `None`: the log is kept whole and read from its start, as for logs in memory.
    pub history: Option<HistoryOptions>,
    /// The engine's clock.
    pub clock: Clock,
}

/// How history is kept: when snapshots are taken, what stays in the log, and how long the archive is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryOptions {
    /// The data directory.
    pub dir: PathBuf,
    /// A shard with new records gets a snapshot after this time, 1 s ..= 1 day. Default: 5 minutes.
    pub snapshot_every: Duration,
    /// Or after so many records, 1,000 ..= 1,000,000,000. Default: 1,000,000.
    pub snapshot_every_records: u64,
    /// What the log's file may take, in bytes: from 64 MiB. Default: 1 GiB.
    pub log_bytes_max: u64,
    /// How long archive files are kept, 1 ..= 36,500 days. Default: 30 days.
    pub archive_keep: Duration,
    /// What all archive files may take, in bytes, from 1 MiB; `None`: no bound.
    pub archive_bytes_max: Option<u64>,
}

impl HistoryOptions {
    /// The defaults, in this data directory.
    #[must_use]
    pub fn in_dir(dir: PathBuf) -> Self {
        Self {
            dir,
            snapshot_every: Duration::from_secs(SNAPSHOT_EVERY_S_DEFAULT),
            snapshot_every_records: SNAPSHOT_EVERY_RECORDS_DEFAULT,
            log_bytes_max: LOG_MAX_MB_DEFAULT << 20,
            archive_keep: Duration::from_secs(ARCHIVE_KEEP_DAYS_DEFAULT * 86_400),
            archive_bytes_max: None,
        }
    }

    fn check(&self) -> Result<(), OptionsError> {
        let Self {
            dir: _,
            snapshot_every,
            snapshot_every_records,
            log_bytes_max,
            archive_keep,
            archive_bytes_max,
        } = self;
        let secs = |duration: &Duration| duration.micros() / 1_000_000;
        let records = *snapshot_every_records;
        check("snapshot interval in s", secs(snapshot_every), 1, SNAPSHOT_EVERY_S_MAX)?;
        check("records between snapshots", records, SNAPSHOT_EVERY_RECORDS_MIN, SNAPSHOT_EVERY_RECORDS_MAX)?;
        check("size of the log in MiB", log_bytes_max >> 20, LOG_MAX_MB_MIN, LOG_MAX_MB_MAX)?;
        check("days to keep the archive", secs(archive_keep) / 86_400, 1, ARCHIVE_KEEP_DAYS_MAX)?;
        let archive_mb = archive_bytes_max.map_or(1, |bytes| bytes >> 20);
        check("size of the archive in MiB", archive_mb, 1, ARCHIVE_MAX_MB_MAX)
    }
}

/// What is done for auctions that would have ended during an outage or shortly after it. Decided before any pulse, logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutagePolicy {
    /// Each gets as much time as the outage took.
    GiveBack,
    /// Each ends this long after the start, at the earliest.
    Fixed(Duration),
    /// Nothing.
    Off,
}

impl Default for EngineOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            shards: cores.clamp(2, SHARDS_MAX),
            threads: cores.clamp(1, THREADS_MAX),
            credit: CREDIT_DEFAULT,
            connection_credit: CONNECTION_CREDIT_DEFAULT,
            pulse_grace: Duration::from_micros(PULSE_GRACE_MS_DEFAULT * 1_000),
            outage: OutagePolicy::GiveBack,
            outage_window: Duration::from_secs(300),
            consumers: None,
            attempts: None,
            retire_after: Duration::from_secs(RETIRE_AFTER_S_DEFAULT),
            history: None,
            clock: Clock::system(),
        }
    }
}

/// A setting out of its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be {min} ..= {max}, not {value}")]
pub struct OptionsError {
    /// The setting.
    pub name: &'static str,
    /// What it was.
    pub value: u64,
    /// The least allowed.
    pub min: u64,
    /// The most allowed.
    pub max: u64,
}

impl EngineOptions {
    /// # Errors
    /// The first setting out of its bounds.
    pub fn check(&self) -> Result<(), OptionsError> {
        let within = |name, value: usize, max: usize| check(name, value as u64, 1, max as u64);
        within("shards", self.shards, SHARDS_MAX)?;
        within("threads", self.threads, THREADS_MAX)?;
        within("credit", self.credit, CREDIT_MAX)?;
        within("connection credit", self.connection_credit, CONNECTION_CREDIT_MAX.min(self.credit))?;
        check("pulse grace in ms", self.pulse_grace.micros() / 1_000, 0, PULSE_GRACE_MS_MAX)?;
        let retire_after_s = self.retire_after.micros() / 1_000_000;
        check("time until final auctions leave memory in s", retire_after_s, 1, RETIRE_AFTER_S_MAX)?;
        self.history.as_ref().map_or(Ok(()), HistoryOptions::check)
    }
}

fn check(name: &'static str, value: u64, min: u64, max: u64) -> Result<(), OptionsError> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(OptionsError { name, value, min, max }) }
}
