//! `gavel flush`: the flusher in a process of its own, over a server's feed.

use super::tools::routes;
use super::{Flusher, Retention, consumer, options};
use crate::config::{Given, Settings};
use crate::exit::Exit;
use crate::output;
use crate::postgres::command::DatabaseFlags;
use crate::shards::Server;
use crate::source::FeedSource;
use clap::Args;
use gavel_core::ConsumerName;
use gavel_postgres::flusher::{Handle, LaneState};
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// What `gavel flush --help` begins with.
pub(crate) const ABOUT: &str = "\
Write everything that a server decides to PostgreSQL, in a process of its own.

`gavel serve --postgres URL` does the same inside of the server. Alone, its crash, memory and CPU can't touch the bids. It runs until \
SIGTERM or SIGINT; killed or cut off on any side, it goes on where the database says it is. An empty database is migrated by itself.";

/// The examples in the help.
pub(crate) const HELP: &str = "\
Examples:
  gavel flush --postgres postgresql://flusher@db/auctions
  gavel flush --server 10.0.0.7:7400 --config /etc/gavel.toml     databases from the settings file
  gavel flush --name archive --postgres postgresql://flusher@db/archive     beside another flusher, to another database
  gavel consumer list                       how far behind it is, as the server sees it
  gavel postgres status                     how far each shard is, as the databases see it";

/// How often it says how far it is, where something is behind.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// The flags.
#[derive(Debug, Args)]
pub(crate) struct FlushFlags {
    #[command(flatten)]
    pub(crate) databases: DatabaseFlags,
    #[command(flatten)]
    server: Server,
    /// The name under which the server keeps what the databases have; each flusher beside another needs one of its own
    #[arg(long, value_name = "NAME", default_value = super::CONSUMER)]
    name: ConsumerName,
    /// Remember here which database each shard is written to [default: by what the databases say]
    #[arg(long, value_name = "FILE")]
    assignments: Option<PathBuf>,
}

impl FlushFlags {
    /// The settings that were given, and the file of the others.
    pub(crate) fn given(&self) -> (Given, Option<PathBuf>) {
        self.databases.given()
    }
}

/// Runs until it is told to stop.
pub(crate) fn run(flags: &FlushFlags, settings: &Settings) -> Exit {
    crate::serve::log_messages(settings);
    let routes = match routes(settings) {
        Ok(routes) => routes,
        Err(problem) => return output::failure(problem.exit(), &problem),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::failure(Exit::Failure, &error),
    };
    let (assignments, source) = (
        flags.assignments.clone(),
        FeedSource::new(flags.server.address().0, consumer(Some(flags.name.clone()))),
    );
    let ended = runtime.block_on(async {
        let (mut stop, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let flusher = Flusher::spawn(options(settings, routes, assignments), source)?;
        let retention = Retention::start(settings)?;
        tracing::info!(server = %flags.server.address(), "flushing");
        tokio::select! {
            _ = stop.recv() => tracing::info!("SIGTERM: stopping in order"),
            _ = interrupt.recv() => tracing::info!("SIGINT: stopping in order"),
            () = say(&flusher.handle) => {}
        }
        flusher.stop().await;
        if let Some(retention) = retention {
            retention.stop().await;
        }
        Ok::<(), super::StartError>(())
    });
    match ended {
        Ok(()) => Exit::Ok,
        Err(error) => output::failure(Exit::Failure, &error),
    }
}

/// Says how far it is while it is behind, and once when it is not any more.
async fn say(handle: &Handle) {
    let mut was_behind = false;
    loop {
        tokio::time::sleep(SAY_EVERY).await;
        let report = handle.report();
        let events: u64 = report.shards.iter().map(gavel_postgres::flusher::ShardReport::lag_events).sum();
        let seconds = report.shards.iter().map(|shard| shard.lag_us() / 1_000_000).max().unwrap_or(0);
        let stuck = report.shards.iter().filter(|shard| shard.state != LaneState::Following).count();
        if seconds > 1 {
            tracing::info!(events, seconds, stuck_shards = stuck, "behind");
        } else if was_behind {
            tracing::info!("caught up");
        }
        was_behind = seconds > 1;
    }
}
