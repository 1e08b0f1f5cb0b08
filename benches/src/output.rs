//! How benches that say each result as soon as there is one, and have no table, say it and end.

use crate::error::BenchError;
use crate::spread::Spread;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;

/// A line on stdout. Where nobody reads, the measuring goes on all the same.
pub fn say(line: &str) {
    let _said = writeln!(std::io::stdout(), "{line}");
}

/// Figures by name, one for each round, as medians; names take so many places.
pub fn say_rows(rows: BTreeMap<&str, Vec<f64>>, width: usize) {
    for (row, values) in rows {
        let Some(Spread { median, min, max, runs }) = Spread::of(&values) else { continue };
        say(&format!("{row:<width$} {median:>12.2}   ({min:.2} to {max:.2}, {runs} runs)"));
    }
}

/// How the process ends, with the reason on stderr where something could not be measured.
#[must_use]
pub fn end(measured: Result<(), BenchError>) -> ExitCode {
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _said = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}
