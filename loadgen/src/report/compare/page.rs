//! The comparison as one HTML page.

use super::Comparison;

impl Comparison {
    /// The page, complete in itself.
    #[must_use]
    pub fn html(&self) -> String {
        format!("<!doctype html><pre>{self}</pre>")
    }
}
