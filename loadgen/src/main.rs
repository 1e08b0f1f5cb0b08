//! `loadgen`: see `loadgen --help`. Thin: everything is in the library.

mod reporting;

use clap::Parser;
use gavel_loadgen::cli::{Cli, Command, RunArgs, SaturateArgs};
use gavel_loadgen::progress::ProgressLine;
use gavel_loadgen::saturate::Step;
use gavel_loadgen::verify::VerifyProgress;
use gavel_loadgen::{Options, RunError, Search, VerifyError, processes, run, saturate, verify};
use signal_hook::consts::SIGINT;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

const FAILED: u8 = 1;
const WRONG_USE: u8 = 2;

fn main() -> ExitCode {
    let Cli { json, quiet, command } = Cli::parse();
    match command {
        Command::Run(args) => bid(*args, json, quiet),
        Command::Saturate(args) => find_saturation(*args, json, quiet),
        Command::Verify(args) => finish_verify(verify(&args.into(), |progress| show(progress, quiet)), json),
        Command::Compare(args) => reporting::compare(&args, json),
        Command::Merge(args) => reporting::merge(&args, json),
        Command::Schema => print(format!("{:#}", gavel_loadgen::report::schema()), true),
    }
}

fn bid(args: RunArgs, json: bool, quiet: bool) -> ExitCode {
    // One of several processes hands its report to the one that started them.
    let is_part = args.part.is_some();
    let (out, processes) = if is_part { (None, 1) } else { (args.measuring.out.clone(), args.processes) };
    let options = match args.options() {
        Ok(options) => options,
        Err(error) => return fail(&error, WRONG_USE),
    };
    // What can't be written is told before the run, not after it.
    if let Some(Err(error)) = out.as_deref().map(std::fs::create_dir_all) {
        return fail(&format_args!("the report's directory can't be made: {error}"), FAILED);
    }
    if let Err(error) = stop_in_order_on_interrupt(&options.stop) {
        return fail(&error, FAILED);
    }
    if processes > 1 {
        return bid_together(processes, &options, out.as_deref(), json);
    }
    let mut line = ProgressLine::new(quiet);
    match run(options, |progress| line.show(progress)) {
        Ok(report) => reporting::finish(&report, out.as_deref(), json),
        Err(error @ (RunError::Options(_) | RunError::Terms(_))) => fail(&error, WRONG_USE),
        Err(error) => fail(&error, FAILED),
    }
}

/// Bids from several processes, and reports what they did together.
fn bid_together(processes: u32, options: &Options, out: Option<&Path>, json: bool) -> ExitCode {
    let bounds = options.validate().map_err(|error| error.to_string());
    let enough = match options.connections {
        connections if connections < processes => {
            Err(format!("{processes} processes need as many connections, there are {connections}"))
        }
        _ => Ok(()),
    };
    if let Err(error) = bounds.and(enough) {
        return fail(&error, WRONG_USE);
    }
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match processes::run(&arguments, processes, options) {
        Ok(report) => reporting::finish(&report, out, json),
        Err(error) => fail(&error, FAILED),
    }
}

fn find_saturation(args: SaturateArgs, json: bool, quiet: bool) -> ExitCode {
    let SaturateArgs { run, from, factor, p99_max } = args;
    let has_rate = run.rate.is_some() || run.ramp.is_some() || run.burst.is_some();
    if has_rate || run.processes > 1 || run.measuring.repeats > 1 || run.measuring.out.is_some() {
        let words = "saturate chooses the rates itself, in one process, and prints what it finds: \
                     not with --rate, --ramp, --burst, --processes, --repeats or --out";
        return fail(&words, WRONG_USE);
    }
    let options = match run.options() {
        Ok(options) => options,
        Err(error) => return fail(&error, WRONG_USE),
    };
    if let Err(error) = stop_in_order_on_interrupt(&options.stop) {
        return fail(&error, FAILED);
    }
    let mut line = ProgressLine::new(quiet);
    let search = Search { options, from, factor, p99_max };
    let told = |step: &Step| {
        if !quiet {
            let _told = writeln!(std::io::stderr().lock(), "{step}");
        }
    };
    match saturate(&search, |progress| line.show(progress), told) {
        Ok(found) => print(if json { found.json() } else { found.to_string() }, found.sustained.is_some()),
        Err(error @ (RunError::Options(_) | RunError::Terms(_))) => fail(&error, WRONG_USE),
        Err(error) => fail(&error, FAILED),
    }
}

/// The first Ctrl-C ends the run early and in order, so that ledger and report are whole; a second one ends the process.
fn stop_in_order_on_interrupt(stop: &Arc<AtomicBool>) -> std::io::Result<()> {
    signal_hook::flag::register_conditional_default(SIGINT, Arc::clone(stop))?;
    signal_hook::flag::register(SIGINT, Arc::clone(stop)).map(|_| ())
}

fn finish_verify(verdict: Result<gavel_loadgen::Verdict, VerifyError>, json: bool) -> ExitCode {
    match verdict {
        Ok(verdict) => print(if json { verdict.json() } else { verdict.to_string() }, verdict.ok),
        Err(error) => fail(&error, FAILED),
    }
}

/// Prints a report; the exit code says whether all was well.
fn print(text: String, is_well: bool) -> ExitCode {
    // A reader that has gone away does not want the report; what was found does not change by it.
    let _told = writeln!(std::io::stdout().lock(), "{}", text.trim_end());
    if is_well { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

fn fail(error: &dyn Display, code: u8) -> ExitCode {
    let _told = writeln!(std::io::stderr().lock(), "error: {error}");
    ExitCode::from(code)
}

/// Shows a verification's progress, on a terminal only: elsewhere its steps are too short to be told.
fn show(progress: &VerifyProgress, quiet: bool) {
    let mut stderr = std::io::stderr().lock();
    if !quiet && stderr.is_terminal() {
        let VerifyProgress { step, done, of } = progress;
        let end = if done == of { "\n" } else { "" };
        let _told = write!(stderr, "\r\x1b[2K{step}: {done} of {of}{end}").and_then(|()| stderr.flush());
    }
}
