//! `gavel demo`: an engine in a directory of its own, a closing-minute storm, a crash, the verdict.

use crate::cli::DemoFlags;
use crate::exit::Exit;

/// Shows it all.
pub(crate) fn run(flags: &DemoFlags, json: bool) -> Exit {
    let _ = (&flags.data, flags.seconds, json);
    Exit::Failure
}
