//! Goal: a ban is in force everywhere when it is answered, and stays so.
//!
//! Method: auctions of several sellers on all shards, with connections that keep all shards busy. After the answer to BAN, the
//! banned bidder is refused in every auction of the ban's scope and accepted in every other; the same after a restart; and
//! accepted again everywhere after the answer to UNBAN.

use gavel_core::AuctionId;
use gavel_tests::{Client, Item, Options, Reply, Server, Storm};

const BIDDER: u64 = 42;
const AUCTIONS_EACH: usize = 16;

struct House {
    server: Server,
    seven: Vec<AuctionId>,
    eight: Vec<AuctionId>,
    next_amount: u64,
}

impl House {
    fn open() -> Self {
        let server = Server::start(Options::new().with("--shards 4"));
        let mut client = server.connect();
        let seven = open_for("7", &mut client);
        let eight = open_for("8", &mut client);
        let shards: std::collections::BTreeSet<_> =
            seven.iter().chain(&eight).map(|auction| auction.shard()).collect();
        assert!(shards.len() > 1, "the suite needs auctions on several shards, got {shards:?}");
        Self { server, seven, eight, next_amount: 1_000_000_000_000 }
    }

    /// Checks the outcome of a bid by [BIDDER] in each of the auctions.
    fn assert_bids(&mut self, auctions: &[AuctionId], refused: bool) {
        let mut client = self.server.connect();
        for &auction in auctions {
            self.next_amount += 1_000;
            let reply = client.line(&format!("BID {auction} {BIDDER} {}", self.next_amount));
            let expected = if refused { Some("BANNED") } else { None };
            assert_eq!(reply.code(), expected, "in {auction}: {reply:?}");
        }
    }

    fn command(&self, line: &str) {
        let reply = self.server.connect().line(line);
        assert_eq!(reply.code(), None, "{line}: {reply:?}");
    }
}

/// Auctions of one seller, spread over the shards by placement keys of their own.
fn open_for(seller: &str, client: &mut Client) -> Vec<AuctionId> {
    (0..AUCTIONS_EACH)
        .map(|number| {
            Item::new()
                .with("seller", seller)
                .with("placement_key", format!("{seller}:{number}"))
                .open(client)
        })
        .collect()
}

#[test]
fn a_ban_from_everything_is_in_force_everywhere_when_it_is_answered() {
    let mut house = House::open();
    let all: Vec<AuctionId> = house.seven.iter().chain(&house.eight).copied().collect();
    let storm = Storm::start(&house.server, &all, 2);
    storm.wait_for_accepted(1_000);
    for _ in 0..20 {
        house.assert_bids(&all, false);
        house.command(&format!("BAN {BIDDER}"));
        house.assert_bids(&all, true);
        house.command(&format!("UNBAN {BIDDER}"));
    }
    assert!(!storm.end().is_empty());
}

#[test]
fn a_sellers_ban_covers_that_sellers_auctions_and_survives_a_restart() {
    let mut house = House::open();
    let (seven, eight) = (house.seven.clone(), house.eight.clone());
    house.command(&format!("BAN {BIDDER} SELLER 7"));
    house.assert_bids(&seven, true);
    house.assert_bids(&eight, false);
    house.server.kill9();
    house.server.restart();
    house.assert_bids(&seven, true);
    house.assert_bids(&eight, false);
    house.command(&format!("UNBAN {BIDDER} SELLER 7"));
    house.assert_bids(&seven, false);
}

#[test]
fn a_ban_covers_auctions_that_open_later() {
    let house = House::open();
    house.command(&format!("BAN {BIDDER}"));
    let mut client = house.server.connect();
    for auction in open_for("9", &mut client) {
        assert_eq!(client.line(&format!("BID {auction} {BIDDER} 5000")).code(), Some("BANNED"));
    }
}

#[test]
fn an_auctions_ban_covers_that_auction_alone() {
    let mut house = House::open();
    let (banned, free) = (house.seven[0], house.seven[1..].to_vec());
    house.command(&format!("BAN {BIDDER} AUCTION {banned}"));
    house.assert_bids(&[banned], true);
    house.assert_bids(&free, false);
    house.server.kill9();
    house.server.restart();
    house.assert_bids(&[banned], true);
    house.command(&format!("UNBAN {BIDDER} AUCTION {banned}"));
    house.assert_bids(&[banned], false);
}

#[test]
fn lifting_a_ban_that_is_not_there_says_so() {
    let house = House::open();
    let mut client = house.server.connect();
    for line in [format!("UNBAN {BIDDER}"), format!("UNBAN {BIDDER} SELLER 7")] {
        let reply: Reply = client.line(&line);
        assert_eq!(reply.code(), Some("NOTFOUND"), "{line}: {reply:?}");
    }
}
