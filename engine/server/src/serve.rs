//! `gavel serve`: wires log, engine and sessions together, and ends them in order.
//!
//! ```text
//! lock the directory ─▶ listen for RESP and HTTP (answering LOADING) ─▶ read the log ─▶ serve ─▶ SIGTERM or SIGINT ─▶ refuse new work,
//! finish what was taken, mark the log clean, end the connections ─▶ exit 0
//! ```

mod ending;
mod limits;
mod logging;
mod report;

pub(crate) use logging::start as log_messages;

use crate::config::{CONSUMERS_FILE, DOCUMENTS_FILE, POSTGRES_FILE, Settings, UnknownVariables};
use crate::documents::{Place, Projector, Reader};
use crate::exit::Exit;
use crate::http::{Http, Listener};
use crate::output;
use crate::postgres::{Flusher, Retention};
use crate::server::{Server, StartReport};
use ending::Ending;
use gavel_engine::{Clock, Engine, Failure, LogState, OpenLog, Phase};
use gavel_log::{DirLock, LockError, OpenError, OpenOptions, Opened, SledLog};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The file in the data directory that tells where RESP is spoken; useful when the system chose the port.
pub(crate) const ADDRESS_FILE: &str = "resp.addr";
/// The file in the data directory that tells where HTTP is spoken; not there where it is off.
const HTTP_ADDRESS_FILE: &str = "http.addr";
/// How long commands under way may take at a stop, in seconds.
const FINISH_S: u64 = 60;
/// How long connections may take to read their last replies at a stop, in seconds.
const LAST_REPLIES_S: u64 = 5;

/// How long PostgreSQL and the document store may take for the batches under way at a stop, in seconds.
const LAST_BATCHES_S: u64 = 5;

/// Serves until it is told to stop or the log fails.
pub(crate) fn run(settings: &Settings, unknown: Option<&UnknownVariables>, json: bool) -> Exit {
    logging::start(settings);
    if let Some(unknown) = unknown {
        tracing::warn!("{unknown}");
    }
    let ending = Ending(settings.log_format);
    if let Err(error) = gavel_log::check_ours(
        &settings.data,
        &[ADDRESS_FILE, HTTP_ADDRESS_FILE, CONSUMERS_FILE, POSTGRES_FILE, DOCUMENTS_FILE],
    ) {
        let exit = if matches!(error, OpenError::Io { .. }) { Exit::Failure } else { Exit::LogRefused };
        return ending.failure(exit, &error);
    }
    let lock = match DirLock::acquire(&settings.data, "starting") {
        Ok(lock) => Arc::new(lock),
        Err(error @ LockError::Held { .. }) => return ending.failure(Exit::DataInUse, &error),
        Err(error) => return ending.failure(Exit::Failure, &error),
    };
    let handles = limits::raise_open_files();
    let runtime =
        match tokio::runtime::Builder::new_multi_thread().thread_name("gavel-net").enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                return ending.failure(Exit::Failure, &format_args!("no threads for connections: {error}"));
            }
        };
    let exit = runtime.block_on(serve(settings, &lock, handles, json));
    // Connections that did not end in time are cut off here.
    runtime.shutdown_timeout(Duration::from_secs(1));
    exit
}

async fn serve(settings: &Settings, lock: &Arc<DirLock>, connections_max: usize, json: bool) -> Exit {
    let Settings { data, resp, log_format, .. } = settings;
    let ending = Ending(*log_format);
    let listener = match TcpListener::bind(resp.0).await {
        Ok(listener) => listener,
        Err(error) => {
            return ending.failure(
                Exit::Failure,
                &format_args!("{resp} can't be listened on for RESP: {error}; choose another with --resp"),
            );
        }
    };
    let http = match settings.http.0.map(Listener::bind).transpose() {
        Ok(http) => http,
        Err(error) => {
            let words = format_args!(
                "{} can't be listened on for HTTP: {error}; choose another with --http, or --http off",
                settings.http
            );
            return ending.failure(Exit::Failure, &words);
        }
    };
    let (address, http_address) = match announce(&listener, http.as_ref(), lock, data) {
        Ok(addresses) => addresses,
        Err(error) => return ending.failure(Exit::Failure, &error),
    };
    let (mut stop, mut interrupt) = match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(stop), Ok(interrupt)) => (stop, interrupt),
        (Err(error), _) | (_, Err(error)) => {
            return ending.failure(Exit::Failure, &format_args!("signals can't be taken: {error}"));
        }
    };
    let start = StartReport::default();
    let options = settings.engine_options();
    let open = opener(Arc::clone(lock), options.clock.clone(), start.clone());
    let engine = match Engine::start(options, open) {
        Ok(engine) => engine,
        Err(error) => return ending.failure(Exit::Failure, &error),
    };
    let http_shown = http_address.map_or_else(|| "off".to_owned(), |address| address.to_string());
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %address, http = http_shown, data = %data.display(), "listening for RESP");
    if json {
        let http = http_address.map(|address| address.to_string());
        output::data(
            &serde_json::json!({ "resp": address.to_string(), "http": http, "data": data }).to_string(),
        );
    }
    let (closing, is_closing) = watch::channel(false);
    let flusher = match flusher(settings, &engine) {
        Ok(flusher) => flusher,
        Err(error) => return ending.failure(Exit::Failure, &error),
    };
    let retention = match Retention::start(settings) {
        Ok(retention) => retention,
        Err(error) => return ending.failure(Exit::Failure, &error),
    };
    let (projector, reader) = match projector(settings, &engine).await {
        Ok(documents) => documents.unzip(),
        Err(error) => return ending.failure(Exit::Failure, &error),
    };
    let asked = flusher.as_ref().map(|flusher| flusher.handle.clone());
    let server = Server::new(engine.handle(), address, start, connections_max, asked);
    let server =
        server.with_documents(projector.as_ref().map(|projector: &Projector| projector.handle.clone()));
    let server = Arc::new(server.with_retention(retention.as_ref().map(|retention| retention.kept.clone())));
    tokio::spawn(Arc::clone(&server).accept(listener, is_closing));
    let http = match http.map(|listener| Http::start(listener, Arc::clone(&server), reader)).transpose() {
        Ok(http) => http,
        Err(error) => return ending.failure(Exit::Failure, &format_args!("HTTP can't be served: {error}")),
    };
    let handle = engine.handle();
    tokio::spawn(async move { handle.run_hub().await });
    let shards = (settings.origin("shards") != "default").then_some(settings.shards);
    tokio::spawn(report::loading(engine.handle(), shards));
    tokio::spawn(report::clock_drift(engine.handle()));
    let mut phases = engine.handle().phases();
    tokio::select! {
        _ = stop.recv() => tracing::info!("SIGTERM: stopping in order"),
        _ = interrupt.recv() => tracing::info!("SIGINT: stopping in order"),
        _ = phases.wait_for(|phase| *phase == Phase::Failed) => {}
    }
    closing.send_replace(true);
    let flushed = async {
        if let Some(flusher) = flusher {
            flusher.stop().await;
        }
        if let Some(retention) = retention {
            retention.stop().await;
        }
    };
    let projected = async {
        if let Some(projector) = projector {
            projector.stop().await;
        }
    };
    let (exit, flushed, projected) = tokio::join!(
        finish(engine, &server, http, ending),
        tokio::time::timeout(Duration::from_secs(LAST_BATCHES_S), flushed),
        tokio::time::timeout(Duration::from_secs(LAST_BATCHES_S), projected)
    );
    if flushed.is_err() {
        tracing::warn!(
            "PostgreSQL has not taken the last batches in time; they are written after the next start"
        );
    }
    if projected.is_err() {
        tracing::warn!("the last documents were not written in time; they are written after the next start");
    }
    withdraw(data);
    exit
}

/// The flusher, where a database is named.
fn flusher(settings: &Settings, engine: &Engine) -> Result<Option<Flusher>, crate::postgres::StartError> {
    let routes = settings.routes().ok().flatten();
    let start = |routes| Flusher::start(settings, routes, engine.handle());
    routes.map(start).transpose()
}

/// The projector and who answers from its documents, where a place for them is named.
async fn projector(
    settings: &Settings,
    engine: &Engine,
) -> Result<Option<(Projector, Reader)>, crate::documents::StartError> {
    let Some(place) = Place::of(settings).await? else { return Ok(None) };
    let projector = Projector::start(settings, &place, engine.handle())?;
    let reader = projector.reader(settings, &place, tokio::runtime::Handle::current())?;
    Ok(Some((projector, reader)))
}

/// Nothing is spoken any more where these files say. One that stays misleads only people.
fn withdraw(data: &Path) {
    for name in [ADDRESS_FILE, HTTP_ADDRESS_FILE] {
        match std::fs::remove_file(data.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, name, "can't be removed");
            }
            _ => {}
        }
    }
}

/// Writes down where RESP and HTTP are spoken: in the lock, for whoever comes second, and in files of their own.
fn announce(
    listener: &TcpListener,
    http: Option<&Listener>,
    lock: &DirLock,
    data: &Path,
) -> std::io::Result<(SocketAddr, Option<SocketAddr>)> {
    let address = listener.local_addr()?;
    let http = http.map(Listener::address).transpose()?;
    let also = http.map_or_else(String::new, |http| format!(", HTTP on {http}"));
    lock.announce(&format!("RESP on {address}{also}"))?;
    let http_file = data.join(HTTP_ADDRESS_FILE);
    match http {
        Some(http) => std::fs::write(http_file, format!("{http}\n"))?,
        // One of an earlier start would mislead.
        None => match std::fs::remove_file(http_file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        },
    }
    // Last, as this is what is waited for.
    std::fs::write(data.join(ADDRESS_FILE), format!("{address}\n"))?;
    Ok((address, http))
}

/// Opens the log, on the engine's own thread.
fn opener(lock: Arc<DirLock>, clock: Clock, start: StartReport) -> OpenLog<SledLog> {
    Box::new(move || {
        let (log, opened) = SledLog::open(lock, OpenOptions::at(clock.now())).map_err(open_failure)?;
        let last_stop = *start.0.get_or_init(|| last_stop(&opened));
        let records: u64 = opened.tips.values().map(|tip| tip.lsn.0).sum();
        tracing::info!(records, scanned_bytes = opened.scanned_bytes, last_stop, "the log is open");
        let Opened { id, last_epoch: epoch, alive_until, clean, .. } = opened;
        Ok((log, LogState { id, epoch, alive_until, clean }))
    })
}

/// A log that the system could not open may be opened when the cause is gone; any other is refused for what it is.
fn open_failure(error: OpenError) -> Failure {
    match error {
        OpenError::Io { .. } => Failure::Log(error.to_string()),
        _ => Failure::Refused(error.to_string()),
    }
}

/// How the process before this one has ended.
fn last_stop(opened: &Opened) -> &'static str {
    match (opened.tips.is_empty(), opened.clean) {
        (true, _) => "none",
        (false, true) => "clean",
        (false, false) => "crash",
    }
}

/// Waits for what is under way, and says how it has ended.
async fn finish(engine: Engine, server: &Server, http: Option<Http>, ending: Ending) -> Exit {
    let handle = engine.handle();
    let was_loading = handle.phase() == Phase::Loading;
    let stopped = tokio::time::timeout(Duration::from_secs(FINISH_S), engine.stop()).await;
    // Until now HTTP has said that bids are not taken any more, and has given the answers to those that were.
    let last_replies = async {
        if let Some(http) = http {
            http.stop().await;
        }
        server.wait_for_connections().await;
    };
    if tokio::time::timeout(Duration::from_secs(LAST_REPLIES_S), last_replies).await.is_err() {
        tracing::warn!("some connections did not read their last replies in time");
    }
    match stopped {
        Ok(Ok(())) if was_loading => {
            tracing::info!("stopped before the log was read; nothing in it was changed")
        }
        Ok(Ok(())) => tracing::info!("stopped; the log is marked clean"),
        Ok(Err(failure)) => return ending.failure(exit_of(&failure), &failure),
        Err(_) => {
            let (under_way, _) = handle.credit();
            let words = format_args!("{under_way} commands were not finished within {FINISH_S} s");
            return ending.failure(Exit::Failure, &words);
        }
    }
    Exit::Ok
}

fn exit_of(failure: &Failure) -> Exit {
    match failure {
        Failure::Refused(_) => Exit::LogRefused,
        Failure::Log(_) => Exit::LogFailed,
        Failure::Defect(_) => Exit::Defect,
    }
}
