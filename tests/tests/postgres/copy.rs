//! Goal: the relational copy says what the log says, whatever sales go through; what PostgreSQL refuses is seen, waits, and stops nobody
//! else; a shard's database changes on purpose only.
//!
//! Method: real servers and a real PostgreSQL; rows are held against the log's own records, folded by the rules.

use gavel_core::AuctionId;
use gavel_tests::{Client, Cluster, Item, Options, Server, binaries, copy, wait};
use std::process::{Command, Output};

const MAIN: &str = "postgres";

fn server(cluster: &Cluster, more: &str) -> Server {
    let flags = format!("--shards 2 --postgres {}{more}", cluster.url(MAIN));
    Server::start(Options::new().with(&flags))
}

fn done(client: &mut Client, line: &str) {
    let reply = client.line(line);
    assert!(!matches!(reply, gavel_tests::Reply::Error(_)), "{line}: {reply:?}");
}

fn gavel(words: &[&str]) -> Output {
    Command::new(binaries::gavel()).args(words).output().expect("gavel can be started")
}

/// What a command prints; it must end with 0.
fn printed(words: &[&str]) -> String {
    let output = gavel(words);
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Sales of every kind, each to its end or left open.
fn sell_everything(client: &mut Client) -> Vec<AuctionId> {
    let item = Item::new().with("retraction", serde_json::json!({ "until_s": 0 }));
    let bid = |client: &mut Client, id, bidder, amount| client.bid(id, bidder, amount).bid;
    let open = |client: &mut Client, item: &Item| item.open(client);
    let (retracted, removed, banned) = (open(client, &item), open(client, &item), open(client, &item));
    for id in [retracted, removed, banned] {
        bid(client, id, 1, 5_000);
        bid(client, id, 2, 4_000);
        bid(client, id, 1, 6_000);
    }
    let last = bid(client, retracted, 3, 9_000);
    done(client, &format!("RETRACT {retracted} {last} mistyped"));
    bid(client, retracted, 3, 7_000);
    done(client, &format!("REMOVE {removed} 1 fraud"));
    bid(client, removed, 1, 8_000);
    done(client, &format!("BAN 1 AUCTION {banned} REMOVE"));
    done(client, &format!("UNBAN 1 AUCTION {banned}"));
    done(client, &format!("BAN 2 AUCTION {banned} REMOVE"));

    let cancelled = open(client, &item);
    bid(client, cancelled, 1, 5_000);
    done(client, &format!("AUCTION CANCEL {cancelled} broken"));
    let unsold = open(client, &item);
    done(client, &format!("AUCTION END {unsold}"));
    let reserved = open(client, &item.clone().with("reserve_price", 50_000));
    bid(client, reserved, 1, 5_000);
    done(client, &format!("AUCTION LOWER-RESERVE {reserved} 20000"));
    done(client, &format!("AUCTION END {reserved}"));
    let lowered = open(client, &item.clone().with("reserve_price", 50_000));
    bid(client, lowered, 1, 30_000);
    done(client, &format!("AUCTION LOWER-RESERVE {lowered} 20000"));
    done(client, &format!("AUCTION END {lowered}"));
    done(client, &format!("AUCTION PAID {lowered}"));
    let bought = open(
        client,
        &item.clone().with("buy_now", serde_json::json!({ "price": 40_000, "policy": "always" })),
    );
    bid(client, bought, 1, 5_000);
    done(client, &format!("BUYNOW {bought} 2"));

    let edited = open(client, &item.clone().with("placement_key", "a key"));
    done(client, &format!("AUCTION EDIT {edited} {}", r#"{"title":"\u0061\\u0000"}"#));
    bid(client, edited, 1, 5_000);
    done(client, &format!("AUCTION EDIT {edited} {}", r#"{"more":1}"#));

    let second = open(client, &item);
    for (bidder, amount) in [(1, 5_000), (2, 9_000), (3, 7_000)] {
        bid(client, second, bidder, amount);
    }
    done(client, &format!("AUCTION END {second}"));
    done(client, &format!("AUCTION UNPAID {second}"));
    done(client, &format!("AUCTION OFFER DECLINE {second} 3"));
    done(client, &format!("AUCTION OFFER ACCEPT {second} 1"));
    done(client, "BAN 77");
    vec![retracted, removed, banned, cancelled, unsold, reserved, lowered, bought, edited, second]
}

#[test]
fn every_kind_of_sale_is_in_the_rows_as_it_is_in_the_log() {
    let cluster = Cluster::fresh(&[]);
    let mut server = server(&cluster, "");
    let auctions = sell_everything(&mut server.connect());
    copy::wait_until_caught_up(&cluster, &[MAIN], &server);
    let second = auctions.last().unwrap();
    let ask = format!(
        "SELECT runner_up_bid IS NULL, winning_bid ->> 'price', array_length(tried, 1) FROM gavel.auctions \
         WHERE auction = gavel.auction_id('{second}')"
    );
    // Bidder 1 has won at last, after 2 and 3; nobody is left behind them.
    let row = cluster.sql(MAIN, &ask).remove(0).into_iter().map(Option::unwrap).collect::<Vec<_>>();
    assert_eq!(row, ["t", "1000", "2"]);
    let details = format!(
        "SELECT details ->> 'title' FROM gavel.auctions WHERE auction = gavel.auction_id('{}')",
        auctions[8]
    );
    assert_eq!(cluster.value(MAIN, &details), "a\\u0000");
    assert_eq!(cluster.value(MAIN, "SELECT count(*) FROM gavel.shard_events WHERE type = 'banned'"), "2");
    assert_eq!(cluster.value(MAIN, "SELECT count(*) FROM gavel.parked"), "0");
    server.terminate();
    copy::assert_equal(&cluster, &[MAIN], server.data());
}

#[test]
fn what_postgres_refuses_waits_with_its_auction_and_stops_nobody_else() {
    let cluster = Cluster::fresh(&[]);
    let mut server = server(&cluster, "");
    let mut client = server.connect();
    let auctions = Item::new().open_many(&mut client, 6);
    copy::wait_until_caught_up(&cluster, &[MAIN], &server);
    let refuse = "ALTER TABLE gavel.bids ADD CONSTRAINT nobody CHECK (bidder <> '666')";
    assert!(cluster.sql(MAIN, refuse).is_empty());
    let lines: Vec<String> = (0..600_u64)
        .map(|number| {
            let (auction, bidder) = (auctions[(number % 6) as usize], 100 + number % 7);
            let bidder = if number == 300 { 666 } else { bidder };
            format!("BID {auction} {bidder} {}", 1_000 + number * 300)
        })
        .collect();
    assert_eq!(client.pipeline(&lines).unwrap().len(), 600);
    copy::wait_until_caught_up(&cluster, &[MAIN], &server);
    // The refused bid, and the 49 behind it in its auction.
    let parked = cluster.sql(
        MAIN,
        "SELECT gavel.auction_text(auction), count(*), count(sqlstate) FROM gavel.parked GROUP BY 1",
    );
    assert_eq!(parked, [vec![Some(auctions[0].to_string()), Some("50".into()), Some("1".into())]]);
    assert_eq!(cluster.value(MAIN, "SELECT count(*) FROM gavel.bids"), "550");
    let url = cluster.url(MAIN);
    let listed = printed(&["postgres", "parked", "--postgres", &url, "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&listed[0]["records"], &listed[0]["sqlstate"]), (&50.into(), &"23514".into()), "{listed}");
    assert!(listed[0]["reason"].as_str().unwrap().contains("nobody"), "{listed}");
    let shard = format!("postgres_shard{}", auctions[0].shard());
    assert_eq!(copy::fact(&mut client, &shard, "parked").as_deref(), Some("50"));

    // Refused again, it stays; it survives a restart of the server, and what comes later waits behind it.
    let again = gavel(&["postgres", "retry", "--postgres", &url]);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    let said = String::from_utf8(again.stdout).unwrap();
    assert!(said.contains("nothing was taken in, 50 records still parked"), "{said}");
    server.terminate();
    server.restart();
    let mut client = server.connect();
    done(&mut client, &format!("BID {} 8 900000", auctions[0]));
    copy::wait_until_caught_up(&cluster, &[MAIN], &server);
    assert_eq!(cluster.value(MAIN, "SELECT count(*) FROM gavel.parked"), "51");

    assert!(cluster.sql(MAIN, "ALTER TABLE gavel.bids DROP CONSTRAINT nobody").is_empty());
    assert!(printed(&["postgres", "retry", "--postgres", &url]).contains("51 records taken in"));
    // The flusher notices by itself that the auction is held no longer.
    done(&mut client, &format!("BID {} 9 1000000", auctions[0]));
    copy::wait_until_caught_up(&cluster, &[MAIN], &server);
    assert_eq!(cluster.value(MAIN, "SELECT count(*) FROM gavel.parked"), "0");
    server.terminate();
    copy::assert_equal(&cluster, &[MAIN], server.data());
}

/// A cluster with a schema, and a role `flusher` that may write anything but bids.
fn without_a_right() -> Cluster {
    let cluster = Cluster::fresh(&[]);
    let owner = cluster.url(MAIN);
    assert!(printed(&["postgres", "migrate", "--postgres", &owner]).contains("schema 5, made"));
    let rights = "
        CREATE ROLE flusher LOGIN;
        GRANT USAGE ON SCHEMA gavel TO flusher;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA gavel TO flusher;
        GRANT EXECUTE ON FUNCTION gavel.ensure_day(date) TO flusher;
        REVOKE INSERT ON gavel.bids FROM flusher";
    assert!(cluster.sql(MAIN, rights).is_empty());
    cluster
}

#[test]
fn what_is_about_the_database_is_tried_again_and_parks_nothing() {
    let cluster = without_a_right();
    let flags = format!("--shards 2 --postgres {}", cluster.url_of("flusher", MAIN));
    let mut server = Server::start(Options::new().with(&flags));
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    done(&mut client, &format!("BID {auction} 8 5000"));
    let shard = format!("postgres_shard{}", auction.shard());
    wait::until("the refusal to be seen", || {
        (copy::fact(&mut client, &shard, "state").as_deref() == Some("retrying")).then_some(())
    });
    assert!(copy::fact(&mut client, &shard, "lag_events").unwrap() != "0");
    wait::until("it to be tried several times", || {
        // What is wrong is not over because the next try begins.
        assert_eq!(copy::fact(&mut client, &shard, "state").as_deref(), Some("retrying"));
        let failures: u64 = copy::fact(&mut client, "postgres_database_main", "failures")?.parse().ok()?;
        (failures >= 3).then_some(())
    });
    assert!(cluster.sql(MAIN, "GRANT INSERT ON gavel.bids TO flusher").is_empty());
    copy::wait_until_caught_up(&cluster, &[MAIN], &server);
    assert_eq!(cluster.value(MAIN, "SELECT count(*) FROM gavel.parked"), "0");
    // Said once, and once that it is over.
    let said = |what: &str| server.log().matches(what).count();
    assert_eq!((said("permission denied for table bids"), said("works again")), (1, 1), "{}", server.log());
    server.terminate();
    copy::assert_equal(&cluster, &[MAIN], server.data());
}

#[test]
fn a_flusher_alone_says_once_what_is_wrong_and_once_that_it_is_over() {
    let cluster = without_a_right();
    let mut server = Server::start(Options::new().with("--shards 2"));
    let flusher = flush(&cluster.url_of("flusher", MAIN), &server);
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    done(&mut client, &format!("BID {auction} 8 5000"));
    let said = |what: &str| flusher.output().matches(what).count();
    wait::until("the refusal to be said", || (said("permission denied for table bids") > 0).then_some(()));
    let rolled_back = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()";
    let tries = || cluster.value(MAIN, rolled_back).parse::<u64>().unwrap();
    let before = tries();
    wait::until("it to be tried several times", || (tries() >= before + 3).then_some(()));
    assert!(cluster.sql(MAIN, "GRANT INSERT ON gavel.bids TO flusher").is_empty());
    wait::until("it to be over", || (said("works again") > 0).then_some(()));
    copy::wait_until_caught_up(&cluster, &[MAIN], &server);
    let heard = (said("permission denied for table bids"), said("works again"));
    assert_eq!(heard, (1, 1), "{}", flusher.output());
    server.terminate();
    copy::assert_equal(&cluster, &[MAIN], server.data());
}

#[test]
fn a_bid_is_taken_out_while_another_day_is_kept_from_writers() {
    let cluster = Cluster::fresh(&[]);
    let mut server = server(&cluster, "");
    let mut client = server.connect();
    let auction = Item::new().with("retraction", serde_json::json!({ "until_s": 0 })).open(&mut client);
    let bid = client.bid(auction, 1, 5_000).bid;
    copy::wait_until_caught_up(&cluster, &[MAIN], &server);
    assert_eq!(cluster.value(MAIN, "SELECT gavel.ensure_day('2020-01-01')::text"), "true");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let exporter = runtime.block_on(async {
        let exporter = cluster.connect(MAIN).await.unwrap();
        exporter.batch_execute("BEGIN; SELECT gavel.lock_day('2020-01-01')").await.unwrap();
        exporter
    });
    done(&mut client, &format!("RETRACT {auction} {bid} mistyped"));
    copy::wait_until_caught_up(&cluster, &[MAIN], &server);
    assert_eq!(cluster.value(MAIN, "SELECT count(withdrawn_seq) FROM gavel.bids"), "1");
    let locked = "SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock' AND relation = 'gavel.bids_20200101'::regclass";
    assert_eq!(cluster.value(MAIN, locked), "1");
    drop((exporter, runtime));
    server.terminate();
}

#[test]
fn two_flushers_at_once_change_nothing() {
    let cluster = Cluster::fresh(&[]);
    let mut server = server(&cluster, " --postgres-every-ms 5");
    let mut client = server.connect();
    let auctions = Item::new().open_spread(&mut client, 8);
    let mut other = flush(&cluster.url(MAIN), &server);
    let storm = gavel_tests::Storm::start(&server, &auctions, 2);
    storm.wait_for_accepted(20_000);
    let placed = storm.end();
    copy::wait_until_caught_up(&cluster, &[MAIN], &server);
    assert_eq!(cluster.value(MAIN, "SELECT count(*) FROM gavel.bids"), placed.len().to_string());
    assert_eq!(other.ended(), None, "{}", other.output());
    server.terminate();
    copy::assert_equal(&cluster, &[MAIN], server.data());
}

/// `gavel flush` in a process of its own.
fn flush(url: &str, server: &Server) -> gavel_tests::process::Process {
    let mut command = Command::new(binaries::gavel());
    command.args(["flush", "--postgres", url, "--server", &server.address().to_string()]);
    gavel_tests::process::Process::start(&mut command, &server.data().with_file_name("flush.log"))
}

#[test]
fn a_shard_changes_its_database_on_purpose_only() {
    let cluster = Cluster::fresh(&[]);
    cluster.create_database("second");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gavel.toml");
    let settings = |first: &str, second: &str| {
        let database = |name: &str, database: &str, shards: &str| {
            format!(
                "[[postgres]]\nname = \"{name}\"\nurl = \"{}\"\nshards = \"{shards}\"\n",
                cluster.url(database)
            )
        };
        std::fs::write(&file, database("main", MAIN, first) + &database("second", "second", second)).unwrap();
    };
    settings("0", "1");
    let flags = format!("--shards 2 --config {}", file.display());
    let mut server = Server::start(Options::new().with(&flags));
    let auctions = Item::new().open_spread(&mut server.connect(), 8);
    let storm = gavel_tests::Storm::start(&server, &auctions, 1);
    storm.wait_for_accepted(500);
    drop(storm.end());
    copy::wait_until_caught_up(&cluster, &[MAIN, "second"], &server);
    server.terminate();
    copy::assert_equal(&cluster, &[MAIN, "second"], server.data());

    // By mistake: refused, said how to do it on purpose, and the other shard is written.
    settings("*", "9");
    server.restart();
    let mut client = server.connect();
    wait::until("the refusal", || {
        (copy::fact(&mut client, "postgres_shard1", "state").as_deref() == Some("refused")).then_some(())
    });
    let said = server.log();
    assert!(said.contains("`gavel postgres assign --shard 1 --to main`"), "{said}");
    wait::until("the other shard", || {
        (copy::fact(&mut client, "postgres_shard0", "lag_events").as_deref() == Some("0")).then_some(())
    });
    // On purpose, beside the server, which sees it by itself.
    let config = file.to_str().unwrap();
    let data = server.data().to_str().unwrap();
    let assign = ["postgres", "assign", "--shard", "1", "--to", "main", "--config", config, "--data", data];
    // Where it can't be remembered, nothing is given away.
    let nowhere = folder.path().join("missing/shards.json");
    let refused = gavel(&[&assign[..], &["--assignments", nowhere.to_str().unwrap()]].concat());
    assert!(!refused.status.success(), "{refused:?}");
    let released = "SELECT count(released_at) FROM gavel.cursors";
    assert_eq!(cluster.value("second", released), "0");
    assert!(printed(&assign).contains("second"));
    assert_eq!(cluster.value("second", released), "1");
    copy::wait_until_caught_up(&cluster, &[MAIN, "second"], &server);
    server.terminate();
    // All of it is in the one; the other keeps what it had.
    copy::assert_equal(&cluster, &[MAIN], server.data());
}
