//! What the numbers among the settings may be.

use gavel_core::limits::SHARDS_MAX;
use gavel_engine::limits::{
    ARCHIVE_KEEP_DAYS_MAX, ARCHIVE_MAX_MB_MAX, CONNECTION_CREDIT_MAX, CREDIT_MAX, LOG_MAX_MB_MAX,
    LOG_MAX_MB_MIN, PULSE_GRACE_MS_MAX, RETIRE_AFTER_S_MAX, SNAPSHOT_EVERY_RECORDS_MAX,
    SNAPSHOT_EVERY_RECORDS_MIN, SNAPSHOT_EVERY_S_MAX, THREADS_MAX,
};
use std::fmt::{Display, Formatter, Result as FmtResult};
use std::str::FromStr;

/// The least and the most that a number may be, in its unit. Displayed as `1 ..= 256`, or `0 ..= 1000 ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    least: u64,
    most: u64,
    unit: &'static str,
}

pub(super) const SHARDS: Bounds = Bounds { least: 1, most: SHARDS_MAX as u64, unit: "" };
pub(super) const THREADS: Bounds = Bounds { least: 1, most: THREADS_MAX as u64, unit: "" };
pub(super) const CREDIT: Bounds = Bounds { least: 1, most: CREDIT_MAX as u64, unit: "" };
pub(super) const CONNECTION_CREDIT: Bounds =
    Bounds { least: 1, most: CONNECTION_CREDIT_MAX as u64, unit: "" };
pub(super) const PULSE_GRACE_MS: Bounds = Bounds { least: 0, most: PULSE_GRACE_MS_MAX, unit: "ms" };
/// One day.
pub(super) const OUTAGE_WINDOW_S: Bounds = Bounds { least: 0, most: 86_400, unit: "s" };
pub(super) const SNAPSHOT_EVERY_S: Bounds = Bounds { least: 1, most: SNAPSHOT_EVERY_S_MAX, unit: "s" };
pub(super) const SNAPSHOT_EVERY_RECORDS: Bounds =
    Bounds { least: SNAPSHOT_EVERY_RECORDS_MIN, most: SNAPSHOT_EVERY_RECORDS_MAX, unit: "records" };
pub(super) const RETIRE_AFTER_S: Bounds = Bounds { least: 1, most: RETIRE_AFTER_S_MAX, unit: "s" };
pub(super) const LOG_MAX_MB: Bounds = Bounds { least: LOG_MAX_MB_MIN, most: LOG_MAX_MB_MAX, unit: "MiB" };
pub(super) const ARCHIVE_KEEP_DAYS: Bounds = Bounds { least: 1, most: ARCHIVE_KEEP_DAYS_MAX, unit: "days" };
/// 0 is no bound.
pub(super) const ARCHIVE_MAX_MB: Bounds = Bounds { least: 0, most: ARCHIVE_MAX_MB_MAX, unit: "MiB" };

pub(super) const POSTGRES_CONNECTIONS: Bounds =
    Bounds { least: 1, most: gavel_postgres::limits::CONNECTIONS_MAX as u64, unit: "" };
/// One minute.
pub(super) const POSTGRES_EVERY_MS: Bounds = Bounds { least: 1, most: 60_000, unit: "ms" };

/// One minute.
pub(super) const DOCUMENTS_EVERY_MS: Bounds = Bounds { least: 1, most: 60_000, unit: "ms" };

/// 0 is for ever.
pub(super) const POSTGRES_KEEP_DAYS: Bounds = Bounds { least: 0, most: 36_500, unit: "days" };

/// 64 GiB.
pub(super) const ATTEMPTS_MAX_MB: Bounds = Bounds { least: 0, most: 65_536, unit: "MiB" };

impl Bounds {
    pub(super) fn contains(self, value: u64) -> bool {
        (self.least..=self.most).contains(&value)
    }

    /// These bounds, but for a most that is lower.
    pub(super) fn at_most(self, most: u64) -> Self {
        Self { most: self.most.min(most), ..self }
    }

    /// Reads a number. Whether it is within the bounds is judged with all the others; here they only say what was expected.
    pub(super) fn read<T: FromStr>(self, text: &str) -> Result<T, String> {
        text.parse().map_err(|_| format!("allowed is an integer {self}"))
    }
}

impl Display for Bounds {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let Self { least, most, unit } = self;
        let space = if unit.is_empty() { "" } else { " " };
        write!(f, "{least} ..= {most}{space}{unit}")
    }
}
