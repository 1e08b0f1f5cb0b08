//! A run from its first auction to its report.

use crate::board::Board;
use crate::distribution::{Distribution, Ends, OVERTIME_S, OVERTIME_STEP_S, Picker};
use crate::drive::{Plot, Worker};
use crate::ending::{self, Outcomes};
use crate::ledger::{Bases, BlockWriter, LedgerFile, OpenedAuction, Totals, WriteError};
use crate::link::LinkError;
use crate::opening::open_auctions;
use crate::options::{Options, OptionsError};
use crate::progress::{Meter, Phase, Progress};
use crate::report::{LedgerReport, Measured, Report, Settings};
use crate::series::Grid;
use crate::surroundings::Surroundings;
use crate::terms::{KnownTerms, TermsError};
use crate::units::Clock;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// Time that opening is given before the first end of a sniping run: this much, and more for each auction.
const OPENING_NS: u64 = 500_000_000;
const OPENING_EACH_NS: u64 = 50_000;

/// Why a run has no report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A setting is outside its bounds.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The terms can't be used.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// The server could not be asked.
    #[error(transparent)]
    Link(LinkError),
    /// The server would not open an auction.
    #[error("the server did not open an auction: {answer} (terms: {terms})")]
    NotOpened {
        /// The terms that were sent.
        terms: String,
        /// What it answered.
        answer: String,
    },
    /// The ledger could not be written. Bids were made all the same.
    #[error(transparent)]
    Ledger(#[from] WriteError),
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(io::Error),
}

/// Opens auctions, bids on them, and says how it went; as often as the options say. Blocks until it is over; `progress` is told a
/// few times a second. A run that was stopped early is the last.
///
/// # Errors
/// When a run could not begin, or its ledger could not be written. A server that goes away during the run is no error
/// but part of the report.
pub fn run(options: Options, mut progress: impl FnMut(&Progress)) -> Result<Report, RunError> {
    options.validate()?;
    let (repeats, stop, mut reports) = (options.repeats, Arc::clone(&options.stop), Vec::new());
    for repeat in 1..=repeats {
        let ledger = options.ledger.as_deref().map(|path| ledger_path(path, repeat));
        let options = Options { ledger, ..options.clone() };
        let report = once(options, &mut |told: &Progress| progress(&Progress { repeat, repeats, ..*told }))?;
        let is_last = report.server_gone || stop.load(Relaxed);
        reports.push(report);
        if is_last {
            break;
        }
    }
    Ok(Report::repeated(reports))
}

/// Each repeat has a ledger of its own: `FILE`, `FILE.2`, `FILE.3` …
fn ledger_path(path: &Path, repeat: u32) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    if repeat > 1 {
        path.push(format!(".{repeat}"));
    }
    path.into()
}

fn once(options: Options, progress: &mut impl FnMut(&Progress)) -> Result<Report, RunError> {
    let clock = Clock::start();
    let run = clock.now_us() ^ u64::from(std::process::id()) << 48;
    let timing = Timing::plan(&options, &clock);
    let plan = options.terms.clone();
    let plan = if options.distribution.has_overtime() {
        plan.with_overtime(OVERTIME_STEP_S, OVERTIME_S)
    } else {
        plan
    };
    let texts: Vec<String> =
        (0..options.auctions).map(|index| plan.json(index, timing.ends.of(index))).collect();
    let terms = texts.iter().map(|text| KnownTerms::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let ledger = options.ledger.as_deref().map(LedgerFile::create).transpose()?;
    let opened = match open(&options, run, &texts, &clock, progress) {
        Ok(opened) => opened,
        Err(error) => {
            ledger.into_iter().for_each(LedgerFile::discard);
            return Err(error);
        }
    };
    ledger.as_ref().map(LedgerFile::begin).transpose()?;
    let bases = Bases::new(&opened, &terms);
    let surroundings = Surroundings::look(&options);
    let settings = Settings::new(&options, run, clock.now_us());
    let mut totals = Totals::default();
    if let Some(ledger) = &ledger {
        let mut first = ledger.writer(bases.clone());
        first.start(&settings.json(), &opened);
        totals += first.finish();
    }
    let plot = plot(options, run, clock, &terms[0], &opened, &timing);
    let writer = || ledger.as_ref().map(|ledger| ledger.writer(bases.clone()));
    let (meter, written) = bid(&plot, &timing, writer, progress)?;
    totals += written;
    let ended_ns = plot.clock.elapsed_ns();
    let (stats, series) = meter.finish(ended_ns);
    let ending = plot.options.distribution.ends_during_run().then(|| {
        let Options { server, reconnect_for, stop, .. } = &plot.options;
        let Outcomes { texts, ending } = ending::watch(*server, *reconnect_for, &opened, &terms, stop);
        let mut last = writer();
        for (index, text) in (0..).zip(&texts) {
            last.iter_mut().zip(text).for_each(|(ledger, text)| ledger.outcome(index, text));
        }
        totals += last.map(BlockWriter::finish).unwrap_or_default();
        ending
    });
    let path = plot.options.ledger.as_deref();
    let ledger = ledger.map(|ledger| ledger.close(totals)).transpose()?;
    let measured = Measured {
        settings,
        stats,
        series,
        bidding_ns: ended_ns.min(plot.end_ns).saturating_sub(plot.grid.measured_ns),
        total_ns: ended_ns.saturating_sub(plot.grid.measured_ns),
        server_gone: plot.gone.load(Relaxed),
        ending,
        ledger: ledger.map(|bytes| LedgerReport::new(path, bytes, totals)),
        ..Measured::default()
    };
    Ok(surroundings.complete(measured).into())
}

/// When bids begin and auctions end.
struct Timing {
    /// Planned begin of bidding: fixed ahead where auctions end during the run.
    begin_ns: Option<u64>,
    ends: Ends,
}

impl Timing {
    fn plan(options: &Options, clock: &Clock) -> Self {
        let now_ns = clock.elapsed_ns();
        let duration_us = options.bidding().as_micros() as u64;
        if options.distribution.ends_during_run() {
            let begin_ns = now_ns + OPENING_NS + OPENING_EACH_NS * u64::from(options.auctions);
            let (before_us, over_us) = match options.distribution {
                Distribution::Storm(window_s) => {
                    let over_us = (window_s * 1e6) as u64;
                    (duration_us.saturating_sub(over_us + OVERTIME_S * 1_000_000), over_us)
                }
                _ => (0, duration_us),
            };
            let spacing_us = over_us as f64 / f64::from(options.auctions);
            let first_us = clock.wall_us(begin_ns) + before_us + spacing_us as u64;
            return Self { begin_ns: Some(begin_ns), ends: Ends { first_us, spacing_us } };
        }
        let first_us = clock.wall_us(now_ns) + duration_us + options.open_for.as_micros() as u64;
        Self { begin_ns: None, ends: Ends { first_us, spacing_us: 0.0 } }
    }
}

fn open(
    options: &Options,
    run: u64,
    terms: &[String],
    clock: &Clock,
    progress: &mut impl FnMut(&Progress),
) -> Result<Vec<OpenedAuction>, RunError> {
    let of = terms.len() as u64;
    let mut told_ns = 0;
    open_auctions(options, run, terms, |done| {
        let now_ns = clock.elapsed_ns();
        if done == of || now_ns - told_ns >= TELL_EVERY.as_nanos() as u64 {
            told_ns = now_ns;
            progress(&Progress::opening(done, of, options));
        }
    })
}

fn plot(
    options: Options,
    run: u64,
    clock: Clock,
    terms: &KnownTerms,
    opened: &[OpenedAuction],
    timing: &Timing,
) -> Plot {
    let now_ns = clock.elapsed_ns();
    let begin_ns = timing.begin_ns.map_or(now_ns, |planned_ns| planned_ns.max(now_ns));
    let end_ns = timing.begin_ns.unwrap_or(begin_ns) + options.bidding().as_nanos() as u64;
    let measured_ns = begin_ns + options.warmup.as_nanos() as u64;
    let interval_ns = options.interval().as_nanos() as u64;
    let grid = Grid { begin_ns, measured_ns, end_ns, interval_ns };
    let mut board = Board::new(opened.len(), terms, options.bidders, options.spread);
    if options.distribution.has_overtime() {
        board = board.with_ends((0..options.auctions).map(|index| timing.ends.of(index)));
    }
    let auctions = opened.iter().map(|opened| opened.auction).collect();
    Plot::new(options, run, clock, board, auctions, grid)
}

/// Lets the workers bid, and tells progress meanwhile.
fn bid<'a>(
    plot: &'a Plot,
    timing: &Timing,
    ledger: impl Fn() -> Option<BlockWriter>,
    progress: &mut impl FnMut(&Progress),
) -> Result<(Meter<'a>, Totals), RunError> {
    let Options { auctions, connections, threads, distribution, .. } = plot.options;
    let pickers = distribution.pickers(auctions, connections, timing.ends);
    let mut lanes: Vec<Vec<(u32, Picker)>> = vec![Vec::new(); threads as usize];
    (0..).zip(pickers).for_each(|(index, picker)| lanes[(index % threads) as usize].push((index, picker)));
    std::thread::scope(|scope| {
        let start = |(number, lanes): (usize, Vec<(u32, Picker)>)| {
            let worker = Worker::new(plot, lanes, ledger());
            std::thread::Builder::new()
                .name(format!("load-{number}"))
                .spawn_scoped(scope, move || worker.run())
        };
        let started: Vec<io::Result<ScopedJoinHandle<'_, Totals>>> =
            lanes.into_iter().enumerate().map(start).collect();
        if started.iter().any(Result::is_err) {
            plot.options.stop.store(true, Relaxed);
        }
        let mut meter = Meter::new(plot);
        while started.iter().flatten().any(|thread| !thread.is_finished()) {
            std::thread::park_timeout(TELL_EVERY);
            progress(&meter.read());
        }
        let mut totals = Totals::default();
        for thread in started {
            let thread = thread.map_err(RunError::Thread)?;
            totals += thread.join().map_err(|_| RunError::Thread(io::Error::other("a worker panicked")))?;
        }
        progress(&Progress { phase: Phase::Done, ..meter.read() });
        Ok((meter, totals))
    })
}
