//! The relational copy of a history in memory, made by the flusher's own code in this process.

use super::Cluster;
use crate::History;
use gavel_postgres::flusher::{Options, ShardReport};
use gavel_postgres::rebuild::{self, Go, RebuildError};
use gavel_postgres::{Address, Database, Routes, Shards, Spelling};
use gavel_wire::event_json::{self, Form};
use std::time::Duration;

/// Events as all faces spell them.
pub const SPELLING: Spelling = Spelling {
    event: |out, kind| event_json::kind(out, kind, Form::Secret),
    event_type: event_json::type_name,
    shard_event: |out, position, event| event_json::shard_event(out, position, event, Form::Secret),
    shard_event_type: event_json::shard_type_name,
};

/// A database of the cluster, under the name `main`.
#[must_use]
pub fn database(cluster: &Cluster, name: &str) -> Database {
    let address = Address::parse(&cluster.url(name), None).expect("an address");
    Database::new("main", address, 4).expect("a database")
}

/// A flusher's options: all shards into one database.
#[must_use]
pub fn options(cluster: &Cluster, name: &str) -> Options {
    let routes = Routes::new(vec![(database(cluster, name), Shards::Others)]).expect("routes");
    Options { routes, parallel: 2, every: Duration::from_millis(1), spelling: SPELLING, assignments: None }
}

/// Runs something asynchronous.
pub fn block_on<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(what)
}

/// Flushes all that is durable and not taken in yet, whatever the database has already.
pub fn flush(cluster: &Cluster, name: &str, history: &History) {
    let filled = block_on(async {
        let options = options(cluster, name);
        options.routes.databases()[0].ensure_schema().await.expect("a schema");
        rebuild::fill(options, history.reader(), &history.ends(), |_: &[ShardReport]| Go::On).await
    });
    assert!(filled.expect("a flush"), "all was taken in");
    let parked = cluster.sql(name, "SELECT lsn, reason FROM gavel.parked");
    assert!(parked.is_empty(), "nothing is parked: {parked:?}");
}

/// Fills an empty database, as `gavel rebuild postgres` does.
///
/// # Errors
/// As there.
pub fn rebuild_with(
    cluster: &Cluster,
    name: &str,
    history: &History,
    look: impl FnMut(&[ShardReport]) -> Go,
) -> Result<bool, RebuildError> {
    block_on(async {
        let options = options(cluster, name);
        rebuild::begin(&options.routes.databases()[0]).await?;
        rebuild::fill(options, history.reader(), &history.ends(), look).await
    })
}
