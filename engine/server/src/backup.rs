//! `gavel backup …`: a second directory that holds what the log holds, from which `gavel restore` makes a data directory.
//!
//! ```text
//! DIR/ archive/      every record, in files as the data directory's archive has them; a shard's last one still grows
//!      snapshots/    shards' states, where they were copied along
//!      backup.json   up to which record of each shard it goes
//!      lock          who writes to it now
//! ```
//!
//! Both ways of making one go on where the directory ends: [`copy`] reads a data directory once, beside a running server or not;
//! [`follow`] reads a server's feed until it is stopped. Each frame is checked, and must continue the one before it.

mod copy;
mod error;
mod follow;
mod manifest;
mod report;
mod shelf;
mod snapshots;

pub(crate) use error::BackupError;
pub(crate) use manifest::{MANIFEST_FILE, Manifest, ShardEnd};
pub(crate) use snapshots::copy_whole;

use crate::config::Address;
use crate::exit::Exit;
use crate::output;
use clap::Args;
use gavel_core::ConsumerName;
use std::path::PathBuf;

/// What `gavel backup --help` begins with.
pub(crate) const ABOUT: &str = "\
Copy everything that was decided into a second directory, on another disk or machine.

Without --follow, one pass: snapshots, archive and log of the data directory, beside a running server or a stopped one, up to one \
position of each shard, which is said. Run again on the same directory, it copies what has been added since.

With --follow, it goes on until it is stopped: every record is synced in the backup a moment after it was decided, and only then \
acknowledged to the server, which keeps what is missing meanwhile. Killed or cut off on either side, it goes on where it was.

`gavel restore` makes a data directory of either.";

/// The examples in the help.
pub(crate) const HELP: &str = "\
Examples:
  gavel backup /mnt/backup --data /srv/gavel          one pass; the next one copies only what is new
  gavel backup /mnt/backup --follow                   every record, as it is decided, until Ctrl-C
  gavel backup /mnt/backup --follow --server 10.0.0.7:7400 --name second-site
  gavel consumer list                                 how far behind it is, as the server sees it
  gavel restore /mnt/backup --data /srv/gavel-new";

/// The flags.
#[derive(Clone, Debug, Args)]
pub(crate) struct BackupFlags {
    /// The backup's directory: a new or empty one, or a backup of the same log to go on with
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The data directory to copy; not used with --follow
    #[arg(long, value_name = "DIR", env = "GAVEL_DATA", default_value = "./gavel-data")]
    pub(crate) data: PathBuf,
    /// Follow a running server until stopped
    #[arg(long)]
    pub(crate) follow: bool,
    /// With --follow: the server
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "GAVEL_SERVER",
        default_value = "127.0.0.1:7400",
        value_parser = Address::of_server
    )]
    pub(crate) server: Address,
    /// With --follow: the name under which the server keeps what this backup still needs
    #[arg(long, value_name = "NAME", default_value = "backup")]
    pub(crate) name: ConsumerName,
}

/// Makes a backup, or goes on with one.
pub(crate) fn run(flags: &BackupFlags, json: bool) -> Exit {
    let made = if flags.follow { follow::run(flags, json) } else { copy::run(flags) };
    match made {
        Ok(manifest) if json => output::data(&manifest.to_json()),
        Ok(manifest) => output::data(&report::text(&flags.dir, &manifest)),
        Err(problem) => output::failure(problem.exit(), &problem),
    }
}
