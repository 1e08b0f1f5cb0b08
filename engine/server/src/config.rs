//! The settings: flags over `GAVEL_…` environment over `gavel.toml` over defaults.
//!
//! Every setting has one name: `pulse_grace_ms` in the file is `--pulse-grace-ms` and `GAVEL_PULSE_GRACE_MS`. Each value is
//! read where it comes from; then all are checked together, so that one try says everything that is wrong.

mod bounds;
mod documents;
mod error;
mod example;
mod given;
mod integer;
mod postgres;
mod values;
mod variables;

pub(crate) use documents::{Documents, MongoUrl};
pub(crate) use error::ConfigError;
pub(crate) use given::Given;
pub(crate) use postgres::Databases;
pub(crate) use values::{Address, AddressOrOff, LogFormat, LogLevel, Outage};
pub(crate) use variables::UnknownVariables;

use bounds::Bounds;
use error::BoundsError;
use gavel_core::Duration;
use gavel_engine::{AttemptsOptions, EngineOptions, HistoryOptions};
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The file that is read where no other is named, if it is there.
pub(crate) const FILE_DEFAULT: &str = "gavel.toml";

/// The file in the data directory that keeps the feed's named consumers.
pub(crate) const CONSUMERS_FILE: &str = "consumers.json";
/// The size of the journal of refused commands, unless set, in MiB.
const ATTEMPTS_MAX_MB_DEFAULT: u64 = 64;
/// Batches that are written to each database at once, unless set.
const POSTGRES_CONNECTIONS_DEFAULT: usize = 4;
/// The least time between two batches of a shard, unless set, in milliseconds.
const POSTGRES_EVERY_MS_DEFAULT: u64 = 100;
/// How long bids are kept in them, unless set, in days.
const POSTGRES_KEEP_DAYS_DEFAULT: u64 = 30;
/// The file in the data directory that remembers which database each shard is written to.
pub(crate) const POSTGRES_FILE: &str = "postgres.json";
/// The file in the data directory that is the embedded document store.
pub(crate) const DOCUMENTS_FILE: &str = "documents.redb";
/// The least time between two batches of documents of a shard, unless set, in milliseconds.
const DOCUMENTS_EVERY_MS_DEFAULT: u64 = 10;

/// What is in force. Valid: made by [`Settings::load`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Directory of all data. Default `./gavel-data`.
    pub(crate) data: PathBuf,
    /// Where RESP is listened for. Default 127.0.0.1:7400; port 0 lets the system choose.
    pub(crate) resp: Address,
    /// Where HTTP is listened for, or `off`. Default 127.0.0.1:7480; port 0 lets the system choose.
    pub(crate) http: AddressOrOff,
    /// Shards of a new data directory, 1 ..= 256; one that exists keeps its own. Default: the cores, at least 2.
    pub(crate) shards: usize,
    /// Threads that the shards share, 1 ..= 64. Default: the cores.
    pub(crate) threads: usize,
    /// Commands under way in the whole process, 1 ..= 262,144. Default 65,536.
    pub(crate) credit: usize,
    /// Commands under way on one connection, 1 ..= 65,536 and at most `credit`. Default 8,192, at most `credit`.
    pub(crate) connection_credit: usize,
    /// How long after its end an auction is decided, in milliseconds, 0 ..= 1,000. Default 5.
    pub(crate) pulse_grace_ms: u64,
    /// What auctions get that an outage has cost time. Default: as much as it took.
    pub(crate) outage: Outage,
    /// Auctions that end up to this long after an outage get time too, in seconds, 0 ..= 86,400. Default 300.
    pub(crate) outage_window_s: u64,
    /// What the journal of refused commands may take of the disk, in MiB, 0 ..= 65,536; 0 keeps none. Default 64.
    pub(crate) attempts_max_mb: u64,
    /// A shard with new records gets a snapshot after so many seconds, 1 ..= 86,400. Default 300.
    pub(crate) snapshot_every_s: u64,
    /// Or after so many records, 1,000 ..= 1,000,000,000. Default 1,000,000.
    pub(crate) snapshot_every_records: u64,
    /// Final auctions leave memory after so many seconds, 1 ..= 2,678,400. Default 14,400.
    pub(crate) retire_after_s: u64,
    /// What the log's file may take, in MiB, 64 ..= 1,048,576. Default 1,024.
    pub(crate) log_max_mb: u64,
    /// How long archive files are kept, in days, 1 ..= 36,500. Default 30.
    pub(crate) archive_keep_days: u64,
    /// What the archive may take, in MiB, 0 ..= 1,073,741,824; 0 is no bound. Default 0.
    pub(crate) archive_max_mb: u64,
    /// The databases that everything is flushed to. Default: none.
    pub(crate) postgres: Databases,
    /// Batches that are written to each of them at once, 1 ..= 64. Default 4.
    pub(crate) postgres_connections: usize,
    /// The least time between two batches of a shard that is not behind, in milliseconds, 1 ..= 60,000. Default 100.
    pub(crate) postgres_every_ms: u64,
    /// Certificates that the databases' are checked by. Default: the system's.
    pub(crate) postgres_ca: Option<PathBuf>,
    /// How long bids are kept there after their day's last auction is final, in days, 0 ..= 36,500; 0 is for ever. Default 30.
    pub(crate) postgres_keep_days: u64,
    /// Where days are copied to before they are dropped. Default: nowhere.
    pub(crate) postgres_export: Option<PathBuf>,
    /// The MongoDB that documents are written to. Default: none.
    pub(crate) mongodb: MongoUrl,
    /// Where documents go without it: `embedded` or `off`. Default `off`.
    pub(crate) documents: Documents,
    /// The least time between two batches of documents of a shard that is not behind, in milliseconds, 1 ..= 60,000. Default 10.
    pub(crate) documents_every_ms: u64,
    /// Which messages are logged. Default `info`.
    pub(crate) log_level: LogLevel,
    /// How they are written. Default `text`.
    pub(crate) log_format: LogFormat,
    /// Where each value came from, by name, in the order above.
    pub(crate) sources: Vec<(&'static str, Source)>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A flag.
    Flag,
    /// The environment.
    Environment,
    /// This file.
    File(PathBuf),
    /// Nobody has said anything.
    Default,
}

/// The places that give settings, strongest first, but for the file.
struct Places {
    flags: Given,
    environment: Given,
    file: Given,
    path: PathBuf,
    sources: Vec<(&'static str, Source)>,
}

impl Settings {
    /// Reads and checks all of them. `get` looks up a variable of the environment.
    ///
    /// # Errors
    /// Whatever is wrong, in words that name the setting, where its value came from, and what is allowed.
    pub(crate) fn load(
        flags: Given,
        file: Option<&Path>,
        get: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let named = file
            .map(Path::to_owned)
            .or_else(|| get("GAVEL_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from));
        let path = named.clone().unwrap_or_else(|| FILE_DEFAULT.into());
        let file = read_file(&path, named.is_some())?;
        let environment = Given::from_environment(get)?;
        let settings = Self::resolve(Places { flags, environment, file, path, sources: Vec::new() });
        settings.check()?;
        Ok(settings)
    }

    fn resolve(mut places: Places) -> Self {
        let defaults = EngineOptions::default();
        let data = places.pick("data", |given| given.data.take()).unwrap_or_else(|| "./gavel-data".into());
        let resp = places.pick("resp", |given| given.resp.take());
        let http = places.pick("http", |given| given.http.take());
        let shards = places.pick("shards", |given| given.shards.take());
        let threads = places.pick("threads", |given| given.threads.take());
        let credit = places.pick("credit", |given| given.credit.take()).unwrap_or(defaults.credit);
        let connection_credit = places.pick("connection_credit", |given| given.connection_credit.take());
        let pulse_grace_ms = places.pick("pulse_grace_ms", |given| given.pulse_grace_ms.take());
        let outage = places.pick("outage", |given| given.outage.take());
        let outage_window_s = places.pick("outage_window_s", |given| given.outage_window_s.take());
        let attempts_max_mb = places.pick("attempts_max_mb", |given| given.attempts_max_mb.take());
        let history = HistoryOptions::in_dir(data.clone());
        let snapshot_every_s = places.pick("snapshot_every_s", |given| given.snapshot_every_s.take());
        let snapshot_every_records =
            places.pick("snapshot_every_records", |given| given.snapshot_every_records.take());
        let retire_after_s = places.pick("retire_after_s", |given| given.retire_after_s.take());
        let log_max_mb = places.pick("log_max_mb", |given| given.log_max_mb.take());
        let archive_keep_days = places.pick("archive_keep_days", |given| given.archive_keep_days.take());
        let archive_max_mb = places.pick("archive_max_mb", |given| given.archive_max_mb.take());
        let postgres = places.pick("postgres", |given| given.postgres.take());
        let postgres_connections =
            places.pick("postgres_connections", |given| given.postgres_connections.take());
        let postgres_every_ms = places.pick("postgres_every_ms", |given| given.postgres_every_ms.take());
        let postgres_ca = places.pick("postgres_ca", |given| given.postgres_ca.take());
        let postgres_keep_days = places.pick("postgres_keep_days", |given| given.postgres_keep_days.take());
        let postgres_export = places.pick("postgres_export", |given| given.postgres_export.take());
        let mongodb = places.pick("mongodb", |given| given.mongodb.take());
        let documents = places.pick("documents", |given| given.documents.take());
        let documents_every_ms = places.pick("documents_every_ms", |given| given.documents_every_ms.take());
        let log_level = places.pick("log_level", |given| given.log_level.take());
        let log_format = places.pick("log_format", |given| given.log_format.take());
        Self {
            data,
            resp: resp.unwrap_or(Address(([127, 0, 0, 1], 7400).into())),
            http: http.unwrap_or(AddressOrOff(Some(([127, 0, 0, 1], 7480).into()))),
            shards: shards.unwrap_or(defaults.shards),
            threads: threads.unwrap_or(defaults.threads),
            credit,
            connection_credit: connection_credit.unwrap_or(defaults.connection_credit.min(credit).max(1)),
            pulse_grace_ms: pulse_grace_ms.unwrap_or(defaults.pulse_grace.micros() / 1_000),
            outage: outage.unwrap_or(Outage(defaults.outage)),
            outage_window_s: outage_window_s.unwrap_or(defaults.outage_window.micros() / 1_000_000),
            attempts_max_mb: attempts_max_mb.unwrap_or(ATTEMPTS_MAX_MB_DEFAULT),
            snapshot_every_s: snapshot_every_s.unwrap_or(history.snapshot_every.micros() / 1_000_000),
            snapshot_every_records: snapshot_every_records.unwrap_or(history.snapshot_every_records),
            retire_after_s: retire_after_s.unwrap_or(defaults.retire_after.micros() / 1_000_000),
            log_max_mb: log_max_mb.unwrap_or(history.log_bytes_max >> 20),
            archive_keep_days: archive_keep_days.unwrap_or(history.archive_keep.micros() / 86_400_000_000),
            archive_max_mb: archive_max_mb
                .unwrap_or(history.archive_bytes_max.map_or(0, |bytes| bytes >> 20)),
            postgres: postgres.unwrap_or_default(),
            postgres_connections: postgres_connections.unwrap_or(POSTGRES_CONNECTIONS_DEFAULT),
            postgres_every_ms: postgres_every_ms.unwrap_or(POSTGRES_EVERY_MS_DEFAULT),
            postgres_ca: postgres_ca.filter(|path| !path.as_os_str().is_empty()),
            postgres_keep_days: postgres_keep_days.unwrap_or(POSTGRES_KEEP_DAYS_DEFAULT),
            postgres_export: postgres_export.filter(|path| !path.as_os_str().is_empty()),
            mongodb: mongodb.unwrap_or_default(),
            documents: documents.unwrap_or(Documents::Off),
            documents_every_ms: documents_every_ms.unwrap_or(DOCUMENTS_EVERY_MS_DEFAULT),
            log_level: log_level.unwrap_or(LogLevel::Info),
            log_format: log_format.unwrap_or(LogFormat::Text),
            sources: places.sources,
        }
    }

    /// All values within their bounds, and with each other.
    fn check(&self) -> Result<(), ConfigError> {
        let credit = self.credit as u64;
        // A credit that is wrong itself bounds nothing.
        let connection_credit = if bounds::CREDIT.contains(credit) {
            bounds::CONNECTION_CREDIT.at_most(credit)
        } else {
            bounds::CONNECTION_CREDIT
        };
        let values: [(&'static str, u64, Bounds); 17] = [
            ("shards", self.shards as u64, bounds::SHARDS),
            ("threads", self.threads as u64, bounds::THREADS),
            ("credit", credit, bounds::CREDIT),
            ("connection_credit", self.connection_credit as u64, connection_credit),
            ("pulse_grace_ms", self.pulse_grace_ms, bounds::PULSE_GRACE_MS),
            ("outage_window_s", self.outage_window_s, bounds::OUTAGE_WINDOW_S),
            ("attempts_max_mb", self.attempts_max_mb, bounds::ATTEMPTS_MAX_MB),
            ("snapshot_every_s", self.snapshot_every_s, bounds::SNAPSHOT_EVERY_S),
            ("snapshot_every_records", self.snapshot_every_records, bounds::SNAPSHOT_EVERY_RECORDS),
            ("retire_after_s", self.retire_after_s, bounds::RETIRE_AFTER_S),
            ("log_max_mb", self.log_max_mb, bounds::LOG_MAX_MB),
            ("archive_keep_days", self.archive_keep_days, bounds::ARCHIVE_KEEP_DAYS),
            ("archive_max_mb", self.archive_max_mb, bounds::ARCHIVE_MAX_MB),
            ("postgres_connections", self.postgres_connections as u64, bounds::POSTGRES_CONNECTIONS),
            ("postgres_every_ms", self.postgres_every_ms, bounds::POSTGRES_EVERY_MS),
            ("postgres_keep_days", self.postgres_keep_days, bounds::POSTGRES_KEEP_DAYS),
            ("documents_every_ms", self.documents_every_ms, bounds::DOCUMENTS_EVERY_MS),
        ];
        let out = values.into_iter().filter(|(_, value, bounds)| !bounds.contains(*value));
        let say = |(name, value, bounds)| BoundsError { name, value, from: self.origin(name), bounds };
        let problems: Vec<BoundsError> = out.map(say).collect();
        if !problems.is_empty() {
            return Err(ConfigError::Bounds(problems));
        }
        self.routes()
            .map_err(|problem| ConfigError::Postgres { from: self.origin("postgres"), problem })
            .map(drop)
    }

    /// The databases that everything is flushed to, connected to nothing yet; `None` where there are none.
    pub(crate) fn routes(&self) -> Result<Option<gavel_postgres::Routes>, postgres::DatabasesError> {
        if self.postgres.is_empty() {
            return Ok(None);
        }
        // One more than write at once: lanes ask how a database stands without waiting for a batch.
        self.postgres.routes(self.postgres_ca.as_deref(), self.postgres_connections + 1).map(Some)
    }

    /// Where the value of a setting came from, in words.
    pub(crate) fn origin(&self, name: &str) -> String {
        let source = self
            .sources
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(&Source::Default, |(_, source)| source);
        match source {
            Source::Flag => format!("--{}", name.replace('_', "-")),
            Source::Environment => format!("GAVEL_{}", name.to_ascii_uppercase()),
            Source::File(path) => path.display().to_string(),
            Source::Default => "default".to_owned(),
        }
    }

    /// The values by name: numbers as such, everything else as text. Each is displayed as the settings file would say it.
    pub(crate) fn values(&self) -> Vec<(&'static str, Value)> {
        let Self { data, resp, http, shards, threads, credit, connection_credit, .. } = self;
        let Self { pulse_grace_ms, outage, outage_window_s, attempts_max_mb, .. } = self;
        let Self { snapshot_every_s, snapshot_every_records, retire_after_s, .. } = self;
        let Self { log_max_mb, archive_keep_days, archive_max_mb, log_level, log_format, .. } = self;
        let Self { postgres, postgres_connections, postgres_every_ms, postgres_ca, .. } = self;
        let Self { postgres_keep_days, postgres_export, mongodb, documents, documents_every_ms, .. } = self;
        let values: [Value; 28] = [
            data.display().to_string().into(),
            resp.to_string().into(),
            http.to_string().into(),
            (*shards).into(),
            (*threads).into(),
            (*credit).into(),
            (*connection_credit).into(),
            (*pulse_grace_ms).into(),
            outage.to_string().into(),
            (*outage_window_s).into(),
            (*attempts_max_mb).into(),
            (*snapshot_every_s).into(),
            (*snapshot_every_records).into(),
            (*retire_after_s).into(),
            (*log_max_mb).into(),
            (*archive_keep_days).into(),
            (*archive_max_mb).into(),
            postgres.to_string().into(),
            (*postgres_connections).into(),
            (*postgres_every_ms).into(),
            postgres_ca.as_deref().map_or_else(String::new, |path| path.display().to_string()).into(),
            (*postgres_keep_days).into(),
            postgres_export.as_deref().map_or_else(String::new, |path| path.display().to_string()).into(),
            mongodb.to_string().into(),
            documents.to_string().into(),
            (*documents_every_ms).into(),
            log_level.to_string().into(),
            log_format.to_string().into(),
        ];
        self.sources.iter().zip(values).map(|((name, _), value)| (*name, value)).collect()
    }

    fn history_options(&self) -> HistoryOptions {
        HistoryOptions {
            dir: self.data.clone(),
            snapshot_every: Duration::from_secs(self.snapshot_every_s),
            snapshot_every_records: self.snapshot_every_records,
            log_bytes_max: self.log_max_mb << 20,
            archive_keep: Duration::from_secs(self.archive_keep_days * 86_400),
            archive_bytes_max: (self.archive_max_mb > 0).then_some(self.archive_max_mb << 20),
        }
    }

    /// The part that the engine is told.
    pub(crate) fn engine_options(&self) -> EngineOptions {
        EngineOptions {
            shards: self.shards,
            threads: self.threads,
            credit: self.credit,
            connection_credit: self.connection_credit,
            pulse_grace: Duration::from_micros(self.pulse_grace_ms * 1_000),
            outage: self.outage.0,
            outage_window: Duration::from_secs(self.outage_window_s),
            consumers: Some(self.data.join(CONSUMERS_FILE)),
            attempts: self.attempts(),
            retire_after: Duration::from_secs(self.retire_after_s),
            history: Some(self.history_options()),
            ..EngineOptions::default()
        }
    }
}

impl Settings {
    /// The journal of refused commands, unless it is off.
    fn attempts(&self) -> Option<AttemptsOptions> {
        (self.attempts_max_mb > 0).then(|| AttemptsOptions {
            data_dir: self.data.clone(),
            bytes_max: self.attempts_max_mb << 20,
            code: |cause| crate::session::refused_code(cause).as_str(),
        })
    }
}

impl Places {
    /// The strongest value of a setting, and a note of where it came from.
    fn pick<T>(&mut self, name: &'static str, take: impl Fn(&mut Given) -> Option<T>) -> Option<T> {
        let (flag, variable, file) =
            (take(&mut self.flags), take(&mut self.environment), take(&mut self.file));
        let source = match (&flag, &variable, &file) {
            (Some(_), _, _) => Source::Flag,
            (_, Some(_), _) => Source::Environment,
            (_, _, Some(_)) => Source::File(self.path.clone()),
            _ => Source::Default,
        };
        self.sources.push((name, source));
        flag.or(variable).or(file)
    }
}

/// What the file gives. A file that nobody has named need not be there.
fn read_file(path: &Path, must_exist: bool) -> Result<Given, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => toml::from_str(&text).map_err(|problem| ConfigError::file(path, &text, &problem)),
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound && !must_exist => Ok(Given::default()),
        Err(problem) => Err(ConfigError::Unreadable { path: path.to_owned(), problem }),
    }
}

#[cfg(test)]
mod tests;
