//! Goal: the comparison finds nothing where nothing differs, and every kind of difference that it looks for where one was made; an auction whose partition is
//! gone is compared by its row; delivering again heals what differs, and only that; filling an empty database makes the same rows.
//!
//! Method: an eventful history in memory, flushed into a real PostgreSQL; rows are changed by hand, one thing at a time.

use gavel_core::{AuctionId, Duration, Lsn, ShardId};
use gavel_log::{Frames, LogReader};
use gavel_postgres::offline::Beside;
use gavel_postgres::rebuild::{self, Begun, Fill, Filled, Go, Headless, RebuildError};
use gavel_postgres::republish::{self, Delivered, Pace, Plan, Selection};
use gavel_postgres::retention::{Policy, run};
use gavel_postgres::verify::{Difference, Question};
use gavel_tests::history::at;
use gavel_tests::postgres::copy::{
    SPELLING, block_on, database, flush, flush_what_goes, options, rebuild_with, republish as republish_all,
    verify,
};
use gavel_tests::{Cluster, History};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// 2026-09-01.
const FIRST: u16 = 20_697;
const DB: &str = "postgres";
const ALL: (Option<uuid::Uuid>, Option<u64>, usize) = (None, None, usize::MAX);

/// Twenty auctions of two shards and two days, some of them still open.
fn eventful() -> (History, Vec<AuctionId>) {
    let mut history = History::new();
    (0..2).for_each(|shard| history.start(shard, at(FIRST, 0)));
    let auction = |number: u64| {
        let now = at(FIRST + (number % 2) as u16, 10 * number);
        history.eventful((number / 2 % 2) as u8, now, number, number % 7 == 6)
    };
    let auctions = (0..20).map(auction).collect();
    history.commit();
    (history, auctions)
}

fn flushed() -> (Cluster, History, Vec<AuctionId>) {
    let (history, auctions) = eventful();
    let cluster = Cluster::fresh(&[]);
    flush(&cluster, DB, &history);
    (cluster, history, auctions)
}

fn sql(cluster: &Cluster, statement: &str) {
    let rows = cluster.sql(DB, &format!("SET search_path = gavel; {statement}"));
    assert!(rows.is_empty(), "{statement}: {rows:?}");
}

fn differences(cluster: &Cluster, history: &History) -> Vec<Difference> {
    verify(cluster, DB, history, &[]).1
}

fn whats(differences: &[Difference]) -> Vec<&str> {
    differences.iter().map(|difference| difference.what.as_str()).collect()
}

/// All rows of all tables but those that say how far something is.
fn contents(cluster: &Cluster) -> String {
    let tables = ["auctions", "bids", "maxima", "events"].map(|table| (table, "auction, seq"));
    let tables = tables.into_iter().chain([("shard_events", "shard, lsn")]);
    let all = tables.map(|(table, order)| {
        cluster.value(
            DB,
            &format!(
                "SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY {order}), '') FROM gavel.{table} AS t"
            ),
        )
    });
    all.collect::<Vec<_>>().join("\n\n")
}

#[test]
fn nothing_differs_until_something_is_changed_and_then_that_is_said() {
    let (cluster, history, auctions) = flushed();
    let (verified, found) = verify(&cluster, DB, &history, &[]);
    assert_eq!(found, []);
    assert_eq!(verified.iter().map(|verified| verified.auctions).sum::<u64>(), 20);
    let bids: u64 = verified.iter().map(|verified| verified.bids).sum();
    assert_eq!(bids as usize, history.counts()[0]);
    let first = auctions[0];
    let of = format!("auction = auction_id('{first}')");
    let other = auctions[3];
    for (change, undo, wanted) in [
        (
            "UPDATE auctions SET price = price + 1 WHERE",
            "UPDATE auctions SET price = price - 1 WHERE",
            vec!["price"],
        ),
        (
            "UPDATE auctions SET leader = '77' WHERE",
            "UPDATE auctions SET leader = NULL WHERE",
            vec!["leader"],
        ),
        (
            "UPDATE auctions SET bid_count = bid_count + 1 WHERE",
            "UPDATE auctions SET bid_count = bid_count - 1 WHERE",
            vec!["bid_count"],
        ),
        (
            "UPDATE auctions SET bidder_count = bidder_count + 1 WHERE",
            "UPDATE auctions SET bidder_count = bidder_count - 1 WHERE",
            vec!["bidder_count"],
        ),
        (
            "UPDATE auctions SET outcome = 'unpaid' WHERE",
            "UPDATE auctions SET outcome = 'cancelled' WHERE",
            vec!["outcome"],
        ),
        (
            "UPDATE auctions SET state = 'open' WHERE",
            "UPDATE auctions SET state = 'cancelled' WHERE",
            vec!["state"],
        ),
        (
            "UPDATE auctions SET final_at = final_at + interval '1 second' WHERE",
            "UPDATE auctions SET final_at = final_at - interval '1 second' WHERE",
            vec!["final_at"],
        ),
        (
            "UPDATE auctions SET deadline = now() WHERE",
            "UPDATE auctions SET deadline = NULL WHERE",
            vec!["deadline"],
        ),
        (
            "UPDATE auctions SET reserve_price = 5 WHERE",
            "UPDATE auctions SET reserve_price = NULL WHERE",
            vec!["reserve_price"],
        ),
        (
            "UPDATE auctions SET winning_bid = '{\"seq\": 3}' WHERE",
            "UPDATE auctions SET winning_bid = NULL WHERE",
            vec!["winning_bid"],
        ),
        (
            "UPDATE auctions SET runner_up_bid = '{\"seq\": 3}' WHERE",
            "UPDATE auctions SET runner_up_bid = NULL WHERE",
            vec!["runner_up_bid"],
        ),
        (
            "UPDATE bids SET price = price + 1 WHERE seq = 3 AND",
            "UPDATE bids SET price = price - 1 WHERE seq = 3 AND",
            vec!["bids", "bid 3"],
        ),
        (
            "UPDATE bids SET withdrawn_seq = 99 WHERE seq = 3 AND",
            "UPDATE bids SET withdrawn_seq = NULL WHERE seq = 3 AND",
            vec!["bids", "bid 3 withdrawn_seq"],
        ),
        (
            "UPDATE maxima SET amount = amount + 1 WHERE seq = 3 AND",
            "UPDATE maxima SET amount = amount - 1 WHERE seq = 3 AND",
            vec!["bids", "bid 3 maximum"],
        ),
        (
            "UPDATE events SET type = 'x' WHERE seq = 1 AND",
            "UPDATE events SET type = 'opened' WHERE seq = 1 AND",
            vec!["event 1"],
        ),
        (
            "UPDATE auctions SET opening_price = opening_price + 1 WHERE",
            "UPDATE auctions SET opening_price = opening_price - 1 WHERE",
            vec!["opening_price"],
        ),
        (
            "UPDATE auctions SET seller = seller || '0' WHERE",
            "UPDATE auctions SET seller = left(seller, -1) WHERE",
            vec!["seller"],
        ),
        (
            "UPDATE auctions SET first_ends_at = first_ends_at + interval '1 second' WHERE",
            "UPDATE auctions SET first_ends_at = first_ends_at - interval '1 second' WHERE",
            vec!["first_ends_at"],
        ),
        (
            "UPDATE auctions SET increments = increments || '[1]' WHERE",
            "UPDATE auctions SET increments = increments - -1 WHERE",
            vec!["increments"],
        ),
        (
            "UPDATE auctions SET details = jsonb_build_object('other', details) WHERE",
            "UPDATE auctions SET details = details -> 'other' WHERE",
            vec!["details"],
        ),
        (
            "UPDATE auctions SET details_added = details_added || '[1]' WHERE",
            "UPDATE auctions SET details_added = details_added - -1 WHERE",
            vec!["details_added"],
        ),
        (
            "UPDATE auctions SET tried = tried || '7'::text WHERE",
            "UPDATE auctions SET tried = trim_array(tried, 1) WHERE",
            vec!["tried"],
        ),
        (
            "UPDATE events SET data = data || '{\"more\": 1}' WHERE seq = 1 AND",
            "UPDATE events SET data = data - 'more' WHERE seq = 1 AND",
            vec!["event 1 data"],
        ),
    ] {
        sql(&cluster, &format!("{change} {of}"));
        let found = differences(&cluster, &history);
        assert_eq!(whats(&found), wanted, "{change}");
        assert!(found.iter().all(|difference| difference.auction == Some(first)));
        assert_eq!(verify(&cluster, DB, &history, &[first]).1, found);
        assert_eq!(verify(&cluster, DB, &history, &[other]).1, []);
        sql(&cluster, &format!("{undo} {of}"));
        assert_eq!(differences(&cluster, &history), []);
    }
    // A row too many, of each kind.
    sql(
        &cluster,
        &format!(
            "INSERT INTO events SELECT auction, 999, epoch, lsn, at, received, decided, origin, type, data FROM events WHERE seq = 1 AND {of}"
        ),
    );
    sql(
        &cluster,
        &format!(
            "INSERT INTO bids SELECT auction, 998, epoch, lsn, at, received, decided, price, bid_id, NULL, NULL, bidder, status FROM bids WHERE seq = 3 AND {of}"
        ),
    );
    assert_eq!(whats(&differences(&cluster, &history)), ["bids", "bid 998", "event 999"]);
    sql(&cluster, "DELETE FROM events WHERE seq = 999; DELETE FROM bids WHERE seq = 998");
    sql(&cluster, &format!("UPDATE auctions SET auction = auction + 1000 WHERE {of}"));
    assert_eq!(whats(&differences(&cluster, &history)), ["auction", "auction"]);
    sql(
        &cluster,
        &format!("UPDATE auctions SET auction = auction - 1000 WHERE auction = auction_id('{first}') + 1000"),
    );
    sql(&cluster, "DELETE FROM shard_events WHERE shard = 1");
    assert_eq!(whats(&differences(&cluster, &history)), ["shard_events"]);
}

#[test]
fn rows_are_compared_as_of_the_cursor_and_dropped_ones_not_at_all() {
    let (cluster, mut history, _) = flushed();
    // What is decided after the cursor is no difference.
    history.eventful(0, at(FIRST + 3, 0), 40, false);
    history.commit();
    assert_eq!(differences(&cluster, &history), []);
    flush(&cluster, DB, &history);
    sql(
        &cluster,
        "UPDATE cursors SET moved_at = now() - interval '2 hours'; UPDATE auctions SET final_at = at WHERE final_at IS NULL",
    );
    let policy = Policy { keep: Duration::from_secs(30 * 86_400), export: None };
    let pass = block_on(async {
        let mut client = database(&cluster, DB).client().await.unwrap();
        run(&mut client, &policy, at(FIRST + 200, 0)).await.unwrap()
    });
    assert_eq!(pass.dropped.len(), 3);
    sql(&cluster, "UPDATE auctions SET final_at = NULL WHERE state NOT IN ('closed', 'unsold', 'cancelled')");
    let (verified, found) = verify(&cluster, DB, &history, &[]);
    assert_eq!(found, []);
    assert_eq!(verified.iter().map(|verified| verified.dropped).sum::<u64>(), 21);
    // A price that differs is still found.
    sql(&cluster, "UPDATE auctions SET price = 7 WHERE auction = (SELECT max(auction) FROM auctions)");
    assert_eq!(whats(&differences(&cluster, &history)), ["price"]);
    // Nothing of it is delivered again: it was dropped on purpose.
    let (_, plans, delivered) = republish_all(&cluster, DB, &history, &Selection::default(), ALL);
    assert_eq!(delivered.iter().map(|delivered| delivered.written + delivered.auctions).sum::<u64>(), 0);
    assert_ne!(plans.iter().map(|plan| plan.dropped).sum::<u64>(), 0);
}

#[test]
fn delivering_again_heals_what_is_missing_or_differs_and_changes_nothing_twice() {
    let (cluster, history, auctions) = flushed();
    let whole = contents(&cluster);
    let everything = Selection::default();
    let (_, plans, delivered) = republish_all(&cluster, DB, &history, &everything, ALL);
    let records: u64 = plans.iter().map(gavel_postgres::republish::Plan::records).sum();
    assert_eq!(records as usize, history.counts().iter().sum::<usize>());
    assert_eq!(delivered.iter().map(|delivered| delivered.records).sum::<u64>(), records);
    assert_eq!(delivered.iter().map(|delivered| delivered.written).sum::<u64>(), 0, "all of it was there");
    assert_eq!(contents(&cluster), whole);

    // One auction is gone in all tables, one in a part, one differs.
    let [gone, part, other] = [auctions[1], auctions[5], auctions[12]];
    for table in ["auctions", "bids", "maxima", "events"] {
        sql(&cluster, &format!("DELETE FROM {table} WHERE auction = auction_id('{gone}')"));
    }
    sql(&cluster, &format!("DELETE FROM bids WHERE auction = auction_id('{part}') AND seq % 2 = 0"));
    sql(&cluster, &format!("DELETE FROM maxima WHERE auction = auction_id('{part}') AND seq = 3"));
    sql(
        &cluster,
        &format!("UPDATE bids SET price = 1, withdrawn_seq = 2 WHERE auction = auction_id('{other}')"),
    );
    sql(&cluster, &format!("UPDATE auctions SET price = 1 WHERE auction = auction_id('{other}')"));
    sql(&cluster, "DELETE FROM shard_events");
    let broken = contents(&cluster);
    assert_ne!(broken, whole);

    // Only what is missing: what differs stays as it is.
    let missing = Selection { missing: true, ..Selection::default() };
    let (_, plans, delivered) = republish_all(&cluster, DB, &history, &missing, ALL);
    let planned: u64 = plans.iter().filter_map(|plan| plan.missing).sum();
    let written: u64 = delivered.iter().map(|delivered| delivered.written).sum();
    assert_eq!(planned, written, "the plan has counted what was sent");
    assert_eq!(delivered.iter().map(|delivered| delivered.auctions).sum::<u64>(), 1);
    let left = differences(&cluster, &history);
    assert!(left.iter().all(|difference| difference.auction == Some(other)), "{left:?}");

    // One auction whole.
    let one = Selection { auctions: [other].into_iter().collect(), ..Selection::default() };
    let (_, _, delivered) = republish_all(&cluster, DB, &history, &one, ALL);
    assert_ne!(delivered.iter().map(|delivered| delivered.written).sum::<u64>(), 0);
    assert_eq!(differences(&cluster, &history), []);
    assert_eq!(contents(&cluster), whole);
    let (_, _, again) = republish_all(&cluster, DB, &history, &one, ALL);
    assert_eq!(again.iter().map(|delivered| delivered.written).sum::<u64>(), 0);
}

#[test]
fn auctions_with_parked_records_are_told_as_such_and_left_alone_until_they_are_retried() {
    let (history, auctions) = eventful();
    let cluster = Cluster::fresh(&[]);
    assert!(block_on(async { database(&cluster, DB).ensure_schema().await.unwrap() }));
    sql(
        &cluster,
        "ALTER TABLE bids ADD CONSTRAINT never CHECK (bidder <> '9' OR auction_shard(auction) = 0)",
    );
    flush_what_goes(&cluster, DB, &history);
    let parked = cluster.value(DB, "SELECT count(DISTINCT auction) FROM gavel.parked");
    assert_ne!(parked, "0");
    let (_, found) = verify(&cluster, DB, &history, &[]);
    assert!(!found.is_empty() && found.iter().all(|difference| difference.is_parked), "{found:?}");
    let before = contents(&cluster);
    let (_, plans, delivered) = republish_all(&cluster, DB, &history, &Selection::default(), ALL);
    assert_ne!(plans.iter().map(|plan| plan.parked).sum::<u64>(), 0);
    assert_eq!(delivered.iter().map(|delivered| delivered.written).sum::<u64>(), 0);
    assert_eq!(contents(&cluster), before);
    sql(&cluster, "ALTER TABLE bids DROP CONSTRAINT never");
    let retried = block_on(async {
        gavel_postgres::park::retry(&database(&cluster, DB), None, &SPELLING).await.unwrap()
    });
    assert_eq!(retried.left, 0);
    assert_eq!(differences(&cluster, &history), []);
    assert_eq!(auctions.len(), 20);
}

#[test]
fn records_that_wait_for_missing_ones_are_delivered_with_them_and_parked_no_longer() {
    let (cluster, mut history, auctions) = flushed();
    let open = auctions[6];
    for (table, number) in [("auctions", 1), ("bids", 1), ("maxima", 1), ("events", 1)] {
        let statement =
            format!("DELETE FROM {table} WHERE auction = auction_id('{open}') AND seq >= {number}");
        sql(&cluster, &statement);
    }
    let later = |seconds: u64| at(FIRST, 60 + seconds);
    history.bid(open, 1, 60_000, later(100));
    history.commit();
    flush_what_goes(&cluster, DB, &history);
    let parked = || cluster.value(DB, "SELECT count(*) FROM gavel.parked");
    assert_eq!(parked(), "1");
    // A retry can't help.
    let retried = block_on(async {
        gavel_postgres::park::retry(&database(&cluster, DB), None, &SPELLING).await.unwrap()
    });
    assert_eq!((retried.taken, retried.left), (0, 1));
    // What is parked after the plan was made is delivered, too.
    let selection = Selection { auctions: [open].into_iter().collect(), ..Selection::default() };
    let plan = planned(&cluster, &history, open.shard(), &selection);
    history.bid(open, 2, 70_000, later(101));
    history.commit();
    flush_what_goes(&cluster, DB, &history);
    assert_eq!(parked(), "2");
    let log = Beside { log: &*history.reader(), id: None, look_again: &|| Ok(()) };
    let delivered = deliver(&cluster, log, &plan, &selection, None);
    assert_eq!((delivered.auctions, delivered.is_complete, parked().as_str()), (1, true, "0"));
    assert_eq!(differences(&cluster, &history), []);
    // And the flusher goes on from there.
    history.bid(open, 1, 80_000, later(102));
    history.commit();
    flush(&cluster, DB, &history);
    assert_eq!(differences(&cluster, &history), []);
}

#[test]
fn what_is_flushed_meanwhile_is_read_once_however_many_transactions_there_are() {
    let (cluster, mut history, _) = flushed();
    let selection = Selection::default();
    let plan = planned(&cluster, &history, ShardId(0), &selection);
    history.eventful(0, at(FIRST + 3, 0), 41, false);
    history.commit();
    flush(&cluster, DB, &history);
    let whole = contents(&cluster);
    sql(
        &cluster,
        "DELETE FROM bids WHERE auction_shard(auction) = 0 AND auction_day(auction) < '2026-09-03'",
    );
    let reads = Arc::new(AtomicUsize::new(0));
    let counting = Counting { log: history.reader(), after: plan.cursor.lsn, reads: Arc::clone(&reads) };
    let log = Beside { log: &counting, id: None, look_again: &|| Ok(()) };
    let delivered = deliver(&cluster, log, &plan, &selection, Some(60));
    assert!(delivered.is_complete && delivered.records > 120, "several transactions: {delivered:?}");
    // Once for the bids that were taken out, and once for the rows of open auctions, at the end.
    assert_eq!(reads.load(Ordering::Relaxed), 2);
    assert_eq!(contents(&cluster), whole);
}

/// A log that counts how often what is behind a record is read.
struct Counting {
    log: Arc<dyn LogReader>,
    after: Lsn,
    reads: Arc<AtomicUsize>,
}

impl LogReader for Counting {
    fn read_from(&self, shard: ShardId, from: Lsn) -> Frames {
        self.reads.fetch_add(usize::from(from > self.after), Ordering::Relaxed);
        self.log.read_from(shard, from)
    }

    fn durable(&self, shard: ShardId) -> Lsn {
        self.log.durable(shard)
    }

    fn oldest(&self, shard: ShardId) -> Lsn {
        self.log.oldest(shard)
    }
}

fn planned(cluster: &Cluster, history: &History, shard: ShardId, selection: &Selection) -> Plan {
    let log = Beside { log: &*history.reader(), id: None, look_again: &|| Ok(()) };
    block_on(async {
        let client = database(cluster, DB).client().await.unwrap();
        republish::plan(&client, log, shard, selection, &SPELLING, &mut |_| {}).await.unwrap()
    })
}

fn deliver(
    cluster: &Cluster,
    log: Beside<'_>,
    plan: &Plan,
    selection: &Selection,
    rate: Option<u64>,
) -> Delivered {
    block_on(async {
        let mut client = database(cluster, DB).client().await.unwrap();
        let run = republish::begin(&client, uuid::Uuid::new_v4(), "{}").await.unwrap();
        let pace = Pace { rate, is_stopped: &|| false };
        republish::deliver(&mut client, log, plan, (selection, &SPELLING), &run, pace, &mut |_| {})
            .await
            .unwrap()
    })
}

#[test]
fn shards_are_filled_each_by_itself_and_an_auction_that_nobody_knows_is_told() {
    let (history, auctions) = eventful();
    let cluster = Cluster::fresh(&[]);
    let fill = |shard: u8, go: Go| {
        let ends: Vec<_> = history.ends().into_iter().filter(|(other, _)| *other == ShardId(shard)).collect();
        block_on(async {
            let options = options(&cluster, DB);
            let begun = rebuild::begin(&options.routes.databases()[0], &[ShardId(shard)]).await?;
            let what = Fill { log: history.reader(), id: None, ends: &ends, left_out: Headless::default() };
            let filled = rebuild::fill(options, what, |_| go).await?;
            Ok::<_, RebuildError>((begun, filled.is_complete))
        })
    };
    assert_eq!(fill(0, Go::Stop).unwrap(), (Begun::Empty, false));
    // The one that is not finished stays so while another is filled.
    assert_eq!(fill(1, Go::On).unwrap(), (Begun::Empty, true));
    assert!(matches!(fill(1, Go::On), Err(RebuildError::NotEmpty { shards: 1, .. })));
    assert_eq!(fill(0, Go::On).unwrap(), (Begun::Partly, true));
    assert!(matches!(fill(0, Go::On), Err(RebuildError::NotEmpty { .. })));
    assert_eq!(
        cluster.value(DB, "SELECT shards::text || (finished_at IS NOT NULL) FROM gavel.rebuild"),
        "{}true"
    );
    assert_eq!(differences(&cluster, &history), []);

    let nobodys = AuctionId::new(FIRST, ShardId(0), 99).unwrap();
    let (verified, found) = verify(&cluster, DB, &history, &[auctions[0], nobodys]);
    assert_eq!((&verified[0].unknown, verified[0].auctions, found), (&vec![nobodys], 1, vec![]));
    let stray = format!(
        "UPDATE auctions SET auction = auction_id('{nobodys}') WHERE auction = auction_id('{}')",
        auctions[0]
    );
    sql(&cluster, &stray);
    let (_, found) = verify(&cluster, DB, &history, &[nobodys]);
    assert_eq!((found.len(), found[0].log.as_str()), (1, "no such auction"));
}

#[test]
fn the_beginning_of_a_history_that_is_gone_is_told_and_the_rest_is_filled_in() {
    let (history, auctions) = eventful();
    let cluster = Cluster::fresh(&[]);
    // Of shard 0 the first frame has left the archive, and with it the beginning of an auction.
    let frames = history.reader().read_from(ShardId(0), Lsn(1)).map(Result::unwrap);
    let oldest = frames.map(|frame| frame.first()).nth(1).unwrap();
    let late = Late { log: history.reader(), shard: ShardId(0), oldest };
    let ends = history.ends();
    let left_out = rebuild::headless(&late, &ends, &mut |_| {}).unwrap();
    let auctions_left = &left_out.auctions;
    assert!(!auctions_left.is_empty() && auctions_left.iter().all(|auction| auction.shard() == ShardId(0)));
    let headless = auctions_left.len();
    let filled = block_on(async {
        let options = options(&cluster, DB);
        rebuild::begin(&options.routes.databases()[0], &[ShardId(0), ShardId(1)]).await.unwrap();
        let what = Fill { log: Arc::new(late.clone()), id: None, ends: &ends, left_out };
        rebuild::fill(options, what, |_| Go::On).await.unwrap()
    });
    assert_eq!(filled, Filled { is_complete: true, parked: 0 });
    assert_eq!(cluster.value(DB, "SELECT count(*) FROM gavel.parked"), "0");
    assert_eq!(
        cluster.value(DB, "SELECT count(*) FROM gavel.auctions"),
        (auctions.len() - headless).to_string()
    );
    let question = Question { auctions: gavel_postgres::Set::default(), spelling: SPELLING };
    let (log, mut found) = (Beside { log: &late, id: None, look_again: &|| Ok(()) }, Vec::new());
    let verified = block_on(async {
        let mut client = database(&cluster, DB).client().await.unwrap();
        let tell = &mut |difference| found.push(difference);
        gavel_postgres::verify::verify(&mut client, log, ShardId(0), &question, tell, &mut |_| {})
            .await
            .unwrap()
    });
    assert_eq!((found, verified.headless as usize, verified.oldest), (Vec::new(), headless, oldest));
}

/// A log whose first records of one shard are gone.
#[derive(Clone)]
struct Late {
    log: Arc<dyn LogReader>,
    shard: ShardId,
    oldest: Lsn,
}

impl LogReader for Late {
    fn read_from(&self, shard: ShardId, from: Lsn) -> Frames {
        let frames = self.log.read_from(shard, from);
        assert!(shard != self.shard || from >= self.oldest, "record {} of shard {shard} is gone", from.0);
        frames
    }

    fn durable(&self, shard: ShardId) -> Lsn {
        self.log.durable(shard)
    }

    fn oldest(&self, shard: ShardId) -> Lsn {
        if shard == self.shard { self.oldest } else { Lsn(1) }
    }
}

#[test]
fn a_selection_by_type_and_by_period_delivers_that_and_what_a_new_row_needs() {
    let (cluster, history, auctions) = flushed();
    let whole = contents(&cluster);
    let second_day = |types: &[&str]| Selection {
        from: Some(at(FIRST + 1, 0)),
        until: Some(at(FIRST + 2, 0)),
        types: types.iter().map(|name| name.parse().unwrap()).collect(),
        ..Selection::default()
    };
    sql(&cluster, "DELETE FROM bids WHERE seq = 2; DELETE FROM events WHERE type = 'opened'");
    let (_, plans, _) = republish_all(&cluster, DB, &history, &second_day(&["bid"]), ALL);
    assert!(plans.iter().all(|plan| plan.by_type.keys().eq(["bid_accepted"].iter())), "{plans:?}");
    let days = cluster.value(
        DB,
        "SELECT string_agg(DISTINCT gavel.auction_day(auction)::text, ' ') FROM gavel.bids WHERE seq = 2",
    );
    assert_eq!(days, "2026-09-02");
    assert_eq!(cluster.value(DB, "SELECT count(*) FROM gavel.events WHERE type = 'opened'"), "0");
    // An auction whose row is gone gets all of its records with it, whatever was selected.
    sql(&cluster, &format!("DELETE FROM auctions WHERE auction = auction_id('{}')", auctions[1]));
    let (_, plans, delivered) = republish_all(&cluster, DB, &history, &second_day(&["ended"]), ALL);
    assert_eq!(plans.iter().map(|plan| plan.missing_auctions).sum::<u64>(), 1);
    assert_eq!(delivered.iter().map(|delivered| delivered.auctions).sum::<u64>(), 1);
    assert_eq!(verify(&cluster, DB, &history, &[auctions[1]]).1, []);
    let _all = republish_all(&cluster, DB, &history, &Selection::default(), ALL);
    assert_eq!(contents(&cluster), whole);
    assert!(
        "nothing"
            .parse::<gavel_postgres::republish::Type>()
            .unwrap_err()
            .to_string()
            .contains("bid_accepted")
    );
}

#[test]
fn a_run_that_was_stopped_goes_on_where_it_was_and_is_recorded() {
    let (cluster, history, _) = flushed();
    let whole = contents(&cluster);
    sql(&cluster, "DELETE FROM bids; DELETE FROM maxima; DELETE FROM auctions WHERE auction % 3 = 0");
    // Sixty-four records with each transaction; stopped after a few.
    let (run, _, first) = republish_all(&cluster, DB, &history, &Selection::default(), (None, Some(64), 6));
    assert!(first.iter().any(|delivered| !delivered.is_complete), "{first:?}");
    let state = |column: &str| {
        cluster.value(DB, &format!("SELECT {column} FROM gavel.republish_runs WHERE id = '{run}'"))
    };
    assert_eq!((state("state"), state("ended_at IS NULL")), ("stopped".to_owned(), "f".to_owned()));
    assert_ne!(contents(&cluster), whole);
    let (_, _, rest) =
        republish_all(&cluster, DB, &history, &Selection::default(), (Some(run), None, usize::MAX));
    assert!(rest.iter().all(|delivered| delivered.is_complete));
    assert_eq!(contents(&cluster), whole);
    let all = [&first[..], &rest].concat().iter().map(|delivered| delivered.records).sum::<u64>();
    assert_eq!(all as usize, history.counts().iter().sum::<usize>(), "no record was delivered by both parts");
    assert_eq!(state("state"), "finished");
    let ask = format!("SELECT sum(records) FROM gavel.republish_shards WHERE run = '{run}'");
    assert_eq!(cluster.value(DB, &ask), all.to_string());
}

#[test]
fn an_empty_database_is_filled_with_the_same_rows_also_in_two_parts_and_a_full_one_refused() {
    let (cluster, mut history, _) = flushed();
    let whole = contents(&cluster);
    cluster.create_database("anew");
    let refused = rebuild_with(&cluster, DB, &history, |_| Go::On).unwrap_err();
    assert!(matches!(refused, RebuildError::NotEmpty { auctions: 20, shards: 2, .. }), "{refused}");
    assert!(!rebuild_with(&cluster, "anew", &history, |_| Go::Stop).unwrap(), "it was stopped");
    assert!(rebuild_with(&cluster, "anew", &history, |_| Go::On).unwrap());
    let copied = |table: &str, order: &str| {
        let ask = format!(
            "SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY {order}), '') FROM gavel.{table} AS t"
        );
        cluster.value("anew", &ask)
    };
    for table in ["auctions", "bids", "maxima", "events"] {
        assert!(whole.contains(&copied(table, "auction, seq")), "{table}");
    }
    assert!(matches!(
        rebuild_with(&cluster, "anew", &history, |_| Go::On),
        Err(RebuildError::NotEmpty { .. })
    ));
    // A flusher goes on from there without a gap.
    history.eventful(1, at(FIRST + 5, 0), 3, false);
    history.commit();
    flush(&cluster, "anew", &history);
    assert_eq!(verify(&cluster, "anew", &history, &[]).1, []);
}
