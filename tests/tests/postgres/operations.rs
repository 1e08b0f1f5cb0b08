//! Goal: what an operator does with the relational copy goes beside a running server: comparing, delivering again, filling another database,
//! looking at partitions and at the outbox; with the exit codes that the help promises.
//!
//! Method: a real server with its flusher and a real PostgreSQL; while bids come in, the commands are run as processes of their own, one of them
//! is killed and gone on with; what they say is held against the rows.

use gavel_core::AuctionId;
use gavel_tests::copy::wait_until_caught_up;
use gavel_tests::tool::{command, expect, json, run};
use gavel_tests::{Client, Cluster, Item, Options, Server, wait};
use rustix::process::{Pid, Signal, kill_process};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

const DB: &str = "postgres";

/// A server that flushes into the cluster.
fn server(cluster: &Cluster) -> Server {
    Server::start(
        Options::new()
            .with("--shards 2 --postgres-every-ms 5")
            .with(&format!("--postgres {}", cluster.url(DB))),
    )
}

/// Auctions of both shards, some of them over.
fn fill(server: &Server, count: usize) -> Vec<AuctionId> {
    let mut client = server.connect();
    let item = Item::new().with("retraction", serde_json::json!({"until_s": 0}));
    let open = |client: &mut Client, number: usize| {
        let auction = item.clone().with("placement_key", format!("key-{number}")).open(client);
        for bid in 0..20 {
            client.bid(auction, 1 + bid % 3, 2_000 + 700 * bid);
        }
        match number % 4 {
            0 => assert_eq!(client.line(&format!("AUCTION END {auction}")).code(), None),
            1 => assert_eq!(client.line(&format!("REMOVE {auction} 2 because")).code(), None),
            2 => assert_eq!(client.line(&format!("AUCTION CANCEL {auction} because")).code(), None),
            _ => {}
        }
        auction
    };
    (0..count).map(|number| open(&mut client, number)).collect()
}

/// Bids as long as `work` lasts.
fn while_bidding<T>(server: &Server, auction: AuctionId, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = server.connect();
            for bid in 0.. {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                client.bid(auction, 5 + bid % 2, 100_000 + 200 * bid);
            }
        });
        let worked = work();
        done.store(true, Ordering::Relaxed);
        worked
    })
}

fn sql(cluster: &Cluster, statement: &str) {
    assert!(cluster.sql(DB, &format!("SET search_path = gavel; {statement}")).is_empty(), "{statement}");
}

#[test]
fn rows_are_compared_and_mended_beside_a_server_that_takes_bids() {
    let cluster = Cluster::fresh(&[]);
    let server = server(&cluster);
    let auctions = fill(&server, 12);
    wait_until_caught_up(&cluster, &[DB], &server);
    let at = format!("--data {} --postgres {}", server.data().display(), cluster.url(DB));
    let open = auctions[3];
    while_bidding(&server, open, || {
        for _ in 0..3 {
            let said = expect(&format!("verify postgres {at}"), 0);
            assert_eq!(said.out.matches("no difference").count(), 2, "{said:?}");
        }
        let damaged = auctions[0];
        sql(&cluster, &format!("UPDATE auctions SET price = 1 WHERE auction = auction_id('{damaged}')"));
        sql(&cluster, &format!("DELETE FROM bids WHERE seq = 4 AND auction = auction_id('{damaged}')"));
        sql(&cluster, &format!("DELETE FROM bids WHERE seq < 5 AND auction = auction_id('{open}')"));
        let found = json(&format!("verify postgres {at}"), 1);
        let differs = |auction: AuctionId, what: &str| {
            found.iter().any(|line| line["auction"] == auction.to_string() && line["what"] == what)
        };
        assert!(
            differs(damaged, "price") && differs(damaged, "bid 4") && differs(open, "bid 2"),
            "{found:?}"
        );
        assert_eq!(found.iter().filter(|line| line["cursor"].is_string()).count(), 2, "{found:?}");
        let one = expect(&format!("verify postgres {at} --auction {}", auctions[5]), 0);
        assert!(one.out.contains("1 auction with 20 bids"), "{one:?}");

        // Counted, and nothing done.
        let dry = &json(&format!("republish --to postgres {at} --missing --dry-run"), 0)[0];
        let shards = dry["shards"].as_array().unwrap();
        let missing: u64 = shards.iter().map(|shard| shard["missing"].as_u64().unwrap()).sum();
        assert_eq!((missing, dry["run"].is_null()), (4, true), "{dry}");
        assert_eq!(json(&format!("verify postgres {at}"), 1).len(), found.len());
        // What is missing, and no more.
        let sent = &json(&format!("republish --to postgres {at} --missing"), 0)[0];
        let written = |done: &serde_json::Value| -> u64 {
            done["shards"].as_array().unwrap().iter().map(|shard| shard["written"].as_u64().unwrap()).sum()
        };
        assert_eq!(written(sent), 4, "{sent}");
        let left = json(&format!("verify postgres {at}"), 1);
        let left: Vec<_> = left.iter().filter_map(|line| line["what"].as_str()).collect();
        assert_eq!(left, ["price"]);
        let mended = expect(&format!("republish --to postgres {at} --auction {damaged} --auction {open}"), 0);
        assert!(mended.out.contains("is finished"), "{mended:?}");
        let _alike = expect(&format!("verify postgres {at}"), 0);
        assert_eq!(written(&json(&format!("republish --to postgres {at} --type won,bid"), 0)[0]), 0);
    });
    wait_until_caught_up(&cluster, &[DB], &server);
    let _alike = expect(&format!("verify postgres {at}"), 0);
    let runs = json(&format!("republish --to postgres --list {at}"), 0).remove(0);
    let states: Vec<_> =
        runs.as_array().unwrap().iter().map(|run| run["state"].as_str().unwrap().to_owned()).collect();
    assert_eq!(states, ["finished"; 3]);
    assert_eq!(runs[2]["selection"]["missing"], true);
}

#[test]
fn a_delivery_that_is_stopped_or_killed_is_recorded_and_gone_on_with() {
    let cluster = Cluster::fresh(&[]);
    let server = server(&cluster);
    let _auctions = fill(&server, 12);
    wait_until_caught_up(&cluster, &[DB], &server);
    let at = format!("--data {} --postgres {}", server.data().display(), cluster.url(DB));
    sql(&cluster, "DELETE FROM bids; DELETE FROM maxima; DELETE FROM events");
    for (signal, code, state) in [(Signal::INT, Some(1), "stopped"), (Signal::KILL, None, "killed")] {
        let mut running = command(&format!("republish --to postgres --rate 40 {at}"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let ask = "SELECT count(*) FROM gavel.republish_shards JOIN gavel.republish_runs ON id = run WHERE state = 'running' AND moved_at > started_at";
        wait::until("the run to have delivered something", || (cluster.value(DB, ask) != "0").then_some(()));
        kill_process(Pid::from_raw(running.id() as i32).unwrap(), signal).unwrap();
        assert_eq!(running.wait().unwrap().code(), code);
        let runs = json(&format!("republish --to postgres --list {at}"), 0).remove(0);
        assert_eq!(runs[0]["state"], state, "{runs}");
        let run = runs[0]["run"].as_str().unwrap().to_owned();
        // A bid that comes meanwhile is the flusher's.
        let resumed = expect(&format!("republish --to postgres --resume {run} {at}"), 0);
        assert!(resumed.out.contains(&format!("run {run} is finished")), "{resumed:?}");
        let _alike = expect(&format!("verify postgres {at}"), 0);
        let again = run_again(&format!("republish --to postgres --resume {run} {at}"));
        assert!(again.contains("is finished"), "{again}");
        sql(&cluster, "DELETE FROM bids; DELETE FROM events");
        sql(&cluster, "UPDATE republish_runs SET state = 'finished'");
    }
}

#[test]
fn a_delivery_to_two_databases_goes_on_with_the_one_that_it_was_stopped_in() {
    let cluster = Cluster::fresh(&[]);
    cluster.create_database("second");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gavel.toml");
    let table = |name: &str, database: &str, shard: u8| {
        let url = cluster.url(database);
        format!("[[postgres]]\nname = \"{name}\"\nurl = \"{url}\"\nshards = \"{shard}\"\n")
    };
    std::fs::write(&file, table("main", DB, 0) + &table("second", "second", 1)).unwrap();
    let config = format!("--config {}", file.display());
    let server = Server::start(Options::new().with(&format!("--shards 2 --postgres-every-ms 5 {config}")));
    let auctions = fill(&server, 12);
    wait_until_caught_up(&cluster, &[DB, "second"], &server);
    let at = format!("--data {} {config}", server.data().display());
    for database in [DB, "second"] {
        let statement = "SET search_path = gavel; DELETE FROM bids; DELETE FROM events";
        assert!(cluster.sql(database, statement).is_empty());
    }
    let mut running =
        command(&format!("republish --to postgres --rate 60 {at}")).stdout(Stdio::piped()).spawn().unwrap();
    let ask = "SELECT count(*) FROM pg_tables WHERE schemaname = 'gavel' AND tablename = 'republish_shards'";
    assert_eq!(cluster.value("second", ask), "1");
    let ask = "SELECT count(*) FROM gavel.republish_shards";
    wait::until("the second database's turn", || (cluster.value("second", ask) != "0").then_some(()));
    assert_eq!(cluster.value(DB, "SELECT state FROM gavel.republish_runs"), "finished");
    kill_process(Pid::from_raw(running.id() as i32).unwrap(), Signal::INT).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(1));
    let run = cluster.value("second", "SELECT id FROM gavel.republish_runs");
    let resumed = &json(&format!("republish --to postgres --resume {run} {at}"), 0)[0];
    assert_eq!((resumed["complete"].as_bool(), resumed["shards"].as_array().unwrap().len()), (Some(true), 1));
    let _alike = expect(&format!("verify postgres {at}"), 0);
    assert!(run_again(&format!("republish --to postgres --resume {run} {at}")).contains("is finished"));

    // An auction that nobody knows is no reason to say that all is well.
    let nobodys = AuctionId::new(auctions[0].day(), auctions[0].shard(), 9_999).unwrap();
    let unknown = expect(&format!("verify postgres {at} --auction {nobodys}"), 1);
    assert!(unknown.err.contains("neither in the log"), "{unknown:?}");
    // A configuration of the one database fills its shards alone.
    let only = folder.path().join("only.toml");
    cluster.create_database("anew");
    std::fs::write(&only, table("anew", "anew", 1)).unwrap();
    let rebuild = format!("rebuild postgres --data {} --config {}", server.data().display(), only.display());
    let filled = expect(&rebuild, 0);
    assert!(
        filled.out.contains("of 1 shard") && filled.err.contains("shard 0 has no database"),
        "{filled:?}"
    );
    let refused = expect(&format!("{rebuild} --shard 0"), 2);
    assert!(refused.err.contains("has no database"), "{refused:?}");
}

#[test]
fn what_is_refused_while_a_database_is_filled_is_told_by_the_exit_code() {
    let cluster = Cluster::fresh(&[]);
    let mut server = Server::start(Options::new().with("--shards 2"));
    let _auctions = fill(&server, 4);
    server.terminate();
    let at = format!("--data {} --postgres {}", server.data().display(), cluster.url(DB));
    let _made = expect(&format!("postgres migrate --postgres {}", cluster.url(DB)), 0);
    sql(&cluster, "ALTER TABLE bids ADD CONSTRAINT never CHECK (bidder <> '3')");
    let filled = json(&format!("rebuild postgres {at}"), 1).remove(0);
    let parked: u64 = cluster.value(DB, "SELECT count(*) FROM gavel.parked").parse().unwrap();
    assert_eq!((&filled["complete"], filled["parked"].as_u64()), (&true.into(), Some(parked)));
    assert_ne!(parked, 0);
}

fn run_again(words: &str) -> String {
    let refused = run(words);
    assert_eq!(refused.code, 1, "{refused:?}");
    refused.err
}

#[test]
fn another_database_is_filled_beside_the_server_and_flushed_on_from_there() {
    let cluster = Cluster::fresh(&[]);
    let mut server = server(&cluster);
    let auctions = fill(&server, 12);
    wait_until_caught_up(&cluster, &[DB], &server);
    cluster.create_database("anew");
    let data = server.data().display().to_string();
    let (old, new) = (cluster.url(DB), cluster.url("anew"));
    let refused = run(&format!("rebuild postgres --data {data} --postgres {old}"));
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused.err.contains("is not empty: of the shards to be filled it has 12 auctions"),
        "{refused:?}"
    );
    while_bidding(&server, auctions[3], || {
        let filled = expect(&format!("rebuild postgres --data {data} --postgres {new}"), 0);
        assert!(filled.out.starts_with("filled with"), "{filled:?}");
        let _alike = expect(&format!("verify postgres --data {data} --postgres {new}"), 0);
    });
    // A flusher goes on from there.
    let words = format!("flush --server {} --postgres {new} --data {data}", server.address());
    let mut flusher = command(&words).stderr(Stdio::null()).spawn().unwrap();
    wait_until_caught_up(&cluster, &["anew"], &server);
    wait_until_caught_up(&cluster, &[DB], &server);
    kill_process(Pid::from_raw(flusher.id() as i32).unwrap(), Signal::TERM).unwrap();
    assert_eq!(flusher.wait().unwrap().code(), Some(0));
    server.terminate();
    for url in [&old, &new] {
        let _alike = expect(&format!("verify postgres --data {data} --postgres {url}"), 0);
    }
    let rows = |database: &str| {
        cluster
            .value(database, "SELECT md5(string_agg(bids::text, '|' ORDER BY auction, seq)) FROM gavel.bids")
    };
    assert_eq!(rows(DB), rows("anew"));
}

/// Makes a day of long ago out of one of today's auctions: final, or not.
fn an_old_day(cluster: &Cluster, days_ago: u64, final_at: &str) {
    let id = format!("auction - ({days_ago}::bigint << 48)");
    let statements = format!(
        "SELECT ensure_day(current_date - {days_ago});
         CREATE TEMPORARY TABLE old AS SELECT * FROM auctions ORDER BY auction DESC LIMIT 1;
         INSERT INTO bids SELECT {id}, seq, epoch, lsn, at, received, decided, price, bid_id, withdrawn_seq, extended_to, bidder, status
             FROM bids WHERE auction = (SELECT auction FROM old);
         UPDATE old SET auction = {id}, final_at = {final_at};
         INSERT INTO auctions SELECT * FROM old"
    );
    drop(cluster.sql(DB, &format!("SET search_path = gavel, pg_temp; {statements}")));
}

#[test]
fn the_server_drops_old_days_by_itself_and_says_what_it_holds() {
    let cluster = Cluster::fresh(&[]);
    let mut first = server(&cluster);
    let _auctions = fill(&first, 4);
    wait_until_caught_up(&cluster, &[DB], &first);
    first.terminate();
    an_old_day(&cluster, 40, "now() - interval '39 days'");
    an_old_day(&cluster, 50, "NULL");
    let export = tempfile::tempdir().unwrap();
    let flags = format!("--postgres-keep-days 30 --postgres-export {}", export.path().display());
    let options = Options::new().data(first.data()).with(&format!("--postgres {} {flags}", cluster.url(DB)));
    let server = Server::start(options);
    let dropped = "SELECT count(*) FROM gavel.days WHERE dropped_at IS NOT NULL AND day = current_date - 40 AND dropped_rows > 0";
    wait::until("the old day to be dropped", || (cluster.value(DB, dropped) == "1").then_some(()));
    assert_eq!(std::fs::read_dir(export.path()).unwrap().count(), 1, "one day was exported");
    wait::until("the metrics to say so", || {
        let metrics = gavel_tests::Http::connect(server.http()).get("/metrics").expect(200).body;
        let metrics = String::from_utf8_lossy(&metrics).into_owned();
        let says = |line: &str| metrics.lines().any(|said| said.starts_with(line));
        (says("gavel_postgres_dropped_days{database=\"main\"} 1")
            && says("gavel_postgres_held_days{database=\"main\"} 1"))
        .then_some(())
    });
    assert!(server.log().contains("are held by auction"), "{}", server.log());
    assert_eq!(
        cluster.value(DB, "SELECT count(*) FROM gavel.days WHERE dropped_at IS NULL AND day < current_date"),
        "1"
    );
}

#[test]
fn partitions_and_outbox_are_shown_and_what_is_wrong_is_said() {
    let cluster = Cluster::fresh(&[]);
    let server = server(&cluster);
    let auctions = fill(&server, 4);
    wait_until_caught_up(&cluster, &[DB], &server);
    let url = cluster.url(DB);
    let days = json(&format!("postgres partitions --count --postgres {url}"), 0).remove(0);
    assert_eq!((days.as_array().unwrap().len(), &days[0]["auctions"]), (1, &serde_json::json!(4)), "{days}");
    assert!(days[0]["held_by"].is_string() && days[0]["may_go"] == false, "{days}");
    let unfinished: Vec<_> = auctions.iter().map(ToString::to_string).collect();
    assert!(unfinished.contains(&days[0]["held_by"].as_str().unwrap().to_owned()));
    let text = expect(&format!("postgres partitions --postgres {url}"), 0);
    assert!(text.out.contains("which is not final"), "{text:?}");
    let none = expect(&format!("postgres retain --postgres {url}"), 0);
    assert_eq!(none.out.trim(), "nothing may go");
    let none = expect(&format!("postgres retain --dry-run --postgres {url}"), 0);
    assert_eq!(none.out.trim(), "nothing may go");
    let status = format!("postgres status --server {} --postgres {url}", server.address());
    let shards = json(&status, 0).remove(0)[0]["shards"].clone();
    assert!(shards.as_array().unwrap().iter().all(|shard| shard["pending"] == 0), "{shards}");
    let text = expect(&status, 0);
    assert!(text.out.contains("pending") && text.out.contains("schema"), "{text:?}");
    let alone = expect(&format!("postgres status --server 127.0.0.1:1 --postgres {url}"), 0);
    assert!(alone.out.contains('?') && alone.err.contains("what is pending is not known"), "{alone:?}");

    let outbox = json(&format!("outbox --server {} --postgres {url}", server.address()), 0).remove(0);
    let entries = outbox.as_array().unwrap();
    assert_eq!(entries.len(), 2, "{outbox}");
    for entry in entries {
        assert_eq!(
            (&entry["consumer"], &entry["pending"], &entry["parked"]),
            (&"postgres".into(), &0.into(), &0.into())
        );
    }
    for (words, code, said) in [
        (format!("verify postgres --data {}", server.data().display()), 2, "no database is named"),
        (format!("verify postgres --data /nowhere --postgres {url}"), 2, "no log here"),
        (
            format!("verify postgres --data {} --postgres {url} --shard 9", server.data().display()),
            2,
            "no record of shard 9",
        ),
        (
            format!(
                "verify postgres --data {} --postgres postgresql://x@127.0.0.1:1/none",
                server.data().display()
            ),
            8,
            "refused",
        ),
        (format!("republish --to postgres --type nothing --postgres {url}"), 2, "no type of event"),
        (
            format!(
                "republish --to postgres --resume 2f1c9a52-6f0b-4a0e-9a58-0d4f5f3c1b11 --data {} --postgres {url}",
                server.data().display()
            ),
            1,
            "there is no run",
        ),
        (
            format!(
                "republish --to postgres --from 2026-11-22T09:00:00Z --until 2026-11-22T08:00:00Z --data {} --postgres {url}",
                server.data().display()
            ),
            2,
            "nothing lies between",
        ),
        ("outbox --server 127.0.0.1:1".to_owned(), 8, "no server at"),
        ("postgres status --postgres postgresql://x@127.0.0.1:1/none".to_owned(), 8, "refused"),
        ("postgres parked --postgres postgresql://x@127.0.0.1:1/none".to_owned(), 8, "refused"),
        ("postgres retry --postgres postgresql://x@127.0.0.1:1/none".to_owned(), 8, "refused"),
        ("postgres migrate --postgres postgresql://x@127.0.0.1:1/none".to_owned(), 8, "refused"),
        (
            "postgres assign --shard 0 --to main --postgres postgresql://x@127.0.0.1:1/none".to_owned(),
            8,
            "refused",
        ),
        (format!("postgres assign --shard 0 --to other --postgres {url}"), 2, "there are main"),
        ("postgres status".to_owned(), 2, "no database is named"),
    ] {
        let refused = run(&words);
        assert_eq!(refused.code, code, "{words}: {refused:?}");
        assert!(refused.err.contains(said), "{words}: {refused:?}");
    }
}
