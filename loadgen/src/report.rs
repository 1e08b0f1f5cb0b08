//! What a run says of itself when it is over.
//!
//! ```text
//! run ─▶ Report ─┬─▶ text, JSON                                  (standard output)
//!                ├─▶ report.json, .txt, .hlog, .html             (files)
//! repeats ───────┤   repeated: the middle one, and the spread
//! processes ─────┘   merged: counts and histograms added up
//! ```
//!
//! **Invariants.** The model ([`Report`]) is the only source of all forms. Its JSON has a version, [`FORMAT`], and a schema made of its
//! own types; within a version, fields are only added. Rates are per second of the time in which bids were made; latencies in
//! microseconds, from the planned time in an open loop and from the first sending in a closed one. What spoils a figure is said beside
//! it, never left out ([`Report::warnings`]).

mod build;
pub mod compare;
mod ending;
pub mod files;
mod hlog;
pub(crate) mod html;
mod merge;
mod model;
mod point;
mod schema;
mod settings;
mod spread;
pub(crate) mod stage;
mod text;
mod warnings;

pub(crate) use build::Measured;
pub use ending::Ending;
pub use merge::MergeError;
pub use model::{FORMAT, Generator, LedgerReport, Part, Report, ServerFacts};
pub use point::{Point, PointLatency, PointPhase};
pub use schema::schema;
pub use settings::Settings;
pub use spread::Spread;
pub(crate) use stage::stages;
pub use stage::{Bucket, Stage};
pub use warnings::{LATE_SHARE_MAX, OTHER_LOAD_MAX, SPREAD_MAX, STEAL_MAX, UNSENT_SHARE_MAX};

#[cfg(test)]
mod tests;
