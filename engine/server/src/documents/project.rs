//! `gavel project`: the projector in a process of its own, over a server's feed, with the queries on a port of its own.

use super::{Place, Projector, consumer};
use crate::config::{AddressOrOff, Documents, Given, MongoUrl, Settings};
use crate::exit::Exit;
use crate::http::{Listener, Queries};
use crate::output;
use crate::shards::Server;
use crate::source::FeedSource;
use clap::Args;
use gavel_log::clock::now;
use gavel_log::follow::{LaneReport, LaneState};
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// What `gavel project --help` begins with.
pub(crate) const ABOUT: &str = "\
Keep the documents that pages read, in a process of its own, and answer queries from them.

`gavel serve --mongodb URL` does the same inside of the server. Alone, its crash, memory and CPU can't touch the bids. It runs until \
SIGTERM or SIGINT; killed or cut off on any side, it goes on where the store says it is. Without --mongodb, documents are kept in a file \
of the data directory.";

/// The examples in the help.
pub(crate) const HELP: &str = "\
Examples:
  gavel project --mongodb mongodb://projector@db/auctions
  gavel project --server 10.0.0.7:7400 --http 0.0.0.0:7481 --data /srv/documents
  curl 'http://127.0.0.1:7481/v1/auctions?state=open&sort=ends_at'
  gavel consumer list                       how far behind it is, as the server sees it";

/// Where queries are answered, unless said: beside a server on the same machine.
const HTTP_DEFAULT: &str = "127.0.0.1:7481";
/// How often it says how far it is, where something is behind.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// The flags.
#[derive(Debug, Args)]
pub(crate) struct ProjectFlags {
    /// MongoDB that documents are written to, as a connection string; database `gavel` unless it names one [default: as `gavel config` says]
    #[arg(long, value_name = "URL")]
    mongodb: Option<MongoUrl>,
    /// The least time between two batches of a shard that is not behind, 1 to 60000 ms [default: as `gavel config` says]
    #[arg(long, value_name = "MS")]
    documents_every_ms: Option<u64>,
    /// Directory of the documents' file, where no MongoDB is named; made where it is missing [default: as `gavel config` says]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where queries are answered; port 0 lets the system choose; off: not at all
    #[arg(long, value_name = "IP:PORT", default_value = HTTP_DEFAULT)]
    http: AddressOrOff,
    /// The settings file, TOML [default: $GAVEL_CONFIG, else ./gavel.toml if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    server: Server,
}

impl ProjectFlags {
    /// The settings that were given, and the file of the others.
    pub(crate) fn given(&self) -> (Given, Option<PathBuf>) {
        let Self { mongodb, documents_every_ms, data, http, config, server: _ } = self;
        (Given::documents(mongodb.clone(), *documents_every_ms, data.clone(), Some(*http)), config.clone())
    }
}

/// Runs until it is told to stop.
pub(crate) fn run(flags: &ProjectFlags, settings: &Settings) -> Exit {
    crate::serve::log_messages(settings);
    let runtime =
        match tokio::runtime::Builder::new_multi_thread().thread_name("gavel-net").enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return output::failure(Exit::Failure, &error),
        };
    let ended = runtime.block_on(project(flags, settings));
    runtime.shutdown_timeout(Duration::from_secs(1));
    match ended {
        Ok(()) => Exit::Ok,
        Err(problem) => output::failure(Exit::Failure, &problem),
    }
}

/// Why it did not start, in words.
#[derive(Debug, thiserror::Error)]
enum ProjectError {
    #[error(transparent)]
    Start(#[from] super::StartError),
    #[error("{what}: {problem}")]
    Io { what: String, problem: std::io::Error },
}

/// Names what was being done when the system said no.
fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> ProjectError {
    move |problem| ProjectError::Io { what: what.into(), problem }
}

async fn project(flags: &ProjectFlags, settings: &Settings) -> Result<(), ProjectError> {
    // Alone, it has nothing else to do: without a MongoDB it is the file.
    let settings = Settings { documents: Documents::Embedded, ..settings.clone() };
    let (mut stop, mut interrupt) = (
        signal(SignalKind::terminate()).map_err(io("signals can't be taken"))?,
        signal(SignalKind::interrupt()).map_err(io("signals can't be taken"))?,
    );
    let address = settings.http.0;
    let listener = address.map(Listener::bind).transpose().map_err(io(format!(
        "{} can't be listened on for HTTP; choose another with --http, or --http off",
        settings.http
    )))?;
    if settings.mongodb.get().is_none() {
        let words = format!("the data directory {} can't be made", settings.data.display());
        std::fs::create_dir_all(&settings.data).map_err(io(words))?;
    }
    let Some(place) = Place::of(&settings).await? else { return Ok(()) };
    let server = flags.server.address();
    let projector = Projector::spawn(&settings, &place, FeedSource::new(server.0, consumer()))?;
    let reader = projector.reader(&settings, &place, tokio::runtime::Handle::current())?;
    let queries = match listener {
        Some(listener) => {
            let address = listener.address().map_err(io("the address of HTTP"))?;
            tracing::info!(%server, http = %address, "projecting");
            Some(Queries::start(listener, reader.clone()).map_err(io("HTTP can't be served"))?)
        }
        None => {
            tracing::info!(%server, http = "off", "projecting");
            None
        }
    };
    tokio::select! {
        _ = stop.recv() => tracing::info!("SIGTERM: stopping in order"),
        _ = interrupt.recv() => tracing::info!("SIGINT: stopping in order"),
        () = say(&reader) => {}
    }
    if let Some(queries) = queries {
        queries.stop().await;
    }
    projector.stop().await;
    Ok(())
}

/// Says how far it is while it is behind, and once when it is not any more.
async fn say(reader: &super::Reader) {
    let mut was_behind = false;
    loop {
        tokio::time::sleep(SAY_EVERY).await;
        let shards = reader.projector().shards();
        let events: u64 = shards.iter().map(LaneReport::lag_events).sum();
        let seconds = shards.iter().map(|shard| shard.lag_us(now()) / 1_000_000).max().unwrap_or(0);
        let stuck = shards.iter().filter(|shard| shard.state != LaneState::Following).count();
        if seconds > 1 {
            tracing::info!(events, seconds, stuck_shards = stuck, "behind");
        } else if was_behind {
            tracing::info!("caught up");
        }
        was_behind = seconds > 1;
    }
}
