//! Goal: what recovery builds from the log is what was there before.
//!
//! Method: a storm of bids and one of each other command, over several shards; then the state digests and every auction as shown
//! are compared before and after a stop in order, and after a kill. During recovery commands are answered LOADING or
//! rightly, never wrongly.

use gavel_core::AuctionId;
use gavel_tests::fixtures::SELLER;
use gavel_tests::{Item, Options, Server, Storm, wait};
use serde_json::Value;

const AUCTIONS: usize = 60;
const SHARDS: u8 = 3;

#[test]
fn the_state_after_recovery_is_the_state_before() {
    let mut server = Server::start(Options::new().with(&format!("--shards {SHARDS}")));
    let auctions = eventful_auctions(&server);
    let before = state(&server, &auctions);
    server.terminate();
    server.restart();
    assert_eq!(state(&server, &auctions), before, "after a stop in order");
    server.kill9();
    server.restart();
    assert_eq!(state(&server, &auctions), before, "after a kill");
}

#[test]
fn while_recovering_commands_are_answered_loading_or_rightly() {
    let mut server = Server::start(Options::new());
    let auctions = Item::new().open_many(&mut server.connect(), AUCTIONS);
    let storm = Storm::start(&server, &auctions, 4);
    storm.wait_for_accepted(200_000);
    drop(storm.end());
    let before = server.connect().auction(auctions[0]);
    server.kill9();
    server.restart_recovering();
    let mut client = server.connect();
    let after = wait::until("the end of recovery", || {
        let reply = client.line(&format!("AUCTION GET {}", auctions[0]));
        (reply.code() != Some("LOADING")).then(|| reply.json())
    });
    assert_eq!(after, before);
}

/// Everything that can happen to an auction before its end, and bids.
fn eventful_auctions(server: &Server) -> Vec<AuctionId> {
    let mut client = server.connect();
    let item = Item::new()
        .with("retraction", serde_json::json!({"until_s": 0}))
        .with("reserve_price", 50_000_000)
        .with("buy_now", serde_json::json!({"price": 9_000_000_000_000_u64, "policy": "always"}));
    let auctions = item.open_many(&mut client, AUCTIONS);
    let storm = Storm::start(server, &auctions, 2);
    storm.wait_for_accepted(20_000);
    drop(storm.end());
    let id = auctions[0];
    let retracted = client.bid(auctions[1], 5, 1_000_000_000).bid;
    client.bid(auctions[2], 101, 1_000_000_000);
    let commands = [
        format!("RETRACT {} {retracted} mistake", auctions[1]),
        format!("REMOVE {} 101 fraud", auctions[2]),
        format!("AUCTION END {}", auctions[3]),
        format!("AUCTION CANCEL {} withdrawn", auctions[4]),
        format!("AUCTION LOWER-RESERVE {} 2000", auctions[5]),
        format!("AUCTION EDIT {} {{\"note\":\"scratched\"}}", auctions[6]),
        format!("BUYNOW {} 6", auctions[7]),
        format!("AUCTION PAID {}", auctions[7]),
        format!("BAN 102 AUCTION {}", auctions[8]),
        format!("BAN 103 SELLER {SELLER}"),
        "BAN 104".to_owned(),
        format!("BID {id} 105 2000000000"),
    ];
    for command in commands {
        let reply = client.line(&command);
        assert_eq!(reply.code(), None, "{command}: {reply:?}");
    }
    auctions
}

/// The digests of all shards, and all auctions as everybody sees them.
fn state(server: &Server, auctions: &[AuctionId]) -> (Vec<String>, Vec<Value>) {
    let mut client = server.connect();
    let shards = 0..SHARDS;
    let digests = shards.map(|shard| digest(&client.info("digest", &format!("shard{shard}")))).collect();
    (digests, auctions.iter().map(|&auction| client.auction(auction)).collect())
}

/// The digest among a shard's facts.
fn digest(facts: &str) -> String {
    let digest = facts.split(',').find_map(|fact| fact.strip_prefix("digest="));
    digest.unwrap_or_else(|| panic!("no digest in {facts}")).to_owned()
}
