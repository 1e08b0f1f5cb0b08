//! Retention in this process: what was dropped, and what is held. Nothing where it does not run.

use super::{FmtResult, Out};
use gavel_postgres::retention::{DatabaseKept, Kept};

/// Everything about it.
pub(super) fn about_retention(out: &mut Out<'_>, kept: Option<&Kept>) -> FmtResult {
    let Some(databases) = kept.map(Kept::databases) else { return Ok(()) };
    let mut each = |name: &str, help: &str, value: &dyn Fn(&DatabaseKept) -> f64| {
        let values = databases.iter().map(|database| (database.name.as_str().into(), value(database)));
        out.gauges(name, help, "database", values)
    };
    each("gavel_postgres_held_days", "Days that are older than is kept, and are held", &|database| {
        database.held.len() as f64
    })?;
    each("gavel_postgres_dropped_days", "Days that were dropped since the start", &|database| {
        database.dropped_days as f64
    })?;
    each("gavel_postgres_dropped_rows", "Rows that went with them", &|database| {
        database.dropped_rows as f64
    })?;
    each(
        "gavel_postgres_retention_failures",
        "Looks at the partitions that failed since the start",
        &|database| database.failures as f64,
    )
}
