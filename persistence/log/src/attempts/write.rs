//! Writing the journal: lines are gathered in memory and written together; full files are followed by new ones.

use super::{Attempt, BYTES_MIN, DIR, FILES_MAX, LINE_BYTES_MAX, WORDS_BYTES_MAX, files};
use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Bytes of gathered lines that ask to be written.
const BUFFER_BYTES: usize = 64 * 1024;

const _: () = assert!(
    (BUFFER_BYTES + LINE_BYTES_MAX) as u64 <= BYTES_MIN / FILES_MAX,
    "what is written at once fits a file of the smallest journal"
);

/// The journal's writer. Makes nothing before there is something to write. Lines that were not written when it is dropped are
/// lost; see [`Journal::write`].
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    bytes_max: u64,
    open: Option<OpenFile>,
    buffer: Vec<u8>,
    /// Lines in the buffer.
    lines: u64,
}

/// The file that is written to.
#[derive(Debug)]
struct OpenFile {
    file: File,
    number: u64,
    bytes: u64,
    /// The last line in it has no end: a crash or a full disk has cut it off.
    torn: bool,
}

/// Lines that could not be written. They are given up; the next ones may find room again.
#[derive(Debug, thiserror::Error)]
#[error("the journal of attempts in {} can't be written: {source}", dir.display())]
pub struct WriteError {
    /// The journal's folder.
    pub dir: PathBuf,
    /// How many lines are lost.
    pub lost: u64,
    /// Why.
    #[source]
    pub source: io::Error,
}

impl Journal {
    /// The journal of a data directory, which is to hold at most `bytes_max` bytes; less than [`BYTES_MIN`] is taken as that.
    #[must_use]
    pub fn new(data_dir: &Path, bytes_max: u64) -> Self {
        let bytes_max = bytes_max.max(BYTES_MIN);
        Self { dir: data_dir.join(DIR), bytes_max, open: None, buffer: Vec::new(), lines: 0 }
    }

    /// Gathers one line. True when it is time to [`write`](Self::write).
    pub fn append(&mut self, attempt: &Attempt<'_>) -> bool {
        let before = self.buffer.len();
        let words = &attempt.words[..attempt.words.floor_char_boundary(WORDS_BYTES_MAX)];
        let line = Attempt { words: Cow::Borrowed(words), ..attempt.clone_without_words() };
        // A vector takes everything, and every field has a text form.
        let encoded = serde_json::to_writer(&mut self.buffer, &line);
        debug_assert!(encoded.is_ok(), "{encoded:?}");
        self.buffer.push(b'\n');
        debug_assert!(self.buffer.len() - before <= LINE_BYTES_MAX, "the longest line is bounded");
        self.lines += 1;
        self.buffer.len() >= BUFFER_BYTES
    }

    /// Writes what was gathered; returns how many lines. They are not synced: a lost power may take them, a kill does not.
    ///
    /// # Errors
    /// The folder or file can't be written. What was gathered is given up, so nothing piles up.
    pub fn write(&mut self) -> Result<u64, WriteError> {
        let lines = std::mem::take(&mut self.lines);
        let written = if lines == 0 { Ok(()) } else { self.write_buffer() };
        self.buffer.clear();
        match written {
            Ok(()) => Ok(lines),
            Err(source) => {
                // Whatever the reason is, it may be gone with another file or folder.
                if let Some(open) = &mut self.open {
                    open.torn = true;
                }
                Err(WriteError { dir: self.dir.clone(), lost: lines, source })
            }
        }
    }

    fn write_buffer(&mut self) -> io::Result<()> {
        let size = self.buffer.len() as u64 + 1;
        let file_max = self.bytes_max / FILES_MAX;
        let mut open = match self.open.take() {
            Some(open) if open.is_there(&self.dir) => open,
            _ => OpenFile::newest(&self.dir)?,
        };
        if open.bytes + size > file_max {
            open = OpenFile::create(&self.dir, open.number + 1)?;
        }
        let open = self.open.insert(open);
        delete_oldest(&self.dir, open.number, self.bytes_max - file_max)?;
        open.write(&self.buffer)
    }
}

impl Attempt<'_> {
    fn clone_without_words(&self) -> Attempt<'_> {
        let Attempt { at, shard, auction, bidder, amount, bid, command, code, words: _ } = self;
        Attempt {
            at: *at,
            shard: *shard,
            auction: *auction,
            bidder: *bidder,
            amount: *amount,
            bid: *bid,
            command: Cow::Borrowed(command),
            code: Cow::Borrowed(code),
            words: Cow::Borrowed(""),
        }
    }
}

impl OpenFile {
    /// The file that was written last, or the first of all.
    fn newest(dir: &Path) -> io::Result<Self> {
        match files::numbers(dir)?.last() {
            Some(&number) => Self::reopen(dir, number),
            None => {
                std::fs::create_dir_all(dir)?;
                Self::create(dir, 1)
            }
        }
    }

    fn create(dir: &Path, number: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create_new(true).append(true).open(files::path(dir, number))?;
        Ok(Self { file, number, bytes: 0, torn: false })
    }

    fn reopen(dir: &Path, number: u64) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).open(files::path(dir, number))?;
        let bytes = file.metadata()?.len();
        let mut last = [b'\n'];
        if bytes > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        Ok(Self { file, number, bytes, torn: last != *b"\n" })
    }

    /// False when somebody has cleared the journal meanwhile.
    fn is_there(&self, dir: &Path) -> bool {
        files::path(dir, self.number).exists()
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.write_all(b"\n")?;
            self.bytes += 1;
            self.torn = false;
        }
        self.file.write_all(lines)?;
        self.bytes += lines.len() as u64;
        Ok(())
    }
}

/// Deletes the oldest files until those before `current` hold at most `bytes_max`.
fn delete_oldest(dir: &Path, current: u64, bytes_max: u64) -> io::Result<()> {
    let mut room = bytes_max;
    let mut full = false;
    for number in files::numbers(dir)?.into_iter().rev().filter(|number| *number != current) {
        let path = files::path(dir, number);
        let size = std::fs::metadata(&path)?.len();
        full |= size > room;
        if full {
            std::fs::remove_file(&path)?;
        } else {
            room -= size;
        }
    }
    Ok(())
}
