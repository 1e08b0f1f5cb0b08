//! The settings that one place gives: the flags, the environment or the file. What it does not give is `None`.

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
    /// Threads that the shards share, 1 to 64 [default: half the cores, at least 1]
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
