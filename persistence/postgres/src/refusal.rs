//! What PostgreSQL's error means for a batch: this record can never be taken in, or everything has to be tried again.
//!
//! A record is refused for what it is by a constraint, by a type that has no such value, by a trigger that raises, by a limit that it is too
//! large for. All else (no connection, no right, a full disk, a read-only server, a missing table, a deadlock) is about the database, would
//! meet every other record as well, and passes: nothing is parked for it.

use crate::write::Refusal;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// The classes of codes that are about the record: data, constraints, check options, program limits, raised exceptions.
const ABOUT_THE_RECORD: [&str; 5] = ["22", "23", "44", "54", "P0"];

/// Why the record was refused; `None` where it was not the record's fault.
#[must_use]
pub fn of_the_record(error: &Error) -> Option<Refusal> {
    let server = error.as_db_error()?;
    let code = server.code().code();
    let is = code.get(..2).is_some_and(|class| ABOUT_THE_RECORD.contains(&class));
    is.then(|| Refusal { sqlstate: Some(code.to_owned()), reason: crate::error::said(error) })
}

/// True when the statement took too long: a smaller batch may pass.
#[must_use]
pub fn took_too_long(error: &Error) -> bool {
    error.code() == Some(&SqlState::QUERY_CANCELED)
}
