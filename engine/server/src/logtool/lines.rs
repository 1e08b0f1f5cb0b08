//! Data that is written to stdout as it comes about, however much of it there is.

use super::error::ToolError;
use std::io::{BufWriter, ErrorKind, StdoutLock, Write};

/// Bytes that are written at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// Lines on stdout. What is left in the buffer is written by [`Lines::finish`].
pub(crate) struct Lines(BufWriter<StdoutLock<'static>>);

impl Lines {
    /// On the process's stdout.
    pub(crate) fn stdout() -> Self {
        Self(BufWriter::with_capacity(BUFFER_BYTES, std::io::stdout().lock()))
    }

    /// Writes bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), ToolError> {
        self.0.write_all(bytes).map_err(stdout)
    }

    /// Writes one line.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), ToolError> {
        self.write(text.as_bytes())?;
        self.write(b"\n")
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self) -> Result<(), ToolError> {
        self.0.flush().map_err(stdout)
    }
}

/// A reader that goes away (`gavel … | head`) is no failure.
fn stdout(problem: std::io::Error) -> ToolError {
    if problem.kind() == ErrorKind::BrokenPipe { ToolError::Closed } else { ToolError::Stdout(problem) }
}
