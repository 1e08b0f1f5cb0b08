//! `loadgen`: see `loadgen --help`. Thin: everything is in the library.

mod reporting;

use clap::Parser;
use gavel_loadgen::cli::{Cli, Command, RunArgs};
use gavel_loadgen::progress::ProgressLine;
use gavel_loadgen::verify::VerifyProgress;
use gavel_loadgen::{RunError, VerifyError, run, verify};
use signal_hook::consts::SIGINT;
use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

const FAILED: u8 = 1;
const WRONG_USE: u8 = 2;

fn main() -> ExitCode {
    let Cli { json, quiet, command } = Cli::parse();
    match command {
        Command::Run(args) => bid(*args, json, quiet),
        Command::Verify(args) => finish_verify(verify(&args.into(), |progress| show(progress, quiet)), json),
        Command::Compare(args) => reporting::compare(&args, json),
        Command::Merge(args) => reporting::merge(&args, json),
        Command::Schema => print(format!("{:#}", gavel_loadgen::report::schema()), true),
    }
}

fn bid(args: RunArgs, json: bool, quiet: bool) -> ExitCode {
    let out = args.measuring.out.clone();
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
    let mut line = ProgressLine::new(quiet);
    match run(options, |progress| line.show(progress)) {
        Ok(report) => reporting::finish(&report, out.as_deref(), json),
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
