//! The settings that one place gives: the flags, the environment or the file. What it does not give is `None`.

use super::documents::{Documents, MongoUrl};
use super::postgres::Databases;
use super::values::{Address, AddressOrOff, LogFormat, LogLevel, Outage};
use super::{bounds, integer};
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

/// Settings as one place gives them. The field's comment is the flag's help; the file's key is the field's name; the
/// environment's variable is the field's name in capitals after `GAVEL_`.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    /// Directory of all data; made where it is missing. One process at a time [default: ./gavel-data]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Where clients connect by RESP; port 0 lets the system choose [default: 127.0.0.1:7400]
    #[arg(long, value_name = "IP:PORT")]
    pub(super) resp: Option<Address>,
    /// Where clients connect by HTTP; port 0 lets the system choose; off: no HTTP [default: 127.0.0.1:7480]
    #[arg(long, value_name = "IP:PORT")]
    pub(super) http: Option<AddressOrOff>,
    /// Shards of a new data directory, 1 to 256; one that exists keeps its own [default: the cores, at least 2]
    #[arg(long, value_name = "N", value_parser = |text: &str| bounds::SHARDS.read::<usize>(text))]
    #[serde(default, deserialize_with = "integer::read")]
    pub(super) shards: Option<usize>,
    /// Threads that the shards share, 1 to 64 [default: the cores]
    #[arg(long, value_name = "N", value_parser = |text: &str| bounds::THREADS.read::<usize>(text))]
    #[serde(default, deserialize_with = "integer::read")]
    pub(super) threads: Option<usize>,
    /// Commands under way in the whole process, 1 to 262144; beyond them BUSY is answered [default: 65536]
    #[arg(long, value_name = "COMMANDS", value_parser = |text: &str| bounds::CREDIT.read::<usize>(text))]
    #[serde(default, deserialize_with = "integer::read")]
    pub(super) credit: Option<usize>,
    /// Commands under way on one connection, 1 to 65536 and at most --credit [default: 8192, at most --credit]
    #[arg(long, value_name = "COMMANDS", value_parser = |text: &str| bounds::CONNECTION_CREDIT.read::<usize>(text))]
    #[serde(default, deserialize_with = "integer::read")]
    pub(super) connection_credit: Option<usize>,
    /// How long after its end an auction is decided, for bids still queued: 0 to 1000 ms [default: 5]
    #[arg(long, value_name = "MS", value_parser = |text: &str| bounds::PULSE_GRACE_MS.read::<u64>(text))]
    #[serde(default, deserialize_with = "integer::read")]
    pub(super) pulse_grace_ms: Option<u64>,
    /// For auctions that an outage cost time: give-back, fixed:SECONDS from the start, or off [default: give-back]
    #[arg(long, value_name = "POLICY")]
    pub(super) outage: Option<Outage>,
    /// Auctions ending up to this long after an outage get time, too: 0 to 86400 s [default: 300]
    #[arg(long, value_name = "S", value_parser = |text: &str| bounds::OUTAGE_WINDOW_S.read::<u64>(text))]
    #[serde(default, deserialize_with = "integer::read")]
    pub(super) outage_window_s: Option<u64>,
    /// Size of the journal of refused commands, for `gavel log explain`: 0 to 65536 MiB, 0 keeps none [default: 64]
    #[arg(long, value_name = "MIB", value_parser = |text: &str| bounds::ATTEMPTS_MAX_MB.read::<u64>(text))]
    #[serde(default, deserialize_with = "integer::read")]
    pub(super) attempts_max_mb: Option<u64>,
    /// A shard with new records gets a snapshot after this time: 1 to 86400 s [default: 300]
    #[arg(long, value_name = "S", value_parser = |text: &str| bounds::SNAPSHOT_EVERY_S.read::<u64>(text))]
    #[serde(default, deserialize_with = "integer::read")]
    pub(super) snapshot_every_s: Option<u64>,
    /// Or after so many new records of the shard: 1000 to 1000000000 records [default: 1000000]
    #[arg(long, value_name = "RECORDS", value_parser = |text: &str| bounds::SNAPSHOT_EVERY_RECORDS.read::<u64>(text))]
    #[serde(default, deserialize_with = "integer::read")]
    pub(super) snapshot_every_records: Option<u64>,
    /// Final auctions leave memory after this time: 1 to 2678400 s [default: 14400]
    #[arg(long, value_name = "S", value_parser = |text: &str| bounds::RETIRE_AFTER_S.read::<u64>(text))]
    #[serde(default, deserialize_with = "integer::read")]
    pub(super) retire_after_s: Option<u64>,
    /// What the log's file may take: 64 to 1048576 MiB (1 TiB); older frames go to the archive [default: 1024]
    #[arg(long, value_name = "MIB", value_parser = |text: &str| bounds::LOG_MAX_MB.read::<u64>(text))]
    #[serde(default, deserialize_with = "integer::read")]
    pub(super) log_max_mb: Option<u64>,
    /// How long archive files are kept at most unless they are still needed: 1 to 36500 days [default: 30]
    #[arg(long, value_name = "DAYS", value_parser = |text: &str| bounds::ARCHIVE_KEEP_DAYS.read::<u64>(text))]
    #[serde(default, deserialize_with = "integer::read")]
    pub(super) archive_keep_days: Option<u64>,
    /// What the archive may take: 1 to 1073741824 MiB (1 PiB), or 0 for no bound; its oldest files go first [default: 0]
    #[arg(long, value_name = "MIB", value_parser = |text: &str| bounds::ARCHIVE_MAX_MB.read::<u64>(text))]
    #[serde(default, deserialize_with = "integer::read")]
    pub(super) archive_max_mb: Option<u64>,
    /// PostgreSQL that everything is flushed to, as a connection string; empty: none. Several: see gavel.toml [default: none]
    #[arg(long, value_name = "URL")]
    pub(super) postgres: Option<Databases>,
    /// Batches that are written to each database at once, on a connection each: 1 to 64 [default: 4]
    #[arg(long, value_name = "N", value_parser = |text: &str| bounds::POSTGRES_CONNECTIONS.read::<usize>(text))]
    #[serde(default, deserialize_with = "integer::read")]
    pub(super) postgres_connections: Option<usize>,
    /// The least time between two batches of a shard that is not behind: 1 to 60000 ms [default: 100]
    #[arg(long, value_name = "MS", value_parser = |text: &str| bounds::POSTGRES_EVERY_MS.read::<u64>(text))]
    #[serde(default, deserialize_with = "integer::read")]
    pub(super) postgres_every_ms: Option<u64>,
    /// Certificates, in PEM, that PostgreSQL's is checked by [default: the system's]
    #[arg(long, value_name = "FILE")]
    pub(super) postgres_ca: Option<PathBuf>,
    /// How long bids are kept in PostgreSQL after their day's last auction is final: 0 to 36500 days, 0 is for ever [default: 30]
    #[arg(long, value_name = "DAYS", value_parser = |text: &str| bounds::POSTGRES_KEEP_DAYS.read::<u64>(text))]
    #[serde(default, deserialize_with = "integer::read")]
    pub(super) postgres_keep_days: Option<u64>,
    /// Directory that days are copied to, as compressed CSV, before they are dropped from PostgreSQL [default: none]
    #[arg(long, value_name = "DIR")]
    pub(super) postgres_export: Option<PathBuf>,
    /// MongoDB that documents are written to, as a connection string; database `gavel` unless it names one; empty: none [default: none]
    #[arg(long, value_name = "URL")]
    pub(super) mongodb: Option<MongoUrl>,
    /// Where documents go without MongoDB: embedded (a file of the data directory) or off [default: off]
    #[arg(long, value_name = "WHERE")]
    pub(super) documents: Option<Documents>,
    /// The least time between two batches of documents of a shard that is not behind: 1 to 60000 ms [default: 10]
    #[arg(long, value_name = "MS", value_parser = |text: &str| bounds::DOCUMENTS_EVERY_MS.read::<u64>(text))]
    #[serde(default, deserialize_with = "integer::read")]
    pub(super) documents_every_ms: Option<u64>,
    /// Which messages to log: error, warn, info, debug or trace [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub(super) log_level: Option<LogLevel>,
    /// How to write them to stderr: text or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub(super) log_format: Option<LogFormat>,
}

/// A variable of the environment that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}={text}: {problem}")]
pub(crate) struct VariableError {
    name: &'static str,
    text: String,
    problem: String,
}

impl Given {
    /// What `gavel postgres` and `gavel flush` take.
    pub(crate) fn databases(
        postgres: Option<Databases>,
        postgres_connections: Option<usize>,
        postgres_every_ms: Option<u64>,
        postgres_ca: Option<PathBuf>,
        data: Option<PathBuf>,
    ) -> Self {
        Self { postgres, postgres_connections, postgres_every_ms, postgres_ca, data, ..Self::default() }
    }

    /// What `gavel project` takes.
    pub(crate) fn documents(
        mongodb: Option<MongoUrl>,
        documents_every_ms: Option<u64>,
        data: Option<PathBuf>,
        http: Option<AddressOrOff>,
    ) -> Self {
        Self { mongodb, documents_every_ms, data, http, ..Self::default() }
    }

    /// The data directory and nothing else: what the tools take that only read it.
    pub(crate) fn data(data: Option<PathBuf>) -> Self {
        Self { data, ..Self::default() }
    }

    /// What the environment gives; `get` looks a variable up. An empty variable gives nothing.
    pub(super) fn from_environment(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, VariableError> {
        Ok(Self {
            data: read("GAVEL_DATA", &get, parse)?,
            resp: read("GAVEL_RESP", &get, parse)?,
            http: read("GAVEL_HTTP", &get, parse)?,
            shards: read("GAVEL_SHARDS", &get, |text| bounds::SHARDS.read(text))?,
            threads: read("GAVEL_THREADS", &get, |text| bounds::THREADS.read(text))?,
            credit: read("GAVEL_CREDIT", &get, |text| bounds::CREDIT.read(text))?,
            connection_credit: read("GAVEL_CONNECTION_CREDIT", &get, |text| {
                bounds::CONNECTION_CREDIT.read(text)
            })?,
            pulse_grace_ms: read("GAVEL_PULSE_GRACE_MS", &get, |text| bounds::PULSE_GRACE_MS.read(text))?,
            outage: read("GAVEL_OUTAGE", &get, parse)?,
            outage_window_s: read("GAVEL_OUTAGE_WINDOW_S", &get, |text| bounds::OUTAGE_WINDOW_S.read(text))?,
            attempts_max_mb: read("GAVEL_ATTEMPTS_MAX_MB", &get, |text| bounds::ATTEMPTS_MAX_MB.read(text))?,
            snapshot_every_s: read("GAVEL_SNAPSHOT_EVERY_S", &get, |text| {
                bounds::SNAPSHOT_EVERY_S.read(text)
            })?,
            snapshot_every_records: read("GAVEL_SNAPSHOT_EVERY_RECORDS", &get, |text| {
                bounds::SNAPSHOT_EVERY_RECORDS.read(text)
            })?,
            retire_after_s: read("GAVEL_RETIRE_AFTER_S", &get, |text| bounds::RETIRE_AFTER_S.read(text))?,
            log_max_mb: read("GAVEL_LOG_MAX_MB", &get, |text| bounds::LOG_MAX_MB.read(text))?,
            archive_keep_days: read("GAVEL_ARCHIVE_KEEP_DAYS", &get, |text| {
                bounds::ARCHIVE_KEEP_DAYS.read(text)
            })?,
            archive_max_mb: read("GAVEL_ARCHIVE_MAX_MB", &get, |text| bounds::ARCHIVE_MAX_MB.read(text))?,
            postgres: read("GAVEL_POSTGRES", &get, parse)?,
            postgres_connections: read("GAVEL_POSTGRES_CONNECTIONS", &get, |text| {
                bounds::POSTGRES_CONNECTIONS.read(text)
            })?,
            postgres_every_ms: read("GAVEL_POSTGRES_EVERY_MS", &get, |text| {
                bounds::POSTGRES_EVERY_MS.read(text)
            })?,
            postgres_ca: read("GAVEL_POSTGRES_CA", &get, parse)?,
            postgres_keep_days: read("GAVEL_POSTGRES_KEEP_DAYS", &get, |text| {
                bounds::POSTGRES_KEEP_DAYS.read(text)
            })?,
            postgres_export: read("GAVEL_POSTGRES_EXPORT", &get, parse)?,
            mongodb: read("GAVEL_MONGODB", &get, parse)?,
            documents: read("GAVEL_DOCUMENTS", &get, parse)?,
            documents_every_ms: read("GAVEL_DOCUMENTS_EVERY_MS", &get, |text| {
                bounds::DOCUMENTS_EVERY_MS.read(text)
            })?,
            log_level: read("GAVEL_LOG_LEVEL", &get, parse)?,
            log_format: read("GAVEL_LOG_FORMAT", &get, parse)?,
        })
    }
}

fn parse<T: FromStr<Err: ToString>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|problem: T::Err| problem.to_string())
}

fn read<T>(
    name: &'static str,
    get: impl Fn(&str) -> Option<OsString>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, VariableError> {
    let Some(text) = get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let problem = |text, problem| VariableError { name, text, problem };
    let text =
        text.into_string().map_err(|text| problem(text.display().to_string(), "is not UTF-8".to_owned()))?;
    parse(&text).map(Some).map_err(|cause| problem(text, cause))
}
