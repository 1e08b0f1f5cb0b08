//! HTTP: the same engine over JSON, with answers of the same codes and words, and live updates as server-sent events.
//!
//! - Sockets live on threads of their own, never on those of the shards.
//! - Nothing is answered before it is durable, exactly as over RESP.
//! - What a client can make the server hold is bounded ([`limits`]): bodies, heads, lines, streams, answers that are not read.
//! - The description at `/openapi.json` and the paths that are served are one list: [`routes`].

mod acts;
mod answers;
mod auctions;
mod bans;
mod bids;
mod body;
mod consumers;
mod documents;
mod events;
mod feed;
mod guard;
mod key;
mod limits;
mod lines;
mod metrics;
mod problem;
mod requests;
mod resume;
mod routes;
mod schema;
mod service;
mod text;
mod worker;

#[cfg(test)]
mod tests;

use crate::documents::Reader;
use crate::server::{Open, Server};
use actix_web::dev::{Extensions, ServerHandle};
use actix_web::http::StatusCode;
use actix_web::{App, HttpServer};
use answers::RememberedAnswers;
use documents::Reading;
use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use worker::{Common, Worker};

/// What is counted of HTTP since the start.
#[derive(Debug, Default)]
pub(crate) struct HttpCounters {
    /// Answers by the first digit of their status: 2, 3, 4, 5.
    answers: [AtomicU64; 4],
    /// Subscribers that were told from the log what they had missed.
    pub(crate) resumed: AtomicU64,
}

impl HttpCounters {
    fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(2);
        if let Some(counter) = self.answers.get(class) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// HTTP, being served.
pub(crate) struct Http {
    handle: ServerHandle,
    running: JoinHandle<std::io::Result<()>>,
}

/// Where HTTP is listened for, before anything is served.
pub(crate) struct Listener(std::net::TcpListener);

impl Listener {
    /// Takes the address.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn bind(address: SocketAddr) -> std::io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // As every server does: connections of the process before this one may still be fading.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self(socket.listen(limits::BACKLOG)?.into_std()?))
    }

    /// The address; where the port was 0, with the one that the system chose.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn address(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Http {
    /// Serves on threads of its own.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn start(
        Listener(listener): Listener,
        server: Arc<Server>,
        reader: Option<Reader>,
    ) -> std::io::Result<Self> {
        let reading = reader.map(Reading);
        let common = Arc::new(Common {
            server: Arc::clone(&server),
            answers: RememberedAnswers::default(),
            wide: AtomicUsize::new(0),
            readings: resume::Readings::default(),
        });
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let connections_max = server.connections_max;
        let app = move || routes::app(App::new(), Worker::start(Arc::clone(&common)), reading.clone());
        let served = HttpServer::new(app)
            .workers(threads)
            // Those above the limit of the process are answered so; this only bounds how many at once.
            .max_connections(connections_max)
            .client_request_timeout(Duration::from_secs(limits::HEAD_S))
            .keep_alive(Duration::from_secs(limits::KEEP_ALIVE_S))
            .client_disconnect_timeout(Duration::from_secs(limits::END_S))
            .shutdown_timeout(limits::END_S)
            .tcp_nodelay(true)
            .disable_signals()
            .on_connect(move |io, data| connected(&server, io, data))
            .listen(listener)?
            .run();
        Ok(Self { handle: served.handle(), running: tokio::spawn(served) })
    }

    /// Takes no more connections, lets those that are being answered hear it, and ends the threads.
    pub(crate) async fn stop(self) {
        let Self { handle, running } = self;
        handle.stop(true).await;
        match running.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "HTTP has ended"),
            Err(error) => tracing::error!(%error, "HTTP has ended by a panic; this is a defect"),
        }
    }
}

/// The queries of `gavel project`, being served.
pub(crate) struct Queries(Http);

impl Queries {
    /// Serves on threads of its own.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn start(Listener(listener): Listener, reader: Reader) -> std::io::Result<Self> {
        let reading = Reading(reader);
        let served = HttpServer::new(move || routes::query_app(App::new(), reading.clone()))
            .workers(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
            .client_request_timeout(Duration::from_secs(limits::HEAD_S))
            .keep_alive(Duration::from_secs(limits::KEEP_ALIVE_S))
            .client_disconnect_timeout(Duration::from_secs(limits::END_S))
            .shutdown_timeout(limits::END_S)
            .tcp_nodelay(true)
            .disable_signals()
            .listen(listener)?
            .run();
        Ok(Self(Http { handle: served.handle(), running: tokio::spawn(served) }))
    }

    /// Takes no more connections, and lets those that are being answered hear it.
    pub(crate) async fn stop(self) {
        self.0.stop().await;
    }
}

/// Counts a connection with those of RESP, and has the system cut it off once nothing is read on the other side.
fn connected(server: &Arc<Server>, io: &dyn Any, data: &mut Extensions) {
    data.insert(Open::new(Arc::clone(server)));
    if let Some(stream) = io.downcast_ref::<TcpStream>()
        && let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(stream, limits::UNREAD_S * 1_000)
    {
        tracing::debug!(%error, "TCP_USER_TIMEOUT was refused");
    }
}
