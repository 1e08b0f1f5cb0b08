//! Goal: rows are of one log. Whatever writes (the flusher in a server, the flusher alone, delivering again, filling) refuses rows of another,
//! also where positions alone would not tell it; and after a restore of the log it is clear what goes on and what is to be done.
//!
//! Method: real servers on data directories of their own and a real PostgreSQL. The wrong log has grown past the cursor within the same
//! epoch. A backup is restored; one database is as of the backup, one goes beyond it.

use gavel_core::{Lsn, ShardId};
use gavel_tests::process::Process;
use gavel_tests::tool::{expect, json, run};
use gavel_tests::{Client, Cluster, Item, Options, Server, backup, binaries, copy, wait};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::process::Command;

const DB: &str = "postgres";

fn start(more: &str) -> Server {
    Server::start(Options::new().with(&format!("--shards 2 --postgres-every-ms 5{more}")))
}

/// So many bids in each of eight auctions of both shards.
fn bid(client: &mut Client, count: u64) {
    for auction in Item::new().open_spread(client, 8) {
        for bid in 0..count {
            client.bid(auction, 1 + bid % 3, 2_000 + 700 * bid);
        }
    }
}

fn wait_until_refused(client: &mut Client) {
    for shard in ["postgres_shard0", "postgres_shard1"] {
        wait::until("the refusal", || {
            (copy::fact(client, shard, "state").as_deref() == Some("refused")).then_some(())
        });
    }
}

fn flush(cluster: &Cluster, database: &str, server: &Server) -> Process {
    let mut command = Command::new(binaries::gavel());
    command.args(["flush", "--postgres", &cluster.url(database), "--postgres-every-ms", "5"]);
    command.args(["--server", &server.address().to_string()]);
    Process::start(&mut command, &server.data().with_file_name(format!("flush-{database}.log")))
}

fn stop(mut flusher: Process) -> String {
    flusher.signal(Signal::TERM);
    assert!(flusher.wait().success(), "{}", flusher.output());
    flusher.output()
}

/// Everything that a wrong log could change.
fn contents(cluster: &Cluster) -> Vec<String> {
    let tables = ["auctions", "bids", "maxima", "events", "shard_events", "parked", "republish_runs"];
    let rows = tables.map(|table| {
        cluster.value(
            DB,
            &format!(
                "SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM gavel.{table} t"
            ),
        )
    });
    let cursors = cluster.value(
        DB,
        "SELECT string_agg((shard, epoch, lsn, log)::text, ' ' ORDER BY shard) FROM gavel.cursors",
    );
    rows.into_iter().chain([cursors]).collect()
}

#[test]
fn rows_of_another_log_that_has_grown_past_the_cursor_are_refused_by_whatever_writes() {
    let cluster = Cluster::fresh(&[]);
    let postgres = format!(" --postgres {}", cluster.url(DB));
    let mut own = start(&postgres);
    bid(&mut own.connect(), 3);
    copy::wait_until_caught_up(&cluster, &[DB], &own);
    let id = own.connect().info("persistence", "log_id");
    own.terminate();
    assert_eq!(cluster.value(DB, "SELECT string_agg(DISTINCT log::text, ' ') FROM gavel.cursors"), id);

    let mut other = start("");
    bid(&mut other.connect(), 30);
    let longer = copy::durable(&other);
    assert!(copy::cursors(&cluster, &[DB]).iter().all(|(shard, lsn)| longer[shard] > *lsn));
    assert_ne!(other.connect().info("persistence", "log_id"), id);
    assert_eq!(other.connect().info("persistence", "epoch"), "1");
    let before = contents(&cluster);

    let flusher = flush(&cluster, DB, &other);
    wait::until("the flusher to refuse", || flusher.output().contains("were made of log").then_some(()));
    let _said = stop(flusher);
    let at = format!("--data {} --postgres {}", other.data().display(), cluster.url(DB));
    let verified = expect(&format!("verify postgres {at}"), 1);
    assert!(verified.err.contains(&id), "{verified:?}");
    for words in ["--missing", "--dry-run", ""] {
        let refused = expect(&format!("republish --to postgres {words} {at}"), 1);
        assert!(refused.err.contains(&id) && refused.err.contains("gavel rebuild postgres"), "{refused:?}");
    }
    // One that was begun and not finished would be gone on with.
    assert!(cluster.sql(DB, "INSERT INTO gavel.rebuild (shards) VALUES ('{0,1}')").is_empty());
    let refused = expect(&format!("rebuild postgres {at}"), 1);
    assert!(refused.err.contains(&id), "{refused:?}");
    assert!(cluster.sql(DB, "DELETE FROM gavel.rebuild").is_empty());
    let data = other.data().to_owned();
    other.terminate();

    let flags = format!("--shards 2{postgres}");
    let mut wrong = Server::start(Options::new().with(&flags).data(&data));
    wait_until_refused(&mut wrong.connect());
    bid(&mut wrong.connect(), 1);
    assert!(wrong.log().contains("were made of log"), "{}", wrong.log());
    wrong.terminate();
    // A run of `republish` is recorded before it is refused; of rows nothing has changed.
    let runs = "DELETE FROM gavel.republish_runs";
    assert!(cluster.sql(DB, runs).is_empty());
    assert_eq!(contents(&cluster), before);

    own.restart();
    bid(&mut own.connect(), 3);
    copy::wait_until_caught_up(&cluster, &[DB], &own);
    own.terminate();
    copy::assert_equal(&cluster, &[DB], own.data());
}

#[test]
fn rows_of_an_earlier_version_are_of_the_log_that_goes_on_from_their_cursor() {
    let cluster = Cluster::fresh(&[]);
    let mut server = start(&format!(" --postgres {}", cluster.url(DB)));
    bid(&mut server.connect(), 3);
    copy::wait_until_caught_up(&cluster, &[DB], &server);
    let id = server.connect().info("persistence", "log_id");
    server.terminate();
    assert!(cluster.sql(DB, "UPDATE gavel.cursors SET log = NULL").is_empty());
    // As an earlier version has left the directory, too.
    std::fs::remove_file(server.data().join("identity")).unwrap();
    server.restart();
    bid(&mut server.connect(), 1);
    copy::wait_until_caught_up(&cluster, &[DB], &server);
    let now = server.connect().info("persistence", "log_id");
    assert_ne!(now, id);
    assert_eq!(cluster.value(DB, "SELECT string_agg(DISTINCT log::text, ' ') FROM gavel.cursors"), now);
    server.terminate();
    copy::assert_equal(&cluster, &[DB], server.data());
}

#[test]
fn a_restored_log_goes_on_where_rows_are_of_it_and_is_refused_where_they_go_beyond_it() {
    let cluster = Cluster::fresh(&[]);
    cluster.create_database("behind");
    let folder = tempfile::tempdir().unwrap();
    let (saved, data) = (folder.path().join("backup"), folder.path().join("restored"));
    let mut server = start(&format!(" --postgres {}", cluster.url(DB)));
    bid(&mut server.connect(), 3);
    let id = server.connect().info("persistence", "log_id");
    let flusher = flush(&cluster, "behind", &server);
    copy::wait_until_caught_up(&cluster, &["behind"], &server);
    let _said = stop(flusher);
    let _positions = backup::copy(&saved, server.data());
    bid(&mut server.connect(), 3);
    copy::wait_until_caught_up(&cluster, &[DB], &server);
    server.kill9();
    let beyond = copy::cursors(&cluster, &[DB]);

    let _positions = backup::restore(&saved, &data);
    let flags = format!("--shards 2 --postgres-every-ms 5 --postgres {}", cluster.url(DB));
    let mut server = Server::start(Options::new().with(&flags).data(&data));
    let mut client = server.connect();
    assert_eq!(client.info("persistence", "log_id"), id, "it is the same log");
    wait_until_refused(&mut client);
    // Also once the log has grown past it: in another epoch.
    while copy::durable(&server).iter().any(|(shard, lsn)| *lsn <= beyond[shard]) {
        bid(&mut client, 5);
    }
    wait_until_refused(&mut client);
    assert_eq!(copy::cursors(&cluster, &[DB]), beyond);
    let said = server.log();
    assert!(said.contains("GAP") && said.contains("gavel rebuild postgres"), "{said}");
    let flusher = flush(&cluster, "behind", &server);
    copy::wait_until_caught_up(&cluster, &["behind"], &server);
    let _said = stop(flusher);
    server.terminate();
    copy::assert_equal(&cluster, &["behind"], &data);

    // What is to be done.
    let at = format!("--data {} --postgres {}", data.display(), cluster.url(DB));
    let refused = expect(&format!("rebuild postgres {at}"), 1);
    assert!(refused.err.contains("DROP SCHEMA gavel CASCADE"), "{refused:?}");
    assert!(cluster.sql(DB, "ALTER SCHEMA gavel RENAME TO gavel_before_restore").is_empty());
    assert_eq!(json(&format!("rebuild postgres {at}"), 0)[0]["complete"], true);
    // The server remembers the other one.
    for shard in 0..2 {
        let _said = expect(&format!("postgres assign --shard {shard} --to main {at}"), 0);
    }
    let mut server = Server::start(Options::new().with(&flags).data(&data));
    bid(&mut server.connect(), 3);
    copy::wait_until_caught_up(&cluster, &[DB], &server);
    server.terminate();
    copy::assert_equal(&cluster, &[DB], &data);
    let verified = run(&format!("verify postgres {at}"));
    assert_eq!(verified.code, 0, "{verified:?}");
}

/// True once a follower from this position on is refused: what comes next is gone.
fn is_gone(server: &Server, shard: ShardId, after: Lsn) -> bool {
    let mut client = server.connect();
    client.line("HELLO 3");
    client.line(&format!("FOLLOW {shard} {shard}-1-{}", after.0)).code() == Some("GAP")
}

/// The numbers in the names of the files of each shard, ascending.
fn firsts(server: &Server, folder: &str) -> BTreeMap<String, Vec<String>> {
    let mut firsts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in std::fs::read_dir(server.data().join(folder)).into_iter().flatten() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some((shard, rest)) = name.split_once('-') else { continue };
        // What is being written has a name of its own.
        if let Some((first, "arc" | "snap")) = rest.split_once('.') {
            firsts.entry(shard.to_owned()).or_default().push(first.to_owned());
        }
    }
    firsts.values_mut().for_each(|firsts| firsts.sort());
    firsts
}

#[test]
fn a_cursor_behind_the_archive_says_gap_and_how_to_go_on() {
    let cluster = Cluster::fresh(&[]);
    let flags =
        "--snapshot-every-s 1 --snapshot-every-records 1000 --log-max-mb 64 --archive-max-mb 1 --shards 2";
    let mut server = Server::start(Options::new().with(flags));
    bid(&mut server.connect(), 3);
    let flusher = flush(&cluster, DB, &server);
    copy::wait_until_caught_up(&cluster, &[DB], &server);
    let _said = stop(flusher);
    let behind = copy::cursors(&cluster, &[DB]);
    // A file goes once even the older snapshot of its shard needs it no more, and another one has begun.
    wait::until("snapshots beyond the first file of an archive", || {
        drop(backup::bids(&server, 20_000));
        let (files, snapshots) = (firsts(&server, "archive"), firsts(&server, "snapshots"));
        files.iter().find(|(shard, files)| {
            let older = snapshots.get(*shard).and_then(|snapshots| snapshots.first());
            files.len() > 1 && older > Some(&files[1])
        })?;
        Some(())
    });
    // Old files are removed once a minute, and soon after a start.
    server.terminate();
    server.restart();
    let gone = wait::until("what comes next to be gone", || {
        behind.iter().find(|(shard, lsn)| is_gone(&server, **shard, **lsn)).map(|(shard, _)| *shard)
    });
    let flusher = flush(&cluster, DB, &server);
    wait::until("the gap to be told", || flusher.output().contains("GAP").then_some(()));
    let said = stop(flusher);
    assert!(said.contains("gavel rebuild postgres") && said.contains("--from-oldest"), "{said}");
    assert_eq!(copy::cursors(&cluster, &[DB])[&gone], behind[&gone]);

    // What is to be done.
    let at = format!("--data {} --postgres {}", server.data().display(), cluster.url(DB));
    assert!(cluster.sql(DB, "DROP SCHEMA gavel CASCADE").is_empty());
    let refused = expect(&format!("rebuild postgres {at}"), 1);
    assert!(refused.err.contains("--from-oldest") && refused.err.contains("backup"), "{refused:?}");
    assert_eq!(json(&format!("rebuild postgres --from-oldest {at}"), 0)[0]["complete"], true);
    let flusher = flush(&cluster, DB, &server);
    bid(&mut server.connect(), 3);
    copy::wait_until_caught_up(&cluster, &[DB], &server);
    let _said = stop(flusher);
    assert_eq!(cluster.value(DB, "SELECT count(*) FROM gavel.parked"), "0");
    server.terminate();
    let _alike = expect(&format!("verify postgres {at}"), 0);
}
