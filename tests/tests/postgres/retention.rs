//! Goal: days go whole, thirty days after their last auction is final; a day with an unfinished auction stays and says whose fault it is;
//! what is exported holds every row; an auction that comes late to a day that is gone is taken in like any other.
//!
//! Method: a history of several days in memory, flushed into a real PostgreSQL; the time at which retention looks is an argument.

use gavel_core::{Duration, Timestamp};
use gavel_postgres::retention::{Hold, Partition, Pass, Policy, RetentionError, Size, partitions, run};
use gavel_tests::history::at;
use gavel_tests::postgres::copy::{block_on, database, flush, verify};
use gavel_tests::{Cluster, History};
use std::io::Read;
use std::path::Path;

/// 2026-09-01.
const FIRST: u16 = 20_697;
const DAYS: Duration = Duration::from_secs(30 * 86_400);

fn policy(export: Option<&Path>) -> Policy {
    Policy { keep: DAYS, export: export.map(Path::to_owned) }
}

fn retain(cluster: &Cluster, policy: &Policy, now: Timestamp) -> Result<Pass, RetentionError> {
    block_on(async {
        let mut client = database(cluster, "postgres").client().await.unwrap();
        run(&mut client, policy, now).await
    })
}

fn listed(cluster: &Cluster, now: Timestamp) -> Vec<Partition> {
    block_on(async {
        let client = database(cluster, "postgres").client().await.unwrap();
        partitions(&**client, DAYS, now, Size::Counted).await.unwrap()
    })
}

fn dropped(pass: &Pass) -> Vec<&str> {
    pass.dropped.iter().map(|dropped| dropped.day.as_str()).collect()
}

/// As long ago as a database that is not being caught up was written to.
fn settle(cluster: &Cluster) {
    assert!(
        cluster.sql("postgres", "UPDATE gavel.cursors SET moved_at = now() - interval '2 hours'").is_empty()
    );
}

fn value(cluster: &Cluster, ask: &str) -> String {
    cluster.value("postgres", &format!("SET search_path = gavel; {ask}"))
}

/// Three days of two shards: on the second, one auction is left open.
fn three_days(history: &mut History) -> gavel_core::AuctionId {
    let mut unfinished = None;
    for shard in 0..2 {
        history.start(shard, at(FIRST, 0));
    }
    for day in 0..3 {
        for number in 0..6 {
            let is_left_open = day == 1 && number == 4;
            let shard = (number % 2) as u8;
            let id = history.eventful(shard, at(FIRST + day, 100 * number), number, is_left_open);
            if is_left_open {
                unfinished = Some(id);
            }
        }
    }
    history.commit();
    unfinished.unwrap()
}

#[test]
fn a_day_goes_when_its_last_auction_is_old_and_stays_while_one_is_unfinished() {
    let (cluster, mut history) = (Cluster::fresh(&[]), History::new());
    let unfinished = three_days(&mut history);
    flush(&cluster, "postgres", &history);
    settle(&cluster);

    let days = listed(&cluster, at(FIRST + 3, 0));
    assert_eq!(
        days.iter().map(|day| day.day.as_str()).collect::<Vec<_>>(),
        ["2026-09-01", "2026-09-02", "2026-09-03"]
    );
    let rows: u64 = days.iter().map(|day| day.rows).sum();
    let [bids, events, _] = history.counts();
    assert_eq!(rows as usize, 2 * bids + events, "every row is counted");
    assert!(days.iter().all(|day| day.bytes > 0 && day.auctions == 6));
    assert_eq!(days[1].hold, Hold::Unfinished { count: 1, oldest: unfinished });
    let Hold::Until(until) = days[0].hold else { panic!("{:?}", days[0].hold) };
    assert!(until >= at(FIRST + 31, 0) && until < at(FIRST + 32, 0), "{until}");

    // Right before its time, nothing goes.
    let before = Timestamp::from_micros(until.micros() - 1).unwrap();
    assert_eq!(dropped(&retain(&cluster, &policy(None), before).unwrap()), [""; 0]);
    // At its time, the first does; the others are younger.
    assert_eq!(dropped(&retain(&cluster, &policy(None), until).unwrap()), ["2026-09-01"]);
    // Much later, only the one that is held is left.
    let pass = retain(&cluster, &policy(None), at(FIRST + 200, 0)).unwrap();
    assert_eq!(dropped(&pass), ["2026-09-03"]);
    assert_eq!(pass.held.len(), 1);
    assert_eq!(pass.held[0].hold, Hold::Unfinished { count: 1, oldest: unfinished });

    // Auctions stay, with their winning bids; the unfinished one has all of its bids.
    assert_eq!(value(&cluster, "SELECT count(*) FROM auctions"), "18");
    assert_ne!(value(&cluster, "SELECT count(*) FROM auctions WHERE winning_bid IS NOT NULL"), "0");
    assert_eq!(value(&cluster, "SELECT count(DISTINCT auction_day(auction)) FROM bids"), "1");
    let gone = "SELECT string_agg(day::text, ' ' ORDER BY day) FROM days WHERE dropped_at IS NOT NULL";
    assert_eq!(value(&cluster, gone), "2026-09-01 2026-09-03");
}

#[test]
fn an_auction_that_comes_late_to_a_dropped_day_is_taken_in_like_any_other() {
    let (cluster, mut history) = (Cluster::fresh(&[]), History::new());
    let id = history.eventful(0, at(FIRST, 0), 1, false);
    history.commit();
    flush(&cluster, "postgres", &history);
    settle(&cluster);
    let far = at(FIRST + 100, 0);
    assert_eq!(dropped(&retain(&cluster, &policy(None), far).unwrap()), ["2026-09-01"]);

    // A shard that had not been flushed until now has auctions of the same day.
    let late = history.eventful(1, at(FIRST, 500), 2, false);
    history.commit();
    flush(&cluster, "postgres", &history);
    let bids = |id: gavel_core::AuctionId| {
        value(&cluster, &format!("SELECT count(*) FROM bids WHERE auction = auction_id('{id}')"))
    };
    assert_eq!(bids(id), "0");
    assert_ne!(bids(late), "0");
    assert_eq!(value(&cluster, "SELECT count(*) FROM parked"), "0");
    let is_dropped = |id| {
        value(
            &cluster,
            &format!("SELECT is_dropped(auction, lsn) FROM auctions WHERE auction = auction_id('{id}')"),
        )
    };
    assert_eq!((is_dropped(id).as_str(), is_dropped(late).as_str()), ("t", "f"));

    // While that shard is being caught up, the day stays; then it goes again.
    let pass = retain(&cluster, &policy(None), far).unwrap();
    assert_eq!(dropped(&pass), [""; 0]);
    assert!(matches!(pass.held[0].hold, Hold::CatchingUp(_)), "{:?}", pass.held);
    settle(&cluster);
    assert_eq!(dropped(&retain(&cluster, &policy(None), far).unwrap()), ["2026-09-01"]);
    assert_eq!(is_dropped(late), "t");
}

#[test]
fn an_export_holds_every_row_and_one_that_fails_drops_nothing() {
    let (cluster, mut history) = (Cluster::fresh(&[]), History::new());
    three_days(&mut history);
    flush(&cluster, "postgres", &history);
    settle(&cluster);
    let (dir, far) = (tempfile::tempdir().unwrap(), at(FIRST + 100, 0));

    // Nowhere to write to: nothing goes.
    let file = dir.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let refused = retain(&cluster, &policy(Some(&file)), far).unwrap_err();
    assert!(refused.to_string().contains("a file"), "{refused}");
    assert_eq!(listed(&cluster, far).len(), 3);

    let rows = |table: &str| {
        let ask = format!(
            "SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY auction, seq), '') FROM {table} AS t"
        );
        value(&cluster, &ask)
    };
    let before = ["bids", "maxima", "events"].map(|table| rows(&format!("{table}_20260901")));
    let pass = retain(&cluster, &policy(Some(dir.path())), far).unwrap();
    assert_eq!(dropped(&pass), ["2026-09-01", "2026-09-03"]);
    let exported = pass.dropped[0].exported.as_ref().unwrap();
    assert_eq!(exported.dir, dir.path().join("20260901"));
    assert_eq!(exported.tables.iter().map(|table| table.rows).sum::<u64>(), pass.dropped[0].rows);
    assert!(exported.dir.join("manifest.json").is_file());
    assert_eq!(
        value(&cluster, "SELECT exported_to FROM days WHERE day = '2026-09-01'"),
        exported.dir.display().to_string()
    );

    // What was exported goes back in as it was.
    for (table, before) in ["bids", "maxima", "events"].iter().zip(before) {
        let create = format!("CREATE TABLE gavel.back_{table} (LIKE gavel.{table})");
        assert!(cluster.sql("postgres", &create).is_empty());
        let path = exported.dir.join(format!("{table}.csv.zst"));
        let mut text = String::new();
        zstd::Decoder::new(std::fs::File::open(path).unwrap()).unwrap().read_to_string(&mut text).unwrap();
        cluster.copy_in(
            "postgres",
            &format!("COPY gavel.back_{table} FROM STDIN (FORMAT csv, HEADER)"),
            &text,
        );
        assert_eq!(rows(&format!("back_{table}")), before, "{table}");
    }
}

#[test]
fn a_day_that_is_being_read_or_written_stays_whole_until_it_is_not() {
    let (cluster, mut history) = (Cluster::fresh(&[]), History::new());
    history.eventful(0, at(FIRST, 0), 1, false);
    history.commit();
    flush(&cluster, "postgres", &history);
    settle(&cluster);
    let far = at(FIRST + 100, 0);
    block_on(async {
        let mut reader = cluster.connect("postgres").await.unwrap();
        let reading = reader.transaction().await.unwrap();
        assert_eq!(reading.query("SELECT FROM gavel.bids", &[]).await.unwrap().len(), 14);
        let mut client = database(&cluster, "postgres").client().await.unwrap();
        let export = tempfile::tempdir().unwrap();
        for policy in [policy(None), policy(Some(export.path()))] {
            let pass = run(&mut client, &policy, far).await.unwrap();
            assert_eq!((pass.busy.as_slice(), dropped(&pass).len()), (&["2026-09-01".to_owned()][..], 0));
        }
        assert_eq!(std::fs::read_dir(export.path()).unwrap().count(), 0, "nothing is copied that stays");
        assert_eq!(reading.query("SELECT FROM gavel.bids", &[]).await.unwrap().len(), 14);
        reading.commit().await.unwrap();
        assert_eq!(dropped(&run(&mut client, &policy(None), far).await.unwrap()), ["2026-09-01"]);
    });
}

#[test]
fn over_midnight_the_rows_of_an_auction_stay_with_the_day_that_it_was_opened_on() {
    let (cluster, mut history) = (Cluster::fresh(&[]), History::new());
    (0..2).for_each(|shard| history.start(shard, at(FIRST, 0)));
    let late: Vec<_> = (0..2).map(|shard| history.open(shard, at(FIRST, 86_398))).collect();
    for auction in &late {
        history.bid(*auction, 1, 1_000, at(FIRST, 86_399));
    }
    history.commit();
    flush(&cluster, "postgres", &history);
    let days = "SELECT string_agg(day::text, ' ' ORDER BY day) FROM days";
    assert_eq!(value(&cluster, days), "2026-09-01");

    let early: Vec<_> = (0..2).map(|shard| history.open(shard, at(FIRST + 1, 1))).collect();
    for (late, early) in late.iter().zip(&early) {
        history.bid(*late, 2, 2_000, at(FIRST + 1, 2));
        history.bid(*early, 3, 1_000, at(FIRST + 1, 3));
        history.bid(*late, 1, 3_000, at(FIRST + 1, 4));
    }
    history.commit();
    flush(&cluster, "postgres", &history);
    assert_eq!(value(&cluster, days), "2026-09-01 2026-09-02");
    for (table, rows) in
        [("bids_20260901", "6"), ("bids_20260902", "2"), ("maxima_20260901", "6"), ("maxima_20260902", "2")]
    {
        assert_eq!(value(&cluster, &format!("SELECT count(*) FROM {table}")), rows, "{table}");
    }
    let after = "SELECT count(*) FROM bids_20260901 WHERE at >= '2026-09-02T00:00:00Z'";
    assert_eq!(value(&cluster, after), "4", "bids of the next day");
    assert_eq!(verify(&cluster, "postgres", &history, &[]).1, []);
}
