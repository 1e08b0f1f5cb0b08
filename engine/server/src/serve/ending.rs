//! How a serving process says why it ends: in the form of its messages, so that whoever collects JSON finds nothing else on stderr.

use crate::config::LogFormat;
use crate::exit::Exit;
use crate::output;
use std::fmt::Display;

/// The form of the last message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending(pub(super) LogFormat);

impl Ending {
    /// Says what went wrong.
    pub(super) fn failure(self, exit: Exit, problem: &dyn Display) -> Exit {
        match self.0 {
            LogFormat::Text => output::failure(exit, problem),
            LogFormat::Json => {
                tracing::error!(exit_code = exit as u8, "{problem}");
                exit
            }
        }
    }
}
