//! Goal: a consumer of the feed reads the log without a gap, a doubling or a reordering, however often it or the server is killed;
//! and it never reads what a server that was killed has not got.
//!
//! Method: bids, `feed_tail` in a process of its own, and in each round a SIGKILL of the server, the consumer or both at a moment
//! chosen by a seed. In the end, what the consumer has written down is held against the log, record by record. (A record that a
//! restarted server had not got would make the server refuse the consumer, or differ there.)

use gavel_core::ShardId;
use gavel_tests::server::unused_address;
use gavel_tests::{Item, Options, Server, Storm, Tail, records, rounds, wait};

const SEED: u64 = 0x5eed_0f33_d000_0003;

/// A small generator of its own (splitmix64), so that a round can be told by its number.
fn random(round: u32) -> u64 {
    let mut z = SEED.wrapping_add(u64::from(round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[test]
fn kills_of_both_sides_leave_no_gap_and_no_reordering() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(Options::new().at(unused_address()).with("--shards 3"));
    let program = env!("CARGO_BIN_EXE_feed_tail");
    let mut tail = Tail::start(program, server.address(), &folder.path().join("tail"), "tail");
    for round in 0..rounds(12) {
        let dice = random(round);
        // Auctions of their own, so that every bid of the round is high enough.
        let auctions = Item::new().open_spread(&mut server.connect(), 12);
        let (is_server_killed, is_tail_killed) = (!dice.is_multiple_of(4), !dice.is_multiple_of(3));
        let storm = Storm::start(&server, &auctions, 3);
        storm.wait_for_accepted(500 + (dice >> 8) % 4_000);
        if is_tail_killed {
            tail.kill9();
        }
        if is_server_killed {
            server.kill9();
            drop(storm.broken());
            // The consumer, where it lives, tries to connect meanwhile.
            server.restart();
        } else {
            drop(storm.end());
        }
        if is_tail_killed {
            tail.restart();
        }
        assert_eq!(tail.ended(), None, "round {round}: {}", tail.log());
    }
    wait_until_level(&server, &mut tail);
    tail.kill9();
    server.terminate();
    let log = records::by_shard(server.data());
    for (shard, lines) in tail.lines() {
        let of_log = &log[&shard];
        assert!(lines.len() <= of_log.len(), "shard {shard}: more records than the log has");
        // A stop in order writes no records: all must be there.
        let first_wrong = lines.iter().zip(of_log).find(|(read, written)| read != written);
        assert_eq!(first_wrong, None, "shard {shard}");
        assert_eq!(lines.len(), of_log.len(), "shard {shard}");
    }
    assert_eq!(log.len(), 3);
}

/// Waits until the consumer has all that is durable.
fn wait_until_level(server: &Server, tail: &mut Tail) {
    let mut client = server.connect();
    let durable = |client: &mut gavel_tests::Client, shard: u8| -> u64 {
        let facts = client.info("shards", &format!("shard{shard}"));
        let durable = facts.split(',').find_map(|fact| fact.strip_prefix("durable=")).unwrap();
        durable.parse().unwrap()
    };
    wait::until("the consumer to be level with the log", || {
        assert_eq!(tail.ended(), None, "{}", tail.log());
        let ends = tail.ends();
        let is_level = |shard: u8, client: &mut _| {
            ends.get(&ShardId(shard)).is_some_and(|end| end.0 == durable(client, shard))
        };
        (0..3).all(|shard| is_level(shard, &mut client)).then_some(())
    });
}
