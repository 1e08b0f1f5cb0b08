//! The journal's files: a folder with numbered names.

use std::io;
use std::path::{Path, PathBuf};

/// What a file's name ends in.
const SUFFIX: &str = ".ndjson";
/// Digits of a file's number; a larger one has more.
const DIGITS: usize = 8;

/// One file's path.
pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:0DIGITS$}{SUFFIX}"))
}

/// The numbers of all files, ascending. None where the folder is missing; what has another name is not the journal's.
pub(super) fn numbers(dir: &Path) -> io::Result<Vec<u64>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        numbers.extend(entry?.file_name().to_str().and_then(number));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    let plain = digits.len() >= DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}
