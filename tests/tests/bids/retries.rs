//! Goal: a client that did not hear an answer can ask again, and nothing happens twice.
//!
//! Method: the same request with the same id, before and after a stop and a kill: the same answer, nothing new in the
//! auction. The same id with other content is refused. A refused id is judged anew.

use gavel_core::AuctionId;
use gavel_tests::fixtures::bid_id;
use gavel_tests::{Client, Item, Options, Receipt, Reply, Server};

const OPEN_ID: &str = "7f3a1c52-0d4e-4b5f-9a6b-1c2d3e4f5061";

#[test]
fn a_repeated_bid_gets_its_first_answer_again_even_after_restarts() {
    let mut server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    let first = client.line(&bid(auction, 1, 5_000, 1));
    client.bid(auction, 2, 9_000);
    let shown = client.auction(auction);
    assert_eq!(client.line(&bid(auction, 1, 5_000, 1)), first);
    assert_eq!(client.auction(auction), shown, "a repeated bid changes nothing");
    server.terminate();
    server.restart();
    assert_eq!(server.connect().line(&bid(auction, 1, 5_000, 1)), first);
    server.kill9();
    server.restart();
    assert_eq!(server.connect().line(&bid(auction, 1, 5_000, 1)), first);
    assert_eq!(server.connect().auction(auction), shown, "a repeated bid changes nothing");
}

#[test]
fn a_repeated_bid_on_the_same_connection_may_follow_at_once() {
    let server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    let same = vec![bid(auction, 1, 5_000, 1); 100];
    let replies = client.pipeline(&same).unwrap();
    assert!(replies.iter().all(|reply| *reply == replies[0]), "{replies:?}");
    assert_eq!(client.auction(auction)["bid_count"], 1);
}

#[test]
fn an_id_with_other_content_is_a_conflict() {
    let server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    Receipt::expect(&client.line(&bid(auction, 1, 5_000, 1)));
    for other in [bid(auction, 1, 5_100, 1), bid(auction, 2, 5_000, 1)] {
        assert_eq!(client.line(&other).code(), Some("IDCONFLICT"), "{other}");
    }
    let elsewhere = Item::new().open(&mut client);
    Receipt::expect(&client.line(&bid(elsewhere, 2, 6_000, 1)));
}

#[test]
fn a_refused_id_is_judged_anew() {
    let server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    assert_eq!(client.line(&bid(auction, 1, 10, 1)).code(), Some("TOOLOW"));
    Receipt::expect(&client.line(&bid(auction, 1, 5_000, 1)));
}

#[test]
fn an_id_of_the_engines_own_form_cannot_be_chosen() {
    let server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    let assigned = client.bid(auction, 1, 5_000).bid;
    let repeated = client.line(&format!("BID {auction} 1 5000 ID {assigned}"));
    assert_eq!(Receipt::expect(&repeated).bid, assigned, "the engine's id names the bid like any other");
    let next = gavel_core::BidId::assigned(auction, gavel_core::Seq(77));
    assert_eq!(client.line(&format!("BID {auction} 1 9000 ID {next}")).code(), Some("INVALID"));
}

#[test]
fn opening_is_idempotent_over_the_whole_process_and_over_restarts() {
    let mut server = Server::start(Options::new());
    let first = open(&mut server.connect(), &Item::new());
    assert_eq!(open(&mut server.connect(), &Item::new()), first);
    assert_eq!(
        open(&mut server.connect(), &Item::new().with("opening_price", 2_000)).code(),
        Some("IDCONFLICT")
    );
    server.kill9();
    server.restart();
    assert_eq!(open(&mut server.connect(), &Item::new()), first);
    assert_eq!(open(&mut server.connect(), &Item::new().with("seller", "8")).code(), Some("IDCONFLICT"));
}

#[test]
fn one_id_opened_by_many_at_once_opens_one_auction() {
    let server = Server::start(Options::new());
    let ids: Vec<Reply> = std::thread::scope(|scope| {
        let openers: Vec<_> =
            (0..16).map(|_| scope.spawn(|| open(&mut server.connect(), &Item::new()))).collect();
        openers.into_iter().map(|opener| opener.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0] && id.code().is_none()), "{ids:?}");
}

fn open(client: &mut Client, item: &Item) -> Reply {
    client.call(&["AUCTION", "OPEN", &item.json(), "ID", OPEN_ID])
}

fn bid(auction: AuctionId, bidder: u64, amount: u64, number: u64) -> String {
    format!("BID {auction} {bidder} {amount} ID {}", bid_id(number))
}
