//! `gavel log …`: looks at a data directory or a backup, beside a running server or without one.
//!
//! Invariants:
//! - The log's storage engine is never opened, and not a byte of the directory is changed.
//! - Memory is bounded by what is asked for (one shard's state, one auction), never by the length of the log.
//! - Data goes to stdout as it comes about; who reads only its beginning is no failure.

mod error;
mod explain;
mod export;
mod lines;
mod progress;
mod range;
mod replay;
mod source;

use crate::cli::DataFlags;
use crate::config::Settings;
use crate::exit::Exit;
use crate::output;
use clap::Subcommand;
use error::ToolError;

/// The examples in the help.
pub(crate) const HELP: &str = "\
All of these only read. They never open the storage engine, never change a byte, and may be used beside a running server, on the \
directory of one that was killed, and on a backup.

Examples:
  gavel log replay --data /srv/gavel                 what `INFO digest` says, from the files alone
  gavel log explain 20261122-003-00000042            why everything in this auction came out as it did
  gavel log export --auction 20261122-003-00000042 | jq .";

/// What to look at.
#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Rebuild every shard's state and print its digest, as `INFO digest` does
    #[command(after_help = replay::HELP)]
    Replay(replay::ReplayFlags),
    /// Tell an auction's history with the rule behind each record, in words
    #[command(after_help = explain::HELP)]
    Explain(explain::ExplainFlags),
    /// Print records, one JSON object per line
    #[command(after_help = export::HELP)]
    Export(export::ExportFlags),
}

impl LogCommand {
    /// Where the data is.
    pub(crate) fn data(&self) -> &DataFlags {
        match self {
            Self::Replay(flags) => &flags.data,
            Self::Explain(flags) => &flags.data,
            Self::Export(flags) => &flags.data,
        }
    }
}

/// Does it.
pub(crate) fn run(command: &LogCommand, settings: &Settings, json: bool) -> Exit {
    let done = match command {
        LogCommand::Replay(flags) => replay::run(flags, &settings.data, json),
        LogCommand::Explain(flags) => explain::run(flags, &settings.data, json),
        LogCommand::Export(flags) => export::run(flags, &settings.data),
    };
    match done {
        Ok(exit) => exit,
        Err(ToolError::Closed) => Exit::Ok,
        Err(problem) => output::failure(problem.exit(), &problem),
    }
}
