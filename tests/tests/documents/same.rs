//! Holding documents, as a reader gets them, against what the log says.

use gavel_core::{Auction, AuctionId, Event, EventKind, Position};
use gavel_tests::storm::Placed;
use gavel_tests::{Http, Server, wait};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Waits until the documents have everything that the server has acknowledged: `queries` answers for each shard's durable end.
pub(crate) fn wait_until_caught_up(server: &Server, queries: SocketAddr) {
    let shards = Http::connect(server.http()).get("/v1/shards").expect(200).json();
    let epoch = server.connect().line("INFO persistence");
    let epoch = epoch.text().lines().find_map(|line| line.strip_prefix("epoch:")).unwrap().trim().to_owned();
    for shard in shards["shards"].as_array().unwrap() {
        let position = format!("{}-{epoch}-{}", shard["shard"], shard["durable"]);
        wait::until("the documents", || {
            let demand = format!("Gavel-At-Least: {position}");
            let answer =
                Http::connect(queries).call("GET", "/v1/auctions?state=open&limit=1", &[&demand], b"");
            (answer.status == 200).then_some(())
        });
    }
}

/// The document of an auction.
pub(crate) fn document(http: &mut Http, auction: AuctionId) -> Value {
    http.get(&format!("/v1/auctions/{auction}?view=document")).expect(200).json()
}

/// All bids of an auction as documents, latest first, read page by page.
pub(crate) fn bids(http: &mut Http, auction: AuctionId) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let mut page = http.get(&format!("/v1/auctions/{auction}/bids?limit=100{after}")).expect(200).json();
        all.append(page["items"].as_array_mut().unwrap());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

/// Every document of every auction says what its events in the log say.
pub(crate) fn assert_as_the_log(http: &mut Http, log: &BTreeMap<AuctionId, Vec<Event>>) {
    for (id, events) in log {
        let engine = replayed(events);
        let view = engine.view();
        let shown = document(http, *id);
        let of_document =
            ["version", "bid_count", "bidder_count", "price"].map(|field| shown[field].as_u64());
        let expected = [
            Some(u64::from(view.seq.0)),
            Some(u64::from(view.bid_count)),
            Some(u64::from(view.bidder_count)),
            view.price.map(gavel_core::Amount::get),
        ];
        assert_eq!(of_document, expected, "{id}: {shown}");
        assert_eq!(shown["state"], view.state.name(), "{id}");
        assert_eq!(shown["leader"].as_u64(), view.leader.map(|leader| pseudonym(events, leader)), "{id}");
        assert_bids(http, *id, events);
    }
}

fn replayed(events: &[Event]) -> Auction {
    let (first, rest) = events.split_first().expect("an auction is opened");
    // Where the records lie is not compared.
    let position = Position::start(first.auction.shard());
    let mut auction = Auction::from_opened(first, position).expect("the first event opens it");
    rest.iter().for_each(|event| auction.apply(event, position));
    auction
}

/// What a bidder is called in documents: the number of their first accepted bid.
fn pseudonym(events: &[Event], bidder: gavel_core::AccountId) -> u64 {
    let is_first = |event: &&Event| match &event.kind {
        EventKind::BidAccepted(bid) => bid.bidder == bidder,
        EventKind::BoughtNow { buyer, .. } => *buyer == bidder,
        _ => false,
    };
    u64::from(events.iter().find(is_first).expect("a leader has bid").seq.0)
}

/// One document for each accepted bid, none missing, none twice.
fn assert_bids(http: &mut Http, auction: AuctionId, events: &[Event]) {
    let accepted = events.iter().rev().filter_map(|event| match &event.kind {
        EventKind::BidAccepted(bid) => Some((u64::from(event.seq.0), bid.price.get())),
        _ => None,
    });
    let shown = bids(http, auction);
    let shown = shown.iter().map(|bid| {
        let seq = bid["id"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap();
        (seq, bid["price"].as_u64().unwrap())
    });
    assert_eq!(shown.collect::<Vec<_>>(), accepted.collect::<Vec<(u64, u64)>>(), "{auction}");
}

/// Every bid that was acknowledged is among the documents.
pub(crate) fn assert_acknowledged(http: &mut Http, placed: &[Placed]) {
    let mut by_auction: BTreeMap<AuctionId, Vec<String>> = BTreeMap::new();
    for bid in placed {
        let shown = by_auction.entry(bid.auction).or_insert_with(|| {
            bids(http, bid.auction).iter().map(|bid| bid["bid_id"].as_str().unwrap().to_owned()).collect()
        });
        let id = gavel_tests::fixtures::bid_id(bid.number).to_string();
        assert!(shown.contains(&id), "{id} was acknowledged, and has no document");
    }
}
