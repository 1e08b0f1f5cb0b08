//! Goal: "why was I refused?" has an answer, whatever becomes of the server afterwards, and the journal never gets in anybody's way.
//!
//! Method: refusals over TCP, then a stop in order or a kill -9, and the journal read from the data directory as `gavel log explain`
//! reads it. A full disk under the journal alone. Counters in INFO say what was written, dropped and lost.

use gavel_core::AuctionId;
use gavel_log::attempts::{Attempt, DIR, read};
use gavel_tests::tmpfs::Tmpfs;
use gavel_tests::{Client, Item, Options, Reply, Server, wait};
use std::path::Path;

fn attempts(data: &Path, auction: AuctionId) -> Vec<Attempt<'static>> {
    read(data, Some(auction)).unwrap().map(Result::unwrap).collect()
}

fn count(client: &mut Client, field: &str) -> u64 {
    client.info("stats", field).parse().unwrap()
}

/// An auction with one bid, so that every bid of 1 is too low.
fn auction(client: &mut Client) -> AuctionId {
    let auction = Item::new().open(client);
    client.bid(auction, 1, 5_000);
    auction
}

fn refuse(client: &mut Client, auction: AuctionId, times: usize) -> Vec<Reply> {
    let replies = client.pipeline(&vec![format!("BID {auction} 2 1"); times]).unwrap();
    assert!(replies.iter().all(|reply| reply.code() == Some("TOOLOW")), "{:?}", replies.first());
    replies
}

#[test]
fn what_is_said_is_what_is_written() {
    let mut server = Server::start(Options::new());
    let mut client = server.connect();
    let (auction, other) = (auction(&mut client), auction(&mut client));
    let replies = refuse(&mut client, auction, 1);
    refuse(&mut client, other, 3);
    let sold = client.line(&format!("BUYNOW {auction} 3"));
    assert_eq!(sold.code(), Some("STATE"));
    server.terminate();
    let found = attempts(server.data(), auction);
    let said: Vec<_> = found.iter().map(|attempt| format!("{} {}", attempt.code, attempt.words)).collect();
    let Reply::Error(too_low) = &replies[0] else { panic!("{replies:?}") };
    let Reply::Error(state) = &sold else { panic!("{sold:?}") };
    assert_eq!(said, [too_low.as_str(), state.as_str()]);
    assert_eq!(found[0].shard, auction.shard());
    assert_eq!(attempts(server.data(), other).len(), 3);
}

#[test]
fn a_stop_in_order_loses_nothing_that_was_queued() {
    let mut server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = auction(&mut client);
    // Fewer than the queue holds, so that none is dropped, and told to stop before the journal's thread looks again.
    refuse(&mut client, auction, 5_000);
    server.terminate();
    assert_eq!(attempts(server.data(), auction).len(), 5_000);
}

#[test]
fn a_kill_loses_at_most_what_was_not_written() {
    let mut server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = auction(&mut client);
    for round in 1..=gavel_tests::rounds(5) {
        refuse(&mut client, auction, 500);
        let written = wait::until("the journal to be written", || {
            let written = count(&mut client, "attempts_written");
            (written >= 500).then_some(written)
        });
        refuse(&mut client, auction, 500);
        server.kill9();
        let found = attempts(server.data(), auction).len() as u64;
        assert!(
            found >= u64::from(round) * 500,
            "round {round}: {found} are left of at least {written} written"
        );
        server.restart();
        client = server.connect();
    }
}

#[test]
fn a_storm_of_refusals_says_how_many_it_has_lost() {
    const STORM: u64 = 200_000;
    let mut server = Server::start(Options::new().with("--attempts-max-mb 1"));
    let mut client = server.connect();
    let auction = auction(&mut client);
    refuse(&mut client, auction, STORM as usize);
    wait::until("all to be accounted for", || {
        let sum = count(&mut client, "attempts_written") + count(&mut client, "attempts_dropped");
        (sum == STORM).then_some(())
    });
    assert_eq!(count(&mut client, "attempts_failed"), 0);
    let folder = std::fs::read_dir(server.data().join(DIR)).unwrap();
    let bytes: u64 = folder.map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes <= 1 << 20, "{bytes} bytes are more than the setting allows");
    let answers = client.bid(auction, 3, 9_000);
    assert_eq!(answers.price, 5_100);
    server.terminate();
}

#[test]
fn a_full_disk_under_the_journal_stops_no_bid() {
    let disk = Tmpfs::mount(1);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    let journal = disk.path("attempts");
    std::fs::create_dir_all(&journal).unwrap();
    std::os::unix::fs::symlink(&journal, data.join(DIR)).unwrap();
    std::fs::write(disk.path("filler"), vec![1; 2 << 20]).unwrap_err();
    let mut server = Server::start(Options::new().data(&data));
    let mut client = server.connect();
    let auction = auction(&mut client);
    for round in 1..=3 {
        refuse(&mut client, auction, 1_000);
        let failed = || (count(&mut client, "attempts_failed") >= round * 900).then_some(());
        wait::until("the journal to fail", failed);
    }
    client.bid(auction, 3, 9_000);
    let said = server.log().matches("refused commands are not written down").count();
    assert_eq!(said, 1, "it is said once, not {said} times");
    std::fs::remove_file(disk.path("filler")).unwrap();
    refuse(&mut client, auction, 7);
    wait::until("the journal to be written again", || (!attempts(&data, auction).is_empty()).then_some(()));
    server.terminate();
    assert!(server.log().contains("the journal of attempts can be written again"));
}

#[test]
fn a_size_of_0_keeps_no_journal() {
    let mut server = Server::start(Options::new().with("--attempts-max-mb 0"));
    let mut client = server.connect();
    let auction = auction(&mut client);
    refuse(&mut client, auction, 10);
    server.terminate();
    assert!(!server.data().join(DIR).exists());
}
