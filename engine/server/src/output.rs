//! Data to stdout, everything else to stderr. A reader that goes away (`gavel … | head`) is no failure.

use crate::exit::Exit;
use std::fmt::{Display, Write as _};
use std::io::{ErrorKind, Write};

/// Writes data to stdout, with a line's end.
pub(crate) fn data(text: &str) -> Exit {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Exit::Ok,
        Err(problem) if problem.kind() == ErrorKind::BrokenPipe => Exit::Ok,
        Err(problem) => failure(Exit::Failure, &format_args!("stdout can't be written: {problem}")),
    }
}

/// Says on stderr what went wrong.
pub(crate) fn failure(exit: Exit, problem: &dyn Display) -> Exit {
    // Nobody is left to tell when stderr is gone; the exit code still says it.
    drop(writeln!(std::io::stderr().lock(), "error: {problem}"));
    exit
}

/// Says on stderr what was found strange, and is gone on with.
pub(crate) fn warning(found: &dyn Display) {
    // Nobody is left to tell when stderr is gone.
    drop(writeln!(std::io::stderr().lock(), "warning: {found}"));
}

/// Says on stderr what a server has refused: its code, then its words.
pub(crate) fn refused(exit: Exit, refusal: &dyn Display) -> Exit {
    // Nobody is left to tell when stderr is gone; the exit code still says it.
    drop(writeln!(std::io::stderr().lock(), "refused: {refusal}"));
    exit
}

/// Says on stderr how something is going, or what a person may want to know.
pub(crate) fn note(text: &dyn Display) {
    // Nobody is left to tell when stderr is gone.
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// Rows as text, columns aligned: the first to the left, the others to the right. The first row is the heading.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell: &String| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let lines = rows.iter().map(|row| line(row, &widths));
    lines.collect::<Vec<_>>().join("\n")
}

/// A number with commas between its thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    String::from_utf8_lossy(&groups.join(&b',')).into_owned()
}

/// How many there are of something: `1 record`, `2,000 records`.
pub(crate) fn count(number: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
        // Writing to a `String` can't fail.
        let _written: std::fmt::Result = match column {
            0 => write!(line, "{cell:<width$}"),
            _ => write!(line, "  {cell:>width$}"),
        };
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn tables_are_aligned_and_end_without_spaces() {
        let rows = [vec!["day", "a", "long one"], vec!["-1", "1,000", "2"], vec!["12", "é", ""]];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect());
        assert_eq!(table(&rows), "day      a  long one\n-1   1,000         2\n12       é");
    }
}
