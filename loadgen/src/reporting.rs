//! The commands that deal with reports: writing them down, comparing and merging them.

use crate::{FAILED, fail, print};
use gavel_loadgen::Report;
use gavel_loadgen::cli::{CompareArgs, MergeArgs};
use gavel_loadgen::report::compare::Comparison;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Prints a report, and writes it where it is wanted.
pub(crate) fn finish(report: &Report, out: Option<&Path>, json: bool) -> ExitCode {
    let written = out.map_or(Ok(()), |folder| report.write(folder));
    let printed = print(if json { report.json() } else { report.to_string() }, !report.server_gone);
    match written {
        Ok(()) => printed,
        Err(error) => fail(&error, FAILED),
    }
}

/// `loadgen compare`
pub(crate) fn compare(args: &CompareArgs, json: bool) -> ExitCode {
    let (before, after) = match (Report::read(&args.before), Report::read(&args.after)) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(error), _) | (_, Err(error)) => return fail(&error, FAILED),
    };
    let comparison = Comparison::new(before, after);
    if let Some(path) = &args.html
        && let Err(error) = std::fs::write(path, comparison.html())
    {
        return fail(&format_args!("{} can't be written: {error}", path.display()), FAILED);
    }
    let worse = args.fail_if_worse.map(|percent| comparison.worse_by(percent)).unwrap_or_default();
    print(if json { comparison.json() } else { comparison.to_string() }, true);
    if worse.is_empty() { ExitCode::SUCCESS } else { fail(&worse.join("; "), FAILED) }
}

/// `loadgen merge`
pub(crate) fn merge(args: &MergeArgs, json: bool) -> ExitCode {
    let read = |path: &PathBuf| Report::read(path);
    let reports = match args.reports.iter().map(read).collect::<Result<Vec<_>, _>>() {
        Ok(reports) => reports,
        Err(error) => return fail(&error, FAILED),
    };
    match Report::merged(reports) {
        Ok(report) => finish(&report, args.out.as_deref(), json),
        Err(error) => fail(&error, FAILED),
    }
}
