//! The relational copy of a history in memory, made by the flusher's own code in this process.

use super::Cluster;
use crate::History;
use gavel_core::{AuctionId, Lsn, ShardId};
use gavel_postgres::flusher::{Options, ShardReport};
use gavel_postgres::offline::Beside;
use gavel_postgres::rebuild::{self, Fill, Go, Headless, RebuildError};
use gavel_postgres::republish::{self, Delivered, Pace, Plan, Selection};
use gavel_postgres::verify::{self, Difference, Question, Verified};
use gavel_postgres::{Address, Database, Routes, Shards, Spelling};
use gavel_wire::event_json::{self, Form};
use std::time::Duration;
use uuid::Uuid;

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

/// Flushes all that is durable and not taken in yet, whatever the database has already. Nothing may be refused.
///
/// # Panics
/// When something is.
pub fn flush(cluster: &Cluster, name: &str, history: &History) {
    flush_what_goes(cluster, name, history);
    let parked = cluster.sql(name, "SELECT lsn, reason FROM gavel.parked");
    assert!(parked.is_empty(), "nothing is parked: {parked:?}");
}

/// Flushes all that is durable and not taken in yet, and parks what is refused.
pub fn flush_what_goes(cluster: &Cluster, name: &str, history: &History) {
    let filled = block_on(async {
        let options = options(cluster, name);
        options.routes.databases()[0].ensure_schema().await.expect("a schema");
        rebuild::fill(options, what(history, &history.ends()), |_: &[ShardReport]| Go::On).await
    });
    assert!(filled.expect("a flush").is_complete, "all was taken in");
}

fn what<'a>(history: &History, ends: &'a [(ShardId, Lsn)]) -> Fill<'a> {
    Fill { log: history.reader(), id: None, ends, left_out: Headless::default() }
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
        let ends = history.ends();
        let shards: Vec<ShardId> = ends.iter().map(|(shard, _)| *shard).collect();
        rebuild::begin(&options.routes.databases()[0], &shards).await?;
        rebuild::fill(options, what(history, &ends), look).await.map(|filled| filled.is_complete)
    })
}

/// Compares all shards of a history with their rows, or these auctions alone.
#[must_use]
pub fn verify(
    cluster: &Cluster,
    name: &str,
    history: &History,
    auctions: &[AuctionId],
) -> (Vec<Verified>, Vec<Difference>) {
    let question = Question { auctions: auctions.iter().copied().collect(), spelling: SPELLING };
    let (reader, mut differences) = (history.reader(), Vec::new());
    let log = Beside { log: &*reader, id: None, look_again: &|| Ok(()) };
    let verified = block_on(async {
        let mut client = database(cluster, name).client().await.expect("a connection");
        let mut all = Vec::new();
        for (shard, _) in history.ends() {
            let tell = &mut |difference| differences.push(difference);
            let verified = verify::verify(&mut client, log, shard, &question, tell, &mut |_| {}).await;
            all.push(verified.expect("a shard that can be compared"));
        }
        all
    });
    (verified, differences)
}

/// Delivers a selection again, in a run of its own: the plans and what was delivered, by shard. Stops before the transaction of this number.
#[must_use]
pub fn republish(
    cluster: &Cluster,
    name: &str,
    history: &History,
    selection: &Selection,
    (resumed, rate, transactions): (Option<Uuid>, Option<u64>, usize),
) -> (Uuid, Vec<Plan>, Vec<Delivered>) {
    let reader = history.reader();
    let log = Beside { log: &*reader, id: None, look_again: &|| Ok(()) };
    let asked = std::cell::Cell::new(0);
    let is_stopped = || {
        asked.set(asked.get() + 1);
        asked.get() > transactions
    };
    block_on(async {
        let mut client = database(cluster, name).client().await.expect("a connection");
        let run = match resumed {
            Some(id) => republish::resume(&client, id).await.expect("a run"),
            None => republish::begin(&client, Uuid::new_v4(), "{}").await.expect("a run"),
        };
        let (mut plans, mut all) = (Vec::new(), Vec::new());
        for (shard, _) in history.ends() {
            let planned = republish::plan(&client, log, shard, selection, &SPELLING, &mut |_| {}).await;
            let planned = planned.expect("a plan");
            let pace = Pace { rate, is_stopped: &is_stopped };
            let (what, heard) = ((selection, &SPELLING), &mut |_| {});
            let delivered = republish::deliver(&mut client, log, &planned, what, &run, pace, heard).await;
            all.push(delivered.expect("a delivery"));
            plans.push(planned);
        }
        if all.iter().all(|delivered| delivered.is_complete) {
            republish::finish(&client, run.id).await.expect("an end");
        } else {
            republish::stop(&client, run.id).await.expect("an end");
        }
        (run.id, plans, all)
    })
}
