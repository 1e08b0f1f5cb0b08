//! Goal: bids without ids are found behind their seqs, and only they. Method: a server of a few lines that has bids
//! at some seqs and answers as the rules say: the receipt for the same content, a refusal for any other.

use super::*;
use crate::terms::{KnownTerms, TermsPlan};
use crate::verify::book::BookedAuction;
use gavel_core::{Amount, AuctionId, Epoch, Lsn, Position, ShardId, Standing, Timestamp};
use gavel_wire::{Code, Decoder, Item, reply};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

fn auction() -> AuctionId {
    AuctionId::new(20_780, ShardId(3), 1).unwrap()
}

fn receipt(seq: u32) -> Receipt {
    Receipt {
        standing: Standing::Leading,
        price: Amount::new(1_000).unwrap(),
        min_next: Amount::new(1_100).unwrap(),
        ends_at: Timestamp::from_micros(5).unwrap(),
        bid: BidId::assigned(auction(), Seq(seq)),
        position: Position { shard: ShardId(3), epoch: Epoch(1), lsn: Lsn(u64::from(seq)) },
    }
}

/// Serves one connection: an auction of `last` records, with bids of (seq, bidder, amount).
fn serve(last: u32, bids: &'static [(u32, &str, &str)]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut input, mut decoder) = (Vec::new(), Decoder::new());
        let mut some = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut some) {
            input.extend_from_slice(&some[..count]);
            let mut out = Vec::new();
            loop {
                let step = decoder.decode(&input).unwrap();
                match step.item {
                    Item::Command(args) => answer(&mut out, last, bids, &args.iter().collect::<Vec<_>>()),
                    _ => break,
                }
                let consumed = step.consumed;
                input.drain(..consumed);
            }
            stream.write_all(&out).unwrap();
        }
    });
    address
}

fn answer(out: &mut Vec<u8>, last: u32, bids: &[(u32, &str, &str)], args: &[&[u8]]) {
    if args[0] == b"AUCTION" {
        let count = bids.len();
        let json = format!(
            r#"{{"state": "open", "price": 1, "min_next": 2, "leader": "1", "bid_count": {count}, "seq": {last},
                "reserve_status": "none", "ends_at": "2026-11-23T00:00:00Z", "position": "3-1-9",
                "at": "2026-11-22T00:00:00Z"}}"#
        );
        return reply::bulk(out, json.as_bytes());
    }
    let (_, seq) = BidId::parse(args[5]).unwrap().as_assigned().unwrap();
    match bids.iter().find(|bid| bid.0 == seq.0) {
        Some(bid) if (bid.1.as_bytes(), bid.2.as_bytes()) == (args[2], args[3]) => {
            reply::receipt(out, &receipt(seq.0))
        }
        Some(_) => reply::error(out, Code::IdConflict, "another bid has this id"),
        None => reply::error(out, Code::Invalid, "an assigned id can't be chosen"),
    }
}

/// A book that knows bid 7/1000 at seq 3, sent long ago, and these unknown ones.
fn book(unknown: &[(u64, u64)]) -> Book {
    let terms = KnownTerms::parse(&TermsPlan::standard(true).json(0, 0)).unwrap();
    let mut book =
        Book { auctions: vec![BookedAuction { id: auction(), terms, is_complete: true }], ..Book::default() };
    let bid = |&(bidder, amount): &(u64, u64)| UnknownBid {
        auction: 0,
        bidder: AccountId::from_integer(bidder),
        amount,
        id: None,
        sent_us: 1_000,
    };
    let unknown: Vec<UnknownBid> = unknown.iter().map(bid).collect();
    let known = UnknownBid { sent_us: 10, ..bid(&(7, 1_000)) };
    let acked = AckedBid { acked_us: 20, ..acked(&known, &receipt(3), &Clock::start()) };
    book.unknown = unknown;
    book.acked.push(acked);
    book
}

#[test]
fn bids_without_ids_are_found_behind_their_seqs_and_the_others_were_refused() {
    let server = serve(8, &[(3, "7", "1000"), (5, "8", "1400"), (6, "8", "1400"), (8, "9", "2000")]);
    let mut book = book(&[(8, 1_400), (9, 2_000), (8, 1_400), (9, 3_000), (8, 1_400)]);
    let fates = resolve(&mut Link::new(server, Duration::from_secs(5)), &mut book).unwrap();
    assert_eq!((fates.accepted, fates.refused, fates.unresolved.len()), (3, 2, 0));
    let mut seqs: Vec<u32> = book.acked.iter().map(|bid| bid.id.as_assigned().unwrap().1.0).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, [3, 5, 6, 8]);
}

#[test]
fn a_bid_that_nobody_sent_is_not_taken_for_an_unknown_one() {
    let server = serve(6, &[(3, "7", "1000"), (5, "66", "9999")]);
    let mut book = book(&[(8, 1_400)]);
    let fates = resolve(&mut Link::new(server, Duration::from_secs(5)), &mut book).unwrap();
    assert_eq!((fates.accepted, fates.refused, fates.unresolved.len()), (0, 1, 0), "all seqs were asked for");
}
