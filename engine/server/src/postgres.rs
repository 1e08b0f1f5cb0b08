//! PostgreSQL as the binary knows it: the flusher in the server's process, `gavel flush` alone, and `gavel postgres …`.

mod assign;
mod command;
mod flush;
mod outbox;
mod parked;
mod partitions;
mod rebuild;
mod republish;
mod retention;
mod status;
mod tools;
mod verify;

pub(crate) use command::{HELP, PostgresCommand, run};
pub(crate) use flush::{ABOUT as FLUSH_ABOUT, FlushFlags, HELP as FLUSH_HELP, run as flush};

pub(crate) use outbox::{ABOUT as OUTBOX_ABOUT, HELP as OUTBOX_HELP, OutboxFlags, run as outbox};
pub(crate) use rebuild::{HELP as REBUILD_HELP, RebuildCommand, run as rebuild};
pub(crate) use republish::{
    ABOUT as REPUBLISH_ABOUT, HELP as REPUBLISH_HELP, RepublishFlags, run as republish,
};
pub(crate) use retention::Retention;
pub(crate) use verify::{HELP as VERIFY_HELP, VerifyCommand, run as verify};

use crate::config::{POSTGRES_FILE, Settings};
use crate::source::{Consumer, EngineSource};
use gavel_core::{ConsumerName, EventKind, Position, ShardEvent};
use gavel_postgres::flusher::{Error, Handle, Options, Service};
use gavel_postgres::{Routes, Source, Spelling};
use gavel_wire::event_json::{self, Form};
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

/// What the flusher is called among the consumers.
pub(crate) const CONSUMER: &str = "postgres";

/// How to go on where the log does not go on from the cursor: what comes next has left the archive, or the log was restored to an earlier state.
const GO_ON: &str = "fill an empty database by `gavel rebuild postgres`, and flush to that; where the beginning has left the archive, from a \
                     backup that goes further back (--data), or with what there is (--from-oldest)";

/// Events as all faces spell them, with everything that the log holds.
pub(crate) const SPELLING: Spelling = Spelling {
    event: |out: &mut Vec<u8>, kind: &EventKind| event_json::kind(out, kind, Form::Secret),
    event_type: event_json::type_name,
    shard_event: |out: &mut Vec<u8>, position: Position, event: &ShardEvent| {
        event_json::shard_event(out, position, event, Form::Secret);
    },
    shard_event_type: event_json::shard_type_name,
};

/// A flusher on a thread of its own.
pub(crate) struct Flusher {
    /// To ask it, and to stop it.
    pub(crate) handle: Handle,
    thread: JoinHandle<()>,
}

/// Why the flusher did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Flusher(#[from] Error),
    #[error("no thread for the flusher: {0}")]
    Thread(#[from] std::io::Error),
}

/// How settings have it.
fn options(settings: &Settings, routes: Routes, assignments: Option<PathBuf>) -> Options {
    Options {
        routes,
        parallel: settings.postgres_connections,
        every: Duration::from_millis(settings.postgres_every_ms),
        spelling: SPELLING,
        assignments,
    }
}

/// The flusher, as the log knows it: under this name, or under its usual one.
fn consumer(name: Option<ConsumerName>) -> Consumer {
    Consumer { name: name.or_else(|| CONSUMER.parse().ok()), go_on: GO_ON }
}

impl Flusher {
    /// Starts it inside of the server.
    ///
    /// # Errors
    /// What it remembers can't be read, or there is no thread.
    pub(crate) fn start(
        settings: &Settings,
        routes: Routes,
        engine: gavel_engine::Handle,
    ) -> Result<Self, StartError> {
        let assignments = settings.data.join(POSTGRES_FILE);
        Self::spawn(options(settings, routes, Some(assignments)), EngineSource::new(engine, consumer(None)))
    }

    fn spawn(options: Options, source: impl Source + Send) -> Result<Self, StartError> {
        let (service, handle) = Service::new(options, source)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("gavel-postgres".to_owned());
        let thread = thread.spawn(move || runtime.block_on(service.run()))?;
        Ok(Self { handle, thread })
    }

    /// Stops it, and waits for the batches that are being written.
    pub(crate) async fn stop(self) {
        self.handle.stop();
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("the flusher has panicked; this is a defect");
        }
    }
}
