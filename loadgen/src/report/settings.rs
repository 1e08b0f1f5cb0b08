//! The settings of a run, as reports and ledgers state them.

use crate::options::Options;
use crate::schedule::{Arrivals, Shape};
use crate::units::time_text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was asked for. The fields are those of [`Options`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// Where the server takes bids.
    pub server: String,
    /// What bids went over: `RESP` or `HTTP`.
    #[serde(default = "resp")]
    pub protocol: String,
    /// Names the workload: the same seed and settings make the same choices.
    pub seed: u64,
    /// Tells this run's ids from those of every other: 16 hexadecimal digits.
    pub run: String,
    /// When bidding began (with the warm-up, if there was one), RFC 3339.
    pub began_at: String,
    /// Auctions that were opened and bid on.
    pub auctions: u32,
    /// Bidders to choose from.
    pub bidders: u32,
    /// How long bids were to be made that count, in seconds.
    pub duration_s: f64,
    /// How long bids were made before that do not count, in seconds.
    #[serde(default)]
    pub warmup_s: f64,
    /// The length of an interval of the series, in seconds.
    #[serde(default)]
    pub interval_s: f64,
    /// How many runs were asked for.
    #[serde(default = "one")]
    pub repeats: u32,
    /// Connections.
    pub connections: u32,
    /// Most bids in flight on one of them.
    pub pipeline: u32,
    /// Threads that drove them.
    pub threads: u32,
    /// Which auctions were bid on.
    pub distribution: String,
    /// When bids were made, in words.
    pub arrivals: String,
    /// Bids per second that were planned; `null` in a closed loop.
    #[serde(default)]
    pub rate: Option<f64>,
    /// A bid was up to so many steps above the least acceptable.
    pub spread: u32,
    /// Share of bids with an id of their own.
    pub retry_ids: f64,
    /// What the terms of all auctions have in common.
    #[serde(default)]
    pub terms: serde_json::Value,
    /// How long auctions stay open after the run, in seconds.
    #[serde(default)]
    pub open_for_s: f64,
    /// How long a lost connection was tried again, in seconds.
    #[serde(default)]
    pub reconnect_for_s: f64,
    /// How long the last answers were waited for, in seconds.
    #[serde(default)]
    pub drain_for_s: f64,
}

fn resp() -> String {
    "RESP".to_owned()
}

const fn one() -> u32 {
    1
}

impl Settings {
    pub(crate) fn new(options: &Options, run: u64, began_us: u64) -> Self {
        let rate = match options.arrivals {
            Arrivals::Closed => None,
            Arrivals::Open { shape: Shape::Constant(rate), .. } => Some(f64::from(rate)),
            Arrivals::Open { .. } => None,
        };
        Self {
            server: options.http.unwrap_or(options.server).to_string(),
            protocol: if options.http.is_some() { "HTTP".to_owned() } else { resp() },
            seed: options.seed,
            run: format!("{run:016x}"),
            began_at: time_text(began_us),
            auctions: options.auctions,
            bidders: options.bidders,
            duration_s: options.duration.as_secs_f64(),
            warmup_s: options.warmup.as_secs_f64(),
            interval_s: options.interval().as_secs_f64(),
            repeats: options.repeats,
            connections: options.connections,
            pipeline: options.pipeline,
            threads: options.threads,
            distribution: options.distribution.to_string(),
            arrivals: options.arrivals.to_string(),
            rate,
            spread: options.spread,
            retry_ids: options.retry_ids,
            terms: options.terms.common(),
            open_for_s: options.open_for.as_secs_f64(),
            reconnect_for_s: options.reconnect_for.as_secs_f64(),
            drain_for_s: options.drain_for.as_secs_f64(),
        }
    }

    pub(crate) fn json(&self) -> String {
        // A struct of numbers and texts always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// True in an open loop: bids had planned times.
    #[must_use]
    pub fn is_open_loop(&self) -> bool {
        self.rate.is_some() || self.arrivals.starts_with("open loop")
    }

    /// Names and values of what makes a workload what it is, without what differs from run to run and from process to process of
    /// the same run (`server`, `seed`, `run`, `began_at`).
    #[must_use]
    pub fn workload(&self) -> Vec<(&'static str, String)> {
        let Self { server: _, seed: _, run: _, began_at: _, rate: _, repeats: _, interval_s: _, .. } = self;
        let seconds = |value: f64| format!("{value} s");
        vec![
            ("auctions", self.auctions.to_string()),
            ("bidders", self.bidders.to_string()),
            ("duration", seconds(self.duration_s)),
            ("warmup", seconds(self.warmup_s)),
            ("connections", self.connections.to_string()),
            ("pipeline", self.pipeline.to_string()),
            ("threads", self.threads.to_string()),
            ("distribution", self.distribution.clone()),
            ("arrivals", self.arrivals.clone()),
            ("spread", self.spread.to_string()),
            ("retry-ids", self.retry_ids.to_string()),
            ("terms", self.terms.to_string()),
        ]
    }
}
