//! The report as one HTML page.

use super::Report;

impl Report {
    /// The page, complete in itself.
    #[must_use]
    pub fn html(&self) -> String {
        format!("<!doctype html><pre>{self}</pre>")
    }
}
