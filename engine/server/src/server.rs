//! What all connections of the process share, and the port that those of RESP come in by.

use crate::http::HttpCounters;
use crate::session::Session;
use gavel_engine::Handle;
use gavel_wire::{Code, reply};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How long accepting pauses when the system has no more file handles, in milliseconds.
const ACCEPT_PAUSE_MS: u64 = 50;

/// What all connections of the process share.
pub(crate) struct Server {
    /// The engine.
    pub(crate) engine: Handle,
    /// Where RESP is spoken.
    pub(crate) address: SocketAddr,
    /// How the process before this one ended, for `INFO`.
    pub(crate) start: StartReport,
    /// Connections that may be open at once.
    pub(crate) connections_max: usize,
    /// Connections open now.
    pub(crate) connections: AtomicUsize,
    /// Connections since the start.
    pub(crate) connections_total: AtomicU64,
    /// Subscriptions of all connections.
    pub(crate) subscriptions: Arc<AtomicUsize>,
    /// Connections that follow shards.
    pub(crate) followers: Arc<AtomicUsize>,
    /// Connections turned away because there were too many.
    pub(crate) connections_refused: AtomicU64,
    /// What is counted of HTTP.
    pub(crate) http: HttpCounters,
    /// The flusher in this process, if there is one.
    pub(crate) postgres: Option<gavel_postgres::flusher::Handle>,
    /// How retention stands in this process, if it runs here.
    pub(crate) retention: Option<gavel_postgres::retention::Kept>,
    /// The projector in this process, if there is one.
    pub(crate) documents: Option<gavel_projector::service::Handle>,
}

/// What was found at the start. Filled in when the log is open.
#[derive(Clone, Debug, Default)]
pub(crate) struct StartReport(pub(crate) Arc<std::sync::OnceLock<&'static str>>);

impl Server {
    pub(crate) fn new(
        engine: Handle,
        address: SocketAddr,
        start: StartReport,
        connections_max: usize,
        postgres: Option<gavel_postgres::flusher::Handle>,
    ) -> Self {
        Self {
            engine,
            address,
            start,
            connections_max,
            connections: AtomicUsize::new(0),
            connections_total: AtomicU64::new(0),
            subscriptions: Arc::default(),
            followers: Arc::default(),
            connections_refused: AtomicU64::new(0),
            http: HttpCounters::default(),
            postgres,
            retention: None,
            documents: None,
        }
    }

    /// With retention in this process, to be asked how it stands.
    pub(crate) fn with_retention(self, retention: Option<gavel_postgres::retention::Kept>) -> Self {
        Self { retention, ..self }
    }

    /// With the projector in this process, to be asked how far it is.
    pub(crate) fn with_documents(self, documents: Option<gavel_projector::service::Handle>) -> Self {
        Self { documents, ..self }
    }

    /// Takes connections until `closing` says so. Connections already open go on.
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener, mut closing: watch::Receiver<bool>) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = closing.wait_for(|closing| *closing) => return,
            };
            match accepted {
                Ok((stream, _)) => self.serve(stream),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                }
            }
        }
    }

    fn serve(self: &Arc<Self>, stream: TcpStream) {
        let open = Open::new(Arc::clone(self));
        let id = open.id;
        if open.is_one_too_many {
            self.connections_refused.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(turn_away(stream, self.connections_max, open));
            return;
        }
        // Replies are written whole; waiting for more to come would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
        let session = Session::new(Arc::clone(self), stream, id);
        tokio::spawn(async move {
            let _open = open;
            if let Err(error) = session.run().await {
                tracing::debug!(connection = id, %error, "the connection has ended");
            }
        });
    }

    /// Until every connection has ended.
    pub(crate) async fn wait_for_connections(&self) {
        while self.connections.load(Ordering::Acquire) > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Counts a connection, of whichever face, for as long as it is open.
pub(crate) struct Open {
    server: Arc<Server>,
    /// The connection's number.
    id: u64,
    /// As many as may be are open beside it: it is to be turned away.
    pub(crate) is_one_too_many: bool,
}

impl Open {
    pub(crate) fn new(server: Arc<Server>) -> Self {
        let id = server.connections_total.fetch_add(1, Ordering::Relaxed) + 1;
        let others = server.connections.fetch_add(1, Ordering::AcqRel);
        Self { id, is_one_too_many: others >= server.connections_max, server }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.server.connections.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Says why and closes.
async fn turn_away(mut stream: TcpStream, connections_max: usize, open: Open) {
    let mut out = Vec::new();
    reply::error(
        &mut out,
        Code::Busy,
        format_args!("{connections_max} connections are open, which is the limit"),
    );
    if let Err(error) = stream.write_all(&out).await {
        tracing::debug!(%error, "the connection was gone");
    }
    drop(open);
}
