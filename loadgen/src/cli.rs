//! The command line of `loadgen`, and its arguments for whoever offers the same commands.

mod reporting;

pub use reporting::{CompareArgs, MeasuringArgs, MergeArgs};

use crate::distribution::Distribution;
use crate::options::Options;
use crate::processes::{PROCESSES_MAX, Part};
use crate::schedule::{Arrivals, RATE_MAX, Shape, Spacing};
use crate::terms::{TermsError, TermsPlan};
use crate::units::parse_duration;
use crate::verify::VerifyOptions;
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Load for a Gavel server, a ledger of what it acknowledged, and the proof that it kept its word.
///
/// Reports go to standard output, progress to standard error.
/// Exit code 0: it went well. 1: it did not (differences, a server that went away, a file that could not be read or written,
/// a comparison that got worse than was allowed). 2: the command line is wrong.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version)]
pub struct Cli {
    /// Print the report as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Show no progress
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open auctions, bid on them, and report
    Run(Box<RunArgs>),
    /// Find the highest rate that the server sustains, step by step
    Saturate(Box<SaturateArgs>),
    /// Check ledgers against a server
    Verify(VerifyArgs),
    /// Put two reports side by side
    Compare(CompareArgs),
    /// Add up the reports of several processes or machines that drove one run together
    Merge(MergeArgs),
    /// Print the JSON Schema of reports
    Schema,
}

/// The arguments of `run`. The fields are those of [`Options`].
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Where the server takes RESP
    #[arg(long, default_value = "127.0.0.1:7400")]
    pub server: SocketAddr,
    /// Bid over HTTP here, one bid for each request, instead of over RESP; auctions are still opened at --server
    #[arg(long, value_name = "IP:PORT")]
    pub http: Option<SocketAddr>,
    /// The same seed and settings make the same choices
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Auctions to open and bid on
    #[arg(long, default_value_t = 10_000)]
    pub auctions: u32,
    /// Bidders to choose from
    #[arg(long, default_value_t = 100_000)]
    pub bidders: u32,
    /// How long bids are made: 10s, 500ms, 5m
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub duration: Duration,
    /// What is measured, how often, and where the report goes
    #[command(flatten)]
    pub measuring: MeasuringArgs,
    /// Connections
    #[arg(long, default_value_t = 8)]
    pub connections: u32,
    /// Most bids in flight on a connection [default: 64, over HTTP 1, in an open loop 4096]
    #[arg(long)]
    pub pipeline: Option<u32>,
    /// Threads that drive the connections
    #[arg(long, default_value_t = 1)]
    pub threads: u32,
    /// Which auctions are bid on
    #[arg(
        long,
        default_value = "uniform",
        help = "Which auctions are bid on: uniform, zipf[:EXPONENT], hot[:SHARE], sniping[:SECONDS] or storm[:SECONDS]"
    )]
    pub distribution: Distribution,
    /// Open loop: so many bids per second at planned times; without it, a closed loop
    #[arg(long, value_name = "PER_SECOND", group = "open")]
    pub rate: Option<u32>,
    /// Open loop: a rate that goes from one to the other in a straight line over the run
    #[arg(long, value_name = "FROM:TO", value_parser = Shape::ramp, group = "open")]
    pub ramp: Option<Shape>,
    /// Open loop: a rate that rises to a peak, every EVERY seconds for FOR seconds
    #[arg(long, value_name = "BASE:PEAK[:EVERY[:FOR]]", value_parser = Shape::burst, group = "open")]
    pub burst: Option<Shape>,
    /// Space planned times at random (a Poisson process) instead of evenly
    #[arg(long, requires = "open")]
    pub poisson: bool,
    /// Bids are the price itself, not secret maxima
    #[arg(long, overrides_with = "proxy")]
    pub no_proxy: bool,
    /// Bids are secret maxima (the default)
    #[arg(long)]
    pub proxy: bool,
    /// Fields of the auctions' terms as a JSON object, e.g. '{"reserve_price": 50000}'
    #[arg(long, value_name = "JSON")]
    pub terms: Option<String>,
    /// How long auctions stay open after the run; sniping has its own ends
    #[arg(long, default_value = "1h", value_parser = parse_duration)]
    pub open_for: Duration,
    /// A bid is up to so many steps above the least acceptable
    #[arg(long, default_value_t = 4)]
    pub spread: u32,
    /// Share of bids with an id of their own, which alone can be sent again when a connection is lost
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub retry_ids: f64,
    /// How long a lost connection is tried again
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub reconnect_for: Duration,
    /// How long the last answers are waited for
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub drain_for: Duration,
    /// Where the ledger goes; an existing file is replaced. Further repeats write FILE.2, FILE.3 …
    #[arg(long, default_value = "gavel.ledger", value_name = "FILE")]
    pub ledger: PathBuf,
    /// Write no ledger
    #[arg(long)]
    pub no_ledger: bool,
    /// Processes that bid beside each other, 1 to 64, at most one for each connection: each has its part of connections, auctions and rate, and a
    /// ledger of its own (FILE.p1 …)
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(PROCESSES_MAX)))]
    pub processes: u32,
    /// Which part of a load this process is
    #[arg(long, hide = true)]
    pub part: Option<Part>,
}

/// The arguments of `saturate`: each step is a run, so they are those of `run` that are not about rates.
#[derive(Clone, Debug, Args)]
pub struct SaturateArgs {
    /// What each step is, but for its rate
    #[command(flatten)]
    pub run: RunArgs,
    /// The first rate, bids per second
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=i64::from(RATE_MAX)))]
    pub from: u32,
    /// By what the rate grows until it is too high, 1.1 to 10
    #[arg(long, default_value_t = 2.0, value_parser = factor)]
    pub factor: f64,
    /// A step is sustained while 99 in 100 bids take no longer
    #[arg(long, default_value = "50ms", value_parser = parse_duration)]
    pub p99_max: Duration,
}

fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok().filter(|factor| (1.1..=10.0).contains(factor));
    factor.ok_or_else(|| "a number from 1.1 to 10".to_owned())
}

/// The arguments of `verify`. The fields are those of [`VerifyOptions`].
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// Where the server takes RESP
    #[arg(long, default_value = "127.0.0.1:7400")]
    pub server: SocketAddr,
    /// The ledgers to check
    #[arg(long, default_value = "gavel.ledger", num_args = 1.., value_name = "FILE")]
    pub ledger: Vec<PathBuf>,
    /// How long a server that does not answer is asked again
    #[arg(long, default_value = "30s", value_parser = parse_duration)]
    pub patience: Duration,
    /// Wait for auctions that end within this time, to check their outcomes too
    #[arg(long, default_value = "0s", value_parser = parse_duration)]
    pub wait_for_ends: Duration,
    /// Ask no server: hold receipts against each other, and against the outcomes that the ledgers tell of (sniping and storm)
    #[arg(long, conflicts_with = "wait_for_ends")]
    pub offline: bool,
    /// How many differences to describe
    #[arg(long, default_value_t = 50)]
    pub details: usize,
}

impl RunArgs {
    /// The options that these arguments say.
    ///
    /// # Errors
    /// When the terms can't be used. Bounds are checked by [`Options::validate`].
    pub fn options(self) -> Result<Options, TermsError> {
        let part = self.part;
        let whole = self.of_the_whole()?;
        Ok(part.map_or_else(|| whole.clone(), |part| whole.part(part)))
    }

    fn of_the_whole(self) -> Result<Options, TermsError> {
        let mut terms = TermsPlan::standard(!self.no_proxy);
        if let Some(text) = &self.terms {
            terms = terms.overlaid(text)?;
        }
        let spacing = if self.poisson { Spacing::Poisson } else { Spacing::Even };
        let shape = self.rate.map(Shape::Constant).or(self.ramp).or(self.burst);
        let deep = match (shape, self.http) {
            (Some(_), _) => 4_096,
            (None, None) => 64,
            (None, Some(_)) => 1,
        };
        Ok(Options {
            server: self.server,
            http: self.http,
            seed: self.seed,
            auctions: self.auctions,
            bidders: self.bidders,
            duration: self.duration,
            warmup: self.measuring.warmup,
            interval: self.measuring.interval,
            repeats: self.measuring.repeats,
            connections: self.connections,
            pipeline: self.pipeline.unwrap_or(deep),
            threads: self.threads,
            distribution: self.distribution,
            arrivals: shape.map_or(Arrivals::Closed, |shape| Arrivals::Open { shape, spacing }),
            terms,
            open_for: self.open_for,
            spread: self.spread,
            retry_ids: self.retry_ids,
            reconnect_for: self.reconnect_for,
            drain_for: self.drain_for,
            ledger: (!self.no_ledger).then_some(self.ledger),
            stop: std::sync::Arc::default(),
        })
    }
}

impl From<VerifyArgs> for VerifyOptions {
    fn from(args: VerifyArgs) -> Self {
        let VerifyArgs { server, ledger, patience, wait_for_ends, offline, details } = args;
        Self { server, ledgers: ledger, patience, wait_for_ends, details_max: details, offline }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn run(line: &str) -> Result<Options, String> {
        let words = ["loadgen", "run"].into_iter().chain(line.split_whitespace());
        match Cli::try_parse_from(words).map_err(|error| error.to_string())?.command {
            Command::Run(args) => args.options().map_err(|error| error.to_string()),
            _ => Err("not a run".into()),
        }
    }

    #[test]
    fn the_command_line_is_well_formed_and_its_defaults_are_those_of_the_options() {
        Cli::command().debug_assert();
        let mut defaults = Options::new(([127, 0, 0, 1], 7400).into());
        defaults.ledger = Some("gavel.ledger".into());
        assert_eq!(format!("{:?}", run("").unwrap()), format!("{defaults:?}"));
    }

    #[test]
    fn flags_become_options() {
        let options =
            run("--distribution zipf:1.2 --rate 5000 --poisson --no-proxy --no-ledger --duration 250ms")
                .unwrap();
        assert_eq!(options.distribution, Distribution::Zipf(1.2));
        assert_eq!(
            options.arrivals,
            Arrivals::Open { shape: Shape::Constant(5_000), spacing: Spacing::Poisson }
        );
        assert_eq!((options.pipeline, options.ledger, options.duration.as_millis()), (4_096, None, 250));
        assert_eq!(options.terms, TermsPlan::standard(false));
    }

    #[test]
    fn a_run_has_one_shape_at_most() {
        let arrivals = |line| run(line).map(|options| options.arrivals);
        let (shape, spacing) = (Shape::Ramp { from: 10, to: 20 }, Spacing::Poisson);
        assert_eq!(arrivals("--ramp 10:20 --poisson"), Ok(Arrivals::Open { shape, spacing }));
        assert!(arrivals("--rate 5 --ramp 10:20").unwrap_err().contains("cannot be used with"));
        assert!(arrivals("--poisson").unwrap_err().contains("required"));
        assert!(arrivals("--burst 1:0").unwrap_err().contains("BASE:PEAK[:EVERY[:FOR]]"));
    }

    #[test]
    fn wrong_flags_say_what_is_allowed() {
        assert!(run("--distribution even").unwrap_err().contains("one of uniform, zipf:EXPONENT"));
        assert!(run("--duration soon").unwrap_err().contains("write 250ms, 30s, 5m or 2h"));
        assert!(run("--terms {\"buy_now\":1}").unwrap_err().contains("may not set `buy_now`"));
    }
}
