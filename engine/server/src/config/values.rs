//! Values of settings that have a form of their own. Each is read by `FromStr`, in every place a setting can come from.

use gavel_core::Duration;
use gavel_engine::OutagePolicy;
use std::fmt::{Display, Formatter, Result as FmtResult};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;

/// The longest time that [`Outage`] can add, in seconds: one day.
pub(crate) const OUTAGE_FIXED_MAX_S: u64 = 86_400;

/// Where to listen, or whom to ask: IP and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Address(pub(crate) SocketAddr);

/// Where to listen, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct AddressOrOff(pub(crate) Option<SocketAddr>);

/// What is done for auctions that an outage has cost time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Outage(pub(crate) OutagePolicy);

/// Which messages are logged: those of this level and those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum LogLevel {
    /// What made the process stop or lose a service.
    Error,
    /// What somebody should look at.
    Warn,
    /// Start, stop and changes by operators.
    Info,
    /// Connections and commits.
    Debug,
    /// Everything.
    Trace,
}

/// How messages are written to stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |_| "an address is IP:PORT, such as 127.0.0.1:7400 or [::1]:7400".to_owned();
        text.parse().map(Self).map_err(wrong)
    }
}

impl Address {
    /// Where a server is: an address, or a name that the system resolves. Of a name's addresses it is the first, those of IPv4 before
    /// those of IPv6: there Gavel listens unless it is told otherwise.
    ///
    /// # Errors
    /// It is neither, in words.
    pub(crate) fn of_server(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self(address));
        }
        let is_named = |(host, port): &(&str, &str)| !host.is_empty() && port.parse::<u16>().is_ok();
        if text.rsplit_once(':').filter(is_named).is_none() {
            return Err(
                "a server is HOST:PORT, such as localhost:7400, 127.0.0.1:7400 or [::1]:7400".to_owned()
            );
        }
        let mut found: Vec<SocketAddr> = text
            .to_socket_addrs()
            .map_err(|problem| format!("the name can't be resolved: {problem}"))?
            .collect();
        found.sort_by_key(SocketAddr::is_ipv6);
        found.first().map(|address| Self(*address)).ok_or_else(|| "the name has no address".to_owned())
    }
}

impl FromStr for AddressOrOff {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let wrong = |_| "allowed is IP:PORT, such as 127.0.0.1:7480 or [::1]:7480, or off".to_owned();
        text.parse().map(|address| Self(Some(address))).map_err(wrong)
    }
}

impl FromStr for Outage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = |text: &str| text.parse().ok().filter(|seconds| *seconds <= OUTAGE_FIXED_MAX_S);
        let policy = match (text, text.strip_prefix("fixed:")) {
            ("give-back", _) => Some(OutagePolicy::GiveBack),
            ("off", _) => Some(OutagePolicy::Off),
            (_, Some(text)) => seconds(text).map(|seconds| OutagePolicy::Fixed(Duration::from_secs(seconds))),
            _ => None,
        };
        let allowed =
            || format!("allowed is give-back, off, or fixed:SECONDS with 0 ..= {OUTAGE_FIXED_MAX_S} seconds");
        policy.map(Self).ok_or_else(allowed)
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];
        let named = all.into_iter().find(|level| level.as_str() == text);
        named.ok_or_else(|| "allowed is error, warn, info, debug or trace".to_owned())
    }
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = [Self::Text, Self::Json].into_iter().find(|format| format.as_str() == text);
        named.ok_or_else(|| "allowed is text or json".to_owned())
    }
}

impl LogLevel {
    /// What the log's writer is told.
    pub(crate) const fn filter(self) -> tracing::level_filters::LevelFilter {
        use tracing::level_filters::LevelFilter;
        match self {
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }

    /// The level's name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl LogFormat {
    /// The format's name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        self.0.fmt(f)
    }
}

impl Display for AddressOrOff {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("off"),
        }
    }
}

impl Display for Outage {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match self.0 {
            OutagePolicy::GiveBack => f.write_str("give-back"),
            OutagePolicy::Off => f.write_str("off"),
            OutagePolicy::Fixed(duration) => write!(f, "fixed:{}", duration.micros() / 1_000_000),
        }
    }
}

/// Displays by name, and reads from a text in the file as everywhere else.
macro_rules! as_text {
    (display: $($display:ident)*; read: $($read:ident)*) => {
        $(impl Display for $display {
            fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
                f.write_str(self.as_str())
            }
        })*
        $(impl TryFrom<String> for $read {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse().map_err(|problem| format!("{text:?}: {problem}"))
            }
        })*
    };
}
as_text!(display: LogLevel LogFormat; read: Address AddressOrOff Outage LogLevel LogFormat);
