//! What a run does. Every field states its meaning, unit, default and bounds.

use crate::distribution::{Distribution, OVERTIME_S};
use crate::processes::Part;
use crate::schedule::{Arrivals, RATE_MAX};
use crate::terms::TermsPlan;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The most points of all series of a report together: they are some 10 MB of JSON.
pub const POINTS_MAX: u32 = 10_000;
/// The shortest interval of a series: workers look up several times in it.
const INTERVAL_LEAST: Duration = Duration::from_millis(100);

/// The settings of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the server takes RESP. Default 127.0.0.1:7400.
    pub server: SocketAddr,
    /// Bids go here over HTTP, one for each request; auctions are still opened at `server`. Default: none, bids go over RESP.
    pub http: Option<SocketAddr>,
    /// Names the workload: the same seed and settings make the same choices. Default 1.
    pub seed: u64,
    /// Auctions to open and bid on, `1 ..= 1_000_000`. Default 10,000.
    pub auctions: u32,
    /// Bidders to choose from, `2 ..= 900_000_000`. Default 100,000.
    pub bidders: u32,
    /// How long bids are made that count, 1 ms to 24 hours. Answers are waited for after it. Default 10 s.
    pub duration: Duration,
    /// How long bids are made before, that go to the ledger and do not count, up to 1 h. Default 0.
    pub warmup: Duration,
    /// How long an interval of the report's series is, 100 ms to 1 h; all runs together have at most
    /// [`POINTS_MAX`] of them. Default: [`Options::interval`] chooses.
    pub interval: Option<Duration>,
    /// How often to do the same run, with new auctions each time, `1 ..= 100`. Default 1.
    pub repeats: u32,
    /// Connections, `1 ..= 10_000`. Default 8.
    pub connections: u32,
    /// Most bids in flight on one connection, `1 ..= 65_536`. A closed loop keeps exactly so many. Default 64.
    pub pipeline: u32,
    /// Threads that drive the connections, `1 ..= 64`, at most one for each connection. Default 1.
    pub threads: u32,
    /// Which auctions are bid on. Default uniform.
    pub distribution: Distribution,
    /// When bids are made. Default closed loop.
    pub arrivals: Arrivals,
    /// Terms of the auctions. Default: proxy bidding, opening price 1000, steps of 100.
    pub terms: TermsPlan,
    /// How long after the run's planned end auctions stay open, up to 30 days; sniping has its own ends. Default 1 h.
    pub open_for: Duration,
    /// A bid is up to so many steps above the least acceptable, `0 ..= 1000`. Default 4.
    pub spread: u32,
    /// Share of bids with an id chosen by the generator, `0 ..= 1`. Only these can be sent again when a connection is lost.
    /// Default 0.
    pub retry_ids: f64,
    /// How long a lost or refused connection is tried again before it is given up, up to 1 h. Default 10 s.
    pub reconnect_for: Duration,
    /// How long answers are waited for after the end, up to 1 h. Default 10 s.
    pub drain_for: Duration,
    /// Where the ledger goes. Default: none.
    pub ledger: Option<PathBuf>,
    /// Set it to end the run early and in order. Default: never set.
    pub stop: Arc<AtomicBool>,
}

/// A setting outside its bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting} is {value}, allowed is {allowed}")]
pub struct OptionsError {
    /// Which one.
    pub setting: &'static str,
    /// What it is.
    pub value: String,
    /// What it may be.
    pub allowed: String,
}

impl Options {
    /// The defaults, against this server.
    #[must_use]
    pub fn new(server: SocketAddr) -> Self {
        Self {
            server,
            http: None,
            seed: 1,
            auctions: 10_000,
            bidders: 100_000,
            duration: Duration::from_secs(10),
            warmup: Duration::ZERO,
            interval: None,
            repeats: 1,
            connections: 8,
            pipeline: 64,
            threads: 1,
            distribution: Distribution::Uniform,
            arrivals: Arrivals::Closed,
            terms: TermsPlan::standard(true),
            open_for: Duration::from_secs(3_600),
            spread: 4,
            retry_ids: 0.0,
            reconnect_for: Duration::from_secs(10),
            drain_for: Duration::from_secs(10),
            ledger: None,
            stop: Arc::default(),
        }
    }

    /// What one of several processes does of this.
    #[must_use]
    pub fn part(&self, part: Part) -> Self {
        let arrivals = match self.arrivals {
            Arrivals::Closed => Arrivals::Closed,
            Arrivals::Open { shape, spacing } => {
                Arrivals::Open { shape: shape.map(|rate| part.of(rate)), spacing }
            }
        };
        let connections = part.of(self.connections);
        Self {
            seed: part.seed(self.seed),
            auctions: part.of(self.auctions).max(1),
            connections,
            threads: self.threads.min(connections.max(1)),
            arrivals,
            ledger: self.ledger.as_deref().map(|path| part.ledger(path)),
            ..self.clone()
        }
    }

    /// Checks every bound.
    ///
    /// # Errors
    /// Names the first setting that is outside its bounds.
    pub fn validate(&self) -> Result<(), OptionsError> {
        let hour = 3_600_000;
        within("auctions", u64::from(self.auctions), 1, 1_000_000)?;
        within("bidders", u64::from(self.bidders), 2, 900_000_000)?;
        within("connections", u64::from(self.connections), 1, 10_000)?;
        within("pipeline", u64::from(self.pipeline), 1, 65_536)?;
        within("threads", u64::from(self.threads), 1, u64::from(self.connections.min(64)))?;
        within("spread", u64::from(self.spread), 0, 1_000)?;
        within("duration in ms", millis(self.duration), 1, 24 * hour)?;
        within("warmup in ms", millis(self.warmup), 0, hour)?;
        within("repeats", u64::from(self.repeats), 1, 100)?;
        self.validate_interval()?;
        within("open-for in ms", millis(self.open_for), 0, 30 * 24 * hour)?;
        within("reconnect-for in ms", millis(self.reconnect_for), 0, hour)?;
        within("drain-for in ms", millis(self.drain_for), 0, hour)?;
        if let Arrivals::Open { shape, .. } = self.arrivals {
            let (lowest, highest) = shape.bounds();
            within("rate", u64::from(lowest), 1, u64::from(RATE_MAX))?;
            within("rate", u64::from(highest), 1, u64::from(RATE_MAX))?;
        }
        if let Distribution::Storm(window_s) = self.distribution
            && self.bidding().as_secs_f64() < window_s + OVERTIME_S as f64
        {
            let (setting, value) = ("distribution", self.distribution.to_string());
            let most = (self.bidding().as_secs_f64() - OVERTIME_S as f64).max(0.0);
            return Err(OptionsError {
                setting,
                value,
                allowed: format!(
                    "a window of up to {most} s: what the run lasts, less {OVERTIME_S} s of overtime"
                ),
            });
        }
        if !(0.0..=1.0).contains(&self.retry_ids) {
            let (setting, value) = ("retry-ids", self.retry_ids.to_string());
            return Err(OptionsError { setting, value, allowed: "0 to 1".into() });
        }
        Ok(())
    }
}

impl Options {
    /// How long bids are made in one run, those of the warm-up too.
    #[must_use]
    pub fn bidding(&self) -> Duration {
        self.warmup + self.duration
    }

    /// How long an interval of the series is. Where none was asked for: a second; less in a run of less than half a minute, so that
    /// there is something to see; whole seconds more where there would be too many.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let least_s = (self.bidding() * self.repeats).as_secs() / u64::from(POINTS_MAX);
        self.interval.unwrap_or_else(|| match millis(self.bidding()) {
            _ if least_s > 0 => Duration::from_secs(least_s + 1),
            ..5_000 => INTERVAL_LEAST,
            5_000..30_000 => Duration::from_millis(250),
            _ => Duration::from_secs(1),
        })
    }

    fn validate_interval(&self) -> Result<(), OptionsError> {
        let Some(interval) = self.interval else { return Ok(()) };
        within("interval in ms", millis(interval), millis(INTERVAL_LEAST), 3_600_000)?;
        let points = millis(self.bidding()) / millis(interval) * u64::from(self.repeats);
        within("the number of intervals over all repeats", points, 0, u64::from(POINTS_MAX))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn within(setting: &'static str, value: u64, least: u64, most: u64) -> Result<(), OptionsError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(OptionsError { setting, value: value.to_string(), allowed: format!("{least} to {most}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_within_their_bounds() {
        assert_eq!(Options::new(([127, 0, 0, 1], 7400).into()).validate(), Ok(()));
    }

    #[test]
    fn the_interval_that_is_chosen_is_always_allowed() {
        let mut options = Options::new(([127, 0, 0, 1], 7400).into());
        for (seconds, repeats, interval_ms) in [
            (1, 1, 100),
            (10, 1, 250),
            (60, 1, 1_000),
            (86_400, 1, 9_000),
            (60, 100, 1_000),
            (3_600, 100, 37_000),
        ] {
            (options.duration, options.repeats) = (Duration::from_secs(seconds), repeats);
            assert_eq!(options.interval().as_millis(), interval_ms, "{seconds} s x {repeats}");
            options.interval = Some(options.interval());
            assert_eq!(options.validate(), Ok(()));
            options.interval = None;
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_named_with_what_is_allowed() {
        let with = |change: fn(&mut Options)| {
            let mut options = Options::new(([127, 0, 0, 1], 7400).into());
            change(&mut options);
            options.validate().unwrap_err().to_string()
        };
        assert_eq!(with(|o| o.auctions = 0), "auctions is 0, allowed is 1 to 1000000");
        assert_eq!(with(|o| o.threads = 9), "threads is 9, allowed is 1 to 8");
        assert_eq!(with(|o| o.retry_ids = 1.5), "retry-ids is 1.5, allowed is 0 to 1");
        assert_eq!(with(|o| o.repeats = 101), "repeats is 101, allowed is 1 to 100");
        assert_eq!(
            with(|o| o.interval = Some(Duration::from_millis(99))),
            "interval in ms is 99, allowed is 100 to 3600000"
        );
        let many = with(|o| (o.interval, o.duration) = (Some(INTERVAL_LEAST), Duration::from_secs(1_001)));
        assert_eq!(many, "the number of intervals over all repeats is 10010, allowed is 0 to 10000");
        assert_eq!(with(|o| o.duration = Duration::ZERO), "duration in ms is 0, allowed is 1 to 86400000");
    }
}
