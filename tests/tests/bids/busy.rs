//! Goal: a server that has no credit left says BUSY at once, to those it has none for, and recovers.
//!
//! Method: a server with little credit gets thousands of bids in one write. Every one of them is answered, in order, with a receipt
//! or BUSY; the receipts are the auction's bids; afterwards a bid is accepted as ever.

use gavel_tests::client::{encode, words};
use gavel_tests::fixtures::{OPENING_PRICE, STEP};
use gavel_tests::{Item, Options, Receipt, Reply, Server};
use std::io::Write;

const BIDS: u64 = 20_000;

#[test]
fn without_credit_bids_are_refused_at_once_and_later_ones_accepted() {
    let server = Server::start(Options::new().with("--credit 64"));
    let auction = Item::new().open(&mut server.connect());
    let bytes: Vec<u8> = (0..BIDS)
        .flat_map(|round| {
            encode(&words(&format!("BID {auction} {} {}", round % 7, OPENING_PRICE + round * 2 * STEP)))
        })
        .collect();
    let (mut writer, mut reader) = server.connect().split();
    let sender = std::thread::spawn(move || writer.write_all(&bytes));
    let replies: Vec<Reply> = (0..BIDS).map(|_| Reply::read(&mut reader).unwrap()).collect();
    sender.join().unwrap().unwrap();
    let accepted = replies.iter().filter_map(Receipt::accepted).count() as u64;
    let busy = replies.iter().filter(|reply| reply.code() == Some("BUSY")).count() as u64;
    assert_eq!(
        accepted + busy,
        BIDS,
        "neither accepted nor BUSY: {:?}",
        replies.iter().find(|reply| is_other(reply))
    );
    assert!(busy > 0, "credit for 64 bids held {BIDS}");
    assert!(accepted >= 64, "only {accepted} bids found credit for 64");
    let mut client = server.connect();
    assert_eq!(client.auction(auction)["bid_count"].as_u64(), Some(accepted), "BUSY bids must not count");
    client.bid(auction, 99, OPENING_PRICE + BIDS * 3 * STEP);
}

fn is_other(reply: &Reply) -> bool {
    reply.code().is_some_and(|code| code != "BUSY")
}
