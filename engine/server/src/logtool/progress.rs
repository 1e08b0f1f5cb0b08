//! How far a tool has got: a bar on stderr, where that is a terminal; else nothing.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar that counts records, or hides itself. Cheap to add to from several threads.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// `doing` is one word; `total` is the number of records.
    pub(crate) fn records(doing: &'static str, total: u64) -> Self {
        Self::new(doing, total, "{msg} {bar:40} {human_pos} of {human_len} records, {per_sec}, {eta} left")
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
