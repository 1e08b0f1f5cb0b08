//! How far a backup or a restore has got: a bar on stderr, where that is a terminal; else nothing.

use gavel_log::offline::{Progress as Read, Stage};
use indicatif::{ProgressBar, ProgressStyle};

/// A bar, or nothing where nobody would see one.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar that counts records.
    pub(crate) fn records(doing: &'static str, total: u64) -> Self {
        Self::new(doing, total, "{msg} {bar:40} {human_pos} of {human_len} records, {per_sec}, {eta} left")
    }

    /// A bar that counts bytes.
    pub(crate) fn bytes(doing: &'static str, total: u64) -> Self {
        Self::new(doing, total, "{msg} {bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left")
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

    /// How far the reading of a directory is.
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
