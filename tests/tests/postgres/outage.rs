//! Goal: whatever ends in the middle of a flush (the server, PostgreSQL, the flusher), the rows are the log's, none missing and none
//! twice; and while PostgreSQL is away, bids go on, and the lag is seen.
//!
//! Method: SIGKILL at random moments of a storm, of each of the three in turn and of pairs; rows are held against the log, and against what
//! the bidders were told. Each storm has auctions of its own: ids of bids are numbered, and repeats would be no news.

use gavel_core::ShardId;
use gavel_tests::process::Process;
use gavel_tests::{Cluster, Item, Options, Server, Storm, binaries, copy, rounds, server, wait};
use rustix::process::Signal;
use std::process::Command;
use std::time::Duration;

const MAIN: &str = "postgres";

/// Moments that are different in each round and the same in each run.
fn pause(round: u64) {
    std::thread::sleep(Duration::from_millis(20 + round * 7_919 % 180));
}

#[test]
fn a_killed_server_and_a_killed_postgres_lose_and_double_nothing() {
    let mut cluster = Cluster::fresh(&[]);
    let flags = format!("--shards 2 --postgres-every-ms 5 --postgres {}", cluster.url(MAIN));
    let mut server = Server::start(Options::new().with(&flags));
    let mut placed = Vec::new();
    for round in 0..6 * u64::from(rounds(1)) {
        let auctions = Item::new().open_spread(&mut server.connect(), 16);
        let storm = Storm::start(&server, &auctions, 2);
        storm.wait_for_accepted(300);
        pause(round);
        let (kills_server, kills_postgres) = (round % 3 != 1, round % 3 != 0);
        if kills_postgres {
            cluster.kill9();
        }
        if kills_server {
            pause(round + 1);
            server.kill9();
            placed.extend(storm.broken());
            server.restart();
        } else {
            // Bids go on without PostgreSQL.
            storm.wait_for_accepted(5_000);
            placed.extend(storm.end());
        }
        if kills_postgres {
            cluster.run().unwrap();
        }
    }
    copy::wait_until_caught_up(&cluster, &[MAIN], &server);
    assert_eq!(cluster.value(MAIN, "SELECT count(*) FROM gavel.parked"), "0");
    server.terminate();
    copy::assert_equal(&cluster, &[MAIN], server.data());
    copy::assert_acknowledged(&cluster, &[MAIN], &placed);
}

#[test]
fn a_killed_flusher_goes_on_where_its_database_says() {
    let mut cluster = Cluster::fresh(&[]);
    let address = server::unused_address();
    let mut server = Server::start(Options::new().with("--shards 2").at(address));
    let mut placed = Vec::new();
    let mut flusher = flush(&cluster, &server);
    for round in 0..6 * u64::from(rounds(1)) {
        let auctions = Item::new().open_spread(&mut server.connect(), 16);
        let storm = Storm::start(&server, &auctions, 2);
        storm.wait_for_accepted(300);
        pause(round);
        flusher.signal(Signal::KILL);
        flusher.wait();
        match round % 3 {
            1 => cluster.kill9(),
            2 => server.kill9(),
            _ => {}
        }
        if round % 3 == 2 {
            placed.extend(storm.broken());
            server.restart();
        } else {
            placed.extend(storm.end());
        }
        flusher = flush(&cluster, &server);
        if round % 3 == 1 {
            cluster.run().unwrap();
        }
    }
    copy::wait_until_caught_up(&cluster, &[MAIN], &server);
    flusher.signal(Signal::TERM);
    assert!(flusher.wait().success(), "{}", flusher.output());
    server.terminate();
    copy::assert_equal(&cluster, &[MAIN], server.data());
    copy::assert_acknowledged(&cluster, &[MAIN], &placed);
}

fn flush(cluster: &Cluster, server: &Server) -> Process {
    let mut command = Command::new(binaries::gavel());
    command.args(["flush", "--postgres", &cluster.url(MAIN), "--postgres-every-ms", "5"]);
    command.args(["--server", &server.address().to_string()]);
    Process::start(&mut command, &server.data().with_file_name("flush.log"))
}

#[test]
fn a_flusher_stops_though_postgres_does_not_answer() {
    let cluster = Cluster::fresh(&[]);
    let mut server = Server::start(Options::new().with("--shards 2"));
    let auctions = Item::new().open_spread(&mut server.connect(), 16);
    let mut flusher = flush(&cluster, &server);
    copy::wait_until_caught_up(&cluster, &[MAIN], &server);
    cluster.signal_all(Signal::STOP);
    let storm = Storm::start(&server, &auctions, 1);
    storm.wait_for_accepted(1_000);
    drop(storm.end());
    flusher.signal(Signal::TERM);
    assert!(flusher.wait().success(), "{}", flusher.output());
    cluster.signal_all(Signal::CONT);
    flusher = flush(&cluster, &server);
    copy::wait_until_caught_up(&cluster, &[MAIN], &server);
    flusher.signal(Signal::TERM);
    assert!(flusher.wait().success(), "{}", flusher.output());
    server.terminate();
    copy::assert_equal(&cluster, &[MAIN], server.data());
}

#[test]
fn an_outage_is_said_once_is_seen_and_is_caught_up() {
    let mut cluster = Cluster::fresh(&[]);
    let flags = format!("--shards 2 --postgres {}", cluster.url(MAIN));
    let mut server = Server::start(Options::new().with(&flags));
    let mut client = server.connect();
    let auctions = Item::new().open_spread(&mut client, 8);
    copy::wait_until_caught_up(&cluster, &[MAIN], &server);
    cluster.stop();
    let storm = Storm::start(&server, &auctions, 2);
    storm.wait_for_accepted(20_000);
    let placed = storm.end();
    let facts = |client: &mut gavel_tests::Client, name: &str| -> u64 {
        let of = |shard| copy::fact(client, shard, name).unwrap().parse::<u64>().unwrap();
        ["postgres_shard0", "postgres_shard1"].map(of).iter().sum()
    };
    wait::until("all of it to be behind", || {
        (facts(&mut client, "lag_events") >= placed.len() as u64 && facts(&mut client, "lag_us") > 0)
            .then_some(())
    });
    assert_eq!(copy::fact(&mut client, "postgres_database_main", "up").as_deref(), Some("0"));
    wait::until("further tries", || {
        let failures: u64 = copy::fact(&mut client, "postgres_database_main", "failures")?.parse().ok()?;
        (failures >= 6).then_some(())
    });
    cluster.run().unwrap();
    copy::wait_until_caught_up(&cluster, &[MAIN], &server);
    wait::until("the lag to be gone", || (facts(&mut client, "lag_events") == 0).then_some(()));
    assert_eq!(facts(&mut client, "lag_us"), 0);
    assert_eq!(server.log().matches("bids go on").count(), 1, "{}", server.log());
    assert_eq!(server.log().matches("works again").count(), 1, "{}", server.log());
    server.terminate();
    copy::assert_equal(&cluster, &[MAIN], server.data());
}

#[test]
fn one_dead_database_holds_the_other_back_in_nothing() {
    let (alive, mut dead) = (Cluster::fresh(&[]), Cluster::fresh(&[]));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gavel.toml");
    let database = |name: &str, cluster: &Cluster, shards: &str| {
        format!("[[postgres]]\nname = \"{name}\"\nurl = \"{}\"\nshards = \"{shards}\"\n", cluster.url(MAIN))
    };
    std::fs::write(&file, database("alive", &alive, "0") + &database("dead", &dead, "1")).unwrap();
    dead.stop();
    let flags = format!("--shards 2 --config {}", file.display());
    let mut server = Server::start(Options::new().with(&flags));
    let mut client = server.connect();
    let auctions = Item::new().open_spread(&mut client, 8);
    let storm = Storm::start(&server, &auctions, 2);
    storm.wait_for_accepted(3_000);
    let placed = storm.end();
    wait::until("the one that is alive", || {
        (copy::fact(&mut client, "postgres_shard0", "lag_events").as_deref() == Some("0")).then_some(())
    });
    let there = placed.iter().filter(|bid| bid.auction.shard().0 == 0).count();
    assert_eq!(alive.value(MAIN, "SELECT count(*) FROM gavel.bids"), there.to_string());
    assert_eq!(copy::fact(&mut client, "postgres_shard1", "state").as_deref(), Some("retrying"));
    dead.run().unwrap();
    wait::until("the one that was dead", || {
        (copy::fact(&mut client, "postgres_shard1", "lag_events").as_deref() == Some("0")).then_some(())
    });
    assert_eq!(dead.value(MAIN, "SELECT count(*) FROM gavel.bids"), (placed.len() - there).to_string());
    server.terminate();
}

#[test]
fn one_slow_database_holds_the_other_back_in_nothing() {
    let cluster = Cluster::fresh(&[]);
    cluster.create_database("slow");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gavel.toml");
    let database = |name: &str, shards: &str| {
        format!("[[postgres]]\nname = \"{name}\"\nurl = \"{}\"\nshards = \"{shards}\"\n", cluster.url(name))
    };
    std::fs::write(&file, database(MAIN, "0") + &database("slow", "1")).unwrap();
    let flags = format!("--shards 2 --postgres-every-ms 5 --config {}", file.display());
    let mut server = Server::start(Options::new().with(&flags));
    let mut client = server.connect();
    let auctions = Item::new().open_spread(&mut client, 8);
    copy::wait_until_caught_up(&cluster, &[MAIN, "slow"], &server);
    // It answers, and takes as long for a batch as this is held.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let holder = runtime.block_on(async {
        let holder = cluster.connect("slow").await.unwrap();
        holder.batch_execute("BEGIN; SELECT FROM gavel.cursors FOR UPDATE").await.unwrap();
        holder
    });
    let storm = Storm::start(&server, &auctions, 2);
    storm.wait_for_accepted(3_000);
    let placed = storm.end();
    let durable = copy::durable(&server);
    let fast = ShardId(0);
    wait::until("the fast one", || (copy::cursors(&cluster, &[MAIN])[&fast] == durable[&fast]).then_some(()));
    let there = placed.iter().filter(|bid| bid.auction.shard() == fast).count();
    assert_eq!(cluster.value(MAIN, "SELECT count(*) FROM gavel.bids"), there.to_string());
    wait::until("the slow one to be behind", || {
        (copy::fact(&mut client, "postgres_shard1", "lag_events").as_deref() != Some("0")).then_some(())
    });
    assert_eq!(copy::fact(&mut client, "postgres_shard1", "state").as_deref(), Some("following"));
    assert_eq!(copy::fact(&mut client, "postgres_database_slow", "failures").as_deref(), Some("0"));
    drop((holder, runtime));
    copy::wait_until_caught_up(&cluster, &[MAIN, "slow"], &server);
    server.terminate();
    copy::assert_equal(&cluster, &[MAIN, "slow"], server.data());
    copy::assert_acknowledged(&cluster, &[MAIN, "slow"], &placed);
}

#[test]
fn a_paused_postgres_and_an_ended_connection_are_got_over() {
    let cluster = Cluster::fresh(&[]);
    let flags = format!("--shards 2 --postgres-every-ms 5 --postgres {}", cluster.url(MAIN));
    let mut server = Server::start(Options::new().with(&flags));
    let auctions = Item::new().open_spread(&mut server.connect(), 8);
    let storm = Storm::start(&server, &auctions, 2);
    storm.wait_for_accepted(1_000);
    cluster.signal_all(Signal::STOP);
    storm.wait_for_accepted(10_000);
    cluster.signal_all(Signal::CONT);
    for _ in 0..10 {
        let end =
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'gavel'";
        drop(cluster.value(MAIN, end));
        pause(3);
    }
    drop(storm.end());
    copy::wait_until_caught_up(&cluster, &[MAIN], &server);
    assert_eq!(cluster.value(MAIN, "SELECT count(*) FROM gavel.parked"), "0");
    server.terminate();
    copy::assert_equal(&cluster, &[MAIN], server.data());
}
