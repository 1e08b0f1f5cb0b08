//! How far a tool has got: a bar on stderr, where that is a terminal; else nothing.

use gavel_log::offline::{Progress as Read, Stage};
use indicatif::{ProgressBar, ProgressStyle};

/// A bar that counts records, or hides itself. Cheap to add to from several threads.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// `doing` is one word; `total` is the number of records.
    pub(crate) fn records(doing: &'static str, total: u64) -> Self {
        Self::new(doing, total, "{msg} {bar:40} {human_pos} of {human_len} records, {per_sec}, {eta} left")
    }

    /// A bar that counts the bytes of what is being read.
    pub(crate) fn bytes() -> Self {
        Self::new("reading", 0, "{msg} {bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left")
    }

    /// How far the reading of files is.
    pub(crate) fn stage(&self, read: Read) {
        let Read { stage, done, total } = read;
        self.0.set_message(match stage {
            Stage::Log => "scanning the log",
            Stage::Archive => "reading the archive",
            Stage::Snapshots => "reading snapshots",
        });
        self.0.set_length(total);
        self.0.set_position(done);
    }

    fn new(doing: &'static str, total: u64, template: &str) -> Self {
        let bar = ProgressBar::new(total);
        // The template is a constant; a wrong one would only look plain.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(doing);
        Self(bar)
    }

    /// Says something without tearing the bar.
    pub(crate) fn aside<T>(&self, say: impl FnOnce() -> T) -> T {
        self.0.suspend(say)
    }

    /// So many are done.
    pub(crate) fn at(&self, count: u64) {
        self.0.set_position(count);
    }

    /// So many more are done.
    pub(crate) fn add(&self, count: u64) {
        self.0.inc(count);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
