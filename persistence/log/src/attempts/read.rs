//! Reading the journal, one line at a time, while it is written, rotated, torn.

use super::{Attempt, DIR, LINE_BYTES_MAX, files};
use gavel_core::AuctionId;
use memchr::memmem::Finder;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

/// The attempts in the journal of a data directory, oldest file first: of one auction, or all. None where there is no journal.
///
/// Attempts on one auction come about in the order of their times: those that were refused for want of credit are written apart from
/// those that a shard refused, and may lie a few milliseconds before or behind.
///
/// # Errors
/// The folder can't be read.
pub fn read(data_dir: &Path, auction: Option<AuctionId>) -> io::Result<Attempts> {
    let dir = data_dir.join(DIR);
    // What can't be listed is said at once, and not at the first attempt.
    files::numbers(&dir)?;
    let finder =
        auction.map(|auction| Finder::new(format!("\"auction\":\"{auction}\"").as_bytes()).into_owned());
    Ok(Attempts { dir, auction, finder, done: None, file: None, line: Vec::new(), passed_over: 0 })
}

/// Reads the journal. Holds one line in memory. Files that vanish meanwhile are passed over, files that come are read.
#[derive(Debug)]
pub struct Attempts {
    dir: PathBuf,
    auction: Option<AuctionId>,
    /// Finds lines that may be about the auction, without reading them as JSON.
    finder: Option<Finder<'static>>,
    /// The number of the file that is being read or was read last.
    done: Option<u64>,
    file: Option<BufReader<File>>,
    line: Vec<u8>,
    passed_over: u64,
}

/// What a file gives next.
enum Line {
    Whole,
    /// Without an end, or longer than any that is written.
    Torn,
    End,
}

impl Attempts {
    /// Lines so far that are no attempts: torn by a crash, or damaged.
    #[must_use]
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// Goes on to the next file there is. False when there is none.
    fn next_file(&mut self) -> io::Result<bool> {
        for number in files::numbers(&self.dir)? {
            if self.done.is_some_and(|done| number <= done) {
                continue;
            }
            self.done = Some(number);
            match File::open(files::path(&self.dir, number)) {
                Ok(file) => {
                    self.file = Some(BufReader::with_capacity(64 * 1024, file));
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn next_line(&mut self) -> io::Result<Line> {
        let Some(file) = &mut self.file else { return Ok(Line::End) };
        self.line.clear();
        file.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut self.line)?;
        match self.line.pop() {
            None => Ok(Line::End),
            Some(b'\n') => Ok(Line::Whole),
            Some(_) => {
                file.skip_until(b'\n')?;
                Ok(Line::Torn)
            }
        }
    }

    /// The attempt that the line holds, if it is wanted.
    fn wanted(&mut self) -> Option<Attempt<'static>> {
        if self.line.is_empty()
            || self.finder.as_ref().is_some_and(|finder| finder.find(&self.line).is_none())
        {
            return None;
        }
        match serde_json::from_slice::<Attempt<'static>>(&self.line) {
            Ok(attempt) => (self.auction.is_none() || attempt.auction == self.auction).then_some(attempt),
            Err(_) => {
                self.passed_over += 1;
                None
            }
        }
    }

    fn advance(&mut self) -> io::Result<Option<Attempt<'static>>> {
        loop {
            match self.next_line()? {
                Line::Whole => {
                    if let Some(attempt) = self.wanted() {
                        return Ok(Some(attempt));
                    }
                }
                Line::Torn => self.passed_over += 1,
                Line::End => {
                    self.file = None;
                    if !self.next_file()? {
                        return Ok(None);
                    }
                }
            }
        }
    }
}

impl Iterator for Attempts {
    type Item = io::Result<Attempt<'static>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}
