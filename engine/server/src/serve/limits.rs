//! What the operating system allows the process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// File handles that are kept for the log and the rest of the process.
const OTHER_FILES: u64 = 64;
/// Connections that are allowed at the most, whatever the system would allow.
const CONNECTIONS_MAX: u64 = 100_000;

/// Raises the limit of open files as far as it goes; returns how many connections that leaves room for.
pub(crate) fn raise_open_files() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(CONNECTIONS_MAX + OTHER_FILES);
    if current.is_some_and(|current| current < wanted)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
    {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files.saturating_sub(OTHER_FILES).clamp(1, CONNECTIONS_MAX)).unwrap_or(1)
}
