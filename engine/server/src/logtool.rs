//! `gavel log …`: looks at a data directory or a backup, beside a running server or without one.
//!
//! Invariants:
//! - The log's storage engine is never opened, and not a byte of the directory is changed.
//! - Memory is bounded by what is asked for (one shard's state, one auction), never by the length of the log.
//! - Data goes to stdout as it comes about; who reads only its beginning is no failure.

mod diff;
mod error;
mod explain;
mod export;
mod inspect;
mod lines;
pub(crate) mod progress;
mod range;
mod replay;
mod salvage;
pub(crate) mod source;
mod verify;

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
  gavel log inspect --data /srv/gavel                what is there, how large, since when
  gavel log verify --data /srv/gavel                 whether all of it is whole
  gavel log replay --data /srv/gavel                 what `INFO digest` says, from the files alone
  gavel log explain 20261122-003-00000042            why everything in this auction came out as it did
  gavel log export --auction 20261122-003-00000042 | jq .
  gavel log diff /srv/gavel /backup/gavel            where the two part, or which is ahead
  gavel log salvage /tmp/salvaged --data /srv/gavel  what is whole in a damaged directory";

/// What to look at.
#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Show sizes, shards, ranges, epochs, rates, amplification, and who holds the directory
    #[command(after_help = inspect::HELP)]
    Inspect(inspect::InspectFlags),
    /// Check checksums, chain, gaps, epochs, snapshots and digests; list all that is wrong
    #[command(after_help = verify::HELP)]
    Verify(verify::VerifyFlags),
    /// Rebuild every shard's state and print its digest, as `INFO digest` does
    #[command(after_help = replay::HELP)]
    Replay(replay::ReplayFlags),
    /// Tell an auction's history with the rule behind each record, in words
    #[command(after_help = explain::HELP)]
    Explain(explain::ExplainFlags),
    /// Print records, one JSON object per line
    #[command(after_help = export::HELP)]
    Export(export::ExportFlags),
    /// Get every whole record out of a damaged directory into a new one
    #[command(after_help = salvage::HELP)]
    Salvage(salvage::SalvageFlags),
    /// Compare two directories: where they part, or which is ahead
    #[command(after_help = diff::HELP)]
    Diff(diff::DiffFlags),
}

impl LogCommand {
    /// Where the data is.
    pub(crate) fn data(&self) -> &DataFlags {
        match self {
            Self::Inspect(flags) => &flags.data,
            Self::Verify(flags) => &flags.data,
            Self::Replay(flags) => &flags.data,
            Self::Explain(flags) => &flags.data,
            Self::Export(flags) => &flags.data,
            Self::Salvage(flags) => &flags.data,
            Self::Diff(flags) => &flags.data,
        }
    }
}

/// Does it.
pub(crate) fn run(command: &LogCommand, settings: &Settings, json: bool) -> Exit {
    let done = match command {
        LogCommand::Inspect(flags) => inspect::run(flags, &settings.data, json),
        LogCommand::Verify(flags) => verify::run(flags, &settings.data, json),
        LogCommand::Replay(flags) => replay::run(flags, &settings.data, json),
        LogCommand::Explain(flags) => explain::run(flags, &settings.data, json),
        LogCommand::Export(flags) => export::run(flags, &settings.data),
        LogCommand::Salvage(flags) => salvage::run(flags, &settings.data, json),
        LogCommand::Diff(flags) => diff::run(flags, json),
    };
    match done {
        Ok(exit) => exit,
        Err(ToolError::Closed) => Exit::Ok,
        Err(problem) => output::failure(problem.exit(), &problem),
    }
}
